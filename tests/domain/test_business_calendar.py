"""The business calendar: openings, business days, and which deadlines run on it."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import add_business_days, due_after, is_open, last_slot, next_opening, next_slot
from domain.policy import WorkingHours

OFFICE = WorkingHours(time_zone="Europe/Berlin", holidays=(date(2026, 12, 25),))
AROUND_THE_CLOCK = WorkingHours(weekdays=tuple(range(7)), opens=time(0), closes=time(0))

zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo"]
)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware


@st.composite
def calendars(draw: st.DrawFn) -> WorkingHours:
    """Any office: any weekdays, hours and holidays, in zones with odd changes of their clocks."""
    opens, closes = sorted(draw(st.lists(st.integers(0, 95), min_size=2, max_size=2, unique=True)))
    return WorkingHours(
        time_zone=draw(zones),
        weekdays=tuple(draw(st.sets(st.integers(0, 6), min_size=1))),
        opens=time(opens // 4, opens % 4 * 15),
        closes=time(closes // 4, closes % 4 * 15),
        holidays=tuple(draw(st.lists(st.dates(date(2020, 1, 1), date(2031, 1, 1)), max_size=5))),
    )


def berlin(*parts: int) -> datetime:
    """A time on the wall in Berlin."""
    return datetime(*parts, tzinfo=ZoneInfo("Europe/Berlin"))  # type: ignore[misc]


@given(moments, calendars())
def test_the_next_opening_is_open_and_never_earlier(moment: datetime, hours: WorkingHours):
    """Whatever the calendar, one lands in working hours, at once when they are now."""
    opening = next_opening(moment, hours)
    assert opening >= moment
    assert is_open(opening, hours)
    assert (opening == moment) == is_open(moment, hours)
    assert next_opening(opening, hours) == opening


@given(moments, calendars(), st.floats(0, 1, exclude_max=True))
def test_no_working_moment_is_passed_over(moment: datetime, hours: WorkingHours, part: float):
    """Between now and the next opening the office is closed all the time."""
    opening = next_opening(moment, hours)
    between = moment + (opening - moment) * part
    assert between >= opening or not is_open(between, hours)


@given(moments, calendars(), st.integers(0, 70))
def test_business_days_land_in_working_hours_and_rise(moment: datetime, hours: WorkingHours, days: int):
    """A deadline never falls outside working hours, and one more day is always later."""
    due = add_business_days(moment, days, hours)
    assert is_open(due, hours)
    assert due >= moment + timedelta(days=max(days - 1, 0))
    assert add_business_days(moment, days + 1, hours) > due


@given(moments, st.integers(4, 90))
def test_around_the_clock_every_day_is_a_business_day(moment: datetime, days: int):
    """Without nights, weekends and holidays the calendar is the clock."""
    assert due_after(moment, timedelta(days=days), AROUND_THE_CLOCK) == moment + timedelta(days=days)


@given(moments, calendars(), st.timedeltas(timedelta(0), timedelta(days=4) - timedelta(microseconds=1)))
def test_short_deadlines_run_on_the_clock(moment: datetime, hours: WorkingHours, duration: timedelta):
    """24 h and 72 h mean hours, day and night, and a demo's seconds are not put off to Monday."""
    assert due_after(moment, duration, hours) == moment + duration


@given(moments, calendars(), st.integers(4, 60))
def test_long_deadlines_count_business_days(moment: datetime, hours: WorkingHours, days: int):
    """Seven days are seven business days; four days and an hour are on the clock."""
    assert due_after(moment, timedelta(days=days), hours) == add_business_days(moment, days, hours)
    assert due_after(moment, timedelta(days=days, hours=1), hours) == moment + timedelta(days=days, hours=1)


@pytest.mark.parametrize(
    ("moment", "days", "due"),
    [
        # Over a weekend, at the same time of day.
        (berlin(2026, 11, 20, 15, 30), 1, berlin(2026, 11, 23, 15, 30)),
        # Saturday's work begins on Monday at nine.
        (berlin(2026, 11, 21, 3, 0), 7, berlin(2026, 12, 2, 9, 0)),
        # Over Christmas Day and a weekend.
        (berlin(2026, 12, 24, 10, 0), 1, berlin(2026, 12, 28, 10, 0)),
        # Over the end of summer time: the time on the wall stays, the time between is an hour longer.
        (berlin(2026, 10, 23, 9, 0), 1, berlin(2026, 10, 26, 9, 0)),
        # At closing time the day is over.
        (berlin(2026, 11, 24, 17, 0), 1, berlin(2026, 11, 26, 9, 0)),
    ],
)
def test_business_days_by_example(moment: datetime, days: int, due: datetime):
    """Weekends, holidays, nights and changes of the clocks, each once."""
    assert add_business_days(moment, days, OFFICE) == due


def test_an_hour_that_the_clocks_skip_is_no_working_hour():
    """An office that is open from two to three has no hours on the day on which that hour does not exist."""
    night = WorkingHours(time_zone="Europe/Berlin", weekdays=tuple(range(7)), opens=time(2), closes=time(3))
    assert next_opening(berlin(2026, 3, 28, 3, 0), night) == berlin(2026, 3, 30, 2, 0)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"time_zone": "Mars/Olympus"}, "not a time zone"),
        ({"weekdays": ()}, "weekdays"),
        ({"weekdays": (7,)}, "weekdays"),
        ({"opens": "17:00", "closes": "09:00"}, "closes must be later"),
    ],
)
def test_a_calendar_that_never_opens_is_refused_when_it_is_read(wrong: dict[str, object], words: str):
    """No workflow can be caught by a calendar without an opening: the configuration refuses it with a sentence."""
    with pytest.raises(ValueError, match=words):
        WorkingHours.model_validate(wrong)


@given(moments, calendars())
def test_a_slot_is_a_full_hour_of_one_working_day(moment: datetime, hours: WorkingHours):
    """The first of them is never earlier than asked for, and none lies between; without any, the next opening."""
    takes = timedelta(hours=1)
    slot = next_slot(moment, takes, hours)
    local = slot.astimezone(ZoneInfo(hours.time_zone))
    assert slot >= moment
    assert is_open(slot, hours)
    if (local.minute, local.second, local.microsecond) != (0, 0, 0):
        assert slot == next_opening(moment, hours)
        return
    last = last_slot(slot, moment - timedelta(microseconds=1), takes, hours)
    if is_open(slot + takes - timedelta(microseconds=1), hours):
        assert last is not None
        assert moment <= last <= slot
    assert last_slot(slot - timedelta(microseconds=1), moment - timedelta(microseconds=1), takes, hours) is None


def test_a_meeting_ends_before_the_office_closes():
    """Half past four is too late for an hour; the last one of Friday begins at four."""
    office = WorkingHours(time_zone="Europe/Berlin")
    takes = timedelta(hours=1)
    assert next_slot(berlin(2026, 11, 27, 15, 10), takes, office) == berlin(2026, 11, 27, 16)
    assert next_slot(berlin(2026, 11, 27, 16, 10), takes, office) == berlin(2026, 11, 30, 9)
    assert last_slot(berlin(2026, 11, 29, 12), berlin(2026, 11, 27, 12), takes, office) == berlin(2026, 11, 27, 16)
    assert last_slot(berlin(2026, 11, 29, 12), berlin(2026, 11, 27, 16), takes, office) is None
