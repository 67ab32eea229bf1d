"""What happens around a game day while it is held: the lever, others, silence, edits. One real house, real processes.

The fault is a paused process (`process.pause`), so that the kernel says who is broken and who is well.
"""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from activities.clients import kernel
from domain.ids import safety_lever_workflow_id
from domain.safety_lever import EngageLever, LeverStart, LeverState, ReleaseLever
from domain.timeline import person
from tests.support.house import alert
from tests.support.http_target import Target, http_target
from tests.support.world import World, a_world
from workflows.options import CONTROL_QUEUE
from workflows.safety_lever import SafetyLever

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

# So many drills are held at once while the lever is pulled.
CROWD = 4
CONFIGURATION = """
people: {{ann: {{name: Ann, groups: [sre]}}, bob: {{name: Bob, groups: [sre]}}}}
services: {{shop: {{name: Shop}}}}
integrations: {{alertmanager: {{secret: "file:secrets/alertmanager"}}}}
routes:
  - {{name: flood, match: {{kind: flood}}, group_by: [alertname], service: shop, threshold: {{for: 1h}}}}
  - {{name: all, group_by: [alertname], service: shop, severity: SEV-3}}
drill_targets:
{targets}
game_day_policy: {{alertmanagers: ["{alertmanager}"]}}
actions:
  lease_folder: "{folder}/leases"
  processes:
{processes}
"""
TARGET = (
    "  {name}: {{service: shop, environment: test, drillable: true, tags: {{kind: {name}}}, with: {{process: {name}}}}}"
)
# The lease is long: who is well again soon was put right by the game day.
GAME_DAY = """\
schema_version: 1
name: NAME
title: A process hangs
owner: ann
hypothesis: We notice
match: {drillable: "yes"}
targets:
  one: {names: [NAME]}
steady_state:
  - {id: health, action: check.http, with: {url: "HEALTH"}}
probe_every: 200ms
faults:
  - id: pause
    action: process.pause
    targets: one
    with: {process: "{{ target.process }}"}
    duration: 1m
    lease: 1m
expectations:
  - {expect: detect, within: 1m}
duration: 1m
"""


class Place:
    """The house, its victims, and the servers that tests play with."""

    def __init__(self, world: World, victims: dict[str, int], health: Target, alertmanager: Target) -> None:
        self.world = world
        self.victims = victims
        self.health = health
        self.alertmanager = alertmanager

    def write(self, name: str, text: str = GAME_DAY, **more: str) -> None:
        """The file of a game day; `more` replaces words in it."""
        for word, value in {"HEALTH": self.health.url, **more}.items():
            text = text.replace(word, value)
        (self.world.home.game_days / f"{name}.yaml").write_text(text.replace("NAME", name))

    async def start(self, name: str) -> str:
        """Its id."""
        mark = {"Idempotency-Key": uuid4().hex}
        id_: str = (await self.world.post(f"/game-days/{name}/start", {"by": "ann"}, **mark))["id"]
        return id_

    async def becomes(self, id_: str, holds: Any, what: str) -> dict[str, Any]:
        """The game day, once it is as wanted."""

        async def ask() -> dict[str, Any]:
            state: dict[str, Any] = (await self.world.http.get(f"/api/v1/game-days/{id_}")).json()
            return state

        found: dict[str, Any] = await self.world.eventually(ask, lambda it: "phase" in it and holds(it), what, 90)
        return found

    async def in_effect(self, name: str) -> str:
        """Started, and the kernel says that its victim is paused."""
        id_ = await self.start(name)
        state = await self.becomes(
            id_, lambda it: it["took_effect_at"] or it["phase"] == "finished", "the fault takes effect"
        )
        assert state["verdict"] is None, state["reason"]
        assert self.is_paused(name)
        return id_

    async def ended(self, id_: str) -> dict[str, Any]:
        """Once it is over; and whatever happened, the victim goes on."""
        state = await self.becomes(id_, lambda it: it["phase"] == "finished", "the end")
        assert not any(self.is_paused(fault["target"]) for fault in state["faults"])
        return state

    async def halted(self, id_: str) -> dict[str, Any]:
        """A person ends it."""
        await self.world.post(f"/game-days/{id_}/halt", {"by": "bob", "reason": "enough was seen"})
        return await self.ended(id_)

    def is_paused(self, name: str) -> bool:
        """What the kernel says."""
        return (kernel.stat_of(self.victims[name]) or ("", 0))[0] in {"T", "t"}

    async def lever(self) -> Any:
        """The lever for everything, as a workflow."""
        client = await self.world.engine()
        id_ = safety_lever_workflow_id("global")
        return await client.start_workflow(
            SafetyLever.run, LeverStart(scope="global"), id=id_, task_queue=CONTROL_QUEUE
        )


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Target, Target]]:
    """Something that is well, and an Alertmanager without silences and alerts."""
    with ExitStack() as running:
        health, alertmanager = (running.enter_context(http_target()) for _ in range(2))
        alertmanager.body = b"[]"
        yield health, alertmanager


def _a_victim() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["/bin/sleep", "600"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory, servers: tuple[Target, Target]) -> AsyncIterator[Place]:
    """One house for all; each test has victims of its own."""
    folder = tmp_path_factory.mktemp("unexpected")
    names = [f"crowd{number}" for number in range(CROWD)]
    names += ["overlap", "nodata", "silenced", "wrong", "empty", "changed", "edited"]
    children = {name: _a_victim() for name in names}
    for name, child in children.items():
        (folder / f"{name}.pid").write_text(f"{child.pid}\n")
    processes = "\n".join(f'    {name}: "{folder}/{name}.pid"' for name in names)
    targets = "\n".join(TARGET.format(name=name) for name in names)
    health, alertmanager = servers
    text = CONFIGURATION.format(folder=folder, processes=processes, targets=targets, alertmanager=alertmanager.url)
    try:
        async with a_world(folder / "world", text) as world:
            yield Place(world, {name: child.pid for name, child in children.items()}, health, alertmanager)
    finally:
        for child in children.values():
            child.kill()
            child.wait()


async def test_the_lever_ends_all_that_is_under_way(place: Place) -> None:
    """Four at once, in a flood of alerts: each puts its target right itself, and none begins until it is let go."""
    names = [name for name in place.victims if name.startswith("crowd")]
    for name in names:
        place.write(name)
    ids = [await place.in_effect(name) for name in names]
    assert all(place.is_paused(name) for name in names)
    flood = [alert(f"Flood{number}", labels={"kind": "flood"}) for number in range(20)]
    engaging = (await place.lever()).execute_update(
        "engage", EngageLever(by=person("bob"), reason="the sale begins"), result_type=LeverState
    )
    await asyncio.gather(engaging, *(place.world.alert(each, group=each["labels"]) for each in flood))
    ends = await asyncio.gather(*(place.ended(id_) for id_ in ids))
    for end in ends:
        assert (end["verdict"], end["restored"]) == ("aborted", True), end["reason"]
        assert "the safety lever (global) was engaged: the sale begins" in end["reason"]
        assert [fault["undone_by"] for fault in end["faults"]] == ["workflow"]
    refused = await place.world.http.post(f"/api/v1/game-days/{names[0]}/start", json={"by": "ann"})
    assert refused.status_code == 409
    assert "the safety lever (global) is engaged by bob" in refused.json()["detail"]
    lever = (await place.world.engine()).get_workflow_handle(safety_lever_workflow_id("global"))
    await lever.execute_update("release", ReleaseLever(by=person("bob"), reason="it is over"))


async def test_a_second_one_waits_for_the_first(place: Place) -> None:
    """Two faults at once prove nothing; the refusal names the one that is held."""
    place.write("overlap")
    id_ = await place.in_effect("overlap")
    answer = await place.world.http.post("/api/v1/game-days/overlap/start", json={"by": "ann"})
    assert (answer.status_code, answer.json()["detail"]) == (
        409, f"game day {id_!r} is under way; wait for it or halt it"
    )  # fmt: skip
    assert (await place.halted(id_))["verdict"] == "aborted"


async def test_a_stop_condition_that_falls_silent_ends_it(place: Place) -> None:
    """It answered before the fault; then nobody can tell any more whether customers suffer."""
    with http_target() as watch:
        stop = f'stop_conditions: [{{id: watch, action: check.http, with: {{url: "{watch.url}"}}, stop_when: fails, '
        place.write("nodata", GAME_DAY + stop + "every: 200ms}]\n")
        id_ = await place.in_effect("nodata")
        watch.hang_up = True
        end = await place.ended(id_)
    assert end["restored"] is True
    assert end["stopped"]["condition"] == "watch"
    assert end["stopped"]["for_want_of_data"] is True
    assert end["verdict"] != "passed"
    assert [fault["undone_by"] for fault in end["faults"]] == ["workflow"]


async def test_a_silenced_alert_is_found_before_the_fault(place: Place) -> None:
    """Nobody would hear of it, and everybody would learn that all is well."""
    matcher = {"name": "drillable", "value": "yes", "isRegex": False, "isEqual": True}
    silence = {"status": {"state": "active"}, "comment": "deploying", "matchers": [matcher]}
    place.write("silenced")
    place.alertmanager.body = json.dumps([silence]).encode()
    try:
        end = await place.ended(await place.start("silenced"))
    finally:
        place.alertmanager.body = b"[]"
    assert (end["verdict"], end["injected_at"]) == ("refused", None)
    assert "the alert is silenced (deploying): nobody would hear of the fault; end the silence" in end["reason"]


async def test_another_alert_is_no_detection(place: Place) -> None:
    """It stays a real incident of its own, and the drill was not detected."""
    short = {"duration: 1m": "duration: 30s", "lease: 1m": "lease: 30s"}
    place.write("wrong", **{"within: 1m}": "within: 5s}\n  - {expect: no_other_alerts}", **short})
    id_ = await place.in_effect("wrong")
    other = alert("SearchSlow", startsAt="2026-11-22T10:00:00Z", labels={"drillable": "no"})
    answer = await place.world.alert(other, group={"alertname": "SearchSlow"})
    group = answer.json()["groups"][0]
    found = await place.world.eventually(
        lambda: place.world.get(f"/alert-groups/{group}"), lambda it: it["incident_id"], "an incident"
    )
    incident = await place.world.get(f"/incidents/{found['incident_id']}")
    end = await place.ended(id_)
    assert incident["drill"] is False
    judged = {each["expectation"]: each["judgement"] for each in end["expectations"]}
    assert judged == {"detect": "missed", "no_other_alerts": "missed"}
    assert (end["verdict"], end["incident_id"]) == ("failed", None)
    ended = alert("SearchSlow", "resolved", endsAt="2026-11-22T11:00:00Z", labels={"drillable": "no"})
    await place.world.alert(ended, group={"alertname": "SearchSlow"})
    # It is on the service of all targets here: nothing would begin before it is over.
    await place.world.post(f"/incidents/{incident['id']}/resolve", {"by": "bob"})


@pytest.mark.parametrize("on_empty", ["refuse", "skip"])
async def test_without_a_target_nothing_passes(place: Place, on_empty: str) -> None:
    """Whatever the document says of empty selections."""
    place.write("empty", **{"names: [NAME]": f"tags: {{kind: nothing}}, on_empty: {on_empty}"})
    answer = await place.world.http.post("/api/v1/game-days/empty/start", json={"by": "ann"})
    if answer.status_code == 201:
        end = await place.ended(answer.json()["id"])
        assert (end["verdict"], end["injected_at"]) == ("refused", None)
        sentence = end["reason"]
    else:
        sentence = answer.json()["detail"]
    assert "choose nothing" in sentence


async def test_targets_that_changed_after_the_approval_are_not_touched(place: Place) -> None:
    """Bob said yes to another process."""
    place.write("changed", GAME_DAY + "approval: {required: true, approvers: [sre]}\n")
    id_ = await place.start("changed")
    state = await place.becomes(id_, lambda it: it["approval"], "it asks people")
    approval = state["approval"]
    assert approval["shown"]["steps"][0]["with"]["process"] == "changed"
    file = place.world.home.configuration
    before = file.read_text()
    file.write_text(before.replace("with: {process: changed}", "with: {process: edited}"))
    try:
        vote = {"decision": "approve", "digest": approval["digest"], "by": "bob"}
        await place.world.post(f"/approvals/{approval['id']}/decision", vote)
        end = await place.ended(id_)
    finally:
        file.write_text(before)
    assert (end["verdict"], end["injected_at"]) == ("refused", None)
    assert "have changed since they were approved" in end["reason"]


async def test_an_edit_does_not_reach_what_is_under_way(place: Place) -> None:
    """It goes on as it was started and says which definition that was; the next one is another."""
    place.write("edited")
    id_ = await place.in_effect("edited")
    short = {
        "duration: 1m\n    lease": "duration: 2s\n    lease",
        "\nduration: 1m": "\nduration: 5s",
        "within: 1m": "within: 3s",
    }
    place.write("edited", **{**short, "names: [NAME]": "names: [empty]"})
    state = await place.becomes(id_, lambda it: it["faults"][0]["renewed_at"], "its lease was renewed")
    assert [fault["target"] for fault in state["faults"]] == ["edited"]
    assert state["faults"][0]["duration_seconds"] == 60
    first = await place.halted(id_)
    assert first["verdict"] == "aborted"
    second = await place.ended(await place.start("edited"))
    assert second["definition"] != first["definition"]
    assert [fault["target"] for fault in second["faults"]] == ["empty"]
