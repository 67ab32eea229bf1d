"""`hotwash up`: engine, store, worker and API of one home in one command, each child kept running.

Order up: lock → what a killed one left behind → ports → engine → store → worker and API. Order down: API and worker
drain, then the engine. Expected failures are sentences; the caller turns them into exit status 1.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace

import httpx
import structlog

from domain.errors import Transient
from runtime.configuration import load_configuration
from runtime.engine_binary import find_engine_binary
from runtime.home import Home
from runtime.settings import Settings
from runtime.temporal import engine_address, names_another_engine
from store import open_store
from workers.child import Child
from workers.engine import engine_command, engine_serves, rotate_engine_log
from workers.instance import (
    Process,
    Status,
    demand_free_port,
    end_left_behind,
    forget_status,
    only_instance,
    write_status,
)

log = structlog.get_logger("workers.supervisor")

# SIGTERM to exit takes 10 s at most (design §6): workers and API drain first, the engine needs 1.1 s.
_DRAIN_SECONDS = 6.0
_ENGINE_STOP_SECONDS = 2.5
# Worker and API import for about two seconds and answer soon after; on a loaded machine it takes longer.
_READY_WITHIN_SECONDS = 90.0
_READY_POLL_SECONDS = 0.1
_HTTP_TIMEOUT_SECONDS = 5.0

Say = Callable[[str], None]


async def run_up(settings: Settings, say: Say) -> None:
    """Run until SIGTERM, SIGINT or SIGHUP; `say` prints what a person must see, such as the login link.

    Raises Rejected or Transient with a sentence when it cannot start: home in use, port taken, mistakes in the
    configuration, no engine.
    """
    home = Home(settings.home)
    is_first_start = home.prepare()
    with only_instance(home):
        for name in end_left_behind(home):
            log.warning("a child of an earlier 'hotwash up' was still running and was ended", child=name)
        load_configuration(settings.configuration or home.configuration)
        if is_first_start:
            say(f"First start: wrote {home.configuration} and {home.admin_token_file}")
        try:
            await _Supervisor(settings, home, say).run()
        finally:
            forget_status(home)


class _Supervisor:
    def __init__(self, settings: Settings, home: Home, say: Say) -> None:
        self._settings = settings
        self._home = home
        self._say = say
        self._is_embedded = not names_another_engine()
        self._url = f"http://{_shown_host(settings.host)}:{settings.port}"
        self._status = Status(
            pid=os.getpid(),
            url=self._url,
            engine_address=engine_address(settings),
            engine_ui=f"http://127.0.0.1:{settings.temporal_ui_port}" if self._is_embedded else None,
        )
        self._stopping = asyncio.Event()
        self._children: list[Child] = []
        self._watches: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        self._listen_for_signals()
        self._demand_free_ports()
        write_status(self._home, self._status)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._stop_watching)
            if self._is_embedded:
                engine = await self._start_engine()
                stack.push_async_callback(engine.stop, _ENGINE_STOP_SECONDS)
                if not await self._unless_stopped(self._engine_serves()):
                    return
            if not await self._unless_stopped(self._migrate_store()):
                return
            for name in ("worker", "api"):
                await self._start(Child(name, self._launcher(name), self._environment(), on_start=self._tell))
            stack.push_async_callback(self._drain)
            if await self._unless_stopped(self._become_ready()):
                await self._announce()
            await self._stopping.wait()
            self._say("Stopping …")

    # --- starting ---

    def _demand_free_ports(self) -> None:
        demand_free_port(self._settings.host, self._settings.port, "--port")
        if self._is_embedded:
            demand_free_port("127.0.0.1", self._settings.temporal_port, "--temporal-port")
            demand_free_port("127.0.0.1", self._settings.temporal_ui_port, "--temporal-ui-port")

    async def _start_engine(self) -> Child:
        rotate_engine_log(self._home)
        command = engine_command(find_engine_binary(), self._settings, self._home)
        engine = Child("engine", command, os.environ, on_start=self._tell, log_file=self._home.engine_log)
        await self._start(engine)
        return engine

    async def _engine_serves(self) -> None:
        try:
            await engine_serves(self._settings)
        except Transient as error:
            message = f"the engine does not come up; its log says why: {self._home.engine_log}"
            raise Transient(message) from error

    async def _start(self, child: Child) -> None:
        self._children.append(child)
        await child.start()
        self._watches.append(asyncio.create_task(child.keep_running(), name=f"watch {child.name}"))

    async def _migrate_store(self) -> None:
        store = open_store(store_url(self._settings, self._home))
        try:
            await store.migrate()
        except Transient as error:
            # Paging and mitigation do not wait for the record: the worker goes on trying.
            log.warning("the store is not ready; everything else starts without it", why=error.sentence)
        finally:
            await store.close()

    async def _become_ready(self) -> None:
        """Return once the API says that engine, workers and store answer; a person is told when it takes too long."""
        end = time.monotonic() + _READY_WITHIN_SECONDS
        async with httpx.AsyncClient(timeout=_HTTP_TIMEOUT_SECONDS, trust_env=False) as client:
            while not await _is_ready(client, self._url):
                if time.monotonic() > end:
                    log.warning(
                        "not everything answers yet; 'hotwash doctor' says more",
                        seconds=_READY_WITHIN_SECONDS,
                        ready=f"{self._url}/readyz",
                    )
                    return
                await asyncio.sleep(_READY_POLL_SECONDS)

    async def _announce(self) -> None:
        # Asked for first, so that whoever waits for the line about readiness finds the link right after it.
        link = await self._login_link()
        self._say(f"Hotwash is ready at {self._url}")
        if link is not None:
            self._say(f"Log in once, within the hour: {link}")
        self._say(f"Admin token: {self._home.admin_token_file}   Configuration: {self._configuration_path()}")
        if self._status.engine_ui is not None:
            self._say(f"Temporal: {self._status.engine_address}   its own console: {self._status.engine_ui}")

    async def _login_link(self) -> str | None:
        headers = {"Authorization": f"Bearer {self._home.admin_token()}"}
        try:
            async with httpx.AsyncClient(timeout=_HTTP_TIMEOUT_SECONDS, trust_env=False) as client:
                answer = await client.post(f"{self._url}/api/v1/login-links", headers=headers, json={})
                answer.raise_for_status()
                return self._url + str(answer.json()["path"])
        except (httpx.HTTPError, KeyError, ValueError) as error:
            log.warning("the API made no login link; log in with the admin token", why=type(error).__name__)
            return None

    # --- stopping ---

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._stopping.set)

    async def _unless_stopped(self, work: Coroutine[None, None, None]) -> bool:
        """Do the work, or leave it when a signal comes first; whether it was done."""
        task = asyncio.ensure_future(work)
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not task.done():
            task.cancel()
            return False
        task.result()
        return True

    async def _drain(self) -> None:
        await asyncio.gather(*(child.stop(_DRAIN_SECONDS) for child in self._children if child.name != "engine"))

    async def _stop_watching(self) -> None:
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)

    # --- what children get ---

    def _launcher(self, name: str) -> list[str]:
        # -P: whatever lies in the current folder (somebody's own `api` or `store`) must not stand in for our packages.
        return [sys.executable, "-P", "-m", "cli.main", name]

    def _environment(self) -> dict[str, str]:
        environment = {"HOTWASH_CONSOLE_URL": self._url, **os.environ, **self._settings.environment()}
        if self._is_embedded:
            environment |= {"TEMPORAL_ADDRESS": self._status.engine_address, "TEMPORAL_NAMESPACE": "default"}
        return environment

    def _tell(self) -> None:
        """Write down who runs now, so that a later start can end what is left over."""
        children: dict[str, Process] = {}
        for child in self._children:
            process = child.process
            if process is not None:
                children[child.name] = process
        self._status = replace(self._status, children=children)
        write_status(self._home, self._status)

    def _configuration_path(self) -> str:
        return str(self._settings.configuration or self._home.configuration)


def store_url(settings: Settings, home: Home) -> str:
    """The store to open: the one that is named, else SQLite in the home folder."""
    return settings.store_url.get_secret_value() if settings.store_url else home.store_url


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/readyz")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _shown_host(host: str) -> str:
    """An address that a browser on this machine can open."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 - compared with, not bound to
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
