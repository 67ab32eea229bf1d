"""The clocks of an action item, and what happens when one of them rings.

Soak (is it decided?), start (has somebody begun?), finish (the deadline's ladder), an offer's end, the next look of a
check, the end of the watch over a finished item. Called by `workflows/action_item.py`, which sleeps until the earliest.
Pure. The one thing to know: what was slept through is not made up for; only the newest step of each clock is taken.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from domain.action_item import ActionItemStart, ActionItemState, ActionItemStatus
from domain.action_item_outcomes import (
    DAILY_REMINDERS,
    ME,
    ItemOutcome,
    entry,
    ladder_listeners,
    notice,
    superiors,
)
from domain.calendar import add_business_days, written
from domain.deadlines import LadderReason, climb, next_step
from domain.follow_up import Notice, Outcome, reminder_entry, words_of
from domain.message import Template
from domain.model import Model
from domain.timeline import Entry, EntryKind

# A proposal that nobody decides is asked about once a week, with the weekly review.
ASK_AGAIN = timedelta(days=7)
# Somebody to whom an item was offered answers within three working days, or it stays where it is.
OFFER_DAYS = 3
# Two reminders to begin: at the time, and as long again after it, with the lead.
_START_REMINDERS = 2


class Clock(StrEnum):
    """Which clock rings."""

    DECIDE = "decide"
    START = "start"
    FINISH = "finish"
    OFFER = "offer"
    CHECK = "check"
    WATCH = "watch"


class Ring(Model):
    """A clock and the time at which it rings next; a time that is past means: at once."""

    clock: Clock
    at: datetime


def next_ring(state: ActionItemState, now: datetime, terms: ActionItemStart) -> Ring | None:
    """The earliest clock; None when none runs."""
    rings = [
        Ring(clock=clock, at=at)
        for clock, at in (
            (Clock.DECIDE, _decide_at(state, now)),
            (Clock.START, _start_at(state, terms)),
            (Clock.FINISH, _finish_at(state, now, terms)),
            (Clock.OFFER, state.offer.expires_at if state.offer else None),
            (Clock.CHECK, None if state.check_wanted else state.next_check_at),
            (Clock.WATCH, state.watched_until),
        )
        if at is not None
    ]
    return min(rings, key=lambda ring: ring.at, default=None)


def ring(state: ActionItemState, clock: Clock, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    """What a clock's ringing leads to."""
    match clock:
        case Clock.DECIDE:
            return _ask_to_decide(state, now, terms)
        case Clock.START:
            return _ask_to_start(state, now, terms)
        case Clock.FINISH:
            return _climb(state, now, terms)
        case Clock.OFFER:
            return _let_offer_lapse(state, now)
        case Clock.CHECK:
            return Outcome(state.model_copy(update={"check_wanted": True, "next_check_at": None}))
        case Clock.WATCH:
            return _end_watch(state, now)


def start_by(now: datetime, terms: ActionItemStart) -> datetime | None:
    """By when somebody has begun; None: the policy does not say."""
    days = terms.policy.action_item_start_days
    return add_business_days(now, days, terms.policy.calendar) if days else None


def _decide_at(state: ActionItemState, now: datetime) -> datetime | None:
    if state.soak is None or not state.is_undecided or state.state is ActionItemStatus.DROPPED:
        return None
    missed = (now - state.soak.until) // ASK_AGAIN
    return state.soak.until + ASK_AGAIN * max(state.soak.asked, missed)


def _ask_to_decide(state: ActionItemState, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    if state.soak is None:
        return Outcome(state)
    asked = max(state.soak.asked, (now - state.soak.until) // ASK_AGAIN) + 1
    after = state.model_copy(update={"soak": state.soak.model_copy(update={"asked": asked})})
    people = (state.owner, *(superiors(state, terms) if asked > 1 else ()))
    words = f"action item {state.id} ({state.title}) is only proposed; its soak time is over: accept it or drop it"
    return Outcome(after, (_reminder(now, "decide", people, words),), notice(state, people, "decide", words))


def _start_at(state: ActionItemState, terms: ActionItemStart) -> datetime | None:
    is_waiting = state.state is ActionItemStatus.OPEN and not state.is_undecided
    if state.start_by is None or not is_waiting or state.start_reminders >= _START_REMINDERS:
        return None
    return _start_reminder(state, state.start_reminders, terms)


def _start_reminder(state: ActionItemState, number: int, terms: ActionItemStart) -> datetime:
    since = state.start_by or state.created_at
    return since if number == 0 else add_business_days(
        since, terms.policy.action_item_start_days * number, terms.policy.calendar
    )  # fmt: skip


def _ask_to_start(state: ActionItemState, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    taken = 1 + sum(now >= _start_reminder(state, number, terms) for number in range(1, _START_REMINDERS))
    after = state.model_copy(update={"start_reminders": taken, "reminders_sent": state.reminders_sent + 1})
    people = (state.owner, *(superiors(state, terms)[:1] if taken >= _START_REMINDERS else ()))
    when = written(state.start_by or now, terms.policy.calendar)
    words = f"action item {state.id} ({state.title}) should have been begun by {when}; say that you have, or offer it"
    return Outcome(after, (_reminder(now, "start", people, words),), notice(state, people, "start", words))


def _finish_at(state: ActionItemState, now: datetime, terms: ActionItemStart) -> datetime | None:
    step = next_step(state.ladder, now, terms.policy)
    return step.at if step else None


def _climb(state: ActionItemState, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    """A step of the deadline's ladder: the owner, then the lead too, then the manager too, then the weekly list."""
    step = next_step(state.ladder, now, terms.policy)
    if state.ladder is None or state.due_at is None or step is None:
        return Outcome(state)
    people = ladder_listeners(state, terms, step.times_overdue)
    words = words_of(step, f"action item {state.id} ({state.title})", state.due_at, terms.policy.calendar)
    is_listed = step.times_overdue > DAILY_REMINDERS
    if is_listed:
        words += " and stands on the list of the weekly operations review"
    is_escalated = step.reason is LadderReason.ESCALATED and len(people) > 1
    after = state.model_copy(
        update={
            "ladder": climb(state.ladder, step),
            "is_overdue": now >= state.due_at,
            "reminders_sent": state.reminders_sent + 1,
            "escalations_sent": state.escalations_sent + is_escalated,
            "on_weekly_list": state.on_weekly_list or is_listed,
        }
    )
    template = Template.ACTION_ITEM_OVERDUE if step.is_after_deadline else Template.ACTION_ITEM_REMINDER
    line = reminder_entry(step, people, words, now, ME)
    return Outcome(after, (line,), (Notice(template, people, step.reason.value, words),))


def _let_offer_lapse(state: ActionItemState, now: datetime) -> ItemOutcome:
    offer = state.offer
    if offer is None:
        return Outcome(state)
    after = state.model_copy(update={"offer": None})
    words = f"{offer.to} has not answered; action item {state.id} ({state.title}) stays with {state.owner}"
    return Outcome(after, (entry(now, ME, words, state),), notice(state, (state.owner, offer.to), "not_taken", words))


def _end_watch(state: ActionItemState, now: datetime) -> ItemOutcome:
    after = state.model_copy(update={"watched_until": None, "next_check_at": None, "check_wanted": False})
    said = f"Action item {state.id} is not watched any longer: it has stayed done"
    return Outcome(after, (entry(now, ME, said, state),))


def _reminder(now: datetime, reason: str, people: tuple[str, ...], words: str) -> Entry:
    named = tuple(dict.fromkeys(people))
    details = {"reason": reason, "people": list(named), "planned_at": now.isoformat()}
    said = f"Reminder to {' and '.join(named)}: {words}"
    return Entry(at=now, kind=EntryKind.REMINDER, actor=ME, summary=said, details=details)
