"""A likeness is the sum of its reasons: what counts more, what counts less, and what is not shown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.alike import COUNTED_TO, LEAST, SHOWN, Features, likeness, most_alike, nearly_alike, rarity
from domain.insight.words import RECURRENCE_WINDOW, Dimension

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
LONG_AGO = NOW - RECURRENCE_WINDOW - timedelta(days=1)


def of(id_: str, words: str = "", at: datetime = LONG_AGO, **shared: str) -> Features:
    """One incident; `service="checkout"` and the like are what it has."""
    dimensions = {Dimension(name): (value,) for name, value in shared.items()}
    return Features(incident_id=id_, at=at, shared=dimensions, words=frozenset(words.split()))


def now(words: str = "", common: dict[str, int] | None = None, **shared: str) -> Features:
    """The one that is asked about; `common`: how many incidents have a word."""
    asked = of("now", words, NOW, **shared)
    return Features(
        incident_id="now",
        at=NOW,
        shared=asked.shared,
        words=asked.words,
        rarity={word: rarity(count) for word, count in (common or {}).items()},
    )


@pytest.mark.parametrize(
    ("this", "other", "sentences", "score"),
    [
        (now(alert="DiskFull"), of("a", alert="DiskFull"), ["the same alert ‘DiskFull’"], 3.0),
        (now(alert="DiskFull"), of("a", alert="Slow"), [], 0.0),
        (now(service="shop"), of("a", service="shop", at=NOW), ["the same service ‘shop’", "on the same day"], 2.0),
        (
            now(service="shop"), of("a", service="shop", at=NOW - timedelta(days=3)),
            ["the same service ‘shop’", "3 days apart"], 2.0,
        ),
        (now("replica lag"), of("a", "replica lag checkout"), ["the words ‘lag’, ‘replica’"], 1.667),
        # All words of the shorter title, each of them rare.
        (now("replica lag shop"), of("a", "replica lag shop tonight"), ["the words ‘lag’, ‘replica’, ‘shop’"], 2.5),
        # The rarest is named first; what every incident has tells next to nothing.
        (
            now("replica shop", {"shop": COUNTED_TO}), of("a", "replica shop"), ["the words ‘replica’, ‘shop’"], 0.917,
        ),
        (
            now("shop slow", {"shop": COUNTED_TO, "slow": 500}), of("a", "shop slow"),
            ["the words ‘slow’, ‘shop’"], 0.216,
        ),
    ],
)  # fmt: skip
def test_each_reason_has_its_weight(this: Features, other: Features, sentences: list[str], score: float) -> None:
    """And the score is nothing but their sum."""
    found = likeness(this, other)
    assert [reason.sentence for reason in found.reasons] == sentences
    assert found.score == pytest.approx(score)
    assert found.score == pytest.approx(sum(reason.weight for reason in found.reasons))


def test_a_service_of_late_is_shown_when_something_is_still_owed() -> None:
    """Rule O03: within ninety days, and behind whatever is more alike; longer ago, or with nothing owed, it is not."""
    this = now("replica lag shop", service="shop", type="data")
    late = of("late", type="outage", service="shop", at=NOW - timedelta(days=60))
    old = replace(of("old", service="shop"), owes=True)
    alert = of("words", "replica lag shop", at=NOW - timedelta(days=60))
    assert nearly_alike(this, [late, old, alert]) == ["late"]
    assert [each.incident_id for each in most_alike(this, [late, old, alert])] == ["words"]
    found = most_alike(this, [replace(late, owes=True), old, alert])
    assert [each.incident_id for each in found] == ["words", "late"]
    assert [each.sentence for each in found[1].reasons] == [
        "the same service ‘shop’", "60 days apart", "action items still open",
    ]  # fmt: skip


def test_a_word_is_worth_less_the_more_incidents_have_it() -> None:
    """From 1, and never nothing; counted up to a limit, beyond which nothing changes."""
    worth = [rarity(count) for count in (0, 1, 2, 10, 100, COUNTED_TO)]
    assert worth[:2] == [1.0, 1.0]
    assert worth == sorted(worth, reverse=True)
    assert 0 < worth[-1] < 0.15


def test_the_best_come_first_and_little_is_not_shown() -> None:
    """Never the incident itself; of two that are equally alike the newer one."""
    many = [of(f"same-{n}", alert="DiskFull", at=LONG_AGO - timedelta(days=n)) for n in range(SHOWN + 3)]
    best = of("best", "replica lag shop", alert="DiskFull")
    little = of("little", type="outage", service="shop", at=NOW)
    this = now("replica lag shop", alert="DiskFull", service="shop")
    assert likeness(this, little).score < LEAST
    found = most_alike(this, [little, *reversed(many), best, this])
    assert [each.incident_id for each in found] == ["best", "same-0", "same-1", "same-2", "same-3"]
