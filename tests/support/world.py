"""A whole Hotwash of real processes for acceptance tests: engine, worker and API on free ports in a home of its own.

Nothing restarts by itself here (that is `hotwash up`, tested in tests/workers): a test kills what it wants to see dead
and starts it again when it wants to. Every process dies with the test run.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client, ScheduleHandle
from temporalio.service import RPCError

from runtime.engine_binary import find_engine_binary
from runtime.home import Home
from runtime.settings import Settings
from runtime.temporal import connect
from tests.support.ports import a_free_port
from workers import tether
from workers.engine import engine_command, engine_serves

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("engine", "worker", "api")
# Three Pythons and an engine on two shared cores.
_READY_WITHIN_SECONDS = 150.0
_POLL_SECONDS = 0.05


class World:
    """Use it through `a_world`."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.settings = Settings(
            home=folder / "home",
            port=a_free_port(),
            temporal_port=a_free_port(),
            temporal_ui_port=a_free_port(),
        )
        self.home = Home(self.settings.home)
        self.home.prepare()
        self.url = f"http://127.0.0.1:{self.settings.port}"
        self._extra = dict(environment)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._http: httpx.AsyncClient | None = None

    # --- processes ---

    async def start(self, *parts: str) -> None:
        """Start these parts (all when none is named); the engine is awaited, the others come up by themselves."""
        for name in parts or PARTS:
            with (self.home.logs / f"{name}.log").open("ab") as log:
                self._processes[name] = subprocess.Popen(  # noqa: ASYNC220 - takes a millisecond
                    [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *self._command(name)],
                    cwd=ROOT,
                    env=self.environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            if name == "engine":
                await engine_serves(self.settings)

    def kill(self, name: str) -> None:
        """Kill -9, and gone when this returns."""
        self._processes[name].kill()
        self._processes[name].wait()

    async def stop(self, name: str) -> int:
        """SIGTERM, and the exit status."""
        process = self._processes[name]
        process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(process.wait, 15)

    async def restart(self, name: str) -> None:
        """Kill -9 and start again."""
        self.kill(name)
        await self.start(name)

    def pid(self, name: str) -> int:
        """The process id of a part."""
        return self._processes[name].pid

    def is_alive(self, name: str) -> bool:
        """Whether a part still runs."""
        return self._processes[name].poll() is None

    def is_dead(self, name: str) -> bool:
        """Whether a part that was started has ended by itself."""
        return self._processes[name].poll() is not None

    async def ready(self) -> None:
        """Return once `/readyz` says that engine, worker and store answer."""
        end = time.monotonic() + _READY_WITHIN_SECONDS
        while not await self._answers("/readyz"):
            if time.monotonic() > end or not all(map(self.is_alive, self._processes)):
                raise AssertionError("not ready; the logs:\n" + self.logs())
            await asyncio.sleep(_POLL_SECONDS)

    async def mend(self) -> None:
        """Start again what is dead: a test that failed in the middle is not to fail those after it."""
        dead = [name for name in self._processes if self.is_dead(name)]
        if dead:
            await self.start(*dead)
            await self.ready()

    async def listening(self) -> None:
        """Return once the API takes requests, whatever else is missing."""
        await self.eventually(lambda: self._answers("/healthz"), bool, "an API that listens")

    async def close(self) -> None:
        """End everything, the API first, so that nothing logs about lost peers."""
        if self._http is not None:
            await self._http.aclose()
        for name in reversed(PARTS):
            process = self._processes.get(name)
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()

    def logs(self, lines: int = 30) -> str:
        """The last lines of each part's log."""
        texts = []
        for name in PARTS:
            file = self.home.logs / f"{name}.log"
            tail = file.read_text(errors="replace").splitlines()[-lines:] if file.exists() else []
            texts.append(f"--- {name} ---\n" + "\n".join(tail))
        return "\n".join(texts)

    # --- talking to it ---

    @property
    def http(self) -> httpx.AsyncClient:
        """The API as the admin sees it; `headers={}` of a request may say otherwise."""
        if self._http is None:
            headers = {"Authorization": f"Bearer {self.home.admin_token()}"}
            self._http = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20, trust_env=False)
        return self._http

    async def get(self, path: str, **params: Any) -> Any:
        """GET below /api/v1; anything but success fails the test with the answer."""
        return _body(await self.http.get(f"/api/v1{path}", params=params))

    async def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST below /api/v1; anything but success fails the test with the answer."""
        return _body(await self.http.post(f"/api/v1{path}", json=body or {}, headers=headers))

    async def alert(self, *alerts: dict[str, Any], group: dict[str, str] | None = None) -> httpx.Response:
        """What Alertmanager would POST for these alerts."""
        secret = (self.home.secrets / "alertmanager").read_text().strip()
        body = {
            "version": "4",
            "status": "firing",
            "receiver": "hotwash",
            "groupKey": "{}:{}",
            "groupLabels": group or {},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager.test",
            "truncatedAlerts": 0,
            "alerts": list(alerts),
        }
        return await self.http.post("/webhooks/alertmanager", json=body, headers={"Authorization": f"Bearer {secret}"})

    async def engine(self) -> Client:
        """A Temporal client of the engine."""
        return await connect(self.settings, process="test")

    async def schedule(self, id_: str) -> ScheduleHandle:
        """A schedule of the engine, once the worker has made it, which it does in the background."""
        found = (await self.engine()).get_schedule_handle(id_)

        async def is_there() -> bool:
            with suppress(RPCError):
                return bool(await found.describe())
            return False

        await self.eventually(is_there, bool, f"the schedule {id_}")
        return found

    async def eventually(self, ask: Any, holds: Any, what: str, seconds: float = 60) -> Any:
        """Ask until the answer is as it should be, and return it; fails with the last answer and the logs."""
        end = time.monotonic() + seconds
        answer: Any = None
        while time.monotonic() < end:
            answer = await ask()
            if holds(answer):
                return answer
            await asyncio.sleep(_POLL_SECONDS)
        message = f"{what} did not happen within {seconds:g} s; last answer: {answer}\n{self.logs()}"
        raise AssertionError(message)

    # --- inside ---

    def environment(self) -> dict[str, str]:
        """What the processes get; also for the `hotwash` command in a test."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("TEMPORAL_", "HOTWASH_"))
        }
        return inherited | self.settings.environment() | self._extra

    def _command(self, name: str) -> list[str]:
        if name == "engine":
            return engine_command(find_engine_binary(), self.settings, self.home)
        return [sys.executable, "-m", "cli.main", name]

    async def _answers(self, path: str) -> bool:
        try:
            return (await self.http.get(path)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


@asynccontextmanager
async def a_world(
    folder: Path, configuration: str | None = None, environment: Mapping[str, str] | None = None
) -> AsyncIterator[World]:
    """A running, ready world; `configuration` is the text of its hotwash.yaml (None: what the first start writes)."""
    world = World(folder, environment or {})
    if configuration is not None:
        world.home.configuration.write_text(configuration)
    try:
        await world.start()
        await world.ready()
        yield world
    finally:
        await world.close()


def _body(response: httpx.Response) -> Any:
    assert response.is_success, (
        f"{response.request.method} {response.request.url} → {response.status_code}: {response.text}"
    )
    return response.json() if response.content else None
