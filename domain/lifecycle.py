"""How an incident moves through its life: status, severity, resolve, reopen, merge, cancel, close.

*Mitigated* (the impact is over) is not *resolved* (normal service) is not *closed* (the learning is done). `MOVES` is
the table of what a person may set; the later stages have commands of their own, because each brings something about.
"""

from datetime import datetime
from typing import Any

from domain.action_item import ActionItemStatus
from domain.alert import FollowIncident
from domain.comms import CommsStart
from domain.errors import Rejected
from domain.game_day import MilestoneKind
from domain.ids import is_incident_id
from domain.incident import (
    RESPONDING,
    AddNote,
    Cancel,
    ChangeSeverity,
    ChangeStatus,
    Close,
    IncidentState,
    IncidentStatus,
    Merge,
    Reopen,
    Resolve,
)
from domain.incident_effects import (
    FinishComms,
    Outcome,
    RedirectAlerts,
    StartComms,
    TellIncident,
    brief,
    changed,
    conflict,
    entry,
    milestone,
    require_text,
)
from domain.incident_paging import page, stop_page
from domain.incident_review import begin_review, review_hears_of_end, review_hears_of_resolution
from domain.review import ReviewStatus
from domain.run import RunStatus
from domain.timeline import Actor, EntryKind, automation

MOVES: dict[IncidentStatus, tuple[IncidentStatus, ...]] = {
    status: tuple(other for other in RESPONDING if other not in {status, IncidentStatus.DECLARED})
    for status in RESPONDING
}
# Which command leads to a status that `change_status` does not set.
COMMAND_FOR = {
    IncidentStatus.RESOLVED: "'resolve'",
    IncidentStatus.REVIEWING: "submitting the review",
    IncidentStatus.CLOSED: "'close'",
    IncidentStatus.MERGED: "'merge'",
    IncidentStatus.CANCELLED: "'cancel'",
}
AFTER = (IncidentStatus.RESOLVED, IncidentStatus.REVIEWING)
ENDED_RUNS = {RunStatus.SUCCEEDED.value, RunStatus.FAILED.value, RunStatus.STOPPED.value}
ENDED_REVIEWS = {ReviewStatus.REVIEWED.value, ReviewStatus.CLOSED.value, ReviewStatus.WAIVED.value}
TRACKED_ITEMS = {status.value for status in ActionItemStatus}
LIFECYCLE = automation("lifecycle")


def change_status(state: IncidentState, command: ChangeStatus, now: datetime) -> Outcome:
    """Move within the response; `monitoring` means that the impact is over."""
    status = command.status
    if status is state.status:
        raise conflict(f"{state.id} is already {status}")
    possible = MOVES.get(state.status, ())
    if status not in possible:
        raise conflict(_impossible(state, status, possible))
    reason = command.reason.strip()
    if RESPONDING.index(status) < RESPONDING.index(state.status):
        reason = require_text(reason, f"say why the incident goes back to {status}: 'reason' is empty")
    return move(state, status, command.by, reason, now)


def move(state: IncidentState, status: IncidentStatus, by: Actor, reason: str, now: datetime) -> Outcome:
    """Set a status of the response; the impact is over in `monitoring` and back when it is left."""
    is_over = status is IncidentStatus.MONITORING
    summary = f"{state.status} → {status}" + (f": {reason}" if reason else "")
    if is_over:
        summary += " (mitigated: the impact is over)"
    note = entry(now, EntryKind.STATUS, by, summary, before=state.status, after=status, reason=reason)
    told = milestone(state, MilestoneKind.MITIGATED, now, reason) if is_over else ()
    after = changed(state, status=status, mitigated_at=now if is_over else None)
    after, review = begin_review(after) if is_over else (after, ())
    return Outcome(after, (note,), (*review, *told))


def change_severity(state: IncidentState, command: ChangeSeverity, now: datetime) -> Outcome:
    """A new severity; a milder one needs a reason, because in doubt the worse one counts (PagerDuty's response guide).

    Worse and unacknowledged: a new page at the new pace. Too mild to page: none.
    """
    if state.status not in RESPONDING:
        raise conflict(f"{state.id} is {state.status}; its severity stands. Reopen it first")
    if command.severity is state.severity:
        raise conflict(f"{state.id} is already {command.severity}")
    reason, is_worse = command.reason.strip(), command.severity.rank < state.severity.rank
    if not is_worse:
        reason = require_text(reason, "say why it is milder than it was: 'reason' is empty")
    summary = f"{state.severity} → {command.severity}" + (f": {reason}" if reason else "")
    details: dict[str, Any] = {"before": state.severity, "after": command.severity, "reason": reason}
    note = entry(now, EntryKind.SEVERITY, command.by, summary, **details)
    outcome = Outcome(changed(state, severity=command.severity), (note,))
    pages = state.context.policy.of(command.severity).acknowledge_within is not None
    if pages and is_worse and (state.acknowledged_at is None or state.open_page):
        return outcome.then(page(outcome.state, now, f"severity raised: {summary}"))
    if not pages:
        return outcome.then(stop_page(outcome.state, command.by, f"{command.severity} pages nobody"))
    return outcome


def resolve(state: IncidentState, command: Resolve, now: datetime) -> Outcome:
    """Normal service is back: paging ends, the closing notice goes out, the review begins."""
    if state.status not in RESPONDING:
        raise conflict(f"{state.id} is {state.status} and cannot be resolved")
    summary = command.summary.strip() or "normal service is back"
    stopped = stop_page(state, command.by, "resolved")
    after = changed(
        stopped.state,
        status=IncidentStatus.RESOLVED,
        summary=summary,
        mitigated_at=state.mitigated_at or now,
        resolved_at=now,
        offers=(),
    )
    details: dict[str, Any] = {"before": state.status, "after": IncidentStatus.RESOLVED, "open_runs": open_runs(state)}
    note = entry(now, EntryKind.STATUS, command.by, f"resolved: {summary}", **details)
    heard = review_hears_of_resolution(after, command.by)
    after, begun = begin_review(after)
    review = (*heard, *begun)
    mitigated = milestone(state, MilestoneKind.MITIGATED, now, summary) if state.mitigated_at is None else ()
    told = milestone(state, MilestoneKind.RESOLVED, now, summary)
    finish = FinishComms(by=command.by, summary=summary, outcome="resolved")
    return stopped.then(Outcome(after, (note,), (finish, *review, *mitigated, *told)))


def reopen(state: IncidentState, command: Reopen, now: datetime) -> Outcome:
    """It was not over: the response, the communication and the paging begin again; the review goes on."""
    if state.status not in AFTER:
        raise conflict(f"{state.id} is {state.status}; only a resolved incident that is not closed can be reopened")
    reason = require_text(command.reason, "say why it was not over: 'reason' is empty")
    after = changed(
        state,
        status=IncidentStatus.INVESTIGATING,
        mitigated_at=None,
        resolved_at=None,
        reopened=state.reopened + 1,
        last_activity_at=now,
    )
    details: dict[str, Any] = {"before": state.status, "after": after.status, "reason": reason}
    note = entry(now, EntryKind.STATUS, command.by, f"reopened: {reason}", **details)
    outcome = Outcome(after, (note,), (StartComms(start=comms_start(after)),))
    if state.context.policy.of(state.severity).acknowledge_within is None:
        return outcome
    return outcome.then(page(after, now, f"reopened: {reason}"))


def merge(state: IncidentState, command: Merge, now: datetime) -> Outcome:
    """The same trouble as another incident, which goes on and gets a line about it; this one ends."""
    if not is_incident_id(command.into) or command.into == state.id:
        raise Rejected(f"{command.into!r} is not the id of another incident; it looks like inc-20261122-k7qd")
    why = command.reason.strip()
    reason = f"merged into {command.into}" + (f": {why}" if why else "")
    ended = _end(state, IncidentStatus.MERGED, command.by, reason, now)
    text = f"{state.id} ({state.title}) was merged into this incident"
    note = AddNote(by=command.by, text=f"{text}: {why}" if why else text)
    telling = TellIncident(incident_id=command.into, note=note)
    follow = FollowIncident(by=command.by, incident_id=command.into)
    groups = tuple(RedirectAlerts(group_id=group, follow=follow) for group in state.alert_groups)
    return ended.then(Outcome(changed(ended.state, merged_into=command.into), (), (telling, *groups)))


def cancel(state: IncidentState, command: Cancel, now: datetime) -> Outcome:
    """It was none."""
    reason = require_text(command.reason, "say why this is no incident: 'reason' is empty")
    return _end(state, IncidentStatus.CANCELLED, command.by, f"cancelled: {reason}", now)


def close(state: IncidentState, command: Close, now: datetime) -> Outcome:
    """The learning is done. Refused, with everything that is still open, until it is."""
    if state.status not in AFTER:
        raise conflict(f"{state.id} is {state.status}; only a resolved incident can be closed")
    missing = what_keeps_it_open(state)
    if missing:
        raise conflict(f"{state.id} cannot be closed yet: {'; '.join(missing)}")
    after = changed(state, status=IncidentStatus.CLOSED, closed_at=now)
    summary = "closed: the review is done and every action item is tracked"
    if state.review_id is None:
        summary = f"closed: {state.severity} needs no review"
    details: dict[str, Any] = {
        "before": state.status,
        "after": after.status,
        "action_items": [item.id for item in state.action_items],
    }
    return Outcome(after, (entry(now, EntryKind.STATUS, command.by, summary, **details),))


def what_keeps_it_open(state: IncidentState) -> list[str]:
    """Why the incident cannot be closed yet, one sentence per thing; open action items do not: they outlive it."""
    sentences = []
    if state.review_id is not None and state.review_state not in ENDED_REVIEWS:
        sentences.append(f"its review is {state.review_state}; have it signed off, or waived with a reason")
    sentences += [
        f"action item {item.id} ({item.title}) is not tracked yet"
        for item in state.action_items
        if item.state not in TRACKED_ITEMS
    ]
    sentences += [f"run {run} has not ended; let it end or stop it" for run in open_runs(state)]
    return sentences


def comms_start(state: IncidentState) -> CommsStart:
    """The input of the communication plan."""
    context = state.context
    return CommsStart(
        incident=brief(state),
        policy=context.policy,
        audiences=context.audiences,
        episode=state.reopened,
        game_day_workflow=state.game_day_workflow,
    )


def open_runs(state: IncidentState) -> list[str]:
    """Ids of the runs that have not ended."""
    return [run.id for run in state.runs if run.status not in ENDED_RUNS]


def _end(state: IncidentState, status: IncidentStatus, by: Actor, reason: str, now: datetime) -> Outcome:
    if state.status not in RESPONDING:
        raise conflict(f"{state.id} is {state.status} and can no longer be {status}")
    if open_runs(state):
        raise conflict(
            f"{state.id} cannot be {status} while {', '.join(open_runs(state))} has not ended; stop it first"
        )
    stopped = stop_page(state, by, reason)
    after = changed(stopped.state, status=status, closed_at=now, offers=())
    note = entry(now, EntryKind.STATUS, by, reason, before=state.status, after=status)
    finish = FinishComms(by=by, summary=reason, outcome=status.value)
    return stopped.then(Outcome(after, (note,), (finish, *review_hears_of_end(after, by, reason))))


def _impossible(state: IncidentState, status: IncidentStatus, possible: tuple[IncidentStatus, ...]) -> str:
    if state.status in RESPONDING and status in COMMAND_FOR:
        return f"{status} is reached by {COMMAND_FOR[status]}, not by setting the status"
    if possible:
        return f"{state.id} cannot go from {state.status} to {status}; it can go to {', '.join(possible)}"
    return f"{state.id} is {state.status}; its status can only change by 'reopen', with a reason, or by 'close'"
