"""Hints on how an action item is worded: verb first, bounded, doable in a month or two, not a call to be careful.

Called when an item is created and by the form's preview. Pure, deterministic, in English. The one thing to know: a hint
never blocks. Each names its rule (A01, A06, A07 of the practice guides), where the rule comes from, and better words.
"""

import re
from collections.abc import Callable
from datetime import timedelta

from domain.durations import format_duration
from domain.imperatives import asks_again, begins_with_verb, words_of
from domain.model import Model

_GOOGLE = "Google's test in PagerDuty's postmortem guide: actionable, specific, bounded"
_ETSY = "Etsy's debriefing guide: few items, decided calmly"
_HOTWASH = "Hotwash: closing needs evidence, and an owner who hears"
# Google and Etsy: neither tiny nor endless, doable within a month or two; 62 days are the two longest months.
LONGEST = timedelta(days=62)
# Above this many items for one incident they stop being done (PagerDuty and Etsy: few).
MANY_ITEMS = 10
_LONGEST_TITLE = 120
_FEWEST_WORDS = 3


class Hint(Model):
    """One thing that could be said better."""

    rule: str
    source: str
    says: str
    better: str


class Wording(Model):
    """What a hint looks at."""

    title: str
    done_when: str = ""
    type: str | None = None
    is_urgent: bool = False
    # Whether a check or a drill will show that it is done.
    is_verified: bool = False
    # What is left until it is due; None: no date was given.
    due_in: timedelta | None = None
    # How many items the incident has already.
    others: int = 0


def nobody_is_named(owner: str) -> Hint:
    """No reminder finds its way to somebody whom no file names."""
    return Hint(
        rule="A01",
        source=_HOTWASH,
        says=f"hotwash.yaml has no person {owner!r} yet, so nothing reaches them",
        better="Write them under 'people', each with an address, and what carries reminders under 'page_channels'",
    )


def drill_not_on_file(drill: str) -> Hint:
    """It cannot be done before somebody has written and held the drill."""
    return Hint(
        rule="A06",
        source=_HOTWASH,
        says=f"there is no game day {drill!r} on file yet, and the item is not done before it has passed",
        better="Write it now: `hotwash game-day from-incident` proposes one that recreates the incident",
    )


def hints_on(wording: Wording) -> tuple[Hint, ...]:
    """Every hint, the gravest first; an item without any is worded well."""
    found = (look(wording) for look in _LOOKS)
    return tuple(hint for hint in found if hint is not None)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z][a-z'-]*", text.lower())


def _rest(title: str, opening: str) -> str:
    """The title without its opening words, fit to stand inside a sentence."""
    rest = title.strip()[len(opening) :].strip(" :,-.")
    return rest or "this"


def _opening(title: str, openings: tuple[str, ...]) -> str | None:
    folded = title.strip().lower()
    matching = (each for each in openings if re.match(rf"{re.escape(each)}\b", folded))
    return max(matching, key=len, default=None)


def _calls_for_care(wording: Wording) -> Hint | None:
    """Being careful is no change of the system."""
    opening = _opening(wording.title, _CARE)
    if opening is None:
        return None
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"“{opening}” asks people to try harder; the next person at 3 a.m. has not read it",
        better=f"Add a check, a guard or a default that does it for everybody: “Add an automated check for "
        f"{_rest(wording.title, opening)}”",
    )


def _asks_people(wording: Wording) -> Hint | None:
    """Making sure that people do something is a hope and not an action."""
    opening = _opening(wording.title, _ASSURANCES)
    if opening is None or not _PEOPLE & set(_words(wording.title)):
        return None
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"“{opening}” with people as the means depends on everybody's memory",
        better="Let the system do it: “Add an automated presubmit check for …”, “Refuse … unless …”",
    )


def _only_assures(wording: Wording) -> Hint | None:
    opening = _opening(wording.title, _ASSURANCES)
    if opening is None or _PEOPLE & set(_words(wording.title)):
        return None
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"“{opening}” names a wish and not what will be built",
        better=f"Name the change: “Add … so that {_rest(wording.title, opening)}”",
    )


def _is_open_ended(wording: Wording) -> Hint | None:
    """Investigating never ends; its result does."""
    opening = _opening(wording.title, _OPEN_ENDED)
    if opening is None:
        return None
    rest = _rest(wording.title, opening)
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"“{opening}” has no end and no outcome of its own",
        better=f"Say what will be there afterwards: “Add alerting for every case where {rest} …”, or keep the question "
        "open in the review and write the item when it is answered",
    )


def _is_vague(wording: Wording) -> Hint | None:
    opening = _opening(wording.title, _VAGUE)
    if opening is None:
        return None
    rest = _rest(wording.title, opening)
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"“{opening}” does not say what will be different",
        better=f"Name the behaviour: “Handle … safely in {rest}”, “Limit {rest} to …”",
    )


def _is_soft(wording: Wording) -> Hint | None:
    """Word to people, and a watch that somebody keeps: afterwards nothing is different."""
    title = " ".join(words_of(wording.title))
    found = _SOFT.search(title) or _OUGHT.search(title)
    if found is None:
        return None
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"“{found.group().strip()}” leaves it to people, and afterwards nothing is different",
        better="Name what will be there: “Alert on … above …”, “Refuse … unless …”, “Limit … to …”",
    )


def _names_no_measure(wording: Wording) -> Hint | None:
    """More monitoring, safer deploys: no end without a number or a place."""
    title = " ".join(words_of(wording.title))
    found = _ABSTRACT.search(title)
    if found is None or re.search(r"\d", title):
        return None
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"“{found.group().strip()}” does not say what will be different",
        better="Name the one signal, case or place that was missing here, and the number at which it is enough",
    )


def _begins_without_verb(wording: Wording) -> Hint | None:
    words = words_of(wording.title)
    if begins_with_verb(wording.title) or _opening(wording.title, _KNOWN_OPENINGS):
        return None
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"it begins with “{words[0]}”, so it names a thing and not what is to be done",
        better=f"Begin with a verb: “Add {wording.title.strip()[:1].lower()}{wording.title.strip()[1:]}”",
    )


def _is_unbounded(wording: Wording) -> Hint | None:
    found = _UNBOUNDED.search(" ".join(words_of(wording.title)))
    if found is None:
        return None
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"“{found.group().strip()}” has no edge: nobody can tell when it is done",
        better="Name the first one or the few that would have mattered in this incident, by name",
    )


def _is_endless(wording: Wording) -> Hint | None:
    found = _LARGE.search(" ".join(words_of(wording.title)))
    if found is None and (wording.due_in is None or wording.due_in <= LONGEST):
        return None
    why = (
        f"“{found.group().strip()}” is a project"
        if found
        else f"it is due in {format_duration(wording.due_in or LONGEST)}"
    )
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"{why}; an action item is doable within a month or two",
        better="Cut the first piece that would have helped here, and put the project on the team's plan",
    )


def _is_two(wording: Wording) -> Hint | None:
    if not begins_with_verb(wording.title):
        return None
    for match in _SECOND.finditer(wording.title.lower()):
        before = words_of(wording.title[: match.start()])
        # `Detect and reject duplicates` is one thing, done in two steps.
        if len(before) >= _FEWEST and asks_again(match.group(1), match.group(2) or ""):
            return Hint(
                rule="A01",
                source=_GOOGLE,
                says=f"it is two things: “{before[0]}” and “{match.group(1)}”",
                better="Make two items, each with its own owner, date and way to verify",
            )
    return None


def _is_long(wording: Wording) -> Hint | None:
    if len(wording.title.strip()) <= _LONGEST_TITLE:
        return None
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"the title has {len(wording.title.strip())} characters; a list shows the first {_LONGEST_TITLE}",
        better="Keep what is done in the title, and the rest in “done when”",
    )


def _ends_nowhere(wording: Wording) -> Hint | None:
    done_when = wording.done_when.strip()
    if not done_when:
        return None
    same = _words(done_when) == _words(wording.title)
    if not same and not _opening(done_when, _EMPTY_ENDS) and len(done_when.split()) >= _FEWEST_WORDS:
        return None
    says = "repeats the title" if same else f"“{done_when[:60]}” says nothing that could be looked at"
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"done when: {says}",
        better="Name what will be seen: “the alert fires in staging within 2 minutes of a broken checkout”",
    )


def _has_no_type(wording: Wording) -> Hint | None:
    if wording.type is not None:
        return None
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says="it does not say of which type it is",
        better="prevent (it cannot happen again), detect (we hear sooner), mitigate (it hurts less), process, document",
    )


def _is_unverified(wording: Wording) -> Hint | None:
    if not wording.is_urgent or wording.is_verified:
        return None
    return Hint(
        rule="A06",
        source=_HOTWASH,
        says="it is urgent, and no check and no drill will show that it works",
        better="Name a check that runs (check.http, check.promql) or a game day that must pass; else it takes a link "
        "or another person's word",
    )


def _are_many(wording: Wording) -> Hint | None:
    if wording.others < MANY_ITEMS:
        return None
    return Hint(
        rule="A07",
        source=_ETSY,
        says=f"the incident has {wording.others} action items already; long lists are not done",
        better="Keep the few that matter most, and record the others as declined, with the reason",
    )


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_CARE = (
    "be careful", "be more careful", "be aware", "be mindful", "remember to", "remind", "pay attention",
    "pay more attention", "take care", "double check", "double-check", "avoid making",
    "don't forget", "do not forget", "stay alert", "train",
    "educate", "tell everyone", "tell everybody", "communicate to",
)  # fmt: skip
_ASSURANCES = ("ensure", "make sure", "make certain", "guarantee", "verify that", "see to it")
_OPEN_ENDED = (
    "investigate", "look into", "look at", "explore", "consider", "think about", "evaluate", "research", "analyze",
    "analyse", "discuss", "find out", "figure out", "understand", "study", "assess", "revisit", "try to",
)  # fmt: skip
_VAGUE = ("fix the issue", "fix the problem", "fix it", "fix this", "improve", "enhance", "address", "better",
          "optimize", "optimise", "clean up", "deal with", "handle the issue", "work on",
          "be better", "do better")  # fmt: skip
_KNOWN_OPENINGS = (*_CARE, *_ASSURANCES, *_OPEN_ENDED, *_VAGUE)
_PEOPLE = _set(
    "people everyone everybody engineer engineers developer developers operator operators staff team teams "
    "somebody someone nobody anyone on-call responders colleagues users they we"
)
_SYSTEMS = (
    r"(?:service|system|component|team|app|application|client|endpoint|alert|dashboard|runbook|database|server|host|"
    r"machine|environment|job|workload|thing|incident|error|repo)s?|(?:librar|dependenc|repositor|quer)(?:y|ies)|"
    r"process(?:es)?|code"
)
_UNBOUNDED = re.compile(
    r"\b(?:everything|everywhere|etc|generally|in general|across the board|(?:company|org\w*)-wide)\b"
    r"|^(?:always|never)\b"
    # All services; but all clients of the payment API, and all hosts that run it, can be counted.
    rf"|(?<!when )(?<!if )\b(?:all|every|each)(?: of)?(?: the| our| its)?(?: \w+)? (?:{_SYSTEMS})\b"
    r"(?! (?:of|that|which|behind) )"
)
_HOUSE = "platform|infrastructure|infra|architecture|estate|stack|monolith|mainframe|data cent(?:er|re)|codebase"
_LARGE = re.compile(
    r"^(?:re-?write|re-?design|re-?architect|re-?platform|overhaul|moderni[sz]e|reorgani[sz]e)\b"
    r"(?! the (?:\w+ )?(?:query|regex|test|rule|page|alert)\b)"
    rf"|\b(?:whole|entire) (?:\w+ )?(?:{_HOUSE}|pipeline|system|fleet|company|organi[sz]ation|site|process)\b"
    r"|\bfrom (?:scratch|the ground up)\b|\btech(?:nical)? debt\b|\blegacy (?:systems?|code|platform|stack|services)\b"
    r"|^(?:migrate|move|port|switch|rebuild|replace|split|break up|decompose)(?: the| our| its)?(?: \w+)? "
    rf"(?:{_HOUSE})\b|^(?:migrate|move|switch|port)(?: off| away| over)? (?:to|from|off|onto|away) (?:the )?\w+"
)
_GATHERING = (
    "trainings?|workshops?|meetings?|brown bags?|lunch and learns?|awareness|"
    r"(?:training|learning|feedback|info\w*) sessions?"
)
_SOFT = re.compile(
    r"^(?:follow[ -]up|keep (?:an eye|watching|monitoring|in mind)|reach out|meet with|sync (?:up )?with|encourage|"
    r"(?:talk|speak) (?:to|with)|check (?:in )?with(?! an? )|educate|communicate|"
    r"ask (?:the|our|everyone|people)(?! (?:user|caller|operator|customer))|"
    r"watch(?!.* (?:file|folder|directory|api|stream|changes)\b))\b"
    r"|\b(?:raise|create|increase|spread|build|improve) (?:\w+ )?awareness\b"
    r"|\b(?:closely|more (?:often|carefully|frequently))\b"
    r"|^(?:review|check|test|monitor|verify|audit|inspect|update)\b.*\b(?:regularly|periodically)\b"
    r"|^(?:run|hold|do|give|organi[sz]e|schedule|plan|set up|arrange|conduct|provide|offer|create|prepare) "
    rf"(?:\w+ ){{0,3}}(?:{_GATHERING})(?:$| (?:for|on|about)\b)"
)
_OUGHT = re.compile(
    rf"^(?:the |all |every |our )?(?:\w+ )?(?:{'|'.join(sorted(_PEOPLE))}) "
    r"(?:should|must|needs? to|ha(?:s|ve) to|ought)\b"
)
_QUALITIES = (
    r"monitoring|alerting|observability|visibility|reliability|resilien\w+|stability|quality|communication|coverage|"
    "performance|documentation|docs|tests|testing|logging|security|robustness|alerts|tooling|automation"
)
_ABSTRACT = re.compile(
    "^(?:fix|increase|strengthen|extend|expand|update|add|write|have|get|do|build|create|introduce|set up|implement)"
    rf"(?: the| our| more| better| some| proper| additional| extra| good)* (?:{_QUALITIES})$"
    r"|^(?:add|write|have|get|use|create|introduce|build|provide) (?:more|better|proper|good)\b"
    r"|^make \w.* (?:more \w+|better|safer|faster|robust|resilient|stable|reliable|stronger|easier)$"
)
_SECOND = re.compile(r"(?:,| and| then|;) (?:then )?([a-z][a-z-]*)(?: ([a-z]+))?")
# Before the second thing stand a verb and what it is done to.
_FEWEST = 2
_EMPTY_ENDS = (
    "done", "when done", "finished", "it works", "works", "fixed", "when it is fixed", "complete", "completed", "tbd",
    "todo", "n/a", "none", "ready", "merged", "the work is done",
)  # fmt: skip
_LOOKS: tuple[Callable[[Wording], Hint | None], ...] = (
    _calls_for_care, _asks_people, _only_assures, _is_open_ended, _is_vague, _is_soft, _names_no_measure,
    _begins_without_verb, _is_unbounded, _is_endless, _is_two, _is_long, _ends_nowhere, _has_no_type, _is_unverified,
    _are_many,
)  # fmt: skip
