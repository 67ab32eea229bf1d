"""The calendar of game days: what is due, what was held, and what would keep one from beginning. Pure.

Used by `api/game_day_schedules.py`. The one thing to know: the calendar only tells what the game day will ask again
when its time has come; a freeze that is written tomorrow counts all the same.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from domain.drill_targets import DrillWindow, open_window
from domain.freeze import active_freeze
from domain.model import Model
from domain.policy import Freeze


class CalendarKind(StrEnum):
    """What a line of the calendar is."""

    DUE = "due"
    SKIPPED = "skipped"
    PAUSED = "paused"
    # It will be refused when its time comes, as things stand.
    REFUSED = "refused"
    HELD = "held"


class CalendarEntry(Model):
    """One game day at one time."""

    at: datetime
    # Without its jitter: what the schedule calls it then (`<name>-<planned_at>` becomes its id). None: of no schedule.
    planned_at: datetime | None = None
    # When it ends, or has ended; of one that is due, at the latest.
    until: datetime | None = None
    kind: CalendarKind
    name: str
    title: str
    # Why it is skipped, paused or would be refused; the reason of the verdict.
    note: str = ""
    # Of one that was held.
    id: str | None = None
    verdict: str | None = None


class CalendarFreeze(Model):
    """A freeze that touches the calendar."""

    name: str
    since: datetime
    until: datetime
    services: tuple[str, ...] = ()


class GameDayCalendar(Model):
    """Everything of one span of time, soonest first."""

    since: datetime
    until: datetime
    time_zone: str
    entries: tuple[CalendarEntry, ...] = ()
    freezes: tuple[CalendarFreeze, ...] = ()
    # In words; empty: whenever no freeze is on.
    windows: tuple[str, ...] = ()
    # What could not be told, and why.
    problems: tuple[str, ...] = ()
    # The engine or the record did not answer: what is missing here may be there all the same.
    is_partial: bool = False
    # The engine tells the next ten times of each schedule; later ones are not known for these names.
    told_until: dict[str, datetime] = Field(default_factory=dict)


def in_the_way_at(
    at: datetime, freezes: Iterable[Freeze], services: Collection[str], windows: tuple[DrillWindow, ...], zone: str
) -> str:
    """Why no game day of these services would begin then; empty when one would."""
    freeze = active_freeze(freezes, services, at)
    if freeze is not None:
        return f"the freeze {freeze.name!r} is on"
    if not open_window(windows, zone, at):
        return f"outside the windows of game_day_policy ({zone})"
    return ""


def freezes_between(freezes: Iterable[Freeze], since: datetime, until: datetime) -> tuple[CalendarFreeze, ...]:
    """The freezes that touch a span, the first one first."""
    found = [
        CalendarFreeze(name=each.name, since=each.from_, until=each.until, services=each.applies_to)
        for each in freezes
        if each.from_ < until and each.until > since
    ]
    return tuple(sorted(found, key=lambda each: each.since))


def window_words(window: DrillWindow) -> str:
    """`Mon, Tue 09:00 to 17:00`."""
    days = ", ".join(_DAYS[each] for each in sorted(set(window.weekdays)))
    return f"{days} {window.opens:%H:%M} to {window.closes:%H:%M}"


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
