"""A denied or expired approval leaves the target untouched and says so; every vote that does not count hears why."""

import pytest

from tests.support.house import House

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_denied_rollback_touches_nothing(house: House) -> None:
    """One no is enough: the run fails, the shop stays on its release, and the timeline says who said no and why."""
    shop = house.shop()
    await house.eventually(shop.sells, lambda it: it == "v2", "a shop that sells")
    incident = await house.declared("A rollback is denied")
    run = await house.run(incident, "roll-back", target=shop.name, url=f"{shop.url}/checkout")
    approval = await house.approval(run)
    answer = await house.vote(approval, "bob", "reject", comment="The database was migrated")
    assert answer.json()["state"] == "rejected"
    ended = await house.ended(run)
    assert ended["status"] == "failed"
    statuses = {step["id"]: step["status"] for step in ended["steps"]}
    assert (statuses["approve"], statuses["rollback"], statuses["mail"]) == ("failed", "skipped", "skipped")
    assert "the target was not touched: rollback did not run" in ended["reason"]
    await house.told(incident, "rejected by bob: The database was migrated")
    await house.told(incident, "the target was not touched")
    assert shop.is_untouched()
    assert await shop.sells() == "v2"


async def test_an_expired_approval_touches_nothing(house: House) -> None:
    """Nobody decides in time: the run fails and says so; a vote that comes late is refused with a sentence."""
    shop = house.shop()
    incident = await house.declared("Nobody decides about a rollback")
    run = await house.run(incident, "hasty", target=shop.name)
    asked = await house.approval(run)
    ended = await house.ended(run)
    assert ended["status"] == "failed"
    assert "expired after 10s with 0 of 1 approvals; the target was not touched" in ended["reason"]
    await house.told(incident, "the target was not touched")
    late = await house.vote(asked, "bob")
    assert late.status_code == 409, late.text
    assert late.headers["content-type"] == "application/problem+json"
    assert (await house.approval(run, "expired"))["votes"] == []
    await house.eventually(shop.sells, lambda it: it == "v2", "a shop that sells")
    assert shop.is_untouched()


async def test_every_vote_that_does_not_count_hears_why(house: House) -> None:
    """For oneself, from outside the group, for another text, twice, from nobody; none of them is counted."""
    shop = house.shop()
    incident = await house.declared("Votes that do not count")
    run = await house.run(incident, "roll-back", target=shop.name, url=f"{house.world.url}/healthz")
    approval = await house.approval(run)

    async def refused(by: str, status: int, words: str, **more: str) -> None:
        answer = await house.vote({**approval, **more}, by)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert words in answer.json()["detail"]

    await refused("alice", 403, "alice asked for this run and cannot approve it; somebody else has to")
    await refused("erin", 403, "erin is not among the approvers of this step; ask sre")
    await refused("bob", 409, "is not what would run", digest="sha256:" + "0" * 64)
    await refused("mallory", 422, "mallory")
    assert (await house.vote(approval, "bob")).json()["state"] == "pending"
    await refused("bob", 409, "bob has already voted; somebody else has to")
    assert [vote["by"]["name"] for vote in (await house.approval(run))["votes"]] == ["bob"]
    assert shop.is_untouched()
    assert (await house.vote(approval, "carol")).json()["state"] == "approved"
    await refused("carol", 409, "too late: this approval is approved")
    assert (await house.ended(run))["status"] == "succeeded"
    assert shop.is_rolled_back_once()
