"""Engine and API without any worker: what must be kept is kept, what needs a worker says so."""

from pathlib import Path

from domain.ids import incident_workflow_id
from tests.support.api_world import api_world, working_house


async def test_an_incident_declared_without_a_worker_is_taken_up_later(tmp_path: Path) -> None:
    """201 once Temporal holds it; looking at it is 503 until a worker comes, and then it is simply there."""
    async with api_world(tmp_path, has_workers=False) as world:
        made = await world.declare("Everything is down", severity="SEV-1")
        assert (made["status"], made["severity"]) == ("declared", "SEV-1")
        assert await world.engine.get_workflow_handle(incident_workflow_id(made["id"])).describe()
        path = f"/api/v1/incidents/{made['id']}"
        looked = await world.admin.get(path)
        assert looked.status_code == 503
        assert "no worker" in looked.json()["detail"]
        parts = (await world.admin.get("/readyz")).json()["parts"]
        assert parts["engine"]["ready"]
        assert "hotwash worker" in parts["control worker"]["detail"]
        async with working_house(world.engine_client, world.home, world.store):
            found = await world.until_recorded(path)
            assert (found["title"], found["id"]) == ("Everything is down", made["id"])
