"""What happens to an action item: worked on, shown to be done, done, dropped, handed on, and reminded of in between.

Called by `workflows/action_item.py`. Pure; `terms` is what the item was started with. The one thing to know: an item
ends only with evidence or with a reason, and one that requires a drill only while the last drill of that name passed.
"""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from domain.action_item import (
    ActionItemCommand,
    ActionItemStart,
    ActionItemState,
    ActionItemStatus,
    AddEvidence,
    DropItem,
    Evidence,
    ExtendItem,
    FinishItem,
    ObserveDrill,
    Priority,
    ReassignItem,
    StartWork,
)
from domain.calendar import due_after, written
from domain.deadlines import LadderReason, LadderStep, begin, climb
from domain.errors import Rejected, RejectionKind
from domain.follow_up import (
    Notice,
    Outcome,
    demand_known,
    demand_later,
    demand_text,
    listeners,
    reminder_entry,
    words_of,
)
from domain.message import Template
from domain.timeline import Actor, ActorKind, Entry, EntryKind, automation

ME = automation("action-item")
FINISHED = (ActionItemStatus.DONE, ActionItemStatus.DROPPED)
# What drills leave behind; only `observe_drill` writes these, and the last one counts.
DRILL_PASSED = "drill"
DRILL_FAILED = "drill_failed"
# More pieces than this prove nothing more, and the list travels in every payload of the workflow.
MAX_EVIDENCE = 100
MAX_DRILLS = 10

ItemOutcome = Outcome[ActionItemState]


def open_item(terms: ActionItemStart, now: datetime) -> ItemOutcome:
    """A new item: due as asked, else by severity and priority on the business calendar."""
    rules = terms.policy.of(terms.severity)
    allowed = rules.urgent_action_item_due if terms.priority is Priority.URGENT else rules.action_item_due
    due_at = terms.due_at
    if due_at is None and allowed is not None:
        due_at = due_after(now, allowed, terms.policy.calendar)
    elif due_at is not None and due_at.tzinfo is None:
        # The API demands a time zone; a date that came another way must not stop the workflow.
        due_at = due_at.replace(tzinfo=UTC)
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
        ladder=begin(due_at, now),
    )
    until = f", due at {written(due_at, terms.policy.calendar)}" if due_at else ", without a deadline"
    said = f"Action item {state.id} for {state.owner}{until}: {state.title}"
    return Outcome(state, (_entry(now, terms.created_by, said, state),), _assigned(state, terms))


def decide(state: ActionItemState, command: ActionItemCommand, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    """What a command does; Rejected with a sentence when it may not."""
    if state.state in FINISHED:
        raise Rejected(f"action item {state.id} is {state.state.value} and cannot be changed", RejectionKind.CONFLICT)
    match command:
        case StartWork():
            outcome = _start(state, command, now)
        case AddEvidence():
            outcome = _add_evidence(state, command, now)
        case FinishItem():
            outcome = _finish(state, command, now)
        case DropItem():
            outcome = _drop(state, command, now)
        case ExtendItem():
            outcome = _extend(state, command, now, terms)
        case ReassignItem():
            outcome = _reassign(state, command, now, terms)
        case ObserveDrill():
            outcome = _observe_drill(state, command, now)
        case _:
            raise Rejected(f"an action item has no command {type(command).__name__}", RejectionKind.NOT_FOUND)
    return outcome


def take_step(state: ActionItemState, step: LadderStep, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    """A step of the deadline's ladder is due: tell the owner, and the manager when it has gone on for too long."""
    if state.ladder is None or state.due_at is None:
        return Outcome(state)
    manager = terms.managers.get(state.owner)
    people = listeners(state.owner, manager, step.reason)
    words = words_of(step, f"action item {state.id} ({state.title})", state.due_at, terms.policy.calendar)
    is_escalated = step.reason is LadderReason.ESCALATED and manager is not None
    after = state.model_copy(
        update={
            "ladder": climb(state.ladder, step),
            "is_overdue": now >= state.due_at,
            "reminders_sent": state.reminders_sent + 1,
            "escalations_sent": state.escalations_sent + is_escalated,
        }
    )
    template = Template.ACTION_ITEM_OVERDUE if step.is_after_deadline else Template.ACTION_ITEM_REMINDER
    entry = reminder_entry(step, people, words, now, ME)
    return Outcome(after, (entry,), (Notice(template, people, step.reason.value, words),))


def drill_is_passed(state: ActionItemState) -> bool:
    """Whether the last drill that was observed has passed."""
    drills = [each.kind for each in state.evidence if each.kind in {DRILL_PASSED, DRILL_FAILED}]
    return bool(drills) and drills[-1] == DRILL_PASSED


def _start(state: ActionItemState, command: StartWork, now: datetime) -> ItemOutcome:
    if state.state is ActionItemStatus.IN_PROGRESS:
        raise Rejected(f"action item {state.id} is being worked on already", RejectionKind.CONFLICT)
    after = state.model_copy(update={"state": ActionItemStatus.IN_PROGRESS})
    return Outcome(after, (_entry(now, command.by, f"Work on action item {state.id} has begun", state),))


def _add_evidence(state: ActionItemState, command: AddEvidence, now: datetime) -> ItemOutcome:
    kind = demand_text(command.kind, "the kind of evidence")
    if kind in {DRILL_PASSED, DRILL_FAILED}:
        raise Rejected(f"evidence of kind {kind!r} comes from a game day and from nobody else", RejectionKind.FORBIDDEN)
    evidence = _evidence(command.by, kind, command.text, command.url, now)
    after = _with_evidence(state, evidence).model_copy(update={"state": ActionItemStatus.VERIFYING})
    return Outcome(after, (_entry(now, command.by, f"Evidence for action item {state.id}: {evidence.text}", state),))


def _finish(state: ActionItemState, command: FinishItem, now: datetime) -> ItemOutcome:
    after = state
    if command.evidence is not None or command.url is not None:
        text = command.evidence if command.evidence is not None else command.url or ""
        after = _with_evidence(state, _evidence(command.by, "note", text, command.url, now))
    if all(each.kind == DRILL_FAILED for each in after.evidence):
        raise Rejected(
            f"action item {state.id} has no evidence; say what shows that {state.done_when!r}", RejectionKind.CONFLICT
        )
    if state.requires_drill and not drill_is_passed(state):
        raise Rejected(
            f"action item {state.id} is done when game day {state.requires_drill!r} has passed; its last run has not",
            RejectionKind.CONFLICT,
        )
    after = _ended(after, ActionItemStatus.DONE, now)
    return Outcome(after, (_entry(now, command.by, f"Action item {state.id} is done: {state.title}", state),))


def _drop(state: ActionItemState, command: DropItem, now: datetime) -> ItemOutcome:
    reason = demand_text(command.reason, "the reason for dropping the action item")
    after = _ended(state, ActionItemStatus.DROPPED, now).model_copy(update={"dropped_because": reason})
    return Outcome(after, (_entry(now, command.by, f"Action item {state.id} dropped: {reason}", state),))


def _extend(state: ActionItemState, command: ExtendItem, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    reason = demand_text(command.reason, "the reason for the extension")
    due_at = demand_later(command.due_at, state.due_at, now, terms.policy.calendar)
    after = state.model_copy(
        update={
            "due_at": due_at,
            "ladder": begin(due_at, now),
            "extensions": state.extensions + 1,
            "is_overdue": False,
        }
    )
    said = f"Action item {state.id} extended to {written(due_at, terms.policy.calendar)}: {reason}"
    return Outcome(after, (_entry(now, command.by, said, state),))


def _reassign(state: ActionItemState, command: ReassignItem, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    owner = demand_known(command.owner, command.by, terms.people)
    if owner == state.owner:
        raise Rejected(f"{owner} owns action item {state.id} already", RejectionKind.CONFLICT)
    after = state.model_copy(update={"owner": owner})
    because = f": {command.reason.strip()}" if command.reason.strip() else ""
    said = f"Action item {state.id} given to {owner}{because}"
    return Outcome(after, (_entry(now, command.by, said, state),), _assigned(after, terms))


def _observe_drill(state: ActionItemState, command: ObserveDrill, now: datetime) -> ItemOutcome:
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
    after = _with_evidence(_forget_old_drills(state), _evidence(command.by, kind, text, None, now))
    entries = (_entry(now, command.by, f"Action item {state.id}: {text}", state),)
    if command.passed:
        return Outcome(after.model_copy(update={"state": ActionItemStatus.VERIFYING}), entries)
    notice = Notice(Template.ACTION_ITEM_REMINDER, (state.owner,), "drill_failed", f"{text}; {state.title} is not done")
    if after.state is ActionItemStatus.VERIFYING:
        after = after.model_copy(update={"state": ActionItemStatus.IN_PROGRESS})
    return Outcome(after, entries, (notice,))


def _forget_old_drills(state: ActionItemState) -> ActionItemState:
    # A weekly drill must not fill the list of evidence over the years; the timeline keeps them all.
    drills = [each for each in state.evidence if each.kind in {DRILL_PASSED, DRILL_FAILED}]
    forgotten = drills[: 1 - MAX_DRILLS]
    return state.model_copy(update={"evidence": tuple(each for each in state.evidence if each not in forgotten)})


def _evidence(by: Actor, kind: str, text: str, url: str | None, now: datetime) -> Evidence:
    if url is not None and not _is_web_address(url):
        # Pages show it as a link; `javascript:` and the like must not get that far.
        raise Rejected(f"{url[:100]!r} is not a web address; it begins with https:// or http://")
    return Evidence(kind=kind, text=demand_text(text, "the evidence"), url=url, by=by, at=now)


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _with_evidence(state: ActionItemState, evidence: Evidence) -> ActionItemState:
    if len(state.evidence) >= MAX_EVIDENCE:
        raise Rejected(f"an action item holds {MAX_EVIDENCE} pieces of evidence at most", RejectionKind.TOO_LARGE)
    return state.model_copy(update={"evidence": (*state.evidence, evidence)})


def _ended(state: ActionItemState, status: ActionItemStatus, now: datetime) -> ActionItemState:
    return state.model_copy(update={"state": status, "finished_at": now, "ladder": None, "is_overdue": False})


def _assigned(state: ActionItemState, terms: ActionItemStart) -> tuple[Notice, ...]:
    due = f", due at {written(state.due_at, terms.policy.calendar)}" if state.due_at else ""
    words = f"action item {state.id} is yours{due}: {state.title}"
    return (Notice(Template.ACTION_ITEM_ASSIGNED, (state.owner,), "assigned", words),)


def _entry(now: datetime, by: Actor, said: str, state: ActionItemState) -> Entry:
    details = {"action_item": state.id}
    return Entry(at=now, kind=EntryKind.ACTION_ITEM, actor=by, summary=said, details=details)
