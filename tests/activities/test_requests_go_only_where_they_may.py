"""`http.request` changes things below allowed addresses only, however they are written; `check.http` only looks."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError

from activities.actions.urls import is_allowed, parse_http_url
from domain.errors import Rejected
from runbooks.schema import MAX_OUTPUT_BYTES
from tests.support.action_world import KEY, World

ALLOWED = ("https://flags.example/api", "http://10.0.0.1:8080/")


@pytest.mark.parametrize(
    "url",
    [
        "https://flags.example/api",
        "https://flags.example/api/",
        "https://FLAGS.example/api/flags?x=1",
        "https://flags.example:443/api/a#b",
        "http://10.0.0.1:8080",
        "http://10.0.0.1:8080/anything",
    ],
)
def test_what_lies_below_a_prefix_is_allowed(url: str) -> None:
    """Host names know no case, 443 is the port of https, and a path counts by whole parts."""
    assert is_allowed(url, ALLOWED)


@pytest.mark.parametrize(
    "url",
    [
        "https://flags.example/apix",
        "https://flags.example/",
        "https://flags.example/api/../admin",
        "https://flags.example/api/%2e%2e/admin",
        "https://flags.example/api/.%2E/admin",
        "https://flags.example/api//../admin",
        "https://flags.example/api/..%2fadmin",
        "https://flags.example.evil.example/api",
        "https://evil.example/https://flags.example/api",
        "http://flags.example/api",
        "https://flags.example:8443/api",
        "http://10.0.0.1/",
    ],
)
def test_what_only_looks_like_a_prefix_is_not_allowed(url: str) -> None:
    """Another host, port, scheme or path, or a path that climbs out."""
    assert not is_allowed(url, ALLOWED)


@pytest.mark.parametrize(
    "url",
    [
        "https://flags.example@evil.example/api",
        "https://flags.example:443@evil.example/api",
        "https://evil.example\\@flags.example/api",
        "https://evil.example\\.flags.example/api",
        "https://flags.example\t.evil.example/api",
        "https://flags.example/api\r\nHost: evil",
        "https://flags.exa\u2100mple/api",
        "https://flags%2eexample/api",
        "https://[::1/api",
        "https://flags.example:/api",
        "https://flags.example:99999/api",
        "https:///api",
        "https:flags.example/api",
        "//flags.example/api",
        "file:///etc/passwd",
        "gopher://flags.example/",
        "",
    ],
)
def test_what_can_be_read_in_two_ways_is_no_url(url: str) -> None:
    """Users before an @, backslashes, control characters, odd hosts, other schemes: refused before any comparison."""
    with pytest.raises(Rejected):
        parse_http_url(url)


@given(st.text(alphabet="abc.:/@\\%2e[]?#flagsexmp", max_size=40))
def test_no_text_behind_the_scheme_reaches_another_host(rest: str) -> None:
    """Whatever is allowed goes, by httpx's own reading, to the host that was allowed."""
    url = f"https://{rest}"
    try:
        allowed = is_allowed(url, ("https://flags.example/api",))
    except Rejected:
        return
    if allowed:
        read = httpx.URL(url)
        assert (read.host, read.port) == ("flags.example", None)
        assert read.path == "/api" or read.path.startswith("/api/")


async def test_a_post_elsewhere_is_refused_before_it_is_sent(world: World) -> None:
    """Nothing arrives, nothing is claimed for good, and the sentence says where to allow it."""
    with pytest.raises(ApplicationError, match=r"allow it under actions\.http_allow") as refused:
        await world.perform("http.request", {"method": "POST", "url": f"{world.target.url}/admin"})
    assert refused.value.details == ("forbidden",)
    assert world.target.seen == []
    assert world.ledger.outcomes == {}


async def test_a_secret_goes_to_allowed_addresses_only(world: World) -> None:
    """Even a GET could carry a secret away."""
    headers = {"Authorization": {"secret": "env:TOKEN"}}
    with pytest.raises(ApplicationError, match="a secret may not be sent"):
        await world.perform("http.request", {"url": f"{world.target.url}/elsewhere", "headers": headers})
    assert world.target.seen == []


async def test_reading_needs_no_permission_and_no_ledger(world: World) -> None:
    """A GET may be repeated as often as one likes."""
    for attempt in (1, 2):
        result = await world.perform("http.request", {"url": f"{world.target.url}/x"}, attempt=attempt)
    assert result.output["json"] == {"ok": True}
    assert world.ledger.outcomes == {}
    assert len(world.target.seen) == 2


async def test_the_target_is_given_our_key(world: World) -> None:
    """Where a target honours idempotency keys, every attempt carries the same one."""
    case = world.case("http.request")
    await world.perform("http.request", case.parameters)
    [seen] = world.target.seen
    assert seen.headers["idempotency-key"] == KEY
    assert seen.body == '{"a": 1}'


async def test_a_redirect_is_not_followed(world: World) -> None:
    """An allowed address may not send a request on to a forbidden one."""
    world.target.status = 307
    world.target.location = f"{world.target.url}/admin"
    with pytest.raises(ApplicationError, match="answered 307"):
        await world.perform("http.request", {"method": "POST", "url": f"{world.target.url}/api/x"})
    assert [seen.path for seen in world.target.seen] == ["/api/x"]


async def test_a_huge_answer_is_cut(world: World) -> None:
    """Ten megabytes are neither kept nor taken for JSON."""
    world.target.body = b"x" * 10_000_000
    result = await world.perform("http.request", {"url": world.target.url})
    assert len(result.output["body"]) <= MAX_OUTPUT_BYTES
    assert result.output["body"].endswith("[truncated]")
    assert result.output["json"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"headers": {"X-A": "a\r\nHost: evil"}},
        {"headers": {"Host": "evil"}},
        {"headers": {"Idempotency-Key": "mine"}},
        {"headers": {"X A": "b"}},
        {"headers": {"X-A": {"secret": "in the clear"}}},
        {"body": "a", "json": 1},
        {"body": "x" * 300_000},
        {"url": "https://a/" + "b" * 3000},
        {"method": "CONNECT"},
    ],
)
async def test_a_request_that_could_smuggle_is_refused(world: World, wrong: dict[str, object]) -> None:
    """Line breaks in headers, headers of ours, two bodies, sizes beyond reason; no value is repeated in the refusal."""
    parameters = {"method": "POST", "url": f"{world.target.url}/api/x"} | wrong
    with pytest.raises(ApplicationError) as refused:
        await world.perform("http.request", parameters)
    assert refused.value.type == "Rejected"
    assert "in the clear" not in str(refused.value)
    assert world.target.seen == []


async def test_a_secret_with_a_line_break_is_not_sent(world: World) -> None:
    """And the refusal does not repeat it."""
    world.secrets.values["env:TOKEN"] = "abc\r\nX-Evil: 1"
    with pytest.raises(ApplicationError, match="odd characters") as refused:
        await world.perform("http.request", world.case("http.request").parameters)
    assert "X-Evil" not in str(refused.value)


@pytest.mark.parametrize(
    ("wanted", "holds", "reason"),
    [
        ({}, True, "answered 200"),
        ({"status": 404}, False, "status 200, wanted 404"),
        ({"contains": '"ok"', "lacks": "error"}, True, "answered 200"),
        ({"contains": "v1"}, False, "does not contain 'v1'"),
        ({"lacks": "ok"}, False, "contains 'ok'"),
        ({"within_ms": 60_000}, True, "answered 200"),
    ],
)
async def test_a_check_says_what_it_saw(world: World, wanted: dict[str, object], holds: bool, reason: str) -> None:
    """As a check it answers yes or no with the reason; as a step it fails with the same reason."""
    parameters = {"url": f"{world.target.url}/?token=abc"} | wanted
    seen = await world.check("check.http", parameters)
    assert seen.holds is holds
    assert reason in seen.detail
    assert "token" not in seen.detail
    assert seen.output["status"] == 200
    assert seen.output["latency_ms"] >= 0
    if holds:
        await world.perform("check.http", parameters)
    else:
        with pytest.raises(ApplicationError) as failure:
            await world.perform("check.http", parameters)
        assert failure.value.type == "Transient"
        assert failure.value.message == seen.detail


async def test_a_check_of_a_target_that_is_away_does_not_hold(world: World, free_port: object) -> None:
    """No answer is an observation, not an error."""
    seen = await world.check("check.http", {"url": f"http://127.0.0.1:{free_port()}/"})  # type: ignore[operator]
    assert seen.holds is False
    assert "cannot be reached" in seen.detail


async def test_a_check_refuses_other_schemes(world: World) -> None:
    """A file is not a web page."""
    with pytest.raises(ApplicationError, match="only http and https") as refused:
        await world.check("check.http", {"url": "file:///etc/passwd"})
    assert refused.value.type == "Rejected"


async def test_a_get_can_be_a_check_and_a_post_cannot(world: World) -> None:
    """What reads is its own check; what became of a POST cannot be told."""
    assert (await world.check("http.request", {"url": world.target.url})).holds is True
    world.target.status = 503
    assert (await world.check("http.request", {"url": world.target.url})).holds is False
    assert (await world.check("http.request", world.case("http.request").parameters)).holds is None
    assert world.target.asked("POST") == []
