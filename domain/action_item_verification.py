"""What shows that an action item is done, and what later shows that it is not: checks that run, drills that pass.

Called by `domain/action_item_decisions.py` and, for the outcome of a check, by `workflows/action_item.py`. Pure.
"""

import re
from datetime import datetime, timedelta

from domain.action_item import ActionItemStart, ActionItemState, ActionItemStatus, Evidence, ObserveDrill, Priority
from domain.action_item_outcomes import (
    DAILY_REMINDERS,
    ME,
    ItemOutcome,
    changed,
    entry,
    new_evidence,
    notice,
    superiors,
    with_evidence,
)
from domain.calendar import due_after
from domain.deadlines import begin
from domain.errors import Rejected, RejectionKind
from domain.follow_up import Outcome
from domain.policy import Policy
from domain.severity import Severity
from domain.timeline import Actor, ActorKind, EntryKind

# What machines leave behind; the last one of each kind counts.
DRILL_PASSED = "drill"
DRILL_FAILED = "drill_failed"
CHECK_PASSED = "check"
CHECK_FAILED = "check_failed"
# Of each the last ten are kept: a weekly drill must not fill the list over the years; the timeline has them all.
MAX_KEPT = 10
# A finished item is reopened by the third look in a row that does not hold, ten minutes apart: one blip is no relapse.
FAILURES_TO_REOPEN = 3
LOOK_AGAIN = timedelta(minutes=10)
# A reopened item is due again soon: it was believed to be done (the urgent deadline of its severity, or a week).
_REOPENED_DUE = timedelta(days=7)
# People paste links into the words as often as into their own field.
_LINK = re.compile(r"\bhttps?://[^\s/]+")


def drill_is_passed(state: ActionItemState) -> bool:
    """Whether the last drill that was observed has passed."""
    return _last(state, DRILL_PASSED, DRILL_FAILED) == DRILL_PASSED


def check_is_passed(state: ActionItemState) -> bool:
    """Whether the check held when it was last run."""
    return _last(state, CHECK_PASSED, CHECK_FAILED) == CHECK_PASSED


def demand_shown(state: ActionItemState, by: Actor) -> None:
    """Rejected when an urgent item would be done by nothing but its owner's words (rule A06)."""
    if state.priority is not Priority.URGENT or state.requires_drill or state.check or _is_another(by, state.owner):
        # A check and a drill have spoken already, or the item would not have got as far as this.
        return
    if not any(each.url or _LINK.search(each.text) or _is_another(each.by, state.owner) for each in state.evidence):
        raise Rejected(
            f"action item {state.id} is urgent, so the word of its owner ({state.owner}) alone does not end it; give a "
            "link to what shows it, or let another person add evidence or say that it is done. The next urgent item "
            "can have a check or a drill that speaks for it",
            RejectionKind.CONFLICT,
        )


def _is_another(by: Actor, owner: str) -> bool:
    return by.kind is ActorKind.PERSON and by.name != owner


def watched_until(state: ActionItemState, now: datetime, terms: ActionItemStart) -> datetime | None:
    """Until when a finished item is watched: a drill, a check, an issue or a person may speak up again; None: never."""
    policy = terms.policy
    drill_watched_for = policy.action_item_drill_watched_for if state.requires_drill else timedelta(0)
    lasting = max(policy.action_item_watched_for, drill_watched_for)
    return now + lasting if lasting > timedelta(0) else None


def observe_drill(state: ActionItemState, command: ObserveDrill, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    """A game day of the required name has ended; one that fails later reopens the item."""
    if command.by.kind is ActorKind.PERSON:
        raise Rejected("only a game day itself reports how it ended", RejectionKind.FORBIDDEN)
    if command.game_day != state.requires_drill:
        raise Rejected(f"action item {state.id} does not wait for game day {command.game_day!r}")
    word = "passed" if command.passed else "did not pass"
    text = f"game day {command.game_day} ({command.game_day_id}) {word}"
    if any(each.text == text for each in state.evidence):
        # The same report again, because a signal may be sent twice.
        return Outcome(state)
    kind = DRILL_PASSED if command.passed else DRILL_FAILED
    after = with_evidence(
        _forget_old(state, DRILL_PASSED, DRILL_FAILED), new_evidence(command.by, kind, text, None, now)
    )
    entries = (entry(now, command.by, f"Action item {state.id}: {text}", state),)
    if state.state is ActionItemStatus.DONE:
        if command.passed:
            return Outcome(after, entries)
        outcome = reopened(after, text, command.by, now, terms)
        return Outcome(outcome.state, (*entries, *outcome.entries), outcome.notices)
    if command.passed:
        return Outcome(changed(after, ActionItemStatus.VERIFYING, now), entries)
    if after.state is ActionItemStatus.VERIFYING:
        after = changed(after, ActionItemStatus.IN_PROGRESS, now)
    words = f"{text}; {state.title} is not done"
    return Outcome(after, entries, notice(state, (state.owner,), "drill_failed", words))


def observe_check(
    state: ActionItemState, holds: bool | None, detail: str, now: datetime, terms: ActionItemStart
) -> ItemOutcome:
    """The check was run. `holds` None: it could not be told, which is neither a proof nor a relapse."""
    after = state.model_copy(update={"check_wanted": False})
    if state.state is ActionItemStatus.DROPPED or state.check is None:
        return Outcome(after)
    is_done = state.state is ActionItemStatus.DONE
    if is_done and state.watched_until is not None:
        after = after.model_copy(update={"next_check_at": now + _pause(holds, terms.policy)})
    if holds is None:
        said = f"The check of action item {state.id} could not be run: {detail}"
        told = notice(state, () if is_done else (state.owner,), "check_failed", said)
        return Outcome(after, (entry(now, ME, said, state, EntryKind.TROUBLE),), told)
    if is_done:
        return _observe_watch(after, holds, detail, now, terms)
    kind, word = (CHECK_PASSED, "holds") if holds else (CHECK_FAILED, "does not hold")
    text = f"check {state.check.action} {word}: {detail}"
    after = with_evidence(_forget_old(after, CHECK_PASSED, CHECK_FAILED), new_evidence(ME, kind, text, None, now))
    status = ActionItemStatus.VERIFYING if holds else ActionItemStatus.IN_PROGRESS
    after = changed(after, status, now).model_copy(update={"started_at": state.started_at or now})
    told = () if holds else notice(state, (state.owner,), "check_failed", f"{text}; {state.title} is not done")
    return Outcome(after, (entry(now, ME, f"Action item {state.id}: {text}", state),), told)


def reopened(state: ActionItemState, reason: str, by: Actor, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    """It was not done after all: in progress again, with a new deadline, and its owner and their superiors hear."""
    allowed = terms.policy.of(terms.severity).urgent_action_item_due
    due_at = due_after(now, allowed if allowed is not None and terms.severity is Severity.SEV1 else _REOPENED_DUE,
                       terms.policy.calendar)  # fmt: skip
    after = changed(state, ActionItemStatus.IN_PROGRESS, now).model_copy(
        update={
            "finished_at": None,
            "due_at": due_at,
            "ladder": begin(due_at, now, DAILY_REMINDERS),
            "reopened": state.reopened + 1,
            "reopened_because": reason,
            "watched_until": None,
            "next_check_at": None,
            "check_failures": 0,
        }
    )
    said = f"Action item {state.id} reopened: {reason}"
    words = f"action item {state.id} ({state.title}) is open again: {reason}"
    people = (state.owner, *superiors(state, terms))
    return Outcome(after, (entry(now, by, said, state),), notice(state, people, "reopened", words))


def _observe_watch(
    state: ActionItemState, holds: bool, detail: str, now: datetime, terms: ActionItemStart
) -> ItemOutcome:
    action = state.check.action if state.check else ""
    if holds:
        return Outcome(state.model_copy(update={"check_failures": 0}))
    failures = state.check_failures + 1
    after = state.model_copy(update={"check_failures": failures})
    text = f"check {action} does not hold: {detail}"
    if failures < FAILURES_TO_REOPEN:
        said = f"Action item {state.id} is done, but its {text}; it is looked at again"
        return Outcome(after, (entry(now, ME, said, state),))
    after = with_evidence(
        _forget_old(after, CHECK_PASSED, CHECK_FAILED), new_evidence(ME, CHECK_FAILED, text, None, now)
    )
    return reopened(after, text, ME, now, terms)


def _pause(holds: bool | None, policy: Policy) -> timedelta:
    return LOOK_AGAIN if holds is False else policy.action_item_check_every


def _last(state: ActionItemState, *kinds: str) -> str | None:
    return next((each.kind for each in reversed(state.evidence) if each.kind in kinds), None)


def _forget_old(state: ActionItemState, *kinds: str) -> ActionItemState:
    # By position and not by equality, so that two that look alike are two.
    places = [place for place, each in enumerate(state.evidence) if each.kind in kinds]
    forgotten = set(places[: max(len(places) + 1 - MAX_KEPT, 0)])
    kept: tuple[Evidence, ...] = tuple(e for place, e in enumerate(state.evidence) if place not in forgotten)
    return state.model_copy(update={"evidence": kept})
