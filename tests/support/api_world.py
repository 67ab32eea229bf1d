"""The API as it really runs: HTTP on a free port, the real engine, the real workflows, a SQLite store. No fakes.

Used by tests/api/conftest.py. The one thing to know: `World` is made once per test module, because an engine takes half
a second to start; each test declares incidents of its own.
"""

import asyncio
import socket
import sysconfig
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.action import ActionRegistry
from activities.actions.noop import Noop
from activities.clients.channels import ConfiguredChannels
from activities.steps import StepActivities
from api.main import build_app, listen
from runtime.configuration import ConfigurationFile
from runtime.home import Home
from runtime.secrets import Secrets
from runtime.settings import Settings, load_settings
from store.interface import Store
from store.opening import open_store
from tests.support.engine import DYNAMIC_CONFIG, sandbox, search_attribute_keys
from workers.composition import WORKFLOWS, control_activities
from workers.patience import patient
from workflows.options import CONTROL_QUEUE, STEPS_QUEUE
from workflows.runbook_run import RunbookRun

CONFIGURATION = """
organization: Test
people:
  ana: {name: Ana, groups: [sre]}
  ben: {name: Ben, groups: [sre], manager: cleo}
  cleo: {name: Cleo, groups: [admin]}
on_call:
  shop:
    levels:
      - {people: [ana]}
      - {people: [ben], acknowledge_within: 10m}
services:
  checkout: {name: Checkout, on_call: shop, public: true}
  search: {name: Search}
"""
RUNBOOK = """
schema_version: 1
name: say-yes
title: Asks, then does nothing
owner: sre
parameters:
  word: {description: What to say}
steps:
  - id: ask
    approval: {approvers: [sre], message: May I?}
  - id: act
    action: noop
    with: {echo: {said: "{{ params.word }}"}}
"""


# Less than the clients of the tests wait.
_PATIENCE = timedelta(seconds=20)


@dataclass
class World:
    """Everything that one test module talks to."""

    url: str
    app: FastAPI
    home: Home
    settings: Settings
    store: Store
    engine: Client
    admin: httpx.AsyncClient
    # For workers, which cannot use the API's lazy client; None without an engine.
    engine_client: Client | None = None

    @asynccontextmanager
    async def as_person(self, name: str) -> AsyncIterator[httpx.AsyncClient]:
        """A client with a token of that person, issued by the API."""
        issued = await self.admin.post("/api/v1/tokens", json={"person": name})
        assert issued.status_code == 201, issued.text
        headers = {"Authorization": f"Bearer {issued.json()['token']}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30) as client:
            yield client

    async def declare(self, title: str = "Checkout is down", **fields: Any) -> dict[str, Any]:
        """A new incident by the administrator."""
        answer = await self.admin.post("/api/v1/incidents", json={"title": title, "severity": "SEV-2"} | fields)
        assert answer.status_code == 201, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def until_recorded(self, path: str, holds: Any = bool) -> Any:
        """The body of a GET, once it is 200 and `holds` says so; fails after half a minute."""
        for _ in range(1500):
            answer = await self.admin.get(path)
            if answer.status_code == 200 and holds(answer.json()):
                return answer.json()
            await asyncio.sleep(0.02)
        raise AssertionError(f"{path} did not become as wanted: {answer.status_code} {answer.text[:500]}")


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The app over real HTTP on a free port, for the duration of the block; yields its URL."""
    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


def prepared_home(folder: Path) -> Home:
    """A home folder with the configuration and the runbook of these tests."""
    home = Home(folder)
    home.prepare()
    home.configuration.write_text(CONFIGURATION)
    (home.runbooks / "say-yes.yaml").write_text(RUNBOOK)
    return home


@asynccontextmanager
async def api_without_engine(folder: Path) -> AsyncIterator[World]:
    """The API with a store, while nobody listens at the engine's port."""
    home = prepared_home(folder)
    with socket.socket() as taken:
        # Bound and not listening: the port stays ours, and whoever connects is refused.
        taken.bind(("127.0.0.1", 0))
        settings = load_settings(home=folder, temporal_port=taken.getsockname()[1])
        async with _opened(home, settings) as world:
            yield world


@asynccontextmanager
async def api_world(folder: Path, *, has_workers: bool = True, store_url: str | None = None) -> AsyncIterator[World]:
    """The API with engine, store and, unless told otherwise, workers; the store is SQLite's unless it is named."""
    home = prepared_home(folder)
    arguments = [part for setting in DYNAMIC_CONFIG for part in ("--dynamic-config-value", setting)]
    environment = await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(Path(sysconfig.get_path("scripts")) / "temporal"),
        dev_server_extra_args=arguments,
        search_attributes=search_attribute_keys(),
    )
    async with environment:
        port = int(environment.client.service_client.config.target_host.rpartition(":")[2])
        settings = load_settings(home=folder, temporal_port=port)
        async with AsyncExitStack() as stack:
            world = await stack.enter_async_context(_opened(home, settings, store_url))
            world.engine_client = environment.client
            if has_workers:
                await stack.enter_async_context(working_house(environment.client, home, world.store))
                stack.enter_context(_patience())
            yield world


@contextmanager
def _patience() -> Iterator[None]:
    """The API waits longer for workers that are there: a starved machine is not what its limits are about."""
    with pytest.MonkeyPatch.context() as patch:
        for limit in ("engine.QUERY_TIMEOUT", "engine.START_TIMEOUT", "engine.UPDATE_TIMEOUT"):
            patch.setattr(f"api.{limit}", _PATIENCE)
        patch.setattr("api.safety_levers.START_TIMEOUT", _PATIENCE)
        patch.setattr("api.game_days._SCHEDULE_TIMEOUT", _PATIENCE)
        patch.setattr("api.game_day_schedules._SCHEDULE_TIMEOUT", _PATIENCE)
        patch.setattr("api.webhooks.intake.SIGNAL_WITHIN", _PATIENCE)
        patch.setattr("api.health._TIMEOUT", _PATIENCE)
        yield


@asynccontextmanager
async def working_house(client: Client, home: Home, store: Store) -> AsyncIterator[None]:
    """The real workers, on the real queues."""
    configuration = ConfigurationFile(home.configuration)
    channels = ConfiguredChannels(configuration, Secrets(home.folder))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(channels.close)
        control = Worker(
            client,
            task_queue=CONTROL_QUEUE,
            workflows=[*{*WORKFLOWS, RunbookRun}],
            activities=control_activities(client, store, configuration, channels, stack),
            workflow_runner=sandbox(),
            graceful_shutdown_timeout=timedelta(0),
        )
        await stack.enter_async_context(patient(control))
        await stack.enter_async_context(_steps_worker(client, configuration, store))
        yield


def _steps_worker(client: Client, configuration: ConfigurationFile, store: Store) -> Worker:
    steps = StepActivities(ActionRegistry([Noop()]), store.ledger, Secrets(configuration.folder))
    return Worker(client, task_queue=STEPS_QUEUE, activities=[steps.perform, steps.check, steps.undo])


@asynccontextmanager
async def _opened(home: Home, settings: Settings, store_url: str | None = None) -> AsyncIterator[World]:
    store = open_store(store_url or home.store_url)
    await store.migrate()
    # Incidents alike are told when they are known in time; here they are told.
    patch = pytest.MonkeyPatch()
    patch.setattr("api.alike.ANSWERED_WITHIN_SECONDS", _PATIENCE.total_seconds())
    try:
        app = await build_app(settings, home, store)
        app.state.look_every = timedelta(milliseconds=20)
        async with serving(app) as url:
            headers = {"Authorization": f"Bearer {home.admin_token()}"}
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as admin:
                yield World(url, app, home, settings, store, app.state.engine, admin)
    finally:
        patch.undo()
        await store.close()
