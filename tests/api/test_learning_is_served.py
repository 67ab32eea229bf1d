"""Search, insight, incidents alike and the pattern library over HTTP and from the command line, without an engine."""

import csv
import io
import json

import httpx
import pytest
import pytest_asyncio

from domain.record import ProjectionKind
from tests.support.api_world import World
from tests.support.command_line import hotwash
from tests.support.quarter import NOW, save_quarter
from tests.support.records import batch, picture

pytestmark = pytest.mark.asyncio(loop_scope="module")
UNTIL = {"until": NOW.isoformat(), "days": 90}


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def quarter(engineless: World) -> None:
    """The quarter that was counted by hand is in the record."""
    await save_quarter(engineless.store)
    findings = [{"kind": "helped", "text": "Draining the queue"}]
    review = picture(ProjectionKind.REVIEW, "inc-20261101-aaaa", 1, "inc-20261101-aaaa", title="x", findings=findings)
    pictures = [
        picture(
            ProjectionKind.INCIDENT, id_, 1, id_, title="Mirror certificate expired", status="closed",
            severity="SEV-5", services=["mirror"], declared_at=f"2025-11-{day:02}T00:00:00+00:00", drill=False,
        )
        for day, id_ in ((1, "inc-20261101-aaaa"), (2, "inc-20261102-bbbb"))
    ]  # fmt: skip
    await engineless.store.record.save(batch("alike", pictures=(review, *pictures)))


async def get(world: World, path: str, **params: object) -> httpx.Response:
    """As the administrator."""
    answer = await world.admin.get(f"/api/v1{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer


async def test_search_finds_everything_runbooks_too(engineless: World) -> None:
    """Runbooks are those of the catalogue as it is now."""
    found = (await get(engineless, "/search", q='"certificate expired"')).json()
    assert {hit["url"] for hit in found["items"]} == {"/incidents/inc-20261101-aaaa", "/incidents/inc-20261102-bbbb"}
    found = (await get(engineless, "/search", q="said nothing", kind="runbook")).json()
    assert [hit["id"] for hit in found["items"]] == ["say-yes"]
    refused = await engineless.admin.get("/api/v1/search", params={"q": "x", "kind": "incidnet"})
    assert refused.status_code == 422
    assert "did you mean 'incident'" in refused.json()["detail"]


async def test_numbers_lead_to_what_they_count(engineless: World) -> None:
    """Following each address of each insight finds exactly as many things."""
    items = (await get(engineless, "/insights", **UNTIL)).json()["items"]
    assert [each["name"] for each in items][:2] == ["recurrence", "action-debt"]
    followed = 0
    for insight in items:
        numbers = [n for table in insight["tables"] for row in table["rows"] for n in row["numbers"]]
        numbers += [grade[side] for grade in insight["grades"] for side in ("part", "whole")]
        numbers += [{"value": each["n"], "evidence": each["evidence"]} for each in insight["distributions"]]
        for number in numbers:
            listed = (await engineless.admin.get(f"{number['evidence']}&limit=200")).json()
            assert len(listed["items"]) == number["value"], number
            followed += 1
    assert followed > 100


async def test_csv_and_text_say_the_same_numbers(engineless: World) -> None:
    """CSV for sheets, with one row a number; text for mail, sentence first."""
    sheet = (await get(engineless, "/insights/reviews", format="csv", **UNTIL)).text
    rows = {row["name"]: row["value"] for row in csv.DictReader(io.StringIO(sheet))}
    assert rows["on time"] == "6"
    text = (await get(engineless, "/insights/reviews", format="text", **UNTIL)).text
    assert text.startswith("REVIEWS ON TIME\n6 of 9 reviews that fell due were done on time; 1 is still owed.\n")
    refused = await engineless.admin.get("/api/v1/insights/mttr")
    assert refused.status_code == 404
    assert "recurrence, action-debt" in refused.json()["detail"]
    refused = await engineless.admin.get("/api/v1/insights/evidence", params={"of": "mttr"})
    assert refused.status_code == 422


async def test_incidents_alike_say_why(engineless: World) -> None:
    """With what helped then."""
    found = (await get(engineless, "/incidents/inc-20261102-bbbb/similar")).json()["items"]
    assert [(each["incident_id"], each["helped"]) for each in found] == [("inc-20261101-aaaa", ["Draining the queue"])]
    assert found[0]["reasons"][0]["sentence"] == "the same service ‘mirror’"


async def test_lessons_are_written_once_and_found(engineless: World) -> None:
    """The same request with the same key is the same lesson; a stale edit is refused; tags find it."""
    body = {"title": "Certificates", "body": "Renew early.", "tags": ["TLS"], "incidents": ["inc-20261101-aaaa"]}
    headers = {"Idempotency-Key": "one"}
    first = await engineless.admin.post("/api/v1/patterns", json=body, headers=headers)
    again = await engineless.admin.post("/api/v1/patterns", json=body, headers=headers)
    assert first.status_code == 201
    assert again.json()["id"] == first.json()["id"]
    path = f"/api/v1/patterns/{first.json()['id']}"
    changed = await engineless.admin.post(path, json=body | {"body": "Renew monthly.", "revision": 1})
    assert changed.json()["revision"] == 2
    stale = await engineless.admin.post(path, json=body | {"body": "Renew yearly.", "revision": 1})
    assert stale.status_code == 409
    assert (await get(engineless, "/tags/tls")).json()["items"] == [{"kind": "lesson", "id": first.json()["id"]}]
    tagged = await engineless.admin.put("/api/v1/tags/incident/inc-20261101-aaaa", json={"tags": ["tls"]})
    assert tagged.json()["tags"] == ["tls"]
    assert (await get(engineless, "/search", q="monthly")).json()["items"][0]["url"] == path.removeprefix("/api/v1")


async def test_nobody_tags_in_the_name_of_somebody_else(engineless: World) -> None:
    """403 with the name; nothing is tagged."""
    async with engineless.as_person("ana") as ana:
        answer = await ana.put("/api/v1/tags/incident/inc-20261102-bbbb", json={"tags": ["borrowed"], "by": "ben"})
    assert answer.status_code == 403
    assert "'ben'" in answer.json()["detail"]
    assert (await get(engineless, "/tags/borrowed")).json()["items"] == []


async def test_the_command_line_prints_them(engineless: World) -> None:
    """For people and as JSON; a refusal is 1."""
    code, out = await hotwash(engineless, "search", "certificate", "--json")
    assert code == 0
    assert {hit["kind"] for hit in json.loads(out)["items"]} >= {"incident"}
    code, out = await hotwash(engineless, "insights", "times", "--days", "3660")
    assert (code, out.splitlines()[0]) == (0, "HOW LONG THINGS TAKE")
    code, out = await hotwash(engineless, "similar", "inc-20261102-bbbb")
    assert code == 0
    assert "the same service" in out
    code, out = await hotwash(engineless, "insights", "mttr")
    assert code == 1
    assert "there is no insight 'mttr'" in out
