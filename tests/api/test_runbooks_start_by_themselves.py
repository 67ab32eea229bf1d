"""From a trigger in a runbook's file to the run or the suggestion in the incident, through the whole house."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.alertmanager import alert, body
from tests.support.api_world import CONFIGURATION, World

pytestmark = pytest.mark.asyncio(loop_scope="module")
SETTINGS = """
  greenhouse: {name: Greenhouse}
integrations:
  alertmanager: {secret: "file:alertmanager-secret"}
routes:
  - {name: greenhouse, match: {service: greenhouse}, service: greenhouse, severity: SEV-2}
"""
SECRET = "for-alertmanager-only"
RUNBOOK = """
schema_version: 1
name: {name}
title: Title of {name}
owner: sre
parameters: {{word: {{default: nothing}}}}
triggers: [{{services: [greenhouse], {trigger}}}]
steps: [{{id: act, action: noop, with: {{echo: {{said: "{{{{ params.word }}}}"}}}}}}]
"""
LABELLED = 'parameters: {word: "{labels.instance}"}'
TRIGGERS = {
    "alert-starts": f'alert: {{alertname: "~Frost.*"}}, then: start, {LABELLED}',
    "alert-suggests": f"alert: {{alertname: FrostInside}}, {LABELLED}",
    "alert-of-others": "alert: {alertname: Drought}, then: start",
    "declared-starts": "event: declared, then: start",
    "mitigated-suggests": "event: mitigated",
    "resolved-starts": "event: resolved, then: start",
}
FROST = alert("FrostInside", labels={"alertname": "FrostInside", "service": "greenhouse", "instance": "house-3"})


@pytest.fixture
async def sender(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Alertmanager; the team's runbooks have their triggers."""
    (world.home.folder / "alertmanager-secret").write_text(SECRET)
    world.home.configuration.write_text(CONFIGURATION + SETTINGS)
    for name, trigger in TRIGGERS.items():
        (world.home.runbooks / f"{name}.yaml").write_text(RUNBOOK.format(name=name, trigger=trigger))
    async with httpx.AsyncClient(
        base_url=world.url, headers={"Authorization": f"Bearer {SECRET}"}, timeout=30
    ) as client:
        yield client


async def _ended(world: World, incident_id: str, *names: str) -> dict[str, dict[str, object]]:
    """The incident's runs by the name of their runbook, once exactly these have succeeded."""

    def are_all(found: dict[str, list[dict[str, object]]]) -> bool:
        runs = found["items"]
        return sorted(run["runbook"]["name"] for run in runs if run["status"] == "succeeded") == sorted(names)

    found = await world.until_recorded(f"/api/v1/runs?incident_id={incident_id}", are_all)
    assert len(found["items"]) == len(names)
    return {run["runbook"]["name"]: run for run in found["items"]}


async def test_alerts_and_events_start_or_suggest_what_their_runbooks_say(
    world: World, sender: httpx.AsyncClient
) -> None:
    """Each once, however often its alert comes, with the alert's label; nothing of another alert's."""
    groups = [(await sender.post("/webhooks/alertmanager", json=body(FROST))).json()["groups"] for _ in range(2)]
    group = await world.until_recorded(
        f"/api/v1/alert-groups/{groups[0][0]}", lambda found: found["incident_id"] and found["count"] == 2
    )
    path = f"/api/v1/incidents/{group['incident_id']}"
    runs = await _ended(world, group["incident_id"], "alert-starts", "declared-starts")
    started = (await world.admin.get(f"/api/v1/runs/{runs['alert-starts']['id']}")).json()
    assert started["steps"][0]["output"]["echo"] == {"said": "house-3"}
    assert started["requested_by"] == {"kind": "automation", "name": "trigger"}
    incident = await world.until_recorded(path, lambda found: found["suggestions"])
    assert [(one["runbook"], one["parameters"]) for one in incident["suggestions"]] == [
        ("alert-suggests", {"word": "house-3"})
    ]
    async with world.as_person("ana") as ana:
        moved = await ana.post(f"{path}/status", json={"status": "monitoring", "reason": "it is warm"})
        resolved = await ana.post(f"{path}/resolve", json={"summary": "it is warm"})
    assert moved.is_success, moved.text
    assert resolved.is_success, resolved.text
    await _ended(world, group["incident_id"], "alert-starts", "declared-starts", "resolved-starts")
    incident = await world.until_recorded(path, lambda found: len(found["suggestions"]) > 1)
    assert [one["runbook"] for one in incident["suggestions"]] == ["alert-suggests", "mitigated-suggests"]


@pytest.mark.usefixtures("sender")
async def test_an_incident_that_a_person_declares_has_its_triggers_too(world: World) -> None:
    """Declared for the service: what belongs to that event is started, and nothing else."""
    incident = await world.declare("Cold in the greenhouse", services=["greenhouse"])
    await _ended(world, incident["id"], "declared-starts")
    other = await world.declare("Something else", services=["search"])
    assert other["runs"] == []
