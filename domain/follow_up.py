"""What reviews and action items have in common: what a decision amounts to, and refusals that both speak.

Called by `review_decisions.py` and `action_item_decisions.py`. Pure.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from domain.calendar import written
from domain.deadlines import LadderReason, LadderStep
from domain.durations import format_duration
from domain.errors import Rejected, RejectionKind
from domain.message import DeliveryStatus, Invitation, Message, MessageReceipt, Template
from domain.policy import WorkingHours
from domain.timeline import ADMINISTRATOR, Actor, ActorKind, Entry, EntryKind

S = TypeVar("S")

# A reason or a comment is a paragraph. Longer texts belong behind a link, and not into a workflow's history.
MAX_TEXT = 10_000


@dataclass(frozen=True)
class Notice:
    """Somebody must be told; the workflow makes a message of it. `why` is a named reason, `words` a sentence."""

    template: Template
    people: tuple[str, ...]
    why: str
    words: str
    invitation: Invitation | None = None


@dataclass(frozen=True)
class Outcome(Generic[S]):
    """What a decision amounts to: the new state, lines for the timeline, and who must be told."""

    state: S
    entries: tuple[Entry, ...] = ()
    notices: tuple[Notice, ...] = ()


def demand_text(text: str, what: str) -> str:
    """The text without blanks around it; refused when nothing is left or it is far too long."""
    stripped = text.strip()
    if not stripped:
        raise Rejected(f"{what} must not be empty")
    if len(stripped) > MAX_TEXT:
        raise Rejected(f"{what} is longer than {MAX_TEXT} characters; link to the rest", RejectionKind.TOO_LARGE)
    return stripped


def demand_person(by: Actor, to_do: str) -> None:
    """Refused of automation: a judgement needs somebody who answers for it."""
    if by.kind is not ActorKind.PERSON:
        raise Rejected(f"only a person may {to_do}", RejectionKind.FORBIDDEN)


def demand_known(name: str, by: Actor, people: Collection[str]) -> str:
    """The name of somebody who can be told things.

    The list of people is as old as the incident. Whoever speaks is known, because the API let them in; so somebody who
    joined since can take a thing on, though nobody else can hand it to them.
    """
    wanted = demand_text(name, "the owner")
    joined_since = by.kind is ActorKind.PERSON and wanted == by.name != ADMINISTRATOR
    if people and wanted not in people and not joined_since:
        raise Rejected(f"{wanted!r} is not known here; there are {', '.join(sorted(people))}")
    return wanted


def demand_later(due_at: datetime, current: datetime | None, now: datetime, hours: WorkingHours) -> datetime:
    """A new deadline; refused without a time zone, when it is not later than the old one, or already past."""
    if due_at.tzinfo is None:
        raise Rejected("the new due date needs a time zone; write for example 2026-12-01T12:00:00Z")
    if current is not None and due_at <= current:
        raise Rejected(f"the new due date must be later than the present one, {written(current, hours)}")
    if due_at <= now:
        raise Rejected(f"the new due date must be in the future; it is {written(now, hours)}")
    return due_at


def listeners(owner: str | None, manager: str | None, reason: LadderReason) -> tuple[str, ...]:
    """Who hears of a step: the owner, and the manager when it is escalated or there is no owner."""
    wanted = [owner or manager]
    if reason is LadderReason.ESCALATED:
        wanted.append(manager)
    return tuple(dict.fromkeys(name for name in wanted if name))


def words_of(step: LadderStep, thing: str, due_at: datetime, hours: WorkingHours) -> str:
    """The sentence about a step: `the review is due at 2026-11-25 10:00 CET, in 2d`."""
    when = written(due_at, hours)
    # Counted from the planned time, because the engine is some milliseconds late.
    match step.reason:
        case LadderReason.UPCOMING:
            return f"{thing} is due at {when}, in {format_duration(due_at - step.at)}"
        case LadderReason.DUE:
            return f"{thing} is due now ({when})"
        case LadderReason.OVERDUE | LadderReason.ESCALATED:
            return f"{thing} was due at {when} and is overdue by {format_duration(step.at - due_at)}"


def reminder_entry(step: LadderStep, people: tuple[str, ...], words: str, now: datetime, by: Actor) -> Entry:
    """The line about a step that was taken; written before the message is delivered."""
    said = f"Reminder to {' and '.join(people)}: {words}" if people else f"Nobody to remind: {words}"
    details = {"reason": step.reason.value, "people": list(people), "planned_at": step.at.isoformat()}
    return Entry(at=now, kind=EntryKind.REMINDER, actor=by, summary=said, details=details)


def receipt_entry(
    message: Message, receipt: MessageReceipt | None, error: str, at: datetime, by: Actor
) -> Entry | None:
    """The line about what became of a message; None when it was simply delivered, as the line about it has it."""
    to = " and ".join(message.people)
    what = message.template.value.replace("_", " ")
    if receipt is None:
        said = f"The {what} for {to} could not be sent: {error}"
        return Entry(at=at, kind=EntryKind.TROUBLE, actor=by, summary=said)
    troubled = [each for each in receipt.deliveries if each.status is not DeliveryStatus.DELIVERED]
    if receipt.deliveries and not troubled:
        return None
    outcome = ", ".join(f"{d.channel} to {d.to} {d.status.value.replace('_', ' ')}" for d in troubled)
    said = f"The {what} for {to}: {outcome or 'there is no channel to send it over'}"
    details = {"deliveries": [each.model_dump(mode="json") for each in receipt.deliveries]}
    return Entry(at=at, kind=EntryKind.TROUBLE, actor=by, summary=said, details=details)
