"""A game day amid the real response: pages, acknowledgements and updates are those of people; real trouble goes first.

One house of real processes. The fault is a paused process, so the kernel says whether it is there.
"""

import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from activities.clients import kernel
from tests.support.house import House, a_house
from tests.support.http_target import http_target

pytestmark = pytest.mark.asyncio(loop_scope="module")

MORE = """
  lease_folder: "{folder}/leases"
  processes:
    victim: "{folder}/victim.pid"
drill_targets:
  victim: {{service: shop, environment: test, drillable: true, with: {{process: victim}}}}
"""
GAME_DAY = """\
schema_version: 1
name: NAME
title: A process hangs
owner: dana
hypothesis: Alice is paged, takes it, and people are told
service: shop
match: {drillable: "yes"}
targets: {one: {names: [victim]}}
steady_state: [{id: health, action: check.http, with: {url: "HEALTH"}}]
probe_every: 300ms
faults:
  - {id: pause, action: process.pause, targets: one, with: {process: "{{ target.process }}"}, duration: TIME, lease: 1m}
expectations:
  - {expect: detect, within: TIME}
  - {expect: page, within: TIME}
  - {expect: route, within: TIME, to: [TO]}
  - {expect: acknowledge, within: TIME}
  - {expect: communicate, within: TIME}
duration: TIME
"""


class Drills:
    """The house and its game days."""

    def __init__(self, house: House, health: str, victim: int) -> None:
        self.house = house
        self.world = house.world
        self.health = health
        self.victim = victim

    def is_paused(self) -> bool:
        """What the kernel says."""
        return (kernel.stat_of(self.victim) or ("", 0))[0] in {"T", "t"}

    async def start(self, name: str, time: str = "1m", to: str = "alice") -> str:
        """Its id."""
        text = GAME_DAY.replace("NAME", name).replace("HEALTH", self.health).replace("TIME", time).replace("TO", to)
        (self.world.home.game_days / f"{name}.yaml").write_text(text)
        mark = {"Idempotency-Key": uuid4().hex}
        id_: str = (await self.world.post(f"/game-days/{name}/start", {"by": "dana"}, **mark))["id"]
        return id_

    async def in_effect(self, name: str, **how: str) -> str:
        """Started, and its victim is paused."""
        id_ = await self.start(name, **how)
        state = await self.becomes(id_, lambda it: it["took_effect_at"] or it["phase"] == "finished", "the effect")
        assert (state["verdict"], self.is_paused()) == (None, True), state["reason"]
        return id_

    async def ended(self, id_: str) -> dict[str, Any]:
        """Once it is over; the victim goes on."""
        state = await self.becomes(id_, lambda it: it["phase"] == "finished", "the end")
        assert not self.is_paused()
        return state

    async def is_drill(self, incident: str, wanted: bool) -> None:
        """Whether it is marked."""
        found = await self.house.eventually(lambda: self.house.look(f"/incidents/{incident}"), bool, incident)
        assert found["drill"] is wanted

    async def fire(self, status: str = "firing", name: str = "VictimHangs", **more: Any) -> str:
        """The monitoring's part."""
        ends = {"endsAt": _now()} if status == "resolved" else {}
        labels = {"drillable": "yes"}
        return await self.house.send(name, status, startsAt=_now(), labels=labels, **ends, **more)

    async def becomes(self, id_: str, holds: Any, what: str) -> dict[str, Any]:
        """The game day, once it is as wanted."""

        async def ask() -> dict[str, Any]:
            state: dict[str, Any] = (await self.world.http.get(f"/api/v1/game-days/{id_}")).json()
            return state

        found: dict[str, Any] = await self.world.eventually(ask, lambda it: "phase" in it and holds(it), what, 90)
        return found


def _now() -> str:
    return datetime.now(UTC).isoformat()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def drills(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Drills]:
    """One house for all."""
    folder: Path = tmp_path_factory.mktemp("life")
    child = subprocess.Popen(["/bin/sleep", "900"])  # noqa: ASYNC220 - takes a millisecond
    (folder / "victim.pid").write_text(f"{child.pid}\n")
    try:
        with http_target() as health:
            async with a_house(folder / "house", more=MORE.format(folder=folder)) as house:
                yield Drills(house, health.url, child.pid)
    finally:
        child.kill()
        child.wait()


def judged(state: dict[str, Any]) -> dict[str, str]:
    """The score sheet."""
    return {each["expectation"]: each["judgement"] for each in state["expectations"]}


async def test_what_people_do_is_what_is_scored(drills: Drills) -> None:
    """Mailed to Alice, taken by her, told to everybody: met and passed. The next time nobody comes, and it is worse."""
    first = await drills.in_effect("people")
    group = await drills.fire()
    incident = await drills.house.incident_of(group)
    await drills.is_drill(incident, True)
    await drills.house.until(lambda: drills.house.mails(f"page/{incident}", to="alice"), "Alice's page")
    await drills.world.post(f"/incidents/{incident}/acknowledge", {"by": "alice"})
    end = await drills.ended(first)
    assert set(judged(end).values()) == {"met"}, end["expectations"]
    assert (end["verdict"], end["incident_id"]) == ("passed", incident), end["reason"]
    evidence = {each["expectation"]: each["evidence"] for each in end["expectations"]}
    assert all("alice" in evidence[each].lower() for each in ("page", "route", "acknowledge")), evidence
    await drills.fire("resolved")

    id_ = await drills.in_effect("people", time="10s")
    await drills.ended(id_)
    # It is compared once it is over.
    second = await drills.becomes(id_, lambda it: it["difference"]["last_id"], "the difference")
    assert set(judged(second).values()) == {"missed"}
    assert second["verdict"] == "failed"
    compared = second["difference"]
    assert compared["last_id"] == first
    said = {each["what"]: (each["before"], each["now"], each["is_better"]) for each in compared["changes"]}
    assert said["verdict"] == ("passed", "failed", False)
    assert said["acknowledge"] == ("met", "missed", False)


async def test_a_page_that_nobody_answers_is_only_a_page(drills: Drills) -> None:
    """Alice is paged; that is not Bob, and nobody has it."""
    id_ = await drills.in_effect("unanswered", to="bob")
    await drills.fire(name="NobodyComes")
    await drills.becomes(id_, lambda it: judged(it)["page"] == "met", "the page")
    await drills.world.post(f"/game-days/{id_}/halt", {"by": "dana", "reason": "enough was seen"})
    end = await drills.ended(id_)
    await drills.fire("resolved", name="NobodyComes")
    sheet = judged(end)
    assert (sheet["detect"], sheet["page"]) == ("met", "met")
    assert "met" not in {sheet["route"], sheet["acknowledge"]}
    route = next(each for each in end["expectations"] if each["expectation"] == "route")
    assert "paged, but not bob" in route["evidence"]


async def test_a_real_incident_ends_it_and_lets_none_begin(drills: Drills) -> None:
    """Declared by Carol while the victim is paused: put right at once; the next is refused until hers is over."""
    id_ = await drills.in_effect("trouble")
    incident = await drills.house.declared("Customers cannot pay")
    end = await drills.ended(id_)
    assert (end["restored"], end["stopped"]["is_real_incident"]) == (True, True)
    assert end["verdict"] != "passed"
    assert f"{incident} (SEV-2, Customers cannot pay) was declared" in end["reason"]
    refused = await drills.ended(await drills.start("trouble"))
    assert (refused["verdict"], refused["injected_at"]) == ("refused", None)
    assert f"{incident} (SEV-2, Customers cannot pay) is a real incident on a target's service" in refused["reason"]
    await drills.world.post(f"/incidents/{incident}/resolve", {"by": "carol"})


async def test_an_alert_that_fires_already_lets_none_begin(drills: Drills) -> None:
    """An open group of its own `match`, which became a real incident: nobody could tell the two apart."""
    await drills.is_drill(await drills.house.incident_of(await drills.fire(name="AlreadyFiring")), False)
    refused = await drills.ended(await drills.start("early"))
    assert (refused["verdict"], refused["injected_at"]) == ("refused", None)
    assert "what is to be detected fires already: " in refused["reason"]
    await drills.fire("resolved", name="AlreadyFiring")
