"""What an action is about to change is known to every worker before it moves; on the real store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from activities.plans import Plans
from domain.effect import ClaimStatus
from domain.errors import NeedsHuman, Transient
from store import Store, open_store
from tests.support.ledger import Ledger


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """SQLite in a file."""
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    await store.migrate()
    yield store
    await store.close()


async def test_the_newest_plan_counts(store: Store) -> None:
    """Another worker reads what was written; a later plan outranks it; the same plan is written once."""
    assert await Plans(store.ledger).recall("step") is None
    assert await Plans(store.ledger).remember("step", {"previous": 1, "current": 2})
    assert await Plans(store.ledger).remember("step", {"previous": 1, "current": 2})
    assert await Plans(store.ledger).recall("step") == {"previous": 1, "current": 2}
    assert await Plans(store.ledger).remember("step", {"previous": 3, "current": 2})
    assert await Plans(store.ledger).recall("step") == {"previous": 3, "current": 2}
    assert await Plans(store.ledger).recall("another step") is None


async def test_looking_for_a_plan_claims_nothing(store: Store) -> None:
    """A key that was only asked about is still new, and the step's own claim is not touched."""
    await store.ledger.claim("step", "step:aws.ec2.stop", None)
    await Plans(store.ledger).recall("step")
    assert (await store.ledger.claim("step/plan/1", "plan", None)).status is ClaimStatus.NEW
    assert (await store.ledger.claim("step", "step:aws.ec2.stop", None)).status is ClaimStatus.UNSETTLED


async def test_a_ledger_that_is_away_stops_nobody() -> None:
    """Writing says that it was not written; who has to know hears that nobody can tell now."""
    ledger = Ledger()
    ledger.is_down = True
    assert not await Plans(ledger).remember("step", {"previous": 1, "current": 2})
    with pytest.raises(Transient):
        await Plans(ledger).recall("step")


async def test_a_fight_ends_with_a_person() -> None:
    """A target that is somewhere else at each of many attempts is somebody's who fights this step."""
    plans = Plans(Ledger())
    for number in range(20):
        await plans.remember("step", {"previous": number, "current": -1})
    with pytest.raises(NeedsHuman, match="fights this step"):
        await plans.remember("step", {"previous": 20, "current": -1})
