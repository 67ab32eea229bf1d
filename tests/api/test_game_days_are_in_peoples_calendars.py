"""The calendar of game days as a feed: what calendar programs read, and who may."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from icalendar import Calendar, Component

from api.export.calendar import as_icalendar
from domain.drill_targets import DrillWindow
from domain.game_day_calendar import CalendarEntry, CalendarFreeze, CalendarKind, GameDayCalendar

NOW = datetime(2026, 10, 20, 9, 0, tzinfo=UTC)
TEN = datetime(2026, 10, 27, 10, 0, tzinfo=UTC)
# A November morning: the clocks of Berlin have gone back since October.
OFFICE = DrillWindow(weekdays=(0, 2), opens=time(9), closes=time(16))
NIGHT = DrillWindow(weekdays=(5,), opens=time(22), closes=time(0))


def entry(kind: CalendarKind, **changed: Any) -> CalendarEntry:
    """Of a weekly game day, at ten and up to seven minutes late."""
    fields: dict[str, Any] = {
        "at": TEN + timedelta(minutes=7), "planned_at": TEN, "until": TEN + timedelta(minutes=12), "kind": kind,
        "name": "weekly", "title": "The process dies",
    }  # fmt: skip
    return CalendarEntry.model_validate(fields | changed)


def read(*entries: CalendarEntry, **more: Any) -> Component:
    """As a calendar program reads it."""
    found = GameDayCalendar(
        since=NOW - timedelta(days=31),
        until=NOW + timedelta(days=61),
        time_zone="Europe/Berlin",
        entries=entries,
        **more,
    )
    text = as_icalendar(found, (OFFICE, NIGHT), organization="Shop", base_url="https://hotwash.example", now=NOW)
    return Calendar.from_ical(text)


def game_days(calendar: Component) -> list[Component]:
    """Its game days."""
    return [each for each in calendar.walk("VEVENT") if str(each["UID"]).startswith("game-day/")]


@pytest.mark.parametrize(
    ("kind", "status", "sequence", "summary"),
    [
        (CalendarKind.DUE, "CONFIRMED", 0, "Game day: The process dies"),
        (CalendarKind.PAUSED, "TENTATIVE", 0, "Game day: The process dies (paused)"),
        (CalendarKind.REFUSED, "TENTATIVE", 0, "Game day: The process dies (would be refused)"),
        (CalendarKind.SKIPPED, "CANCELLED", 1, "Game day: The process dies (skipped)"),
    ],
)
def test_one_time_is_one_entry_whatever_becomes_of_it(
    kind: CalendarKind, status: str, sequence: int, summary: str
) -> None:
    """Its UID is what the schedule calls it, without jitter; skipped it is called off by a higher number."""
    (found,) = game_days(read(entry(kind, note="the sale begins")))
    assert (str(found["UID"]), str(found["STATUS"])) == ("game-day/weekly-2026-10-27T10:00:00Z@hotwash", status)
    assert (found["SEQUENCE"], str(found["SUMMARY"])) == (sequence, summary)
    assert (found["DTSTART"].dt, found["DTEND"].dt) == (TEN + timedelta(minutes=7), TEN + timedelta(minutes=12))
    assert str(found["DESCRIPTION"]).startswith(
        "the sale begins\nhttps://hotwash.example/game-days/calendar?month=2026-10"
    )


def test_what_was_held_stands_where_it_was_due() -> None:
    """With its verdict and its page; one that ended at once still has a length that calendars can show."""
    held = entry(CalendarKind.HELD, id="weekly-2026-10-27T10:00:00Z", verdict="passed", planned_at=None, until=None)
    (found,) = game_days(read(held))
    assert str(found["UID"]) == "game-day/weekly-2026-10-27T10:00:00Z@hotwash"
    assert str(found["SUMMARY"]) == "Game day: The process dies (passed)"
    assert str(found["URL"]) == "https://hotwash.example/game-days/weekly-2026-10-27T10:00:00Z"
    assert found["DTEND"].dt - found["DTSTART"].dt == timedelta(minutes=1)


def test_freezes_and_windows_are_there_and_keep_nobody_busy() -> None:
    """Windows come again each week at the same hour of their zone, also after the clocks have gone back."""
    freeze = CalendarFreeze(name="sale", since=TEN, until=TEN + timedelta(days=3), services=("shop",))
    calendar = read(freezes=(freeze,))
    by_uid = {str(each["UID"]): each for each in calendar.walk("VEVENT")}
    frozen = by_uid["freeze/sale/2026-10-27T10:00:00Z@hotwash"]
    assert (str(frozen["SUMMARY"]), str(frozen["TRANSP"])) == ("Freeze: sale", "TRANSPARENT")
    office, night = by_uid["game-day-window/0@hotwash"], by_uid["game-day-window/1@hotwash"]
    assert office["RRULE"].to_ical() == b"FREQ=WEEKLY;BYDAY=MO,WE"
    # The first of them is a day of the rule, in the zone that comes along.
    assert (office["DTSTART"].params["TZID"], office["DTSTART"].dt.weekday() in {0, 2}) == ("Europe/Berlin", True)
    assert night["DTEND"].dt - night["DTSTART"].dt == timedelta(hours=2)
    assert [str(each["TZID"]) for each in calendar.walk("VTIMEZONE")] == ["Europe/Berlin"]
    assert {str(each["TRANSP"]) for each in (office, night)} == {"TRANSPARENT"}


def test_hostile_texts_stay_texts() -> None:
    """A title with line breaks makes no further lines, and none is longer than calendars read."""
    title = "Dies\r\nBEGIN:VEVENT\r\nUID:evil" + "\N{SNOWMAN}" * 99
    calendar = read(entry(CalendarKind.DUE, title=title, note="a;b,c\nd"))
    (found,) = game_days(calendar)
    assert str(found["SUMMARY"]).startswith("Game day: Dies BEGIN:VEVENT UID:evil")
    assert str(found["DESCRIPTION"]).startswith("a;b,c\nd")
    assert all(len(line) <= 75 for line in calendar.to_ical().split(b"\r\n"))
