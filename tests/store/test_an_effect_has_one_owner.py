"""The effect ledger: of all who claim a key exactly one may act, and what became of it is known afterwards."""

import asyncio

from domain.effect import ClaimStatus
from store import Store, open_store
from tests.store.conftest import NewDatabase


async def test_a_claim_is_new_once(store: Store) -> None:
    """Claim, claim again, settle, claim again: new, unsettled, settled with the outcome."""
    assert (await store.ledger.claim("k", "mail", "inc-1")).status is ClaimStatus.NEW
    assert (await store.ledger.claim("k", "mail", "inc-1")).status is ClaimStatus.UNSETTLED
    await store.ledger.settle("k", {"status": "sent"})
    claim = await store.ledger.claim("k", "mail", "inc-1")
    assert (claim.status, claim.outcome) == (ClaimStatus.SETTLED, {"status": "sent"})


async def test_settling_twice_keeps_the_first_outcome(store: Store) -> None:
    """A retry that settles again cannot rewrite what happened."""
    await store.ledger.claim("k", "mail", None)
    await store.ledger.settle("k", {"n": 1})
    await store.ledger.settle("k", {"n": 2})
    assert (await store.ledger.claim("k", "mail", None)).outcome == {"n": 1}


async def test_a_released_claim_is_new_again_but_a_settled_one_stays(store: Store) -> None:
    """Release says that the effect surely did not happen; it cannot undo that it did."""
    await store.ledger.claim("k", "mail", None)
    await store.ledger.release("k")
    assert (await store.ledger.claim("k", "mail", None)).status is ClaimStatus.NEW
    await store.ledger.settle("k", {})
    await store.ledger.release("k")
    assert (await store.ledger.claim("k", "mail", None)).status is ClaimStatus.SETTLED


async def test_an_effect_done_while_the_store_was_down_can_be_settled_later(store: Store) -> None:
    """Pages go out unclaimed when the store is away; settling afterwards keeps a second one from going out."""
    await store.ledger.settle("k", {"status": "sent"})
    assert (await store.ledger.claim("k", "page", None)).status is ClaimStatus.SETTLED


async def test_of_many_who_claim_at_once_one_wins(new_database: NewDatabase) -> None:
    """Three processes' worth of connections race for each of ten keys."""
    url = new_database()
    stores = [open_store(url) for _ in range(3)]
    await stores[0].migrate()
    for key in range(10):
        claims = await asyncio.gather(*(store.ledger.claim(f"k{key}", "mail", None) for store in stores * 4))
        assert [claim.status for claim in claims].count(ClaimStatus.NEW) == 1
    for store in stores:
        await store.close()


async def test_a_race_of_claims_and_releases_never_has_two_owners(store: Store) -> None:
    """Whoever hears NEW owns the key until they release it."""
    owners = 0

    async def contend() -> None:
        nonlocal owners
        for _ in range(6):
            claim = await store.ledger.claim("k", "mail", None)
            if claim.status is ClaimStatus.NEW:
                owners += 1
                assert owners == 1
                await asyncio.sleep(0)
                owners -= 1
                await store.ledger.release("k")

    await asyncio.gather(*(contend() for _ in range(6)))
