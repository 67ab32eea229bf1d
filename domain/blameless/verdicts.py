"""Verdicts of the blameless lint: one cause as the end, fault laid at a door, what people owe, and punishment.

Read by `lint.py` with the patterns of `patterns.py`, in the same language. The one thing to know: each wording stands
for a family, so a new one belongs beside its kin and is tried on good prose before it stays.
"""

from domain.blameless.findings import Level
from domain.blameless.patterns import NEGATED, Pattern, of

_SOLE = r"(?:sole|single|one|primary|principal|true|real|ultimate|actual|fundamental|only|main|biggest)"
# What people make, set up or look after: had it been done, they say, we would have known.
_SET_UP = (
    r"(?:{DONE}|set(?:\s+up)?|configured|enabled|added|installed|tuned|routed|run|rolled\s+back|applied|used|"
    r"in\s+(?:place|use|force)|there|present|turned\s+on|switched\s+on|implemented|taken\s+seriously|given|provided|"
    r"respected|observed|carried\s+out|performed|better|tighter|stricter|clearer|established|kept|maintained)"
)
_AVERTED = (
    r"(?:prevented|avoided|averted|noticed|caught|spotted|detected|discovered|known|stopped|found|seen|warned|spared|saved|"
    r"happened|occurred|gone\s+(?:wrong|unnoticed|down)|been\s+(?:\w+ly\s+)?(?:prevented|avoided|averted|noticed|caught|"
    r"spotted|detected|discovered|known|stopped|warned|spared|over|an?\s+(?:incident|outage)|(?:much\s+|far\s+)?shorter))"
)
_SO_THEN = (
    r"{FAR}(?:(?:{PW}|{SOME}|{NOBODY})\s+(?:would|could|might)(?:\s+\w+ly)?\s+(?:not\s+|never\s+)?have\b|"
    r"\b(?:would|could|might)(?:n't|\s+not|\s+never)?(?:\s+\w+ly)?\s+have\s+(?:\w+ly\s+)?" + _AVERTED + ")"
)
_DOWN = (
    r"(?:crash\w*|fail\w*|broke|broken|down|died|dead|dark|offline|unavailable|unreachable|collapsed|outage|hung|500s|"
    r"5xx|errors?|timeouts?|timed\s+out|(?:was|were)\s+(?:lost|gone|deleted)|vanished|fell\s+over|stopped\s+(?:working|answering|"
    r"responding)|on\s+fire|paged|alarms?|data\s+loss)"
)
_DEEDS_OF_CHANGE = (
    r"(?:merged|pushed|deployed|changed|edited|ran|deleted|removed|dropped|disabled|enabled|applied|committed|shipped|"
    r"released|upgraded|typed|touched|tweaked|executed|rotated|unplugged|approved|migrated|rebooted)"
)
_MUST = (
    r"(?:must|should|needs?\s+to|ha(?:s|ve)\s+to|had\s+better|ought\s+to|will\s+have\s+to|better|should\s+finally|"
    r"would\s+do\s+well\s+to|can\s+no\s+longer\s+afford\s+to)\s+(?:really\s+|finally\s+|just\s+|simply\s+|urgently\s+|all\s+)?"
)
_BAD_HABIT = (
    r"(?:treating|using|pushing|deploying|merging|ignoring|guessing|assuming|breaking|cutting|skipping|taking|hiding|"
    r"blaming|playing|making|running|working|thinking|bypassing|doing|writing|acting|being|relying|testing|"
    r"experimenting|improvising|rushing|complaining|messing|fiddling|leaving|shipping|waiting|hoping|pretending|copying)"
)
_OWED_BY_PEOPLE = (
    r"(?:duty|duties|responsibilit(?:y|ies)|obligations?|professionalism|discipline|standards?|accountability|"
    r"commitment|sense\s+of\s+ownership)"
)

VERDICTS: tuple[Pattern, ...] = (
    # --- one cause as the end ---
    *of(
        "root-cause",
        r"\b" + _SOLE + r"\s+(?:cause|reason|explanation)\s+(?:of|for|behind)\s+(?:the\s+|this\s+|our\s+|that\s+)?(?:[\w-]+\s+){0,4}?(?:{HARM}|down|offline)\b",
        r"(?:^[\s\"'(]*|\b(?:that|so|and|was|found)\s+)(?:the|its|our|there\s+was|there\s+is)\s+(?:an?\s+|only\s+)?(?:sole|single|one|primary|principal|true|real|ultimate|actual|main)\s+(?:cause|culprit)\b(?!\s+of\s+(?:most|many|such))(?=.{0,60}?\b(?:was|is)\b)",
        r"\b(?:caused|triggered|brought\s+(?:about|down|on)|taken\s+down|explained|down|due|traced|attribut\w+|boils?|boiled)\s+(?:back\s+|down\s+)?(?:by|to)\s+(?:just\s+|only\s+|nothing\s+(?:but|more\s+than)\s+)?(?:an?\s+single|one\s+single|exactly\s+one|just\s+one|a\s+lone|one)\s+(?:[\w-]+\s+)?(?:mis\w+|wrong|bad|faulty|broken|missing|forgotten|careless|incorrect|typo|flag|line|change|setting|character|command|commit|mistake|error|person|engineer|thing)\b",
        r"\b(?:caused|triggered|due|down|because)\s+(?:solely|entirely|exclusively|purely|only)\s+(?:by|to|of)\b|\b(?:solely|entirely|exclusively|purely)\s+(?:caused\s+by|due\s+to|because\s+of|down\s+to|attributable\s+to|the\s+result\s+of)\b",
        unless=r"\b(?:no|not\s+(?:a|one|the|just|only)|never|isn't|rather\s+than|instead\s+of|more\s+than|avoid\w*|beyond|nor|multiple|several|neither|contribut\w+|among|support\s+requests|factors|used\s+to)\b",
        level=Level.WARNING,
    ),
    *of(
        "blame",
        r"\b(?:it|this|that|everything|all|which|outage|incident)\s+(?:all\s+|really\s+|simply\s+|\w+ly\s+)*(?:comes?|came|boils?|boiled|goes|went)\s+(?:back\s+|right\s+|straight\s+)?(?:down\s+|back\s+)?to\s+(?:an?\s+[\w-]+\s+by\s+)?{DET}{ANY}",
        r"\b(?:traced|trail\s+\w+|leads?|led|points?|pointed|goes|go)\s+(?:\w+ly\s+)?(?:straight\s+|right\s+)?(?:back\s+)?to\s+(?:an?\s+(?:[\w-]+\s+){1,3}(?:by|of|made\s+by)\s+)?(?:the\s+|our\s+)(?:[\w-]+\s+){0,2}?{ANY}(?=\s*[.!;]|\s+who\b|\s+alone\b)",
        r"\b(?:traced|tracked|attributed|attributable|put)\s+(?:\w+ly\s+)?(?:back\s+|down\s+)?to\s+(?:an?\s+|the\s+|one\s+)(?:[\w-]+\s+){0,2}?(?:decision|command|mistake|action|change|choice|error|oversight|omission|slip|negligence|fault)\s+(?:made\s+|taken\s+)?(?:by|of|from)\s+{SOME}",
        r"\b(?:fault|blame|guilt|culpability|failure|mistake|error)\s+(?:here\s+|for\s+this\s+|for\s+the\s+[\w-]+\s+)?(?:\w+ly\s+)?(?:lies|lay|rests?|sits|is|was|belongs|falls|fell|stays|remains)\s+(?:\w+ly\s+|alone\s+)?(?:with|at|on|to|by)\s+(?:the\s+(?:door|feet)\s+of\s+)?{SOME}",
        r"\b(?:responsibility|credit)\s+for\s+(?:this\s+(?:one|mess|outage|incident)|the\s+(?:outage|incident|failure|mess|disaster|data\s+loss))\s+(?:\w+ly\s+)?(?:lies|rests|goes|belongs|falls|sits)\b",
        r"{ANY}'s?\s+(?:name|fingerprints|signature|handwriting)\s+(?:is\s+|are\s+|was\s+|were\s+)?(?:written\s+)?(?:all\s+over|on\s+(?:it|this))",
        r"\b(?:name|fingerprints|signature|handwriting)\s+of\s+{DET}{ANY}\s+(?:is\s+|are\s+|was\s+|were\s+)?(?:written\s+)?(?:all\s+over|on\s+(?:it|this))",
        r"{P}{GAP}\s+(?:has|have|had|owes?|owed)\s+(?:us\s+|everyone\s+|the\s+\w+\s+)?(?:a\s+lot|much|some|something|plenty|an?\s+(?:apology|explanation)|serious)\s*(?:of\s+)?(?:to\s+(?:explain|answer|apologi[sz]e)|explaining|questions\s+to\s+answer|$|[.;!])|{P}{GAP}\s+owes?\s+(?:\w+\s+|{ANY}\s+|{W}\s+){0,2}?(?:an?\s+)?(?:explanation|apology|answers?)\b",
        r"{P}{GAP}\s+(?:was|were|is|are)\s+behind\s+(?:this|it|the\s+(?:{HARM}))\b",
        r"\b(?:blame|fault|mistake|error|one)\s+(?:here\s+)?is\s+(?:\w+ly\s+)?(?:on|shared\s+by|divided\s+between)\s+(?:{SOME}|{W}|us\b|him\b|her\b|them\b)",
        r"\b(?:consequence|product|outcome|fruits?)\s+of\s+{DET}{ANY}'s?\s",
        r"\b(?:second|third|fourth|fifth|sixth|nth|latest|another)\s+(?:outage|incident|failure|mess|mistake)\b{NEAR}\b(?:with|by|under|because\s+of|thanks\s+to|courtesy\s+of|from)\s+{DET}{ANY}|\bcourtesy\s+of\s+{DET}{ANY}",
        r"{ANY}{GAP}\s+(?:is|was|are|were)\s+(?:\w+ly\s+|the\s+(?:only\s+|main\s+|sole\s+|real\s+)?|one\s+)*(?:reason|cause|why)\s+(?:of|for|that|why|we|this|the|it|behind|our)\b",
        r"\b(?:it\s+(?:was|is)|it's|that\s+was)\s+{DET}{ANY}(?:\s+\w+ly)?\s+who\s+(?:\w+ly\s+)?(?:took|cost|brought|knocked|killed|turned|crashed|set|started|triggered|put|got|missed|decided|ruined|wiped|lost|dropped|edited|applied|ignored|messed|screwed|unplugged|locked|overwrote|corrupted|clicked|pressed|typed|signed|overlooked|misread)\b",
        r"\bself-inflicted\s+by\b|\b(?:wound|outage|incident|injury|harm|pain)\s+was\s+(?:entirely\s+|completely\s+)?self-inflicted\b|\bown[- ]goal\b",
        r"\b(?:without|but\s+for|if\s+(?:it\s+were|it\s+was)n't\s+for|were\s+it\s+not\s+for|if\s+not\s+for|had\s+it\s+not\s+been\s+for)\s+(?:{DET}{ANY}(?:'s?)?|(?:his|her|their)\s){NEAR}\b(?:none|nothing|this|it|we|there|the)\b{NEAR}\b(?:would|could|might)\b",
        r"\bcaused\s+(?:by|through)\s+{SOME}(?:\s+who\b|'s?\s)",
        r"\b(?:sole|only|main|primary|real|true)\s+(?:cause|reason)\b{NEAR}\b(?:was|is)\s+{DET}{ANY}(?!'s?\s+(?:pod|dashboard|tool))",
        r"\b(?:problem|trouble|issue|bottleneck|weakness|weak(?:est)?\s+(?:link|point|spot)|culprit)\s+(?:here\s+|in\s+this\s+case\s+)?(?:is|was|sits|sat|lies)\s+(?:as\s+(?:usual|always|ever)\s+|\w+ly\s+)?(?:not\s+[^.;!?]{1,60}?\b(?:but|it\s+is|it's)\s+)?(?:with\s+|between\s+|in\s+front\s+of\s+)?{DET}(?:{ANY}|human|chair|keyboard|user|attitude|mindset)",
        r"\b(?:weak(?:est)?\s+link|between\s+(?:the\s+)?(?:chair|keyboard|screen)|pebka[ck]|layer\s+8|id-?10-?t)\b",
        unless_before=NEGATED,
    ),
    # Beside each other and yet said as cause and effect: who did it, and then what broke.
    *of(
        "named-person",
        r"{NAMED}(?:\s+(?:then|just|also|\w+ly))?\s+" + _DEEDS_OF_CHANGE + r"\b[^.!?;]{0,80}?(?:;|,|\s[-\u2013\u2014]+\s|:|\band\b|…|\bwhereupon\b)\s*[^.!?]{0,60}?\b" + _DOWN + r"\b",
        r"\b(?:until|before|moments\s+after|minutes\s+after|seconds\s+after|right\s+after|just\s+after|since|the\s+moment|as\s+soon\s+as)\s+{NAMED}\s+" + _DEEDS_OF_CHANGE + r"\b{FAR}\b" + _DOWN + r"\b",
        r"\b" + _DOWN + r"\b{NEAR}\b(?:moments\s+after|minutes\s+after|seconds\s+after|right\s+after|just\s+after|the\s+moment|as\s+soon\s+as|after|when|because|since)\s+{NAMED}\s+" + _DEEDS_OF_CHANGE + r"\b",
        r"\b(?:worked|was\s+(?:fine|healthy|stable|up|well)|were\s+(?:fine|healthy|stable|up))\b{NEAR}\buntil\s+{DET}{P}\s+\w+",
        unless=r"\b(?:errors?|alarms?|crash\w*|pages?|timeouts?|failures?|failing)\s+(?:\w+\s+){0,2}?(?:stopp\w+|fell|dropp?\w*|ended|cleared|went\s+away|ceased|decreas\w+|declin\w+|to\s+(?:fall|drop|clear|stop))|\b(?:recover\w*|fix|hotfix|revert\w*|rollback|roll(?:ed)?\s+back|error\s+(?:rate|budget)|canary|staging)\b",
    ),
    # --- the alert that was not there ---
    *of(
        "counterfactual-passive",
        r"^[\s\"'(]*(?:but\s+|and\s+)?had\s+(?!{PW})(?:[\w\ue000-\ue006'-]+\s+){1,7}?(?:not\s+)?been\s+(?:\w+ly\s+)?" + _SET_UP + r"\b" + _SO_THEN,
        r"^[\s\"'(]*(?:but\s+|and\s+)?had\s+there\s+been\s+[^.;!?]{2,80}?\b(?:would|could|might)\b",
        r"\bif\s+(?:only\s+)?(?:there\s+|(?:the|our|this|a|an|these|those|any)\s+)(?:[\w\ue000-\ue006'-]+\s+){0,6}?had\s+(?:\w+ly\s+)?been\s+(?:\w+ly\s+)?(?:" + _SET_UP + r"|an?\b|some\b|more\b|better\b|enough\b|proper\b)" + _SO_THEN,
        r"\b(?:would|could|might)(?:n't|\s+not|\s+never)?(?:\s+\w+ly)?\s+have\s+(?:\w+ly\s+)?" + _AVERTED + r"\b{NEAR}\b(?:if|had)\s+(?:the|our|this|a|an|these|any|there)\s+(?:(?!never\b)[\w\ue000-\ue006'-]+\s+){0,6}?(?:had\s+)?(?:\w+ly\s+)?been\s+(?:\w+ly\s+)?" + _SET_UP + r"\b",
        r"\ball\s+(?:it|that\s+was|this)\s+(?:took|takes|needed|would\s+have\s+(?:taken|needed))\s+(?:was\s+|is\s+)?(?:for\s+\S+\s+)?(?:to\s+\w+|(?:one|an?|just\s+\w+|two|five|ten|thirty|the)\s+)",
        r"\b(?:would|could|might)\s+(?:only\s+)?have\s+(?:taken|cost|needed)\s+(?:\w+\s+){0,4}?(?:seconds?|minutes?|moments?|hours?)\s+to\s+(?:{DUTIES}|look|find|see|prevent|avoid)\b",
        r"\b(?:a|one)\s+(?:single\s+|brief\s+|quick\s+|short\s+)?(?:moment|minute|second|bit|little|phone\s+call|look|glance|question|check|test|dry\s+run|review)(?:'s)?\s+(?:of\s+)?(?:\w+\s+){0,4}?(?:would|could|might)\s+have\b",
        r"\bcould\s+(?:so\s+|very\s+|quite\s+)?(?:easily|trivially|simply|readily)\s+have\s+been\b|\bneed(?:n't|\s+not)\s+have\s+(?:happened|been|occurred)\b|\b(?:was|were)\s+(?:an?\s+)?(?:\w+ly\s+)?(?:avoidable|preventable|unnecessary|needless)\s+(?:outage|incident|disaster|failure|loss)|\bwaiting\s+to\s+happen\b",
        r"\bwould\s+(?:still\s+)?(?:be|have\s+been)\b{NEAR}\bif\s+{DET}{P}{GAP}\s+(?:had|did|would|could|were|was)\b",
        level=Level.WARNING,
    ),
    # --- what people are told to be or to stop ---
    *of(
        "sanction",
        r"(?:{P}|{ANYONE}|{W}){GAP}\s+" + _MUST + r"(?:stop|quit|cease|refrain\s+from|give\s+up)\s+" + _BAD_HABIT + r"\b(?![^.;!?]*\b(?:before|until|while)\b)",
        r"(?:{P}|{ANYONE}){GAP}\s+" + _MUST + r"(?:grow\s+up|wake\s+up|get\s+(?:a\s+grip|(?:its|his|her|their)\s+(?:act|priorities|house|heads?))|(?:up|raise|lift)\s+(?:its|his|her|their)\s+(?:game|standards?)|do\s+better|do\s+(?:its|his|her|their)\s+(?:jobs?|homework|duty)|think\s+(?:before|first|twice|harder)|look\s+(?:in\s+the\s+mirror|more\s+closely)|own\s+(?:up|this|it|their|his|her)|start\s+(?:taking|thinking|reading|testing|acting|caring|listening|behaving|doing|paying)|learn\s|behave|pull\s+(?:its|his|her|their)|shape\s+up|step\s+up|take\s+(?:this|it|things|alerts?|(?:its|his|her|their)\s+\w+|\w+\s+(?:more\s+)?seriously|responsibility|ownership))",
        r"\b(?:it\s+is|it's)\s+(?:high\s+|about\s+)?time\s+(?:that\s+|for\s+)?{SOME}",
        r"\b(?:serious|stern|corrective|disciplinary|firm|unpleasant|frank|sharp|harsh|strong|tough|stiff|private)\s+(?:talk|talking-to|words?|conversations?|chat|discussion|meeting|reprimand|rebuke)\s+(?:with|for|to|about|has|have|had|was|is|will)\b",
        r"\b(?:had|have|having|has)\s+(?:a\s+)?(?:quiet\s+|few\s+|serious\s+)?words?\s+with\s+{SOME}|\b(?:talk|speak|spoken|talked|spoke)\s+(?:to|with)\s+{SOME}{NEAR}\b(?:about|regarding)\s+(?:his|her|their|its)\s+(?:behaviou?r|performance|attitude|conduct|mistakes?|carelessness|work|lack|negligence)\b",
        r"\b(?:performance\s+improvement\s+plan|on\s+a\s+pip|(?:written|formal|official|final|verbal)\s+(?:warning|reprimand|notice)s?\s+(?:was|were|has|have|will|to|for|is|should|from)|personnel\s+file|disciplinary\s+\w+|on\s+probation|on\s+administrative\s+leave|gardening\s+leave|made\s+an\s+example|make\s+an\s+example|zero[- ]tolerance|heads?\s+(?:must|will|should|have\s+to)\s+roll|name\s+and\s+shame|written\s+up|step\s+down|hand\s+in\s+(?:his|her|their)\s+(?:notice|resignation))\b",
        r"(?:{ANY}|involved|responsible){FAR}\b(?:reflected|noted|mentioned|considered|recorded|count\w*|feature\w*)\s+(?:\w+\s+){0,2}?(?:in|against)\s+(?:\w+\s+){0,2}?(?:yearly|annual|performance|next|personnel|salary|promotion|appraisal|bonus|pay)\b|\b(?:reflected|noted|mentioned|recorded|remembered|considered|count\w*)\s+(?:in|at|against)\s+(?:the|his|her|their)\s+(?:\w+\s+){0,2}?(?:yearly|annual|performance|personnel|salary|appraisals?|bonus(?:es)?|promotions?|pay)\b",
        r"\b(?:bonus(?:es)?|promotion|salary|pay\s+rise|raise)\s+of\s+{SOME}{NEAR}\b(?:cut|cancelled|withheld|reduced|denied|forfeited)\b|\b(?:cut|cancel|withhold|reduce|deny|dock)\s+(?:the\s+)?(?:\w+\s+)?(?:bonus(?:es)?|salary|pay|promotion)\s+(?:of|for)\b",
        r"\b(?:there\s+(?:must|will|should|have\s+to|need\s+to)\s+be|face|bear|suffer|without|draw|have)\s+(?:\w+\s+)?(?:personal\s+|serious\s+)?consequences\s+(?:for\s+{SOME}|$|[.!;])",
        r"{ANY}'s?\s+(?:[\w-]+\s+){0,2}?(?:access|rights|privileges|permissions|licen[cs]e|badge)\s+(?:must|should|will|has\s+to|have\s+to|ought\s+to|to)\s+(?:\w+\s+)?be\s+(?:\w+ly\s+)?(?:revoked|removed|withdrawn|taken|suspended|restricted|limited|cut)\b",
        r"\b(?:until|unless)\s+{P}\s+(?:has|have|can|is|are)\s+(?:proven?|shown?|demonstrated|learned|learnt|prove|show|demonstrate|able\s+to\s+(?:prove|show))\b",
        r"\b(?:learned|learnt|learns?|taught|teach|be)\s+(?:\w+\s+)?(?:him|her|them|his|her|their|its|{ANY}|a)\s+(?:a\s+|valuable\s+|hard\s+)?lessons?\b(?:\s+(?:to|for)\s+{SOME})?",
        r"\b(?:hope|hopefully|trust)\b{NEAR}(?:{ANY}|{ANYONE}|\bthis\b){NEAR}\b(?:lesson|learns?|learned|learnt|ashamed|sorry|apologi\w+|more\s+careful|never\s+(?:again|do))\b",
        r"\b(?:expect\w*|demand\w*|require)\s+(?:a\s+|an\s+|much\s+|far\s+)?(?:higher|better|more|greater|basic|proper|some)\s+(?:\w+\s+){0,3}?(?:of|from)\s+{SOME}",
        r"\b(?:below|short\s+of|beneath|not)\s+(?:the\s+)?(?:\w+\s+)?(?:standards?|level|expectations|what)\s+(?:that\s+)?(?:we|one|you|\ue003+|\ue000+)\s+(?:\w+\s+)?(?:expect|demand|require|would\s+expect|hold|should|can)\b",
        r"(?:{P}|{ANYONE}){GAP}\s+(?:is|are|will\s+be|was|were)\s+(?:\w+ly\s+|now\s+)?(?:expected|required|urged|told|ordered|instructed|obliged)\s+to\s+[^.;!?]{1,80}?\b(?:from\s+now\s+on|in\s+(?:the\s+)?future|next\s+time|at\s+all\s+times|more\s+carefully|twice|better)\b|(?:{P}|{ANYONE}){GAP}\s+(?:is|are|must|should|has\s+to|have\s+to|needs?\s+to)\s+(?:expected\s+to\s+)?double-check\b",
        r"\b(?:reminded?|reminder|made\s+aware)\s+(?:\w+\s+)?(?:of|about)\s+(?:his|her|their|its|the)\s+(?:\w+\s+)?" + _OWED_BY_PEOPLE,
        r"\b(?:those|the\s+{ANY}|the\s+ones|whoever|everyone)\s+(?:who\s+(?:are|is|were|was)\s+)?responsible\s+(?:know|knows|must|should|owe|for\s+(?:this\b|the\s+(?:[\w-]+\s+){0,2}?{HARM}))",
        r"{ANY}{FAR}\b(?:right|wrong)\s+(?:{ANY}|man|woman|one|fit)\s+for\s+(?:this|that|the|his|her|their|such)\s+(?:role|job|position|task|post|team|work)\b|{P}\s+(?:is|are|was|were)\s+(?:\w+\s+){0,2}?(?:right|wrong)\s+{ANY}\s+(?:for|in)\b",
        r"{P}{GAP}\s+(?:should|must|might\s+want\s+to|may\s+want\s+to|ought\s+to|needs?\s+to)\s+(?:\w+\s+)?(?:consider|reconsider|look\s+for|find|seek|think\s+about)\s+(?:a\s+|an\s+|his|her|their|another)\s*(?:\w+\s+)?(?:career|job|position|role|future|profession|line\s+of\s+work|employer)\b",
        r"\b(?:send|sent|sending|put|enrol\w*|order\w*|sign\w*\s+up)\s+{SOME}{NEAR}\b(?:on|to|for|into|through|back\s+to)\s+(?:an?\s+|the\s+|mandatory\s+|remedial\s+|more\s+|basic\s+)*(?:\w+\s+)?(?:training|course|class|school|basics)\b",
        r"\b(?:mandatory|remedial|compulsory|basic)\s+(?:re)?-?training\s+(?:for|of)\s+{SOME}",
        r"\b(?:kept?|keep|take|took|get)\s+(?:his|her|their)\s+(?:hands|fingers|paws)\s+off\b|\b(?:away|off)\s+from\s+(?:the\s+)?(?:production|prod|keyboard|console)\b{NEAR}{ANY}",
        unless_before=NEGATED,
    ),
    # --- character as the cure ---
    *of(
        "judgement",
        r"\b(?:better|more|greater|stricter|an?\s+(?:bit|little|lot|touch|minimum|modicum|ounce)\s+(?:more\s+|of\s+)?|basic|minimal|ordinary)\s*(?:\w+\s+)?(?:discipline|care|diligence|professionalism|common\s+sense|sense|thought|foresight|rigou?r|self-discipline|vigilance|caution|responsibility|commitment|concentration|humility|courage|respect|honesty|carefulness|judge?ment|attention\s+to\s+detail|due\s+diligence|effort|interest|curiosity|competence|seriousness)\b{NEAR}\b(?:would|could|might|will|is\s+(?:what|all)|was\s+all)\b",
        r"\b(?:what\s+(?:is|was)\s+(?:missing|lacking|needed)|(?:missing|lacking|absent))\s+(?:here\s+)?(?:is|was|were)\s+(?:\w+\s+){0,2}?(?:discipline|care|diligence|professionalism|common\s+sense|responsibility|ownership|commitment|rigou?r|judge?ment|attitude|competence|backbone|leadership)\b",
        r"\b(?:comes?|came|boils?|boiled|is|was|all)\s+down\s+to\s+(?:\w+\s+)?(?:discipline|care|carelessness|attitude|laziness|attention|negligence|(?:bad|poor)\s+\w+|competence|professionalism)\b",
        level=Level.WARNING,
        unless_before=NEGATED,
    ),
)  # fmt: skip
