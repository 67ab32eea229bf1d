"""Who is called to an incident, when it is called again, and what an acknowledgement does. Called by the decisions.

An incident has at most one open page. A page that nobody answers goes on by itself (`domain/escalation.py`); what is
decided here is when a page begins and ends, and that an acknowledged incident about which nobody does anything is
paged for again.
"""

from datetime import datetime

from domain.configuration import OnCall, OnCallLevel
from domain.durations import format_duration
from domain.game_day import MilestoneKind
from domain.ids import page_id
from domain.incident import RESPONDING, Acknowledge, Escalate, IncidentContext, IncidentState, Role
from domain.incident_effects import (
    Outcome,
    PageAnswered,
    StartPage,
    StopPage,
    changed,
    conflict,
    entry,
    milestone,
    require_text,
)
from domain.page import EscalationStart
from domain.timeline import Actor, ActorKind, EntryKind, automation

ESCALATION = automation("escalation")


def acknowledge(state: IncidentState, command: Acknowledge, now: datetime) -> Outcome:
    """Paging stops; the first to acknowledge takes command when nobody has it. Twice is as good as once."""
    if state.status not in RESPONDING:
        raise conflict(f"{state.id} is {state.status}; there is nothing left to acknowledge")
    by, is_first = command.by, state.acknowledged_at is None
    takes_command = (
        by.kind is ActorKind.PERSON and by.name in state.context.people and Role.COMMANDER not in state.roles
    )
    if not (is_first or takes_command or state.open_page):
        return Outcome(state)
    entries = [entry(now, EntryKind.ACKNOWLEDGED, by, f"{by.name} acknowledged", page=state.open_page)]
    effects = [PageAnswered(number=state.open_page, by=by)] if state.open_page else []
    roles = dict(state.roles)
    if takes_command:
        roles[Role.COMMANDER] = by.name
        summary = f"{by.name} took command, as the first to acknowledge"
        entries.append(entry(now, EntryKind.ROLE, by, summary, role=Role.COMMANDER, person=by.name))
    # One who is declared unavailable in a drill does not count, so each one is told.
    told = milestone(state, MilestoneKind.ACKNOWLEDGED, now, f"{by.name} acknowledged", (by.name,))
    after = changed(
        state,
        acknowledged_at=state.acknowledged_at or now,
        roles=roles,
        open_page=None,
        offers=tuple(offer for offer in state.offers if not (takes_command and offer.role is Role.COMMANDER)),
        last_activity_at=now,
    )
    return Outcome(after, tuple(entries), (*effects, *told))


def escalate(state: IncidentState, command: Escalate, now: datetime) -> Outcome:
    """Page again, from the first level; an open page ends."""
    reason = require_text(command.reason, "say why somebody must be paged: 'reason' is empty")
    if state.status not in RESPONDING:
        raise conflict(f"{state.id} is {state.status}; nobody is paged for it any more. Reopen it first")
    return page(state, now, reason, command.by)


def page(state: IncidentState, now: datetime, reason: str, by: Actor = ESCALATION) -> Outcome:
    """Begin a new page and end the one that is open; says so when there is nobody to page, or in a tabletop."""
    on_call = who_is_paged(state.context)
    if state.tabletop_workflow is not None:
        who = ", ".join(on_call.levels[0].people) if on_call else "nobody"
        summary = f"{who} would be paged: {reason}. This is a tabletop, nobody is"
        return Outcome(state, (entry(now, EntryKind.PAGE, by, summary),))
    if on_call is None:
        services = ", ".join(state.services) or "this incident"
        summary = (
            f"nobody was paged ({reason}): nobody is on call for {services} and its team has no manager; "
            "name an on-call path in hotwash.yaml, and offer command to somebody now"
        )
        return Outcome(state, (entry(now, EntryKind.TROUBLE, ESCALATION, summary),))
    replaced = stop_page(state, by, "a newer page took its place")
    number = state.pages + 1
    start = _escalation_start(state, number, reason, on_call)
    summary = f"paging the on-call: {reason}"
    if state.context.on_call is None:
        summary = f"nobody is on call; paging {on_call.levels[0].people[0]} instead: {reason}"
    note = entry(now, EntryKind.PAGE, by, summary, page=number)
    after = changed(replaced.state, pages=number, open_page=number)
    return replaced.then(Outcome(after, (note,), (StartPage(number=number, start=start),)))


def stop_page(state: IncidentState, by: Actor, reason: str) -> Outcome:
    """End the open page, if there is one. The escalation itself writes the line about it."""
    if state.open_page is None:
        return Outcome(state)
    return Outcome(changed(state, open_page=None), (), (StopPage(number=state.open_page, by=by, reason=reason),))


def who_is_paged(context: IncidentContext) -> OnCall | None:
    """The on-call path of the service, else the team's manager alone, else nobody."""
    if context.on_call is not None:
        return context.on_call
    if context.team_manager is None:
        return None
    return OnCall(levels=(OnCallLevel(people=(context.team_manager,)),))


def silent_at(state: IncidentState) -> datetime | None:
    """When an acknowledged incident counts as silent; None while it cannot (mitigated, paged for, switched off)."""
    silence = state.context.policy.acknowledged_silence
    is_watched = (
        state.status in RESPONDING
        and state.acknowledged_at is not None
        and state.mitigated_at is None
        and state.open_page is None
        and state.tabletop_workflow is None
        and bool(silence)
        and who_is_paged(state.context) is not None
        and state.context.policy.of(state.severity).acknowledge_within is not None
    )
    if not is_watched:
        return None
    return max(state.last_activity_at or state.declared_at, state.acknowledged_at or state.declared_at) + silence


def page_if_silent(state: IncidentState, now: datetime) -> Outcome:
    """Page again for an acknowledged incident about which nobody has done anything; nothing when it is not silent."""
    at = silent_at(state)
    if at is None or now < at:
        return Outcome(state)
    silence = format_duration(state.context.policy.acknowledged_silence)
    commander = state.roles.get(Role.COMMANDER, "nobody")
    return page(state, now, f"acknowledged, but nothing has happened for {silence} (commander: {commander})")


def _escalation_start(state: IncidentState, number: int, reason: str, on_call: OnCall) -> EscalationStart:
    policy = state.context.policy
    rule = policy.of(state.severity)
    # A page that a person asks for at a severity that does not page by itself goes at the slowest pace of the policy.
    within = rule.acknowledge_within or policy.acknowledged_silence or policy.page_repeat_after
    return EscalationStart(
        id=page_id(state.id, number),
        incident_id=state.id,
        title=state.title,
        severity=state.severity,
        reason=reason,
        drill=state.drill,
        on_call=on_call,
        acknowledge_within_seconds=within.total_seconds(),
        repeat_after_seconds=policy.page_repeat_after.total_seconds(),
        working_hours=policy.calendar if rule.page_in_working_hours else None,
        people=state.context.people,
        game_day_workflow=state.game_day_workflow,
        asks_who_is_away=state.absence is not None,
    )
