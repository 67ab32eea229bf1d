"""From Alertmanager's POST to the incident that people see, through the whole house."""

import httpx
import pytest

from domain.record import ProjectionKind
from tests.support.alertmanager import alert, body
from tests.support.api_world import CONFIGURATION, World
from tests.support.records import batch, picture
from tests.support.records import incident as recorded

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROUTES = """
integrations:
  alertmanager: {secret: "file:alertmanager-secret"}
routes:
  - {name: checkout, match: {service: checkout}, service: checkout, severity: SEV-2}
  - {name: slow, match: {alertname: "~Slow.*"}, service: search, threshold: {for: 1h}}
"""
SECRET = "for-alertmanager-only"


@pytest.fixture
async def sender(world: World):
    """Alertmanager, with the secret of its integration."""
    (world.home.folder / "alertmanager-secret").write_text(SECRET)
    world.home.configuration.write_text(CONFIGURATION + ROUTES)
    async with httpx.AsyncClient(
        base_url=world.url, headers={"Authorization": f"Bearer {SECRET}"}, timeout=30
    ) as client:
        yield client


def down(status: str = "firing") -> dict[str, object]:
    """The checkout is down, or up again."""
    return alert("CheckoutDown", status=status, labels={"alertname": "CheckoutDown", "service": "checkout"})


async def test_an_alert_over_the_threshold_is_an_incident_and_its_clearing_is_in_the_timeline(
    world: World, sender: httpx.AsyncClient
):
    """Detected, declared, paged; the second delivery adds nothing; the all-clear is told."""
    groups = [(await sender.post("/webhooks/alertmanager", json=body(down()))).json()["groups"] for _ in range(2)]
    assert groups[0] == groups[1]
    path = f"/api/v1/alert-groups/{groups[0][0]}"
    group = await world.until_recorded(path, lambda group: group["incident_id"] and group["count"] == 2)
    incident = await world.until_recorded(f"/api/v1/incidents/{group['incident_id']}")
    assert (incident["title"], incident["severity"], incident["services"]) == ("CheckoutDown!", "SEV-2", ["checkout"])
    assert incident["alert_groups"] == groups[0]
    await sender.post("/webhooks/alertmanager", json=body(down("resolved")))
    timeline = f"/api/v1/incidents/{incident['id']}/timeline"
    told = await world.until_recorded(
        timeline, lambda found: any("have cleared" in entry["summary"] for entry in found["items"])
    )
    kinds = [entry["kind"] for entry in told["items"]]
    assert kinds.count("declared") == 1
    assert {"triage", "alert"} <= set(kinds)


async def test_a_group_below_its_threshold_is_seen_and_a_person_declares_it(world: World, sender: httpx.AsyncClient):
    """Triage says why it waits; the answer to the person names the incident, and those like it with what is owed."""
    item = picture(
        ProjectionKind.ACTION_ITEM, "act-slow1", 1, "inc-20261001-slow", title="Index the search", state="open",
        owner="ben", due_at="2026-10-20T00:00:00+00:00",
    )  # fmt: skip
    earlier = recorded("inc-20261001-slow", title="SlowSearch in the morning", services=["search"], status="closed")
    await world.store.record.save(batch("slow", pictures=(earlier, item)))
    slow = alert("SlowSearch", labels={"alertname": "SlowSearch"})
    answer = await sender.post("/webhooks/alertmanager", json=body(slow, groupLabels={"alertname": "SlowSearch"}))
    path = f"/api/v1/alert-groups/{answer.json()['groups'][0]}"
    group = await world.until_recorded(path, lambda group: group["status"] == "triage" and group["explanation"])
    assert "becomes an incident after 1h" in group["explanation"]
    async with world.as_person("ana") as ana:
        declared = await ana.post(f"{path}/declare", json={"reason": "customers call", "severity": "SEV-3"})
    assert declared.status_code < 300, declared.text
    alike = declared.json()["alike"]
    assert alike["problem"] is None
    (found,) = [each for each in alike["incidents"] if each["incident_id"] == "inc-20261001-slow"]
    assert [each["id"] for each in found["open_items"]] == ["act-slow1"]
    assert "the same service ‘search’" in {reason["sentence"] for reason in found["reasons"]}
    made = await world.until_recorded(f"/api/v1/incidents/{declared.json()['incident_id']}")
    assert made["declared_by"] == {"kind": "person", "name": "ana"}
    assert made["services"] == ["search"]
