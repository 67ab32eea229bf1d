"""The practice of incident command as rules that can be checked: what people did, read against how it is done well.

Used by tabletops (`domain/tabletop_decisions.py`) and by the trainer. Pure. The rules and their numbers come from
PagerDuty's response guide and Google's, as `hotwash train --rules` lists them. The one thing to know: a rule for which
there was no occasion is not held and not broken, it is left out of the score.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from pydantic import Field

from domain.model import Model
from domain.severity import Severity
from domain.timeline import Actor

RULES: dict[str, str] = {
    "R01": "Exactly one person is in command, five minutes after the declaration at the latest",
    "R02": "In a SEV-1 or SEV-2 the commander holds no working role besides",
    "R03": "Command is offered, accepted and the reason is said; it is never assumed",
    "R04": "Whoever hands over command briefs first: condition, what is under way, open questions, next times",
    "R06": "An unknown severity is treated as the higher one; a milder one needs a reason",
    "R07": "A change of status, severity or impact says why",
    "R09": "A task has one named person and a time box",
    "R11": "A decision is recorded with its reason",
    "C01": "The outside hears within five minutes of declaration when customers are hurt (SEV-1, SEV-2)",
    "C02": "Nobody waits longer than 30 minutes for an internal update, or 20 for an external one",
    "C03": "Every update says when the next one comes, and it comes by then",
    "C04": "An update says something that the one before did not",
    "C05": "No promise of when it will be mended leaves the house",
    "C07": "The closing word confirms the recovery and says whether data was lost",
}
# R01 and C01: PagerDuty.
COMMANDED_WITHIN = timedelta(minutes=5)
OUTSIDE_TOLD_WITHIN = timedelta(minutes=5)
# R02: time to find other people.
_SHARED_UNTIL = timedelta(minutes=15)
# R04: a brief that is older than this is no brief any more.
_BRIEF_LASTS = timedelta(minutes=15)
# C02: PagerDuty, for the first two hours.
_SILENCE = {"internal": timedelta(minutes=30), "external": timedelta(minutes=20)}
_SAME_TEXT = 0.95
_COMMANDER = "commander"
# SMEs and stakeholders advise; the others work.
_WORKING_ROLES = frozenset({"deputy", "technical_lead", "communications_lead", "logistics_lead", "scribe"})
_PROMISES = re.compile(
    r"\bETA\b|\b(?:will|should) be (?:fixed|back|resolved|restored|up|over)\b[^.]{0,20}\b(?:by|in|within|at|before)\b",
    re.IGNORECASE,
)
_RECOVERED = re.compile(r"\b(recover\w*|restored|normal|confirmed|verified|healthy|back)\b", re.IGNORECASE)
_DATA = re.compile(r"\b(data|orders?|records?|rows|writes?|lost|loss|nothing was lost)\b", re.IGNORECASE)


class Deed(Model):
    """One thing that a person did in the incident, and how things stood afterwards. The signal `observe_deed`."""

    # The name of the incident's command: `offer_role`, `post_update`, …
    command: str
    by: Actor
    at: datetime
    body: dict[str, Any] = Field(default_factory=dict)
    roles: dict[str, str] = Field(default_factory=dict)
    severity: Severity
    status: str
    severity_before: Severity | None = None
    roles_before: dict[str, str] = Field(default_factory=dict)

    @property
    def text(self) -> str:
        """What was said with it."""
        return str(self.body.get("text") or self.body.get("summary") or "")


class PracticeResult(Model):
    """How one rule was kept."""

    rule: str
    title: str
    # None: there was no occasion.
    held: bool | None
    detail: str = ""


class Story(NamedTuple):
    """What the rules are read against."""

    deeds: Sequence[Deed]
    declared_at: datetime
    ended_at: datetime
    severity: Severity
    # The severity that the scenario deserves; None: what people made of it is believed.
    deserved: Severity | None = None
    hurts_customers: bool = True

    def of(self, *commands: str) -> list[Deed]:
        """The deeds of these kinds."""
        return [each for each in self.deeds if each.command in commands]

    @property
    def worst(self) -> Severity:
        """The worst that it was, or deserved to be."""
        seen = [self.severity, *(each.severity for each in self.deeds), *((self.deserved,) if self.deserved else ())]
        return Severity(min(seen, key=lambda each: each.rank))

    def minutes(self, at: datetime) -> str:
        """A moment as people read it."""
        return f"minute {(at - self.declared_at).total_seconds() / 60:.0f}"


Verdict = tuple[bool | None, str]


def practised(story: Story) -> tuple[PracticeResult, ...]:
    """Every rule, in the order of the list."""
    found = {rule: judge(story) for rule, judge in _JUDGES.items()}
    return tuple(
        PracticeResult(rule=rule, title=title, held=found[rule][0], detail=found[rule][1])
        for rule, title in RULES.items()
    )


def score(results: Sequence[PracticeResult]) -> float | None:
    """The share of the rules with an occasion that were kept, from 0 to 100."""
    counted = [each.held for each in results if each.held is not None]
    return round(100 * sum(counted) / len(counted)) if counted else None


def _one_commander(story: Story) -> Verdict:
    taken = next((each for each in story.deeds if _COMMANDER in each.roles), None)
    if taken is None:
        return False, "nobody took command"
    said = f"{taken.roles[_COMMANDER]} in {story.minutes(taken.at)}"
    return taken.at - story.declared_at <= COMMANDED_WITHIN, said


def _commander_only_commands(story: Story) -> Verdict:
    if not story.worst.is_at_least(Severity.SEV2):
        return None, "SEV-3 and milder: a small incident may share roles"
    after = story.declared_at + _SHARED_UNTIL
    for deed in story.deeds:
        commander = deed.roles.get(_COMMANDER)
        both = sorted(role for role in _WORKING_ROLES if commander and deed.roles.get(role) == commander)
        if deed.at > after and both:
            return False, f"{commander} was {', '.join(both).replace('_', ' ')} as well in {story.minutes(deed.at)}"
    return (True, "") if any(_COMMANDER in each.roles for each in story.deeds) else (None, "nobody was in command")


def _hand_overs(story: Story) -> Iterator[tuple[Deed, Deed | None]]:
    """Each change of commander, with the offer before it."""
    offer: Deed | None = None
    for deed in story.deeds:
        if deed.command == "offer_role" and deed.body.get("role") == _COMMANDER:
            offer = deed
        before, after = deed.roles_before.get(_COMMANDER), deed.roles.get(_COMMANDER)
        if before and after and before != after:
            yield deed, offer if offer and offer is not deed else None


def _handed_over(story: Story) -> Verdict:
    moved = list(_hand_overs(story))
    offered = [each for each in story.of("offer_role") if each.body.get("role") == _COMMANDER and each.roles_before]
    if not moved:
        pending = [each for each in offered if each.roles_before.get(_COMMANDER)]
        return (False, "command was offered and never taken") if pending else (None, "command did not change hands")
    for deed, offer in moved:
        if offer is None or not str(offer.body.get("reason", "")).strip():
            return False, f"{deed.roles[_COMMANDER]} took over in {story.minutes(deed.at)} without a reason"
    return True, f"to {moved[-1][0].roles[_COMMANDER]}"


def _briefed(story: Story) -> Verdict:
    moved = list(_hand_overs(story))
    if not moved:
        return None, "command did not change hands"
    for deed, _ in moved:
        before = deed.roles_before[_COMMANDER]
        brief = [
            each
            for each in story.of("add_note", "post_update", "record_decision")
            if each.by.name == before and timedelta() <= deed.at - each.at <= _BRIEF_LASTS
        ]
        if not brief:
            return False, f"{before} left no brief in the {_BRIEF_LASTS.seconds // 60} minutes before"
    return True, ""


def _severe_enough(story: Story) -> Verdict:
    for deed in story.of("change_severity"):
        milder = deed.severity_before is not None and deed.severity.rank > deed.severity_before.rank
        if milder and not str(deed.body.get("reason", "")).strip():
            return False, f"made milder in {story.minutes(deed.at)} without a reason"
    if story.deserved is None:
        return (True, "") if story.of("change_severity") else (None, "it was not changed")
    last = story.deeds[-1].severity if story.deeds else story.severity
    reached = min([story.severity, *(each.severity for each in story.deeds)], key=lambda each: each.rank)
    if not reached.is_at_least(story.deserved):
        return False, f"it deserved {story.deserved.value} and was {reached.value} at its worst"
    return True, f"{last.value}"


def _says_why(story: Story) -> Verdict:
    changes = story.of("change_status", "change_severity")
    if not changes:
        return None, "nothing was changed"
    silent = [each for each in changes if not str(each.body.get("reason", "")).strip()]
    if silent:
        return False, f"{silent[0].command.replace('_', ' ')} in {story.minutes(silent[0].at)} says no reason"
    return True, ""


def _tasks_are_boxed(story: Story) -> Verdict:
    tasks = story.of("add_task")
    if not tasks:
        return None, "no task was given"
    loose = [each for each in tasks if not (each.body.get("assignee") and each.body.get("due_within"))]
    if loose:
        return False, f"{loose[0].body.get('title')!r} lacks a person or a time box"
    return True, f"{len(tasks)} of {len(tasks)}"


def _decisions_have_reasons(story: Story) -> Verdict:
    made = story.of("record_decision")
    if not made:
        return None, "no decision was recorded"
    bare = [each for each in made if not str(each.body.get("rationale", "")).strip()]
    return (False, f"{bare[0].text!r} has no reason") if bare else (True, f"{len(made)} recorded")


def _outside_told(story: Story) -> Verdict:
    if not (story.hurts_customers and story.worst.is_at_least(Severity.SEV2)):
        return None, "no customer was hurt, or it was milder than SEV-2"
    first = next(iter(_updates(story, "external")), None)
    if first is None:
        return False, "the outside heard nothing"
    return first.at - story.declared_at <= OUTSIDE_TOLD_WITHIN, f"first in {story.minutes(first.at)}"


def _nobody_waits(story: Story) -> Verdict:
    if not story.worst.is_at_least(Severity.SEV3):
        return None, "milder than SEV-3"
    audiences = ["internal"]
    if story.hurts_customers and story.worst.is_at_least(Severity.SEV2):
        audiences.append("external")
    resolved = next(iter(story.of("resolve")), None)
    end = resolved.at if resolved else story.ended_at
    for audience in audiences:
        told = [each.at for each in _updates(story, audience) if each.at <= end]
        for before, after in zip([story.declared_at, *told], [*told, end], strict=True):
            if after - before > _SILENCE[audience]:
                gap = (after - before).total_seconds() / 60
                return False, f"{audience}: {gap:.0f} minutes of silence from {story.minutes(before)} on"
    return True, ""


def _promises_are_kept(story: Story) -> Verdict:
    told = story.of("post_update")
    if not told:
        return False, "no update was published"
    silent = [each for each in told if not each.body.get("next_update_within")]
    if silent:
        return False, f"the update of {story.minutes(silent[0].at)} does not say when the next one comes"
    resolved = next(iter(story.of("resolve")), None)
    end = resolved.at if resolved else story.ended_at
    for audience in dict.fromkeys(str(each.body.get("audience")) for each in told):
        own = _updates(story, audience)
        for one, following in zip(own, [*own[1:], None], strict=True):
            due = one.at + _seconds(one.body["next_update_within"])
            if due < (following.at if following else end):
                return False, f"{audience}: the one promised for {story.minutes(due)} did not come by then"
    return True, ""


def _says_news(story: Story) -> Verdict:
    pairs = [
        (one, other)
        for audience in ("internal", "external", "executive")
        for one, other in zip(_updates(story, audience), _updates(story, audience)[1:], strict=False)
    ]
    if not pairs:
        return None, "no audience heard twice"
    for one, other in pairs:
        if SequenceMatcher(None, one.text, other.text).ratio() > _SAME_TEXT:
            return False, f"the update of {story.minutes(other.at)} repeats the one before"
    return True, ""


def _promises_nothing(story: Story) -> Verdict:
    told = [each for each in story.of("post_update") if each.body.get("audience") != "internal"]
    if not told:
        return None, "nothing left the house"
    for each in told:
        if found := _PROMISES.search(each.text):
            return False, f"{found.group(0)!r} in {story.minutes(each.at)}"
    return True, ""


def _closes_well(story: Story) -> Verdict:
    ends = story.of("resolve")
    if not ends:
        return None, "it was not resolved"
    text = ends[-1].text
    lacks = [
        what
        for what, words in (("a confirmed recovery", _RECOVERED), ("a word about data", _DATA))
        if not words.search(text)
    ]
    return (False, f"it lacks {' and '.join(lacks)}") if lacks else (True, "")


def _updates(story: Story, audience: str) -> list[Deed]:
    return [each for each in story.of("post_update") if each.body.get("audience") == audience]


def _seconds(value: Any) -> timedelta:
    return timedelta(seconds=float(value))


_JUDGES: dict[str, Callable[[Story], Verdict]] = {
    "R01": _one_commander,
    "R02": _commander_only_commands,
    "R03": _handed_over,
    "R04": _briefed,
    "R06": _severe_enough,
    "R07": _says_why,
    "R09": _tasks_are_boxed,
    "R11": _decisions_have_reasons,
    "C01": _outside_told,
    "C02": _nobody_waits,
    "C03": _promises_are_kept,
    "C04": _says_news,
    "C05": _promises_nothing,
    "C07": _closes_well,
}
