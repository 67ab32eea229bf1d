"""Kill -9 of the worker, the API, the engine or all of them in the middle of a tabletop: it goes on as if nothing was.

The one thing to know: what is said to a tabletop is said with a key where it can be said twice, and every inject, deed
and judgement is counted in the end: nothing is there twice, nothing is lost.
"""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.world import PARTS, World, a_world

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

VICTIMS = {"worker": ("worker",), "api": ("api",), "engine": ("engine",), "all": PARTS}
CONFIGURATION = "people: {ana: {name: Ana}, ben: {name: Ben}}\n"
# The second inject falls due about when the victim is dead or just back; the third waits for the game master.
STORY = """\
schema_version: 1
name: NAME
title: A story
owner: sre
kind: tabletop
incident_title: Checkout fails
severity: SEV-3
duration: 2h
injects:
  - {id: one, at: 0s, text: It looks bad, expected: [{expect: commanded, within: 30m, rule: R01}]}
  - {id: two, at: 6s, text: It looks worse, expected: [{expect: update, audience: internal, within: 30m}]}
  - {id: three, at: 1h, text: The boss joins, expected: [{expect: judged, text: She got a place}]}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One house for all; each test brings back what it has killed."""
    async with a_world(tmp_path_factory.mktemp("tabletop"), CONFIGURATION) as opened:
        yield opened


@pytest.mark.parametrize("victim", VICTIMS)
async def test_it_goes_on_and_nothing_is_doubled_or_lost(world: World, victim: str) -> None:
    """A deed before the kill, an inject that falls due about then, a deed and a judgement after it."""
    name = f"tabletop-{victim}"
    (world.home.game_days / f"{name}.yaml").write_text(STORY.replace("NAME", name))
    cast = {"parameters": {"players": "ana", "game_master": "ben"}, "by": "ben"}
    key = {"Idempotency-Key": name}
    id_ = (await world.post(f"/game-days/{name}/start", cast, **key))["id"]
    path = f"/game-days/{id_}"
    state = await _told(world, path, lambda it: it["incident_id"] and "one" in _out(it), "the first inject")
    room = f"/incidents/{state['incident_id']}"
    await _told(world, room, lambda it: it["id"], "the incident")
    await world.post(f"{room}/acknowledge", {"by": "ana"})
    await _told(world, path, lambda it: len(it["tabletop"]["deeds"]) == 1, "the first deed")
    for part in VICTIMS[victim]:
        world.kill(part)
    for part in VICTIMS[victim]:
        await world.start(part)
    await world.ready()
    assert (await world.post(f"/game-days/{name}/start", cast, **key))["id"] == id_
    await _told(world, path, lambda it: "two" in _out(it), "the second inject")
    await world.post(
        f"{room}/updates", {"by": "ana", "audience": "internal", "text": "We look.", "next_update_within": 1800}
    )
    await _told(world, path, lambda it: len(it["tabletop"]["deeds"]) == 2, "the second deed")
    await world.post(f"{path}/next", {"by": "ben"})
    await world.post(f"{path}/mark", {"by": "ben", "key": "three/1", "is_met": True, "reason": "She was given one"})
    await world.post(f"{path}/end", {"by": "ben", "debrief": "Again."})
    end = await _told(world, path, lambda it: it["phase"] == "finished", "the end")
    assert _out(end) == ["one", "two", "three"]
    assert [each["command"] for each in end["tabletop"]["deeds"]] == ["acknowledge", "post_update"]
    assert end["verdict"] == "passed", end["reason"]
    await _told(world, room, lambda it: it["status"] == "cancelled", "the end of its incident")
    # The record follows the tabletop by a moment; its own last line comes last.
    lines = await _told(world, f"{room}/timeline?limit=200", _has_the_last_inject, "the last line")
    said = Counter(each["summary"] for each in lines["items"])
    injects = {line: count for line, count in said.items() if line.startswith("Inject.")}
    assert (len(injects), set(injects.values())) == (3, {1}), said


def _has_the_last_inject(timeline: dict[str, Any]) -> bool:
    return any("The boss joins" in each["summary"] for each in timeline["items"])


async def _told(world: World, path: str, holds: Any, what: str) -> dict[str, Any]:
    """What is told once it holds; a place that nobody knows yet does not."""

    async def ask() -> dict[str, Any]:
        answer = await world.http.get(f"/api/v1{path}")
        found: dict[str, Any] = answer.json() if answer.is_success else {}
        return found

    told: dict[str, Any] = await world.eventually(ask, lambda it: it and holds(it), what, 60)
    return told


def _out(state: dict[str, Any]) -> list[str]:
    """The injects that are out."""
    return [each["id"] for each in state["tabletop"]["injects"] if each["delivered_at"] is not None]
