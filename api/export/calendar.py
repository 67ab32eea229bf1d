"""The calendar of game days as iCalendar (RFC 5545), for the calendars in which people plan their days.

Called by `api/routes/game_days.py`. The one thing to know: calendars find an entry by its UID, and that is the id of
the game day at that time; so what was due becomes what was held, in its place, and what is skipped is called off.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import STATUS, Calendar, Event

from domain.drill_targets import DrillWindow
from domain.game_day_calendar import CalendarEntry, CalendarFreeze, CalendarKind, GameDayCalendar
from domain.ids import game_day_workflow_id

# How often clients may look again; Google takes its own time whatever one says, Apple and Thunderbird listen.
_LOOK_AGAIN = "PT1H"
# A window goes on for ever; the rules of its zone beyond a feed that is read anew every hour are nobody's business.
_RULES_KNOWN_FOR = timedelta(days=731)
# What is due is an appointment; what is in doubt is a tentative one, and what was called off is shown as such.
_STATUS = {
    CalendarKind.DUE: STATUS.CONFIRMED,
    CalendarKind.HELD: STATUS.CONFIRMED,
    CalendarKind.PAUSED: STATUS.TENTATIVE,
    CalendarKind.REFUSED: STATUS.TENTATIVE,
    CalendarKind.SKIPPED: STATUS.CANCELLED,
}
_WORDS = {CalendarKind.PAUSED: "paused", CalendarKind.REFUSED: "would be refused", CalendarKind.SKIPPED: "skipped"}
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def as_icalendar(
    found: GameDayCalendar, windows: Iterable[DrillWindow], *, organization: str, base_url: str, now: datetime
) -> bytes:
    """The feed: game days, freezes, and the windows in which faults may be made. Hostile texts stay texts."""
    name = _one_line(f"Game days, {organization}")
    calendar = Calendar.new(prodid="-//Hotwash//Game days//EN", name=name, uid="game-days@hotwash")
    calendar.add("X-WR-TIMEZONE", found.time_zone)
    calendar.add("REFRESH-INTERVAL", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", _LOOK_AGAIN)
    for entry in found.entries:
        calendar.add_component(_game_day(entry, base_url, now))
    for freeze in found.freezes:
        calendar.add_component(_freeze(freeze, now))
    for number, window in enumerate(windows):
        calendar.add_component(_window(window, number, found, now))
    # Only the windows come again and again, so only they have a time of day in a zone; the rest is in UTC.
    calendar.add_missing_timezones(found.since.date(), found.until.date() + _RULES_KNOWN_FOR)
    return bytes(calendar.to_ical())


def uid_of(entry: CalendarEntry) -> str:
    """The same for a time that is due, skipped, paused and held: what the schedule calls the game day then."""
    id_ = entry.id or f"{entry.name}-{(entry.planned_at or entry.at).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return f"{game_day_workflow_id(id_)}@hotwash"


def _game_day(entry: CalendarEntry, base_url: str, now: datetime) -> Event:
    word = entry.verdict or _WORDS.get(entry.kind, "")
    place = f"/game-days/{entry.id}" if entry.id else f"/game-days/calendar?month={entry.at:%Y-%m}"
    return _event(
        uid_of(entry),
        f"Game day: {entry.title}" + (f" ({word})" if word else ""),
        entry.at,
        max(entry.until or entry.at, entry.at + timedelta(minutes=1)),
        now,
        status=_STATUS[entry.kind],
        # A client that has it as due takes it back only for a higher number.
        sequence=1 if entry.kind is CalendarKind.SKIPPED else 0,
        description="\n".join(filter(None, (entry.note, base_url + place if base_url else ""))),
        url=base_url + place if base_url else None,
        categories=["game day"],
    )


def _freeze(freeze: CalendarFreeze, now: datetime) -> Event:
    what = ", ".join(freeze.services) or "everything"
    event = _event(
        f"freeze/{freeze.name}/{freeze.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}@hotwash",
        f"Freeze: {freeze.name}",
        freeze.since,
        freeze.until,
        now,
        status=STATUS.CONFIRMED,
        description=f"No game day of {what} begins.",
        categories=["freeze"],
    )
    # Nobody is busy because of it.
    event.add("TRANSP", "TRANSPARENT")
    return event


def _window(window: DrillWindow, number: int, found: GameDayCalendar, now: datetime) -> Event:
    zone = ZoneInfo(found.time_zone)
    first = found.since.astimezone(zone).date()
    while first.weekday() not in window.weekdays:
        first += timedelta(days=1)
    begins = datetime.combine(first, window.opens, zone)
    last = first if window.closes > window.opens else first + timedelta(days=1)
    event = Event.new(
        uid=f"game-day-window/{number}@hotwash",
        stamp=now.astimezone(UTC),
        start=begins,
        end=datetime.combine(last, window.closes, zone),
        summary="Faults may be made",
        categories=["game day window"],
    )
    event.add("RRULE", {"FREQ": "WEEKLY", "BYDAY": [_DAYS[each] for each in sorted(set(window.weekdays))]})
    event.add("TRANSP", "TRANSPARENT")
    return event


def _event(uid: str, summary: str, at: datetime, until: datetime, now: datetime, **more: Any) -> Event:
    return Event.new(
        uid=uid,
        summary=_one_line(summary),
        start=at.astimezone(UTC),
        end=until.astimezone(UTC),
        stamp=now.astimezone(UTC),
        **more,
    )


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
