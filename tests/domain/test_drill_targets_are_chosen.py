"""Targets: nothing without its owner's word; the same draw each time; approval where the policy demands it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.drill_targets import (
    Chosen,
    DrillTarget,
    DrillWindow,
    GameDayPolicy,
    TargetSelection,
    needs_approval,
    open_window,
    resolve,
)
from domain.errors import Rejected

WEB = {f"web-{n}": DrillTarget(environment="staging", drillable=True, tags={"tier": "web"}) for n in range(10)}
TARGETS = {
    **WEB,
    "db": DrillTarget(environment="staging", drillable=True, service="shop", tags={"tier": "db"}),
    "shy": DrillTarget(environment="staging", tags={"tier": "web"}),
    "live": DrillTarget(environment="production", drillable=True, tags={"tier": "web"}),
}
POLICY = GameDayPolicy(deny=("web-9",))


def chosen(environment: str | None = "staging", seed: str = "one", **selection: Any) -> Chosen:
    """What is chosen."""
    given_ = {"it": TargetSelection.model_validate(selection)}
    return resolve(given_, TARGETS, POLICY, environment, seed)


def names(found: Chosen) -> list[str]:
    """Their names."""
    return [each.name for each in found.targets["it"]]


def test_tags_choose_only_what_may_be_touched() -> None:
    """Not the shy one, not the denied one, not the one elsewhere; without an environment that one, too."""
    assert names(chosen(tags={"tier": "web"})) == [f"web-{n}" for n in range(9)]
    found = chosen(environment=None, tags={"tier": "web"})
    assert names(found)[0] == "live"
    assert found.environments() == ("production", "staging")
    assert chosen(names=["db"]).services() == ("shop",)


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (
            {"names": ["shy"]},
            "'shy' may not be drilled: its owner has to set `drillable: true` under",
        ),
        ({"names": ["web-9"]}, "'web-9' is never drilled: game_day_policy.deny has 'web-9'"),
        ({"names": ["live"]}, "'live' is in 'production', and this game day is for 'staging'"),
        ({"names": ["dbb"]}, "there is no target 'dbb'; did you mean 'db'?"),
        ({"names": ["dbb", "shy"]}, "'shy' may not be drilled"),
        ({"tags": {"tier": "cache"}}, "targets 'it' (tier: cache) choose nothing"),
    ],
)
def test_what_may_not_be_touched_is_refused_with_the_cure(selection: dict[str, Any], words: str) -> None:
    """All of it at once."""
    with pytest.raises(Rejected) as refused:
        chosen(**selection)
    assert words in refused.value.sentence


def test_nothing_chosen_may_be_skipped() -> None:
    """Where the document says so."""
    assert names(chosen(tags={"tier": "cache"}, on_empty="skip")) == []


@given(percent=st.integers(1, 100), seed=st.text(max_size=5))
def test_a_share_is_rounded_down_and_never_nothing(percent: int, seed: str) -> None:
    """And the same seed draws the same ones, whatever the order of the file."""
    found = names(chosen(seed=seed, tags={"tier": "web"}, select={"percent": percent}))
    assert len(found) == max(1, 9 * percent // 100)
    turned = dict(reversed(TARGETS.items()))
    selection = {"it": TargetSelection.model_validate({"tags": {"tier": "web"}, "select": {"percent": percent}})}
    assert names(resolve(selection, turned, POLICY, "staging", seed)) == found


def test_different_game_days_draw_differently() -> None:
    """Or the same one would always suffer."""
    draws = {tuple(names(chosen(seed=f"{n}", tags={"tier": "web"}, select={"count": 1}))) for n in range(50)}
    assert len(draws) > 3


def test_production_needs_approval() -> None:
    """As soon as one target is there."""
    assert needs_approval(GameDayPolicy(), ("staging", "production"))
    assert not needs_approval(GameDayPolicy(), ("staging",))
    assert not needs_approval(GameDayPolicy(environments_needing_approval=()), ("production",))


@pytest.mark.parametrize(
    ("hours", "zone", "is_open"),
    [(9, "UTC", True), (8.9, "UTC", False), (16.9, "UTC", True), (17, "UTC", False), (8, "Europe/Berlin", True)],
)
def test_windows_are_hours_of_days(hours: float, zone: str, is_open: bool) -> None:
    """In the calendar's time zone; without any, always."""
    monday = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hours)
    assert open_window((DrillWindow(),), zone, monday) is is_open
    assert not open_window((DrillWindow(),), zone, monday + timedelta(days=5))
    assert open_window((), zone, monday)
