"""`/api/v1/incidents/{id}/events`: what is recorded arrives, nothing is missed after a break, nothing comes twice."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.support.api_world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def events(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The events of a stream, as they come."""
    event: dict[str, Any] = {}
    async for line in answer.aiter_lines():
        if not line:
            if "event" in event:
                yield event
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = json.loads(value) if name == "data" else value


async def note(world: World, incident_id: str, text: str) -> None:
    """A line for the timeline."""
    answer = await world.admin.post(f"/api/v1/incidents/{incident_id}/timeline", json={"text": text, "by": "ana"})
    assert answer.status_code == 200


async def follow_until(world: World, incident_id: str, text: str, **request: Any) -> list[dict[str, Any]]:
    """Every event of a new connection, up to the entry with this text."""
    seen = []
    async with world.admin.stream("GET", f"/api/v1/incidents/{incident_id}/events", **request) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for event in events(answer):
            seen.append(event)
            if event["event"] == "entry" and event["data"]["summary"] == text:
                break
    return seen


async def test_entries_arrive_with_their_seq_and_the_incident_with_its_changes(world: World) -> None:
    """Entries from the beginning on, each with its `seq` as id; the incident's picture comes when it has changed."""
    id_ = (await world.declare())["id"]
    await note(world, id_, "first")
    seen = await follow_until(world, id_, "first")
    entries = [event for event in seen if event["event"] == "entry"]
    assert [int(event["id"]) for event in entries] == [event["data"]["seq"] for event in entries]
    async with world.admin.stream("GET", f"/api/v1/incidents/{id_}/events") as answer:
        stream = events(answer)
        async for event in stream:
            if event["event"] == "incident":
                assert event["data"]["severity"] == "SEV-2"
                assert "context" not in event["data"]
                break
        change = {"severity": "SEV-1", "reason": "worse", "by": "ana"}
        await world.admin.post(f"/api/v1/incidents/{id_}/severity", json=change)
        async for event in stream:
            if event["event"] == "incident" and event["data"]["severity"] == "SEV-1":
                break


async def test_a_client_that_comes_back_misses_nothing_and_sees_nothing_twice(world: World) -> None:
    """Last-Event-ID (or `after`) continues behind the last entry; the header wins over the parameter."""
    id_ = (await world.declare())["id"]
    await note(world, id_, "before the break")
    before = await follow_until(world, id_, "before the break")
    last = [event["id"] for event in before if event["event"] == "entry"][-1]
    await note(world, id_, "during the break")
    await note(world, id_, "after the break")
    resumed = await follow_until(world, id_, "after the break", headers={"Last-Event-ID": last}, params={"after": "0"})
    numbers = [int(event["id"]) for event in resumed if event["event"] == "entry"]
    assert numbers[0] == int(last) + 1
    assert numbers == sorted(set(numbers))
    by_parameter = await follow_until(world, id_, "after the break", params={"after": last})
    assert [event["id"] for event in by_parameter if event["event"] == "entry"] == [str(each) for each in numbers]
