"""What happens to an action item: decided, worked on, shown to be done, watched, reopened; other rooms stand beside.

Called by `workflows/action_item.py`. Pure; `terms` is what the item was started with. The one thing to know: an item
ends only with evidence or with a reason that a second person accepts; one with a check or a drill only while the last
one passed, and it is reopened when a later one fails. Clocks are in `action_item_clocks.py`, hand-overs and not-doing
in `action_item_handover.py`, more time in `action_item_extension.py`, the tracker in `action_item_tracking.py`.
"""

from datetime import UTC, datetime, timedelta

from domain.action_item import (
    AcceptItem,
    AcceptOffer,
    ActionItemCommand,
    ActionItemStart,
    ActionItemState,
    ActionItemStatus,
    AddEvidence,
    ApproveExtension,
    CommentOnItem,
    CreateIssueAgain,
    DeclineExtension,
    DeclineOffer,
    DropItem,
    ExtendItem,
    FinishItem,
    HearFromTracker,
    KeepItem,
    LinkIssue,
    ObserveDrill,
    OfferItem,
    Priority,
    ReassignItem,
    ReopenItem,
    RunCheck,
    Soak,
    StartWork,
)
from domain.action_item_clocks import start_by
from domain.action_item_extension import approve_extension, decline_extension, extend
from domain.action_item_handover import accept_offer, decline_offer, drop, keep, offer, reassign
from domain.action_item_meeting import hint_on_creation, hint_on_decision
from domain.action_item_outcomes import (
    DAILY_REMINDERS,
    ME,
    ItemOutcome,
    assigned,
    changed,
    entry,
    new_evidence,
    notice,
    with_evidence,
)
from domain.action_item_quality import Hint, Wording, hints_on
from domain.action_item_tracking import comment, create_again, first_link, hear, link_issue
from domain.action_item_verification import (
    CHECK_FAILED,
    CHECK_PASSED,
    DRILL_FAILED,
    DRILL_PASSED,
    check_is_passed,
    demand_shown,
    drill_is_passed,
    observe_drill,
    reopened,
    watched_until,
)
from domain.calendar import add_business_days, due_after, written
from domain.deadlines import begin
from domain.errors import Rejected, RejectionKind
from domain.follow_up import Outcome, demand_person, demand_text
from domain.timeline import ActorKind

__all__ = ["FINISHED", "ME", "ItemOutcome", "decide", "drill_is_passed", "is_over", "open_item"]

FINISHED = (ActionItemStatus.DONE, ActionItemStatus.DROPPED)
# What only machines write; by hand nothing would be shown.
_RESERVED = frozenset({DRILL_PASSED, DRILL_FAILED, CHECK_PASSED, CHECK_FAILED})
# What may still be said to an item that is done and watched.
_AFTER_DONE = (ReopenItem, ObserveDrill, RunCheck, HearFromTracker, LinkIssue, CreateIssueAgain, CommentOnItem)


def open_item(terms: ActionItemStart, now: datetime) -> ItemOutcome:
    """A new item: due as asked, else by severity and priority on the business calendar; a proposal is not due yet."""
    calendar = terms.policy.calendar
    due_at = terms.due_at
    if due_at is not None and due_at.tzinfo is None:
        # The API demands a time zone; a date that came another way must not stop the workflow.
        due_at = due_at.replace(tzinfo=UTC)
    soak = None
    if terms.is_proposed:
        soak = Soak(until=add_business_days(now, terms.policy.action_item_soak_days, calendar))
    elif due_at is None:
        due_at = _due_by_policy(terms, now)
    state = ActionItemState(
        id=terms.id,
        incident_id=terms.incident_id,
        title=terms.title,
        owner=terms.owner,
        priority=terms.priority,
        due_at=due_at,
        state=ActionItemStatus.OPEN,
        done_when=terms.done_when,
        requires_drill=terms.requires_drill,
        created_at=now,
        drill=terms.drill,
        type=terms.type,
        team=terms.team,
        services=terms.services,
        check=terms.check,
        created_by=terms.created_by,
        soak=soak,
        hints=(
            *terms.noticed,
            *_hints_of_meeting(terms, now),
            *hints_on(wording_of(terms, due_at - now if due_at else None)),
        ),
        ladder=None if soak else begin(due_at, now, DAILY_REMINDERS),
        start_by=None if soak or due_at is None else start_by(now, terms),
        tracker=None if soak else first_link(terms),
    )
    until = f", due at {written(due_at, calendar)}" if due_at else ", without a deadline"
    said = f"Action item {state.id} for {state.owner}{until}: {state.title}"
    if soak:
        when = written(soak.until, calendar)
        said = f"Action item {state.id} proposed for {state.owner}, to be decided from {when}: {state.title}"
        words = f"action item {state.id} is proposed for you; it is decided from {when} on: {state.title}"
        return Outcome(
            state, (entry(now, terms.created_by, said, state),), notice(state, (state.owner,), "proposed", words)
        )
    return Outcome(state, (entry(now, terms.created_by, said, state),), assigned(state, terms))


def _hints_of_meeting(terms: ActionItemStart, now: datetime) -> tuple[Hint, ...]:
    decided = None if terms.is_proposed else hint_on_decision(now, terms.meeting, terms.policy)
    return tuple(hint for hint in (hint_on_creation(now, terms.meeting), decided) if hint is not None)


def wording_of(terms: ActionItemStart, due_in: timedelta | None) -> Wording:
    """What the hints look at."""
    return Wording(
        title=terms.title,
        done_when=terms.done_when,
        type=terms.type,
        is_urgent=terms.priority is Priority.URGENT,
        is_verified=terms.check is not None or terms.requires_drill is not None,
        # Only a date that somebody chose says how large they think it is.
        due_in=due_in if terms.due_at is not None else None,
        others=terms.others,
    )


def is_over(state: ActionItemState) -> bool:
    """Whether nothing can happen to it any more: it was dropped, or it is done and nobody watches it."""
    return state.state in FINISHED and state.watched_until is None


def decide(state: ActionItemState, command: ActionItemCommand, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    """What a command does; Rejected with a sentence when it may not."""
    if state.state is ActionItemStatus.DROPPED or (state.state in FINISHED and not isinstance(command, _AFTER_DONE)):
        raise Rejected(f"action item {state.id} is {state.state.value} and cannot be changed", RejectionKind.CONFLICT)
    if isinstance(command, (HearFromTracker, LinkIssue, CreateIssueAgain, CommentOnItem)):
        return _decide_tracking(state, command, now)
    if isinstance(command, (OfferItem, AcceptOffer, DeclineOffer, ReassignItem, DropItem, KeepItem)):
        return _decide_hands(state, command, now, terms)
    if isinstance(command, (ExtendItem, ApproveExtension, DeclineExtension)):
        return _decide_time(state, command, now, terms)
    match command:
        case AcceptItem():
            outcome = _accept(state, command, now, terms)
        case StartWork():
            outcome = _start(state, command, now)
        case AddEvidence():
            outcome = _add_evidence(state, command, now)
        case FinishItem():
            outcome = _finish(state, command, now, terms)
        case RunCheck():
            outcome = _run_check(state)
        case ReopenItem():
            outcome = _reopen(state, command, now, terms)
        case ObserveDrill():
            outcome = observe_drill(state, command, now, terms)
        case _:
            raise Rejected(f"an action item has no command {type(command).__name__}", RejectionKind.NOT_FOUND)
    return outcome


def _decide_tracking(state: ActionItemState, command: ActionItemCommand, now: datetime) -> ItemOutcome:
    match command:
        case HearFromTracker():
            return hear(state, command)
        case LinkIssue():
            return link_issue(state, command, now)
        case CreateIssueAgain():
            return create_again(state, command, now)
        case CommentOnItem():
            return comment(state, command, now)
        case _:
            raise Rejected(f"an action item has no command {type(command).__name__}", RejectionKind.NOT_FOUND)


def _decide_hands(
    state: ActionItemState, command: ActionItemCommand, now: datetime, terms: ActionItemStart
) -> ItemOutcome:
    match command:
        case OfferItem():
            return offer(state, command, now, terms)
        case AcceptOffer():
            return accept_offer(state, command, now, terms)
        case DeclineOffer():
            return decline_offer(state, command, now)
        case ReassignItem():
            return reassign(state, command, now, terms)
        case DropItem():
            return drop(state, command, now, terms)
        case KeepItem():
            return keep(state, command, now)
        case _:
            raise Rejected(f"an action item has no command {type(command).__name__}", RejectionKind.NOT_FOUND)


def _decide_time(
    state: ActionItemState, command: ActionItemCommand, now: datetime, terms: ActionItemStart
) -> ItemOutcome:
    _demand_decided(state)
    match command:
        case ExtendItem():
            return extend(state, command, now, terms)
        case ApproveExtension():
            return approve_extension(state, command, now, terms)
        case DeclineExtension():
            return decline_extension(state, command, now, terms)
        case _:
            raise Rejected(f"an action item has no command {type(command).__name__}", RejectionKind.NOT_FOUND)


def _due_by_policy(terms: ActionItemStart, now: datetime) -> datetime | None:
    rules = terms.policy.of(terms.severity)
    allowed = rules.urgent_action_item_due if terms.priority is Priority.URGENT else rules.action_item_due
    return None if allowed is None else due_after(now, allowed, terms.policy.calendar)


def _accept(state: ActionItemState, command: AcceptItem, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    demand_person(command.by, "decide about a proposed action item")
    if state.soak is None or not state.is_undecided:
        raise Rejected(f"action item {state.id} is decided already", RejectionKind.CONFLICT)
    reason = command.override_reason.strip()
    is_early = now < state.soak.until
    if is_early and not reason:
        raise Rejected(
            f"action item {state.id} is decided from {written(state.soak.until, terms.policy.calendar)} on, so that "
            "nobody decides in the heat of the incident; say why it cannot wait (override_reason)",
            RejectionKind.CONFLICT,
        )
    soak = state.soak.model_copy(
        update={
            "accepted_by": command.by,
            "accepted_at": now,
            "overridden_because": demand_text(reason, "the reason") if is_early else None,
        }
    )
    due_at = terms.due_at if terms.due_at is not None and terms.due_at > now else _due_by_policy(terms, now)
    after = state.model_copy(
        update={
            "soak": soak,
            "due_at": due_at,
            "ladder": begin(due_at, now, DAILY_REMINDERS),
            "start_by": start_by(now, terms) if due_at else None,
            "tracker": first_link(terms),
        }
    )
    because = f" before its soak time is over: {reason}" if is_early else ""
    said = f"Action item {state.id} accepted{because}"
    hint = hint_on_decision(now, command.meeting or terms.meeting, terms.policy)
    if hint is not None:
        after = after.model_copy(update={"hints": (hint, *state.hints)})
        said += f"; {hint.says}"
    return Outcome(after, (entry(now, command.by, said, state),), assigned(after, terms))


def _demand_decided(state: ActionItemState) -> None:
    if state.is_undecided:
        raise Rejected(f"action item {state.id} is only proposed; accept it first, or drop it", RejectionKind.CONFLICT)


def _start(state: ActionItemState, command: StartWork, now: datetime) -> ItemOutcome:
    _demand_decided(state)
    if state.state is ActionItemStatus.IN_PROGRESS:
        raise Rejected(f"action item {state.id} is being worked on already", RejectionKind.CONFLICT)
    after = changed(state, ActionItemStatus.IN_PROGRESS, now)
    after = after.model_copy(update={"started_at": state.started_at or now})
    return Outcome(after, (entry(now, command.by, f"Work on action item {state.id} has begun", state),))


def _add_evidence(state: ActionItemState, command: AddEvidence, now: datetime) -> ItemOutcome:
    _demand_decided(state)
    kind = demand_text(command.kind, "the kind of evidence")
    if kind in _RESERVED:
        raise Rejected(
            f"evidence of kind {kind!r} comes from a game day or a check and from nobody else", RejectionKind.FORBIDDEN
        )
    evidence = new_evidence(command.by, kind, command.text, command.url, now)
    after = changed(with_evidence(state, evidence), ActionItemStatus.VERIFYING, now)
    after = after.model_copy(update={"started_at": state.started_at or now})
    return Outcome(after, (entry(now, command.by, f"Evidence for action item {state.id}: {evidence.text}", state),))


def _finish(state: ActionItemState, command: FinishItem, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    _demand_decided(state)
    after = state
    if command.evidence is not None or command.url is not None:
        text = command.evidence if command.evidence is not None else command.url or ""
        after = with_evidence(state, new_evidence(command.by, "note", text, command.url, now))
    if all(each.kind in {DRILL_FAILED, CHECK_FAILED} for each in after.evidence):
        raise Rejected(
            f"action item {state.id} has no evidence; say what shows that {state.done_when!r}", RejectionKind.CONFLICT
        )
    if state.requires_drill and not drill_is_passed(state):
        raise Rejected(
            f"action item {state.id} is done when game day {state.requires_drill!r} has passed; its last run has not",
            RejectionKind.CONFLICT,
        )
    if state.check and not check_is_passed(state):
        raise Rejected(
            f"action item {state.id} is done when its check ({state.check.action}) holds; run the check first",
            RejectionKind.CONFLICT,
        )
    demand_shown(after, command.by)
    after = changed(after, ActionItemStatus.DONE, now).model_copy(
        update={
            "finished_at": now,
            "started_at": state.started_at or now,
            "ladder": None,
            "is_overdue": False,
            "on_weekly_list": False,
            "offer": None,
            "not_doing": None,
            "extension_asked": None,
            "watched_until": watched_until(state, now, terms),
            "next_check_at": now + terms.policy.action_item_check_every if state.check else None,
            "check_failures": 0,
        }
    )
    return Outcome(after, (entry(now, command.by, f"Action item {state.id} is done: {state.title}", state),))


def _run_check(state: ActionItemState) -> ItemOutcome:
    _demand_decided(state)
    if state.check is None:
        raise Rejected(f"action item {state.id} has no check that could be run", RejectionKind.CONFLICT)
    return Outcome(state.model_copy(update={"check_wanted": True, "next_check_at": None}))


def _reopen(state: ActionItemState, command: ReopenItem, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    if state.state is not ActionItemStatus.DONE:
        raise Rejected(f"action item {state.id} is not done, so there is nothing to reopen", RejectionKind.CONFLICT)
    if command.by.kind is not ActorKind.PERSON:
        raise Rejected("only a person, a check, a drill or the tracker reopens an item", RejectionKind.FORBIDDEN)
    reason = demand_text(command.reason, "the reason for reopening the action item")
    return reopened(state, reason, command.by, now, terms)
