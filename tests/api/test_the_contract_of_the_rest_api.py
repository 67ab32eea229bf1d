"""Design §6, line by line, over real HTTP on the real engine, workflows and store."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from api.acting import Declaration
from api.engine import KEY_MEMO, key_mark
from api.main import build_app
from domain.ids import incident_workflow_id, suffix_from_text
from domain.timeline import person
from runtime.settings import load_settings
from store.opening import open_store
from tests.support.api_world import World, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

INCIDENT_FIELDS = {
    "id", "title", "status", "severity", "type", "services", "impact", "roles", "declared_at", "mitigated_at",
    "resolved_at", "closed_at", "drill", "alert_groups", "runs", "review_id", "action_items",
}  # fmt: skip


def problem(answer: httpx.Response, status: int) -> str:
    """The sentence of a problem document with this status."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text
    sentence: str = answer.json()["detail"]
    return sentence


async def test_an_incident_has_the_fields_that_others_read(world: World) -> None:
    """Declared 201 with Location; read back 200 from the engine with every field of the contract."""
    answer = await world.admin.post(
        "/api/v1/incidents", json={"title": "Checkout is down", "severity": "SEV-2", "services": ["checkout"]}
    )
    assert answer.status_code == 201
    found = await world.admin.get(answer.headers["location"])
    assert found.headers["hotwash-source"] == "engine"
    body = found.json()
    assert set(body) >= INCIDENT_FIELDS
    assert (body["title"], body["severity"], body["status"], body["drill"]) == (
        "Checkout is down",
        "SEV-2",
        "declared",
        False,
    )
    assert set(body["impact"]) >= {"customers_affected", "trend", "summary"}
    assert "context" not in body


async def test_declaring_twice_with_one_key_is_one_incident(world: World) -> None:
    """201 the first time, 200 with the same incident afterwards, also when both come at once."""
    headers = {"Idempotency-Key": "pager-4711"}
    body = {"title": "Twice", "severity": "SEV-3"}
    first = await world.admin.post("/api/v1/incidents", json=body, headers=headers)
    second = await world.admin.post("/api/v1/incidents", json=body, headers=headers)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    headers = {"Idempotency-Key": "pager-4712"}
    both = await asyncio.gather(*(world.admin.post("/api/v1/incidents", json=body, headers=headers) for _ in range(5)))
    assert sorted(each.status_code for each in both) == [200, 200, 200, 200, 201]
    assert len({each.json()["id"] for each in both}) == 1


async def test_keys_of_two_callers_do_not_meet(world: World) -> None:
    """The same key from another person is another incident."""
    headers, body = {"Idempotency-Key": "mine"}, {"title": "Whose?"}
    async with world.as_person("ana") as ana, world.as_person("ben") as ben:
        one = await ana.post("/api/v1/incidents", json=body, headers=headers)
        other = await ben.post("/api/v1/incidents", json=body, headers=headers)
    assert (one.status_code, other.status_code) == (201, 201)
    assert one.json()["id"] != other.json()["id"]


async def test_a_key_used_before_midnight_still_finds_its_incident(world: World) -> None:
    """Yesterday's id is looked at before today's is given away."""
    mark = key_mark("admin", "late-night")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    id_ = f"inc-{yesterday:%Y%m%d}-{suffix_from_text(mark, 4)}"
    actions = world.app.state.actions
    made = await actions._claim_incident(Declaration(title="Late"), person("admin"), mark, yesterday, may_start=True)
    assert made.id == id_
    again = await world.admin.post(
        "/api/v1/incidents", json={"title": "Late"}, headers={"Idempotency-Key": "late-night"}
    )
    assert (again.status_code, again.json()["id"]) == (200, id_)


async def test_colliding_keys_lengthen_the_id(world: World) -> None:
    """An id that somebody else has is left alone; the key gets a longer one, and finds it again."""
    mark = key_mark("admin", "collides")
    taken = f"inc-{datetime.now(UTC):%Y%m%d}-{suffix_from_text(mark, 4)}"
    await world.engine.start_workflow(
        "Incident",
        (await _start_of(world, taken)),
        id=incident_workflow_id(taken),
        task_queue="control",
        memo={KEY_MEMO: "of somebody else"},
    )
    headers = {"Idempotency-Key": "collides"}
    first = await world.admin.post("/api/v1/incidents", json={"title": "Mine"}, headers=headers)
    second = await world.admin.post("/api/v1/incidents", json={"title": "Mine"}, headers=headers)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"] != taken
    assert len(first.json()["id"]) > len(taken)


async def _start_of(world: World, incident_id: str) -> dict:
    made = await world.declare("Taken")
    actor = made["declared_by"]
    return {"id": incident_id, "title": "Taken", "severity": "SEV-4", "declared_by": actor}


async def test_the_verbs_move_an_incident_along(world: World) -> None:
    """Each verb answers 200 with the incident as it then stands."""
    id_ = (await world.declare(services=["checkout"]))["id"]

    async def post(verb: str, by: str = "ana", **body: object) -> dict:
        answer = await world.admin.post(f"/api/v1/incidents/{id_}/{verb}", json={"by": by} | body)
        assert answer.status_code == 200, f"{verb}: {answer.text}"
        document: dict = answer.json()
        return document

    assert (await post("acknowledge"))["roles"]["commander"] == "ana"
    assert (await post("severity", severity="SEV-1", reason="more customers"))["severity"] == "SEV-1"
    impact = (await post("impact", customers_affected=120, trend="worse", summary="no orders"))["impact"]
    assert impact == {"customers_affected": 120, "trend": "worse", "summary": "no orders"}
    assert (await post("status", status="investigating", reason="reading logs"))["status"] == "investigating"
    offered = await post("roles", role="scribe", person="ben")
    assert offered["offers"][0]["to"] == "ben"
    assert (await post("roles", by="ben", role="scribe", action="accept"))["roles"]["scribe"] == "ben"
    task = (await post("tasks", title="look at the logs", assignee="ben", due_within="30m"))["tasks"][0]
    assert (await post(f"tasks/{task['id']}/complete"))["tasks"][0]["done_at"]
    await post("decisions", text="roll back", rationale="the release is new")
    await post("updates", audience="internal", text="We are on it.", next_update_within="20m")
    await post("timeline", text="the graph dipped", links=[{"title": "graph", "url": "https://example.com/g"}])
    assert (await post("resolve", summary="rolled back"))["status"] in {"resolved", "reviewing"}
    assert (await post("reopen", reason="not over"))["reopened"] == 1


async def test_a_timeline_rises_and_pages(world: World) -> None:
    """Entries carry the contract's fields and a strictly rising `seq`; `after` continues where a page stopped."""
    id_ = (await world.declare())["id"]
    for number in range(5):
        await world.admin.post(f"/api/v1/incidents/{id_}/timeline", json={"text": f"note {number}", "by": "ana"})
    path = f"/api/v1/incidents/{id_}/timeline"
    whole = await world.until_recorded(path, lambda body: any(e["summary"] == "note 4" for e in body["items"]))
    numbers = [entry["seq"] for entry in whole["items"]]
    assert numbers == sorted(set(numbers))
    for entry in whole["items"]:
        assert set(entry) >= {"at", "kind", "actor", "summary", "details", "links", "seq"}
        assert entry["actor"]["kind"] in {"person", "automation", "alert"}
    first = (await world.admin.get(path, params={"limit": 2})).json()
    rest = (await world.admin.get(path, params={"after": first["next_after"]})).json()
    assert [entry["seq"] for entry in first["items"] + rest["items"]][: len(numbers)] == numbers


async def test_a_list_is_filtered_and_paged(world: World) -> None:
    """Filters of the contract, a cursor that leads on, and a sentence for a filter or a word that does not exist."""
    ids = [(await world.declare("Searchable thing", services=["search"], severity="SEV-4"))["id"] for _ in range(3)]
    query = {"service": "search", "severity": "SEV-4", "q": "searchable", "status": "declared"}
    path = "/api/v1/incidents?" + "&".join(f"{name}={value}" for name, value in query.items())
    await world.until_recorded(path, lambda body: len(body["items"]) == 3)
    first = (await world.admin.get(f"{path}&limit=2")).json()
    second = (
        await world.admin.get(f"{path}&limit=2", params=query | {"limit": 2, "cursor": first["next_cursor"]})
    ).json()
    assert {each["id"] for each in first["items"] + second["items"]} == set(ids)
    assert second["next_cursor"] is None
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert (await world.admin.get("/api/v1/incidents", params={"since": tomorrow})).json()["items"] == []
    get = world.admin.get
    assert "did you mean 'status'?" in problem(await get("/api/v1/incidents?stauts=declared"), 422)
    assert "there is no severity 'SEV-9'" in problem(await get("/api/v1/incidents?severity=SEV-9"), 422)
    assert "cursor" in problem(await get("/api/v1/incidents?cursor=nonsense"), 422)
    assert "limit" in problem(await get("/api/v1/incidents?limit=100000"), 422)


async def test_what_does_not_exist_is_404_everywhere(world: World) -> None:
    """Unknown ids are answered with a sentence, for reading and for acting."""
    for path in (
        "incidents/inc-20200101-0000", "incidents/nonsense", "incidents/inc-20200101-0000/timeline",
        "incidents/inc-20200101-0000/events", "runs/inc-20200101-0000.x.1", "runs/nonsense",
        "approvals/inc-20200101-0000.x.1:ask", "approvals/nonsense", "reviews/inc-20200101-0000",
        "action-items/act-000000", "alert-groups/0123456789abcdef0123", "game-days/nothing~now",
        "services/nothing", "on-call/nothing", "runbooks/nothing", "incidents/" + "x" * 2000,
    ):  # fmt: skip
        problem(await world.admin.get(f"/api/v1/{path}"), 404)
    for path, body in (
        ("incidents/inc-20200101-0000/acknowledge", {}),
        ("incidents/nonsense/acknowledge", {}),
        ("runs/inc-20200101-0000.x.1/pause", {"reason": "r"}),
        ("approvals/inc-20200101-0000.x.1:ask/decision", {"decision": "approve", "digest": "d"}),
        ("reviews/inc-20200101-0000/submit", {}),
        ("action-items/act-000000/start", {}),
        ("alert-groups/0123456789abcdef0123/decline", {"reason": "r"}),
        ("game-days/nothing~now/halt", {"reason": "r"}),
        ("game-days/nothing/start", {}),
    ):
        problem(await world.admin.post(f"/api/v1/{path}", json=body), 404)


async def test_a_bad_request_says_how_to_mend_it(world: World) -> None:
    """Not JSON 400; unknown field, missing field, wrong word, wrong form 422 with the field; wrong method 405."""
    path = "/api/v1/incidents"
    post = world.admin.post
    json_type = {"Content-Type": "application/json"}
    assert "not JSON" in problem(await post(path, content=b"{", headers=json_type), 400)
    assert "did you mean 'severity'?" in problem(await post(path, json={"title": "x", "sevrity": "SEV-1"}), 422)
    missing = await post(path, json={})
    assert "body.title" in problem(missing, 422)
    assert missing.json()["errors"][0]["field"] == "body.title"
    assert "SEV-1" in problem(await post(path, json={"title": "x", "severity": "SEV-9"}), 422)
    problem(await post(path, json=["x"]), 422)
    problem(await post(path, json={"title": "x", "detected_at": "yesterday"}), 422)
    assert "takes" in problem(await world.admin.delete(path), 405)
    assert "openapi" in problem(await world.admin.get("/api/v1/nothing"), 404)
    assert "1048576" in problem(await post(path, json={"title": "x" * 1_100_000}), 413)
    assert "NUL" in problem(await post(path, json={"title": "a\0b"}), 422)
    half = {"title": "x", "runbook_parameters": {"a": ["\ud800"]}}
    deep = b'{"title": "x", "runbook_parameters": {"a": ' + b"[" * 200 + b"]" * 200 + b"}}"
    assert "50 levels" in problem(await post(path, content=deep, headers=json_type), 422)
    assert "surrogate" in problem(await post(path, content=json.dumps(half), headers=json_type), 422)
    id_ = (await world.declare())["id"]
    due = await post(f"{path}/{id_}/tasks", json={"title": "x", "due_within": "soon"})
    assert "30s, 5m, 1h30m" in problem(due, 422)
    assert "'by'" in problem(await post(f"{path}/{id_}/acknowledge", json={"bye": "ana"}), 422)


async def test_an_unknown_person_is_named_with_the_nearest(world: World) -> None:
    """Acting for somebody who does not exist is 422, and so is handing something to them."""
    id_ = (await world.declare())["id"]
    path = f"/api/v1/incidents/{id_}"
    assert "did you mean 'ana'?" in problem(await world.admin.post(f"{path}/acknowledge", json={"by": "anna"}), 422)
    assert "'zoe'" in problem(await world.admin.post(f"{path}/roles", json={"role": "scribe", "person": "zoe"}), 422)
    update = {"audience": "internal", "text": "hello", "by": "mallory"}
    problem(await world.admin.post(f"{path}/updates", json=update), 422)


async def test_what_is_not_possible_now_is_409(world: World) -> None:
    """The workflow's own sentence, and one for a workflow that has ended."""
    id_ = (await world.declare())["id"]
    path = f"/api/v1/incidents/{id_}"
    assert problem(await world.admin.post(f"{path}/close", json={}), 409)
    ended = await world.admin.post(f"{path}/cancel", json={"reason": "a test"})
    assert ended.status_code == 200
    await _until_ended(world, id_)
    assert "has ended" in problem(await world.admin.post(f"{path}/acknowledge", json={}), 409)


async def _until_ended(world: World, incident_id: str) -> None:
    await asyncio.wait_for(world.engine.get_workflow_handle(incident_workflow_id(incident_id)).result(), 20)


async def test_a_run_asks_is_approved_and_succeeds(world: World) -> None:
    """POST runs 201; the approval shows what will run; wrong digest, self-approval and late votes are refused."""
    id_ = (await world.declare())["id"]
    body = {"incident_id": id_, "runbook": "say-yes", "parameters": {"word": "yes"}, "by": "ana"}
    headers = {"Idempotency-Key": f"run-{id_}"}
    started = await world.admin.post("/api/v1/runs", json=body, headers=headers)
    assert started.status_code == 201, started.text
    run = started.json()
    assert set(run) >= {"id", "incident_id", "runbook", "status", "steps"}
    assert set(run["runbook"]) >= {"name", "version", "digest"}
    repeated = await world.admin.post("/api/v1/runs", json=body, headers=headers)
    assert (repeated.status_code, repeated.json()["id"]) == (200, run["id"])
    pending = f"/api/v1/approvals?incident_id={id_}&state=pending"
    listed = await world.until_recorded(pending, lambda found: len(found["items"]) == 1)
    approval = (await world.admin.get(f"/api/v1/approvals/{listed['items'][0]['id']}")).json()
    wanted = {
        "id",
        "run_id",
        "step_id",
        "state",
        "digest",
        "shown",
        "min_approvals",
        "approvers",
        "votes",
        "expires_at",
    }
    assert set(approval) >= wanted
    decision = f"/api/v1/approvals/{approval['id']}/decision"
    vote = {"decision": "approve", "digest": approval["digest"], "by": "ben"}
    problem(await world.admin.post(decision, json=vote | {"digest": "sha256:other"}), 409)
    assert (await world.admin.post(decision, json=vote | {"by": "ana"})).status_code in {403, 409}
    done = await world.admin.post(decision, json=vote | {"comment": "go"})
    assert (done.status_code, done.json()["state"]) == (200, "approved")
    problem(await world.admin.post(decision, json=vote | {"by": "cleo"}), 409)
    path = f"/api/v1/runs/{run['id']}"
    ended = await world.until_recorded(path, lambda found: found["status"] == "succeeded")
    step = {each["id"]: each for each in ended["steps"]}["act"]
    fields = {"id", "path", "kind", "status", "attempts", "started_at", "finished_at", "output", "error", "waiting_for"}
    assert set(step) >= fields


async def test_a_run_that_cannot_start_says_why(world: World) -> None:
    """An unknown runbook, an unknown or missing parameter: 422; an unknown incident: 404."""
    id_ = (await world.declare())["id"]
    body = {"incident_id": id_, "runbook": "say-yes", "parameters": {"word": "yes"}}
    post = world.admin.post
    assert "say-yes" in problem(await post("/api/v1/runs", json=body | {"runbook": "say-yess"}), 422)
    assert "'word'" in problem(await post("/api/v1/runs", json=body | {"parameters": {"wrod": "x"}}), 422)
    assert "missing" in problem(await post("/api/v1/runs", json=body | {"parameters": {}}), 422)
    problem(await post("/api/v1/runs", json=body | {"incident_id": "inc-20200101-0000"}), 404)


async def test_an_operator_stops_a_run(world: World) -> None:
    """The verbs of a run reach it; a reason is needed."""
    id_ = (await world.declare())["id"]
    body = {"incident_id": id_, "runbook": "say-yes", "parameters": {"word": "no"}}
    run = (await world.admin.post("/api/v1/runs", json=body)).json()
    path = f"/api/v1/runs/{run['id']}"
    assert "body.reason" in problem(await world.admin.post(f"{path}/stop", json={}), 422)
    assert (await world.admin.post(f"{path}/pause", json={"reason": "wait"})).status_code == 200
    assert (await world.admin.post(f"{path}/resume", json={"reason": "looked at it"})).status_code == 200
    assert (await world.admin.post(f"{path}/stop", json={"reason": "enough"})).status_code == 200
    await world.until_recorded(path, lambda found: found["status"] == "stopped")


async def test_reviews_and_action_items_are_followed(world: World) -> None:
    """The review of a resolved incident, and an action item from its creation to its evidence."""
    id_ = (await world.declare(services=["checkout"]))["id"]
    await world.admin.post(f"/api/v1/incidents/{id_}/acknowledge", json={"by": "ana"})
    await world.admin.post(f"/api/v1/incidents/{id_}/resolve", json={"by": "ana", "summary": "over"})
    review = await world.until_recorded(f"/api/v1/reviews/{id_}")
    assert set(review) >= {"id", "incident_id", "owner", "due_at", "state", "markdown", "findings"}
    finding = {"kind": "contributing_factor", "text": "no canary", "by": "ana"}
    added = await world.admin.post(f"/api/v1/reviews/{id_}/findings", json=finding)
    assert added.json()["findings"][0]["text"] == "no canary"
    await world.until_recorded(f"/api/v1/reviews?incident_id={id_}", lambda found: len(found["items"]) == 1)

    item = {
        "incident_id": id_,
        "title": "Add a canary",
        "owner": "ben",
        "done_when": "a bad release stops",
        "by": "ana",
    }
    headers = {"Idempotency-Key": f"item-{id_}"}
    made = await world.admin.post("/api/v1/action-items", json=item, headers=headers)
    again = await world.admin.post("/api/v1/action-items", json=item, headers=headers)
    assert (made.status_code, again.status_code) == (201, 200), made.text
    body = made.json()
    assert body["id"] == again.json()["id"]
    assert set(body) >= {
        "id", "incident_id", "title", "owner", "priority", "due_at", "state", "done_when", "evidence", "reminders_sent",
    }  # fmt: skip
    path = f"/api/v1/action-items/{body['id']}"
    assert (await world.admin.patch(path, json={"state": "in_progress", "by": "ben"})).json()["state"] == "in_progress"
    problem(await world.admin.post(f"{path}/done", json={"by": "ben"}), 409)
    assert (await world.admin.patch(path, json={"owner": "ana", "by": "ben"})).json()["owner"] == "ana"
    problem(await world.admin.patch(path, json={"owner": "ana", "state": "done"}), 422)
    problem(await world.admin.patch(path, json={"state": "open"}), 422)
    shown = {"text": "the canary stopped release 7", "url": "https://example.com/7", "by": "ana"}
    assert (await world.admin.post(f"{path}/evidence", json=shown)).json()["state"] == "verifying"
    assert (await world.admin.post(f"{path}/done", json={"by": "ana"})).json()["state"] == "done"
    problem(await world.admin.post("/api/v1/action-items", json=item | {"incident_id": "inc-20200101-0000"}), 404)


async def test_the_directory_says_who_and_what(world: World) -> None:
    """Services, on-call per service, the runbook catalogue with plan and text, honest counts."""
    get = world.admin.get
    services = (await get("/api/v1/services")).json()["items"]
    assert {each["id"] for each in services} == {"checkout", "search"}
    on_call = {each["service"]: each for each in (await get("/api/v1/on-call")).json()["items"]}
    assert on_call["checkout"]["people"] == ["ana"]
    assert on_call["checkout"]["levels"][1] == {"level": 2, "people": ["ben"], "acknowledge_within_seconds": 600.0}
    assert on_call["search"]["people"] == []
    names = {each["name"] for each in (await get("/api/v1/runbooks")).json()["items"]}
    assert "say-yes" in names
    runbook = (await get("/api/v1/runbooks/say-yes")).json()
    assert runbook["digest"].startswith("sha256:")
    assert [step["id"] for step in runbook["plan"]["steps"]] == ["ask", "act"]
    counts = (await get("/api/v1/insights/summary")).json()
    assert counts["is_complete"] is True
    assert counts["incidents"]["total"] == sum(counts["incidents"]["by_severity"].values())
    assert (await get("/api/v1/game-days")).status_code == 200
    assert (await get("/api/v1/game-days/definitions")).status_code == 200


async def test_every_route_is_described(world: World) -> None:
    """The OpenAPI document names each path with a summary, its refusals and the credentials; no docs page is served."""
    document = (await world.admin.get("/api/v1/openapi.json")).json()
    operations = [(path, method, each) for path, item in document["paths"].items() for method, each in item.items()]
    ids = [each["operationId"] for _, _, each in operations]
    assert len(ids) == len(set(ids))
    for path, method, each in operations:
        assert each.get("summary"), f"{method} {path}"
        if path.startswith("/api/"):
            assert {"401", "503"} <= set(each["responses"]), f"{method} {path}"
    assert "HTTPValidationError" not in document["components"]["schemas"]
    problem(await world.admin.get("/docs"), 404)


async def test_ready_means_that_everything_answers(world: World) -> None:
    """With engine, workers and store there, each part is ready, and nobody needs a token to ask."""
    async with httpx.AsyncClient(base_url=world.url, timeout=30) as probe:
        assert (await probe.get("/healthz")).status_code == 200
        ready = await probe.get("/readyz")
        assert ready.status_code == 200, ready.text
        assert set(ready.json()["parts"]) == {"engine", "control worker", "steps worker", "store"}


async def test_the_public_status_page_needs_nobody(world: World) -> None:
    """`/status` is for everybody; every answer carries the headers that protect a browser."""
    async with httpx.AsyncClient(base_url=world.url, timeout=30) as public:
        page = await public.get("/status")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["x-request-id"]


async def test_the_response_goes_on_while_the_store_is_away(world: World) -> None:
    """An API whose store does not answer still declares, shows and commands; only lists and timelines wait."""
    away = load_settings(
        home=world.home.folder,
        temporal_port=world.settings.temporal_port,
        store_url="postgresql://somebody:hunter2@127.0.0.1:1/nothing",
    )
    store = open_store(away.store_url.get_secret_value())
    async with serving(await build_app(away, world.home, store)) as url:  # noqa: SIM117 - the client needs the URL
        async with httpx.AsyncClient(base_url=url, headers=world.admin.headers, timeout=30) as client:
            made = await client.post("/api/v1/incidents", json={"title": "No record"})
            assert made.status_code == 201
            path = f"/api/v1/incidents/{made.json()['id']}"
            assert (await client.get(path)).headers["hotwash-source"] == "engine"
            acknowledged = await client.post(f"{path}/acknowledge", json={"by": "ana"})
            assert acknowledged.json()["roles"]["commander"] == "ana"
            for part in ("/api/v1/incidents", f"{path}/timeline"):
                assert "hunter2" not in problem(await client.get(part), 503)
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()["parts"]["store"]["ready"]) == (503, False)
            assert "hunter2" not in ready.text
    await store.close()


async def test_it_is_ready_when_the_store_has_its_tables(world: World, tmp_path: Path) -> None:
    """A worker that starts for the first time makes them; until then nothing should be sent here."""
    store = open_store(f"sqlite:///{tmp_path}/young.db")
    async with serving(await build_app(world.settings, world.home, store)) as url:  # noqa: SIM117 - see above
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            young = (await client.get("/readyz")).json()["parts"]["store"]
            assert (young["ready"], "no tables yet; a worker makes them" in young["detail"]) == (False, True)
            await store.migrate()
            assert (await client.get("/readyz")).json()["parts"]["store"]["ready"] is True
    await store.close()
