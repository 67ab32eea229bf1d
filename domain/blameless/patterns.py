"""The patterns of the blameless lint: which wording breaks which rule. Read by `lint.py`.

Each is a regular expression over a sentence whose people are marked (`people.py`) and which is otherwise in lower
case. The one thing to know: `{P}` is a person who can be the subject, and `{GAP}` what may stand between a subject and
its verb: adverbs, "who was on call", "of the storage group".
"""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.blameless.findings import Level
from domain.blameless.words import DONE_BY_PEOPLE, DUTIES, ERROR_ADVERBS, HARM, HUMAN_ONLY, JUDGED_DEEDS, OWED

_PHRASE = (
    r"\s+(?:on|in|of|at|for|from|with|behind)\s+(?:the\s+|our\s+|this\s+|that\s+|their\s+|its\s+)?"
    "(?:[\\w-]+\\s+){0,2}?[\\w\ue000-\ue006-]+"
)
_ADVERB = (
    r"\s+(?:\w+ly|also|then|just|even|never|again|still|once|often|always|all|both|had|has|have|was|were|is|are|"
    r"already|apparently|sometimes|too|involved|concerned|responsible|present|themselves|himself|herself|\w+ing)"
)
_ASIDE = r",(?:\s+(?:mr|mrs|ms|dr)\.)?[^,.;]{1,50},"
_RELATIVE = r",?\s+who\s[^.,;]{1,60}?,?"


def _whole(marks: str) -> str:
    # A run of marks is taken as a whole or not at all: in parts, a list of a hundred names would be tried for minutes.
    return f"(?<![{marks}])[{marks}]++"


_SHORTHANDS = {
    # A person with what stands in front, and whoever is meant without being named.
    "SOME": "(?:{DET}{ANY}|{ANYONE}|whoever|whomever|those\\s+(?:who|responsible|involved|in\\s+charge))",
    "DET": r"(?:(?:the|our|an?|its|this|that|some|one|both|all|every|each|of|certain|many|most)\s+){0,3}(?:[\w'\u2019-]+\s+){0,2}?",
    # A person who can be the subject; any person; somebody by name; ourselves; nobody; perhaps a person.
    "P": _whole("\ue000\ue005"),
    "ANY": _whole("\ue000\ue001\ue005\ue006"),
    "NAME": _whole("\ue005\ue006"),
    "NAMED": _whole("\ue005"),
    "W": _whole("\ue003"),
    "PW": _whole("\ue000\ue003\ue005"),
    "NOBODY": _whole("\ue004"),
    "ANYONE": "(?:anyone|anybody|everyone|everybody)",
    "Q": _whole("\ue002"),
    "GAP": f"(?:(?:{_ADVERB}|{_PHRASE}|{_ASIDE}|{_RELATIVE}){{0,3}}?)",
    # Words of the same clause.
    "NEAR": r"[^.;:!?]{0,60}?",
    "FAR": r"[^.;!?]{0,160}?",
    "DUTIES": f"(?:{DUTIES})",
    "HUMAN": f"(?:{HUMAN_ONLY})",
    "DONE": f"(?:{DONE_BY_PEOPLE})",
    "DEEDS": f"(?:{JUDGED_DEEDS})",
    "HARM": HARM,
    "OWED": f"(?:{OWED})",
    "WRONGLY": f"(?:{ERROR_ADVERBS})",
    # `the on-call`, `one of the developers`: what may stand between "by" and a person.
    "BY": r"by\s+(?:(?:the|a|an|our|one|some|of|this|that|another|two)\s+)*(?:[\w-]+\s+){0,3}?",
    "NOT": r"(?:\s+not|\s*n't|\s+never)",
    "NEVER": r"(?:did(?:\s+not|n't)|never|had\s+not|hadn't|has\s+not|hasn't|have\s+not|haven't)",
    "SHOULD": r"(?:should|could|ought\s+to|needed\s+to|might\s+at\s+least|must)(?:n't|\s+not|\s+never)?(?:\s+\w+ly|\s+at\s+least|\s+also|\s+well|\s+instead|\s+never)?(?:\s+have|\s*'ve)\b",
    # What people do not do for a reason, or do not have: facts, not judgements.
    "EXCUSED": r"(?:know|have|see|find|need|want|get|receive|expect|believe|feel|mind|own|hear|lose|use|change|roll|switch|fail|go|choose|decide|wake|agree|object|start|begin|leave|proceed|restart|exist|like|yet|intend|plan\s+to|mean\s+to|work\s+(?:in|on|at)|belong|come|become|differ|matter|give|require|cause|affect)\b",
    "HURT": r"(?:caus\w+|broke|broken|breaking|took\s+(?:\w+\s+){0,3}?down|taking\s+\w+\s+down|brought\s+(?:\w+\s+){0,3}?down|bringing\s+\w+\s+down|crash\w+|corrupted|destroyed|wiped|knocked\s+out|triggered|led\s+to|resulted\s+in|introduced)",
}  # fmt: skip
NEGATED = r"(?:\b(?:not|no|never|without|nor|isn't|wasn't|hardly)\s+(?:\w+\s+){0,2})$"


@dataclass(frozen=True)
class Pattern:
    """One wording. `unless_before` is looked for in front of the match, `unless` anywhere in the sentence.

    Texts of regular expressions: the lint compiles them when it first runs, and a command that lints nothing starts
    without them.
    """

    rule: str
    match: str
    level: Level | None = None
    question: str = ""
    unless_before: str = ""
    unless: str = ""
    only_described: bool = False


def _expand(template: str) -> str:
    for name, value in _SHORTHANDS.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def of(
    rule: str,
    *templates: str,
    level: Level | None = None,
    question: str = "",
    unless_before: str = "",
    unless: str = "",
    only_described: bool = False,
) -> Iterable[Pattern]:
    """The patterns of one rule, a template each; `{P}` and its like are written out."""
    for template in templates:
        yield Pattern(rule, _expand(template), level, question, unless_before, _expand(unless), only_described)


_HARMLESS_BREAK = r"(?!\s+(?:down\s+(?:the|a|our|into)|into|out|up|even|off|the\s+(?:problem|work|task|change|tie|silence|loop|news|migration)))"

PATTERNS: tuple[Pattern, ...] = (
    # --- people measured against what they did not do ---
    *of(
        "counterfactual",
        r"{P}{GAP}\s+(?:does\s+not|doesn't|do\s+not|don't)(?:\s+\w+ly|\s+even)?\s+{DUTIES}\b",
        # A rule for the case that somebody does not answer measures nobody.
        unless_before=r"\b(?:if|when|where|whenever|unless|until|while|once|that|who)\s[^,;.]{0,40}$",
    ),
    *of(
        "counterfactual",
        r"{P}{GAP}\s+(?:has\s+|had\s+|have\s+)?failed,?(?:\s+once\s+again,?|\s+again)?\s+(?:in\s+(?:his|her|their)|to\s+(?!(?:start|load|connect|boot|mount|sync|bind|render|compile|parse|reconcile|come\s+up|deserialise|deserialize)\b))",
        r"{P}{GAP}\s+{NEVER}(?:\s+\w+ly|\s+even|\s+once|\s+in\s+time)?\s+{DUTIES}\b",
        r"{P}{GAP}\s+(?:did\s+not|didn't)(?:\s+\w+ly|\s+even|\s+once)?\s+(?!{EXCUSED})[a-z]{3,}",
        r"{P}{GAP}\s+(?:had\s+not|hadn't|has\s+not|hasn't|have\s+not|haven't)(?:\s+\w+ly|\s+even|\s+yet)?\s+(?!been|seen|used|had|met|heard|known|expected|received|worked|changed|found|finished|decided|begun|started|needed|experienced|wanted|lost|felt|got|yet\b)[a-z]+(?:ed|en|ght|ne|read|told|set|put|run|kept)\b",
        r"{P}{GAP}\s+never\s+(?!been|seen|used|had|met|heard|happened|needed|experienced|wanted|lost|failed|stopped|expected|received|worked\s+with|got|knew|found)[a-z]+(?:ed|ght|id|ad|ote|ew|ook|ave|ent)\b",
        r"{P}{GAP}\s+failed\s*(?:$|[.;!]|miserably|badly|completely|utterly|us\b|here\b|at\s|in\s+(?:his|her|their|its))",
        r"{P}{GAP}\s+{SHOULD}(?!\s+(?:lost|been\s+(?:hurt|told|informed|paged|able|asked|given)|(?:the|an?|access|at\s+least|\d+)\s|seen\s+(?:the|an)\s+error|received|got)\b)",
        r"{P}{GAP}\s+should\s+(?:never|not)\s+have\b",
        r"{P}{GAP}\s+never\s+(?:{DONE}|looked|checked|told|thought|bothered|tried|asked|listened|responded|answered|read|ran|learned|did)\b",
        r"{P}{GAP}\s+(?:has\s+|had\s+|have\s+)?(?:forgot|forgotten|neglected|omitted)\b",
        r"{P}{GAP}\s+neither\s+\w+",
        r"{P}{GAP}\s+(?:was|were|is|are|had\s+been)\s+(?:supposed|expected|told|instructed|asked|required|meant|reminded)\s+to\s{FAR}\b(?:but|and)\s+(?:\ue000+\s+)?(?:did\s+not|didn't|never|failed|forgot|chose\s+not|refused)",
        r"{P}{GAP}\s+(?:was|were)\s+supposed\s+to\b",
        r"{P}{FAR}\b(?:and|but|yet|then|,)(?:\s+then|\s+still|\s+simply|\s+again|\s+therefore)*\s+(?:{NEVER}\s+{DUTIES}|(?:failed|neglected|forgot)\s+to|never\s+did|did\s+nothing|did\s+not\.?$|didn't\.?$)",
        r"{P}{GAP}\s+(?:did\s+nothing|sat\s+idle|stood\s+by)\b",
        r"{ANY}'s?\s+(?:\w+\s+)?(?:failure|inability|refusal|unwillingness)\s+to\b",
        r"\b(?:his|her|their)\s+(?:\w+\s+)?(?:failure|refusal|unwillingness)\s+to\s+{DUTIES}",
        r"\bfailure\s+(?:of|by|on\s+the\s+part\s+of)\s+(?:the\s+|our\s+|a\s+)?(?:[\w-]+\s+){0,2}?{ANY}",
        r"^[\s\"'(]*had\s+(?:the\s+|our\s+|any\s+)?(?:[\w-]+\s+){0,2}?(?:{PW}|{ANYONE})\s",
        r"\b(?:did(?:n't|\s+not)|do(?:es)?(?:n't|\s+not)|never)\s+(?:even\s+)?(?:bother(?:ed)?\b|do\s+(?:his|her|their)\s+jobs?\b|did\s+(?:his|her|their)\s+job)",
        r"{ANY},?\s+who\s+(?:then\s+|\w+ly\s+|in\s+turn\s+)?(?:did\s+nothing|failed\s+to|forgot|ignored|{NEVER}\s+{DUTIES}|should\s+have|could\s+have)\b",
        r"\b(?:it|this|that)\s+(?:is|was)\s+(?:the\s+|our\s+)?(?:[\w-]+\s+){0,2}?{P}'s?\s+(?:job|duty)\s+to\b",
        r"\bhad\s+(?:the\s+|our\s+)?{P}\s+(?:\w+ly\s+)?\w+(?:ed|n|t|ne|ad)\b",
        r"\bif\s+(?:only\s+)?(?:the\s+|our\s+|any\s+)?(?:[\w-]+\s+){0,2}?{P}{GAP}\s+had\s+(?:not\s+|only\s+|just\s+|simply\s+|actually\s+|ever\s+)?\w+{FAR}",
        r"\bwould(?:\s+not|n't|\s+never)?\s+have\b{FAR}\bif\s+(?:the\s+|our\s+)?(?:[\w-]+\s+){0,2}?{P}{GAP}\s+had\b",
        r"\b(?:competent|good|careful|experienced|diligent|attentive|reasonable|responsible|professional|real)\s+{P}\s+would\b",
        r"\b(?:any|every)\s+(?:[\w-]+\s+)?{P}\s+(?:would|could|should|can)\s+(?:have\s+)?(?:seen?|known?|noticed?|caught|spotted|tell|told|realised|realized)",
        r"\bif\s+only\s+(?!(?:one|two|a|an|some|part|half|the\s+\w+\s+(?:is|are))\b)(?=.*\b(?:had|would|could|were|did|knew)\b)",
        r"{ANY}\s+(?:would|could)\s+(?:easily\s+)?have\s+(?:easily\s+)?(?:prevented|avoided|caught|noticed|spotted|stopped|known|seen)",
        r"{P}{GAP}\s+(?:could|might)\s+(?:easily\s+|simply\s+|just\s+)(?:have|'ve)\b",
        r"{P}{GAP}\s+(?:should\s+know|should\s+have\s+known|knew|ought\s+to\s+know)\s+better\b",
        # A guide that names the wording does not use it.
        unless=r"\b(?:writing|saying)\s+that\b",
    ),
    *of(
        "counterfactual",
        r"{W}{GAP}\s+(?:has\s+|had\s+|have\s+)?(?:failed\s+to|forgot|forgotten\s+to|neglected)\b",
        r"{W}{GAP}\s+(?:did\s+not|didn't|never)\s+(?:\w+ly\s+|even\s+)?(?:{HUMAN}|listen(?:ed)?|check(?:ed)?|tested|noticed|verif(?:y|ied)|thought|looked|asked|told)\b",
        r"{W}\s+(?:should|ought\s+to)(?:n't|\s+not|\s+never)?(?:\s+\w+ly|\s+at\s+least)?(?:\s+have|\s*'ve)\b(?!\s+(?:the|an?|access|at\s+least|\d+|your|two|three|one|no|only|more|less|enough|received|got|both)\b)",
        r"{W}\s+could(?:\s+\w+ly)?(?:\s+have|'ve)\s+(?:\w+ly\s+)?(?:caught|noticed|prevented|avoided|known|seen|checked|tested|asked|foreseen|done\s+more|done\s+better|spotted)\b",
        r"^[\s\"'(]*had\s+{W}\s+\w+",
        r"\bif\s+{W}\s+had\s+(?:only\s+|just\s+)?(?:checked|tested|read|listened|known|noticed|looked|asked|reviewed|followed)",
        # "If you forgot your token" is a guide's word, and who did not look for one cause did well.
        unless_before=r"\b(?:if|when|whenever|in\s+case|should)\s[^,;.]{0,20}$",
        unless=r"\b(?:did\s+not|didn't|never)\s+(?:look|search|stop)\w*\s+(?:for|at)\s+(?:an?|one|the|a\s+single)\s+(?:\w+\s+)?(?:root|cause|culprit|person|single|answer)\b",
        level=Level.WARNING,
        question="What did we do instead, and what made that look right at the time?",
    ),
    *of(
        "counterfactual",
        r"{Q}{GAP}\s+(?:failed|neglected)\s+to\s+{HUMAN}\b",
        r"{Q}{GAP}\s+{NEVER}(?:\s+even|\s+\w+ly)?\s+(?:{HUMAN}|look|bother)\b",
        r"{Q}{GAP}\s+{SHOULD}\s+(?:{DONE}|rolled\s+back|looked|thought|failed\s+over|waited|reacted|responded|listened|learned|paid|used|run|taken|started)\b",
        r"{Q}{GAP}\s+forgot\s+(?:to|about|that)\b",
        r"{Q}{GAP}\s+(?:did\s+not|didn't)\s+(?:follow|read|check)\s+(?:the\s+)?(?:procedure|runbook|instructions|documentation|checklist|process|policy|dashboards?|alerts?)",
        level=Level.WARNING,
        unless=r"\b(?:customers?|users?|clients?|visitors|readers)\s+(?:did|should|could|failed)",
    ),
    *of(
        "counterfactual",
        r"{NOBODY}(?:\s+(?:on|in|from|at)\s+(?:the|our)\s+[\w\ue000-\ue006-]+)?\s+(?:ever\s+|even\s+|had\s+|has\s+|really\s+|else\s+)*(?:bothered|thought|checked|tested|tried|reviewed|verified|looked|read|noticed|questioned|asked|told|warned|did\s+anything|cared|realised|realized|considered|followed|escalated|communicated|documented|took\s+(?:ownership|responsibility)|acted|reacted|responded|was\s+paying|had\s+the\s+(?:idea|sense|courage|foresight)|paid|listened|raised|stopped|spoke|updated|supervised|informed|took\s+care|remembered|renewed|fixed|cleaned|maintained|owned\s+up|did\s+(?:a\s+thing|something)|felt\s+responsible|spotted|caught)\b",
        r"{NOBODY}\s+(?:on|in|from)\s+the\s+[\w\ue000-\ue006-]+\s+(?:\w+\s+)?(?:bothered|thought|checked|tested|looked|noticed|asked|told|realised|realized|knew\s+what\s+(?:he|she|\ue000+))\b",
        level=Level.WARNING,
        question="What could be seen from where people were, and what would have drawn their eyes to it?",
        # What is true as long as nobody does it is a condition, and no story.
        unless=r"\b(?:that|which|if|when|until|where|because|so)\s+\ue004+\s+(?:has|have)\b",
    ),
    *of(
        "counterfactual-passive",
        r"\b(?:should|could|ought\s+to)(?:n't|\s+not|\s+never)?(?:\s+\w+ly)?(?:\s+have|'ve)(?:\s+\w+ly|\s+never)?\s+been(?:\s+\w+ly|\s+more|\s+better)?\s+{DONE}\b",
        r"\b(?:failure|failing)\s+to\s+(?!do\s+so\b){DUTIES}\b",
        r"\bwould\s+(?:not|never)\s+have\s+(?:happened|occurred)\b",
        r"\b(?:entirely|completely|easily|perfectly|wholly|totally)\s+(?:preventable|avoidable)\b",
        r"\b(?:was|were|is)\s+(?:preventable|avoidable)\b",
        r"\b(?:procedures?|process|runbooks?|checklists?|polic(?:y|ies)|instructions|guidelines?|rules?|protocol|best\s+practices?|steps?|standards?)\s+(?:was|were|had\s+been|has\s+been)\s+(?:simply\s+|also\s+|\w+ly\s+)?(?:not\s+(?:\w+ly\s+)?(?:followed|observed|adhered|respected|read)|never\s+(?:followed|read)|ignored|violated|disregarded|bypassed)",
        r"\b(?:alerts?|warnings?|pages?|signs?|signals|alarms?|advice|concerns|symptoms|messages)\s+(?:\w+\s+){0,3}?(?:was|were|had\s+been|has\s+been)\s+(?:\w+ly\s+)?(?:ignored|overlooked|disregarded|dismissed|missed|not\s+taken\s+seriously)\b",
        r"\b(?:was|were|had\s+been|has\s+been)\s+(?:simply\s+|\w+ly\s+)?(?:overlooked|neglected|forgotten)\b",
        r"\b(?:deployed|pushed|merged|done|made|applied|approved|released|ran|run|executed|changed|rolled\s+out|shipped|edited|deleted|removed|restarted|waved\s+\w+)\b{NEAR}\bwithout\s+(?:even\s+|first\s+|any\s+|a\s+|proper\s+|having\s+|the\s+necessary\s+)*(?:checking|testing|reading|asking|thinking|review(?:ing)?|verifying|verification|telling|informing|looking|understanding|considering|consulting|approval|permission|authori[sz]ation|tests|running\s+(?:the\s+)?tests)\b",
        r"\b(?:deployed|pushed|merged|done|made|applied|approved|released|executed|changed|rolled\s+out|shipped|edited|deleted)\b{NEAR}\bwithout\s+(?:{ANY}|{ANYONE}|{NOBODY})\s+(?:\w+ly\s+|even\s+)?(?:looking|checking|testing|reading|reviewing|noticing|asking|knowing|approving|verifying)\b",
        unless=r"\b(?:may|can|to\s+be\s+able)\s+(?:\w+\s+)?(?:be\s+)?\w+\s+(?:\w+\s+){0,4}without\b|\b(?:prevents?|keeps?|stops?|refuses?|blocks?)\b.{0,60}\bwithout\b",
    ),
    # --- judgements ---
    *of(
        "judgement",
        r"\b(?:negligen(?:t|ce|tly)|careless(?:ly|ness)?|slopp(?:y|iness|ily)|laziness|incompeten(?:t|ce|tly)|reckless(?:ly|ness)?|irresponsib(?:le|ly|ility)|inattenti(?:ve|on|veness)|inexcusabl[ey]|unforgivable|unprofessional(?:ly|ism)?|thoughtless(?:ly|ness)?|complacen(?:t|cy)|clueless|amateurish|idiotic|idiots?|lackadaisical|half-hearted(?:ly)?|slipshod|shoddy|undisciplined|foolish(?:ly|ness)?|inept(?:itude)?|nonchalan(?:t|ce|tly)|heedless(?:ly)?|ill-considered|ill-advised|half-baked|unhelpful|uncooperative|arrogan(?:t|ce)|hubris|forgetful(?:ness)?|caught\s+napping|nowhere\s+to\s+be\s+(?:found|seen))\b",
        unless_before=NEGATED,
    ),
    *of(
        "judgement",
        r"\b(?:rookie|novice|beginner's?|silly|stupid|dumb|embarrassing|elementary|schoolboy|amateur|basic|inexcusable|foolish|costly|careless)\s+(?:mistakes?|errors?|blunders?)\b",
        r"\b(?:poor|bad|questionable|terrible|faulty|flawed|lousy)\s+(?:judge?ment|decision(?:s|-making)?|call|choices?|attitude|work\s+ethic|engineering)\b",
        r"\b(?:asleep\s+at\s+the\s+wheel|dropp?(?:ed|ing)\s+the\s+ball|c?utt?(?:ing)?\s+corners|common\s+sense|screwed\s+up|messed\s+up|fat[- ]fingered|rubber[- ]stamped|out\s+of\s+(?:his|her|their)\s+depth|own\s+up\s+to|gross\s+negligence|out\s+of\s+ignorance|sheer\s+(?:stupidity|ignorance|luck\s+that))\b",
        r"\bit\s+(?:was|is)\s+(?:\w+ly\s+)?(?:stupid|dumb|unacceptable|unwise|unreasonable|incomprehensible|unbelievable|shocking|embarrassing|ridiculous|wrong)\s+(?:to|that|of|for|how)\b",
        r"\b(?:it|this|that)\s+(?:was|is)\s+(?:a|an)\s+(?:\w+\s+){0,2}?(?:mistake|error|blunder|failure|disgrace|shame)\s+(?:to|that|by|of|not)\b",
        r"\b(?:was|were|been)\s+(?:\w+ly\s+)?(?:botched|bungled|mishandled|mismanaged|fumbled|fudged)\b",
        r"\blet\s+(?:us|everyone|everybody|(?:the|our)\s+customers|\ue001+)\s+down\b",
        r"\b(?:false|wrong|misleading|incorrect)\s+\w+\s+{BY}{ANY}",
        r"\b(?:mistakes?|behaviou?rs?|conduct|attitude|sloppiness|carelessness|lapse)\s+(?:\w+\s+){0,3}?(?:is|are|was|were)\s+(?:\w+ly\s+)?(?:unacceptable|intolerable|inexcusable|unforgivable)",
        r"\b(?:do|does|did|done|doing)\s+a\s+(?:very\s+|really\s+)?(?:poor|bad|sloppy|terrible|lousy|half-hearted|mediocre|horrible)\s+job\b",
        r"\b(?:poorly|badly)\s+(?:written|executed|planned|managed|communicated|thought|coded|handled|implemented|prepared|trained|coordinated|supervised|reviewed)\b",
        r"{P}{GAP}\s+(?:took|taking|take)\s+(?:a\s+)?(?:\w+\s+)?shortcuts?\b",
        r"{P}{GAP}\s+left\s{NEAR}\b(?:open|exposed|unprotected|unattended|unlocked|unencrypted|world-readable|undocumented|unmonitored|in\s+a\s+mess)\b",
        r"{P}{FAR}\bgot\b{NEAR}\bwrong\b",
        r"{P}\s+just\s+(?:restarted|assumed|pushed|went|did|deployed|clicked|ran|hoped|guessed|copied|sat|waited|deleted|rebooted)\b",
        r"{P}{FAR}\banyway\b",
        r"\b(?:although|even\s+though|though)\s+(?:the\s+)?{P}\s+(?:\w+ly\s+)?(?:knew|had\s+been\s+(?:told|warned)|was\s+aware|were\s+aware)\b",
        r"{P}{FAR}\bdespite\s+(?:the\s+|being\s+|having\s+been\s+|several\s+|multiple\s+|repeated\s+|clear\s+|all\s+)*(?:warn\w*|told|freeze|instructions|advice|objections|knowing|reminders)\b",
        r"{ANY}{FAR}\b(?:against|in\s+violation\s+of|in\s+breach\s+of|contrary\s+to)\s+(?:the\s+|our\s+|company\s+|all\s+)*(?:polic\w+|advice|instructions|procedures?|rules|protocol|recommendations?|guidelines?|process)\b",
        r"{P}{GAP}\s+made\s+(?:things|it|matters|everything|the\s+(?:situation|outage|incident|problem))\s+(?:even\s+|much\s+)?worse\b",
        r"{P}{GAP}\s+(?:kept|keeps|keep)\s+(?:on\s+)?(?:ignor|mak|forget|break|push|skip|postpon|blam|restart)\w+",
        r"{ANY}'s?\s+lack\s+of\b|\b(?:his|her|their)\s+lack\s+of\b",
        r"\bunacceptable\s+(?:mistakes?|behaviou?r|conduct|lapse|lack|carelessness|performance\s+(?:by|of)\s+{ANY})",
        r"{P}{GAP}\s+(?:has\s+|had\s+|have\s+)?(?:{DEEDS})\b",
        r"{P}{FAR}\b(?:and|but|then)\s+(?:{DEEDS}|(?:chose|decided|preferred)\s+to\s+ignore|refused\s+to|made\s+(?:it|things|matters|everything)\s+(?:even\s+|much\s+)?worse|gave\s+up|went\s+(?:home|to\s+lunch))\b",
        r"{ANY}'s?\s+(?:\w+ly\s+)?(?:poor|bad|wrong|insufficient|inadequate|weak|slow|questionable|incorrect|flawed|sloppy|limited\s+understanding|lacking)\s+\w+",
        r"{P}{GAP}\s+(?:mis(?!sed\s+(?:heartbeats|the\s+call))[a-z]{3,}(?:ed|took|read|ood)|mistook|mixed\s+up|jumped\s+to\s+conclusions|tampered|wrecked|ruined|jeopardi[sz]ed|lied|withheld|bickered|argued\s+(?:instead|about\s+who|among)|covered\s+up)\b",
        r"\b(?:overlooked|ignored|missed|neglected|mishandled|mismanaged|botched|bungled|skipped|disregarded|misread|rushed|forgotten|wrongly\s+\w+|badly\s+\w+|poorly\s+\w+)\s+{BY}{ANY}(?!'s?\s|\s+(?:pod|service|dashboard))",
        r"{P}{GAP}\s+(?:was|were|is|are|been|being)\s+(?:\w+\s+)?(?:not\s+(?:\w+\s+)?(?:careful|attentive|diligent|thorough|qualified|paying|prepared|competent|responsible)\b|wasn't|distracted|inattentive|unprepared|overconfident|unqualified|asleep|unresponsive|slow|oblivious|drunk|absent-minded|lazy|too\s+(?:lazy|slow|late|hasty|busy|proud|stubborn|optimistic|confident|inexperienced|junior|careless)|slow\s+to|guilty|at\s+fault|wrong\s+to|hasty|stupid|incapable|unwilling|unable\s+to\s+think|sloppy|ill-prepared|inexperienced|impatient|stubborn|forgetful|caught\s+(?:off\s+guard|napping)|out\s+of\s+line|not\s+up\s+to)",
        r"{P}{GAP}\s+(?:wasn't|weren't)\s+(?:\w+\s+)?(?:careful|attentive|diligent|thorough|qualified|paying|prepared|competent|concentrating|listening)",
        r"\b(?:not|wasn't|weren't|never)\s+paying\s+(?:enough\s+|any\s+|proper\s+)?attention\b",
        r"{P}{GAP}\s+(?:took|needed|waited|spent)\s+(?:far\s+|much\s+|way\s+)?too\s+(?:long|much\s+time)\b",
        r"{P}{GAP}\s+(?:reacted|responded|acted|escalated|answered|communicated|decided|noticed)\s+(?:\w+\s+)?(?:too\s+(?:late|slowly|slow|hastily|quickly)|poorly|badly|slowly|late)\b",
        r"{P}{GAP}\s+(?:has|had|have)\s+(?:\w+\s+)?(?:no\s+(?:idea|clue|business|excuse)|plenty\s+of\s+time|ample\s+time|every\s+opportunity|a\s+habit\s+of)",
        r"{P}{GAP}\s+(?:did\s+not|didn't|does\s+not|doesn't|do\s+not|don't)\s+(?:\w+ly\s+)?(?:know\s+what\s+(?:he|she|\ue000+)|know\s+how\s+to\s+do\s+(?:his|her|their)|know\s+(?:the\s+(?:basics|procedure|process|rules|policy|protocol)|any\s+better)|do\s+(?:his|her|their)\s+jobs?|understand|care|take\s+(?:it|this)\s+seriously)\b",
        r"{P}{GAP}\s+(?:could\s+not|couldn't)\s+be\s+bothered\b",
        r"{P}{GAP}\s+(?:refused|declined\s+even|chose\s+to\s+ignore|decided\s+to\s+ignore|chose\s+not)\b",
        r"{P}{GAP}\s+(?:slept|dozed|fell\s+asleep|panicked|froze|gave\s+up|blew\s+it|let\s+(?:us|everyone|everybody|the\s+\w+)\s+down|lost\s+(?:control|track|(?:his|her|their)\s+(?:head|nerve|temper)))\b",
        r"{P}{GAP}\s+(?:lacked|lacks|lacking)\b",
        r"{P}{GAP}\s+(?:clearly|obviously|simply|apparently|evidently|again|once\s+again)\s+(?:underestimated|overestimated|did\s+not|didn't|had\s+no|forgot|lacked|misunderstood|failed)",
        r"{P}{FAR}\bneeds?\s+to\s+learn\s+(?:to|how)\b",
        r"\b(?:left|let)\s+the\s+(?:[\w-]+\s+){1,3}?(?:unattended|unprotected|unlocked|lapse)\b",
        r"{P}{GAP}\s+(?:let|allowed)\s+(?:the\s+)?(?:[\w-]+\s+){1,3}?(?:to\s+)?(?:expire|lapse|run\s+out)\b",
        r"\b(?:carelessly|stupidly|foolishly|blindly)\b",
        unless_before=NEGATED,
    ),
    *of(
        "judgement",
        r"{P}{FAR}\binstead\s+of\s+(?:\w+ly\s+)?(?:checking|testing|following|asking|reading|escalating|thinking|verifying|waiting\s+for\s+(?:an?\s+|the\s+|any\s+)?(?:reviews?|approval|tests?|permission|confirmation|sign-off|help)|calling|reviewing|consulting|looking|watching|monitoring|working|paying|helping|fixing|responding|telling|informing|acting|listening|admitting|rolling\s+back|investigating|preparing|documenting|doing\s+(?:his|her|their))\b",
        unless_before=NEGATED,
        # What somebody is free to do is no judgement of what was done.
        unless=r"\b(?:can|could|may|might|to)\s+(?:\w+\s+){1,5}?instead\s+of\b",
    ),
    *of(
        "judgement",
        r"{P}{GAP}(?:\s+[\w-]+){0,2}?\s+{WRONGLY}\b",
        r"\b{WRONGLY}\s+(?:\w+\s+){0,3}?{BY}{ANY}",
        r"{P}{GAP}\s+(?:ran|typed|deleted|removed|restarted|dropped|gave|pushed|unplugged|edited|selected|chose|entered|executed|rebooted|used|stopped|copied|applied|issued|picked|promoted|terminated|killed|opened|changed|closed|pulled|sent|merged|deployed|made|pasted|clicked|disabled|reverted|told)\b{NEAR}\b(?:the|a|an)?\s*(?:wrong|incorrect|bad|broken|faulty|buggy|unapproved|unauthori[sz]ed|untested|unreviewed|unsafe|false)\b",
        r"{P}{GAP}\s+gave\b{NEAR}\b(?:wrong|false|incorrect|misleading)\s",
        r"{P}{FAR}\bby\s+mistake\b",
        r"\b(?:inexperienced|junior|unskilled|untrained|clumsy|hasty|overconfident|tired|distracted)\s+{ANY}\s+(?:\w+\s+)?(?:ran|pushed|deployed|deleted|merged|typed|changed|made|committed|broke|caused|who)\b",
        r"\btypo\s+(?:made\s+)?(?:by|of|from)\s+(?:the\s+|a\s+|an\s+|one\s+of\s+(?:the\s+|our\s+)?)?(?:[\w-]+\s+){0,2}?{ANY}",
        r"{P}\s+fat[- ]fingered\b",
        r"{W}{GAP}\s+(?:ignored|overlooked|misread|misjudged|mishandled|botched|misconfigured|mistyped|neglected|rushed|wasted|panicked)\b",
        r"{W}{GAP}(?:\s+[\w-]+){0,1}?\s+{WRONGLY}\b",
        r"{W}{GAP}\s+(?:\w+\s+){0,1}?made\s+(?:a|an|the|several|many|some)\s+(?:\w+\s+){0,2}?(?:mistakes?|errors?|blunders?)\b",
        level=Level.WARNING,
        unless_before=NEGATED,
    ),
    # --- fault ---
    *of(
        "blame",
        r"{P}{GAP}\s+(?:is|are|was|were|be)\s+(?:\w+ly\s+|also\s+|all\s+|partly\s+)?(?:to\s+blame|at\s+fault|guilty|responsible\s+for\s+(?:the\s+|this\s+|causing\s+|these\s+|that\s+)?(?:[\w-]+\s+){0,3}?(?:{HARM}|mistakes?|error))\b",
        r"\b(?:has|have)\s+{NOBODY}\s+(?:but\s+\w+\s+|else\s+)?(?:\w+\s+)?to\s+blame\b|\bnobody\s+but\s+(?:itself|himself|herself|themselves)\b|\b(?:itself|himself|herself|themselves)\s+to\s+blame\b",
        r"\bblame\s+(?:lies|falls|rests|goes|belongs)\s+(?:\w+ly\s+)?(?:with|on|to)\b",
        r"\b(?:fault|mistake|error|blunder|negligence|oversight|carelessness|slip|misjudge?ment|misconduct|recklessness)\s+(?:was\s+|were\s+|made\s+|of\s+judge?ment\s+|is\s+)*(?:of|by|from|on\s+the\s+part\s+of|lies\s+with)\s+(?:the\s+|our\s+|a\s+|an\s+|one\s+of\s+(?:the\s+|our\s+)?)?(?:[\w-]+\s+){0,3}?{ANY}",
        r"\b(?:mistakes?|errors?)\s+(?:was|were)\s+(?:also\s+)?made\s+(?:by|during|in)\b",
        r"{ANY}'s?\s+(?:\w+\s+)?(?:own\s+doing|mistakes?|errors?|faults?|negligence|oversight|blunders?|carelessness|inattention|incompetence|ignorance|inexperience|hesitation|indecision|impatience|indifference|arrogance|misjudge?ment|slip|typo|sloppiness|laziness|stupidity|recklessness|ineptitude|inaction)\b",
        r"\b(?:his|her|their|my|our|your)\s+(?:own\s+)?(?:mistakes?|faults?|negligence|blunders?|carelessness|inattention|incompetence)\b",
        r"{P}{GAP}\s+(?:\w+\s+){0,2}?(?:made|makes?|making|committed)\s+(?:a|an|the|another|several|many|such|some)?\s*(?:\w+\s+){0,2}?(?:mistakes?|errors?|blunders?)\b",
        r"{P}{GAP}\s+(?:caused|broke|triggered|introduced\s+(?:the|a)\s+(?:bug|error|regression|problem|defect|fault)|took\s+(?:\w+\s+){0,2}?(?:down|offline)\b(?!\s+(?:at\s+\S+\s+)?(?:to\s|for\s+(?:maintenance|the\s+(?:upgrade|repair|restore|migration|work))|as\s+planned|before\s|while\s|so\s+that))|brought\s+(?:\w+\s+){0,3}?down|crashed|killed\s+(?:production|prod|the\s+site)|corrupted|destroyed|wiped|leaked|exposed|screwed|messed|botched|blew|sabotaged)\b"
        + _HARMLESS_BREAK,
        r"{P}{FAR}\b(?:and|then|thereby)\s+(?:broke|caused|crashed|took\s+down|brought\s+down|corrupted|wiped)\b" + _HARMLESS_BREAK,
        r"{P}'s?\s+(?:[\w-]+\s+){0,2}?(?:change|deploy\w*|commit|script|command|pr|pull\s+request|release|migration|work|code|edit|patch|actions?|decisions?|behaviou?r)\s+(?:\w+ly\s+)?{HURT}\b",
        r"\b(?:due\s+to|because\s+of|caused\s+by|result\s+of|triggered\s+by|by)\s+(?:the\s+|an?\s+|our\s+|one\s+of\s+(?:the\s+|our\s+)?)?(?:[\w-]+\s+){0,2}?{ANY}\s+(?:not\s+(?:\w+ing|being)|failing|forgetting|neglecting|ignoring|pushing|deploying|deleting|skipping|running\s+(?:the|a)\s+wrong)\b",
        r"\bon\s+the\s+part\s+of\s+(?:the\s+|our\s+|an?\s+)?(?:[\w-]+\s+){0,2}?{ANY}|\bon\s+(?:his|her|their)\s+part\b",
        r"\b(?:bears?|deserves?|shares?|carr(?:y|ies))\s+(?:the\s+|full\s+|some\s+of\s+the\s+|most\s+of\s+the\s+|all\s+)*(?:blame|responsibility\s+for\s+(?:the|this))",
        r"\bblam(?:e|ed|ing)\s+(?!no\s)(?:the\s+|our\s+)?(?:[\w-]+\s+){0,2}?{ANY}",
        r"\bthe\s+one\s+(?:who|that)\s+(?:\w+ly\s+)?(?:broke|disabled|removed|turned|switched|skipped|ignored|wrote|let|left|restarted|ran|made|pushed|deployed|deleted|caused|approved|did|forgot|failed|changed|merged)\b",
        r"\b(?:had|have|has)\s+(?:only\s+)?one\s+job\b",
        r"{P}{GAP}\s+(?:pushed|deployed|merged|ran|committed|changed|edited|deleted|released|applied|made|restarted|disabled|removed|shipped|unplugged|enabled)\b{FAR}\b(?:and|which|that|thereby)\s*(?:\w+\s+)?{HURT}\b",
        r"\b(?:caused|triggered|introduced|brought\s+about|created|botched|broken|bungled|screwed\s+up)\s+(?:\w+ly\s+)?{BY}{ANY}(?!'s?\s|\s+(?:pod|service|dashboard|tool))",
        r"\b(?:caused|triggered|due\s+to|because\s+of)\s+(?:the\s+|an?\s+|our\s+|by\s+)*(?:[\w-]+\s+){0,2}?{ANY}(?:\s+who\b|'s?\s+(?:[\w-]+\s+)?(?:change|deploy\w*|commit|script|command|action|decision|work|code|behaviou?r|failure|choice|inexperience))",
        r"\b{HARM}\s+(?:\w+\s+)?(?:happened|occurred|started|began|was|came\s+about|arose)\s+(?:\w+\s+){0,2}?because\s+(?:the\s+|an?\s+|our\s+|one\s+of\s+(?:the\s+|our\s+))?(?:[\w-]+\s+){0,2}?{P}{GAP}\s+(?:was|were|did|had|deployed|pushed|merged|ran|deleted|changed|failed|forgot|made|used|edited|applied|restarted|typed|chose|decided|thought|took|left|removed|disabled|enabled|wanted|released|committed|started|stopped)\b",
        r"\b(?:was|is|it's)\s+(?:the\s+|an?\s+|one\s+of\s+(?:the\s+|our\s+)?)?(?:[\w-]+\s+){0,2}?{P}\s+(?:who|that)\s+(?:\w+\s+)?(?:caused|deleted|pushed|broke|deployed|wrote|approved|made|changed|merged|ran|ordered|allowed|let|did|failed|forgot|introduced|removed|restarted|disabled)\b",
        r"\b(?:root\s+cause|cause|reason)\s+(?:of\s+(?:[\w-]+\s+){1,4}?)?(?:was|is)\s+(?:the\s+|an?\s+|our\s+|one\s+of\s+(?:the\s+|our\s+)?)?(?:[\w-]+\s+){0,2}?{P}(?!'s?\s|\s+\w+\s+(?:was|is|had)\b)",
        r"(?:{P}\s+who)\s+(?:approved|pushed|deployed|wrote|merged|deleted|broke|did|caused|rebooted|changed|made)\s{FAR}\b(?:should|must|clearly|did\s+not|didn't|failed|never|forgot|had\s+no)\b",
        r"\b(?:person|people|engineer|individual|team)s?\s+(?:who\s+(?:is|was|are|were)\s+)?responsible\s+(?:should|must|has|will|for\s+the\s+(?:{HARM}))\b",
        r"\bwhoever\s+(?!is\b|was\b|wants\b|needs\b|has\b|have\b)\w+{FAR}\b(?:did\s+not|didn't|was|should|must|failed|had|forgot|clearly|never)\b",
        r"\b(?:dropped|deleted|removed|wiped|broken|crashed|unplugged|overwritten|corrupted|killed|disabled|truncated|purged|erased|shut\s+down|taken\s+down|brought\s+down)\s+{BY}{ANY},?\s+(?:who|that)\b",
        r"\b(?:wiped|broken|crashed|corrupted|misconfigured|mistyped|erased|destroyed|wrecked)\s+{BY}{ANY}(?!'s?\s|\s+(?:pod|service|dashboard|tool))",
        r"\b(?:caused|triggered|started|began|happened|occurred)\s+(?:when|after|because|as)\s+(?:the\s+|an?\s+|our\s+|one\s+of\s+(?:the\s+|our\s+))?(?:[\w-]+\s+){0,2}?{P}{GAP}\s+(?:ran|pushed|deployed|deleted|merged|changed|typed|removed|disabled|restarted|applied|executed|edited|made|entered|upgraded|unplugged|committed|mis\w+|rebooted|dropped|used|released)\b",
        r"\b(?:crashed|failed|broke|went\s+(?:down|offline|dark)|expired|(?:was|were)\s+(?:lost|down|deleted|corrupted|unavailable))\b{NEAR}\bbecause\s+(?:the\s+|an?\s+|our\s+|one\s+of\s+(?:the\s+|our\s+))?(?:[\w-]+\s+){0,2}?{P}{GAP}\s+(?:ran|pushed|deployed|deleted|typed|ignored|left|skipped|disabled|removed|changed|edited|used|made|restarted|was|were|thought)\b",
        r"{P}\s+responsible\s+(?:should|must|has|will|for\s+the\s+(?:{HARM})|was|is)\b",
        r"{P}{GAP}\s+(?:pushed|pressured|forced)\s{NEAR}\binto\b",
        r"\b(?:the\s+)?culprits?\s+(?:was|is|were)\s+(?:the\s+|an?\s+|our\s+)?(?:[\w-]+\s+){0,2}?[\ue000\ue005]+",
        r"\bfinger[- ]pointing\s+at\b|\bpoint(?:ed|s)?\s+(?:the|a)\s+finger\s+at\b",
        r"\bresult\s+of\s+(?:the\s+|an?\s+)?(?:[\w-]+\s+){0,2}?{ANY}'s?\s",
        unless_before=NEGATED,
    ),
    *of(
        "sanction",
        r"\b(?:has|have|had|was|were)\s+(?:been\s+)?(?:\w+ly\s+)?warned\s+(?:\w+\s+){0,2}?(?:before|repeatedly|times|about\s+this|already)\b",
        r"{ANY}{NEAR}\b(?:should|must|need(?:s|ed)?\s+to|ha(?:s|ve)\s+to|ought\s+to|will|shall|to|ha(?:s|ve)(?=\s+been)|was|were)\s+(?:be\s+|been\s+|get\s+)?(?:retrained|re-trained|disciplined|reprimanded|punished|fired|dismissed|sacked|sanctioned|demoted|replaced|suspended|warned\s+formally|written\s+up|admonished|ashamed|embarrassed)\b",
        r"{ANY}{NEAR}\b(?:has|have|was|were)\s+(?:been\s+)?(?:removed\s+from\s+(?:the\s+|his\s+|her\s+|their\s+)?(?:on-call\s+|\ue001+\s+)?(?:rotation|roles?|positions?|\ue001+|duty|rota|schedule|project)|let\s+go|taken\s+off\s+the)\b",
        r"\bheld\s+(?:personally\s+|fully\s+)?(?:accountable|responsible)\b",
        r"{ANY}{NEAR}\b(?:must|should|has\s+to|have\s+to|will\s+have\s+to)\s+(?:answer\s+for|be\s+more|do\s+better|try\s+harder|know\s+better|concentrate|focus|remember\s+to|learn\s+(?:from|to|how)|take\s+(?:more|better|greater)\s+care|show\s+more)\b",
        r"\b(?:be|being|become)\s+(?:far\s+|much\s+|a\s+(?:lot|bit|little)\s+)?more\s+(?:careful|attentive|diligent|vigilant|thorough|responsible|disciplined|mindful|conscientious|cautious|alert|professional)\b",
        r"\bpay(?:s|ing)?\s+(?:more|closer|better|greater|proper)\s+attention\b",
        r"\b(?:exercise|take|use|show|apply)\s+(?:more|better|greater|extra|due)\s+(?:care|caution|diligence|discipline)\b",
        r"\bremind(?:ed)?\s+(?:all\s+|the\s+|our\s+|every\s*)*(?:[\w-]+\s+)?{ANY}\s+(?:to|not\s+to|of\s+the\s+importance)\b",
        unless_before=NEGATED,
    ),
    *of(
        "human-error",
        r"\b(?:human|operator|pilot|people|personal|personnel|engineer|administrator|admin|developer|manual)[- ](?:errors?|mistakes?)\b",
        r"(?:^[\s\"'(]*|\b(?:by|to|was|is|of|a)\s+)user\s+error\b",
        unless_before=r"\b(?:not|no|never|isn't|rather\s+than|instead\s+of|beyond|behind|without|nor)\b(?:(?!\bbut\b)[^,;:.!?]){0,40}$",
        unless=r"\b(?:stops?\s+at|labels?|term|phrase|concept|beginning|starting\s+point|symptom|so-called|avoid\w*|words?|reduc\w+|prone|guards?|protect\w*|prevent(?:s|ing)?\s|toleran\w+|robust|explain\w*|risk|less\s+room|room\s+for|chance|likelihood|surface|as\s+an\s+explanation)\b",
    ),
    # --- stories that end too early ---
    *of(
        "root-cause",
        r"\b(?:the|a|one|only|sole|clear|definitive|single|true|real|main|primary|ultimate|actual|underlying|its|this|our)\s+root[- ]cause\b(?!s|\s+anal)",
        r"^[\s\"'(]*root[- ]cause\b(?!s|\s+anal)",
        r"\b(?:the|a)\s+(?:sole|only|single|one)\s+cause\b",
        unless_before=r"\b(?:no|not|never|isn't|n't|without|nor|neither|rather\s+than|instead\s+of|beyond)\b[^;:.!?]{0,40}$",
        unless=r"\b(?:not\s+(?:a|one|the|just|only)|isn't|rather\s+than|instead\s+of|more\s+than\s+one|than\s+a\s+single|avoid\w*|beyond|nor|multiple|several|neither)\b",
    ),
    *of(
        "hindsight",
        r"\b(?:obviously|of\s+course|needless\s+to\s+say|it\s+goes\s+without\s+saying|self-evident(?:ly)?|no-brainer|blatant(?:ly)?|glaring(?:ly)?|unsurprisingly|predictably|trivially\s+(?:avoid|prevent)\w+)\b",
        r"\b(?:in|with|the\s+benefit\s+of)\s+(?:hindsight|retrospect)\b",
        r"\b(?:was|were|is|been|seems?)\s+(?:quite\s+|very\s+|so\s+|painfully\s+|completely\s+|perfectly\s+|now\s+|already\s+)?obvious\b",
        r"(?<!\w)(?:{ANYONE}|any\s+fool|a\s+child|(?:any|every)\s+[\ue000\ue001]+|[\ue000\ue001]+(?=\s+\w+\s+have))\s+(?:with\s+\w+\s+\w+\s+)?(?:could|would|can|should)\s+(?:have\s+)?(?:seen?|known?|tell|told|guess\w*|predict\w*|spott?\w*|notice\w*)",
        r"\b(?:{ANYONE}|people)\s+(?:\w+\s+)?(?:knew|was\s+aware|were\s+aware|saw\s+it\s+coming)\b",
        r"{P}\s+all\s+knew\b",
        r"\b(?:signs?|writing|warnings?)\s+(?:was|were|had\s+been)\s+(?:all\s+)?(?:there|on\s+the\s+wall|plain)\b",
        r"\b(?:just|simply|merely)\s+(?:needed|had|have)\s+to\b",
    ),
    *of(
        "hindsight",
        r"\bclearly\b(?!\s+(?:\w+ed\b|shown|written|seen|visible|say|says|state|states|show|shows|and|mark|label|name|communicat|defin|separat|document|distinguish))",
        unless=r"\b(?:state|says?|said|explain\w*|communicat\w*|writ\w+|document\w*|mark\w*|show\w*|speak|defin\w*|describ\w*|label\w*|see|seen|spell\w*|name\w*|more|as|think|thinking|hear|read|express\w*)\s+(?:\w+\s+){0,3}?clearly\b|\bclearly\s+(?:enough|for)\b",
    ),
    *of(
        "hindsight",
        r"\bsimpl[ey]\s+(?:reading|looking|checking|asking|testing|following|glanc\w+|forgot|ignored|missed|should|did\s+not|didn't|never|failed|not|nobody|look)\b",
        r"\ba\s+(?:simple|quick|brief|single)\s+(?:check|look|glance|test|question|call|review)\s+{FAR}(?:would|could)\s+have\b",
        r"{PW}\s+simply\b",
    ),
    *of(
        "insufficiency",
        r"\b(?:due\s+to|because\s+of|caused\s+by|result(?:ed)?\s+(?:of|from)|owing\s+to|attribut\w+\s+to|thanks\s+to|reason\s+(?:was|is)|cause\s+(?:was|is)|factors?\s*:?\s*(?:was|were|is|are)?)\s+(?:the\s+|an?\s+|to\s+)?(?:general\s+|complete\s+|obvious\s+)?(?:lack|absence|insufficien\w+|inadequa\w+|poor|deficien\w+|missing|improper|weak|not\s+enough)\s*(?:of\s+)?(?:[\w-]+\s+){0,2}?{OWED}\b",
        r"\black\s+of\s+(?:\w+\s+){0,2}?(?:attention|care|discipline|diligence|judge?ment|knowledge|skills?|training|experience|awareness|communication|ownership|professionalism|rigou?r|foresight|understanding|oversight|leadership|commitment|competence|concentration|supervision|caution|planning|preparation)\b",
        r"\b(?:insufficient|inadequate|poor|too\s+little|not\s+enough)\s+(?:attention|care|discipline|diligence|judge?ment|skill|training|experience|awareness|communication|ownership|rigou?r|foresight|oversight|caution|planning|preparation|supervision|leadership)\b",
        r"\b(?:failure|lapse|breakdown)\s+of\s+(?:discipline|care|judge?ment|communication|leadership|ownership|process|professionalism)\b",
        r"\b(?:was|were)\s+(?:not|never)\s+(?:\w+\s+)?(?:properly|adequately|sufficiently|thoroughly|carefully)\s+(?:{DONE}|\w+ed)\b",
        r"\binsufficiently\s+(?:tested|reviewed|monitored|trained|documented|careful|prepared|skilled|experienced)\b",
        only_described=True,
        question="What was there, what was it meant for, and what came that it was not meant for?",
    ),
    *of(
        "insufficiency",
        r"\black\s+of\s+(?:\w+\s+)?{OWED}\b",
        r"\b(?:insufficient|inadequate|poor|deficient)\s+(?:\w+\s+)?{OWED}\b",
        r"\b{OWED}\s+(?:was|were|is|are)\s+(?:\w+ly\s+)?(?:inadequate|insufficient|poor|lacking|deficient|weak)\b",
        level=Level.INFO,
        only_described=True,
    ),
    *of(
        "named-person",
        r"\b(?:because\s+of|due\s+to|(?<!^)thanks\s+to|blamed?\s+on|caused\s+by|triggered\s+by|introduced\s+by|broken\s+by)\s+(?:a\s+\w+\s+(?:of|by)\s+)?{NAME}",
        r"{NAME}'s?\s+(?:[\w-]+\s+){0,2}?(?:change|deploy\w*|commit|script|command|pr|pull\s+request|release|quer(?:y|ies)|migration|work|config\w*|code|edit|patch|actions?|decisions?|merge|fix|restart|update)\b{NEAR}\b{HURT}\b",
        r"\bbecause\s+{NAMED}{GAP}\s+(?:deployed|pushed|merged|ran|deleted|changed|edited|approved|restarted|disabled|removed|typed|thought|assumed|used|applied|was|did|started|stopped|released|committed|wanted|upgraded|enabled)\b",
        r"{NAMED}{GAP}\s+(?:deployed|pushed|merged|ran|deleted|changed|edited|approved|restarted|disabled|removed|typed|assumed|upgraded|unplugged)\b{FAR}\b(?:causing|breaking|bringing|leading|taking|resulting)\b",
        r"\b{HARM}\s+(?:\w+\s+){0,4}?(?:after|when|once)\s+{NAMED}\s+(?:deployed|pushed|merged|ran|deleted|changed|edited|approved|disabled|removed|typed)\b",
    ),
    *of(
        "who-question",
        r"\bwho\s+(?:\w+\s+)?(?:approved|pushed|deployed|broke|deleted|wrote|caused|let|allowed|forgot|merged|changed|is\s+responsible|was\s+responsible|is\s+to\s+blame|did\s+this|messed|screwed|missed)\b[^.]*\?",
        r"\bwhose\s+(?:fault|mistake|responsibility|job)\s+(?:is|was|it|this|that)\b",
        r"^[\s\"'(]*why\s+(?!(?:was|were)\s[^.?]{1,40}?\s(?:paged|told|asked|called|informed)\b)(?:did(?:n't)?|was(?:n't)?|were(?:n't)?|had(?:n't)?|has(?:n't)?|(?:can|could|does|do|is|are|wo|would)(?:n't|not|'t|\s+not))\s+(?:the\s+|our\s+|no\s*body\s+|any\s*one\s+)?(?:[\w-]+\s+){0,2}?(?:{ANY}|{NOBODY}|{ANYONE})[^.]*\?",
        r"^[\s\"'(]*why\s+(?:did|had|have|were)(?:n't|\s+not)\s+{W}[^.]*\?",
        r"^[\s\"'(]*how\s+(?:could|can)\s+(?:the\s+|our\s+)?(?:[\w-]+\s+){0,2}?{ANY}[^.]*\?",
        r"^[\s\"'(]*what\s+(?:was|were)\s+(?:the\s+)?{ANY}\s+thinking\b",
    ),
)  # fmt: skip
