"""A game day mutes the alert of its own fault at a real Alertmanager: nobody is told, and its report says so.

The whole way is real but for the rule that fires: a process that stands still, an alert at Alertmanager, its webhook,
an alert group. The one thing to know: the same game day passes when it mutes the alerts of somebody else.
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from activities.clients import kernel
from tests.support.http_target import http_target
from tests.support.ports import a_free_port
from tests.support.real_servers import Children, listens, until
from tests.support.world import World, a_world

pytestmark = [pytest.mark.real, pytest.mark.asyncio, pytest.mark.timeout(300)]

CONFIGURATION = """
people: {{ann: {{name: Ann}}}}
services: {{shop: {{name: Shop}}}}
integrations: {{alertmanager: {{secret: "file:secrets/alertmanager"}}}}
routes: [{{name: hangs, match: {{alertname: ShopHangs}}, service: shop, severity: SEV-3}}]
drill_targets:
  shop: {{service: shop, environment: test, drillable: true, with: {{process: victim}}}}
  alerting: {{environment: test, drillable: true, with: {{alertmanager: main}}}}
game_day_policy: {{alertmanagers: ["{alertmanager}"]}}
actions:
  lease_folder: "{folder}/leases"
  processes: {{victim: "{folder}/victim.pid"}}
  alertmanagers: {{main: {{url: "{alertmanager}"}}}}
policy: {{alert_reopen_window: 1s}}
"""
ALERTMANAGER = """
route: {{receiver: hotwash, group_by: [alertname, drillable], group_wait: 100ms, group_interval: 1s}}
receivers:
  - name: hotwash
    webhook_configs:
      - {{url: "{url}/webhooks/alertmanager", http_config: {{authorization: {{credentials_file: "{secret}"}}}}}}
"""
GAME_DAY = """\
schema_version: 1
name: NAME
title: The shop hangs, and alerting is broken
owner: ann
hypothesis: Somebody hears of it all the same
service: shop
match: {drillable: NAME}
targets: {shop: {names: [shop]}, alerting: {names: [alerting]}}
steady_state: [{id: health, action: check.http, with: {url: "HEALTH"}, mode: edge}]
faults:
  - id: mute
    action: alerting.mute
    targets: alerting
    with: {alertmanager: "{{ target.alertmanager }}", match: {drillable: MUTED}}
    duration: TIME
  - {id: hang, action: process.pause, targets: shop, with: {process: "{{ target.process }}"}, delay: 1s, duration: TIME}
expectations: [{expect: detect, within: TIME}]
duration: TIME
"""


class House:
    """Hotwash, the Alertmanager that tells it, and a process that can be paused."""

    def __init__(self, world: World, alertmanager: str, health: str, victim: int) -> None:
        self.world = world
        self.alertmanager = alertmanager
        self.health = health
        self.victim = victim

    async def held(self, name: str, muted: str, time: str) -> tuple[dict[str, Any], str]:
        """One game day to its end, and what became of its alert at Alertmanager while the process stood still."""
        text = GAME_DAY.replace("NAME", name).replace("MUTED", muted)
        text = text.replace("HEALTH", self.health).replace("TIME", time)
        (self.world.home.game_days / f"{name}.yaml").write_text(text)
        id_ = (await self.world.post(f"/game-days/{name}/start", {"by": "ann"}))["id"]
        await self._becomes(id_, lambda it: self._hangs() or it["phase"] == "finished", "the fault")
        # As the rule does that has seen it.
        labels = {"alertname": "ShopHangs", "drillable": name}
        await self._send({"labels": labels, "endsAt": (datetime.now(UTC) + timedelta(hours=1)).isoformat()})
        state = await self.world.eventually(lambda: self._state(labels), bool, "Alertmanager's word")
        end = await self._becomes(id_, lambda it: it["phase"] == "finished", "the end")
        await self._send({"labels": labels, "endsAt": datetime.now(UTC).isoformat()})
        return end, state

    def _hangs(self) -> bool:
        return (kernel.stat_of(self.victim) or ("", 0))[0] in {"T", "t"}

    async def _becomes(self, id_: str, holds: Any, what: str) -> dict[str, Any]:
        async def ask() -> dict[str, Any]:
            state: dict[str, Any] = (await self.world.http.get(f"/api/v1/game-days/{id_}")).json()
            return state

        found: dict[str, Any] = await self.world.eventually(ask, lambda it: "phase" in it and holds(it), what, 90)
        return found

    async def _send(self, alert: dict[str, Any]) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            (await client.post(f"{self.alertmanager}/api/v2/alerts", json=[alert])).raise_for_status()

    async def _state(self, labels: dict[str, str]) -> str:
        """`active` or `suppressed`; empty while it is not known."""
        filters = [("filter", f"{name}={json.dumps(value)}") for name, value in labels.items()]
        async with httpx.AsyncClient(trust_env=False) as client:
            found = (await client.get(f"{self.alertmanager}/api/v2/alerts", params=filters)).json()
        state = found[0]["status"]["state"] if found else ""
        return "" if state == "unprocessed" else str(state)


@pytest_asyncio.fixture
async def house(tmp_path: Path, needs: Any, children: Children) -> AsyncIterator[House]:
    """Started once for both game days of the test."""
    needs("prometheus-alertmanager")
    port = a_free_port()
    url = f"http://127.0.0.1:{port}"
    text = CONFIGURATION.format(alertmanager=url, folder=tmp_path)
    victim = children.start(["sleep", "900"], tmp_path / "victim.log")
    (tmp_path / "victim.pid").write_text(f"{victim.pid}\n")
    with http_target() as health:
        async with a_world(tmp_path / "world", text) as world:
            secret = world.home.secrets / "alertmanager"
            (tmp_path / "alertmanager.yml").write_text(ALERTMANAGER.format(url=world.url, secret=secret))
            argv = ["prometheus-alertmanager", f"--config.file={tmp_path}/alertmanager.yml"]
            argv += [f"--storage.path={tmp_path}/data", f"--web.listen-address=127.0.0.1:{port}"]
            children.start([*argv, "--cluster.listen-address="], tmp_path / "alertmanager.log")
            until(lambda: listens(port), "Alertmanager's start")
            yield House(world, url, health.url, victim.pid)


async def test_a_muted_alert_is_a_detection_that_was_missed(house: House) -> None:
    """Muted: nobody was told, the game day failed, its report says what was missed, and nothing is muted any more."""
    told, state = await house.held("told", muted="somebody-else", time="1m")
    assert state == "active"
    assert [each["judgement"] for each in told["expectations"]] == ["met"], told
    assert (told["verdict"], bool(told["incident_id"])) == ("passed", True), told["reason"]

    end, state = await house.held("muted", muted="muted", time="12s")
    assert state == "suppressed"
    assert [(each["expectation"], each["judgement"]) for each in end["expectations"]] == [("detect", "missed")]
    assert (end["verdict"], end["restored"]) == ("failed", True), end["reason"]
    # What fires still when the silence has ended is told then: too late to count, and a drill's all the same.
    if end["incident_id"] is not None:
        assert (await house.world.get(f"/incidents/{end['incident_id']}"))["drill"] is True
    assert {each["id"]: (each["effect"], each["state"]) for each in end["faults"]} == {
        "mute": ("confirmed", "undone"),
        "hang": ("confirmed", "undone"),
    }
    report = (await house.world.http.get(f"/api/v1/game-days/{end['id']}/report")).json()
    assert any("detect" in each["key"] and "missed" in each["sentence"] for each in report["findings"]), report
    async with httpx.AsyncClient(trust_env=False) as client:
        silences = (await client.get(f"{house.alertmanager}/api/v2/silences")).json()
    assert {each["status"]["state"] for each in silences} == {"expired"}
