"""Idioms of the blameless lint: what is said of people in a figure of speech, or by what they are like.

Read by `lint.py` after the patterns of `patterns.py`, in the same language. The one thing to know: an idiom asks for a
person nearby, since machines drag, sleep and slip through, too.
"""

from domain.blameless.findings import Level
from domain.blameless.patterns import NEGATED, Pattern, of

# What somebody is like who is judged: in front of the person, or behind "was".
_LIKE_THAT = (
    r"(?:over-?confident|over-?eager|over-?zealous|impatient|arrogant|clumsy|lazy|stubborn|ignorant|clueless|hapless|"
    r"incompetent|naive|naïve|timid|indifferent|cavalier|lax|cocky|disorgani[sz]ed|unmotivated|uninterested|apathetic|"
    r"sleepy|panicking|panicky|hot-headed|trigger-happy|short-sighted|ill-informed|unreliable|untrustworthy|"
    r"indecisive|hopeless|useless|pig-headed|self-important|half\s+asleep|gullible|egotistical)"
)
_SILENT_CHOICES = (
    r"(?:ignore|look\s+(?:away|the\s+other\s+way|past)|do\s+nothing|stay\s+(?:silent|quiet|in\s+bed)|say\s+nothing|sit\s|"
    r"hide|skip|bypass|gamble|sleep|go\s+(?:home|back\s+to\s+(?:bed|sleep))|brush|downplay|keep\s+(?:quiet|silent))"
)
_FIGURES = (
    r"(?:drag\w*\s+(?:its|his|her|their|our)\s+(?:feet|heels)|sat\s+on\s+(?:the|it|this|that|a|an|his|her|their)\b|"
    r"sat\s+(?:around|back)\b|turned\s+a\s+(?:blind|deaf)|looked\s+(?:away|the\s+other\s+way)|passed\s+the\s+buck|"
    r"washed\s+(?:its|his|her|their)\s+hands|buried\s+(?:its|his|her|their)\s+heads?|took\s+(?:its|his|her|their)\s+eyes?\s+off|"
    r"lost\s+(?:interest|patience|the\s+plot|sight\s+of)|brushed\s+\w*\s*(?:off|aside|away)|waved\s+(?:\w+\s+){0,3}?(?:away|through)|"
    r"brushed\s+(?:\w+\s+){0,4}?(?:off|aside)|shrugged\b|laughed\s+(?:it|this|at)|stonewalled|swept\s+(?:\w+\s+){1,4}?under|"
    r"took\s+matters\s+into|overstepped|overreacted|under-?reacted|pretended|phoned\s+it\s+in|winged\s+it|went\s+rogue|"
    r"chickened\s+out|bailed|walked\s+(?:away|out)|left\s+(?:his|her|their)\s+(?:posts?|desks?)|went\s+(?:back\s+)?to\s+(?:bed|sleep|lunch)|"
    r"(?:got|became|grew)\s+(?:too\s+)?(?:careless|lazy|sloppy|complacent|impatient|cocky|greedy)|went\s+(?:silent|missing|awol)|"
    r"lied\b|concealed|sulked|bickered|kept\s+(?:quiet|silent|mum)|stayed\s+(?:quiet|silent|in\s+bed)|said\s+nothing|shot\s+(?:\w+\s+)?in\s+the\s+foot|"
    r"sat\s+(?:in|through|at)\s[^.;:!?]{1,40}?\swhile|got\s+(?:confused|distracted|lost|cold\s+feet|carried\s+away|bored)|fell\s+(?:for|into\s+the\s+trap)|"
    r"made\s+(?:a\s+(?:mess|hash|fool|meal)|a\s+complete\s+\w+)\s+of|(?:stuck|clung)\s+(?:\w+ly\s+)?to\s+(?:the\s+wrong|(?:his|her|their|its)\s)|"
    r"thought\s+(?:that\s+)?[\ue000\ue002]+\s+(?:was|were|knew|could)\s+(?:smarter|better|too|get\s+away|above)|moved\s+the\s+goalposts|talked\s+past|"
    r"(?:has|have|had)\s+a\s+(?:\w+\s+)?(?:history|track\s+record|reputation|tendency|habit)\s+(?:of|for|to)|could\s+not\s+care\s+less|couldn't\s+care\s+less|"
    r"knew\b[^.;!?]{0,80}?\b(?:and|but|yet)\s+(?:still\s+)?(?:said|did|told|kept|went|waited|sat)\b|"
    r"(?:tried|wanted)\s+to\s+(?:hide|cover\s+up|save\s+face|look\s+(?:good|clever))|made\s+(?:up\s+)?excuses|cheated|gambled|"
    r"had\s+every\s+(?:chance|reason|opportunity)\s+to|had\s+(?:other|better)\s+things\s+(?:to\s+do|in\s+mind)|"
    r"(?:chose|decided|preferred|opted)\s+to\s+" + _SILENT_CHOICES + r")"
)  # fmt: skip
_FAULTS = (
    r"(?:misjudge?ments?|misconduct|blunders?|inattention|ineptitude|negligence|incompetence|carelessness|complacency|"
    r"laziness|over-?confidence|stubbornness|recklessness|sloppiness|stupidity|mismanagement|mishandling|indifference|"
    r"indecisiveness|procrastination|disregard|hubris)"
)
_SHAMEFUL = (
    r"(?:baffling|astonishing|astounding|inexplicable|incredible|mind-boggling|appalling|outrageous|disgraceful|scandalous|"
    r"pathetic|laughable|shameful|hard\s+to\s+(?:believe|fathom|comprehend|excuse|justify)|beyond\s+(?:me|belief|"
    r"comprehension)|inconceivable)"
)

IDIOMS: tuple[Pattern, ...] = (
    *of(
        "judgement",
        r"(?:{P}|{Q}){GAP}\s+" + _FIGURES,
        r"{P}{FAR}\b(?:and|but|then|or)\s+(?:then\s+|just\s+|simply\s+)?" + _FIGURES,
        r"\b" + _LIKE_THAT + r"\s+(?:[\w-]+\s+){0,2}?{ANY}",
        r"{P}{GAP}\s+(?:is|are|was|were|been|being|seemed|looked)\s+(?:\w+\s+){0,2}?" + _LIKE_THAT + r"\b(?!\s+of\s+the\s+other)",
        r"{P}{GAP}\s+(?:was|were)\s+(?:\w+\s+)?(?:in\s+denial|in\s+(?:\w+\s+)?over\s+(?:his|her|their)\s+heads?|on\s+autopilot|"
        r"out\s+to\s+lunch|in\s+(?:a|too\s+much\s+of\s+a)\s+hurry|(?:more|too|mainly|only)\s+(?:\w+ly\s+)?(?:interested|concerned)\s+(?:in|with|about)|"
        r"busy\s+(?:arguing|chatting|gossiping|with\s+(?:his|her|their))|preoccupied|sleeping|goofing|nowhere)",
        r"{P}{GAP}\s+(?:showed|displayed|demonstrated|had|paid|gave|took|made)\s+(?:no|little|hardly\s+any|zero|scant|not\s+the\s+slightest)\s+"
        r"(?:interest|care|concern|regard|respect|attention|thought|heed|effort|urgency|initiative)\b",
        r"{P}{GAP}\s+(?:let|allowed|letting)\s+(?:the\s+|a\s+|an\s+|this\s+|that\s+|these\s+|it\b|things\b)?\s*(?:[\w-]+\s+){0,3}?"
        r"(?:slip|slide|rot|fester|go\s+(?:unnoticed|unanswered|stale)|get\s+(?:worse|out\s+of\s+hand)|spiral|fall\s+through)\b",
        r"{P}{GAP}\s+(?:cannot|can't|can\s+not|couldn't|could\s+not)\s+(?:\w+ly\s+)?have\s+(?:{DONE}|looked|thought|tried|understood)\b",
        r"{P}{FAR}\bbecause\s+\ue000+\s+(?:found|thought)\s+(?:it|them|that|this)\s+(?:\w+\s+){0,2}?(?:annoying|boring|tedious|beneath|inconvenient|unimportant|easier)\b",
        r"\bevery(?:one|body)\s+(?:except|but)\s+(?:for\s+)?(?:the\s+|our\s+)?(?:[\w-]+\s+){0,2}?{ANY}",
        r"{ANY}\s+(?:who|that|with)\s+(?:had\s+|has\s+|have\s+)?(?:clearly\s+)?no\s+(?:authority|business|right|clue|idea|grasp)\b",
        r"{P}{FAR}\bwithout\s+(?:even\s+)?(?:waiting\s+for\s+(?:a\s+|the\s+|any\s+)?(?:review|approval|tests|ci|anyone|permission|confirmation)|a\s+second\s+thought|so\s+much\s+as|"
        r"bothering|a\s+word\b|notifying|consultation|backing\s+up|permission|authori[sz]ation)",
        r"{P}{FAR}\binstead\s+of\s+(?:using|sticking\s+to|going\s+through)\s+(?:the\s+|our\s+|an?\s+)?(?:\w+\s+)?(?:procedure|process|runbook|checklist|playbook|script|tool|pipeline)\b",
        r"\b(?:made|making|makes)\s+a\s+(?:\w+ly\s+)?(?:poor|bad|sloppy|terrible|lousy|horrible|miserable)\s+job\b",
        r"{P}{GAP}\s+took\s+it\s+upon\b",
        r"\b(?:someone|somebody|anyone|anybody|people|{P})\s+(?:more\s+|less\s+)?(?:competent|careful|careless|attentive|sensible|diligent)\b",
        r"{P}{GAP}\s+(?:\w+\s+){0,2}?(?:assumed|thought|believed|decided|concluded|claimed|insisted|said),\s+(?:quite\s+|very\s+)?(?:wrongly|foolishly|naively|incorrectly|mistakenly|stupidly)",
        r"{P}{FAR}\b(?:regardless|nevertheless|nonetheless|all\s+the\s+same)\s*(?:$|[.;!])",
        r"{ANY}{FAR}\b(?:stop|stopped|quit|keep|keeps|kept|by|despite|of|for)\s+(?:ignoring|forgetting|neglecting|making\s+(?:the\s+same\s+)?mistakes|breaking\s+(?:prod|production|things|the)|cutting\s+corners)\b",
        r"{P}{FAR}\b(?:took|taken|did|made|showed)\s+no\s+(?:action|notice|care|responsibility|steps|effort|attempt)\b",
        r"\b(?:handled|managed|executed|planned|coordinated|communicated|run|done|implemented|written|reviewed)\s+(?:very\s+|so\s+)?(?:badly|poorly|terribly|carelessly)\b",
        r"\b(?:better|more|less)[- ](?:prepared|trained|organi[sz]ed|experienced|careful|attentive|competent|skilled|diligent|disciplined)\s+{ANY}\s+(?:\w+ly\s+)?(?:would|could|might)\b",
        r"\b(?:untrained|unqualified|unsupervised|unskilled)\s+{ANY}",
        r"{P}{GAP}\s+(?:confused|mistook)\s{NEAR}\b(?:with|for)\b",
        r"{P}{FAR}\b(?:quick\s+and\s+dirty|(?:the\s+)?(?:easy|lazy)\s+way(?:\s+out)?|path\s+of\s+least\s+resistance)\b",
        r"{P}{GAP}\s+left\s+(?:an?\s+|the\s+|some\s+)?(?:[\w-]+\s+){0,2}?(?:passwords?|secrets?|keys?|credentials?|bugs?|holes?|debug\s+\w+|mess|backdoor)\b",
        r"{P}{FAR}\b(?:not|never|n't)\s+(?:been\s+)?(?:tak(?:ing|en|e)\s+(?:[\w-]+\s+){1,4}?seriously|know\s+(?:[\w-]+\s+){1,4}?well\s+enough|doing\s+(?:his|her|their)\s+jobs?|"
        r"have\s+the\s+(?:patience|courage|sense|discipline|decency|humility|guts|skills?))\b",
        r"{P}{FAR}\b(?:should|must|need(?:s|ed)?\s+to|ha(?:s|ve)\s+to)\s+(?:learn\s+to\s+)?think\s+(?:first|twice|harder|before)\b",
        r"{P}{GAP}\s+(?:hit|pressed|touched|cut|drained|scaled|shut|replaced|fixed|unplugged|rebooted|booted|logged\s+in(?:to)?|connected\s+to)\s+(?:\w+\s+)?the\s+wrong\b",
        r"\bthe\s+(?:\w+\s+)?(?:mistake|blunder)\s+(?:was|is)\s+(?:\w+ing|to)\b",
        r"{P}{GAP}\s+(?:was|were|had\s+been)\s+(?:\w+\s+)?(?:warned|(?:told|asked)\s+(?:not\s+)?to\b{FAR}\b(?:and|but)\s+(?:went|did|still|continued|carried))\b",
        r"\bworth\s+(?:his|her|their)\s+salt\b",
        r"{P}{FAR}\bspeaks\s+for\s+itself\b",
        r"\bexpect(?:ed|s)?\s+(?:better|more)\s+(?:of|from)\s+(?:the\s+|our\s+|an?\s+)?(?:[\w-]+\s+){0,2}?{ANY}",
        r"{ANY}{FAR}\b(?:leaves?|left)\s+(?:much|a\s+lot|something)\s+to\s+be\s+desired\b",
        r"\bout\s+of\s+(?:sheer\s+|pure\s+|mere\s+)?(?:laziness|spite|impatience|carelessness|boredom|arrogance|vanity|stubbornness)\b",
        r"\bcowboys?\b",
        r"\b(?:did\s+not|didn't)\s+(?:\w+ly\s+)?know\s+what\s+\S+\s+(?:was|were)\s+doing\b",
        r"\bneglect(?:ed|ing)\s+(?:his|her|their)\s+(?:\w+\s+)?(?:dut(?:y|ies)|responsibilit(?:y|ies)|jobs?)\b",
        r"{P}{GAP}\s+(?:was|were)(?:\s+not|n't)\s+(?:\w+\s+)?(?:smart|clever|bright|competent|careful|attentive|qualified)\s+enough\b",
        r"\bno\s+(?:real\s+|apparent\s+)?sense\s+of\s+(?:urgency|ownership|responsibility)\b|\black\s+of\s+(?:any\s+)?urgency\b",
        r"\b(?:it|this)\s+(?:is|was|remains)\s+(?:\w+ly\s+)?" + _SHAMEFUL + r"\s+(?:that|how|why|to\s+me)\b",
        r"\bno\s+excuse\s+for\b",
        r"\btook\s+(?:the\s+|our\s+)?(?:[\w-]+\s+){0,2}?{ANY}\s+(?:[\w-]+\s+){1,5}?to\s+(?:even\s+|\w+ly\s+)?(?:bother|admit|get\s+(?:around|round|its|his|her|their)|"
        r"wake\s+up\s+and|do\s+(?:something|anything|his|her|their))\b|{ANY}\s+(?:[\w-]+\s+){1,5}?to\s+(?:finally|actually|even)\s+(?:do|act|react|respond|look|call|begin|start|notice|realise|realize)\b",
        unless_before=NEGATED,
    ),
    *of(
        "judgement",
        r"{P}{GAP}\s+(?:signed\s+off|approved|merged|deployed|released|shipped|went\s+ahead|pushed|rolled\s+out|restarted|continued)\b"
        r"{NEAR}\b(?:even\s+though|despite|in\s+spite\s+of|although|knowing)\b",
        r"\b(?:trusted|believed|hired|promoted|listened\s+to|relied\s+on)\s+the\s+wrong\s+{ANY}",
        r"\b(?:so\s+)?(?:typical|characteristic)\s+of\s+(?:the\s+|our\s+)?(?:[\w-]+\s+){0,2}?{ANY}",
        level=Level.WARNING,
        unless_before=NEGATED,
    ),
    *of(
        "blame",
        r"{ANY}(?:'s?)?\s+(?:[\w-]+\s+)?" + _FAULTS + r"\b",
        r"\bblame\s+for\s+[^.;]{1,60}?\s(?:lies|falls|rests|goes|belongs|is\s+on)\b",
        r"{P}{GAP}\s+(?:has|have|had)\s+(?:\w+\s+)?(?:broken|caused|taken\s+(?:\w+\s+){0,2}?down|brought\s+(?:\w+\s+){0,2}?down|crashed|corrupted|wiped|sabotaged)\b(?!\s+(?:down|into|up|out))",
        r"{ANY}'s?\s+(?:own\s+)?doing\b",
        r"{ANY}'s?\s+(?:[\w-]+\s+){1,6}?(?:is|was)\s+(?:the\s+(?:only\s+|main\s+|real\s+)?(?:reason|cause)|what\s+(?:caused|broke|brought|took|led))\b",
        r"\b(?:a\s+lot|much|something|plenty|everything)\s+to\s+answer\s+for\b",
        r"{ANY}'s?\s+(?:[\w-]+\s+){1,2}?cost\s+(?:us|the|our)\b|{P}{GAP}\s+cost\s+(?:us|our\s+customers|the\s+company)\b",
        unless_before=NEGATED,
    ),
    *of(
        "counterfactual",
        r"{NOBODY}(?:\s+(?:on|in|from|at|of|else)(?:\s+(?:the|our|that))?\s+[\w\ue000-\ue006-]+|\s+else)?\s+(?:had\s+|ever\s+|even\s+)*(?:took\s+the\s+(?:trouble|time|initiative|lead)|"
        r"taken\s+the\s+(?:trouble|time)|questioned|challenged|objected|dared|stepped\s+(?:up|in)|stood\s+up|lifted\s+a\s+finger|seemed\s+to\s+(?:care|notice|mind)|"
        r"had\s+the\s+decency|thought\s+it\s+through|did\s+(?:his|her|their))\b",
        r"\bhad\s+(?:anyone|anybody|someone|somebody)\s+(?:\w+ly\s+)?(?:looked|checked|asked|noticed|read|thought|tested|bothered)\b",
        r"\bif\s+(?:the\s+|our\s+|any\s+)?(?:[\w-]+\s+){0,2}?{P}{GAP}\s+(?:were|was)\s+(?:more|better|less|not\s+so)\s+(?:careful|attentive|careless|diligent|trained|experienced|prepared|lazy|busy|hasty)\b",
        level=Level.WARNING,
    ),
    *of(
        "sanction",
        r"{ANY}{NEAR}\b(?:not|never|no\s+longer)\s+(?:\w+\s+){0,2}?(?:allowed|permitted|trusted|let)\s+(?:\w+\s+){0,2}?(?:near|again|to\s+touch|anywhere|with\s+(?:production|prod|access))\b",
        r"{ANY}{NEAR}\b(?:should|must|ought\s+to|has\s+to|have\s+to|will)\s+(?:lose\s+(?:his|her|their|its|the)\s|apologi[sz]e|explain\s+(?:himself|herself|themselves|why)|justify|be\s+(?:kept\s+away|stripped|shown)|face\s+(?:the\s+)?consequences)\b",
        r"{ANY}{NEAR}\b(?:should|must|need(?:s|ed)?\s+to|ought\s+to|has\s+to|have\s+to)\s+be\s+(?:reminded|taught|instructed|told|made\s+aware)\s+(?:to|not|how|that|again|of)\b",
        r"\b(?:los[et]|losing|revoke\w*|take\s+away)\s+(?:his|her|their)\s+(?:\w+\s+)?(?:access|rights|privileges|bonus|permissions)\b",
        unless_before=NEGATED,
    ),
    *of(
        "counterfactual",
        r"{P}{FAR}\b(?:and|but|then|yet)\s+(?:then\s+|still\s+)?never\s+(?:{DONE}|looked|thought|told|asked|said|came|called|followed)\b",
        r"{P}{FAR}\b(?:and|who)\s+should\s+(?:not|never)\s+have\b|{P}{GAP}\s+should(?:\s+not|n't|\s+never)\s+(?:even\s+)?have\b",
        r"\b(?:any|every)\s+(?:competent|attentive|careful|diligent|sensible|reasonable|decent|half-decent|serious|experienced|responsible)\s+{ANY}",
        r"(?<!\w)(?:{ANYONE}|any\s+[\ue000\ue001]+)\s+(?:who|with)\s[^.,;]{1,50}?\s(?:could|would|should|must)\s+(?:have\s+)?(?:seen?|known?|tell|told|guess\w*|predict\w*|spott?\w*|notice\w*|caught|avoided|realised|realized)",
        unless_before=NEGATED,
    ),
    *of(
        "counterfactual",
        r"{Q}{GAP}\s+(?:should|ought\s+to)\s+have\s+been\s+(?:paying|watching|more|aware|careful|there|awake|looking|listening)\b",
        r"{Q}{GAP}\s+failed\s+to\s+(?:do|test|inform|provide|respond|communicate|warn|deliver|answer|take|mention)\b",
        level=Level.WARNING,
    ),
    *of("who-question", r"\b(?:what|how|why|who)\s+on\s+earth\b"),
)  # fmt: skip
