"""A team's whole house for acceptance tests: Hotwash as real processes, its mail server, its chat, and a shop to mend.

Used by tests/acceptance. The one thing to know: nothing here looks inside Hotwash. What counts is what arrived: the
mails by their Message-ID, the signed posts, the release directory's history, and each start of the supervised process.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx

from tests.support.mailbox import Mailbox
from tests.support.ports import a_free_port
from tests.support.receiver import Receiver
from tests.support.world import ROOT, World
from workers import tether

SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PEOPLE = ("alice", "bob", "carol", "dana", "erin")
CONFIGURATION = """
organization: Test Shop
base_url: {url}
people:
  alice: {{name: Alice, email: alice@shop.example, groups: [sre], manager: dana}}
  bob: {{name: Bob, email: bob@shop.example, groups: [sre], manager: dana}}
  carol: {{name: Carol, email: carol@shop.example, groups: [sre], manager: dana}}
  dana: {{name: Dana, email: dana@shop.example}}
  erin: {{name: Erin, email: erin@shop.example}}
on_call:
  shop:
    levels:
      - {{people: [alice], acknowledge_within: {level}}}
      - {{people: [bob], acknowledge_within: 1h}}
services:
  shop: {{name: Shop, on_call: shop, public: true, public_name: Online shop}}
integrations:
  alertmanager: {{secret: "file:secrets/alertmanager"}}
routes:
  - name: hold
    match: {{kind: held}}
    service: shop
    declare: propose
  - name: hostile
    match: {{kind: hostile}}
    service: shop
    severity: SEV-2
    runbook: repeat
    parameters: {{word: "{{labels.word}}"}}
  - name: all
    group_by: [alertname]
    service: shop
    severity: SEV-2
channels:
  mail: {{kind: smtp, host: 127.0.0.1, port: {smtp}, sender: hotwash@shop.example, encryption: none}}
  chat: {{kind: webhook, url: "{hook}", secret: "file:secrets/chat"}}
page_channels: [mail]
audiences:
  internal:
    first_notice: automatic
    destinations:
      - {{channel: mail, to: [everybody@shop.example]}}
      - {{channel: chat}}
actions:
  releases:
{releases}
"""
# So many targets as one test session needs; a target is made when a test asks for it.
_TARGETS = 12
RELEASES = ["v0", "v1", "v2"]
_SUPERVISE = ROOT / "cli" / "demo" / "supervise.py"
# A target whose restart is written down, and then kills the process whose pid is in a file, if there is one.
AXE = "axe"
_RESTART = """
import os, sys
from pathlib import Path
folder = Path(sys.argv[1])
with (folder / "starts").open("a") as file:
    file.write(os.environ["HOTWASH_RELEASE"] + chr(10))
victim = folder / "victim"
if victim.exists():
    pid = int(victim.read_text())
    victim.unlink()
    os.kill(pid, 9)
"""
# A release that notes down each of its starts and never fails.
_CHECKOUT = """
from pathlib import Path

with Path({starts!r}).open("a") as file:
    file.write({name!r} + chr(10))


def total_cents(items):
    return items * 100
"""


class Releases:
    """A release directory: v0, v1, then v2, which is current; a second rollback would be seen as v0.

    `starts` is written by whatever is started from it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        for release in RELEASES:
            (folder / "releases" / release).mkdir(parents=True)
        (folder / "current").symlink_to("releases/v2")
        (folder / "history").write_text("".join(f"{release}\n" for release in RELEASES))

    def starts(self) -> list[str]:
        """Which release was started, each time that one was."""
        file = self.folder / "starts"
        return file.read_text().split() if file.exists() else []

    def history(self) -> list[str]:
        """What was current, oldest first."""
        return (self.folder / "history").read_text().split()

    def current(self) -> str:
        """What the symlink says."""
        return (self.folder / "current").readlink().name

    def is_untouched(self) -> bool:
        """Whether nothing was done to it."""
        return (self.current(), self.history()) == ("v2", RELEASES) and set(self.starts()) <= {"v2"}

    def is_rolled_back_once(self) -> bool:
        """Whether it went back by exactly one release."""
        return (self.current(), self.history()) == ("v1", ["v0", "v1"])


class Shop(Releases):
    """A release directory with a real process that is supervised from it (the demo's)."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder)
        self.url = f"http://127.0.0.1:{port}"
        for release in RELEASES:
            text = _CHECKOUT.format(starts=str(folder / "starts"), name=release)
            (folder / "releases" / release / "checkout.py").write_text(text)
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()),
                 sys.executable, str(_SUPERVISE), "--directory", str(folder), "--port", str(port)],
                stdout=log, stderr=log,
            )  # fmt: skip

    async def sells(self) -> str | None:
        """The release that answers a real request; None when nobody does."""
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.get(f"{self.url}/checkout")
        except httpx.HTTPError:
            return None
        release: str = answer.json()["release"]
        return release

    def close(self) -> None:
        """End the supervisor, which ends its child."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class House:
    """Use it through `a_house`."""

    def __init__(self, world: World, mailbox: Mailbox, chat: Receiver, folder: Path) -> None:
        self.world = world
        self.mailbox = mailbox
        self.chat = chat
        self.folder = folder
        self._shops: list[Shop] = []

    # --- alerts and incidents ---

    async def send(self, name: str, status: str = "firing", **more: Any) -> str:
        """Alertmanager's part: send an alert again and again until it is taken; the id of its group."""
        body = alert(name, status, **more)
        while True:
            try:
                answer = await self.world.alert(body, group={"alertname": name})
            except httpx.HTTPError:
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == httpx.codes.ACCEPTED:
                group: str = answer.json()["groups"][0]
                return group
            # Anything else than "come again" would be lost by a real sender.
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
            await asyncio.sleep(0.05)

    async def incident_of(self, group: str) -> str:
        """The incident that a group became."""
        found = await self.eventually(
            lambda: self.look(f"/alert-groups/{group}"), lambda it: it and it["incident_id"], f"an incident of {group}"
        )
        incident: str = found["incident_id"]
        return incident

    async def declared(self, title: str) -> str:
        """An incident about the shop, declared by carol."""
        body = {"title": title, "severity": "SEV-2", "services": ["shop"], "by": "carol"}
        document = await self.world.post("/incidents", body)
        incident: str = document["id"]
        return incident

    async def timeline(self, incident: str) -> list[dict[str, Any]]:
        """What the record has, by `seq`."""
        page = await self.look(f"/incidents/{incident}/timeline?limit=1000")
        return page["items"] if page else []

    async def told(self, incident: str, words: str) -> dict[str, Any]:
        """The first timeline entry that matches these words; waits for it."""

        def line(items: list[dict[str, Any]]) -> dict[str, Any] | None:
            return next((each for each in items if re.search(words, each["summary"])), None)

        items = await self.eventually(lambda: self.timeline(incident), line, f"{words!r} in the timeline")
        found = line(items)
        assert found is not None
        return found

    # --- runs ---

    async def run(self, incident: str, runbook: str, by: str = "alice", **parameters: Any) -> str:
        """Start a runbook; the run's id."""
        body = {"incident_id": incident, "runbook": runbook, "parameters": parameters, "by": by}
        document = await self.world.post("/runs", body)
        run: str = document["id"]
        return run

    async def approval(self, run: str, state: str = "pending") -> dict[str, Any]:
        """The approval of the run's step `approve`, once it is in that state."""
        found: dict[str, Any] = await self.eventually(
            lambda: self.look(f"/approvals/{run}:approve"), lambda it: it and it["state"] == state, f"approval {state}"
        )
        return found

    async def vote(self, approval: Mapping[str, Any], by: str, verdict: str = "approve", **more: Any) -> httpx.Response:
        """One vote, and what the API says to it."""
        body = {"decision": verdict, "digest": approval["digest"], "by": by, **more}
        return await self.world.http.post(f"/api/v1/approvals/{approval['id']}/decision", json=body)

    async def ended(self, run: str) -> dict[str, Any]:
        """The run once it has ended."""
        found: dict[str, Any] = await self.eventually(
            lambda: self.look(f"/runs/{run}"),
            lambda it: it and it["status"] in {"succeeded", "failed", "stopped"},
            f"the end of {run}",
        )
        return found

    # --- what arrived ---

    def mails(self, about: str, to: str | None = None) -> list[EmailMessage]:
        """Mails whose key begins like this (`page/inc-…`, `comms/inc-…`, `run/inc-…`), to one address or to all."""
        address = f"{to}@shop.example"
        return [
            mail
            for mail in self.mailbox.mails
            if key_of(mail).startswith(about) and (to is None or address in str(mail["To"]))
        ]

    def posts(self, incident: str, kind: str | None = "hotwash.update") -> list[dict[str, Any]]:
        """Signed posts to the chat, each `webhook-id` once; kind None: those of runbook steps."""
        return [post for post in self.chat.accepted if (post["incident_id"], post.get("type")) == (incident, kind)]

    def has_no_second_mail(self) -> bool:
        """Whether every mail that ever arrived has a Message-ID of its own."""
        ids = [str(mail["Message-ID"]) for mail in self.mailbox.mails]
        return len(set(ids)) == len(ids)

    # --- around it ---

    def shop(self) -> Shop:
        """A shop of one's own, under a name that `hotwash.yaml` knows as a target."""
        shop = Shop(self.folder / f"shop{len(self._shops)}", a_free_port())
        self._shops.append(shop)
        return shop

    async def look(self, path: str) -> Any:
        """GET below /api/v1; None while nobody answers or there is none such."""
        try:
            answer = await self.world.http.get(f"/api/v1{path}")
        except httpx.HTTPError:
            return None
        return answer.json() if answer.is_success else None

    async def eventually(
        self, ask: Callable[[], Awaitable[Any]], holds: Callable[[Any], Any], what: str, seconds: float = 90
    ) -> Any:
        """As `World.eventually`, with room for a kill or two."""
        return await self.world.eventually(ask, holds, what, seconds)

    async def until(self, holds: Callable[[], Any], what: str, seconds: float = 90) -> Any:
        """Wait for something outside of Hotwash."""

        async def ask() -> Any:
            return holds()

        return await self.eventually(ask, bool, what, seconds)

    def harm_nobody(self) -> None:
        """What arrives has no consequences any more."""
        self.chat.on_accepted = self.mailbox.on_mail = self.mailbox.on_recipient = lambda _: None

    def close(self) -> None:
        """End the shops."""
        for shop in self._shops:
            shop.close()


def key_of(mail: EmailMessage) -> str:
    """The key of the message behind a mail; a long header is folded after its colon."""
    return str(mail["X-Hotwash-Key"]).strip()


def alert(name: str, status: str = "firing", **more: Any) -> dict[str, Any]:
    """As Alertmanager writes it."""
    labels = {"alertname": name, "service": "shop", **more.pop("labels", {})}
    return {
        "status": status,
        "labels": labels,
        "annotations": {"summary": f"{name}: customers cannot buy"},
        "startsAt": "2026-11-22T10:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.test/graph",
        "fingerprint": uuid.uuid5(uuid.NAMESPACE_URL, name).hex[:16],
        **more,
    }


@asynccontextmanager
async def a_house(
    folder: Path,
    *,
    runbooks: Mapping[str, str] | None = None,
    level: str = "1h",
    environment: Mapping[str, str] | None = None,
    more: str = "",
) -> AsyncIterator[House]:
    """A running, ready house; `level` is what alice has to acknowledge, `more` is added to `hotwash.yaml`."""
    async with AsyncExitStack() as stack:
        mailbox = stack.enter_context(Mailbox())
        chat = stack.enter_context(Receiver(SIGNING_SECRET))
        world = World(folder, environment or {})
        stack.push_async_callback(world.close)
        prepare(world.home.folder, mailbox, chat, shops=folder, url=world.url, runbooks=runbooks, level=level)
        with (world.home.folder / "hotwash.yaml").open("a") as file:
            file.write(more)
        house = House(world, mailbox, chat, folder)
        stack.callback(house.close)
        await world.start()
        await world.ready()
        yield house


def prepare(
    home: Path,
    mailbox: Mailbox,
    chat: Receiver,
    *,
    shops: Path,
    url: str = "http://hotwash.test",
    runbooks: Mapping[str, str] | None = None,
    level: str = "1h",
) -> None:
    """Write `hotwash.yaml`, the secret of the chat and the team's runbooks into a home."""
    names = [f"shop{number}" for number in range(_TARGETS)]
    restart = json.dumps([sys.executable, "-c", _RESTART, str(shops / AXE)])
    releases = [
        f'    {name}: {{directory: "{shops / name}", pid_file: "{shops / name}/supervisor.pid"}}' for name in names
    ]
    releases.append(f'    {AXE}: {{directory: "{shops / AXE}", restart: {restart}}}')
    text = CONFIGURATION.format(url=url, smtp=mailbox.port, hook=chat.url, level=level, releases="\n".join(releases))
    (home / "hotwash.yaml").write_text(text)
    (home / "secrets").mkdir(parents=True, exist_ok=True)
    (home / "secrets" / "chat").write_text(SIGNING_SECRET + "\n")
    (home / "runbooks").mkdir(exist_ok=True)
    for name, text in (runbooks or {}).items():
        (home / "runbooks" / f"{name}.yaml").write_text(text)
