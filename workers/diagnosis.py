"""What `hotwash doctor` looks at: each check says what is and, where something is wrong, how to mend it.

Changes nothing: a home that does not exist yet is not made, and a store is not migrated.
"""

import asyncio
import platform
import stat
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.actions import specs
from activities.clients.leases import FileLeases
from domain.configuration import Configuration, SmtpChannel
from domain.errors import HotwashError
from domain.model import Model
from domain.search_attributes import SEARCH_ATTRIBUTES
from runbooks.catalog import Catalog
from runbooks.game_day_catalog import GameDayCatalog
from runtime.configuration import SECRET_KEYS, load_configuration
from runtime.engine_binary import find_engine_binary, read_engine_version
from runtime.home import Home
from runtime.secrets import Secrets
from runtime.settings import Settings
from runtime.temporal import connect, engine_address, names_another_engine
from store import open_store
from workers.engine import missing_search_attributes
from workers.instance import Status, demand_free_port, process_of, read_status
from workers.sweep_diagnosis import look_at_sweeps
from workers.tracker_diagnosis import look_at_trackers

# Long enough for a TLS greeting across an ocean; a person waits for it.
_CONNECT_TIMEOUT_SECONDS = 5.0
_PRIVATE = stat.S_IRWXG | stat.S_IRWXO


class State(StrEnum):
    """How a check ended. Only a problem makes `doctor` fail."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


class Check(Model):
    """One line of the report."""

    name: str
    state: State
    detail: str
    # How to mend it; empty when there is nothing to mend.
    mend: str = ""


class Diagnosis(Model):
    """The whole report."""

    checks: tuple[Check, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether nothing has to be mended."""
        return all(check.state is not State.PROBLEM for check in self.checks)


async def diagnose(settings: Settings) -> Diagnosis:
    """Look at everything; never raises for what it finds."""
    home = Home(settings.home)
    running = _running(home)
    path = settings.configuration or home.configuration
    checks = [*_versions(), *_home(home), *_ports(settings, running)]
    configuration, found = _configuration(path)
    checks += found
    checks += await _guarded("store", lambda: _store(settings, home))
    checks += await _guarded("engine", lambda: _engine(settings, running))
    if configuration is not None:
        checks += [*_secrets(configuration, path), *_people(configuration)]
        checks += [*_runbooks(configuration, path), *_game_days(configuration, path)]
        checks += await _channels(configuration)
        checks += await _guarded("trackers", lambda: _trackers(configuration, path))
        checks += await _guarded("faults", lambda: _leftovers(configuration))
    return Diagnosis(checks=tuple(checks))


async def _guarded(name: str, look: Callable[[], Awaitable[list[Check]]]) -> list[Check]:
    try:
        return await look()
    except HotwashError as error:
        return [Check(name=name, state=State.PROBLEM, detail=error.sentence)]


def _versions() -> Iterator[Check]:
    for name, package in (("hotwash", "hotwash"), ("temporal sdk", "temporalio")):
        try:
            yield Check(name=name, state=State.OK, detail=version(package))
        except PackageNotFoundError:
            yield Check(name=name, state=State.NOTE, detail="not installed as a package", mend="pip install .")
    yield Check(name="python", state=State.OK, detail=platform.python_version())
    try:
        binary = find_engine_binary()
        yield Check(name="temporal", state=State.OK, detail=f"{read_engine_version(binary)} at {binary}")
    except HotwashError as error:
        # Only the embedded engine needs the program.
        state = State.NOTE if names_another_engine() else State.PROBLEM
        yield Check(name="temporal", state=state, detail=error.sentence)


def _running(home: Home) -> Status | None:
    status = read_status(home)
    return status if status is not None and process_of(status.pid) is not None else None


def _home(home: Home) -> Iterator[Check]:
    if not home.configuration.exists():
        yield Check(name="home", state=State.NOTE, detail=f"{home.folder} is not set up yet", mend="hotwash up")
        return
    yield Check(name="home", state=State.OK, detail=str(home.folder))
    for file in (home.admin_token_file, home.secret_key_file):
        if file.exists() and stat.S_IMODE(file.stat().st_mode) & _PRIVATE:
            sentence = f"{file} can be read by other users of this machine"
            yield Check(name="home", state=State.PROBLEM, detail=sentence, mend=f"chmod 600 {file}")


def _ports(settings: Settings, running: Status | None) -> Iterator[Check]:
    if running is not None:
        yield Check(name="ports", state=State.OK, detail=f"'hotwash up' runs (pid {running.pid}) at {running.url}")
        return
    wanted = [(settings.host, settings.port, "--port")]
    if not names_another_engine():
        wanted.append(("127.0.0.1", settings.temporal_port, "--temporal-port"))
        wanted.append(("127.0.0.1", settings.temporal_ui_port, "--temporal-ui-port"))
    for host, port, option in wanted:
        try:
            demand_free_port(host, port, option)
            yield Check(name="ports", state=State.OK, detail=f"{port} is free ({option})")
        except HotwashError as error:
            yield Check(name="ports", state=State.PROBLEM, detail=error.sentence)


def _configuration(path: Path) -> tuple[Configuration | None, list[Check]]:
    if not path.exists():
        detail = f"{path} is not there yet; 'hotwash up' writes one"
        return None, [Check(name="configuration", state=State.NOTE, detail=detail, mend="hotwash up")]
    try:
        return load_configuration(path), [Check(name="configuration", state=State.OK, detail=str(path))]
    except HotwashError as error:
        lines = error.sentence.splitlines()
        return None, [Check(name="configuration", state=State.PROBLEM, detail=line) for line in lines]


async def _store(settings: Settings, home: Home) -> list[Check]:
    if settings.store_url is None and not home.store_file.exists():
        return [Check(name="store", state=State.NOTE, detail=f"{home.store_file} is made by 'hotwash up'")]
    store = open_store(settings.store_url.get_secret_value() if settings.store_url else home.store_url)
    try:
        await store.ping()
        revision = await store.revision()
    finally:
        await store.close()
    if revision.is_current:
        return [Check(name="store", state=State.OK, detail=f"{store.address}, revision {revision.current}")]
    detail = f"{store.address} is at revision {revision.current or 'none'}, this version wants {revision.wanted}"
    return [Check(name="store", state=State.PROBLEM, detail=detail, mend="start 'hotwash worker': it migrates")]


async def _engine(settings: Settings, running: Status | None) -> list[Check]:
    address = running.engine_address if running is not None else engine_address(settings)
    try:
        client = await connect(_pointing_at(settings, address), process="doctor")
    except HotwashError as error:
        if running is None and not names_another_engine():
            return [Check(name="engine", state=State.NOTE, detail=f"not running at {address}", mend="hotwash up")]
        return [Check(name="engine", state=State.PROBLEM, detail=error.sentence)]
    try:
        info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
        return [
            Check(name="engine", state=State.OK, detail=f"server {info.server_version} at {address}"),
            *await _search_attributes(client),
            *await _sweeps(client),
        ]
    except RPCError as error:
        return [Check(name="engine", state=State.PROBLEM, detail=f"{address} answers {error.status.name}")]


def _pointing_at(settings: Settings, address: str) -> Settings:
    # A running `hotwash up` may have been given another port than this command.
    port = address.rpartition(":")[2]
    return settings.model_copy(update={"temporal_port": int(port)}) if port.isdigit() else settings


async def _search_attributes(client: Client) -> list[Check]:
    missing = await missing_search_attributes(client)
    if not missing:
        return [Check(name="search attributes", state=State.OK, detail=", ".join(SEARCH_ATTRIBUTES))]
    return [
        Check(
            name="search attributes",
            state=State.PROBLEM,
            detail=f"the engine does not know {name}; what sets it cannot start",
            mend=f"temporal operator search-attribute create --name {name} --type {SEARCH_ATTRIBUTES[name]}",
        )
        for name in missing
    ]


def _secrets(configuration: Configuration, path: Path) -> Iterator[Check]:
    secrets, count = Secrets(path.parent), 0
    for where, reference in _references(configuration):
        count += 1
        try:
            secrets.resolve(reference)
        except HotwashError as error:
            yield Check(name="secrets", state=State.PROBLEM, detail=f"{where}: {error.sentence}")
        file = path.parent / reference.removeprefix("file:")
        if reference.startswith("file:") and file.is_file() and stat.S_IMODE(file.stat().st_mode) & _PRIVATE:
            detail = f"{where}: {file} can be read by other users of this machine"
            yield Check(name="secrets", state=State.NOTE, detail=detail, mend=f"chmod 600 {file}")
    yield Check(name="secrets", state=State.OK, detail=f"{count} referenced")


def _references(configuration: Configuration) -> Iterator[tuple[str, str]]:
    for name, integration in configuration.integrations.items():
        yield f"integrations.{name}.secret", integration.secret
    for name, channel in configuration.channels.items():
        if not isinstance(channel, SmtpChannel):
            yield f"channels.{name}.secret", channel.secret
        elif channel.password is not None:
            yield f"channels.{name}.password", channel.password
    yield from _references_of_actions("actions", configuration.actions.model_dump(mode="json"))


def _references_of_actions(where: str, value: Any) -> Iterator[tuple[str, str]]:
    # Targets of many kinds hold credentials, each at its own depth; what they are called is the same everywhere.
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        if name in SECRET_KEYS and isinstance(inner, str):
            yield f"{where}.{name}", inner
        yield from _references_of_actions(f"{where}.{name}", inner)


def _people(configuration: Configuration) -> Iterator[Check]:
    """Whether a page could reach those who are on call, and the console those who get a mail."""
    if configuration.channels and not configuration.base_url:
        detail = "links in messages lead to the address of 'hotwash up', which others may not reach, or are missing"
        yield Check(
            name="links", state=State.NOTE, detail=detail, mend="set base_url to where people reach the console"
        )
    on_call = {name for path in configuration.on_call.values() for level in path.levels for name in level.people}
    if on_call and not configuration.page_channels:
        detail = f"{len(on_call)} people are on call and no channel carries a page to them"
        yield Check(name="paging", state=State.PROBLEM, detail=detail, mend="name a channel under page_channels")
        return
    kinds = {configuration.channels[name].kind for name in configuration.page_channels}
    for name in sorted(on_call):
        if kinds == {"smtp"} and configuration.people[name].email is None:
            detail = f"{name} is on call and has no mail address, and pages go by mail only"
            yield Check(name="paging", state=State.PROBLEM, detail=detail, mend=f"set people.{name}.email")


def _runbooks(configuration: Configuration, path: Path) -> Iterator[Check]:
    catalog = Catalog([path.parent / folder for folder in configuration.runbook_folders], specs())
    summaries = catalog.summaries()
    names = {summary.name for summary in summaries}
    for summary in summaries:
        for finding in summary.findings:
            yield Check(name="runbooks", state=State.PROBLEM, detail=str(finding))
    for route in configuration.routes:
        if route.runbook is not None and route.runbook not in names:
            detail = f"routes.{route.name}: there is no runbook {route.runbook!r}"
            yield Check(name="runbooks", state=State.PROBLEM, detail=detail, mend="hotwash runbook list")
    yield Check(name="runbooks", state=State.OK, detail=f"{len(summaries)} found")


def _game_days(configuration: Configuration, path: Path) -> Iterator[Check]:
    catalog = GameDayCatalog([path.parent / folder for folder in configuration.game_day_folders], specs())
    summaries = catalog.summaries(configuration)
    for summary in summaries:
        for finding in summary.findings:
            yield Check(name="game days", state=State.PROBLEM, detail=str(finding))
        if summary.problem:
            yield Check(name="game days", state=State.PROBLEM, detail=f"{summary.name}: {summary.problem}")
        if summary.schedule_problem:
            detail = f"game_days.{summary.name}: {summary.schedule_problem}"
            yield Check(name="game days", state=State.PROBLEM, detail=detail)
    for name in sorted(set(configuration.game_days) - {summary.name for summary in summaries}):
        detail = f"game_days.{name}: there is no game day of that name"
        yield Check(name="game days", state=State.PROBLEM, detail=detail, mend="hotwash game-day list")
    yield Check(name="game days", state=State.OK, detail=f"{len(summaries)} found")


@dataclass(frozen=True)
class _AsRead:
    """A configuration that does not change: it was read for this one report."""

    configuration: Configuration

    def current(self) -> Configuration:
        return self.configuration


async def _leftovers(configuration: Configuration) -> list[Check]:
    """Faults of game days that nobody is going to revert by himself."""
    found = await FileLeases(_AsRead(configuration)).leftovers()
    if not found:
        return [Check(name="faults", state=State.OK, detail="none is left over on this machine")]
    return [
        Check(
            name="faults",
            state=State.PROBLEM,
            detail=f"{each.what} ({each.action}): {each.detail}",
            mend="start 'hotwash worker' on that machine: it reverts what is left over, at once and every few minutes",
        )
        for each in found
    ]


async def _sweeps(client: Client) -> list[Check]:
    return [
        Check(
            name="sweeps",
            state=State.PROBLEM if each.is_problem else State.NOTE if each.mend else State.OK,
            detail=each.detail,
            mend=each.mend,
        )
        for each in await look_at_sweeps(client, datetime.now(UTC))
    ]


async def _trackers(configuration: Configuration, path: Path) -> list[Check]:
    found = await look_at_trackers(_AsRead(configuration), Secrets(path.parent))
    return [
        Check(name="trackers", state=State.PROBLEM if each.mend else State.OK, detail=each.detail, mend=each.mend)
        for each in found
    ]


async def _channels(configuration: Configuration) -> list[Check]:
    looks = [
        _mail_server(name, channel)
        for name, channel in configuration.channels.items()
        if isinstance(channel, SmtpChannel)
    ]
    return [check for found in await asyncio.gather(*looks) for check in found]


async def _mail_server(name: str, channel: SmtpChannel) -> list[Check]:
    checks = []
    if channel.encryption == "none" and channel.password is not None:
        detail = f"channels.{name} sends its password unencrypted"
        checks.append(Check(name="channels", state=State.PROBLEM, detail=detail, mend="encryption: starttls"))
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT_SECONDS):
            _, writer = await asyncio.open_connection(channel.host, channel.port)
        writer.close()
        checks.append(Check(name="channels", state=State.OK, detail=f"{name}: {channel.host}:{channel.port} answers"))
    except OSError as error:
        detail = f"{name}: {channel.host}:{channel.port} does not answer ({type(error).__name__})"
        checks.append(
            Check(name="channels", state=State.PROBLEM, detail=detail, mend=f"mend channels.{name} or the network")
        )
    return checks
