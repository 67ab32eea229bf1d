"""What every command does to an incident: one pure function per command, found through one table.

`workflows/incident.py` calls `begin` once and `decide` for each command. A refusal is `Rejected` with a sentence and a
kind, and changes nothing. The rules live next door, by theme: `lifecycle`, `role_decisions`, `incident_paging`,
`response_decisions`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from domain import drill_absence, incident_paging, lifecycle, response_decisions, role_decisions
from domain import incident as words
from domain.absence import demand_present, demand_reachable
from domain.alike import AlikeIncident, announcement
from domain.errors import Rejected, RejectionKind
from domain.game_day import MilestoneKind
from domain.incident import (
    FINISHED,
    RESPONDING,
    Command,
    IncidentStart,
    IncidentState,
    IncidentStatus,
    ObserveRun,
    StartRun,
)
from domain.incident_effects import (
    FindAlike,
    Outcome,
    RefreshComms,
    StartComms,
    brief,
    changed,
    deed,
    entry,
    milestone,
    require_speaker,
)
from domain.incident_review import review_hears_of_news
from domain.lifecycle import comms_start
from domain.role_decisions import require_open
from domain.timeline import ActorKind, EntryKind, Link, automation
from domain.trigger_decisions import on_alerts, on_events

# What a person may say at once: a long post-mortem paragraph is 4 KiB, and every command stays in the history (Temporal
# ends a workflow whose history grows over 50 MB). Alert groups are not people; they bound their own batches.
MAX_COMMAND_BYTES = 32 * 1024
# Names of alerts by which earlier incidents are looked for; a storm of a thousand alerts has few rules.
_MOST_RULES = 20

# Each takes (state, its command, now); the table keeps them together with the commands of COMMANDS.
_RULES: dict[type[Command], Callable[[IncidentState, Any, datetime], Outcome]] = {
    words.Acknowledge: incident_paging.acknowledge,
    words.Escalate: incident_paging.escalate,
    words.ChangeStatus: lifecycle.change_status,
    words.ChangeSeverity: lifecycle.change_severity,
    words.Resolve: lifecycle.resolve,
    words.Reopen: lifecycle.reopen,
    words.Merge: lifecycle.merge,
    words.Cancel: lifecycle.cancel,
    words.Close: lifecycle.close,
    words.OfferRole: role_decisions.offer_role,
    words.AcceptRole: role_decisions.accept_role,
    words.DeclineRole: role_decisions.decline_role,
    words.ChangeImpact: response_decisions.change_impact,
    words.PostUpdate: response_decisions.post_update,
    words.AddTask: response_decisions.add_task,
    words.CompleteTask: response_decisions.complete_task,
    words.RecordDecision: response_decisions.record_decision,
    words.AddNote: response_decisions.add_note,
    words.StartRun: response_decisions.start_run,
    words.AttachAlerts: response_decisions.attach_alerts,
    words.ObserveRun: response_decisions.observe_run,
    words.ObserveComms: response_decisions.observe_comms,
    words.ObserveReview: response_decisions.observe_review,
    words.ObserveActionItem: response_decisions.observe_action_item,
    words.ObserveDrillEnd: drill_absence.observe_drill_end,
}
_NAMES = {kind: name for name, kind in words.COMMANDS.items()}


def decide(state: IncidentState, command: Command, now: datetime) -> Outcome:
    """What a command brings about; Rejected when it is not possible now. Asking changes nothing."""
    require_open(state)
    require_speaker(state, command.by)
    demand_present(state.absence, command.by, now)
    if isinstance(command, words.OfferRole):
        demand_reachable(state.absence, command.person, now)
    _require_size(command)
    outcome = _RULES[type(command)](state, command, now)
    if isinstance(command, words.AttachAlerts) and command.firing:
        outcome = outcome.then(on_alerts(outcome.state, command.alerts, now))
    outcome = outcome.then(on_events(state, outcome.state, now))
    outcome = review_hears_of_news(state, outcome, command.by, now)
    outcome = outcome.then(Outcome(outcome.state, (), deed(_NAMES[type(command)], command, state, outcome.state, now)))
    after = outcome.state
    has_done_something = outcome.entries or outcome.effects or isinstance(command, ObserveRun)
    if has_done_something and command.by.kind is ActorKind.PERSON:
        after = changed(after, last_activity_at=now)
    effects = outcome.effects
    if brief(after) != brief(state) and state.status in RESPONDING:
        # In front: the plan must know how things stand before it is told to publish or to finish.
        effects = (RefreshComms(brief=brief(after)), *effects)
    return Outcome(after, outcome.entries, effects)


def begin(start: IncidentStart, now: datetime) -> Outcome:
    """Declare: the state, the first lines, and everything that starts with an incident."""
    state = IncidentState(
        id=start.id,
        title=start.title,
        status=IncidentStatus.DECLARED,
        severity=start.severity,
        type=start.type,
        services=start.services,
        summary=start.summary,
        declared_by=start.declared_by,
        impact_started_at=start.impact_started_at,
        detected_at=start.detected_at or now,
        declared_at=now,
        drill=start.drill,
        near_miss=start.near_miss,
        game_day_workflow=start.game_day_workflow,
        absence=start.absence,
        tabletop_workflow=start.tabletop_workflow,
        alert_groups=start.alert_groups,
        firing_groups=start.alert_groups,
        last_activity_at=now,
        context=start.context,
    )
    outcome = Outcome(state, _first_lines(start, now), ())
    outcome = outcome.then(_first_page(state, now))
    if start.runbook:
        run = StartRun(by=start.declared_by, runbook=start.runbook, parameters=start.runbook_parameters)
        outcome = outcome.then(response_decisions.start_run(outcome.state, run, now))
    outcome = outcome.then(on_events(None, outcome.state, now))
    outcome = outcome.then(on_alerts(outcome.state, start.alerts, now))
    told = milestone(state, MilestoneKind.DECLARED, now, f"{state.id} was declared")
    # Last, and in a lane of its own: what was learned before helps, and nothing waits for it.
    rules = dict.fromkeys(alert.labels["alertname"] for alert in start.alerts if "alertname" in alert.labels)
    looking = FindAlike(title=start.title, services=start.services, rules=tuple(rules)[:_MOST_RULES])
    return outcome.then(Outcome(outcome.state, (), (StartComms(start=comms_start(state)), *told, looking)))


def found_alike(state: IncidentState, found: Sequence[AlikeIncident], now: datetime) -> Outcome:
    """The line about earlier incidents like this one; nothing when there are none, or when this one is over."""
    sentence = announcement(found)
    if sentence is None or state.status in FINISHED:
        return Outcome(state)
    told = [
        {
            "id": each.incident_id,
            "score": each.score,
            "reasons": [reason.sentence for reason in each.reasons],
            "open_items": [item.id for item in each.open_items],
        }
        for each in found
    ]
    return Outcome(state, (entry(now, EntryKind.NOTE, automation("alike"), sentence, incidents=told),))


def _require_size(command: Command) -> None:
    size = len(command.model_dump_json())
    if size > MAX_COMMAND_BYTES and not isinstance(command, words.AttachAlerts):
        message = f"that is {size // 1024} KiB; say it in {MAX_COMMAND_BYTES // 1024} KiB and link to the rest"
        raise Rejected(message, RejectionKind.TOO_LARGE)


def _first_lines(start: IncidentStart, now: datetime) -> tuple[Any, ...]:
    drill = ("drill " if start.drill else "") + ("near miss " if start.near_miss else "")
    summary = f"{drill}declared as {start.severity}: {start.title}"
    services = list(start.services) or None
    lines = [entry(now, EntryKind.DECLARED, start.declared_by, summary, severity=start.severity, services=services)]
    if start.alerts:
        titles = "; ".join(dict.fromkeys(alert.title for alert in start.alerts[:5]))
        more = f" and {len(start.alerts) - 5} more" if len(start.alerts) > 5 else ""  # noqa: PLR2004 - as many as shown
        links = tuple(Link(title=alert.title, url=alert.source_url) for alert in start.alerts[:5] if alert.source_url)
        groups = list(start.alert_groups)
        lines.append(
            entry(now, EntryKind.ALERT, automation("triage"), f"alerts: {titles}{more}", links=links, groups=groups)
        )
    return tuple(lines)


def _first_page(state: IncidentState, now: datetime) -> Outcome:
    if state.context.policy.of(state.severity).acknowledge_within is None:
        return Outcome(state)
    return incident_paging.page(state, now, f"{state.severity} was declared")
