"""Times of the engine's Schedules: one is left out exactly, and jitter hides no time from whoever leaves it out."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)

from runtime.schedule_times import is_due, left_out, nominal, without

TUESDAY_TEN = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
TUESDAYS = ScheduleCalendarSpec(
    minute=[ScheduleRange(0)], hour=[ScheduleRange(10)], day_of_week=[ScheduleRange(2)]
)  # fmt: skip


@pytest.mark.parametrize("late", [0, 1, 59, 600, 1799])
def test_a_time_is_known_without_its_jitter(late: int) -> None:
    """Of a calendar and of an interval, to the second."""
    jitter = timedelta(minutes=30)
    at = TUESDAY_TEN + timedelta(seconds=late)
    assert nominal(ScheduleSpec(calendars=[TUESDAYS], jitter=jitter), at) == TUESDAY_TEN
    assert nominal(ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1))], jitter=jitter), at) == (
        TUESDAY_TEN
    )


def test_a_step_of_a_calendar_and_its_time_zone_count() -> None:
    """Every twenty minutes in Kolkata, which is half an hour off the full one."""
    twenty = ScheduleCalendarSpec(minute=[ScheduleRange(0, 59, 20)], hour=[ScheduleRange(15)])
    spec = ScheduleSpec(calendars=[twenty], time_zone_name="Asia/Kolkata", jitter=timedelta(minutes=5))
    assert nominal(spec, TUESDAY_TEN.replace(minute=12)) == TUESDAY_TEN.replace(minute=10)


def test_without_jitter_a_time_is_what_it_is() -> None:
    """Also where nothing matches it."""
    assert nominal(ScheduleSpec(calendars=[TUESDAYS]), TUESDAY_TEN + timedelta(hours=1)).hour == 11


def test_what_is_left_out_is_remembered_until_it_has_passed() -> None:
    """With who wants it so; what has passed is forgotten when the next one is left out."""
    spec = ScheduleSpec(calendars=[TUESDAYS], time_zone_name="Europe/Berlin")
    now, second = TUESDAY_TEN - timedelta(days=1), TUESDAY_TEN + timedelta(days=7)
    without(spec, TUESDAY_TEN, "dana: holidays", now)
    assert left_out(spec, now) == [(TUESDAY_TEN, "dana: holidays")]
    assert left_out(spec, second) == []
    without(spec, second, "bob: a sale", TUESDAY_TEN + timedelta(days=1))
    assert [each.at for each in left_out(spec, now)] == [second]


HALF_AN_HOUR = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("spec", "at", "late", "expected"),
    [
        (ScheduleSpec(calendars=[TUESDAYS]), TUESDAY_TEN, 1, True),
        # A busy engine, and the window in which it makes up for what it missed.
        (ScheduleSpec(calendars=[TUESDAYS]), TUESDAY_TEN, 65, True),
        (ScheduleSpec(calendars=[TUESDAYS]), TUESDAY_TEN, 75, False),
        (ScheduleSpec(calendars=[TUESDAYS]), TUESDAY_TEN, -1, False),
        (ScheduleSpec(calendars=[TUESDAYS], jitter=HALF_AN_HOUR), TUESDAY_TEN, 1799, True),
        # Triggered: the engine names the very second.
        (ScheduleSpec(calendars=[TUESDAYS]), TUESDAY_TEN + timedelta(seconds=7), 0, False),
        (ScheduleSpec(calendars=[TUESDAYS], jitter=HALF_AN_HOUR), TUESDAY_TEN + timedelta(minutes=5), 0, False),
        (ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1))]), TUESDAY_TEN, 1, True),
        (ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=7))]), TUESDAY_TEN, 1, False),
        (
            ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1), offset=timedelta(minutes=1))]),
            TUESDAY_TEN + timedelta(minutes=1), 1, True,
        ),
        # Ten in Berlin is nine here.
        (ScheduleSpec(calendars=[TUESDAYS], time_zone_name="Europe/Berlin"), TUESDAY_TEN, 1, False),
        (ScheduleSpec(calendars=[TUESDAYS], time_zone_name="Europe/Berlin"), TUESDAY_TEN.replace(hour=9), 1, True),
    ],
)  # fmt: skip
def test_what_began_by_itself_is_told_from_what_somebody_began(
    spec: ScheduleSpec, at: datetime, late: int, expected: bool
) -> None:
    """By the time for which the engine says that it started it, and when it really began."""
    assert is_due(_kept(spec), at, at + timedelta(seconds=late)) is expected


def test_what_was_left_out_and_begins_all_the_same_did_not_begin_by_itself() -> None:
    """Somebody triggered it, in the very second."""
    spec = ScheduleSpec(calendars=[TUESDAYS])
    without(spec, TUESDAY_TEN, "dana: holidays", TUESDAY_TEN - timedelta(days=1))
    assert not is_due(_kept(spec), TUESDAY_TEN, TUESDAY_TEN)


def _kept(spec: ScheduleSpec) -> Schedule:
    action = ScheduleActionStartWorkflow("GameDay", id="game-day/x", task_queue="control")
    return Schedule(action=action, spec=spec, policy=SchedulePolicy(catchup_window=timedelta(minutes=1)))
