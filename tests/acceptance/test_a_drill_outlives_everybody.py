"""Kill -9 of the worker, the API, the engine or all of them in each phase of a game day.

The target is clean by its lease alone, before anybody is started again; and what is told in the end is what the
lease's own file says. Where in a phase the kill falls is drawn by a seed.
"""

import asyncio
import json
import random
import subprocess
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from activities.clients import kernel
from tests.support.http_target import Target, http_target
from tests.support.world import PARTS, World, a_world

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

PHASES = ("checking", "awaiting_approval", "announcing", "injecting", "proving", "watching", "restoring", "verifying")
# Nothing has been touched in these.
BEFORE = PHASES[:3]
VICTIMS = {"worker": ("worker",), "api": ("api",), "engine": ("engine",), "all": ("worker", "api", "engine")}
CASES = [(phase, victim) for phase in PHASES for victim in VICTIMS]
SEED = 20261127
# These three are held each time; all of them with `make test-long`.
USUAL = [("watching", "all"), ("injecting", "worker"), ("restoring", "engine")]
CONFIGURATION = """
people: {{ann: {{name: Ann}}, bob: {{name: Bob}}}}
services: {{shop: {{name: Shop}}}}
drill_targets: {{one: {{service: shop, environment: test, drillable: true, with: {{process: one}}}}}}
actions: {{lease_folder: "{folder}/leases", processes: {{one: "{folder}/one.pid"}}}}
"""
GAME_DAY = """\
schema_version: 1
name: NAME
title: A process hangs
owner: ann
hypothesis: Nobody notices
match: {drillable: "yes"}
targets: {one: {names: [one]}}
steady_state: [{id: health, action: check.http, with: {url: "HEALTH"}, mode: edge}]
probe_every: 200ms
faults:
  - {id: pause, action: process.pause, targets: one, with: {process: one}, duration: 6s, lease: 3s}
expectations: [{expect: no_other_alerts}]
duration: 10s
"""
MORE = {
    "awaiting_approval": "approval: {required: true, expires_after: 8s}\n",
    "announcing": "announce: {audience: [bob], ahead: 3s}\n",
}


class Place:
    """The house, one victim, and what shows that it is well."""

    def __init__(self, world: World, folder: Path, pid: int, health: Target) -> None:
        self.world = world
        self.pid = pid
        self.health = health
        self._leases = folder / "leases"

    def is_paused(self) -> bool:
        """What the kernel says of the victim."""
        return (kernel.stat_of(self.pid) or ("", 0))[0] in {"T", "t"}

    def lease(self, id_: str) -> dict[str, Any] | None:
        """The lease of this game day's fault, as its file has it."""
        documents = [json.loads(file.read_text()) for file in self._leases.glob("*.json")]
        return next((each for each in documents if id_ in each["key"]), None)

    async def state(self, id_: str) -> dict[str, Any]:
        """What is told of it; empty while nobody answers."""
        try:
            answer = await self.world.http.get(f"/api/v1/game-days/{id_}")
        except OSError:
            return {}
        found: dict[str, Any] = answer.json() if answer.is_success else {}
        return found

    async def until(self, holds: Any, what: str) -> None:
        """As soon as it holds."""

        async def ask() -> Any:
            return holds()

        await self.world.eventually(ask, bool, what, 60)

    async def reach(self, id_: str, phase: str) -> None:
        """Return when the game day is in that phase, by what can be seen from outside."""
        if phase == "checking":
            await self.until(lambda: self.health.seen, "the first question")
        elif phase == "injecting":
            # Until it has a watchdog, a lease ends nothing, and there is no fault either.
            await self.until(lambda: (self.lease(id_) or {}).get("watchdog"), "the lease")
        elif phase in BEFORE:
            await self._told(id_, lambda it: it["phase"] == phase)
        else:
            await self.until(self.is_paused, "the fault")
            if phase != "proving":
                await self._told(id_, lambda it: it["took_effect_at"])
            if phase == "verifying":
                self.hold()
            if phase in {"restoring", "verifying"}:
                await self.world.post(f"/game-days/{id_}/halt", {"by": "bob", "reason": "enough was seen"})
            if phase == "verifying":
                await self.until(lambda: self.health.seen, "the last question")

    def hold(self) -> None:
        """From now on nobody gets an answer about the steady state."""
        self.health.seen.clear()
        self.health.hold = threading.Event()

    def let_go(self) -> None:
        """Everybody gets one again."""
        if self.health.hold is not None:
            self.health.hold.set()
        self.health.hold = None

    async def _told(self, id_: str, holds: Any) -> None:
        await self.world.eventually(lambda: self.state(id_), lambda it: it and holds(it), "the phase", 60)


def _a_victim() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["/bin/sleep", "3600"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """One house for all; each test brings back what it has killed."""
    folder = tmp_path_factory.mktemp("outlives")
    victim = _a_victim()
    (folder / "one.pid").write_text(f"{victim.pid}\n")
    try:
        with http_target() as health:
            async with a_world(folder / "world", CONFIGURATION.format(folder=folder)) as world:
                yield Place(world, folder, victim.pid, health)
    finally:
        victim.kill()
        victim.wait()


@pytest.mark.parametrize(
    ("phase", "victim"),
    [pytest.param(*case, marks=() if case in USUAL else pytest.mark.long, id="-".join(case)) for case in CASES],
)
async def test_the_target_is_clean_and_the_report_is_true(place: Place, phase: str, victim: str) -> None:
    """Killed in that phase; clean without us; started again, judged, and told as it was."""
    name = f"{phase.replace('_', '-')}-{victim}"
    world, hand = place.world, random.Random(f"{SEED}/{name}")
    text = (GAME_DAY + MORE.get(phase, "")).replace("NAME", name).replace("HEALTH", place.health.url)
    (world.home.game_days / f"{name}.yaml").write_text(text)
    place.health.seen.clear()
    if phase == "checking":
        place.hold()
    id_ = (await world.post(f"/game-days/{name}/start", {"by": "ann"}))["id"]
    await place.reach(id_, phase)
    if phase not in {"injecting", "proving", "restoring"}:
        await asyncio.sleep(hand.uniform(0, 0.3))
    for part in VICTIMS[victim]:
        world.kill(part)
    place.let_go()
    if victim != "api":
        # Nobody is there to do it but the target's own side.
        await place.until(lambda: (place.lease(id_) or {"state": "none"})["state"] in {"none", "reverted"}, "the end")
        assert not place.is_paused()
    for part in PARTS:
        if part in VICTIMS[victim]:
            await world.start(part)
    await world.ready()
    await world.eventually(lambda: place.state(id_), lambda it: it.get("phase") == "finished", "the end", 120)
    told, lease = await place.state(id_), place.lease(id_)
    assert not place.is_paused()
    if lease is None:
        assert (told["injected_at"], told["verdict"]) in {(None, "refused"), (None, "aborted")}, told["reason"]
        assert phase in BEFORE
        return
    (fault,) = told["faults"]
    said = json.dumps([told["verdict"], told["reason"], fault, lease], indent=1)
    assert (told["restored"], fault["state"], fault["clean"]) == (True, "undone", True), said
    assert fault["undone_by"] == {"lease": "lease", "duration": "lease", "undo": "workflow"}[lease["by"]], said
    if phase in {"restoring", "verifying"}:
        assert told["verdict"] == "aborted", said
    elif lease["by"] == "lease":
        assert told["verdict"] not in {"passed", "aborted"}, said
        assert fault["ended_early"] is True, said
    else:
        assert (told["verdict"], fault["effect"]) == ("passed", "confirmed"), said
