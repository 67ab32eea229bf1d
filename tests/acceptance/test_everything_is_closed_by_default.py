"""Nobody gets in without being known: no, wrong and foreign credentials, on every door of the running house."""

import re
import socket
import stat

import httpx
import pytest

from tests.support.house import House, alert

pytestmark = pytest.mark.asyncio(loop_scope="session")

# What a stranger may see: that it lives, the public status page, how to log in, and how the pages look.
OPEN = {"/healthz", "/readyz", "/metrics", "/status", "/login"}


def visitor(url: str, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    """Somebody with no credential but these headers, and with time."""
    return httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=30)


async def test_every_route_of_the_contract_needs_a_credential(house: House) -> None:
    """The OpenAPI document itself is closed; each of its routes is 401 with none, a wrong and a forged credential."""
    document = (await house.world.http.get("/api/v1/openapi.json")).json()
    routes = [
        (method, re.sub(r"{\w+}", "inc-20261122-k7qd", path))
        for path, methods in document["paths"].items()
        for method in methods
        if path not in OPEN and not path.startswith("/webhooks/")
    ]
    assert len(routes) > 50
    wrong = ({}, {"Authorization": "Bearer wrong"}, {"Cookie": "hotwash_session=forged"})
    async with visitor(house.world.url) as stranger:
        for method, path in [*routes, ("get", "/api/v1/openapi.json")]:
            for headers in wrong:
                answer = await stranger.request(method, path, headers=headers)
                assert answer.status_code == 401, f"{method} {path} {headers}: {answer.status_code}"
                assert answer.headers["content-type"] == "application/problem+json"


async def test_pages_lead_strangers_to_the_login_only(house: House) -> None:
    """Every page of the console redirects to the login; a form is refused; the status page is for everybody."""
    incident = await house.declared("Secret plans")
    async with visitor(house.world.url, {"Accept": "text/html"}) as browser:
        for path in ("/", "/incidents", f"/incidents/{incident}", "/approvals", "/action-items", "/declare"):
            answer = await browser.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/login"), path
        declared = await browser.post("/declare", data={"title": "x", "severity": "SEV-1"})
        assert declared.status_code == 401
        status = await browser.get("/status")
        assert status.status_code == 200
        assert "Secret plans" not in status.text


async def test_webhooks_need_their_own_secret(house: House) -> None:
    """No secret, a wrong one, and even the admin token are 401; an unknown sender is 404; nothing is stored."""
    before = (await house.world.get("/alert-groups", limit=200))["items"]
    body = {"version": "4", "groupLabels": {"alertname": "Forged"}, "alerts": [alert("Forged")]}
    async with visitor(house.world.url) as stranger:
        for token in (None, "Bearer wrong", f"Bearer {house.world.home.admin_token()}", "Basic eDp5"):
            headers = {"Authorization": token} if token else {}
            answer = await stranger.post("/webhooks/alertmanager", json=body, headers=headers)
            assert answer.status_code == 401, token
            assert answer.headers["content-type"] == "application/problem+json"
        assert (await stranger.post("/webhooks/nobody", json=body)).status_code in {401, 404}
    after = (await house.world.get("/alert-groups", limit=200))["items"]
    assert "Forged" not in str([group["title"] for group in after])
    assert len(after) == len(before)


async def test_a_person_speaks_for_nobody_else(house: House) -> None:
    """Bob's token acts as bob; as somebody else, or to make tokens, it is 403."""
    issued = await house.world.http.post("/api/v1/tokens", json={"person": "bob"})
    incident = await house.declared("Whose word it is")
    headers = {"Authorization": f"Bearer {issued.json()['token']}"}
    async with visitor(f"{house.world.url}/api/v1", headers) as bob:
        assert (await bob.get("/me")).json()["name"] == "bob"
        for path, body in (
            (f"/incidents/{incident}/acknowledge", {"by": "alice"}),
            ("/tokens", {"person": "alice"}),
            ("/login-links", {}),
        ):
            answer = await bob.post(path, json=body)
            assert answer.status_code == 403, f"{path}: {answer.text}"
            assert answer.headers["content-type"] == "application/problem+json"
        acknowledged = await bob.post(f"/incidents/{incident}/acknowledge", json={})
        assert acknowledged.json()["roles"]["commander"] == "bob"


async def test_a_session_takes_no_orders_from_other_sites(house: House) -> None:
    """A login link works once; the cookie is for this site only, and a form from elsewhere is refused."""
    link = (await house.world.http.post("/api/v1/login-links", json={"person": "bob"})).json()["path"]
    incident = await house.declared("Forms from elsewhere")
    async with visitor(house.world.url, {"Accept": "text/html"}) as browser:
        first = await browser.get(link)
        assert first.status_code == 303
        assert {"HttpOnly", "SameSite=strict"} <= set(first.headers["set-cookie"].split("; "))
        path = f"/incidents/{incident}/acknowledge"
        for origin in ({"Origin": "http://evil.test"}, {"Origin": "null"}):
            assert (await browser.post(path, headers=origin)).status_code == 403, origin
        assert (await browser.post(path, headers={"Origin": house.world.url})).status_code == 303
    async with visitor(house.world.url) as thief:
        assert (await thief.get(link)).status_code == 401


async def test_it_listens_to_this_machine_and_keeps_its_keys_private(house: House) -> None:
    """Bound to 127.0.0.1; the files with secrets are for their owner only; the logs hold none of them."""
    for port in (house.world.settings.port, house.world.settings.temporal_port):
        with socket.socket() as other:
            # Another address of this machine: nobody listens there.
            assert other.connect_ex(("127.0.0.2", port)) != 0
    home = house.world.home
    for file in (home.admin_token_file, home.secret_key_file, home.secrets / "alertmanager"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        secret = file.read_text().strip()
        assert all(secret not in log.read_text(errors="replace") for log in home.logs.iterdir()), file
