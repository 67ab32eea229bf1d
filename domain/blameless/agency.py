"""Who did it, and who did not: blame that stands in a passive, in a clause with "who", or in what is asked of a person.

Read by `lint.py` after the narrower patterns, in the same language. The one thing to know: a person as the agent of a
thing that went wrong is blame in either voice, while the same passive without the harm is only a fact.
"""

from domain.blameless.findings import Level
from domain.blameless.patterns import NEGATED, Pattern, of

_DONE_TO = (
    r"(?:\w+ed|set|sent|put|cut|run|left|made|given|taken|chosen|picked|written|driven|shut|brought|pulled|drawn)"
)
_SO_THAT = (
    r"(?:causing|taking|bringing|breaking|knocking|leading|resulting|leaving|locking|wiping|sending|crashing|triggering|"
    r"and\s+(?:so|thus|hence|therefore|as\s+a\s+(?:result|consequence)|consequently)|which\s+(?:then\s+|in\s+turn\s+|\w+ly\s+)?"
    r"(?:caused|took|brought|broke|led|resulted|knocked|crashed|triggered|wiped|left|locked|meant))"
)
_NOT_DONE = r"(?:{DONE}|performed|carried\s+out|started|run|followed|executed|completed|respected|observed|enforced|kept|obtained|sought|conducted|taken\s+seriously|double[- ]checked)"
_DILIGENCE = r"(?:due\s+diligence|basic\s+(?:checks?|tests?|hygiene|steps?|care|precautions?)|proper\s+(?:care|checks?|tests?|testing|process|procedures?|review)|sanity\s+checks?|homework)"
_TELLS = (
    r"(?:tells?|told|asks?|asked|checks?|checked|reads?|listens?|listened|tests?|tested|informs?|informed|warns?|warned|"
    r"answers?|answered|documents?|documented|communicates?|communicated|reviews?|reviewed|mentions?|mentioned|"
    r"bothers?|bothered|escalates?|escalated|follows?|followed|verif(?:y|ies|ied)|learns?|learned|learnt|thinks?|thought|"
    r"looks?|looked|cares?|cared|cleans?\s+up|cleaned\s+up|replies|replied|responds?|responded|updates?\s+(?:the|us)|updated\s+(?:the|us))"
)
_UNFIT = r"(?:inexperienced|unskilled|untrained|incompetent|unqualified|clumsy|careless|overconfident|overeager|over-eager|sloppy|lazy|reckless|impatient|distracted|complacent|negligent|inattentive)"
_RETRAIN = r"(?:re-?train|re-?educate|discipline|reprimand|admonish|punish|sanction|fire|sack|demote|name\s+and\s+shame|crack\s+down\s+on|come\s+down\s+(?:hard\s+)?on)"
_RULES = r"(?:polic\w+|procedures?|process|rules?|protocol|guidelines?|standards?|instructions?|best\s+practices?|change\s+(?:control|management)|runbook|agreements?|requirements?|regulations?)"
_THING_OF_THEIRS = r"(?:'s?\s|\s+(?:pod|service|dashboard|tool|console|portal|api|bot)\b)"

AGENCY: tuple[Pattern, ...] = (
    # --- done by somebody, or not done by somebody ---
    *of(
        "counterfactual-passive",
        r"\b(?:was|were|is|are|had\s+been|has\s+been)(?:\s+not|n't|\s+never)\s+(?:\w+ly\s+|even\s+|once\s+)?" + _NOT_DONE + r"\b{NEAR}\bby\s+{SOME}",
        r"\b(?:never|not|n't)\s+(?:\w+ly\s+)?(?:been\s+)?" + _NOT_DONE + r"\s+{BY}{ANY}(?!" + _THING_OF_THEIRS + ")",
        r"\b" + _DILIGENCE + r"\s+(?:was|were|had|has)(?:\s+not|n't|\s+never)\b|\b(?:did|do|does|had|has)(?:n't|\s+not|\s+never)\s+(?:\w+\s+)?(?:do|done)\s+(?:\w+\s+){0,2}?" + _DILIGENCE + r"\b|\bwithout\s+(?:any\s+|even\s+|the\s+most\s+)*" + _DILIGENCE + r"\b|\b(?:failed|lacked|skipped|neglected)\s+(?:to\s+(?:do|perform)\s+)?(?:\w+\s+)?" + _DILIGENCE,
        r",?\s+\bas\s+(?:it|they|this|that|he|she|\ue000+|\ue002+)\s+should(?:\s+\w+ly)?(?:\s+have|'ve)\b",
        r"\b(?:like|than)\s+(?:it|they|he|she|\ue000+)\s+should(?:\s+have|'ve)\b",
        r"\bshould\s+(?:never|not)\s+have\s+been\s+(?:\w+ly\s+)?(?:allowed|permitted|let|given|trusted|hired|put|left|promoted|assigned|on[- ]call|in\s+charge|anywhere|near|working|doing|touching|running|merged|pushed|shipped|signed)\b",
        level=Level.WARNING,
        unless=r"\b(?:if|when|unless|until|while|because)\s+(?:[\w\ue000-\ue006-]+\s+){1,6}?(?:is|are)(?:\s+not|n't)\b",
    ),
    *of(
        "blame",
        r"\bwrong\s+(?:[\w-]+\s+){1,3}?(?:was|were|had\s+been|got)\s+(?:\w+ly\s+)?" + _DONE_TO + r"\b{NEAR}\bby\s+{SOME}(?!" + _THING_OF_THEIRS + ")",
        r"\b(?:was|were|had\s+been|got)\s+(?:\w+ly\s+)?" + _DONE_TO + r"\s+(?:[\w-]+\s+){0,4}?by\s+{SOME},?\s+(?:who\s+[^,.;]{1,60},\s+)?" + _SO_THAT + r"\b",
        r"\b(?:mistakes?|errors?|fault|oversight|slip|blunder|omission|typo)\s+(?:was|is|were|here\s+was)\s+(?:\w+ly\s+)?(?:{NAME}|{DET}{ANY}|his\b|hers\b|theirs\b|mine\b|ours\b)(?!\s+(?:who\s+(?:found|saw|noticed|reported|caught)|found|saw|noticed|caught|reported))",
        r"(?:{Q}|{P}){GAP}\s+(?:is|are|was|were|be)\s+(?:\w+ly\s+|also\s+|all\s+|partly\s+|the\s+\w+\s+)*(?:to\s+blame|at\s+fault|guilty|culpable|liable|accountable)\b",
        r"\b(?:case|example|instance|result|consequence|product|story|history|pattern)s?\s+of\s+{SOME}\s+(?:not|never|failing|forgetting|ignoring|refusing|skipping|rushing|breaking|assuming|neglecting|being|pushing|cutting)\b",
        r"\b(?:thanks|due|owing|down)\s+to\s+{SOME}(?:'s?)?\s+(?:not|never|failing|forgetting|ignoring|refusing|skipping|rushing|assuming|neglecting|being\s+(?:too|un\w+|asleep|careless)|having\s+(?:not|forgotten|ignored|skipped|failed|\w+ed\s+the\s+wrong))\b",
        r"\bno\s+thanks\s+to\s+{SOME}",
        r"\bbecause\s+{SOME}{GAP}\s+(?:would\s+not|wouldn't|was\s+too|were\s+too|thought\s+(?:he|she|it|that|\ue000+)|had\s+(?:not|forgotten|ignored|skipped|failed)|wanted\s+to\s+(?:go|get|finish|save|show)|can't|cannot|won't|never|forgot|failed|got\s+(?:lazy|bored|distracted|impatient|confused)|felt\s+like)\b(?!\s+(?:have|know|receive|get|see)\b)",
        r"(?:{NAMED}|{ANY}{NEAR}){NEAR}(?:'s|\u2019s)?\s+(?:single-handedly|brought\s+(?:this|it)\s+on)\b",
        r"\bit\s+(?:was|is)\s+(?:all\s+|entirely\s+|clearly\s+|solely\s+|really\s+)?(?:{NAME}|{DET}{ANY})'s?\s+(?:fault|mistake|error|doing|job|responsibility|call)\b",
        level=Level.WARNING,
        unless_before=NEGATED,
    ),
    *of(
        "blame",
        r"{NAME},\s+(?:caused|crashed|took\s+(?:\w+\s+){0,3}?(?:down|offline))\b",
        r"(?:{ANY}|\b(?:his|her|their))(?:'s?|\u2019s?)?\s+(?:(?!(?:that|show\w*|says?|said|report\w*|when|where|after|before|until|because|how|as|while|if)\b)[\w-]+\s+){1,9}?(?:caused(?!\s+by)|broke|crashed|corrupted|wiped|destroyed|knocked\s+(?:out|over)|cost\s+us|brought\s+(?:[\w-]+\s+){0,3}?(?:down|to\s+its\s+knees)|took\s+(?:[\w-]+\s+){0,3}?(?:down|offline)|(?:led|leads)\s+(?:\w+ly\s+)?to\s+(?:the\s+|an?\s+|this\s+)?(?:\w+\s+)?{HARM}|resulted\s+in\s+(?:the\s+|an?\s+|this\s+)?(?:\w+\s+)?{HARM})\b",
        r"\b(?:thanks|due|owing|down)\s+to\s+(?:{SOME}|\b(?:his|her|their))(?:'s?|\u2019s?)?\s+(?:[\w-]+\s+){0,2}?(?:un\w+ed|mis\w+|wrong|bad|broken|faulty|buggy|sloppy|rushed|hasty|careless\w*|mistakes?|errors?|typos?|lack|failures?|negligence|oversights?|inability|refusal|decision|haste|inexperience|carelessness|over-?confidence)\b",
        r"\b(?:{HARM}|this|that|one|it|everything)\s+(?:is|was|'s)\s+(?:\w+ly\s+|all\s+|squarely\s+)*on\s+(?:{NAME}|{DET}{ANY}|us|me|\ue003+|him|her|them)(?=\s*(?:$|[,.;!?]|who\b|for\b|and\b|alone\b|\u2014|-))",
        r"(?:{P}|{Q}){FAR}[,;:]\s+(?:and\s+)?(?:that|this|which)(?:'s|\s+is|\s+was)\s+(?:exactly\s+|precisely\s+)?(?:why|what|how)\s[^.;!?]{0,60}?\b(?:down|broke|broken|failed|crashed|offline|lost|outage|incident|stayed|took|caused|went|happened|died|we\s+are\s+here)\b",
        r"\b(?:no|without\s+any)\s+other\s+(?:causes?|factors?|reasons?|explanations?)\b{NEAR}\b(?:was|were|is|are|identified|found|needed|exists?)\b",
        r"\b(?:only|just|but)\s+(?:\ue003+|ourselves|themselves|himself|herself|yourselves|myself)\s+to\s+(?:blame|thank)\b|\bblam(?:e|ed|ing)\s+(?:only\s+)?(?:ourselves|themselves|himself|herself|myself|yourself)\b",
        r"(?:{SOME}|{W}|{Q}){NEAR}\b(?:must|should|has\s+to|have\s+to|needs?\s+to|ought\s+to|will\s+have\s+to)\s+(?:\w+ly\s+)?(?:take|accept|bear|assume|shoulder|own)\s+(?:(?:the|full|some|sole|complete|most|all|of|their|his|her|its|share)\s+)*(?:responsibility|blame|accountability|fault|consequences)\b",
        r"\b(?:was|is|were)\s+(?:\w+ly\s+|all\s+)*{DET}[\w\ue000-\ue006]+(?:'s|\u2019s|s')\s+(?:fault|mistake|doing|blunder|screw-?up|mess)\b",
        r"{P}{FAR}\b(?:is|are|was|were)\s+(?:\w+ly\s+)?responsible\s+for\s+(?:the\s+|this\s+|that\s+|what\s+)(?:\w+\s+)?(?:results?|outcome|mess|incident|outage|failure|loss|damage|delay|happened|went\s+wrong)\b",
        r"\b(?:attributable|attributed|traced|down|due|owing)\s+(?:\w+ly\s+)?to\s+(?:the\s+actions?\s+of\s+)?{SOME}(?=\s+who\b|\s*[.!]?$|\s+not\s)",
        r"\b(?:due|owing|thanks|down)\s+to\s+[^\s.,;]+(?:\s+[^\s.,;]+)?\s+not\s+having\s+(?:\w+ly\s+)?{DONE}\b",
        r"\bwrong\s+(?:[\w-]+\s+){1,3}?(?:typed|entered|run|executed|applied|pressed|selected|deleted|chosen|used|deployed|restarted|picked|merged|set)\s+by\s+{SOME}(?!" + _THING_OF_THEIRS + r")",
        r"{P}{GAP}\s+(?!noticed|found|saw|reported|spotted|fixed|corrected|reverted|replaced|removed|discovered|caught|identified|flagged|received|investigated|explained|described|logged|observed|detected|rolled|suspected|questioned|pointed|got)\w+(?:ed|ran|set|sent|gave|took|chose|wrote|put)\s+(?:\w+\s+){0,2}?(?:the|a|an)\s+wrong\b",
        r"\bafter\s+{SOME}(?:\s+\w+)?\s+(?!noticed|found|saw|reported|fixed|corrected|reverted)\w+(?:ed|an)\s+(?:the|a|an)\s+wrong\b",
        r"(?:{P}|{W}|\bi)\s+(?:\w+\s+)?blame[sd]?\b(?!\s+(?:no|nobody)\b|\s+\ue004)|\bpoor\s+(?:workmanship|craftsmanship|discipline|attitude)\b",
        r"\bself-inflicted\s+(?:[\w-]+\s+){0,2}?(?:by|from|courtesy|of\s+{SOME})\b",
        r"{ANY}\s+else's?\s+(?:job|problem|responsibility|task|fault|concern|business)\b|\b(?:somebody|someone|everybody|everyone|anybody|anyone)\s+else(?:'s)?\s+(?:job|problem|responsibility|task|would\s+(?:do|take|handle|notice|check|fix))\b",
        level=Level.WARNING,
        unless_before=NEGATED,
        unless=r"\b(?:nobody|\ue004+|without\s+blame|no\s+blame)\s+(?:is|was|to)\b|\b(?:recover\w*|faster|earlier\s+detection|improve\w*)\b",
    ),
    # --- whom nobody told, and who never tells ---
    *of(
        "counterfactual",
        r"{P}{GAP}\s+never\s+(?:\w+ly\s+)?" + _TELLS + r"\b",
        r"{Q}{GAP}\s+(?:has\s+|had\s+|have\s+)?never\s+(?:\w+ly\s+|once\s+|even\s+)?" + _TELLS + r"\b",
        r"{Q}{GAP}\s+(?:did\s+not|didn't|does\s+not|doesn't|don't|do\s+not)\s+(?:\w+ly\s+|even\s+)?(?:tell|inform|warn|ask|communicate|notify|bother|escalate|care|listen|mention|coordinate|consult|read|test|review|think)\s(?!.*\bcompat)",
        r"{Q}{GAP}\s+(?:had\s+|has\s+)?(?:failed|neglected)\s+to\s+(?:monitor|ensure|follow|hand|rehearse|communicate|inform|tell|warn|act|react|take|keep\s+(?:us|\ue003+|customers)|do|provide\s+(?:us|\ue003+|any|adequate|proper)|read|spot|catch|raise|prioriti[sz]e|supervise|train|document|staff|plan|anticipate)\b",
        r"\b(?:not\s+(?:one|a\s+single)|no\s+single)\s+(?:(?:one\s+|member\s+)?of\s+)?{DET}(?:{ANY}|person|soul|individual){NEAR}\b(?:had|did|has|was|were|looked|checked|asked|noticed|thought|tested|bothered|read|\w+ed|took|gave|spoke|saw|knew)\b",
        r"(?:{NOBODY}|{ANYONE})\s+(?:competent|sane|sensible|reasonable|responsible|serious|with\s+(?:any|half|an\s+ounce|a\s+shred|some|common))\b",
        r"\b(?:should|ought\s+to)\s+(?:really\s+|clearly\s+)?(?:have\s+)?know(?:n)?\s+better\b",
        r"{P}{GAP}\s+(?:had|has|have)(?:\s+not|n't|\s+never)\s+(?:\w+ly\s+)?been\s+(?:\w+\s+)?(?:careful|attentive|paying|thorough|diligent|watching|listening|thinking|doing|following|checking|testing|reading|concentrating|honest|truthful)\b",
        r"{P}{FAR}\bshould\s+(?:never|not)\s+have\s+been\b",
        r"{P}{FAR}\bfailed\s+in\s+(?:that|this|his|her|their|its|the|every)\s",
        r"\b(?:failed|neglected)\s+to\s+(?:plan|anticipate|foresee|consider|think|listen|learn|supervise|understand|double-check|ask|care|appreciate|take\s+[^.;]{1,30}?\bseriously)\b",
        r"\bif\s+(?:{Q}|{P}|{W}|{DET}{P})\s+(?:had\s+)?(?:only\s+|just\s+|\w+ly\s+)?(?:had\s+)?(?:checked|tested|read|listened|known|noticed|looked|asked|reviewed|followed|told|informed|warned|thought|cared|done\s+(?:its|his|her|their|our)|paid|escalated|communicated|bothered|verified)\b{FAR}\b(?:would|could|might)\b",
        r"{P}{FAR}\bhad\s+(?:all|every(?:thing)?)\b[^.;!?]{0,40}?\b(?:needed|necessary|required)\s+to\s+(?:avoid|prevent|see|know|notice|stop|catch|act)\b|^[\s\"'(]*looking\s+back\s*,[^.;!?]*(?:{ANY}|\ue003+)\s+(?:had|could|should|would)\b",
        r"\b(?:was|is)\s+it\s+(?:really\s+)?too\s+much\s+to\s+(?:ask|expect)\b|\bhow\s+hard\s+(?:is|was|can|could|would)\s+it\b",
        r"^[\s\"'(]*(?:but\s+|and\s+)?had\s+" + _DILIGENCE + r"|^[\s\"'(]*had\s+[^.;!?]{1,60}?\bbeen\s+\w+\s+{BY}{ANY}",
        r"\b(?:would|could|might)\s+(?:only\s+)?have\s+(?:taken|cost|needed)\s+(?:{SOME}|{NAME}|him|her|them|us|\ue003+)\s+(?:\w+\s+){0,4}?(?:seconds?|minutes?|moments?|hours?|one|two|a\s+\w+)\s",
        r"\b(?:one|you|\ue003+|anyone)(?:'d|\u2019d|\s+would)\s+(?:think|expect|have\s+(?:thought|expected|hoped)|hope|assume)\b(?=.*(?:{ANY}|{NAME}|\ue003+\s))",
        r"{P}{GAP}\s+(?:wasn't|weren't|was\s+not|were\s+not)\s+(?:\w+\s+)?(?:looking|watching|reading|checking|testing|thinking|interested|bothered|doing|following|concentrating|qualified|supposed|careful|there\s+when)\b",
        r"{ANY},?\s+who\s+(?:was|were|is|are)(?:\s+not|n't)\s+(?:even\s+|\w+ly\s+)?(?:authori[sz]ed|permitted|allowed|qualified|trained|certified|supposed|meant|competent|paying|looking)\b",
        r"{P}{FAR}\b(?:know|knew|known)\s+how\s+to\s+(?:use|do|read|run|operate|handle|deploy|restart|fix|debug|write|configure)\b[^.;!?]{0,40}\b(?:properly|correctly|right|well|basic\w*)\b",
        r"{P}{FAR}\b(?:finally|eventually|at\s+last)\s+(?:bothered|got\s+(?:out\s+of\s+bed|up|around|his|her|their|off|to\s+it)|woke\s+up|deigned|managed\s+to\s+(?:wake|log|look|answer)|decided\s+to\s+(?:look|act|do|answer)|admitted)\b",
        r"(?:{P}|{Q}){NEAR}\bwithout\s+(?:even\s+|first\s+|ever\s+|having\s+|once\s+|so\s+much\s+as\s+|\w+ly\s+)*(?:checking|testing|reading|asking|thinking|reviewing|verifying|telling|informing|looking|understanding|considering|consulting|running|doing|opening|waiting\s+for\s+(?:an?\s+|the\s+|any\s+)?(?:\w+\s+)?(?:approval|review|reviews|confirmation|permission|sign-off|answer|tests?)|notifying|seeking|getting|obtaining|making\s+sure|confirming|validating|rehearsing|taking\s+(?:a\s+)?(?:backups?|snapshots?|time)|run|done|opened|looked|checked|tested|read|asked|reviewed|verified|a\s+(?:second\s+thought|backup|rollback\s+plan|peer\s+review|review|plan)|any\s+(?:thought|plan|backup|review|testing|consideration|regard|warning|coordination|communication))\b",
        r"{P}{GAP}\s+(?:was|were)\s+(?:\w+\s+)?(?:well|fully|perfectly|very\s+much|painfully)\s+aware\b{FAR}\b(?:but|and|yet)\b|{P}{GAP}\s+knew\s+(?:full\s+well|perfectly|very\s+well|damn|exactly\s+(?:what|that))\b",
        r"{P}{GAP}\s+had\s+(?:all\s+the\s+(?:information|tools|data|signs)|hours|days|weeks|months|every\s+chance|the\s+chance|ample|enough\s+time|multiple\s+(?:chances|opportunities)|been\s+(?:told|warned|asked|reminded|trained|instructed))\b{FAR}\b(?:but|and\s+(?:still|yet|did)|yet)\b",
        level=Level.WARNING,
        unless=r"\b(?:writing|saying)\s+that\b|\b(?:can|may|could|to\s+be\s+able)\s+(?:\w+\s+){1,5}?without\b|\b(?:prevents?|keeps?|stops?|refuses?|blocks?)\b.{0,60}\bwithout\b",
        unless_before=r"\b(?:if|when|whenever|so\s+that|until|unless|lets?|allows?|can)\s[^,;.]{0,40}$",
    ),
    # --- who is judged by a word beside the name ---
    *of(
        "judgement",
        r"\b(?:an?|the|some|our|this|that)\s+(?:\w+ly\s+|very\s+|rather\s+|obviously\s+)?" + _UNFIT + r"\s+(?:[\w-]+\s+){0,2}?{ANY}",
        r"{ANY},?\s+who\s+(?:had\s+|has\s+|was\s+|is\s+|then\s+)?(?:simply|just|merely|only|clearly|obviously|apparently|evidently|once\s+again|again|\w+lessly)\s+(?:assumed|hoped|guessed|copied|clicked|pushed|ran|did|had|went|wanted|restarted|waited|thought|believed|followed|acked|muted|silenced|closed)\b",
        r"{P}{GAP}\s+lost\s+(?:focus|concentration|interest|patience|sight|(?:his|her|their)\s+(?:focus|concentration|cool|way))\b",
        r"{ANY}{FAR}\bwent\s+(?:straight\s+|right\s+)?(?:back\s+)?to\s+(?:sleep|bed|lunch)\b",
        r"{ANY}{FAR}\bin\s+(?:\w+\s+)?(?:breach|violation|contravention|defiance|disregard)\s+of\b",
        r"\bin\s+(?:clear|flagrant|direct|blatant|gross|complete|total|open|plain|obvious)\s+(?:breach|violation|contravention|defiance|disregard)\s+of\b",
        r"\b(?:breached|violated|flouted|broke|contravened|circumvented|side-?stepped|went\s+around|bypassed)\s+(?:the\s+|our\s+|all\s+|every\s+|company\s+|several\s+)*(?:[\w-]+\s+){0,2}?" + _RULES + r"\b(?=.*(?:{ANY}|{NAME}))|(?:{ANY}|{NAME}){FAR}\b(?:breached|violated|flouted|contravened|circumvented|side-?stepped|went\s+around|bypassed|did\s+not\s+follow|didn't\s+follow|deviated\s+from|strayed\s+from)\s+(?:the\s+|our\s+|all\s+|every\s+|company\s+|several\s+)*(?:[\w-]+\s+){0,2}?" + _RULES + r"\b",
        r"\bstaring\s+(?:\ue000+|\ue001+|\ue003+|us|them|him|her|everyone|everybody)\s+(?:straight\s+|right\s+)?in\s+the\s+face\b|\bunder\s+(?:their|his|her|our|everyone's|everybody's)\s+(?:very\s+)?noses?\b|\bplain\s+(?:for\s+all\s+)?to\s+see\b|\ba\s+blind\s+(?:man|person)\b|\bany\s+fool\b",
        r"{P}{GAP}\s+(?:spent|wasted|lost|took)\s{NEAR}\b(?:chasing|staring\s+at|fixated\s+on|barking\s+up|going\s+(?:round|in\s+circles|down\s+the\s+wrong)|looking\s+(?:at|in)\s+the\s+wrong|on\s+the\s+wrong|arguing|bickering|debating|dithering|guessing)\b",
        r"\bleft\s+(?:us|\ue003+|everyone|everybody|the\s+rest)\s+(?:with\s+(?:a|this|the|his|her|their)\s+mess|hanging|in\s+the\s+lurch|to\s+(?:clean|pick|mop))\b|\bclean(?:ing)?\s+up\s+(?:after|{NAME}'s?|\ue000+'s?|\ue001+'s?|his|her|their)\b(?=.*(?:mess|{ANY}))",
        r"{ANY}{NEAR}\bhad\s+no\s+business\b|\bno\s+business\s+(?:touching|running|deploying|changing|editing|being|having|logging)\b",
        r"\bas\s+(?:usual|always|ever)\s*,\s*{NOBODY}|(?:{ANY}|{NOBODY}){FAR},\s*as\s+(?:usual|always|ever)\s*[.!]?$",
        r"\b(?:we|everyone|everybody|\ue003+)\s+(?:all\s+)?(?:know|knows|knew)\s+(?:whose|who)\b",
        r"{P}{GAP}\s+(?:is|was|are|were)\s+(?:simply\s+|just\s+|clearly\s+|obviously\s+|\w+ly\s+)?(?:not\s+(?:suited|fit|cut\s+out|ready|experienced|senior|skilled|capable|up\s+to|able\s+to\s+handle)|out\s+of\s+(?:his|her|their)\s+depth|in\s+over\s+(?:his|her|their)\s+heads?|unfit|unsuited|a\s+liability|the\s+weak(?:est)?\s+link|the\s+problem|too\s+green|careless|to\s+be\s+(?:watched|supervised))\b",
        level=Level.WARNING,
        unless_before=NEGATED,
        unless=r"\b(?:if|when|whether)\s+{DET}{ANY}\s+(?:is|are|does|do)\b",
    ),
    *of(
        "judgement",
        r"{W}{GAP}\s+(?:was|were|are)\s+(?:\w+\s+)?(?:stupid|na[i\u00ef]ve|careless|foolish|dumb|lazy|sloppy|negligent|complacent|reckless|blind|asleep|arrogant|too\s+(?:lazy|slow|late|hasty|proud|optimistic|confident|trusting|cheap|busy\s+to\s+(?:test|check|look)))\b",
        r"{W}{GAP}\s+(?:weren't|were\s+not|aren't)\s+(?:\w+\s+)?(?:careful|paying|diligent|thorough|attentive|thinking|watching|looking|listening|disciplined)\b",
        r"\b(?:it|that|this)\s+(?:was|is)\s+(?:\w+\s+)?(?:stupid|na[i\u00ef]ve|careless|foolish|dumb|lazy|sloppy|negligent|wrong|reckless|irresponsible|unprofessional|thoughtless|unwise|silly|inexcusable|unforgivable)\s+of\s+(?:us|him|her|them|me|you|{SOME}|{NAME})",
        r"\b(?:corners|shortcuts?)\s+(?:were|was|had\s+been|have\s+been|got|being)\s+(?:cut|taken)\b|\b(?:ball|balls)\s+(?:was|were|got|had\s+been)\s+dropped\b|\bheads?\s+in\s+the\s+(?:sand|clouds)\b|\bcaught\s+with\s+(?:his|her|their|our)\s+(?:pants|trousers)\b|\bturned\s+a\s+blind\s+eye\b|\bwashed\s+(?:his|her|their|its)\s+hands\b|\bpass(?:ed|ing)?\s+the\s+buck\b|\bsat\s+on\s+(?:his|her|their|its|our)\s+hands\b|\btook\s+(?:his|her|their|its)\s+(?:sweet|own\s+sweet)\s+time\b|\b(?:his|her|their)\s+eyes?\s+off\s+the\s+ball\b",
        r"\b(?:beggars|defies|beyond|boggles)\s+(?:all\s+)?(?:belief|comprehension|the\s+mind)\b|\bis\s+beyond\s+(?:me|us|comprehension|belief)\b|\bspeaks\s+volumes\b|\b(?:simply\s+)?(?:not\s+good\s+enough|inexcusable|unforgivable|a\s+disgrace|an\s+embarrassment)\s*[.!]",
        r"(?:{P}|\b(?:users?|customers?)){GAP}\s+(?:was\s+|were\s+|had\s+|had\s+been\s+)?(?:using|used|handled|handling|configured|set\s+up|operated|operating|entered|performed|executed|applied|did|installed|wired|labell?ed|filled\s+in|typed)\s{NEAR}\b(?:{WRONGLY}|the\s+wrong\s+way|badly|poorly)\b",
        level=Level.WARNING,
        unless_before=NEGATED,
    ),
    # --- what is to be done with people ---
    *of(
        "sanction",
        r"(?:^[\s\"'(]*|[:;\u2013\u2014-]\s*|\b(?:to|must|should|will|shall|and|needs?\s+to|have\s+to|has\s+to)\s+)(?:\w+ly\s+)?" + _RETRAIN + r"\s+{SOME}",
        r"\b(?:re-?training|disciplining|reprimanding|punishing|firing|sacking)\s+(?:of\s+|for\s+)?{SOME}",
        r"(?:{SOME}|involved|responsible|concerned){NEAR}\b(?:given|gets?|got|receive[ds]?|undergo(?:es|ne)?|sent\s+(?:on|to|for)|attend(?:ed|s)?|complete[ds]?|needs?|requires?|take|retake|repeat|enrolled\s+(?:in|on))\s+(?:\w+\s+){0,2}?(?:additional|further|more|remedial|refresher|mandatory|extra|another|renewed|proper|basic|corrective|better|some|the)\s+(?:[\w-]+\s+){0,3}?(?:training|coaching|course|refresher|lesson|workshop|counsell?ing|instruction)\b(?=.*\b(?:again|repeat\w*|mistake|error|incident|outage|responsible|involved|happen\w*|future|before\s+(?:he|she|they|\ue000+)|careful|attention|attentive|basic|procedures?)\b|\s*[.!]?$)",
        r"(?:{SOME}|involved|responsible|concerned|{W}\s+all){NEAR}\b(?:must|should|needs?\s+to|have\s+to|has\s+to|will|shall|to|ha(?:s|ve)|was|were)\s+be(?:en)?\s+(?:\w+ly\s+|all\s+|once\s+again\s+|again\s+)*(?:reminded|(?:told|taught)\s+(?:again|once\s+more|how\s+to|not\s+to|never\s+to)|made\s+(?:aware|to\s+understand)|held\s+(?:to|account\w*)|supervised|watched|kept\s+(?:away|off|out)|taken\s+off|barred|banned|restricted|stripped|spoken\s+to|counsell?ed|talked\s+to|dealt\s+with|moved\s+off|reassigned|brought\s+in\s+line|reported\s+to)\b(?!\s+(?:by\s+the\s+(?:system|bot|tool|pager)|when\s+the|automatically))",
        r"\b(?:don't|do\s+not|never|stop|no\s+longer|not\s+to|can't|cannot)\s+(?:ever\s+)?(?:let(?:ting)?|allow(?:ing)?|trust(?:ing)?)\s+{NAME}|\b(?:don't|do\s+not|never)\s+(?:ever\s+)?(?:let|allow|trust)\s+{SOME}{FAR}\bagain\b|\b(?:keep|kept)\s+{NAME}\s+(?:away|off|out)\b",
        r"{SOME}{NEAR}\b(?:should|must|will|shall)\s+(?:no\s+longer|never\s+again|not)\s+(?:be\s+)?(?:allowed|permitted|trusted|have\s+(?:\w+\s+)?(?:access|rights)|touch|deploy|get\s+(?:\w+\s+)?access|work\s+on|be\s+on[- ]call)\b",
        r"{ANY}{FAR}\bno\s+longer\s+(?:works?|working|employed|with\s+(?:us|the\s+(?:company|organisation|organization|firm|team))|part\s+of)\b",
        r"\b(?:spoken|talked|spoke)\s+(?:to|with)\s+{SOME}\s+(?:responsible|in\s+question|at\s+fault)\b|\b(?:spoken|talked|spoke)\s+(?:to|with)\s+{SOME}{FAR}\b(?:never\s+happens?|not\s+happen|again)\b",
        r"\blessons?(?:\s+(?:learned|learnt|here))?\s*(?::|\bis\b|\bare\b)\s*(?:that\s+)?(?:{DET}{P}|{ANYONE}|{NAME})\s+(?:must|need|needs|should|have\s+to|has\s+to|cannot|can't|shouldn't)\b",
        r"\b(?:personal|individual)\s+(?:accountability|responsibility|consequences)\b{NEAR}(?:{ANY}|must|should|will|needs?|required|lacking|missing)\b",
        r"\b(?:hold|holding)\s+{SOME}{NEAR}\b(?:accountable|responsible|to\s+account)\b|\bmade\s+to\s+(?:answer|pay)\b",
        r"\b(?:was|were|has\s+been|have\s+been|be)\s+(?:\w+ly\s+)?(?:spoken\s+to|talked\s+to|counsell?ed|cautioned|told\s+off|given\s+a\s+(?:\w+\s+)?(?:warning|talking-to)|put\s+on\s+notice|formally\s+warned|written\s+up|made\s+aware\s+of\s+(?:his|her|their))\b",
        level=Level.WARNING,
        unless_before=NEGATED,
    ),
    *of(
        "who-question",
        r"^[\s\"'(]*why\s+(?:was|were|did|has|had)\s[^.?]{1,60}?\b(?:not|never)\b[^.?]*?(?:\bby\s+{SOME}|{ANY})[^.]*\?",
        r"^[\s\"'(]*(?:how|why)\s+(?:on\s+earth\s+)?(?:could|can|did|would)\s+(?:{ANYONE}|{NOBODY}|{SOME})\s+(?:possibly\s+|ever\s+|even\s+|have\s+|not\s+|just\s+|simply\s+)*(?:miss|overlook|forget|think|not|let|allow|approve|push|deploy|ignore|be\s+so|do\s+(?:this|that)|missed|overlooked|forgotten|thought|approved|pushed)\b[^.]*\?",
        level=Level.WARNING,
    ),
)  # fmt: skip
