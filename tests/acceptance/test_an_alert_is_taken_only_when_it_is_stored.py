"""202 means that the engine holds the alert: without it 503, with it and without a worker 202 and nothing lost."""

import asyncio

import pytest

from domain.ids import alert_group_workflow_id
from tests.support.house import House, alert

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROBLEM = "application/problem+json"
PAGE = {"Accept": "text/html"}


async def test_an_engine_that_is_down_is_said_and_nothing_is_lost(house: House) -> None:
    """The webhook says 503 with a problem document, pages carry a banner; the engine is back, the alert is taken."""
    before = await house.declared("Before the engine goes down")
    await house.told(before, "declared as SEV-2")
    house.world.kill("engine")
    try:
        # All at once: each of them waits for the engine for its own few seconds.
        answer, refused, *pages = await asyncio.gather(
            house.world.alert(alert("Engine down"), group={"alertname": "Engine down"}),
            house.world.http.post("/api/v1/incidents", json={"title": "x", "by": "bob"}),
            *(house.world.http.get(path, headers=PAGE) for path in ("/", "/incidents", f"/incidents/{before}")),
        )
        assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
        assert int(answer.headers["retry-after"]) > 0
        assert "send them again" in answer.json()["detail"]
        assert (refused.status_code, refused.headers["content-type"]) == (503, PROBLEM)
        for page in pages:
            assert page.status_code == 200, page.url
            assert "The engine cannot be reached." in page.text, page.url
        assert (await house.world.http.get("/status")).status_code == 200
        assert (await house.world.http.get("/readyz")).json()["parts"]["engine"]["ready"] is False
    finally:
        await house.world.start("engine")
    group = await house.send("Engine down")
    incident = await house.incident_of(group)
    await house.until(lambda: house.mails(f"page/{incident}"), "the page")
    await house.world.ready()
    page = await house.world.http.get("/", headers=PAGE)
    assert "The engine cannot be reached." not in page.text
    assert len(house.mails(f"page/{incident}")) == 1


async def test_alerts_are_taken_without_a_worker_and_survive_the_engine(house: House) -> None:
    """No worker is up: 202; the engine holds the alert even through a kill -9; the worker comes and handles it once."""
    house.world.kill("worker")
    answer = await house.world.alert(alert("No worker"), group={"alertname": "No worker"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == 1
    (group,) = answer.json()["groups"]
    await house.world.restart("engine")
    held = await (await house.world.engine()).get_workflow_handle(alert_group_workflow_id(group)).describe()
    assert held.history_length >= 2
    assert await house.send("No worker") == group
    await house.world.start("worker")
    incident = await house.incident_of(group)
    await house.until(lambda: house.mails(f"page/{incident}"), "the page")
    await house.told(incident, "alice was paged over mail")
    found = await house.world.get("/incidents", q="No worker")
    # Other incidents may be found because their timeline names this one as alike.
    assert [each["id"] for each in found["items"] if each["title"].startswith("No worker")] == [incident]
    assert len(house.mails(f"page/{incident}")) == 1
    await house.world.ready()
