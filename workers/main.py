"""The process behind `hotwash worker`: connects, runs the queues, drains on SIGTERM. Called by `cli/launchers.py`.

The one thing to know: it starts whether or not engine and store are there, keeps trying to reach both, and only a
mistake of the team's (configuration, store URL) keeps it from starting.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import structlog
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from domain.errors import HotwashError, Transient
from runtime.configuration import ConfigurationFile
from runtime.home import Home
from runtime.logging import configure_logging, keep_out_of_logs
from runtime.settings import Settings
from runtime.temporal import connect
from store import open_store
from workers.composition import build_workers, fault_sweep, periodic_sweep, schedules, tracker_polls
from workers.engine import add_search_attributes

log = structlog.get_logger("workers.main")

# An engine or a store that is away is asked again after 0.25 s, 0.5 s, … and then every 5 s; the log says so at
# first and then once a minute.
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
_SAY_EVERY = 12


def run_worker(settings: Settings, site: str | None = None) -> None:
    """Run until SIGTERM or SIGINT, then let running activities end. Rejected: a mistake of the team's."""
    configure_logging(settings, f"worker-{site}" if site else "worker")
    asyncio.run(_run(settings, site))


async def _run(settings: Settings, site: str | None) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    home = Home(settings.home)
    home.prepare()
    keep_out_of_logs(home.secret_key())
    keep_out_of_logs(home.admin_token())
    configuration = ConfigurationFile(settings.configuration or home.configuration, settings.console_url)
    async with AsyncExitStack() as closing:
        store = open_store(settings.store_url.get_secret_value() if settings.store_url else home.store_url)
        closing.push_async_callback(store.close)
        # Before engine and store are asked for: both may be what a drill has taken away.
        background = {
            _keep_trying("the store", store.migrate),
            _keep_trying("faults that were left over", fault_sweep(configuration)),
        }
        try:
            client = await _connect(settings, stopping)
            if client is not None:
                await _add_search_attributes(client)
                key = settings.secret_key.get_secret_value() if settings.secret_key else home.secret_key()
                workers = build_workers(client, store, configuration, closing, site=site, secret_key=key)
                background.add(_keep_trying("the periodic sweep", periodic_sweep(client, site)))
                if site is None:
                    background.add(_keep_trying("the game day schedules", schedules(client, configuration)))
                    background.add(_keep_trying("the polls of trackers", tracker_polls(client, configuration)))
                await _run_until(stopping, workers)
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)


async def _add_search_attributes(client: Client) -> None:
    """An incident sets them as it starts and cannot go on where the engine does not know them."""
    try:
        await add_search_attributes(client)
    except RPCError as error:
        # Temporal Cloud lets only its own console do this.
        log.warning("search attributes could not be added; 'hotwash doctor' says which are missing", why=error.message)


async def _run_until(stopping: asyncio.Event, workers: Sequence[Worker]) -> None:
    """Run all of them until told to stop; one that fails for good ends the others, and this process with a sentence."""
    refusals: ExceptionGroup[RuntimeError] | None = None
    try:
        async with asyncio.TaskGroup() as group:
            for worker in workers:
                group.create_task(worker.run())
            log.info("the worker polls", queues=[worker.task_queue for worker in workers])
            await stopping.wait()
            log.info("the worker drains: running activities are let end")
            for worker in workers:
                group.create_task(worker.shutdown())
    except* RuntimeError as errors:
        # The SDK's word for a worker that cannot go on: no such namespace, not authorised.
        refusals = errors
    # Raised out here, because the first releases of Python 3.11 wrap what is raised inside `except*` into a group.
    if refusals is not None:
        raise Transient(f"the engine refuses the worker: {refusals.exceptions[0]}") from refusals


async def _connect(settings: Settings, stopping: asyncio.Event) -> Client | None:
    """A client, however long it takes; None when told to stop before."""
    pause, tries = _FIRST_PAUSE_SECONDS, 0
    while not stopping.is_set():
        try:
            return await connect(settings, process="hotwash-worker")
        except Transient as error:
            if tries % _SAY_EVERY == 0:
                log.warning("waiting for the engine", why=error.sentence)
        tries += 1
        await _pause(pause, stopping)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
    return None


def _keep_trying(what: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    """Do it in the background as soon as it can be done; nothing waits for it."""

    async def run() -> None:
        pause, tries = _FIRST_PAUSE_SECONDS, 0
        while True:
            try:
                await work()
            except (HotwashError, RPCError) as error:
                if tries % _SAY_EVERY == 0:
                    log.warning("something is not ready; incidents go on without it", waiting_for=what, why=str(error))
            else:
                return
            tries += 1
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    return asyncio.create_task(run(), name=what)


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
