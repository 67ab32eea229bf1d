"""When whom to page: level by level, round by round, until somebody answers. Called by `workflows/escalation.py`.

A level has its time to answer, then the next one is paged; after the last level there is a pause and it begins again.
It never gives up by itself. Where pages wait for working hours (SEV-4), no level is paged outside of them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.calendar import next_opening
from domain.durations import format_duration
from domain.errors import Rejected, RejectionKind
from domain.message import Delivery, DeliveryStatus
from domain.page import (
    AcknowledgePage,
    EscalationStart,
    EscalationState,
    EscalationStatus,
    PageCommand,
    PageDelivery,
)
from domain.timeline import Actor, ActorKind, Entry, EntryKind, automation

ESCALATION = automation("escalation")
# How many deliveries the state shows; all of them are in the timeline.
SHOWN_DELIVERIES = 100


@dataclass(frozen=True)
class Paged:
    """A level is paged now."""

    state: EscalationState
    people: tuple[str, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Answered:
    """What became of an answer."""

    state: EscalationState
    entries: tuple[Entry, ...] = ()


def begin(start: EscalationStart, now: datetime) -> EscalationState:
    """Nobody has been paged yet; the first level is due at once, or when the office opens."""
    return EscalationState(
        id=start.id,
        incident_id=start.incident_id,
        status=EscalationStatus.PAGING,
        reason=start.reason,
        next_level_at=_in_hours(start, now),
    )


def is_level_due(state: EscalationState, now: datetime) -> bool:
    """Whether somebody has to be paged now."""
    return state.status is EscalationStatus.PAGING and state.next_level_at is not None and now >= state.next_level_at


def page_next_level(
    start: EscalationStart, state: EscalationState, now: datetime, away: tuple[str, ...] = ()
) -> Paged | None:
    """Whom to page now; None when nobody is due or the page was answered.

    `away` are those whom the drill has declared unavailable: they get nothing, and the level has its time all the same.
    """
    if not is_level_due(state, now):
        return None
    levels = start.on_call.levels
    is_new_round = state.level == len(levels)
    round_ = state.round + 1 if is_new_round else state.round
    number = 1 if is_new_round else state.level + 1
    level = levels[number - 1]
    within = level.acknowledge_within or timedelta(seconds=start.acknowledge_within_seconds)
    pause = timedelta(seconds=start.repeat_after_seconds) if number == len(levels) else timedelta()
    after = state.model_copy(
        update={
            "level": number,
            "round": round_,
            "next_level_at": _in_hours(start, now + within + pause),
            "away": away,
        }
    )
    again = f", round {round_}" if round_ > 1 else ""
    people = tuple(name for name in level.people if name not in away)
    summary = f"paging level {number} of {len(levels)}{again}: {', '.join(people) or 'nobody is there'}"
    lines = [_line(now, EntryKind.PAGE, ESCALATION, summary, after)]
    if missing := [name for name in level.people if name in away]:
        verb = "is" if len(missing) == 1 else "are"
        said = f"{' and '.join(missing)} {verb} unavailable in this drill and not paged; level {number} has its"
        lines.append(_line(now, EntryKind.PAGE, ESCALATION, f"{said} {format_duration(within)} all the same", after))
    return Paged(after, people, tuple(lines))


def note_delivery(
    state: EscalationState, delivery: Delivery, level: int, round_: int, now: datetime
) -> tuple[EscalationState, Entry]:
    """What became of a page to one person over one channel; a later word replaces an earlier one."""
    news = PageDelivery(
        person=delivery.to,
        channel=delivery.channel,
        status=delivery.status.value,
        level=level,
        round=round_,
        at=now,
        detail=delivery.detail,
    )
    others = tuple(each for each in state.deliveries if _place(each) != _place(news))
    paged_at = state.paged_at or (now if delivery.status is DeliveryStatus.DELIVERED else None)
    after = state.model_copy(update={"deliveries": (*others, news)[-SHOWN_DELIVERIES:], "paged_at": paged_at})
    over = f" over {delivery.channel}" if delivery.channel else ""
    if delivery.status is DeliveryStatus.DELIVERED:
        return after, _receipt(now, EntryKind.PAGE, f"{delivery.to} was paged{over}", after, delivery)
    why = f": {delivery.detail}" if delivery.detail else ""
    summary = f"page to {delivery.to}{over} is {delivery.status.value.replace('_', ' ')}{why}"
    return after, _receipt(now, EntryKind.TROUBLE, summary, after, delivery)


def answer(start: EscalationStart, state: EscalationState, command: PageCommand, now: datetime) -> Answered:
    """`acknowledge`: somebody has it; `stop`: nobody need answer. Once answered, a page stays as it is."""
    by = command.by
    if by.kind is ActorKind.PERSON and start.people and by.name not in (*start.people, "admin"):
        message = f"{by.name!r} is not a person of hotwash.yaml and cannot answer a page"
        raise Rejected(message, RejectionKind.INVALID)
    if state.status is not EscalationStatus.PAGING:
        return Answered(state)
    if isinstance(command, AcknowledgePage):
        if by.kind is ActorKind.PERSON and by.name in state.away and not command.is_counted:
            message = f"{by.name} is declared unavailable in this drill; somebody else has to answer the page"
            raise Rejected(message, RejectionKind.FORBIDDEN)
        # The incident writes the line about it, because it also decides who takes command.
        status = EscalationStatus.ACKNOWLEDGED
        update = {"status": status, "acknowledged_by": by, "acknowledged_at": now, "next_level_at": None}
        return Answered(state.model_copy(update=update))
    after = state.model_copy(update={"status": EscalationStatus.STOPPED, "next_level_at": None})
    why = f": {command.reason}" if command.reason else ""
    return Answered(after, (_line(now, EntryKind.PAGE, by, f"paging stopped{why}", after),))


def page_text(start: EscalationStart, state: EscalationState) -> dict[str, Any]:
    """What the template of a page is given."""
    level = start.on_call.levels[state.level - 1]
    within = level.acknowledge_within or timedelta(seconds=start.acknowledge_within_seconds)
    return {
        "incident": {"id": start.incident_id, "title": start.title, "severity": start.severity.value},
        "title": start.title,
        "severity": start.severity.value,
        "reason": start.reason,
        "level": state.level,
        "round": state.round,
        "acknowledge_within": format_duration(within),
    }


def _in_hours(start: EscalationStart, moment: datetime) -> datetime:
    return next_opening(moment, start.working_hours) if start.working_hours else moment


def _place(delivery: PageDelivery) -> tuple[str, str, int, int]:
    return (delivery.person, delivery.channel, delivery.level, delivery.round)


def _receipt(at: datetime, kind: EntryKind, summary: str, state: EscalationState, delivery: Delivery) -> Entry:
    # Named as in every other line about deliveries, so that readers can tell bookkeeping from what was decided.
    line = _line(at, kind, ESCALATION, summary, state)
    return line.model_copy(update={"details": line.details | {"deliveries": [delivery.model_dump(mode="json")]}})


def _line(at: datetime, kind: EntryKind, actor: Actor, summary: str, state: EscalationState) -> Entry:
    details = {"page": state.id, "level": state.level, "round": state.round}
    return Entry(at=at, kind=kind, actor=actor, summary=summary, details=details)
