"""Whoever a game day declares unavailable gets no page and cannot act in it; the others manage, then all are back."""

from pathlib import Path
from typing import Any

from tests.support.house import Shop, alert
from tests.support.mailbox import Mailbox
from tests.support.ports import a_free_port
from tests.support.world import World, a_world

CONFIGURATION = """
people:
  alice: {{name: Alice, email: alice@shop.example}}
  bob: {{name: Bob, email: bob@shop.example}}
on_call:
  shop:
    levels: [{{people: [alice], acknowledge_within: 2s}}, {{people: [bob], acknowledge_within: 1h}}]
services: {{shop: {{name: Shop, on_call: shop}}}}
integrations: {{alertmanager: {{secret: "file:secrets/alertmanager"}}}}
routes: [{{name: all, group_by: [alertname], service: shop, severity: SEV-2}}]
channels: {{mail: {{kind: smtp, host: 127.0.0.1, port: {smtp}, sender: hotwash@shop.example, encryption: none}}}}
page_channels: [mail]
drill_targets: {{shop: {{service: shop, environment: test, drillable: true}}}}
actions:
  releases:
    shop: {{directory: "{folder}", pid_file: "{folder}/supervisor.pid"}}
  processes:
    shop: "{folder}/shop.pid"
"""
GAME_DAY = """
schema_version: 1
name: alice-is-away
title: The shop dies while Alice is away
owner: bob
hypothesis: Bob is paged and manages alone
roles: {unavailable: [alice]}
match: {drillable: "yes"}
targets: {shop: {names: [shop]}}
steady_state: [{id: health, action: check.http, with: {url: "URL/healthz"}}]
probe_every: 200ms
faults:
  - id: kill
    action: process.kill
    targets: shop
    with: {process: shop}
    duration: 5m
    undo: {action: release.restart, with: {target: shop}}
expectations: [{expect: route, within: 1m, to: [bob]}, {expect: acknowledge, within: 2m}]
duration: 5m
"""


async def test_alice_is_away_bob_manages_and_then_alice_is_back(tmp_path: Path) -> None:
    """No mail to alice for her level, 403 for her word; bob's counts; once the drill is over, alice may act."""
    shop = Shop(tmp_path / "shop", a_free_port())
    try:
        with Mailbox() as mailbox:
            text = CONFIGURATION.format(folder=shop.folder, smtp=mailbox.port)
            async with a_world(tmp_path / "world", text) as world:
                (world.home.game_days / "alice-is-away.yaml").write_text(GAME_DAY.replace("URL", shop.url))
                await world.eventually(shop.sells, bool, "the shop sells")
                game_day = (await world.post("/game-days/alice-is-away/start", {"by": "bob"}))["id"]
                await _becomes(world, game_day, lambda state: state["took_effect_at"], "the fault took effect")
                incident = await _declared_by(world, "ShopDown")
                refused = await world.http.post(f"/api/v1/incidents/{incident}/acknowledge", json={"by": "alice"})
                assert refused.status_code == 403, refused.text
                assert "alice is declared unavailable in the game day 'alice-is-away'" in refused.json()["detail"]
                await world.eventually(_recipients(mailbox), lambda to: "bob@shop.example" in to, "bob is paged")
                assert "alice@shop.example" not in mailbox.recipients
                await world.post(f"/incidents/{incident}/acknowledge", {"by": "bob"})
                end = await _becomes(world, game_day, lambda state: state["phase"] == "finished", "the end")
                assert _is_met(end), end["expectations"]
                back = await world.eventually(
                    lambda: world.get(f"/incidents/{incident}/timeline", limit=200),
                    lambda page: any("alice may act again" in each["summary"] for each in page["items"]),
                    "alice is back",
                )
                assert any("alice is unavailable in this drill and not paged" in e["summary"] for e in back["items"])
                await world.post(f"/incidents/{incident}/acknowledge", {"by": "alice"})
    finally:
        shop.close()


def _recipients(mailbox: Mailbox) -> Any:
    async def ask() -> list[str]:
        return mailbox.recipients

    return ask


async def _declared_by(world: World, name: str) -> str:
    """The drill's incident that an alert of this name brings about."""
    sent = await world.alert(alert(name, labels={"drillable": "yes"}), group={"alertname": name})
    assert sent.status_code == 202, sent.text
    found = await world.eventually(
        lambda: world.get("/incidents", drill="true"), lambda page: page["items"], "the drill's incident"
    )
    incident: str = found["items"][0]["id"]
    return incident


def _is_met(state: dict[str, Any]) -> bool:
    return {each["judgement"] for each in state["expectations"]} == {"met"}


async def _becomes(world: World, id_: str, holds: Any, what: str) -> dict[str, Any]:
    """The game day, once it is as wanted."""

    async def ask() -> dict[str, Any]:
        state: dict[str, Any] = (await world.http.get(f"/api/v1/game-days/{id_}")).json()
        return state

    found: dict[str, Any] = await world.eventually(ask, lambda s: "phase" in s and holds(s), what, 60)
    return found
