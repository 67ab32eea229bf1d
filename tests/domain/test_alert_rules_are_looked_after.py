"""Alert hygiene (rule O02): what an alert brings along, what a rule lacks, and what the meeting speaks about."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.insight.hygiene import AlertHygiene, RuleHygiene, alert_hygiene, hygiene_of
from domain.insight.words import Window

NOW = datetime(2026, 11, 30, tzinfo=UTC)
WEEK = Window(since=NOW - timedelta(days=7), until=NOW)
GOOD = RuleHygiene(rule="good", episodes=3, resolved=3, drills=1)


@pytest.mark.parametrize(
    ("labels", "annotations", "source", "brings"),
    [
        ({}, {}, None, (False, False, False)),
        ({"alertname": "DiskFull"}, {}, None, (False, False, False)),
        ({"alertname": "DiskFull"}, {"title": "The disk of db-1 is full"}, None, (True, False, False)),
        ({}, {"summary": "Disk is full"}, None, (True, False, False)),
        ({}, {"summary": "  "}, "", (False, False, False)),
        ({}, {"description": "9 of 10 GB are used"}, None, (False, True, False)),
        ({}, {}, "https://prometheus.example/graph?g0.expr=up", (False, True, False)),
        ({}, {"runbook_url": "https://runbooks.example/disk"}, None, (False, False, True)),
        ({"runbook": "HTTPS://runbooks.example/disk"}, {}, None, (False, False, True)),
        # A name leads nowhere at three in the morning, and neither does a number.
        ({}, {"runbook_url": "see the wiki"}, None, (False, False, False)),
        ({}, {"summary": 7, "runbook": None}, None, (False, False, False)),
    ],
)
def test_an_alert_brings_along_what_helps(
    labels: dict[str, object], annotations: dict[str, object], source: str | None, brings: tuple[bool, bool, bool]
) -> None:
    """A name for people, what was measured, a link to the runbook; blanks and odd values are nothing."""
    title, metric, runbook = brings
    wanted = AlertHygiene(has_title=title, has_metric=metric, has_runbook=runbook)
    assert hygiene_of(labels, annotations, source) == wanted


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ({}, ()),
        ({"without_runbook": 1}, ("a runbook link",)),
        ({"untitled": 1}, ("a title",)),
        ({"unmeasured": 3}, ("what was measured",)),
        ({"resolved": 0, "not_ended": 1}, ("an end by itself",)),
        # All that fires began today, or is older than the columns: nobody can say.
        ({"resolved": 0}, ()),
        ({"resolved": 1, "not_ended": 2}, ()),
        ({"drills": 0}, ("a drill",)),
        ({"drills": 0, "without_runbook": 1}, ("a runbook link", "a drill")),
    ],
)
def test_a_rule_lacks_what_one_of_its_alerts_lacks(change: dict[str, int], lacks: tuple[str, ...]) -> None:
    """One alert without a runbook is enough; one that ended shows that it can."""
    assert GOOD.model_copy(update=change).lacks == lacks


def test_the_worst_rules_stand_first_and_are_spoken_about() -> None:
    """Who lacks most, then who fires most; a rule that only lacks a drill is no entry, for drills have their list."""
    rules = [
        GOOD,
        RuleHygiene(rule="undrilled", episodes=9, resolved=9),
        RuleHygiene(rule="bare", episodes=2, untitled=2, without_runbook=2, not_ended=2),
        RuleHygiene(rule="unlinked", episodes=1, resolved=1, without_runbook=1, drills=1),
    ]
    found = alert_hygiene(WEEK, rules)
    assert found.sentence == (
        "3 of 4 alert rules lack something: 2 a drill, 2 a runbook link, 1 a title, 1 an end by itself."
    )
    assert [row.name for row in found.tables[0].rows] == ["bare", "undrilled", "unlinked"]
    assert found.tables[0].rows[0].note == "lacks a runbook link, a title, an end by itself, a drill"
    assert found.entries == (
        "bare fired 2 times and lacks a runbook link, a title, an end by itself, a drill",
        "unlinked fired once and lacks a runbook link",
    )
    assert all(number.evidence is not None for number in found.numbers)
    assert "not the rule's name" in found.caveats[0]


def test_nothing_to_mend_is_said() -> None:
    """A quiet week, and a week of good alerts."""
    assert alert_hygiene(WEEK, []).sentence == "No alert in 7 days."
    assert alert_hygiene(WEEK, [GOOD]).sentence == "Every alert rule that fired has what it needs (1)."
