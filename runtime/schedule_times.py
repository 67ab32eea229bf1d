"""Times of the engine's Schedules: which one is next without its jitter, and which ones are left out.

Used by `workers/schedules.py`, which keeps what people left out, by `api/game_day_schedules.py`, and to tell what began
by itself (`activities/clients/drill_surroundings.py`). The one thing to
know: a time is left out in the Schedule's own specification, so it is left out whatever is restarted meanwhile.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from temporalio.client import Schedule, ScheduleCalendarSpec, ScheduleRange, ScheduleSpec

_MINUTE = timedelta(minutes=1)
# An engine that is busy starts what is due some seconds late.
_STARTS_WITHIN = timedelta(seconds=10)


class LeftOut(NamedTuple):
    """A time at which nothing starts, though its turn it is."""

    at: datetime
    # Who wants it so, and why.
    note: str


def without(spec: ScheduleSpec, at: datetime, note: str, now: datetime) -> None:
    """Leave one time out; those that have passed are forgotten on the way."""
    ahead = [each for each in spec.skip if _moment(each, spec.time_zone_name) >= now]
    spec.skip = [*ahead, _exactly(at, spec.time_zone_name, note)]


def left_out(spec: ScheduleSpec, now: datetime) -> list[LeftOut]:
    """What is left out from now on, soonest first."""
    found = [LeftOut(_moment(each, spec.time_zone_name), each.comment or "") for each in spec.skip]
    return sorted(each for each in found if each.at >= now)


def is_due(schedule: Schedule, at: datetime, begun_at: datetime) -> bool:
    """Whether what began then for the time `at` (without jitter, in whole seconds) began by itself.

    The engine gives a time to whatever a schedule starts. For what somebody triggers it is that very second, which is
    a time of the schedule's only by chance; for what somebody makes up for afterwards it has long passed. `schedule` as
    the engine describes it.
    """
    spec = schedule.spec
    latest = at + (spec.jitter or timedelta()) + (schedule.policy.catchup_window or timedelta()) + _STARTS_WITHIN
    return at <= begun_at <= latest and _is_time_of(spec, at)


def _is_time_of(spec: ScheduleSpec, at: datetime) -> bool:
    local = at.astimezone(_zone(spec.time_zone_name))

    def is_in(calendars: Sequence[ScheduleCalendarSpec]) -> bool:
        return any(_matches(each, local) and _is_in(each.second, local.second) for each in calendars)

    is_turn = any(
        (at.timestamp() - (each.offset or timedelta()).total_seconds()) % each.every.total_seconds() == 0
        for each in spec.intervals
    )
    return (is_turn or is_in(spec.calendars)) and not is_in(spec.skip)


def nominal(spec: ScheduleSpec, at: datetime) -> datetime:
    """When something that starts at `at` would start without its jitter; `spec` as the engine describes it."""
    if not spec.jitter:
        return at
    seconds = at.timestamp()
    candidates = [
        datetime.fromtimestamp((seconds - offset) // every * every + offset, UTC)
        for every, offset in (
            (each.every.total_seconds(), (each.offset or timedelta()).total_seconds()) for each in spec.intervals
        )
    ]
    calendar = _last_of(spec.calendars, spec.time_zone_name, at, spec.jitter)
    if calendar is not None:
        candidates.append(calendar)
    return max(candidates, default=at)


def _last_of(
    calendars: Sequence[ScheduleCalendarSpec], zone: str | None, at: datetime, jitter: timedelta
) -> datetime | None:
    """The last time of a calendar that is not after `at`, nor longer ago than its jitter; crons have whole minutes."""
    tried = at.astimezone(UTC).replace(second=0, microsecond=0)
    while tried >= at - jitter - _MINUTE:
        local = tried.astimezone(_zone(zone))
        if any(_matches(each, local) for each in calendars):
            return tried
        tried -= _MINUTE
    return None


def _matches(calendar: ScheduleCalendarSpec, local: datetime) -> bool:
    # The engine counts the days of a week from Sunday.
    wanted = (
        (calendar.minute, local.minute), (calendar.hour, local.hour), (calendar.day_of_month, local.day),
        (calendar.month, local.month), (calendar.day_of_week, local.isoweekday() % 7),
    )  # fmt: skip
    is_year = not calendar.year or _is_in(calendar.year, local.year)
    return is_year and all(_is_in(ranges, value) for ranges, value in wanted)


def _is_in(ranges: Sequence[ScheduleRange], value: int) -> bool:
    return any(
        each.start <= value <= max(each.end, each.start) and (value - each.start) % max(each.step, 1) == 0
        for each in ranges
    )


def _exactly(at: datetime, zone: str | None, note: str) -> ScheduleCalendarSpec:
    local = at.astimezone(_zone(zone))
    return ScheduleCalendarSpec(
        second=[ScheduleRange(local.second)], minute=[ScheduleRange(local.minute)], hour=[ScheduleRange(local.hour)],
        day_of_month=[ScheduleRange(local.day)], month=[ScheduleRange(local.month)], year=[ScheduleRange(local.year)],
        comment=note,
    )  # fmt: skip


def _moment(one: ScheduleCalendarSpec, zone: str | None) -> datetime:
    parts = (one.year, one.month, one.day_of_month, one.hour, one.minute, one.second)
    if not all(parts):
        # Not one of ours: it names no single moment, so it never counts as passed.
        return datetime.max.replace(tzinfo=UTC)
    year, month, day, hour, minute, second = (each[0].start for each in parts)
    return datetime(year, month, day, hour, minute, second, tzinfo=_zone(zone)).astimezone(UTC)


def _zone(name: str | None) -> ZoneInfo:
    return ZoneInfo(name or "UTC")
