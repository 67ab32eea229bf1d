"""Closed by default: every route, with every kind of wrong credential."""

import httpx
import pytest

from api.auth import SESSION_COOKIE
from api.guard import PUBLIC
from tests.support.api_world import World
from tests.support.routes import all_calls, body_fields

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Templates that need no principal. A new one must be written down here, on purpose.
OPEN = PUBLIC | {"/metrics"}
# A perspective's link is signed and is its own credential.
OPEN_FOLDERS = ("/webhooks/", "/v2/", "/static", "/perspectives/")


def closed(world: World) -> list:
    """Every call that must be refused to strangers."""
    return [
        call
        for call in all_calls(world.app)
        if call.template not in OPEN and not call.template.startswith(OPEN_FOLDERS)
    ]


def is_problem(answer: httpx.Response, status: int) -> bool:
    """Whether this is an RFC 9457 document that agrees with its status and shows no trace."""
    if answer.headers.get("content-type") != "application/problem+json":
        return False
    body = answer.json()
    return (
        answer.status_code == body["status"] == status
        and {"type", "title", "detail", "instance"} <= set(body)
        and "Traceback" not in answer.text
    )


async def test_every_route_refuses_a_stranger(engineless: World) -> None:
    """Without a token each route that is not public answers 401 with a problem document."""
    async with httpx.AsyncClient(base_url=engineless.url, timeout=30) as stranger:
        for call in closed(engineless):
            answer = await stranger.request(call.method, call.path)
            assert is_problem(answer, 401), f"{call}: {answer.status_code} {answer.text}"
            assert answer.headers["www-authenticate"] == "Bearer"
    assert len(closed(engineless)) > 60


@pytest.mark.parametrize(
    "credential",
    ["Bearer nonsense", "Bearer", "Basic YWRtaW46YWRtaW4=", "nonsense", "Bearer eyJwIjoiYW5hIn0.c2lnbmVk"],
)
async def test_every_route_refuses_a_bad_token(engineless: World, credential: str) -> None:
    """A token that is not ours opens nothing, whatever it looks like."""
    async with httpx.AsyncClient(
        base_url=engineless.url, headers={"Authorization": credential}, timeout=30
    ) as stranger:
        for call in closed(engineless):
            answer = await stranger.request(call.method, call.path)
            assert is_problem(answer, 401), f"{call}: {answer.status_code} {answer.text}"


async def test_nobody_acts_for_somebody_else_with_a_token_of_their_own(engineless: World) -> None:
    """Every route that takes `by` answers 403 when a person names another one; nothing reaches the engine."""
    tried = 0
    async with engineless.as_person("ana") as ana:
        for call in all_calls(engineless.app):
            schema = body_fields(engineless.app, call)
            # Their path or body cannot be made up; tests of their own name somebody else there.
            read_first = ("/reviews/import", "/tags/")
            if "by" not in schema.get("properties", {}) or any(part in call.path for part in read_first):
                continue
            tried += 1
            body = {"by": "ben"} | {
                name: _example(schema["properties"][name], name) for name in schema.get("required", [])
            }
            if call.path.endswith("/roles"):
                body["person"] = "ben"
            if call.path.endswith("/bulk"):
                body["due_at"] = "2027-01-01T00:00:00Z"
            body |= {name: ["ben"] for name in body if schema["properties"][name].get("type") == "array"}
            answer = await ana.request(call.method, call.path, json=body)
            assert is_problem(answer, 403), f"{call}: {answer.status_code} {answer.text}"
            assert "'ben'" in answer.json()["detail"]
    assert tried > 35


async def test_only_the_admin_token_gives_credentials_away(engineless: World) -> None:
    """A person's token issues neither tokens nor login links, not even for that person or for an administrator."""
    for name in ("ana", "cleo"):
        async with engineless.as_person(name) as somebody:
            for path, body in (("/api/v1/tokens", {"person": name}), ("/api/v1/login-links", {})):
                assert is_problem(await somebody.post(path, json=body), 403)


async def test_a_token_says_who_holds_it(engineless: World) -> None:
    """`/me` tells each holder apart; the admin token speaks for others, nobody else does."""
    async with engineless.as_person("cleo") as cleo:
        assert (await cleo.get("/api/v1/me")).json() == {
            "name": "cleo", "groups": ["admin"], "is_admin": True, "speaks_for_others": False,
        }  # fmt: skip
    assert (await engineless.admin.get("/api/v1/me")).json()["speaks_for_others"] is True


async def test_a_token_for_nobody_names_the_nearest(engineless: World) -> None:
    """A typo in the person of a token is answered with what was meant."""
    answer = await engineless.admin.post("/api/v1/tokens", json={"person": "anna"})
    assert is_problem(answer, 422)
    assert "did you mean 'ana'?" in answer.json()["detail"]


async def test_a_login_link_works_once(engineless: World) -> None:
    """The first use begins a session in an HttpOnly, SameSite=Strict cookie; the second is refused in words."""
    link = (await engineless.admin.post("/api/v1/login-links", json={"person": "ana"})).json()["path"]
    async with httpx.AsyncClient(base_url=engineless.url, timeout=30) as browser:
        head = await browser.head(link)
        assert head.status_code == 405
        first = await browser.get(link)
        assert (first.status_code, first.headers["location"]) == (303, "/")
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert (await browser.get("/api/v1/me")).json()["name"] == "ana"
    async with httpx.AsyncClient(base_url=engineless.url, timeout=30) as thief:
        second = await thief.get(link)
        assert second.status_code == 401
        assert "used before" in second.text
        assert SESSION_COOKIE not in second.cookies


async def test_a_cookie_changes_nothing_for_another_site(engineless: World) -> None:
    """A POST with the session cookie needs our own Origin; a GET does not, and a bearer token never does."""
    async with httpx.AsyncClient(base_url=engineless.url, timeout=30) as browser:
        token = engineless.home.admin_token()
        entered = await browser.post("/login", data={"token": token})
        assert entered.status_code == 303
        assert token not in entered.headers["set-cookie"]
        for headers in (
            {},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": engineless.url, "Sec-Fetch-Site": "cross-site"},
        ):
            refused = await browser.post("/api/v1/tokens", json={"person": "ana"}, headers=headers)
            assert is_problem(refused, 403), headers
        own = await browser.post("/api/v1/tokens", json={"person": "ana"}, headers={"Origin": engineless.url})
        assert own.status_code == 201
        assert (await browser.get("/api/v1/me")).status_code == 200


async def test_a_logout_also_ends_a_copied_cookie(engineless: World) -> None:
    """Whoever kept the cookie is out, too."""
    async with httpx.AsyncClient(base_url=engineless.url, timeout=30) as browser:
        await browser.post("/login", data={"token": engineless.home.admin_token()})
        kept = browser.cookies[SESSION_COOKIE]
        out = await browser.post("/logout", headers={"Origin": engineless.url})
        assert (out.status_code, out.headers["location"]) == (303, "/login")
    async with httpx.AsyncClient(base_url=engineless.url, cookies={SESSION_COOKIE: kept}, timeout=30) as thief:
        assert is_problem(await thief.get("/api/v1/me"), 401)


async def test_a_login_form_of_another_site_is_refused(engineless: World) -> None:
    """Nobody is logged in as somebody else by a page elsewhere."""
    async with httpx.AsyncClient(base_url=engineless.url, timeout=30) as browser:
        data = {"token": engineless.home.admin_token()}
        answer = await browser.post("/login", data=data, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403
        wrong = await browser.post("/login", data={"token": "nonsense"})
        assert wrong.status_code == 401
        assert SESSION_COOKIE not in browser.cookies


async def test_a_browser_without_a_session_is_sent_to_the_login(engineless: World) -> None:
    """A page view leads to the form; the same path asked for by a program is a problem document."""
    async with httpx.AsyncClient(base_url=engineless.url, timeout=30) as stranger:
        page = await stranger.get("/incidents", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["location"]) == (303, "/login")
        assert is_problem(await stranger.get("/api/v1/incidents", headers={"Accept": "text/html"}), 401)


async def test_metrics_are_open_on_this_machine_and_closed_to_what_is_forwarded(engineless: World) -> None:
    """Bound to loopback, Prometheus needs no token; a proxy's visitors do."""
    async with httpx.AsyncClient(base_url=engineless.url, timeout=30) as neighbour:
        answer = await neighbour.get("/metrics")
        assert answer.status_code == 200
        assert "hotwash_http_requests_total" in answer.text
        assert is_problem(await neighbour.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}), 401)


def _example(schema: dict, name: str) -> object:
    """A value that fits a property well enough to be let through validation."""
    known = {
        "severity": "SEV-2", "status": "investigating", "role": "commander", "audience": "internal",
        "into": "inc-20261122-0000", "due_at": "2027-01-01T00:00:00Z", "decision": "approve", "output": {},
        "revision": 1,
    }  # fmt: skip
    by_type = {"boolean": True, "integer": 1, "number": 1, "object": {}}.get(schema.get("type", ""), f"a {name}")
    return known.get(name, schema.get("default", by_type))
