"""The ladder of a deadline: reminders before it, at it and after it, and the manager from the second time on.

Shared by reviews and action items. Pure: `next_step` says what is to be done next, why and when; the workflow sleeps
until then and calls `climb`. The one thing to know: a step that was slept through (no worker was up for days) is not
made up for. Only the newest one is taken, so that nobody wakes to a pile of old reminders.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime

from domain.model import Model
from domain.policy import Policy
from domain.timeline import Actor

# From daily to weekly.
_RARELY = 7


class LadderReason(StrEnum):
    """Why somebody is told about a deadline."""

    # It comes near.
    UPCOMING = "upcoming"
    # It is now.
    DUE = "due"
    # It was missed, and the owner hears again.
    OVERDUE = "overdue"
    # It was missed long enough for the manager to hear as well.
    ESCALATED = "escalated"


class Ladder(Model):
    """How far up the ladder of one deadline somebody has come. An extension begins a new one."""

    due_at: AwareDatetime
    # The planned time of the last step taken; before the first, the time when the deadline was set. Steps that would
    # have been earlier do not fit: a deadline in 24 h has no reminder two days before.
    climbed_to: AwareDatetime
    # After this many overdue reminders the next ones come seven times as rarely (daily, then weekly); None: never.
    frequent: int | None = None


class ExtensionWish(Model):
    """Somebody asks for more time; another person has not said yes yet."""

    by: Actor
    at: datetime
    reason: str
    until: datetime


class LadderStep(Model):
    """The next thing that happens because of a deadline."""

    reason: LadderReason
    at: AwareDatetime
    # How often the deadline has been missed by then: 0 until it is, 1 a day after, 2 two days after ...
    times_overdue: int = 0

    @property
    def is_after_deadline(self) -> bool:
        """Whether the deadline has been missed."""
        return self.times_overdue > 0


def begin(due_at: datetime | None, now: datetime, frequent: int | None = None) -> Ladder | None:
    """A ladder for a deadline that is set now; None when nothing is due."""
    return Ladder(due_at=due_at, climbed_to=now, frequent=frequent) if due_at else None


def climb(ladder: Ladder, step: LadderStep) -> Ladder:
    """The ladder after a step was taken."""
    return ladder.model_copy(update={"climbed_to": step.at})


def next_step(ladder: Ladder | None, now: datetime, policy: Policy) -> LadderStep | None:
    """What comes next and when; a time that is not after `now` means: at once. None when nothing will ever come."""
    if ladder is None:
        return None
    missed = _newest_missed(ladder, now, policy)
    if missed is not None:
        return missed
    walked = _times_overdue(ladder, ladder.climbed_to, policy)
    return next((step for step in _steps_from(ladder, walked, policy) if step.at > ladder.climbed_to), None)


def _newest_missed(ladder: Ladder, now: datetime, policy: Policy) -> LadderStep | None:
    newest = None
    for step in _steps_from(ladder, _times_overdue(ladder, now, policy), policy):
        if step.at > now:
            break
        newest = step
    return newest if newest is not None and newest.at > ladder.climbed_to else None


def _times_overdue(ladder: Ladder, moment: datetime, policy: Policy) -> int:
    # Counting instead of walking: a worker may have been away, and an item overdue, for any number of days.
    every, frequent = policy.overdue_reminder_every, ladder.frequent
    if every <= timedelta(0):
        return 0
    times = max((moment - ladder.due_at) // every, 0)
    if frequent is not None and times > frequent:
        times = frequent + (times - frequent) // _RARELY
    return times


def _overdue_by(ladder: Ladder, times: int, every: timedelta) -> timedelta:
    """How long after the deadline this overdue time is."""
    if ladder.frequent is None or times <= ladder.frequent:
        return every * times
    return every * (ladder.frequent + _RARELY * (times - ladder.frequent))


def _steps_from(ladder: Ladder, times_overdue: int, policy: Policy) -> Iterator[LadderStep]:
    """Every step in order, from a number of overdue times on; 0 begins with the reminders before the deadline."""
    due_at, every = ladder.due_at, policy.overdue_reminder_every
    if times_overdue == 0:
        for before in sorted(set(policy.deadline_reminders_before), reverse=True):
            # One that is set to nothing falls on the deadline itself, which has a step of its own.
            if before > timedelta(0):
                yield LadderStep(reason=LadderReason.UPCOMING, at=due_at - before)
        yield LadderStep(reason=LadderReason.DUE, at=due_at)
        times_overdue = 1
    # A policy that sets the repetition to nothing wants none.
    while every > timedelta(0):
        reason = LadderReason.OVERDUE if times_overdue == 1 else LadderReason.ESCALATED
        yield LadderStep(
            reason=reason, at=due_at + _overdue_by(ladder, times_overdue, every), times_overdue=times_overdue
        )
        times_overdue += 1
