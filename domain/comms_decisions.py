"""What the communication plan of an incident does: first notices, updates, reminders, the closing notice. Pure.

Called by `workflows/comms_plan.py`. The one thing to know: a reminder never counts as an update, and what customers
read holds only public names: the incident's title and summary come from alerts and name hosts.
"""

from datetime import datetime, timedelta
from typing import Any

from domain.cadence import ClockStep, Nudge, after_change, after_update, cadence_for, first_clocks, stopped, take_steps
from domain.comms import (
    AudienceClock,
    CloseComms,
    CommsStart,
    CommsState,
    IncidentBrief,
    PublishedUpdate,
    RefreshIncident,
    UpdateRequest,
)
from domain.configuration import AudiencePlan
from domain.durations import format_duration
from domain.errors import Rejected, RejectionKind
from domain.ids import comms_workflow_id
from domain.incident import RESPONDING
from domain.message import Delivery, DeliveryStatus, Message, MessageReceipt, Template
from domain.model import Model
from domain.policy import Audience
from domain.timeline import Actor, Entry, EntryKind, automation

ME = automation("communication plan")
# An update is a paragraph or two; more than ten mail pages is a mistake, and would fill the workflow's history.
MAX_TEXT = 20_000
# Keys of requests that are remembered; a repetition comes within minutes, an incident has a few dozen updates.
_REMEMBERED_KEYS = 200
_SHOWN_CHARACTERS = 200


class CommsOutcome(Model):
    """The new state, and what follows from it."""

    state: CommsState
    entries: tuple[Entry, ...] = ()
    # Pictures for the store; an update that is also sent has the message of the same key.
    updates: tuple[PublishedUpdate, ...] = ()
    messages: tuple[Message, ...] = ()


def begin(start: CommsStart, now: datetime) -> CommsOutcome:
    """Start the clocks and publish the first notices that the configuration wants without waiting for anybody."""
    brief = start.incident
    since = now if start.episode else brief.declared_at
    clocks = first_clocks(start.policy, brief, since)
    outcome = CommsOutcome(state=CommsState(incident_id=brief.id, incident=brief, clocks=clocks, episode=start.episode))
    for audience in clocks:
        if plan_for(start, audience).first_notice == "automatic":
            outcome = _first_notice(start, outcome, audience, now)
    return outcome


def publish(start: CommsStart, state: CommsState, request: UpdateRequest, now: datetime) -> CommsOutcome:
    """A person's update. A key that was seen before changes nothing; after the closing notice it is refused."""
    if request.key and request.key in state.keys:
        return CommsOutcome(state=state)
    text = request.text.strip()
    if not text:
        raise Rejected("the update has no text")
    if len(text) > MAX_TEXT:
        raise Rejected(f"the update is longer than {MAX_TEXT} characters; link to the rest", RejectionKind.TOO_LARGE)
    if state.closing_at is not None:
        raise Rejected(f"{state.incident_id} has had its closing notice; reopen it to say more", RejectionKind.CONFLICT)
    if request.key:
        state = state.model_copy(update={"keys": (*state.keys, request.key)[-_REMEMBERED_KEYS:]})
    if state.incident.drill and request.audience is not Audience.INTERNAL:
        summary = f"{_name(request.audience)} update withheld: this is a drill, nobody outside the team is told"
        return CommsOutcome(state=state, entries=(_entry(now, EntryKind.UPDATE, request.by, summary, text=text),))
    return _published(start, state, request.audience, text, by=request.by, now=now, within=request.next_update_within)


def refresh(start: CommsStart, state: CommsState, request: RefreshIncident, now: datetime) -> CommsOutcome:
    """The incident changed; a new severity moves the clocks. One that was reopened before the plan ended goes on."""
    brief = request.incident
    if state.closing_at is None:
        clocks = after_change(start.policy, state.incident, brief, state.clocks, now)
        return CommsOutcome(state=state.model_copy(update={"incident": brief, "clocks": clocks}))
    if brief.status not in RESPONDING:
        return CommsOutcome(state=state.model_copy(update={"incident": brief}))
    fresh = first_clocks(start.policy, brief, now)
    clocks = {
        audience: stopped(state.clocks.get(audience, AudienceClock())).model_copy(
            update={"since": now, "next_update_by": clock.next_update_by}
        )
        for audience, clock in fresh.items()
    }
    reopened = {"incident": brief, "clocks": {**state.clocks, **clocks}, "closing_at": None}
    note = _entry(now, EntryKind.UPDATE, ME, "Communication goes on: the incident is open again")
    return CommsOutcome(state=state.model_copy(update=reopened), entries=(note,))


def finish(start: CommsStart, state: CommsState, request: CloseComms, now: datetime) -> CommsOutcome:
    """The closing notice to every audience that has heard of the incident; asking again changes nothing."""
    if state.closing_at is not None:
        return CommsOutcome(state=state)
    heard = [audience for audience, clock in state.clocks.items() if clock.sent]
    outcome = CommsOutcome(state=state)
    for audience in heard:
        text = closing_text(state.incident, audience, request)
        said = _published(start, outcome.state, audience, text, by=request.by, now=now, closing=request.outcome)
        outcome = _joined(outcome, said)
    clocks = {audience: stopped(clock) for audience, clock in outcome.state.clocks.items()}
    closed = outcome.state.model_copy(update={"clocks": clocks, "closing_at": now})
    return outcome.model_copy(update={"state": closed})


def tick(start: CommsStart, state: CommsState, now: datetime) -> CommsOutcome:
    """What the clocks demand by now: reminders, word of lateness, escalation."""
    clocks, nudges = take_steps(start.policy, state.incident, state.clocks, now)
    outcome = CommsOutcome(state=state.model_copy(update={"clocks": clocks}))
    for nudge in nudges:
        outcome = _joined(outcome, _nudged(outcome.state, nudge, now))
    return outcome


def plan_for(start: CommsStart, audience: Audience) -> AudiencePlan:
    """Where an audience is told."""
    return start.audiences.get(audience, AudiencePlan())


def message_key(update: PublishedUpdate) -> str:
    """The key under which an update is delivered."""
    return f"{comms_workflow_id(update.incident_id)}/{update.id}"


def delivered(update: PublishedUpdate, receipt: MessageReceipt) -> PublishedUpdate:
    """The update with what became of it."""
    return update.model_copy(update={"deliveries": receipt.deliveries})


def receipt_entry(
    message: Message, update: PublishedUpdate | None, receipt: MessageReceipt | None, error: str, now: datetime
) -> Entry:
    """The line that says plainly what became of an update or a reminder."""
    if update is not None:
        kind, what = EntryKind.UPDATE, update_name(update)
    else:
        kind, what = EntryKind.REMINDER, f"Reminder to {_and(message.people)} ({message.context.get('reminder', '')})"
    if receipt is None:
        return _entry(now, EntryKind.TROUBLE, ME, f"{what}: could not be sent: {error}", message=message.key)
    details: dict[str, Any] = {"deliveries": [each.model_dump(mode="json") for each in receipt.deliveries]}
    if update is None:
        details |= {name: message.context.get(name) for name in ("audience", "level", "due_at")}
    return _entry(now, kind, ME, f"{what}: {_tally(receipt.deliveries)}", **details)


def update_name(update: PublishedUpdate) -> str:
    """How the timeline calls an update: `External update 2`."""
    return f"{_name(update.audience)} {'closing notice' if update.closing else f'update {update.number}'}"


def public_title(brief: IncidentBrief) -> str:
    """What the public may read as the title."""
    return f"Problem with {_and(brief.public_services)}" if brief.public_services else "Service problem"


def first_text(brief: IncidentBrief, audience: Audience) -> str:
    """The first notice: what is affected and that somebody is at it."""
    if audience is Audience.EXTERNAL:
        affected = _and(brief.public_services) or "our service"
        return (
            f"We are investigating a problem with {affected}. You may see errors or delays. Our team is working on it."
        )
    affected = f" Affected: {_and(brief.services)}." if brief.services else ""
    impact = f" Impact: {brief.impact}" if brief.impact else ""
    if audience is Audience.EXECUTIVE:
        return f"{brief.severity} incident: {brief.title}.{affected}{impact} The response is under way."
    summary = f"\n\n{brief.summary}" if brief.summary else ""
    return f"{brief.severity} incident declared: {brief.title}.{affected}{impact} The response has begun.{summary}"


def closing_text(brief: IncidentBrief, audience: Audience, request: CloseComms) -> str:
    """The last notice. Customers do not get the responders' own words, which may name hosts and people."""
    if audience is not Audience.EXTERNAL:
        return (
            f"{brief.title} is {request.outcome}: {request.summary}" if request.summary else f"It is {request.outcome}."
        )
    affected = _and(brief.public_services) or "our service"
    match request.outcome:
        case "resolved":
            return f"The problem with {affected} is resolved. Everything works normally again. We are sorry."
        case "merged":
            return f"The problem with {affected} is part of another one that we are working on. News appears there."
        case "cancelled":
            return f"We have looked into it: there is no problem with {affected}."
        case _:
            return f"This notice about {affected} is closed."


# --- publishing ---


def _first_notice(start: CommsStart, outcome: CommsOutcome, audience: Audience, now: datetime) -> CommsOutcome:
    brief = outcome.state.incident
    if audience is Audience.EXTERNAL and not brief.public_services:
        summary = "No automatic first notice to customers: no public service is known to be affected; a person decides"
        return _joined(
            outcome, CommsOutcome(state=outcome.state, entries=(_entry(now, EntryKind.UPDATE, ME, summary),))
        )
    said = _published(start, outcome.state, audience, first_text(brief, audience), by=ME, now=now, first=True)
    return _joined(outcome, said)


def _published(
    start: CommsStart,
    state: CommsState,
    audience: Audience,
    text: str,
    *,
    by: Actor,
    now: datetime,
    within: timedelta | None = None,
    first: bool = False,
    closing: str | None = None,
) -> CommsOutcome:
    brief = state.incident
    before = state.clocks.get(audience, AudienceClock())
    clock = after_update(before, cadence_for(start.policy, brief, audience), brief.declared_at, now, within)
    if closing is not None:
        clock = clock.model_copy(update={"next_update_by": None})
    is_public = audience is Audience.EXTERNAL
    number = state.updates + 1
    update = PublishedUpdate(
        id=_update_id(state, number),
        incident_id=brief.id,
        number=clock.sent,
        audience=audience,
        text=text,
        status=closing or brief.status,
        severity=brief.severity,
        services=brief.public_services if is_public else brief.services,
        title=public_title(brief) if is_public else brief.title,
        by=by,
        at=now,
        next_update_by=clock.next_update_by,
        closing=closing is not None,
        drill=brief.drill,
    )
    destinations = plan_for(start, audience).destinations
    message = Message(
        key=message_key(update),
        template=Template.UPDATE if closing is None else Template.CLOSING,
        variant=audience.value,
        context=_context(update, brief, first=first),
        destinations=destinations,
        incident_id=brief.id,
        drill=brief.drill,
    )
    return CommsOutcome(
        state=state.model_copy(update={"clocks": {**state.clocks, audience: clock}, "updates": number}),
        entries=(_update_entry(update, has_destinations=bool(destinations)),),
        updates=(update,),
        messages=(message,) if destinations else (),
    )


def _update_id(state: CommsState, number: int) -> str:
    reopened = f".reopened-{state.episode}" if state.episode else ""
    return f"{state.incident_id}{reopened}.update.{number}"


def _context(update: PublishedUpdate, brief: IncidentBrief, *, first: bool) -> dict[str, Any]:
    context: dict[str, Any] = {
        "incident": {"id": brief.id, "title": update.title, "severity": brief.severity.value, "status": update.status},
        "text": update.text,
        "number": update.number,
        "first": first,
        "services": list(update.services),
        "next_update_by": _iso(update.next_update_by),
    }
    if update.closing:
        context |= {"outcome": update.status, "duration": _minutes(update.at - brief.declared_at)}
    if update.audience is not Audience.EXTERNAL:
        inner = {"impact": brief.impact, "summary": brief.summary, "commander": brief.commander, "by": update.by.name}
        context |= inner
    return context


def _update_entry(update: PublishedUpdate, *, has_destinations: bool) -> Entry:
    where = "is on the status page" if update.audience is Audience.EXTERNAL else "is in the incident room"
    if not has_destinations:
        where += " only: hotwash.yaml names no destination for it"
    shown = update.text if len(update.text) <= _SHOWN_CHARACTERS else update.text[:_SHOWN_CHARACTERS] + "…"
    return _entry(
        update.at,
        EntryKind.UPDATE,
        update.by,
        f"{update_name(update)} {where}: {shown}",
        audience=update.audience.value,
        update_id=update.id,
        text=update.text,
        next_update_by=_iso(update.next_update_by),
    )


# --- reminding ---


def _nudged(state: CommsState, nudge: Nudge, now: datetime) -> CommsOutcome:
    brief = state.incident
    people, what = _listeners(brief, nudge.step), _nudge_words(nudge, now)
    if not people:
        summary = f"Nobody can be reminded ({what}): there is no commander and no communications lead yet"
        entry = _entry(now, EntryKind.REMINDER, ME, summary, reason=nudge.step.value)
        return CommsOutcome(state=state, entries=(entry,))
    number = state.reminders + 1
    episode = f"{state.episode}." if state.episode else ""
    message = Message(
        key=f"{comms_workflow_id(brief.id)}/reminder/{episode}{number}",
        template=Template.UPDATE_REMINDER if nudge.step is ClockStep.REMIND else Template.UPDATE_OVERDUE,
        context={
            "incident": {
                "id": brief.id,
                "title": brief.title,
                "severity": brief.severity.value,
                "status": brief.status,
            },
            "audience": nudge.audience.value,
            "due_at": _iso(nudge.due_at),
            "last_update_at": _iso(nudge.last_update_at),
            "late_by": _minutes(now - nudge.due_at) if now > nudge.due_at else "",
            "level": _LEVELS[nudge.step],
            "lead": brief.communications_lead or brief.commander,
            "reminder": what,
        },
        people=people,
        incident_id=brief.id,
        drill=brief.drill,
    )
    return CommsOutcome(state=state.model_copy(update={"reminders": number}), messages=(message,))


_LEVELS = {
    ClockStep.REMIND: "upcoming",
    ClockStep.LATE: "late",
    ClockStep.ESCALATE: "escalated",
    ClockStep.STILL_SILENT: "still_silent",
}


def _listeners(brief: IncidentBrief, step: ClockStep) -> tuple[str, ...]:
    """The lead writes updates; the commander hears when they do not come."""
    lead = brief.communications_lead or brief.commander
    wanted = {
        ClockStep.REMIND: (lead,),
        ClockStep.LATE: (lead,),
        ClockStep.ESCALATE: (brief.commander or lead,),
        ClockStep.STILL_SILENT: (lead, brief.commander),
    }[step]
    return tuple(dict.fromkeys(name for name in wanted if name))


def _nudge_words(nudge: Nudge, now: datetime) -> str:
    what = f"{nudge.audience.value} update"
    at = f"{nudge.due_at:%H:%M} UTC"
    match nudge.step:
        case ClockStep.REMIND:
            return f"{what} due by {at}"
        case ClockStep.LATE:
            return f"{what} was due at {at}"
        case ClockStep.ESCALATE:
            return f"{what} was due at {at}, late by {_minutes(now - nudge.due_at)}, escalated"
        case ClockStep.STILL_SILENT:
            return f"{what} was due at {at}, still missing after {_minutes(now - nudge.due_at)}"


# --- words ---

_TALLY = {
    DeliveryStatus.DELIVERED: "delivered to",
    DeliveryStatus.PENDING: "pending for",
    DeliveryStatus.FAILED: "FAILED for",
    DeliveryStatus.UNKNOWN: "UNKNOWN whether delivered to",
    DeliveryStatus.NO_ADDRESS: "no address for",
    DeliveryStatus.WITHHELD: "withheld from",
}
_NAMED = 3


def _tally(deliveries: tuple[Delivery, ...]) -> str:
    parts = []
    for status, words in _TALLY.items():
        there = [each for each in deliveries if each.status is status]
        if not there:
            continue
        names = [f"{each.to} ({each.channel})" if each.channel else each.to for each in there]
        listed = _and(names) if len(names) <= _NAMED else f"{len(names)} addresses"
        why = "" if status is DeliveryStatus.DELIVERED else f" ({there[0].detail})"
        parts.append(f"{words} {listed}{why}")
    return "; ".join(parts) or "there was nobody to send it to"


def _entry(at: datetime, kind: EntryKind, by: Actor, summary: str, **details: Any) -> Entry:
    return Entry(at=at, kind=kind, actor=by, summary=summary, details={k: v for k, v in details.items() if v})


def _joined(first: CommsOutcome, then: CommsOutcome) -> CommsOutcome:
    return CommsOutcome(
        state=then.state,
        entries=first.entries + then.entries,
        updates=first.updates + then.updates,
        messages=first.messages + then.messages,
    )


def _name(audience: Audience) -> str:
    return audience.value.capitalize()


def _and(names: tuple[str, ...] | list[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _minutes(duration: timedelta) -> str:
    # Nobody reads the seconds of an hour, and everybody those of a demonstration.
    unit = timedelta(minutes=1) if duration >= timedelta(minutes=1) else timedelta(seconds=1)
    return format_duration(duration // unit * unit)
