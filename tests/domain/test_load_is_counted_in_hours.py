"""Load on people (rule O01): hours against limits, distributions over responders, and what the review speaks about."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.insight.load import Load, on_call_load, overloads
from domain.insight.words import LoadLimits, Window
from domain.insight.writing import as_csv, as_markdown, as_text
from domain.operations_review_document import WeekFacts, document

NOW = datetime(2026, 11, 30, tzinfo=UTC)
WEEK = Window(since=NOW - timedelta(days=7), until=NOW)
MONTH = Window(since=NOW - timedelta(days=28), until=NOW)
LIMITS = LoadLimits()


def load(person: str, hours: int, sleep: int, off: int) -> Load:
    """As many pages as hours."""
    return Load(
        person=person, pages=hours, sleep=sleep, off_hours=off, hours=hours, sleep_hours=sleep, off_work_hours=off
    )


@pytest.mark.parametrize(
    ("window", "sleep", "off", "limits", "sentence"),
    [
        (WEEK, 2, 6, LIMITS, None),
        (WEEK, 3, 0, LIMITS, "ana was interrupted in 3 hours of sleep (limit 2 a week) in 7 days"),
        (WEEK, 0, 7, LIMITS, "ana was interrupted in 7 hours off work (limit 6 a week) in 7 days"),
        (
            WEEK, 3, 7, LIMITS,
            "ana was interrupted in 3 hours of sleep (limit 2 a week) and 7 hours off work (limit 6 a week) in 7 days",
        ),
        (MONTH, 8, 24, LIMITS, None),
        (MONTH, 9, 0, LIMITS, "ana was interrupted in 9 hours of sleep (limit 2 a week) in 28 days"),
        (WEEK, 99, 99, LoadLimits(sleep_hours_a_week=None, off_hours_a_week=None), None),
        (
            WEEK, 1, 0, LoadLimits(sleep_hours_a_week=0),
            "ana was interrupted in 1 hour of sleep (limit 0 a week) in 7 days",
        ),
    ],
)  # fmt: skip
def test_a_limit_is_for_a_week(window: Window, sleep: int, off: int, limits: LoadLimits, sentence: str | None) -> None:
    """A longer window allows as many times more; a limit that is not there is never passed."""
    found = overloads(window, [load("ana", sleep + off, sleep, off)], limits)
    assert [each.sentence for each in found] == ([sentence] if sentence else [])


def test_the_worst_are_named_and_the_rest_counted() -> None:
    """By broken sleep first; each is an entry, three are in the sentence."""
    people = [load(name, nights, nights, 0) for name, nights in (("a", 3), ("b", 9), ("c", 4), ("d", 5), ("e", 1))]
    found = on_call_load(WEEK, people, LIMITS)
    assert found.sentence.startswith("b was interrupted in 9 hours of sleep")
    assert found.sentence.endswith("; and 1 more.")
    assert [entry[0] for entry in found.entries] == ["b", "d", "c", "a"]
    noted = {row.name: bool(row.note) for row in found.tables[0].rows}
    assert noted == {"a": True, "b": True, "c": True, "d": True, "e": False}


def test_the_distributions_are_over_responders_and_small_ones_say_so() -> None:
    """n, median and p90, in hours, in every form; who was never woken counts as none."""
    found = on_call_load(WEEK, [load("ana", 4, 0, 1), load("ben", 1, 1, 0), load("cleo", 2, 0, 2)], LIMITS)
    hours, asleep, off = (spread.distribution for spread in found.spreads)
    assert (hours.n, hours.median, hours.p90) == (3, 2, 4)
    assert (asleep.n, asleep.median, asleep.p90) == (3, 0, 1)
    assert (off.n, off.median, off.p90) == (3, 1, 2)
    assert "3 responders: fewer than 20, take them as examples." in found.caveats
    assert "median 2 hours, 9 in 10 within 4 hours, of 3 responders" in as_text([found])
    assert "on-call-load,distribution in hours,Of these in sleep hours,p90,1.0," in as_csv([found])
    assert "mean" not in as_markdown(found)
    assert on_call_load(WEEK, [], LIMITS).spreads == ()


def test_the_operations_review_speaks_about_who_was_interrupted_too_often() -> None:
    """An entry of its own before everything else; a week within the limits has none."""
    calm = on_call_load(WEEK, [load("ana", 1, 1, 0)], LIMITS)
    bad = on_call_load(WEEK, [load("ana", 5, 5, 0)], LIMITS)
    facts = WeekFacts(week="2026-W48", since=WEEK.since, until=WEEK.until, week_view=(bad,))
    text = document(facts)
    assert "## To speak about\n\n- ana was interrupted in 5 hours of sleep (limit 2 a week) in 7 days\n" in text
    assert text.index("## To speak about") < text.index("## What happened")
    assert "| ana (interrupted too often) | 5 | 5 | 0 |" in text
    assert "To speak about" not in document(facts.model_copy(update={"week_view": (calm,)}))
