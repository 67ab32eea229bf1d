"""`process.start`, `process.stop`, `process.restart`: the named daemon, once, and never another one with its number."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from temporalio.exceptions import ApplicationError

from domain.configuration import ActionSettings
from tests.support.action_world import KEY, World

SHOP = {"daemon": "shop"}
# Says that it is there, and then only waits.
DAEMON = "import pathlib, sys, signal, os; {} pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); signal.pause()"


class Shop:
    """A daemon of hotwash.yaml, and what has become of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pid_file = world.folder / "shop.pid"
        self.ready = world.folder / "ready"
        self.set()

    def set(self, first: str = "", **more: Any) -> None:
        """Say in hotwash.yaml how it starts; `first` is Python that it runs first of all."""
        daemon = {
            "pid_file": str(self.pid_file),
            "start": [sys.executable, "-c", DAEMON.format(first), str(self.ready)],
            "log_file": str(self.world.folder / "shop.log"),
            "settled_after": "50ms",
            "stop_within": "30s",
            "start_within": "30s",
        }
        settings = self.world.actions.model_dump() | {"daemons": {"shop": daemon | more}}
        self.world.actions = ActionSettings.model_validate(settings)

    @property
    def pid(self) -> int:
        """What the pid file says."""
        return int(self.pid_file.read_text())

    async def is_ready(self) -> int:
        """Wait until the daemon has said that it is there."""
        while not (self.ready.exists() and self.ready.read_text() == str(self.pid)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return self.pid

    def close(self) -> None:
        """End it."""
        if self.pid_file.exists() and psutil.pid_exists(self.pid):
            psutil.Process(self.pid).kill()


@pytest.fixture
def shop(world: World) -> Iterator[Shop]:
    """A shop that does not run."""
    shop = Shop(world)
    yield shop
    shop.close()


def lives(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_a_daemon_outlives_the_one_who_started_it(
    world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leads a session of its own, its output goes to its log, and the pid file names it and nobody else."""
    monkeypatch.setenv("HOTWASH_SECRET_KEY", "none of its business")
    result = await world.perform("process.start", SHOP)
    pid = await shop.is_ready()
    assert result.output["current"] == pid
    assert os.getsid(pid) == pid
    assert psutil.Process(pid).ppid() != os.getpid()
    assert "HOTWASH_SECRET_KEY" not in psutil.Process(pid).environ()


async def test_a_daemon_that_dies_at_once_fails_the_step_with_its_last_words(world: World, shop: Shop) -> None:
    """Started is not enough; the reason stands in the error."""
    shop.set("sys.exit('no such database');", settled_after="30s")
    with pytest.raises(ApplicationError, match="ended right after its start: no such database") as failed:
        await world.perform("process.start", SHOP)
    assert failed.value.type == "Transient"


async def test_a_program_that_is_not_there_is_named(world: World, shop: Shop) -> None:
    """And nothing runs."""
    shop.set(start=["/no/such/program"])
    with pytest.raises(ApplicationError, match="/no/such/program"):
        await world.perform("process.start", SHOP)


async def test_a_daemon_that_runs_is_left_alone(world: World, shop: Shop) -> None:
    """Starting is about the state, not about a second process; its undo leaves it alone too."""
    await world.perform("process.start", SHOP, key="before")
    pid = await shop.is_ready()
    result = await world.perform("process.start", SHOP)
    assert result.detail == f"it ran already as {pid}"
    await world.undo("process.start", SHOP, result.output)
    assert lives(pid)


async def test_the_worker_died_while_the_daemon_started(world: World, shop: Shop) -> None:
    """The next attempt finds the process of the first one and starts no second."""
    await world.perform("process.start", SHOP)
    pid = await shop.is_ready()
    journal = world.folder / "shop.pid.hotwash.json"
    journal.write_text(journal.read_text().replace('"done": true', '"done": false'))
    world.ledger.leave_unsettled(KEY)
    assert (await world.perform("process.start", SHOP, attempt=2)).output["current"] == pid
    assert lives(pid)


async def test_a_stop_ends_the_process_it_meant_and_not_its_successor(world: World, shop: Shop) -> None:
    """Stopped, started by a person, and the step is tried again: the new one stays."""
    await world.perform("process.start", SHOP, key="first")
    first = await shop.is_ready()
    await world.perform("process.stop", SHOP)
    assert not lives(first)
    await world.perform("process.start", SHOP, key="second")
    second = await shop.is_ready()
    world.ledger.leave_unsettled(KEY)
    await world.perform("process.stop", SHOP, attempt=2)
    assert lives(second)


async def test_a_daemon_that_will_not_go_is_ended_only_when_that_is_allowed(world: World, shop: Shop) -> None:
    """Without `force` the step fails and the daemon runs; with it, SIGKILL."""
    shop.set("signal.signal(signal.SIGTERM, signal.SIG_IGN);", stop_within="100ms")
    await world.perform("process.start", SHOP, key="first")
    pid = await shop.is_ready()
    with pytest.raises(ApplicationError, match="still runs"):
        await world.perform("process.stop", SHOP)
    assert lives(pid)
    await world.perform("process.stop", SHOP | {"force": True}, key="another")
    assert not lives(pid)


async def test_a_restart_puts_another_process_in_its_place(world: World, shop: Shop) -> None:
    """It also starts what was not running."""
    one = await world.perform("process.restart", SHOP)
    await shop.is_ready()
    two = await world.perform("process.restart", SHOP, key="another")
    assert await shop.is_ready() == two.output["current"] != one.output["current"] == two.output["previous"]


async def test_a_supervised_daemon_is_restarted_by_its_supervisor(world: World, shop: Shop) -> None:
    """Without a `start` the old process is ended, and the step waits for the new one that somebody else starts."""
    shop.set(start=[])
    script = (
        "import subprocess, sys, pathlib\n"
        "for _ in range(2):\n"
        "    child = subprocess.Popen(['/bin/sleep', '60'])\n"
        "    pathlib.Path(sys.argv[1] + '.n').write_text(str(child.pid))\n"
        "    pathlib.Path(sys.argv[1] + '.n').rename(sys.argv[1])\n"
        "    child.wait()\n"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", script, str(shop.pid_file)])  # noqa: ASYNC220
    try:
        while not shop.pid_file.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        first = shop.pid
        result = await world.perform("process.restart", SHOP)
        assert result.output["previous"] == first
        assert lives(result.output["current"])
        with pytest.raises(ApplicationError, match="its supervisor would start it again"):
            await world.perform("process.stop", SHOP, key="another")
    finally:
        supervisor.kill()
        supervisor.wait()


async def test_what_is_not_named_is_not_started(world: World, tmp_path: Path) -> None:
    """A runbook says a name, never a program."""
    with pytest.raises(ApplicationError, match=r"define it under actions\.daemons"):
        await world.perform("process.start", {"daemon": str(tmp_path)})
