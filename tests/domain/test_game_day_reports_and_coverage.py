"""The report of a game day: findings with keys that stay, Markdown that strange texts cannot break, and the map."""

from datetime import datetime, timedelta
from typing import Any

from domain.drill_targets import DrillWindow
from domain.game_day import (
    Change,
    Difference,
    Expectation,
    ExpectationResult,
    GameDayKind,
    GameDayState,
    GameDayVerdict,
    Judgement,
    Scores,
)
from domain.game_day_calendar import in_the_way_at
from domain.game_day_coverage import CoverageCell, coverage
from domain.game_day_faults import EffectProof
from domain.game_day_report_text import aged_report, as_markdown
from domain.policy import Freeze
from tests.support.held import KILL, START, held

MONTH = timedelta(days=30)
DETECT = ExpectationResult(expectation=Expectation.DETECT, within_seconds=30)


def judged(judgement: Judgement, **fields: Any) -> ExpectationResult:
    """The expectation `detect`, judged."""
    return DETECT.model_copy(update={"judgement": judgement} | fields)


def test_strange_texts_do_not_break_the_markdown() -> None:
    """What an alert brings along is shown as text: no table cell, no link, no HTML, no heading of its own."""
    bad = "a|b\n# not a heading <script>alert(1)</script> [x](http://evil) `code` *loud*"
    state = held(
        title=bad,
        hypothesis=bad,
        reason=bad,
        expectations=(judged(Judgement.MISSED, evidence=bad),),
        difference=Difference(last_id="drill-0", last_at=START, changes=(Change(what=bad, before=bad, now=bad),)),
    )
    text = as_markdown(aged_report(state, START, MONTH))
    [row] = [line for line in text.splitlines() if line.startswith("| detect |")]
    assert row.replace("\\|", "").count("|") == 6
    assert "<script>" not in text
    assert "](http" not in text.replace("\\]", "")
    assert [line for line in text.splitlines() if line.startswith("# not")] == []


def test_the_report_tells_scores_findings_and_what_changed() -> None:
    """With the same scores aged: what passed long ago counts for three quarters."""
    state = held(
        scores=Scores(resilience=80, detection=100, undo_safety=100),
        expectations=(judged(Judgement.LATE, observed_after_seconds=41.0, evidence="ShopDown fired"),),
        verdict=GameDayVerdict.FAILED,
        difference=Difference(
            last_id="drill-0",
            last_at=START,
            changes=(Change(what="detect", before="met", now="late", is_better=False),),
        ),
    )
    late = aged_report(state, START + timedelta(days=40), MONTH)
    assert (late.scores.resilience, late.scores_now.resilience, late.standing) == (80, 60, 50)
    text = as_markdown(late)
    for wanted in (
        "# A drill: failed", "| detect | 30 s | 41.0 s | late | ShopDown fired |", "| resilience | 80 | 60 |",
        "| detect | met | late | worse |", "Compared with drill-0",
        "- Detect came after 41 s (expected within 30 s)", "| kill on shop-1 | process.kill |",
    ):  # fmt: skip
        assert wanted in text


def cell(*states: GameDayState, now: datetime = START + timedelta(hours=1)) -> CoverageCell:
    """The one cell of shop and process.kill."""
    found = coverage(states, ["shop", "search"], [], ["disk.fill", "process.kill"], now=now, fresh_for=MONTH)
    assert [row.service for row in found.rows] == ["search", "shop"]
    own = {each.kind: each for each in found.rows[1].cells}
    return own.get("process.kill", CoverageCell(kind="process.kill"))


def test_the_map_says_what_each_service_withstood_and_forgets_slowly() -> None:
    """Passed 100, passed long ago 75, failed 50, never 0; an aborted one takes nothing away."""
    passed = held()
    failed = held(id="drill-2", verdict=GameDayVerdict.FAILED, finished_at=START + timedelta(minutes=9))
    aborted = held(id="drill-3", verdict=GameDayVerdict.ABORTED, finished_at=START + timedelta(minutes=12))
    assert cell().standing == 0
    assert (cell(passed).standing, cell(passed).last_passed_id) == (100, "drill-1")
    assert cell(passed, now=START + timedelta(days=31)).standing == 75
    both = cell(failed, passed)
    assert (both.standing, both.last_passed_id, both.last_id, both.runs) == (50, "drill-1", "drill-2", 2)
    third = cell(passed, aborted)
    assert (third.standing, third.last_verdict, third.runs) == (100, "aborted", 2)


def test_what_was_not_proved_to_be_there_covers_nothing() -> None:
    """No effect, a dry run, or a game day that is not over: the cell stays empty."""
    unproved = held(faults=(KILL.model_copy(update={"effect": EffectProof.MISMATCH}),))
    for state in (unproved, held(kind=GameDayKind.DRY), held(finished_at=None, verdict=None)):
        assert cell(state).runs == 0


def test_a_kind_of_fault_that_nobody_makes_is_named() -> None:
    """And a fault that a file makes has a column before it was ever made."""
    found = coverage([], ["shop"], ["redis.pause"], ["disk.fill", "redis.pause"], now=START, fresh_for=MONTH)
    assert (found.kinds, found.untried) == (("redis.pause",), ("disk.fill",))
    assert found.rows[0].standing == 0


def test_the_calendar_says_what_would_keep_it_from_beginning() -> None:
    """A freeze of its service, then the windows in their own time zone; an empty answer when nothing does."""
    freeze = Freeze.model_validate(
        {"name": "sale", "from": START, "until": START + timedelta(days=1), "applies_to": ["shop"]}
    )
    monday = (DrillWindow(weekdays=(0,)),)
    sunday_ten = START
    assert "'sale'" in in_the_way_at(sunday_ten, [freeze], ["shop"], (), "UTC")
    assert in_the_way_at(sunday_ten, [freeze], ["search"], (), "UTC") == ""
    assert "outside the windows" in in_the_way_at(sunday_ten, [], ["shop"], monday, "UTC")
    # 23:30 UTC on a Sunday is Monday morning in Auckland.
    assert in_the_way_at(START.replace(hour=21), [], ["shop"], monday, "Pacific/Auckland") == ""
