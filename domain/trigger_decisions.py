"""Which runbooks an incident starts or suggests by itself. Pure; called by `domain/incident_decisions.py`.

Each trigger fires once per incident (and once more per reopening), however often its alert comes. What is started by
itself keeps to every rule: approvals, locks and freezes are those of any run.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from domain.alert import Alert, AlertStatus
from domain.errors import Rejected
from domain.incident import IncidentState, StartRun
from domain.incident_effects import Outcome, changed, entry
from domain.response_decisions import start_run
from domain.routing import fill_parameters, matches
from domain.runbook_trigger import LifecycleEvent, RunbookSuggestion, RunbookTrigger
from domain.timeline import EntryKind, automation

_ME = automation("trigger")


def on_alerts(state: IncidentState, alerts: Iterable[Alert], now: datetime) -> Outcome:
    """What alerts of the incident set off."""
    outcome = Outcome(state)
    for alert in alerts:
        if alert.status is AlertStatus.FIRING:
            for each in _concerned(outcome.state):
                if each.trigger.alert is not None and matches(each.trigger.alert, alert.labels):
                    outcome = outcome.then(_fire(outcome.state, each, f"alert {alert.title!r}", alert.labels, now))
    return outcome


def on_events(before: IncidentState | None, state: IncidentState, now: datetime) -> Outcome:
    """What has just happened to the incident sets off; `before` None: it was declared."""
    outcome = Outcome(state)
    for event in _happened(before, state):
        for each in _concerned(outcome.state):
            if each.trigger.event is event:
                outcome = outcome.then(_fire(outcome.state, each, f"the incident is {event.value}", {}, now))
    return outcome


def _happened(before: IncidentState | None, state: IncidentState) -> Iterator[LifecycleEvent]:
    if before is None:
        yield LifecycleEvent.DECLARED
        return
    if before.reopened < state.reopened:
        yield LifecycleEvent.REOPENED
    if before.mitigated_at is None and state.mitigated_at is not None:
        yield LifecycleEvent.MITIGATED
    if before.resolved_at is None and state.resolved_at is not None:
        yield LifecycleEvent.RESOLVED


def _concerned(state: IncidentState) -> list[RunbookTrigger]:
    return [
        each
        for each in state.context.triggers
        if (not each.trigger.services or set(each.trigger.services) & set(state.services))
        and (not each.trigger.severities or state.severity in each.trigger.severities)
    ]


def _fire(state: IncidentState, each: RunbookTrigger, why: str, labels: dict[str, str], now: datetime) -> Outcome:
    mark = f"{each.runbook}/{each.number}/{state.reopened}"
    if mark in state.triggered:
        return Outcome(state)
    state = changed(state, triggered=(*state.triggered, mark))
    filled = fill_parameters(each.trigger.parameters, labels)
    if each.trigger.then == "start" and not filled.missing:
        # The route, or another trigger, may have started it already.
        if any(run.runbook == each.runbook for run in state.runs):
            return Outcome(state)
        try:
            run = StartRun(by=_ME, runbook=each.runbook, parameters=dict(filled.values), key=f"trigger/{mark}")
            return start_run(state, run, now)
        except Rejected as error:
            return Outcome(state, (entry(now, EntryKind.TROUBLE, _ME, f"{each.runbook}: {error.sentence}"),))
    lacks = f"; the alert has no label {', '.join(filled.missing)}" if filled.missing else ""
    suggestion = RunbookSuggestion(
        runbook=each.runbook, title=each.title, parameters=dict(filled.values), why=f"{why}{lacks}", at=now
    )
    others = tuple(known for known in state.suggestions if known.runbook != each.runbook)
    note = entry(
        now, EntryKind.RUN, _ME, f"runbook {each.title!r} is suggested: {suggestion.why}",
        runbook=each.runbook, parameters=dict(filled.values) or None,
    )  # fmt: skip
    return Outcome(changed(state, suggestions=(*others, suggestion)), (note,))
