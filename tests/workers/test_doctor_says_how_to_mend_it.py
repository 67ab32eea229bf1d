"""`hotwash doctor`: a healthy set-up passes; each thing that is wrong is named with how to mend it."""

import asyncio
import json
import socket
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.operatorservice.v1 import RemoveSearchAttributesRequest

from activities.clients import kernel, lease_files
from activities.clients.leases import FileLeases
from activities.leases import LeaseOrder, Remove
from runtime.configuration import ConfigurationFile
from runtime.home import Home
from runtime.settings import Settings
from store import open_store
from tests.support.real_servers import until
from tests.support.world import ROOT, World, a_world
from workers.composition import fault_sweep
from workers.diagnosis import State, diagnose


def settings_for(home: Home, free_port: Callable[[], int], **more: object) -> Settings:
    """Settings on ports that nobody uses."""
    ports = {name: free_port() for name in ("port", "temporal_port", "temporal_ui_port")}
    return Settings(home=home.folder, **ports, **more)


async def problems(settings: Settings) -> list[str]:
    """What is wrong, one line each."""
    found = await diagnose(settings)
    return [f"{check.name}: {check.detail} → {check.mend}" for check in found.checks if check.state is State.PROBLEM]


async def test_nothing_set_up_yet_is_no_problem(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """It says what 'hotwash up' will do, and makes nothing itself."""
    home = Home(tmp_path / "home")
    assert await problems(settings_for(home, free_port)) == []
    assert not home.folder.exists()


async def test_each_mistake_is_named(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """Secrets, channels, paging, runbooks, permissions: all in one report."""
    home = Home(tmp_path / "home")
    home.prepare()
    home.admin_token_file.chmod(0o644)
    (home.runbooks / "broken.yaml").write_text("schema_version: 1\nname: broken\nstep: []\n")
    home.configuration.write_text(
        "people: {ana: {name: Ana}}\n"
        "on_call: {shop: {levels: [{people: [ana]}]}}\n"
        "page_channels: [mail]\n"
        "channels:\n"
        f"  mail: {{kind: smtp, host: 127.0.0.1, port: {free_port()}, sender: a@b, encryption: none,\n"
        "         password: 'env:HOTWASH_TEST_NOBODY'}\n"
        "routes: [{name: r, runbook: nowhere}]\n"
        "actions: {aws: {prod: {region: eu-west-1, resources: ['*'],\n"
        "  credentials: {access_key_id: 'env:HOTWASH_TEST_KEY', secret_access_key: 'env:HOTWASH_TEST_SECRET'}}}}\n"
    )
    said = "\n".join(await problems(settings_for(home, free_port)))
    for expected in (
        "chmod 600",
        "the secret env:HOTWASH_TEST_NOBODY is not there",
        "actions.aws.prod.credentials.secret_access_key: the secret env:HOTWASH_TEST_SECRET is not there",
        "ana is on call and has no mail address",
        "sends its password unencrypted",
        "does not answer",
        "routes.r: there is no runbook 'nowhere'",
        "broken.yaml",
    ):
        assert expected in said, said


async def test_a_game_day_that_could_not_be_held_is_named(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """Its target is not opted in, a schedule lacks a parameter, and no schedule plays a tabletop."""
    home = Home(tmp_path / "home")
    home.prepare()
    home.configuration.write_text(
        "drill_targets: {shop: {environment: test, with: {process: shop, url: 'http://shop'}}}\n"
        "game_days:\n"
        "  process-hangs: {parameters: {target: shop}}\n"
        "  process-dies: {every: 1h}\n"
        "  bad-release-confusing-clues: {every: 1h}\n"
    )
    said = [each for each in await problems(settings_for(home, free_port)) if each.startswith("game days")]
    for expected in (
        "process-hangs: 'shop' may not be drilled: its owner has to set `drillable: true` under drill_targets.shop",
        "game_days.process-dies: its schedule cannot start it: 'process-dies': parameter 'target' is missing",
        "game_days.bad-release-confusing-clues: 'bad-release-confusing-clues' is a tabletop: people play it",
    ):
        assert any(expected in each for each in said), said
    assert len(said) == 3


async def test_a_fault_that_was_left_over_is_named_and_swept_by_a_worker(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """Its worker and its watchdog are dead: doctor says so and changes nothing; the sweep of a worker's start does."""
    home = Home(tmp_path / "home")
    home.prepare()
    home.configuration.write_text("organization: Shop\n")
    fault = tmp_path / "fault"
    leases = FileLeases(ConfigurationFile(home.configuration))
    await leases.open(
        LeaseOrder(
            key="game-day/k",
            action="test.file",
            what="a file is there",
            recipe=(Remove(path=str(fault)),),
            lease=timedelta(minutes=1),
            duration=timedelta(minutes=1),
        )
    )
    fault.touch()
    (lease,) = (home.folder / "leases").glob("*.json")
    pid, started = lease_files.read_lease(lease)["watchdog"]
    kernel.signal_process(pid, started, "KILL")
    until(lambda: kernel.stat_of(pid) is None, "the watchdog is gone")
    lease_files.write_beat(lease, 0)
    settings = settings_for(home, free_port)
    (said,) = await problems(settings)
    assert said.startswith("faults: a file is there (test.file): nobody watches it any more → start 'hotwash worker'")
    assert fault.exists()
    await fault_sweep(ConfigurationFile(home.configuration))()
    assert not fault.exists()
    assert await problems(settings) == []


async def test_a_configuration_with_mistakes_is_shown_line_by_line(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """Each with file and line."""
    home = Home(tmp_path / "home")
    home.prepare()
    home.configuration.write_text("peple: {}\nrouts: []\n")
    found = await problems(settings_for(home, free_port))
    assert [line.partition(" unknown")[0].rpartition("/")[2] for line in found] == [
        "hotwash.yaml:1:1:",
        "hotwash.yaml:2:1:",
    ]


async def test_a_store_that_is_away_or_old_is_named(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """Without credentials; an unmigrated one with who migrates it."""
    home = Home(tmp_path / "home")
    home.prepare()
    away = settings_for(home, free_port, store_url=f"postgresql://u:hunter2@127.0.0.1:{free_port()}/record")
    said = "\n".join(await problems(away))
    assert "does not answer" in said
    assert "hunter2" not in said
    store = open_store(home.store_url)
    await store.ping()
    await store.close()
    assert "it migrates" in "\n".join(await problems(settings_for(home, free_port)))


@pytest.mark.timeout(300)
async def test_a_running_engine_is_asked_for_our_search_attributes(tmp_path: Path) -> None:
    """Healthy as it is; one that lacks an attribute is named with the command that adds it, and exit status 1."""
    async with a_world(tmp_path) as world:
        # The worker makes the tables and begins its sweeps in the background.
        await world.eventually(lambda: doctor(world), is_well, "a healthy report with the sweep of this machine")
        client = await world.engine()
        await client.operator_service.remove_search_attributes(
            RemoveSearchAttributesRequest(namespace="default", search_attributes=["HotwashService"])
        )
        report = await world.eventually(lambda: doctor(world), lacks_attribute, "word of the missing attribute")
        assert report["ok"] is False
        # The next start of the engine on the same file mends it: a later version may bring an attribute along.
        await world.restart("engine")
        await world.eventually(lambda: doctor(world), lambda report: not lacks_attribute(report), "the attribute")


async def doctor(world: World) -> dict[str, Any]:
    """What the command prints as JSON; it must end with 1, because the world's ports are not those of an `up`."""
    command = [sys.executable, "-m", "cli.main", "doctor", "--json"]
    ended = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=world.environment(), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await ended.communicate()
    assert ended.returncode == 1
    return json.loads(output)


def is_well(report: dict[str, Any]) -> bool:
    """Whether engine, attributes and store are fine, and the worker has swept its machine."""
    found = {check["name"]: check for check in report["checks"]}
    states = {found[name]["state"] for name in ("engine", "search attributes", "store")}
    swept = found.get("sweeps", {"detail": ""})["detail"]
    return states == {"ok"} and swept.startswith(f"{socket.gethostname()}: last swept at")


def lacks_attribute(report: dict[str, Any]) -> bool:
    """Whether the report names the attribute and the command."""
    wrong = [
        check for check in report["checks"] if check["name"] == "search attributes" and check["state"] == "problem"
    ]
    return [check["mend"] for check in wrong] == [
        "temporal operator search-attribute create --name HotwashService --type Keyword"
    ]
