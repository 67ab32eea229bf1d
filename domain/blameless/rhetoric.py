"""Rhetoric of the blameless lint: sarcasm, shame, comparison, contempt and what people are said to be incapable of.

Read by `lint.py` with the patterns of `patterns.py`, in the same language. The one thing to know: the words are those
of praise and of questions as often as those of anger, so each asks for a person, or for harm, nearby.
"""

from domain.blameless.findings import Level
from domain.blameless.patterns import NEGATED, Pattern, of

_LOW = (
    r"(?:intern|junior|beginner|novice|child|kid|student|pupil|trainee|lay(?:man|person)|amateur|newcomer|monkey|toddler|"
    r"apprentice|graduate|freshman|rookie|dog|cat|grandmother|mother|five-year-old|schoolchild|idiot|fool|moron|genius|"
    r"rocket\s+scientist|expert|detective|phd|degree|mind\s+reader|prophet)"
)
_KNOWLEDGE = (
    r"(?:knowledge|experience|understanding|brains?|clue|sense|idea|eyes|training|pulse|degree|skills?|grasp|wits?|"
    r"familiarity|background|expertise|intelligence|competence|decency|curiosity|interest|conscience|know-how|literacy|"
    r"education|attention|judge?ment|certification)"
)
_WRETCHED = (
    r"(?:shambles|joke|disgrace|farce|embarrassment|fiasco|shame|insult|circus|mess|train\s+wreck|pantomime|comedy|"
    r"scandal|travesty|clown\s+show|amateur\s+hour|charade|laughing\s+stock)"
)
_BELOW_ALL = (
    r"(?:abysmal|atrocious|dismal|dreadful|lamentable|deplorable|woeful|pathetic|laughable|disgraceful|appalling|shameful|"
    r"pitiful|miserable|terrible|horrible|awful|inexcusable|unacceptable|subpar|sub-standard|substandard|amateurish|"
    r"(?:far\s+|well\s+|way\s+|clearly\s+)?(?:below|beneath)\s+(?:par|standard|any\s+standard|expectations?|what)|"
    r"not\s+(?:good\s+enough|up\s+to\s+(?:standard|scratch|par|the\s+(?:job|mark|task)))|far\s+from\s+(?:professional|adequate|"
    r"acceptable)|(?:painfully|embarrassingly|inexcusably|unacceptably|ridiculously|scandalously|glacially)\s+\w+|"
    r"(?:much|a\s+lot|something|everything)\s+to\s+be\s+desired|disappointing|underwhelming|chaotic|half-hearted)"
)
_WORK_OF_PEOPLE = (
    r"(?:hand-?overs?|hand-?offs?|communication|handling|leadership|teamwork|coordination|preparation|planning|"
    r"decision-making|management|supervision|conduct|behaviou?r|attitude|effort|review|response|reaction|work|"
    r"performance|documentation|quality)"
)
_ONE_WOULD = r"(?:\b(?:one|you)|{W})\s+(?:would|might|should|could|'d)\s+(?:have\s+)?(?:really\s+)?(?:think|expect|hope|assume|imagine|thought|expected|hoped|assumed|imagined)"
_NOT_AS_THEY_OUGHT = (
    r"(?:without|not|never|n't|late|wrong|again|broke\w*|forg\w+|left|fail\w*|nobody|no\s+one|nowhere|asleep|ignor\w+|"
    r"missed|surpris\w+|skipp\w+|blam\w+|slow\w*|unprepared|too\s+\w+|panick\w*|mess\w*)"
)

RHETORIC: tuple[Pattern, ...] = (
    # --- praise that is none ---
    *of(
        "judgement",
        r"\b(?:congratulations|congrats|kudos|hats\s+off|well\s+done|bravo|thanks|thank\s+you|props|applause|credit|compliments|"
        r"a\s+round\s+of\s+applause|(?:great|nice|good|fine|excellent|superb|outstanding|stellar|brilliant)\s+(?:job|work|going|one|move|timing|thinking))\b"
        r"[^.;!?]{0,60}?\b(?:whoever|taking\s+(?:\w+\s+){0,3}?down|break\w*|crash\w*|delet\w*|wip\w+|ruin\w*|losing|lost|ignor\w*|forgetting|wasting|bring\w*\s+(?:\w+\s+){0,3}?down|"
        r"outage|mess|heroics|not\s+\w+ing|never\s+\w+ing|failing|killing|making\s+(?:\w+\s+)?worse|nothing)\b",
        r"\b(?:brilliant|genius|bright|great|clever|wonderful|fantastic|inspired|masterful|marvellous|glorious)\s+(?:idea|plan|move|thinking|decision|stroke|thought)\s+(?:of|by|to|from|on\s+the\s+part)\b(?!\s+(?:start|begin))",
        r"\bwhat\s+(?:a|an)\s+(?:\w+\s+)?(?:brilliant|genius|clever|wonderful|great|fantastic|bright|surprise|mess|disaster|shame|disgrace|joke|farce|shambles)\b",
        r"\bin\s+(?:his|her|their|its)\s+(?:infinite\s+|great\s+)?wisdom\b|\b(?:so-called|self-proclaimed|self-styled|supposed|alleged|would-be)\s+(?:[\w-]+\s+)?(?:{ANY}|experts?|professionals?)|\b(?:our|the|some|another|certain)\s+(?:heroes|hero|geniuses|genius|cowboys?|clowns?|rockstars?|wizards?|masterminds?|smart\s+\w+|bright\s+spark)\b(?=\s+(?:in|on|from|at|of|who|had|has|decided|thought|of)\b)",
        r"\b(?:apparently|evidently|seemingly|presumably|it\s+(?:seems|appears)\s+that)\b,?\s+(?:{NOBODY}|(?:reading|testing|checking|asking|thinking|reviewing|documenting|monitoring)\s|{DET}{P}\s+(?:thought|felt|believed|found|decided|considered?|(?:did|does|do)(?:\s+not|n't)|had\s+(?:no|better|other)|knows?))",
        r"\b(?:surprise,?\s+surprise|who\s+would\s+have\s+(?:thought|guessed)|to\s+(?:nobody|no\s+one)'s\s+surprise|shocking(?:ly)?,|what\s+could\s+possibly\s+go\s+wrong|not\s+exactly\s+rocket\s+science|(?:it\s+)?(?:is|was)n't\s+rocket\s+science|is\s+not\s+rocket\s+science|hop(?:e|ed|ing)\s+for\s+the\s+best|fingers\s+crossed|could(?:n't|\s+not)\s+be\s+bothered|couldn't\s+care\s+less)\b",
        r"(?:^[\s\"'(]*|[,;:]\s+)(?:as\s+(?:usual|always|ever|so\s+often)|once\s+(?:again|more)|yet\s+again|not\s+for\s+the\s+first\s+time|predictably|typically|true\s+to\s+form|of\s+course),?\s+(?:{DET}(?:{P}|{Q})|{NOBODY}){FAR}\b" + _NOT_AS_THEY_OUGHT + r"\b",
        r"{P}{FAR}\b(?:as\s+usual|once\s+more|yet\s+again|as\s+always|for\s+the\s+(?:second|third|fourth|nth|umpteenth|hundredth)\s+time)\s*(?:$|[.!;])",
        unless_before=NEGATED,
    ),
    # --- shame ---
    *of(
        "judgement",
        r"\b(?:it|this|that|which)(?:'s|\s+is|\s+was|\s+remains)\s+(?:(?:\w+ly|just|simply|frankly|quite|rather|so|really|beyond|nothing\s+short\s+of|nothing\s+but|more\s+than)\s+)*(?:an?\s+)?(?:\w+\s+)?(?:embarrassing|embarrassment|disgrace|shame(?:ful)?|scandal(?:ous)?|farce|joke|humiliating|mortifying|disappointing|pathetic|laughable|appalling|outrageous|inexcusable|unforgivable|unacceptable|unbelievable|incredible|infuriating|frustrating|depressing|sad|alarming|baffling|beyond\s+\w+|ridiculous|absurd|insulting|an?\s+insult|telling|worrying|shocking|astonishing|indefensible|intolerable)\s+(?:that|how|to\s+(?:see|think|read|watch)|when|for)\s{FAR}(?:{ANY}|{NOBODY}|{ANYONE}|{Q}|{W})",
        r"{ANY}{NEAR}\b(?:should|ought\s+to|must|can)\s+(?:be|feel)\s+(?:\w+ly\s+)?(?:ashamed|embarrassed|sorry|mortified)\b|\bshame\s+on\b|\bhang\s+(?:his|her|their|its)\s+heads?\b",
        r"{ANY}{FAR}\b(?:was|were|is|are|made|became|turned\s+into)\s+(?:\w+\s+){0,2}?(?:an?\s+|the\s+|nothing\s+but\s+an?\s+)(?:[\w-]+\s+)?" + _WRETCHED + r"\b|\b" + _WORK_OF_PEOPLE + r"\b{NEAR}\b(?:was|were|is|are)\s+(?:\w+ly\s+)?an?\s+(?:\w+\s+)?" + _WRETCHED + r"\b",
        r"\b" + _WORK_OF_PEOPLE + r"\b[^.;!?]{0,40}?\b(?:of|by|from|between|in|on\s+the\s+part\s+of)\s+{SOME}[^.;!?]{0,40}?\b(?:was|were|is|are|left|leaves|has\s+been|proved|fell)\s+(?:\w+ly\s+)?" + _BELOW_ALL,
        r"{ANY}(?:'s?)?\s+(?:[\w-]+\s+){0,2}?" + _WORK_OF_PEOPLE + r"\s+(?:\w+\s+){0,4}?(?:was|were|is|are|left|leaves|has\s+been|proved|fell)\s+(?:\w+ly\s+)?" + _BELOW_ALL,
        r"{P}{GAP}\s+(?:was|were|is|are|has\s+been|have\s+been|proved)\s+(?:\w+ly\s+)?(?:an?\s+)?(?:" + _BELOW_ALL + r"|disappointment|liability|menace|bottleneck|weak\s+link|no\s+help|of\s+no\s+(?:use|help)|danger\s+to)",
        r"\b(?:says|said|speaks|tells|told)\s+(?:us\s+|you\s+)?(?:a\s+lot|much|everything|volumes|all\s+(?:you|\ue003+)\s+need\w*(?:\s+to\s+know)?)\s+(?:about|of)\s+(?:our|the|this|his|her|their|its)\b",
        unless_before=NEGATED,
    ),
    # --- the others can, and so could a child ---
    *of(
        "counterfactual",
        r"(?<!\w)(?:{ANYONE}|(?:any|every|each)\s+(?:\w+\s+){0,3}?{ANY})\s*(?:with|who\s+(?:has|had|possesses|possessed|knows|knew|understands|understood|paid|read|reads|cared|looked|looks|bothered|can|took|takes|spent|ever|is|was))\s[^.;!?]{1,70}?\b(?:would\s+(?:not\s+|never\s+|surely\s+|\w+ly\s+)?have|wouldn't\s+have|would\s+(?:know|see|notice|realise|realize|understand|add|check)|should\s+(?:have|know)|knows|could\s+(?:have\s+)?(?:told|tell|predict\w*|fix\w*|prevent\w*|spot\w*|caught|avoid\w*|guess\w*|seen|done|work\w*))\b",
        r"(?<!\w)(?:{ANYONE}|{DET}{P})\s+with\s+(?:even\s+)?(?:an?\s+|any\s+|some\s+|half\s+an?\s+|the\s+)?(?:[\w-]+\s+){0,4}?" + _KNOWLEDGE + r"\b[^.;!?]{0,40}?\b(?:would\s+(?:not\s+|never\s+)?(?:have|know|see|notice|realise|realize)|knows|should\s+(?:have|know)|could\s+have)\b",
        r"\b(?:even\s+(?:an?|the|our|my|your)\s+(?:[\w-]+\s+){0,2}?(?:" + _LOW + r"|{ANY})|only\s+an?\s+(?:[\w-]+\s+)?" + _LOW + r")\s+(?:could|would|can|knows?|understands?|sees?)\b",
        r"\b(?:a|an|any|my|our)\s+(?:[\w-]+\s+){0,2}?(?:" + _LOW + r"|{ANY})\s+(?:could\s+have|would\s+(?:have|know|see|notice|understand)|understands|could\s+(?:see|tell))\b",
        r"\b(?:does|do|did|would|should)(?:\s+not|n't)\s+(?:have\s+)?(?:take|taken|need|require)\s+(?:an?\s+|to\s+be\s+an?\s+)?(?:[\w-]+\s+)?" + _LOW + r"\b",
        r"\bany\s+(?:other\s+|half-awake\s+|normal\s+|self-respecting\s+|[\w-]+\s+)?{ANY}\s+(?:would|should|knows?)\s+(?:not\s+|never\s+|surely\s+)?(?:have|know|realise|realize|see|understand|notice|\w+)\b(?!\s+(?:able|free|welcome))(?<!would be)(?<!should be)",
        r"\b(?:the\s+)?(?:previous|former|last|old|earlier)\s+{ANY}\s+(?:would|could|had|did|handled|managed|never|always)\b{FAR}\b(?:never|not|without|better|properly|correctly|come\s+to\s+this|this|that|trouble)\b",
        r"\b(?:other|most|all\s+other|neighbou?ring|normal|serious|real|good)\s+(?:[\w-]+\s+)?(?:{ANY}|companies|departments|organi[sz]ations|shops)\s+(?:manage[sd]?|seem|have\s+no\s+(?:trouble|problem|difficulty)|would\s+have|have\s+long|have\s+learned|get\s+this\s+right|do\s+not\s+(?:do|make|have)|don't\s+(?:do|make|have)|can\s+do|know\s+how|handle|test\s|take\s+the\s+time|learned)\b",
        r"\b(?:our\s+)?competitors?\s+(?:would|could|manage|managed|do\s+not|don't|never|have\s+no)\b|\bthis\s+one\s+(?:does|did|could|can|is)\s*(?:not|n't)\b\s*(?:$|[.!;])",
        r"(?:{P}|\b(?:day|night|early|late|morning)\s+shift){FAR}\bunlike\s+(?:the\s+|our\s+|his\s+|her\s+|their\s+|some\s+)?(?:[\w-]+\s+){0,2}?(?:{ANY}|shift|others|colleagues)\b|\bunlike\s+(?:the\s+|our\s+|his\s+|her\s+|their\s+|some\s+)?(?:[\w-]+\s+){0,2}?(?:{ANY}|shift),\s+(?:the\s+|our\s+|this\s+)?(?:[\w-]+\s+){0,2}?(?:{P}|shift)",
        r"\b(?:handled|solved|managed|dealt\s+with)\b{NEAR}\b(?:correctly|properly|without\s+(?:any\s+)?(?:trouble|problems?|drama)|just\s+fine)\b{NEAR}\b(?:unlike|whereas)\b",
        r"\b(?:better|faster|sooner|more)\b{NEAR}\bthan\s+(?:the\s+|our\s+|this\s+)?(?:[\w-]+\s+)?{ANY}\s+(?:did|does|ever\s+did|is\s+capable|could|managed)\s*(?:$|[.!;]|of\b)",
        level=Level.WARNING,
        unless_before=NEGATED,
    ),
    *of(
        "hindsight",
        _ONE_WOULD + r"(?:\s+that|\s+for|\s+of)?\s+(?:{DET}(?:{ANY}|{Q})|{ANYONE}\b)",
        r"{ANY}{GAP}\s+(?:must|should|ought\s+to|had\s+to)\s+(?:surely\s+)?(?:have\s+)?(?:be|been)\s+aware\b|{P}{GAP}\s+(?:must|had\s+to)\s+(?:surely\s+)?have\s+(?:known|seen|noticed|realised|realized|heard|read)\b",
        r"{P}{GAP}\s+(?:knew|knows|were\s+aware|was\s+aware)\s+(?:full\s+well|perfectly\s+well|very\s+well|exactly|all\s+along|damn\s+well|for\s+(?:weeks|months|years|a\s+long\s+time|days)|only\s+too\s+well)\b",
        r"\b(?:there\s+(?:was|were|had\s+been)|had|given)\s+(?:ample|plenty\s+of|more\s+than\s+enough|enough|sufficient|countless|numerous|repeated|every|clear)\s+(?:time|warnings?|opportunit(?:y|ies)|signs?|chances?|notice|reminders)\b(?=[^.;!?]*\b(?:squander\w*|wast\w*|ignor\w*|yet|but|still|missed|react|nobody|nothing|not|prevent|act)\b)",
        r"\b(?:for|to)\s+(?:{ANYONE}|those|all)\s+(?:who\s+)?(?:cared|cares|bothered|willing|wanted|with\s+eyes|was\s+looking|were\s+looking|looking|paying\s+attention)\b",
        r"\b(?:had\s+been|was|were)\s+(?:plain|clear|visible|evident|apparent|known|there)\b{NEAR}\b(?:for\s+all|for\s+everyone|to\s+everyone|to\s+anyone|to\s+all|all\s+along|for\s+(?:weeks|months|years))\b",
        r"\bhow\s+(?:hard|difficult)\s+(?:can|could|is)\s+(?:it|that)\b|\b(?:it\s+)?(?:is|was)(?:\s+not|n't)\s+(?:that|so)\s+(?:hard|difficult)\b",
        level=Level.WARNING,
    ),
    # --- told, and did it all the same ---
    *of(
        "judgement",
        r"{P},?\s+(?:who\s+)?(?:had|have|has|was|were)\s+(?:\w+ly\s+)?(?:been\s+)?(?:\w+ly\s+)?(?:told|warned|shown|instructed|reminded|briefed|trained|informed|advised|taught|asked|begged|aware|cautioned|alerted)\b[^.;!?]{0,100}?\b(?:still|(?<!once\s)again|anyway|anyhow|nevertheless|nonetheless|regardless|went\s+ahead|all\s+the\s+same|even\s+so)\b",
        r"{P},?\s+who\s+[^.;!?]{3,100}?,\s+(?:still\s+(?!in\b|on\b|at\b|had\b|has\b|is\b|was\b)|again\s|nevertheless|nonetheless|went\s+ahead|carried\s+on|carelessly|happily|cheerfully|managed\s+to\s+(?:break|miss|delete|ignore|take))",
        r"{P}\s+(?:had|have|has|was|were)\s+(?:been\s+)?(?:told|warned|shown|reminded|trained|instructed|asked|cautioned)\b[^.;!?]{0,80}?\b(?:twice|times|repeatedly|more\s+than\s+once|before|again\s+and\s+again|in\s+writing)\b(?![^.;!?]*\bby\s+the\s+(?:tool|console|alert))",
        r"{P}\s+(?:had|have|has|was|were)\s+(?:been\s+)?(?:told|warned|reminded|cautioned|instructed)\s+(?:about|of|not\s+to|against|that|to)\b[^.;!?]{1,80}?\b(?:and|but|yet)\s+(?:\w+\s+)?(?:exceeded|ignored|did|broke|used|ran|pushed|deployed|went|carried|chose|kept|left|started|restarted|deleted|proceeded|merged|waited|sat|said|approved|skipped)\b",
        r"\bagainst\s+(?:all|every|explicit|express|clear|repeated|better|the\s+(?:explicit|express|clear|repeated|better|advice|wishes|instructions|rules|policy))\s*(?:\w+\s+)?(?:advice|instructions?|orders?|warnings?|policy|knowledge|judge?ment|recommendations?|rules?|wishes|reason|of\b)",
        r"{P}{GAP}\s+(?:disobeyed|defied|flouted|contravened|sidestepped|trampled|broke\s+(?:the\s+|our\s+)?(?:\w+\s+)?(?:freeze|rules?|policy|protocol|agreement|promise|trust))\b",
        r"\binstead\s+of\s+(?:\w+ly\s+)?(?:following|reading|checking|asking|testing|thinking|escalating|calling|admitting|looking|consulting|verifying|doing)\b[^.;!?,]{0,60},\s+{DET}{P}",
        r"\b(?:smuggled|sneaked|snuck|slipped|rushed|rammed|forced|pushed)\s+(?:it\s+|this\s+|the\s+\w+\s+)?(?:in|past|through|out)\b{NEAR}\bby\s+{SOME}|{P}{GAP}\s+(?:smuggled|sneaked|snuck|rammed)\b",
        r"\b(?:thrown|threw|tossed|went|cast)\s+(?:\w+\s+){0,4}?(?:overboard|out\s+(?:of\s+)?the\s+window|to\s+the\s+wind)\b",
        r"{P}{FAR}\b(?:above|exempt\s+from|too\s+good\s+for|not\s+bound\s+by)\s+(?:the\s+|our\s+|any\s+|such\s+)?(?:\w+\s+)?(?:process|rules?|law|policy|procedures?|reviews?)\b",
        r"\b(?:known|clear|familiar|obvious)\s+to\s+(?:all|everyone|everybody|the\s+\w+)\b,?\s*(?:and\s+)?(?:yet|but|still)\b|{P}{GAP}\s+(?:chose|decided|preferred|opted)\s+to\s+(?:break|ignore|violate|flout|bend|gamble|disregard|bypass|skip)\b",
        r"{P}{GAP}\s+(?:insisted\s+on|would\s+not\s+hear|wouldn't\s+hear|would\s+not\s+listen|wouldn't\s+listen|would\s+not\s+admit|wouldn't\s+admit|refuses|took\s+it\s+(?:on|upon)|could\s+not\s+resist|couldn't\s+resist|had\s+to\s+show\s+off|thought\s+(?:he|she|\ue000+)\s+knew\s+(?:better|best)|knew\s+it\s+all|pushed\s+for\s+the\s+(?:date|deadline|release))\b",
        r"\b(?:egos?|pride|vanity|politics|stubbornness|laziness|arrogance|territorial\s+\w+)\s+(?:\w+\s+)?(?:got|gets|stood|getting)\s+in\s+the\s+way\b|\bthe\s+blind\s+leading\b|\bhot\s+potato\b",
        unless_before=NEGATED,
    ),
    # --- what people are, can and know ---
    *of(
        "judgement",
        r"{P}{GAP}\s+(?:was|were|is|are|seemed|proved)\s+(?:\w+ly\s+|just\s+|far\s+|way\s+|much\s+)?too\s+(?:\w+ly\s+)?(?:lazy|proud|slow|green|inexperienced|junior|stubborn|impatient|afraid|shy|scared|timid|arrogant|quick|eager|confident|trusting|optimistic|cocky|careless|comfortable|complacent|naive|distracted|stupid|dumb|ignorant|hasty|weak|clever|important|keen|cowardly|polite|set\s+in)\b",
        r"{P}{GAP}\s+(?:was|were|is|are|proved)\s+(?:\w+ly\s+|just\s+)?(?:not\s+(?:\w+ly\s+)?(?:up\s+to|qualified|fit|capable|cut\s+out|competent|ready|experienced\s+enough|good\s+enough|skilled|the\s+right|paying|in\s+control|trained|on\s+top\s+of|interested)|unfit|unqualified|ill-equipped|incapable|overwhelmed\s+by\s+the\s+simplest|hopelessly|in\s+over|out\s+of\s+(?:his|her|their|its)\s+(?:depth|league)|no\s+good|unable\s+to\s+(?:think|grasp|understand|handle\s+(?:pressure|stress)))\b(?!\s+(?:access|at\s+the|in\s+the\s+call))",
        r"{P}{GAP}\s+(?:does|do|did|has|have|had)(?:\s+not|n't)?\s+(?:\w+ly\s+)?(?:understand\s+(?:its|his|her|their|the\s+(?:basics|system|service))|know\s+(?:its|his|her|their)\s+own|have\s+(?:the\s+(?:skills?|brains|courage|guts|discipline|experience)|a\s+clue|what\s+it\s+takes))\b",
        r"{P}{GAP}\s+(?:has|have|had)\s+(?:absolutely\s+|clearly\s+|simply\s+)?no\s+(?:business|stake|idea\s+(?:what|how)|clue|respect|regard|sense|grasp|concept|understanding|discipline|excuse|shame|interest\s+in)\b",
        r"{ANY}\s+who\s+(?:\w+\s+)?[^.,;!?]{1,50}?\s+(?:has|have|had)\s+(?:clearly\s+|obviously\s+|apparently\s+|probably\s+|evidently\s+)?(?:never|no\s+(?:idea|clue|business))\s?",
        r"\b(?:whoever|whomever)\s+(?!is\b|was\b|wants\b|needs\b|has\b|have\b)[^.;!?]{2,60}?\b(?:did\s+not|didn't|never|had\s+no|was\s+(?:not|asleep|clearly|obviously)|owes|should\s+(?:have|be\s+\w+ed))\b",
        r"{P}\s+(?:always|never|only|just|keep|keeps|tend\s+to|tends\s+to|constantly|invariably|routinely|consistently|habitually)\s+(?:forget\w*|break\w*|ignor\w*|blam\w*|assum\w*|complain\w*|skip\w*|hop(?:e|es|ing)|think\s+(?:about|of|before|that)|care\w*|listen\w*|read\b|test\b|guess\w*|panic\w*|make\s+(?:the\s+same|mistakes|excuses)|bother\w*|mess\w*|cut\w*|look\s+(?:for|at)\s+(?:someone|the\s+easy)|do\s+the\s+(?:bare\s+)?minimum|learn\w*|push\w*\s+(?:straight|untested|broken)|restart\s+things|want\s+to\s+look|wait\w*\s+until\s+it\s+is\s+too)",
        r"\bit\s+took\s+{DET}(?:{ANY}|him|her|them)\s+(?:\w+\s+)?(?:an?\s+eternity|forever|ages|far\s+too|way\s+too|much\s+too|all\s+(?:day|night|morning)|half\s+the\s+(?:day|night)|embarrassingly|ridiculously|an?\s+(?:unacceptable|unreasonable|incredible|ridiculous|whole)|three\s+reminders|several\s+reminders)\b",
        r"{P}{GAP}\s+(?:was|were|is|are)\s+(?:\w+ly\s+|too\s+|painfully\s+)?slow\s+(?:to|in|on)\b",
        r"\b(?:time|seconds|minutes|hours?|days|weeks)\s+(?:was|were|had\s+been|has\s+been|got)\s+(?:\w+ly\s+)?(?:lost|wasted|squandered|frittered)\s+(?:because|while|as|when|by|until|since|with)\s+(?:{DET}{P}(?!{GAP}\s+(?:had\s+(?:no|to)|did\s+not\s+have|could\s+not|was\s+not\s+able|needed|was\s+on\s+(?:a|the)\s+\w+\s+without))|{NOBODY})",
        r"\b(?:squandered|frittered\s+away)\b",
        r"\b(?:left|remained|stayed|went|kept|let|allowed\s+to)\s+(?:\w+ly\s+)?(?:un\w+ed|open|exposed|rotting|to\s+rot|unread|unwatched|lying)\b{NEAR}\bby\s+{SOME}",
        r"\b(?:waved\s+through|nodded\s+through|signed\s+off|rushed\s+through|pushed\s+through|brushed\s+(?:off|aside)|laughed\s+off|thrown\s+away|wasted|tolerated|swept\s+under\s+the\s+\w+|shrugged\s+off|dismissed|written\s+off|cobbled\s+together|hacked\s+together|slapped\s+together|thrown\s+together)\b{NEAR}\bby\s+{SOME}",
        r"\bno\s+(?:attempt|effort|thought|consideration|care)\s+(?:\w+\s+)?(?:was|were|had\s+been|has\s+been)\s+(?:\w+\s+)?(?:made|given|taken|spent|shown)\b{NEAR}\b(?:by|to\s+(?:find|check|ask|verify|understand|inform|test|warn|prevent))\b",
        r"\bwrong\s+[\w-]+\s+(?:was|were|had\s+been|got)\s+(?:\w+ly\s+)?(?:pressed|chosen|typed|selected|clicked|entered|picked|deleted|restarted|used|run|pulled|edited|changed|copied)\b{NEAR}\bby\s+{SOME}|\bby\s+the\s+(?:very\s+)?same\s+{ANY}\s*(?:$|[.!;]|who|again)",
        r"(?:{P}|\busers)\s+(?:just\s+|simply\s+)(?:do\s+not|don't|will\s+not|won't|cannot|can't|refuse|restart|push|ignore|forget)\b",
        r"(?:{P}|\bthe\s+user)\s+told\s+it\s+(?:the\s+wrong|to\s+do\s+the\s+wrong|wrong)\b|\b(?:tools?|process(?:es)?|automation|software|technology|training)\s+(?:can|could|will)(?:not|\s+not|n't)\s+(?:fix|cure|replace|help\s+against|compensate\s+for|protect\s+us\s+from|save\s+us\s+from)\s+(?:\w+\s+)?(?:carelessness|stupidity|laziness|attitude|sloppiness|negligence|incompetence|ignorance|\ue000+|\ue001+|indiscipline|indifference)\b",
        r"(?:{P}|{Q}){FAR}\b(?:got|gets|get)\s+what\s+(?:it|he|she|they|you|\ue000+|\ue002+|\ue003+)\s+(?:paid|asked|deserved?)\b",
        r"(?<!\bif\s\ue003\ue003\ue003\s)\b(?:typed|entered|picked|chose|pressed|clicked|ran|selected|restarted|pulled)\s+the\s+wrong\b{NEAR}",
        r"\b(?:if|had)\s+(?:people|everyone|everybody|\ue000+|\ue003+)\s+(?:only\s+|just\s+|simply\s+)?(?:did|had\s+done|done|would\s+do)\s+(?:their|his|her|its|our)\s+(?:jobs?|work|homework|duty)\b",
        unless_before=NEGATED,
    ),
    # --- what people are said to prefer, and to be known for ---
    *of(
        "judgement",
        r"{P}{GAP}\s+(?:chose|preferred|puts?|placed|valued|favou?red)\s+(?:[\w-]+\s+){1,3}?(?:over|above|before|ahead\s+of)\s+(?:the\s+|our\s+|any\s+)?(?:safety|quality|stability|reliability|customers?|users?|correctness|security|care|duty|diligence|uptime|testing|availability|everything|all\s+else)\b",
        r"{P}{FAR}\brather\s+than\s+(?:listen\w*|admit\w*|own\w*\s+up|follow\w*|help\w*|think\w*|check\w*|test\w*|escalat\w*|fix\w*\s+(?:it|the))\b",
        r"{P}{GAP}\s+spent\s+more\s+(?:time|energy|effort)\b",
        r"{P}{GAP}\s+(?:vanished|disappeared|fobbed|strung|stalled|freeloaded)\b|\b(?:the|a)\s+run-?around\b|\bleft\s+the\s+rest\s+of\s+(?:us|them|\ue003+|\ue001+)\b",
        r"{ANY}{NEAR}\b(?:is|are|was|were)\s+(?:well\s+|widely\s+)?(?:known\s+for|notorious|infamous)\b|\b(?:notorious|infamous)\s+(?:for\s+|[\w-]+\s+)?{ANY}",
        r"{P}{GAP}\s+(?:has|have|had)\s+(?:done|tried|pulled)\s+(?:this|it|that)\s+(?:before|again|more\s+than)|{P}{GAP}\s+did\s+it\s+again\b",
        r"\b(?:pet\s+projects?|hobby-?horse|vanity\s+project|ego\s+trip|power\s+trip|empire-building)\b",
        r"\b(?:comes?|came|stems?|stemmed|results?|resulted|happens?|happened)\s+(?:from|when|because|of)\s+(?:people\s+|{ANY}\s+)?(?:not|never)\s+(?:caring|thinking|reading|testing|listening|checking|asking|paying|looking|bothering)\b|\bwhat\s+happens\s+when\s+(?:{DET}{P}|{NOBODY}|{W})",
        r"{P}{GAP}\s+(?:thought|believed|fancied|imagined|figured)\s+(?:that\s+)?{P}\s+(?:could|might|was\s+able\s+to|did\s+not\s+need|didn't\s+need)\s+[^.;!?]{0,40}?\b(?:alone|without|get\s+away|all\s+by|better|faster|handle)\b",
        r"\b(?:not\s+what|what\s+(?:do|are)|why)\s+(?:{W}|\w+)\s+(?:are\s+|do\s+)?(?:pay|paid|paying|hired?|employ)\b|{ANY}{GAP}\s+(?:is|are|was|were)\s+(?:\w+\s+)?paid\s+to\b",
        r"\bneither\s+of\s+(?:them|whom|{DET}{ANY})\s+(?:had\s+|\w+ly\s+)?(?:understood|read|looked|checked|tested|noticed|thought|bothered|asked|cared|spoke|took)\b",
        r"(?:{NOBODY}|{P})[^.;!?]{0,30}?\b(?:can|cannot|can't|could|could\s+not|couldn't|should\s+not|shouldn't)\s+be\s+(?:trusted|relied)\b",
        r"{P}{GAP}\s+never\s+should\s+have\b",
        r"{W}\s+all\s+know\s+(?:how|who|where|what)\b|\b(?:as\s+(?:one|you|{W}|anyone)\s+(?:would|might)\s+(?:have\s+)?expect(?:ed)?\s+(?:of|from)\s+{DET}{ANY}|(?:should|will|would|does)\s+(?:not\s+)?surprise\s+(?:{NOBODY}|{ANYONE})|(?:came|comes)\s+as\s+no\s+surprise\b[^.;!?]*{ANY})",
        r"\b(?:perhaps|maybe|hopefully|let\s+us\s+hope)\s*,?\s+(?:next\s+time\b[^.;!?]{0,40}?{P}|{DET}{P}[^.;!?]{0,60}?\bnext\s+time\b|{DET}{P}\s+(?:will|would|could|can|should)\s+(?:learn|think|read|test|check|look|listen|finally))",
        unless_before=NEGATED,
    ),
    *of(
        "counterfactual",
        r"\b(?:no|any|every|an?)\s+(?:attentive|careful|competent|experienced|diligent|alert|half-awake|sane|sensible|thinking|reasonable|decent|prudent|responsible|professional|self-respecting|seasoned|serious)\s+(?:{ANY}|\w+)\s+(?:(?:of|on|in|with)\s+[^.,;]{1,30}?\s+)?(?:would|could)\b",
        r"\ball\s+(?:that\s+)?(?:{ANYONE}|{DET}{P}|{W})\s+(?:had|needed|has|have)\s+to\s+do\b",
    ),
    # --- questions that are none ---
    *of(
        "who-question",
        r"^[\s\"'(]*(?:was|were|is|are|did|does|do|has|have|had|could|can)(?:n't|\s+not)?\s+(?:{ANYONE}|{NOBODY}|{DET}{P})\s+(?:there\s+|in\s+\S+\s+\S+\s+)?(?:even|ever|really|actually|seriously|awake|asleep|blind|drunk|thinking|paying|not|bother|care|think|read|look|know\s+(?:how|what)|notice|check|test|at\s+all)\b[^.]*\?",
        r"\b(?:did|does|do|has|had)(?:\s+it\s+(?:not|never)|n't\s+it|\s+it)\s+(?:ever\s+|really\s+)?(?:occur|occurred|strike|dawn|cross)\b[^.]*\?",
        r"\bhow\s+(?:many\s+(?:more\s+)?(?:times|outages|incidents|warnings|reminders|\w+)|often|long)\s+(?:more\s+)?(?:do|does|did|must|will|before|until|have|has|can|should)\b[^.?]*?(?:\ue000|\ue001|\ue003|\ue004|\ue005|anyone|somebody)+[^.]*\?",
        r"\bwhy\s+(?:is|was|are)\s+it\s+(?:always|that|again|every\s+time)\b[^.?]*?(?:\ue000|\ue001|\ue005|\ue006|anyone|nobody|\ue004)+[^.]*\?",
        r"\bwhat\s+(?:kind|sort)\s+of\s+(?:an?\s+)?(?:[\w-]+\s+)?{ANY}\b[^.]*\?|\b(?:in|of)\s+(?:his|her|their)\s+right\s+minds?\b",
        r"\bwho\s+(?:let|lets|gave|gives|allowed|thought|put|hired|told|decided|in|on|signed|taught|trained|left|had\s+the|would(?!\s+(?:like|want|prefer|be|take|own|join|need)))\b[^.]*\?",
        level=Level.WARNING,
    ),
)  # fmt: skip
