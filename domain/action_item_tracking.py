"""The action item's side of its issue in a tracker: when to look, what to say, what to take, what stays in doubt.

Called by `domain/action_item_decisions.py` (commands) and `workflows/tracking.py` (outcomes). Pure; who wins a field is
decided by `domain/tracker.py: merge`. The one thing to know: what a tracker says goes through the same rules as what a
person says here. A closed issue is evidence and no proof where a check or a drill is asked for, "not planned" is a
wish that a person accepts, and a later date is not taken at all.
"""

from datetime import datetime

from domain.action_item import (
    ActionItemStart,
    ActionItemState,
    ActionItemStatus,
    CommentOnItem,
    CreateIssueAgain,
    HearFromTracker,
    LinkIssue,
    NotDoing,
    Priority,
)
from domain.action_item_clocks import start_by
from domain.action_item_outcomes import (
    DAILY_REMINDERS,
    ItemOutcome,
    assigned,
    changed,
    entry,
    new_evidence,
    notice,
    superiors,
    with_evidence,
)
from domain.action_item_verification import check_is_passed, drill_is_passed, reopened, watched_until
from domain.calendar import written
from domain.deadlines import begin
from domain.errors import Rejected, RejectionKind
from domain.follow_up import Outcome, demand_text
from domain.timeline import Actor, Entry, EntryKind, automation
from domain.tracker import (
    Drift,
    IssueField,
    IssueFields,
    IssueState,
    OutgoingComment,
    TrackerLink,
    TrackerSyncRequest,
    TrackerSyncResult,
)

_STATES = {
    ActionItemStatus.OPEN: IssueState.OPEN,
    ActionItemStatus.IN_PROGRESS: IssueState.IN_PROGRESS,
    ActionItemStatus.VERIFYING: IssueState.IN_PROGRESS,
    ActionItemStatus.DONE: IssueState.DONE,
    ActionItemStatus.DROPPED: IssueState.NOT_PLANNED,
}
# The end of an issue as its tracker says it.
_ENDS = (IssueState.DONE, IssueState.NOT_PLANNED)
_FINISHED = (ActionItemStatus.DONE, ActionItemStatus.DROPPED)
# Comments that wait for a tracker that is away; a hundred are more than a person writes in a week.
_MOST_WAITING = 100
# Ids of comments of one and the same moment, which a question by time returns again.
_SEEN_KEPT = 50
# What the timeline keeps of a comment; the link leads to the rest.
_LONGEST_SHOWN = 2000


def first_link(terms: ActionItemStart) -> TrackerLink | None:
    """The link of a decided item whose team has a tracker; drills leave nothing there."""
    return TrackerLink(tracker=terms.tracker) if terms.tracker and not terms.drill else None


def fields_of(state: ActionItemState) -> IssueFields:
    """The item as an issue; trackers know days and no hours."""
    due_on = state.due_at.date() if state.due_at else None
    return IssueFields(state=_STATES[state.state], assignee=state.owner, due_on=due_on)


def wants_sync(state: ActionItemState) -> bool:
    """Whether there is something to tell or to look at."""
    link = state.tracker
    if link is None or link.in_doubt:
        return False
    return link.asks > link.answered or bool(link.outbox) or fields_of(state) != link.ours_then


def sync_request(state: ActionItemState, terms: ActionItemStart) -> TrackerSyncRequest:
    """The question, with everything that the answer depends on."""
    if state.tracker is None:
        raise Rejected(f"action item {state.id} is in no tracker", RejectionKind.CONFLICT)
    extended = state.extension_log[-1].at if state.extension_log else None
    times = {
        IssueField.STATE.value: state.state_changed_at,
        IssueField.ASSIGNEE.value: state.owner_changed_at,
        IssueField.DUE.value: extended,
    }
    return TrackerSyncRequest(
        item_id=state.id,
        incident_id=state.incident_id,
        link=state.tracker,
        ours=fields_of(state),
        ours_at={name: at for name, at in times.items() if at is not None},
        title=state.title,
        done_when=state.done_when,
        drill=terms.drill,
    )


def hear(state: ActionItemState, command: HearFromTracker) -> ItemOutcome:
    """Look again; not when the news is as old as what is known, which is how our own change comes back."""
    link = _demand_link(state)
    if command.updated_at is not None and link.version is not None and command.updated_at <= link.version:
        return Outcome(state)
    return Outcome(_linked(state, link.model_copy(update={"asks": link.asks + 1})))


def comment(state: ActionItemState, command: CommentOnItem, now: datetime) -> ItemOutcome:
    """A comment of somebody here."""
    text = demand_text(command.text, "the comment")
    lines = (entry(now, command.by, f"Comment on action item {state.id}: {text[:_LONGEST_SHOWN]}", state),)
    link = state.tracker
    if link is None:
        return Outcome(state, lines)
    if len(link.outbox) >= _MOST_WAITING:
        raise Rejected(f"{len(link.outbox)} comments wait for tracker {link.tracker}; try again when it answers")
    number = link.comments_sent + len(link.outbox) + 1
    outgoing = OutgoingComment(number=number, text=f"{command.by.name}: {text}")
    return Outcome(_linked(state, link.model_copy(update={"outbox": (*link.outbox, outgoing)})), lines)


def link_issue(state: ActionItemState, command: LinkIssue, now: datetime) -> ItemOutcome:
    """A person says which issue it is."""
    link = _demand_link(state)
    key = demand_text(command.key, "the issue")
    after = TrackerLink(
        tracker=link.tracker, key=key, attempt=link.attempt, outbox=link.outbox, comments_sent=link.comments_sent
    )
    said = f"Action item {state.id} is issue {key} in {link.tracker}"
    return Outcome(_linked(state, after), (entry(now, command.by, said, state),))


def create_again(state: ActionItemState, command: CreateIssueAgain, now: datetime) -> ItemOutcome:
    """A person has looked: there is no issue."""
    link = _demand_link(state)
    if link.key is not None:
        raise Rejected(f"action item {state.id} is issue {link.key} in {link.tracker} already", RejectionKind.CONFLICT)
    reason = demand_text(command.reason, "how you know that there is no issue")
    after = link.model_copy(
        update={"in_doubt": False, "asks": link.asks + 1, "problem": None, "attempt": link.attempt + 1}
    )
    said = f"Action item {state.id} has no issue in {link.tracker}, so one is created: {reason}"
    return Outcome(_linked(state, after), (entry(now, command.by, said, state),))


def note_problem(
    state: ActionItemState, sentence: str, now: datetime, terms: ActionItemStart, *, in_doubt: bool
) -> ItemOutcome:
    """The tracker did not do it. A doubt needs a person; everything else is tried again."""
    link = _demand_link(state)
    after = _linked(state, link.model_copy(update={"problem": sentence, "in_doubt": in_doubt}))
    if link.problem == sentence and link.in_doubt == in_doubt:
        return Outcome(after)
    said = f"Action item {state.id} and {link.tracker}: {sentence}"
    if not in_doubt:
        return Outcome(after, (entry(now, _voice(link), said, state, EntryKind.TROUBLE),))
    words = f"{sentence}; look for action item {state.id} in {link.tracker}, then link its issue or have it created"
    told = notice(state, (state.owner, *superiors(state, terms)[:1]), "tracker_doubt", words)
    return Outcome(after, (entry(now, _voice(link), said, state, EntryKind.TROUBLE),), told)


def accept_sync(
    state: ActionItemState,
    request: TrackerSyncRequest,
    result: TrackerSyncResult,
    now: datetime,
    terms: ActionItemStart,
) -> ItemOutcome:
    """Both sides were compared: take what was changed there, keep what differs in sight."""
    link, issue = _demand_link(state), result.issue
    entries: list[Entry] = []
    if result.created:
        entries.append(
            entry(now, _voice(link), f"Action item {state.id} is issue {issue.key} in {link.tracker}", state)
        )
    outcome: ItemOutcome = Outcome(state, tuple(entries))
    applied = set()
    for field in result.taken:
        # What has changed here since the question is left to the next look.
        if fields_of(outcome.state).of(field) == request.ours.of(field):
            applied.add(field)
            outcome = _together(outcome, _take(outcome.state, field, result, now, terms))
    for each in result.comments:
        said = f"Comment by {each.author} in {link.tracker} on action item {state.id}: {each.text[:_LONGEST_SHOWN]}"
        outcome = _together(outcome, Outcome(outcome.state, (entry(each.at, _voice(link), said, state),)))
    return Outcome(_compared(outcome.state, frozenset(applied), request, result, now), outcome.entries, outcome.notices)


def _compared(
    state: ActionItemState,
    applied: frozenset[IssueField],
    request: TrackerSyncRequest,
    result: TrackerSyncResult,
    now: datetime,
) -> ActionItemState:
    """The link after a look. What changed here meanwhile still differs from `ours_then`, and so is told next."""
    link, issue = _demand_link(state), result.issue
    ours = fields_of(state)
    seen = {field.value: getattr(ours if field in applied else request.ours, field.value) for field in IssueField}
    ours_then = IssueFields.model_validate(seen)
    ids = tuple(each.id for each in result.comments)
    after = link.model_copy(
        update={
            "key": issue.key,
            "id": issue.id,
            "url": issue.url,
            "ours_then": ours_then,
            "theirs_then": issue.fields,
            "version": issue.updated_at,
            "synced_at": now,
            # Somebody may have asked again while this look was under way.
            "answered": request.link.asks,
            "problem": None,
            "in_doubt": False,
            "drift": _drift(ours, issue.fields, result.unsaid),
            "comments_sent": link.comments_sent + len(result.sent),
            "outbox": tuple(each for each in link.outbox if each.number not in result.sent),
            "comments_until": max((each.at for each in result.comments), default=link.comments_until),
            "comments_seen": (*link.comments_seen, *ids)[-_SEEN_KEPT:],
        }
    )
    return _linked(state, after)


def _drift(ours: IssueFields, theirs: IssueFields, unsaid: dict[str, str]) -> tuple[Drift, ...]:
    found = []
    for field in IssueField:
        mine, other = ours.of(field), theirs.of(field)
        if mine != other:
            because = unsaid.get(field.value) or _BECAUSE[field]
            found.append(Drift(field=field, ours=mine, theirs=other, because=because))
    return tuple(found)


_BECAUSE = {
    IssueField.STATE: "the item needs its evidence, check, drill or a second person before it follows",
    IssueField.ASSIGNEE: "the tracker's assignee is nobody of hotwash.yaml (trackers.users)",
    IssueField.DUE: "a later date needs an extension with a reason",
}


def _take(
    state: ActionItemState, field: IssueField, result: TrackerSyncResult, now: datetime, terms: ActionItemStart
) -> ItemOutcome:
    match field:
        case IssueField.STATE:
            return _take_state(state, result, now, terms)
        case IssueField.ASSIGNEE:
            return _take_assignee(state, result, now, terms)
        case IssueField.DUE:
            return _take_due(state, result, now, terms)


def _take_state(
    state: ActionItemState, result: TrackerSyncResult, now: datetime, terms: ActionItemStart
) -> ItemOutcome:
    link, theirs = _demand_link(state), result.issue.fields.state
    where = f"{link.tracker} {result.issue.key}"
    if theirs is IssueState.DONE and state.state is not ActionItemStatus.DONE:
        return _take_done(state, result, now, terms)
    if theirs is IssueState.NOT_PLANNED and state.state not in _FINISHED:
        reason = f"closed as not planned in {where}"
        after = state.model_copy(update={"not_doing": NotDoing(by=_voice(link), at=now, reason=reason)})
        words = f"action item {state.id} ({state.title}) was {reason}; accept that with a reason, or keep the item"
        people = (state.owner, *superiors(state, terms))
        return Outcome(after, (entry(now, _voice(link), words, state),), notice(state, people, "drop", words))
    if state.state is ActionItemStatus.DONE and theirs not in _ENDS:
        return reopened(state, f"reopened in {where}", _voice(link), now, terms)
    return _take_progress(state, theirs, where, now, terms)


def _take_progress(
    state: ActionItemState, theirs: IssueState, where: str, now: datetime, terms: ActionItemStart
) -> ItemOutcome:
    voice = _voice(_demand_link(state))
    if theirs is IssueState.IN_PROGRESS and state.state is ActionItemStatus.OPEN:
        after = changed(state, ActionItemStatus.IN_PROGRESS, now)
        after = after.model_copy(update={"started_at": state.started_at or now})
        return Outcome(after, (entry(now, voice, f"Work on action item {state.id} has begun in {where}", state),))
    if theirs is IssueState.OPEN and state.state is ActionItemStatus.IN_PROGRESS:
        after = changed(state, ActionItemStatus.OPEN, now).model_copy(update={"start_by": start_by(now, terms)})
        return Outcome(after, (entry(now, voice, f"Action item {state.id} went back to open in {where}", state),))
    return Outcome(state)


def _take_done(state: ActionItemState, result: TrackerSyncResult, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    """Closed there: evidence, and the end only where nothing else is asked for and it is not urgent (rule A06)."""
    link, issue = _demand_link(state), result.issue
    text = f"closed as done in {link.tracker} {issue.key}"
    after = state
    if not any(each.text == text for each in state.evidence):
        after = with_evidence(state, new_evidence(_voice(link), "tracker", text, issue.url, now))
    needs_more = (
        (state.requires_drill is not None and not drill_is_passed(state))
        or (state.check is not None and not check_is_passed(state))
        or state.priority is Priority.URGENT
    )
    if needs_more:
        after = changed(after, ActionItemStatus.VERIFYING, now)
        after = after.model_copy(
            update={"started_at": state.started_at or now, "check_wanted": state.check is not None}
        )
        words = f"action item {state.id} ({state.title}) was {text}; it is not done before it is verified"
        return Outcome(after, (entry(now, _voice(link), words, state),), notice(state, (state.owner,), "verify", words))
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
        }
    )
    return Outcome(after, (entry(now, _voice(link), f"Action item {state.id} is done: {text}", state),))


def _take_assignee(
    state: ActionItemState, result: TrackerSyncResult, now: datetime, terms: ActionItemStart
) -> ItemOutcome:
    link, who = _demand_link(state), result.issue.fields.assignee
    if who is None or who not in terms.people:
        # Nobody, or nobody whom we could remind: the item keeps its owner, and both sides are shown.
        return Outcome(state)
    after = state.model_copy(
        update={"owner": who, "owner_changed_at": now, "offer": None, "handovers": state.handovers + 1}
    )
    said = f"Action item {state.id} given to {who} in {link.tracker} {result.issue.key}"
    return Outcome(after, (entry(now, _voice(link), said, state),), assigned(after, terms))


def _take_due(state: ActionItemState, result: TrackerSyncResult, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    link, wanted = _demand_link(state), result.issue.fields.due_on
    where = f"{link.tracker} {result.issue.key}"
    if wanted is None or state.due_at is None or wanted >= state.due_at.date():
        words = (
            f"the due date of action item {state.id} ({state.title}) was moved to {wanted or 'never'} in {where}; "
            "it stays as it is here until somebody extends it with a reason"
        )
        people = (state.owner, *superiors(state, terms)[:1])
        return Outcome(state, (entry(now, _voice(link), words, state),), notice(state, people, "later_date", words))
    due_at = state.due_at.replace(year=wanted.year, month=wanted.month, day=wanted.day)
    if due_at <= now:
        return Outcome(state)
    after = state.model_copy(update={"due_at": due_at, "ladder": begin(due_at, now, DAILY_REMINDERS)})
    said = f"Action item {state.id} is due earlier, at {written(due_at, terms.policy.calendar)}: moved in {where}"
    return Outcome(after, (entry(now, _voice(link), said, state),))


def _together(first: ItemOutcome, second: ItemOutcome) -> ItemOutcome:
    return Outcome(second.state, (*first.entries, *second.entries), (*first.notices, *second.notices))


def _linked(state: ActionItemState, link: TrackerLink) -> ActionItemState:
    return state.model_copy(update={"tracker": link})


def _demand_link(state: ActionItemState) -> TrackerLink:
    if state.tracker is None:
        raise Rejected(f"action item {state.id} is in no tracker", RejectionKind.CONFLICT)
    return state.tracker


def _voice(link: TrackerLink) -> Actor:
    return automation(f"tracker:{link.tracker}")
