"""Hints on how an action item is worded: verb first, bounded, doable in a month or two, not a call to be careful.

Called when an item is created and by the form's preview. Pure, deterministic, in English. The one thing to know: a hint
never blocks. Each names its rule (A01, A06, A07 of the practice guides), where the rule comes from, and better words.
"""

import re
from collections.abc import Callable
from datetime import timedelta

from domain.durations import format_duration
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
        says=f"hotwash.yaml names no people, so nothing reaches {owner!r}",
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


def _begins_without_verb(wording: Wording) -> Hint | None:
    words = _words(wording.title)
    if not words or words[0] in _VERBS or _opening(wording.title, _KNOWN_OPENINGS):
        return None
    if words[0] not in _NO_VERBS and not words[0].endswith(_NOUN_ENDINGS):
        return None
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"it begins with “{words[0]}”, so it names a thing and not what is to be done",
        better=f"Begin with a verb: “Add {wording.title.strip()[:1].lower()}{wording.title.strip()[1:]}”",
    )


def _is_unbounded(wording: Wording) -> Hint | None:
    found = next((word for word in _words(wording.title) if word in _UNBOUNDED), None)
    if found is None:
        return None
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"“{found}” has no edge: nobody can tell when it is done",
        better="Name the first one or the few that would have mattered in this incident, by name",
    )


def _is_endless(wording: Wording) -> Hint | None:
    word = next((word for word in _words(wording.title) if word in _LARGE), None)
    if word is None and (wording.due_in is None or wording.due_in <= LONGEST):
        return None
    why = f"“{word}” is a project" if word else f"it is due in {format_duration(wording.due_in or LONGEST)}"
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"{why}; an action item is doable within a month or two",
        better="Cut the first piece that would have helped here, and put the project on the team's plan",
    )


def _is_two(wording: Wording) -> Hint | None:
    match = re.search(r"(?:,| and| then|;) (?:then )?([a-z]+)\b", wording.title.strip().lower())
    words = _words(wording.title)
    if match is None or match.group(1) not in _VERBS or not words or words[0] not in _VERBS:
        return None
    return Hint(
        rule="A01",
        source=_GOOGLE,
        says=f"it is two things: “{words[0]}” and “{match.group(1)}”",
        better="Make two items, each with its own owner, date and way to verify",
    )


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
    "be careful", "be more careful", "be aware", "be mindful", "remember", "remind", "pay attention",
    "pay more attention", "take care", "double check", "double-check", "avoid making",
    "don't forget", "do not forget", "stay alert", "train",
    "educate", "tell everyone", "tell everybody", "communicate to",
)  # fmt: skip
_ASSURANCES = ("ensure", "make sure", "make certain", "guarantee", "verify that", "see to it")
_OPEN_ENDED = (
    "investigate", "look into", "look at", "explore", "consider", "think about", "evaluate", "research", "analyze",
    "analyse", "discuss", "find out", "figure out", "understand", "study", "assess", "revisit", "try to", "try",
)  # fmt: skip
_VAGUE = ("fix the issue", "fix the problem", "fix it", "fix this", "improve", "enhance", "address", "better",
          "optimize", "optimise", "clean up", "deal with", "handle the issue", "work on",
          "be better", "do better")  # fmt: skip
_KNOWN_OPENINGS = (*_CARE, *_ASSURANCES, *_OPEN_ENDED, *_VAGUE)
_PEOPLE = _set(
    "people everyone everybody engineer engineers developer developers operator operators staff team teams "
    "somebody someone nobody anyone on-call responders colleagues users they we"
)
_UNBOUNDED = _set("all every everything everywhere always never any anything whatever etc generally")
_LARGE = _set(
    "rewrite redesign rearchitect re-architect replatform re-platform overhaul modernize modernise reorganize "
    "reorganise"
)
_EMPTY_ENDS = (
    "done", "when done", "finished", "it works", "works", "fixed", "when it is fixed", "complete", "completed", "tbd",
    "todo", "n/a", "none", "ready", "merged", "the work is done",
)  # fmt: skip
_NOUN_ENDINGS = ("tion", "ness", "ity", "ing", "ance", "ence", "ies", "ment", "ship", "ability")
_NO_VERBS = _set(
    "the a an this that these those some more less better new our your their its no not there it we they you i "
    "should must need needs could would can may lack missing insufficient alerts dashboards tests monitors "
    "logs"
)
_VERBS = _set(
    "add alert allow alter announce apply archive assign attach automate back backfill backport ban block "
    "build bump cache cap capture change check clean close collect configure connect convert copy count create "
    "cut declare decommission decouple default delete deploy deprecate describe detect disable document drain "
    "drop encrypt enable enforce expand expire expose extend extract fail fence file filter fix freeze gate "
    "give grant group guard handle harden hide implement import include increase index inject install "
    "instrument introduce isolate join keep kill label let limit link list load lock log lower measure merge "
    "migrate mirror monitor move mute name normalise normalize notify open page parse partition patch pause "
    "pin plan poll post prevent print probe promote protect prove provision publish pull push put queue quote "
    "raise rate-limit read rebalance record reduce refuse reject release reload remove rename renew replace "
    "replicate report require reserve reset resize restore restrict retire retry return reuse revert revoke "
    "roll rotate route run sample scale schedule scrape seed send separate serve set shard shed show shut sign "
    "simplify split stage start stop store stream suppress swap switch tag teach test throttle time timeout "
    "tighten track trace trigger trim tune turn update upgrade use validate verify version wait warm warn "
    "watch wire wrap write"
)
_LOOKS: tuple[Callable[[Wording], Hint | None], ...] = (
    _calls_for_care, _asks_people, _only_assures, _is_open_ended, _is_vague, _begins_without_verb, _is_unbounded,
    _is_endless, _is_two, _is_long, _ends_nowhere, _has_no_type, _is_unverified, _are_many,
)  # fmt: skip
