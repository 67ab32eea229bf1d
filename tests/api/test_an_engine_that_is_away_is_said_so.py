"""Without the engine: 503 with a sentence where it is needed, the record where that is enough, no trace anywhere."""

import httpx
import pytest

from domain.record import ProjectionKind
from tests.support.api_world import World
from tests.support.records import batch, entry, picture
from tests.support.routes import INCIDENT, all_calls, body_fields

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_needs_the_engine_is_503_with_a_sentence(engineless: World) -> None:
    """Declaring and commanding are refused for now; the answer says why, and when to come again."""
    post = engineless.admin.post
    for path, body in (
        ("incidents", {"title": "Now of all times"}),
        (f"incidents/{INCIDENT}/acknowledge", {}),
        (f"runs/{INCIDENT}.x.1/pause", {"reason": "r"}),
        (f"approvals/{INCIDENT}.x.1:ask/decision", {"decision": "approve", "digest": "d"}),
        (f"reviews/{INCIDENT}/submit", {}),
        ("action-items/act-000000/start", {}),
        ("alert-groups/0123/decline", {"reason": "r"}),
    ):
        answer = await post(f"/api/v1/{path}", json=body)
        assert answer.status_code == 503, f"{path}: {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0
        assert "the engine (Temporal) does not answer" in answer.json()["detail"]


async def test_no_route_shows_a_trace(engineless: World) -> None:
    """Every route, asked in earnest while the engine is away, answers in a sentence: never 500, never a trace."""
    for call in all_calls(engineless.app):
        if call.template.endswith("/events"):
            continue
        schema = body_fields(engineless.app, call)
        answer = await engineless.admin.request(call.method, call.path, json={} if schema else None)
        assert "Traceback" not in answer.text, str(call)
        assert answer.status_code != 500, f"{call}: {answer.text}"


# Bodies that are JSON, nearly JSON, or JSON that hurts.
HOSTILE = (
    b"", b"[]", b'"x"', b"1", b"null", b"{", b"\xff\xfe", b"[" * 100_000, b'{"by": 5}', b'{"by": "\\ud800"}',
    b'{"a": NaN}', b'{"by": {"by": {}}}', b'{"title": "\\u0000"}', b'{"__proto__": {}}',
    b'{"title": ' + b"9" * 5000 + b"}", b'{"parameters": ' + b"[" * 900 + b"]" * 900 + b"}",
)  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE, ids=lambda content: repr(content[:20]))
async def test_no_body_brings_a_route_down(engineless: World, content: bytes) -> None:
    """Whatever is sent as JSON is taken or refused with a sentence by every route; never 500, never a trace."""
    headers = {"Content-Type": "application/json"}
    for call in all_calls(engineless.app):
        if not body_fields(engineless.app, call):
            continue
        answer = await engineless.admin.request(call.method, call.path, content=content, headers=headers)
        assert answer.status_code < 500 or answer.status_code == 503, f"{call}: {answer.status_code} {answer.text}"
        if answer.is_error:
            assert answer.headers["content-type"] == "application/problem+json", str(call)
        assert "Traceback" not in answer.text


async def test_the_record_answers_for_what_it_holds(engineless: World) -> None:
    """A recorded incident and its timeline are shown, marked as such; of an unknown one nobody can say: 503."""
    document = {
        "title": "Kept", "status": "investigating", "severity": "SEV-2", "services": [], "drill": False,
        "declared_at": "2026-11-22T09:00:00Z",
    }  # fmt: skip
    kept = picture(ProjectionKind.INCIDENT, INCIDENT, incident_id=INCIDENT, **document)
    await engineless.store.record.save(batch("test", entry(1, "kept", INCIDENT), pictures=(kept,)))
    found = await engineless.admin.get(f"/api/v1/incidents/{INCIDENT}")
    assert (found.status_code, found.headers["hotwash-source"]) == (200, "record")
    timeline = await engineless.admin.get(f"/api/v1/incidents/{INCIDENT}/timeline")
    assert [each["summary"] for each in timeline.json()["items"]] == ["kept"]
    assert (await engineless.admin.get("/api/v1/incidents/inc-20200101-0000")).status_code == 503


async def test_ready_names_what_is_missing(engineless: World) -> None:
    """503 with each part; the process itself is healthy."""
    async with httpx.AsyncClient(base_url=engineless.url, timeout=30) as probe:
        assert (await probe.get("/healthz")).status_code == 200
        answer = await probe.get("/readyz")
        assert answer.status_code == 503
        parts = answer.json()["parts"]
        assert {name: part["ready"] for name, part in parts.items()} == {
            "engine": False, "control worker": False, "steps worker": False, "store": True,
        }  # fmt: skip


async def test_a_calendar_program_is_told_to_come_again(engineless: World) -> None:
    """A feed without what is due would call it off in everybody's calendar; the page shows what can be told."""
    configuration = engineless.home.configuration
    before = configuration.read_text()
    configuration.write_text(f'{before}\ngame_days: {{weekly: {{cron: "0 10 * * 2"}}}}\n')
    try:
        feed = await engineless.admin.get("/api/v1/game-days/calendar.ics")
        shown = await engineless.admin.get("/api/v1/game-days/calendar")
    finally:
        configuration.write_text(before)
    assert (feed.status_code, "does not answer" in feed.json()["detail"]) == (503, True)
    assert (shown.status_code, shown.json()["is_partial"]) == (200, True)
