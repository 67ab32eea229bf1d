"""What people and machines do while an incident is on: impact, updates, tasks, runbooks, alerts, and what is reported.

Called by `domain/incident_decisions.py`. The communication plan and the runs write their own lines of the timeline;
what they report here changes the state only.
"""

from datetime import datetime, timedelta

from domain.errors import Rejected, RejectionKind
from domain.ids import run_id
from domain.incident import (
    RESPONDING,
    AddNote,
    AddTask,
    AttachAlerts,
    ChangeImpact,
    CompleteTask,
    IncidentState,
    IncidentStatus,
    ObserveActionItem,
    ObserveComms,
    ObserveReview,
    ObserveRun,
    PostUpdate,
    RecordDecision,
    Reopen,
    Role,
    RunSummary,
    StartRun,
    Task,
)
from domain.incident_effects import (
    LaunchRun,
    Outcome,
    PublishUpdate,
    TellPeople,
    changed,
    conflict,
    entry,
    require_person,
    require_text,
)
from domain.incident_paging import who_is_paged
from domain.lifecycle import AFTER, ENDED_RUNS, move, reopen
from domain.message import Template
from domain.review import ReviewStatus
from domain.run import RunStatus
from domain.timeline import Actor, Entry, EntryKind, Link

# A run that the incident has asked for and that has not reported yet.
STARTING = "starting"
# Nothing in an incident is promised for later than this; it also keeps dates within what a calendar can hold.
LONGEST = timedelta(days=366)
# How many idempotency keys an incident remembers; a retry comes within minutes, not hundreds of commands later.
REMEMBERED_KEYS = 200


def change_impact(state: IncidentState, command: ChangeImpact, now: datetime) -> Outcome:
    """What is known of the impact now."""
    given = command.model_dump(include={"customers_affected", "trend", "summary"}, exclude_none=True)
    if not given and command.started_at is None:
        raise Rejected("say what is known: 'customers_affected', 'trend', 'summary' or 'started_at'")
    if (command.customers_affected or 0) < 0:
        raise Rejected("'customers_affected' cannot be less than 0")
    started_at = command.started_at or state.impact_started_at
    if command.started_at is not None:
        if command.started_at.tzinfo is None:
            raise Rejected("'started_at' needs a time zone, for example 2026-11-22T03:04:00Z")
        if command.started_at > now:
            raise Rejected("'started_at' lies in the future; the impact cannot begin after now")
    impact = state.impact.model_copy(update=given)
    customers = "an unknown number of" if impact.customers_affected is None else f"{impact.customers_affected}"
    said = f": {impact.summary}" if impact.summary else ""
    summary = f"impact: {customers} customers affected, trend {impact.trend}{said}"
    started = command.started_at.isoformat() if command.started_at else None
    note = entry(now, EntryKind.IMPACT, command.by, summary, **impact.model_dump(mode="json"), started_at=started)
    return Outcome(changed(state, impact=impact, impact_started_at=started_at), (note,))


def post_update(state: IncidentState, command: PostUpdate, now: datetime) -> Outcome:  # noqa: ARG001 - one shape for all
    """Tell an audience; the plan publishes it once per key, and writes the line."""
    require_text(command.text, "an update needs a text")
    if state.status not in RESPONDING:
        raise conflict(f"{state.id} is {state.status} and its closing notice is out; reopen it to post updates")
    _require_sensible("next_update_within", command.next_update_within)
    if command.key and f"update {command.key}" in state.keys:
        return Outcome(state)
    after = _remember(state, f"update {command.key}", "") if command.key else state
    return Outcome(after, (), (PublishUpdate(update=command),))


def add_task(state: IncidentState, command: AddTask, now: datetime) -> Outcome:
    """Give one named person something to do."""
    title = require_text(command.title, "a task needs a title")
    if command.assignee is not None:
        require_person(state, command.assignee)
    _require_sensible("due_within", command.due_within)
    due_at = now + command.due_within if command.due_within else None
    task = Task(id=f"task-{len(state.tasks) + 1}", title=title, assignee=command.assignee, due_at=due_at)
    summary = f"task for {command.assignee or 'whoever takes it'}: {title}"
    due = due_at.isoformat() if due_at else None
    note = entry(now, EntryKind.TASK, command.by, summary, task=task.id, assignee=command.assignee, due_at=due)
    return Outcome(changed(state, tasks=(*state.tasks, task)), (note,))


def complete_task(state: IncidentState, command: CompleteTask, now: datetime) -> Outcome:
    """The task is done; saying it twice is saying it once."""
    found = next((task for task in state.tasks if task.id == command.task_id), None)
    if found is None:
        known = ", ".join(task.id for task in state.tasks) or "none"
        raise Rejected(f"{state.id} has no task {command.task_id!r}; there is {known}", RejectionKind.NOT_FOUND)
    if found.done_at is not None:
        return Outcome(state)
    tasks = tuple(task.model_copy(update={"done_at": now}) if task is found else task for task in state.tasks)
    note = entry(now, EntryKind.TASK, command.by, f"done: {found.title}", task=found.id)
    return Outcome(changed(state, tasks=tasks), (note,))


def record_decision(state: IncidentState, command: RecordDecision, now: datetime) -> Outcome:
    """A decision and why, for the review."""
    text = require_text(command.text, "say what was decided: 'text' is empty")
    return Outcome(state, (entry(now, EntryKind.DECISION, command.by, text, rationale=command.rationale),))


def add_note(state: IncidentState, command: AddNote, now: datetime) -> Outcome:
    """A line for the timeline."""
    text = require_text(command.text, "a note needs a text")
    return Outcome(state, (entry(now, EntryKind.NOTE, command.by, text, links=command.links),))


def start_run(state: IncidentState, command: StartRun, now: datetime) -> Outcome:
    """Give the run its id and start it; the same key again gets the run that the first one started."""
    runbook = require_text(command.runbook, "say which runbook: 'runbook' is empty")
    if command.key and f"run {command.key}" in state.keys:
        return Outcome(state)
    if state.status not in (*RESPONDING, *AFTER):
        raise conflict(f"{state.id} is {state.status}; no runbook is run for it any more")
    if state.tabletop_workflow is not None:
        return _would_start(state, command, runbook, now)
    number = sum(run.runbook == runbook for run in state.runs) + 1
    run = RunSummary(id=run_id(state.id, runbook, number), runbook=runbook, status=STARTING)
    after = changed(state, runs=(*state.runs, run))
    if command.key:
        after = _remember(after, f"run {command.key}", run.id)
    note = entry(now, EntryKind.RUN, command.by, f"{command.by.name} started runbook {runbook}", run=run.id)
    after = changed(after, suggestions=tuple(each for each in after.suggestions if each.runbook != runbook))
    launch = LaunchRun(
        run_id=run.id,
        runbook=runbook,
        parameters=command.parameters,
        requested_by=command.by,
        override_freeze=command.override_freeze,
    )
    return Outcome(after, (note,), (launch,))


def _would_start(state: IncidentState, command: StartRun, runbook: str, now: datetime) -> Outcome:
    """In a tabletop nothing outside is changed: that somebody would run it is a line, and counts as done."""
    summary = f"{command.by.name} would start runbook {runbook}: this is a tabletop, nothing is run"
    after = _remember(state, f"run {command.key}", run_id(state.id, runbook, 1)) if command.key else state
    return Outcome(after, (entry(now, EntryKind.RUN, command.by, summary),))


def attach_alerts(state: IncidentState, command: AttachAlerts, now: datetime) -> Outcome:
    """What an alert group has to add. One that fires again after the incident was resolved reopens it."""
    group = command.group_id
    was_firing = group in state.firing_groups
    firing = tuple(each for each in state.firing_groups if each != group)
    groups = state.alert_groups if group in state.alert_groups else (*state.alert_groups, group)
    after = changed(state, alert_groups=groups, firing_groups=(*firing, group) if command.firing else firing)
    links = tuple(link for alert in command.alerts for link in _source(alert.title, alert.source_url))[:5]
    summary = command.note or ("alerts are firing" if command.firing else "alerts have cleared")
    note = entry(
        now, EntryKind.ALERT, command.by, summary, links=links, group=group, firing=command.firing,
        alerts=len(command.alerts) or None,
    )  # fmt: skip
    outcome = Outcome(after, (note,))
    if command.firing and not was_firing and state.status in AFTER:
        return outcome.then(reopen(after, Reopen(by=command.by, reason=f"it fires again: {summary}"), now))
    return outcome


def observe_run(state: IncidentState, command: ObserveRun, now: datetime) -> Outcome:
    """A run tells how it stands; a mitigating one that ended well moves the incident to `monitoring`."""
    known = any(run.id == command.run.id for run in state.runs)
    runs = tuple(command.run if run.id == command.run.id else run for run in state.runs)
    after = changed(state, runs=runs if known else (*runs, command.run), last_activity_at=now)
    if command.mitigated and state.status in RESPONDING and state.status is not IncidentStatus.MONITORING:
        reason = f"runbook {command.run.runbook} ended well ({command.run.id})"
        return Outcome(after).then(move(after, IncidentStatus.MONITORING, command.by, reason, now))
    return Outcome(after)


def observe_comms(state: IncidentState, command: ObserveComms, now: datetime) -> Outcome:  # noqa: ARG001 - one shape for all
    """The communication plan tells by when each audience must hear again."""
    return Outcome(changed(state, next_update_by=command.next_update_by))


def observe_review(state: IncidentState, command: ObserveReview, now: datetime) -> Outcome:
    """The review tells how it stands; from its submission on the incident is `reviewing`."""
    after = changed(state, review_id=command.review_id, review_state=command.state)
    is_read = command.state in {ReviewStatus.IN_REVIEW, ReviewStatus.REVIEWED}
    if is_read and state.status is IncidentStatus.RESOLVED:
        note = _moved(state, IncidentStatus.REVIEWING, command.by, f"the review is {command.state}", now)
        return Outcome(changed(after, status=IncidentStatus.REVIEWING), (note,))
    return Outcome(after)


def observe_action_item(state: IncidentState, command: ObserveActionItem, now: datetime) -> Outcome:  # noqa: ARG001 - one shape for all
    """An action item exists and tells how it stands."""
    item = command.item
    known = any(each.id == item.id for each in state.action_items)
    items = tuple(item if each.id == item.id else each for each in state.action_items)
    return Outcome(changed(state, action_items=items if known else (*items, item)))


def run_failed(state: IncidentState, launch: LaunchRun, sentence: str, now: datetime) -> Outcome:
    """A run that could not start (or broke) becomes a line, a failed run and a page for the commander; no more."""
    if any(run.id == launch.run_id and run.status in ENDED_RUNS for run in state.runs):
        return Outcome(state)
    runs = tuple(
        run.model_copy(update={"status": RunStatus.FAILED.value, "waiting_for": None})
        if run.id == launch.run_id
        else run
        for run in state.runs
    )
    summary = f"runbook {launch.runbook} did not run: {sentence}"
    note = entry(now, EntryKind.TROUBLE, launch.requested_by, summary, run=launch.run_id)
    commander, on_call = state.roles.get(Role.COMMANDER), who_is_paged(state.context)
    people = (commander,) if commander else on_call.levels[0].people if on_call else ()
    context = {"title": state.title, "severity": state.severity.value, "reason": summary}
    telling = TellPeople(about=f"run-failed/{launch.run_id}", template=Template.PAGE, people=people, context=context)
    return Outcome(changed(state, runs=runs), (note,), (telling,) if people else ())


def _source(title: str, url: str | None) -> tuple[Link, ...]:
    return (Link(title=title, url=url),) if url else ()


def _moved(state: IncidentState, status: IncidentStatus, by: Actor, why: str, now: datetime) -> Entry:
    summary = f"{state.status} → {status}: {why}"
    return entry(now, EntryKind.STATUS, by, summary, before=state.status, after=status)


def _require_sensible(name: str, duration: timedelta | None) -> None:
    if duration is not None and not timedelta() < duration <= LONGEST:
        raise Rejected(f"{name!r} must be more than nothing and at most {LONGEST.days} days, for example 30m")


def _remember(state: IncidentState, key: str, left: str) -> IncidentState:
    newest = list({**state.keys, key: left}.items())[-REMEMBERED_KEYS:]
    return changed(state, keys=dict(newest))
