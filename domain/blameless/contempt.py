"""Contempt, the widest net of the blameless lint: words that are said of people in anger, with a person beside them.

Read by `lint.py` after the narrower patterns, in the same language. The one thing to know: only words that engineering
prose does not use of machines stand here, for a person anywhere in the sentence is enough.
"""

from domain.blameless.findings import Level
from domain.blameless.patterns import NEGATED, Pattern, of

_CONTEMPT = (
    r"(?:stupid\w*|dumb|idio\w+|fool\w*|moron\w*|lazy(?!\s+(?:load|eval|init|import|fetch|compil|quant|expr|propert|field|"
    r"bind|writ|delet|cach|migrat|seq|iter|object|valu))|laziness|careless\w*|clums\w+|ignoran\w+|arrogan\w+|"
    r"incompeten\w+|inept\w*|unprofessional\w*|unprepared|unhelpful|unqualified|clueless\w*|worthless|pathetic\w*|"
    r"ridiculous\w*|laughabl\w+|disgrac\w+|shame\w*|embarrass\w*|appall\w+|inexcusabl\w+|unforgivabl\w+|"
    r"unacceptabl\w+|outrageous\w*|infuriat\w+|disappointing\w*|astonishing\w*|baffl\w+|bewilder\w+|incomprehensibl\w+|"
    r"hard\s+to\s+(?:believe|(?:understand|fathom|imagine|see|explain)\s+(?:how|why|what)|excuse)|negligen\w+|reckless\w*|slopp(?:y(?!\s+mode)|ily|iness)|complacen\w+|"
    r"(?:was|were|being|always|clearly|obviously|too\s+much|just)\s+in\s+(?:a|too\s+much\s+of\s+a|such\s+a)\s+hurry|like\s+an?\s+(?:beginner|amateur|rookie|fool|child|headless\s+\w+)|amateurish\w*|rookie|blunder\w*|bungl\w+|"
    r"botch\w*|screw\w*\s+up|mess(?:ed)?\s+up|liars?|lied|lying|excuses|scapegoat\w*|culprits?|punish\w*|disciplin(?:ary|ed)|common\s+sense|"
    r"work\s+ethic|attitude\s+(?:problem|towards?|of)|no\s+backbone|cowardice|cowardly|greed(?:y|iness)?|ego\b|smug\w*|sulk\w*|whin(?:e|ed|ing)|"
    r"pretend(?:ed|s|ing)?\s+(?:not|that|to\s+(?:know|be|have|understand))|clown\w*|cowboys?|useless|hopeless\w*|spineless|gullible|na[iï]ve(?:ly|ty)?|"
    r"irresponsib\w+|thoughtless\w*|mindless\w*|heedless\w*|oblivious\w*|indifferen(?:t|ce)|apath\w+|dereliction|malpractice|"
    r"a\s+lack\s+of\s+(?:care|respect|interest|discipline|professionalism|judge?ment|common\s+sense)|wishful\s+thinking|kindergarten|"
    r"drinking\s+coffee|on\s+(?:his|her|their)\s+phones?|asleep|snoring|daydream\w*|chatting|gossip\w*|goof\w+|half-asleep)"
)
_FAULT_OF_CHARACTER = (
    r"(?:attitude|ignorance|negligence|laziness|impatience|arrogance|carelessness|inexperience|hesitation|haste|stubbornness|"
    r"egos?|greed|indifference|inaction|sloppiness|inattention|incompetence|complacency|indecision|recklessness|refusal|unwillingness|"
    r"reluctance|overconfidence|ineptitude|thoughtlessness|clumsiness|nonchalance|amateurism|slowness|vanity|temper|excuses|blunders?)"
)
_DUTY_VERBS = (
    r"(?:inform\w*|tell\w*|ask\w*|check\w*|test\w*|document\w*|escalat\w*|review\w*|warn\w*|read\w*|call\w*|look\w*|verify\w*|"
    r"notif\w+|report\w*|mention\w*|consult\w*|answer\w*|reply|replying|respond\w*|follow\w*|learn\w*|wait\w*)"
)

CONTEMPT: tuple[Pattern, ...] = (
    *of(
        "judgement",
        r"(?:{ANY}|{NAME}){FAR}\b" + _CONTEMPT + r"\b",
        r"\b" + _CONTEMPT + r"\b{FAR}(?:{ANY}|{NAME})",
        r"\b(?:ignoring|forgetting|skipping|disregarding|neglecting|pushing|deploying|merging|deleting|approving|not\s+\w+ing)\b[^.;!?]{1,60}?\b(?:was|is)\s+(?:an?\s+|just\s+|simply\s+|plain\s+)?(?:\w+ly\s+)?" + _CONTEMPT + r"\b",
        r"(?:{ANY}(?:'s?)?|\b(?:his|her|their|your|our))\s+(?:own\s+|\w+\s+)?" + _FAULT_OF_CHARACTER + r"\b(?!\s+of\s+the\s+(?:service|server|queue))",
        r"{NOBODY}[^.;!?]{0,40}?\s(?:took|gave|paid|made|spent|showed|had)\s[^.;!?]{0,40}?\b(?:seriously|care|attention|thought|effort|trouble|interest|courage|sense|guts|decency|initiative)\b",
        r"\b(?:told|warned|asked|reminded|explained\s+to|begged|said\s+to|taught)\s+{SOME}[^.;!?]{0,40}?\b(?:times|repeatedly|again\s+and\s+again|over\s+and\s+over|more\s+than\s+once|twice|before|already|not\s+to)\b",
        r"{P}{GAP}\s+(?:just\s+|simply\s+)?let\s+(?:the\s+|our\s+|a\s+|this\s+|that\s+|it\s+|things\s+|them\s+)(?:[\w-]+\s+){0,3}?(?:run|go|fill|grow|slip|rot|die|expire|lapse|drift|burn|sit|pile|crash|fail|drop)\b",
        r"{P}{GAP}\s+(?:needs?|requires?|lacks?|wants?|could\s+(?:do|use))\s+(?:with\s+|some\s+|more\s+|a\s+|an\s+|constant\s+|closer\s+|better\s+|proper\s+|adult\s+|serious\s+)*(?:supervision|lessons?|babysitting|hand-holding|remedial|refresher|wake-up\s+call|talking-to|kick|discipline|reminding|reminders?\s+(?:of|about|that|to))\b",
        r"{P}{GAP}\s+(?:claims?|claimed|alleges?|alleged|swears?|swore|maintains?|pretends?|pretended)\s+(?:that\s+|not\s+to\s+|to\s+have\s+|{P}\s|{NOBODY})",
        r"{P}{FAR}\b(?:did\s+not|didn't|does\s+not|doesn't|never)\s+(?:find|think|consider|deem|see|feel)\s+(?:it|this|that|the\s+need|any\s+need|a\s+need)\s*(?:\w+\s+)?(?:necessary|worth\w*|important|needed|relevant|his|her|their|to)\b",
        r"{P}{GAP}\s+(?:saw|felt|had)\s+no\s+(?:need|reason|obligation|desire|inclination|intention)\s+(?:to|of)\s+" + _DUTY_VERBS + r"\b",
        r"{P}{GAP}\s+(?:thought|considered|deemed|found|believed|felt)\s+(?:it|that|this|\w+ing)\s+(?:\w+\s+){0,3}?(?:unnecessary|beneath|optional|superfluous|too\s+much\s+(?:work|trouble|effort)|a\s+waste|a\s+good\s+idea|clever|funny|smart|fine\s+to|okay\s+to|ok\s+to)\b",
        r"\b(?:it|this|that|which)\s+(?:is|was|had\s+been)\s+(?:his|her|their|\ue000+'s?|\ue001+'s?|\ue005+'s?|{DET}{ANY}'s?)\s+(?:\w+\s+)?(?:job|duty|responsibility|task)\b[^.;!?]*\b(?:and|but|yet)\b[^.;!?]*\b(?:not|n't|never|nothing|nobody|failed|forgot)",
        r"{P}{FAR}\b(?:and|but|yet),?\s+(?:of\s+course\s+)?(?:{P}|{NOBODY})\s+(?:did\s+not|didn't|never\s+did|did\s+nothing)\s*(?:$|[.;!])",
        r"\b(?:has|have|had)\s+(?:once\s+(?:again|more)\s+|again\s+|yet\s+again\s+|once\s+)?(?:proved|proven|shown|demonstrated)\s+(?:once\s+(?:again|more)\s+|again\s+)?(?:that\s+)?(?:{P}|it|how)\s+(?:\w+\s+)?(?:cannot|can't|can\s+not|is\s+(?:not|in\w+|un\w+)|are\s+(?:not|in\w+|un\w+)|little|do(?:es)?\s+not)\b",
        r"{P}{GAP}\s+(?:conveniently|blithely|mindlessly|stubbornly|wilfully|single-handedly|hurriedly|half-heartedly|nonchalantly|obliviously|inexplicably|thoughtlessly)\b",
        r"{P}{GAP}\s+(?:was|were|is|are)\s+(?:\w+ly\s+)?(?:not\s+(?:thinking|listening|watching|awake|looking|concentrating|interested|serious|doing)|unaware\s+because|wrong\s+about|wrong\s+to|foolish|mistaken\s+(?:to|in))\b",
        level=Level.WARNING,
        unless_before=NEGATED,
        unless=r"\b(?:writing|saying)\s+that\b|\bnot\s+(?:to\s+)?(?:punish\w*|blame|embarrass\w*|shame)\b|\b(?:without|no|nobody\s+is)\s+(?:\w+\s+)?(?:punish\w*|blame|shame|embarrass\w*)\b",
    ),
    *of("who-question", r"^[\s\"'(]*what\s+(?:was|were|is|are)\s+{DET}{ANY}\s+(?:thinking|doing|playing|smoking|waiting)\b"),
)  # fmt: skip
