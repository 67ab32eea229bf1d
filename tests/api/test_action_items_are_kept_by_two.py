"""Action items over REST: proposals, offers, wishes not to do them, hints, checks, filters, and many at once."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.api_world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
ITEMS = "/api/v1/action-items"


async def made(world: World, **fields: Any) -> dict[str, Any]:
    """A new item of ben, for an incident of the shop."""
    incident = (await world.declare(services=["checkout"]))["id"]
    body = {
        "incident_id": incident, "title": "Add a canary", "owner": "ben", "done_when": "a bad release stops by itself",
        "by": "ana", "type": "prevent",
    }  # fmt: skip
    answer = await taken(world, ITEMS, body | fields)
    assert answer.status_code in {200, 201}, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def taken(world: World, path: str, body: dict[str, Any]) -> httpx.Response:
    """The answer that is not 503, which says on a busy machine that a worker was too slow: the same is asked again."""
    headers = {"Idempotency-Key": uuid4().hex}
    for _ in range(10):
        answer = await world.admin.post(path, json=body, headers=headers)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            return answer
    raise AssertionError(answer.text)


async def say(world: World, item: str, verb: str, **body: Any) -> tuple[int, dict[str, Any]]:
    """Ask something of an item."""
    answer = await taken(world, f"{ITEMS}/{item}/{verb}", body)
    return answer.status_code, answer.json()


async def test_a_proposal_waits_and_is_accepted_with_a_reason(world: World) -> None:
    """409 with the time until which nobody decides; with a reason it is decided, and due by the policy."""
    item = (await made(world, is_proposed=True))["id"]
    status, refused = await say(world, item, "accept", by="ana")
    assert (status, "heat of the incident" in refused["detail"]) == (409, True)
    status, accepted = await say(world, item, "accept", by="ana", override_reason="the vendor's window is tonight")
    assert (status, accepted["soak"]["overridden_because"]) == (200, "the vendor's window is tonight")
    assert accepted["due_at"] is not None


async def test_an_item_changes_hands_by_offer(world: World) -> None:
    """Only the one to whom it was offered takes it; until then it stays."""
    item = (await made(world))["id"]
    status, offered = await say(world, item, "offer", by="ben", to="ana", reason="on leave")
    assert (status, offered["owner"], offered["offer"]["to"]) == (200, "ben", "ana")
    assert (await say(world, item, "accept-offer", by="cleo"))[0] == 403
    assert (await say(world, item, "accept-offer", by="ana"))[1]["owner"] == "ana"
    assert (await say(world, item, "decline-offer", by="ana"))[0] == 409


async def test_not_doing_needs_two(world: World) -> None:
    """The owner asks, another keeps it; asks again, another accepts."""
    item = (await made(world))["id"]
    assert (await say(world, item, "drop", by="ben", reason="obsolete"))[1]["state"] == "open"
    assert (await say(world, item, "keep", by="ana", reason="it is not"))[1]["not_doing"] is None
    await say(world, item, "drop", by="ben", reason="obsolete, really")
    dropped = (await say(world, item, "drop", by="ana", reason="agreed"))[1]
    assert (dropped["state"], dropped["dropped_by"]["name"]) == ("dropped", "ana")
    assert "obsolete, really" in dropped["dropped_because"]


async def test_hints_come_with_the_item_and_before_it(world: World) -> None:
    """They block nothing; each has its rule, its source and better words."""
    asked = await world.admin.post(f"{ITEMS}/hints", json={"title": "Be careful with deploys", "done_when": "done"})
    assert all(set(each) == {"rule", "source", "says", "better"} for each in asked.json()["hints"])
    assert len(asked.json()["hints"]) == 3
    item = await made(world, title="Investigate the timeouts")
    assert any("no end" in each["says"] for each in item["hints"])


async def test_a_check_only_looks(world: World) -> None:
    """An unknown action, one that changes something, and parameters that do not fit are refused at creation."""
    incident = (await world.declare())["id"]
    body = {"incident_id": incident, "title": "Add x", "owner": "ben", "done_when": "x is there"}
    for check, words in (
        ({"action": "check.htp"}, "no action 'check.htp'"),
        ({"action": "http.request", "parameters": {"url": "https://x.example", "method": "GET"}}, "only looks"),
        ({"action": "check.http", "parameters": {"uri": "x"}}, "uri"),
    ):
        answer = await world.admin.post(ITEMS, json=body | {"check": check})
        assert answer.status_code in {403, 422}, answer.text
        assert words in answer.json()["detail"]
    for wrong in ({"team": "nobody"}, {"tracker": "bugzilla"}):
        assert (await world.admin.post(ITEMS, json=body | wrong)).status_code == 422


async def test_many_are_asked_at_once_and_each_answers_for_itself(world: World) -> None:
    """Extended by the same time, with one reason; those that refuse are named with their sentence."""
    first, second = await made(world), await made(world)
    done = (await made(world))["id"]
    await say(world, done, "done", by="ben", evidence="it stopped release 7")
    ids = [first["id"], second["id"], done, "act-000000"]
    answer = await world.admin.post(
        f"{ITEMS}/bulk", json={"ids": ids, "later_by": "2w", "reason": "freeze", "by": "ana"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["done"] == [first["id"], second["id"]]
    assert [each["id"] for each in answer.json()["refused"]] == [done, "act-000000"]
    moved = (await world.admin.get(f"{ITEMS}/{first['id']}")).json()
    assert moved["extension_log"][0]["reason"] == "freeze"
    later = datetime.fromisoformat(moved["due_at"]) - datetime.fromisoformat(first["due_at"])
    assert later == timedelta(days=14)
    offered = await world.admin.post(
        f"{ITEMS}/bulk", json={"ids": ids[:2], "offer_to": "ana", "reason": "on leave", "by": "ben"}
    )
    assert offered.json() == {"done": ids[:2], "refused": []}
    both = {"ids": ids, "offer_to": "ana", "later_by": "1d", "reason": "x"}
    assert (await world.admin.post(f"{ITEMS}/bulk", json=both)).status_code == 422


async def test_lists_are_filtered_by_age_and_team(world: World) -> None:
    """Nothing is older than a day here; a team that is not there is a sentence."""
    item = await made(world)
    found = f"{ITEMS}?incident_id={item['incident_id']}"
    await world.until_recorded(found, lambda page: len(page["items"]) == 1)
    assert (await world.admin.get(f"{found}&older_than=1d")).json()["items"] == []
    answer = await world.admin.get(f"{ITEMS}?team=nobody")
    assert (answer.status_code, "no team 'nobody'" in answer.json()["detail"]) == (422, True)
    assert datetime.fromisoformat(item["created_at"]) <= datetime.now(UTC)
