"""A game day whose worker is killed while the fault is there: the next worker puts the target right, by itself."""

from pathlib import Path
from typing import Any

from tests.support.house import Shop
from tests.support.ports import a_free_port
from tests.support.world import World, a_world

CONFIGURATION = """
people: {{ann: {{name: Ann}}}}
services: {{shop: {{name: Shop}}}}
drill_targets: {{shop: {{service: shop, environment: test, drillable: true}}}}
actions:
  releases:
    shop: {{directory: "{folder}", pid_file: "{folder}/supervisor.pid"}}
  processes:
    shop: "{folder}/shop.pid"
"""
GAME_DAY = """
schema_version: 1
name: shop-dies
title: The shop dies and nobody comes
owner: ann
hypothesis: Nobody is paged, so this cannot pass
match: {drillable: "yes"}
targets: {shop: {names: [shop]}}
steady_state: [{id: health, action: check.http, with: {url: "URL/healthz"}}]
probe_every: 200ms
faults:
  - id: kill
    action: process.kill
    targets: shop
    with: {process: shop}
    duration: 10s
    undo: {action: release.restart, with: {target: shop}}
expectations: [{expect: page, within: 1s}]
duration: 10s
"""


async def test_a_killed_worker_leaves_no_broken_target(tmp_path: Path) -> None:
    """Kill -9 in mid-fault, start again: restored, judged, and in the record."""
    shop = Shop(tmp_path / "shop", a_free_port())
    try:
        async with a_world(tmp_path / "world", CONFIGURATION.format(folder=shop.folder)) as world:
            (world.home.game_days / "shop-dies.yaml").write_text(GAME_DAY.replace("URL", shop.url))
            await world.eventually(shop.sells, bool, "the shop sells")
            id_ = (await world.post("/game-days/shop-dies/start", {"by": "ann"}))["id"]
            await _becomes(world, id_, lambda state: state["took_effect_at"], "the fault took effect")
            assert await shop.sells() is None
            await world.restart("worker")
            end = await _becomes(world, id_, lambda state: state["phase"] == "finished", "the end")
            assert (end["verdict"], end["restored"]) == ("failed", True), end["reason"]
            assert [each["judgement"] for each in end["expectations"]] == ["missed"]
            assert await world.eventually(shop.sells, bool, "the shop sells again") == "v2"
            recorded = await world.eventually(
                lambda: world.get("/game-days"),
                lambda page: page["items"] and page["items"][0]["verdict"],
                "the record has it",
            )
            assert [each["id"] for each in recorded["items"]] == [id_]
    finally:
        shop.close()


async def _becomes(world: World, id_: str, holds: Any, what: str) -> dict[str, Any]:
    """The game day, once it is as wanted."""

    async def ask() -> dict[str, Any]:
        state: dict[str, Any] = (await world.http.get(f"/api/v1/game-days/{id_}")).json()
        return state

    def is_so(state: dict[str, Any]) -> Any:
        return "phase" in state and "took_effect_at" in state and holds(state)

    found: dict[str, Any] = await world.eventually(ask, is_so, what, 60)
    return found
