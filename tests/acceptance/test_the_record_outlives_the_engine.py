"""Incident page, lists, timeline and search answer after the engine has forgotten the workflows."""

import pytest

from tests.support.house import House

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_the_engine_forgot_is_still_answered(house: House) -> None:
    """A finished incident whose engine lost all of it: everything about it is there, from the record."""
    shop = house.shop()
    incident = await house.declared("Remembered for ever: zebrafish")
    await house.told(incident, "Internal update 1: delivered")
    run = await house.run(incident, "hasty", target=shop.name)
    await house.vote(await house.approval(run), "bob", "reject", comment="no")
    await house.ended(run)
    await house.told(incident, "Runbook 'Roll the shop back at once' failed")
    await house.world.post(f"/incidents/{incident}/cancel", {"by": "bob", "reason": "It was none"})
    await house.told(incident, "It was none")
    await house.eventually(
        lambda: house.look("/incidents?status=cancelled"), lambda it: incident in str(it), "the picture of its end"
    )
    await _forget_everything(house)

    answer = await house.world.http.get(f"/api/v1/incidents/{incident}")
    assert (answer.status_code, answer.headers["hotwash-source"]) == (200, "record")
    assert answer.json()["title"] == "Remembered for ever: zebrafish"
    assert answer.json()["status"] == "cancelled"
    timeline = await house.timeline(incident)
    assert [line["seq"] for line in timeline] == list(range(1, len(timeline) + 1))
    assert (await house.world.get(f"/runs/{run}"))["status"] == "failed"
    assert (await house.approval(run, "rejected"))["votes"][0]["by"]["name"] == "bob"
    for filters in ({"q": "zebrafish"}, {"status": "cancelled", "service": "shop"}):
        found = await house.world.get("/incidents", **filters)
        assert incident in [each["id"] for each in found["items"]]
    for path in (f"/incidents/{incident}", "/incidents?q=zebrafish", f"/runs/{run}"):
        page = await house.world.http.get(path, headers={"Accept": "text/html"})
        assert page.status_code == 200, path
        assert incident in page.text
        assert "It was none" in page.text or path != f"/incidents/{incident}"
    refused = await house.world.http.post(f"/api/v1/incidents/{incident}/acknowledge", json={"by": "bob"})
    assert refused.status_code in {404, 409}
    assert refused.headers["content-type"] == "application/problem+json"


async def _forget_everything(house: House) -> None:
    """An engine with an empty file, as after a move to another cluster or past the end of its retention."""
    house.world.kill("engine")
    for file in house.world.home.folder.glob(f"{house.world.home.engine_file.name}*"):
        file.unlink()
    await house.world.start("engine")
    await house.world.ready()
