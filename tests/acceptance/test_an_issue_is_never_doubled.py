"""Real processes, four trackers over HTTP: created once though the worker dies, kept alike by signed webhooks."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.house import House, a_house
from tests.support.trackers.server import TrackerServer
from tests.support.trackers.world import SERVERS

pytestmark = pytest.mark.asyncio(loop_scope="module")
KINDS = sorted(SERVERS)


@dataclass
class Office:
    """A house with four trackers, and one incident."""

    house: House
    trackers: dict[str, TrackerServer]
    incident: str

    async def item(self, tracker: str, **fields: Any) -> str:
        """A new action item that is kept there."""
        body = {
            "by": "alice", "incident_id": self.incident, "title": "Probe the checkout", "owner": "alice",
            "done_when": "a probe alerts", "tracker": tracker,
        }  # fmt: skip
        return str((await self.house.world.post("/action-items", body | fields))["id"])

    async def until(self, item: str, holds: Any, what: str) -> dict[str, Any]:
        """The item, once it is as wanted."""
        found: dict[str, Any] = await self.house.eventually(
            lambda: self.house.look(f"/action-items/{item}"), lambda it: it is not None and holds(it), what
        )
        return found

    async def knock(self, kind: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        """A webhook of the tracker."""
        async with httpx.AsyncClient(base_url=self.house.world.url, timeout=30) as http:
            return await http.post(f"/webhooks/trackers/{kind}", headers=headers, content=body)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """Everything runs."""
    with ExitStack() as stack:
        trackers = {kind: stack.enter_context(SERVERS[kind]()) for kind in KINDS}
        environment: dict[str, str] = {}
        entries = {}
        for kind, server in trackers.items():
            environment |= {f"{kind.upper()}_TOKEN": server.token, f"{kind.upper()}_HOOK": server.webhook_secret}
            entries[kind] = server.settings() | {
                "token": f"env:{kind.upper()}_TOKEN",
                "webhook_secret": f"env:{kind.upper()}_HOOK",
                "users": {"alice": server.alice, "bob": server.bob},
            }
        folder = tmp_path_factory.mktemp("office")
        # JSON is YAML.
        more = f"\ntrackers: {json.dumps(entries)}\n"
        async with a_house(folder, environment=environment, more=more) as house:
            yield Office(house, trackers, await house.declared("The checkout has no probe"))


# Two deaths of a worker take half a minute; the others' clients are killed by `make test-long`.
@pytest.mark.parametrize(
    "kind", ["github", *(pytest.param(each, marks=pytest.mark.long) for each in KINDS if each != "github")]
)
async def test_a_worker_that_dies_over_a_new_issue_leaves_one(office: Office, kind: str) -> None:
    """The tracker has it, the worker never heard: its successor finds it by its marker and creates none."""
    server, world = office.trackers[kind], office.house.world
    loop, dead = asyncio.get_running_loop(), asyncio.Event()

    def strike() -> None:
        server.on_created = lambda: None
        server.lost_answers = 1
        world.kill("worker")
        loop.call_soon_threadsafe(dead.set)

    server.on_created = strike
    before = server.creations
    item = await office.item(kind)
    await asyncio.wait_for(dead.wait(), 90)
    await world.start("worker")
    found = await office.until(item, lambda it: it["tracker"] and it["tracker"]["key"], "the issue")
    assert server.creations == before + 1
    assert found["tracker"]["drift"] == []
    # And once more over a comment.
    server.on_created = strike
    dead.clear()
    await world.post(f"/action-items/{item}/comment", {"by": "alice", "text": "I have begun"})
    await asyncio.wait_for(dead.wait(), 90)
    await world.start("worker")
    await office.until(item, lambda it: it["tracker"]["outbox"] == [], "the comment is told")
    issue = server.issues[-1]
    assert sum("I have begun" in each.text for each in issue.comments) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_people_and_trackers_keep_an_item_alike(office: Office, kind: str) -> None:
    """Handed over there, begun here, closed there: each side follows the other, and a forged word moves nothing."""
    server, world = office.trackers[kind], office.house.world
    item = await office.item(kind)
    await office.until(item, lambda it: it["tracker"]["key"], "the issue")
    issue = server.issues[-1]
    assert issue.user == server.alice
    server.edit(issue, user=server.bob)
    headers, body = server.webhook(issue)
    forged = await office.knock(kind, headers, body + b" ")
    assert (forged.status_code, (await office.knock(kind, {}, body)).status_code) == (401, 401)
    taken = await office.knock(kind, headers, body)
    assert (taken.status_code, taken.json()) == (202, {"tracker": kind, "items": [item]})
    await office.until(item, lambda it: it["owner"] == "bob", "the new owner")
    await world.post(f"/action-items/{item}/start", {"by": "bob"})
    await office.until(item, lambda it: it["tracker"]["ours_then"]["state"] == "in_progress", "it is told")
    assert issue.state == ("in_progress" if kind in {"jira", "linear"} else "open")
    server.remark(issue, "Deployed on Monday")
    server.edit(issue, state="done")
    assert (await office.knock(kind, *server.webhook(issue))).status_code == 202
    done = await office.until(item, lambda it: it["state"] == "done", "the end")
    assert [each["kind"] for each in done["evidence"]] == ["tracker"]
    assert (done["tracker"]["drift"], done["watched_until"] is not None) == ([], True)
    await office.house.told(office.incident, "Deployed on Monday")
    # It was not done after all.
    server.edit(issue, state="open")
    assert (await office.knock(kind, *server.webhook(issue))).status_code == 202
    assert (await office.until(item, lambda it: it["state"] == "in_progress", "it is open again"))["reopened"] == 1


async def test_a_tracker_that_is_away_is_said_and_caught_up_with(office: Office) -> None:
    """The page says so, the item goes on, and when it is back everything is told once."""
    server, world = office.trackers["github"], office.house.world
    server.is_down = True
    item = await office.item("github")
    await office.until(item, lambda it: "answered 503" in (it["tracker"]["problem"] or ""), "the tracker is away")
    started = await world.post(f"/action-items/{item}/start", {"by": "alice"})
    assert started["state"] == "in_progress"
    before = server.creations
    server.is_down = False
    # The tracker's own word about anything of ours shows that it is there again.
    body = json.dumps({"issue": {"body": f"hotwash-item:{item}"}}).encode()
    digest = hmac.new(server.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
    await office.knock("github", {"X-Hub-Signature-256": f"sha256={digest}"}, body)
    found = await office.until(item, lambda it: it["tracker"]["key"], "the issue")
    assert (server.creations, found["tracker"]["problem"]) == (before + 1, None)


async def test_an_unknown_tracker_and_one_without_a_secret_are_refused(office: Office) -> None:
    """Closed by default, with a sentence."""
    assert (await office.knock("bugzilla", {}, b"{}")).status_code == 404
    answer = await office.knock("linear", {"Linear-Signature": "00"}, b"{}")
    assert (answer.status_code, "not signed" in answer.json()["detail"]) == (401, True)
