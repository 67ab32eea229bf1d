"""The business calendar: when an office is open, and when something falls due. Called by every room with deadlines.

The one thing to know is the rule of `due_after`. A policy says `24h`, `72h`, `7d`, `30d`, and once read all of them are
plain durations; so the rule looks at the length alone:

* a whole number of days, four or more, counts **business days** and lands inside working hours (`7d`, `15d`, `60d`);
* everything else runs **on the clock**, to the second, day and night (`24h`, `72h`, and `20s` in a demo).

The border is four days because the longest deadline that the practice guides give in hours is 72 h. Results are in UTC.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.policy import WorkingHours

# The shortest duration that counts business days; see above.
BUSINESS_DAYS_FROM = timedelta(days=4)
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
# Two weeks of hours: the longest holidays that close an office.
_HOURS_LOOKED_AT = 14 * 24


def is_open(moment: datetime, hours: WorkingHours) -> bool:
    """Whether this is a working moment: from the opening on, up to but not at the closing."""
    working = _working_time(_local(moment, hours).date(), hours)
    return working is not None and working[0] <= moment < working[1]


def next_opening(moment: datetime, hours: WorkingHours) -> datetime:
    """The moment itself when the office is open, else the next time it opens."""
    day = _local(moment, hours).date()
    while True:
        working = _working_time(day, hours)
        if working is not None and moment < working[1]:
            return max(moment.astimezone(UTC), working[0])
        day += _DAY


def add_business_days(moment: datetime, days: int, hours: WorkingHours) -> datetime:
    """The same local time, `days` business days after the one on which (or after which) the moment falls."""
    opening = _local(next_opening(moment, hours), hours)
    day, left = opening.date(), days
    while left > 0:
        day += _DAY
        left -= _working_time(day, hours) is not None
    # Where the clocks are put forward over this very time, it does not exist on that day: the next opening is meant.
    return next_opening(_in_utc(day, opening.time(), hours), hours)


def due_after(moment: datetime, duration: timedelta, hours: WorkingHours) -> datetime:
    """When something is due that is given this much time: whole days from four on are business days, else the clock."""
    if duration >= BUSINESS_DAYS_FROM and duration % _DAY == timedelta(0):
        return add_business_days(moment, duration // _DAY, hours)
    return moment.astimezone(UTC) + duration


def next_slot(moment: datetime, takes: timedelta, hours: WorkingHours) -> datetime:
    """The first full hour from a moment on at which something of this length fits into one working day.

    Where nothing of that length fits into any day, the next opening.
    """
    opening = next_opening(moment, hours)
    slot = _full_hour(opening, hours)
    for _ in range(_HOURS_LOOKED_AT):
        if _fits(slot, takes, hours):
            return slot
        slot = _full_hour(next_opening(slot + _HOUR, hours), hours)
    return opening


def last_slot(before: datetime, after: datetime, takes: timedelta, hours: WorkingHours) -> datetime | None:
    """The last full hour in (after, before] at which something of this length fits into one working day, if any."""
    slot = _full_hour(before, hours)
    for _ in range(_HOURS_LOOKED_AT):
        if slot <= after:
            break
        if slot <= before and _fits(slot, takes, hours):
            return slot
        slot -= _HOUR
    return None


def written(moment: datetime, hours: WorkingHours, *, with_seconds: bool = False) -> str:
    """A time as people of this calendar read it: `2026-11-25 10:00 CET`; a timeline needs its seconds."""
    return _local(moment, hours).strftime("%Y-%m-%d %H:%M:%S %Z" if with_seconds else "%Y-%m-%d %H:%M %Z")


def _working_time(day: date, hours: WorkingHours) -> tuple[datetime, datetime] | None:
    """From when until when the office is open on a local day; None when it is not."""
    if day.weekday() not in hours.weekdays or day in hours.holidays:
        return None
    # Midnight as the closing time is the end of the day, so that `00:00` to `00:00` is around the clock.
    closing_day = day + _DAY if hours.closes == time(0) else day
    opens, closes = _in_utc(day, hours.opens, hours), _in_utc(closing_day, hours.closes, hours)
    # Working hours that lie inside the hour which the clocks skip leave nothing of that day.
    return (opens, closes) if opens < closes else None


def _fits(slot: datetime, takes: timedelta, hours: WorkingHours) -> bool:
    working = _working_time(_local(slot, hours).date(), hours)
    return working is not None and working[0] <= slot and slot + takes <= working[1]


def _full_hour(moment: datetime, hours: WorkingHours) -> datetime:
    """The next full hour on the wall clock of the office; the moment itself when it is one."""
    local = _local(moment, hours)
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return moment.astimezone(UTC) + (_HOUR - past if past else timedelta(0))


def _local(moment: datetime, hours: WorkingHours) -> datetime:
    return moment.astimezone(ZoneInfo(hours.time_zone))


def _in_utc(day: date, at: time, hours: WorkingHours) -> datetime:
    # Arithmetic on aware datetimes of one zone ignores its changes of offset; in UTC it is right.
    return datetime.combine(day, at, ZoneInfo(hours.time_zone)).astimezone(UTC)
