"""`process.kill`: a drill ends the process of a pid file, once, and never another one that has got its number."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.clients.processes import PidFileProcesses
from domain.errors import Transient
from tests.support.action_world import KEY, World

VICTIM = {"process": "victim"}


@pytest.mark.parametrize("signal", ["KILL", "TERM"])
async def test_the_process_is_gone_when_the_step_ends(world: World, signal: str) -> None:
    """The output names the process, the signal and the moment, which is what detection is measured from."""
    before = datetime.now(UTC)
    pid = world.start_victim()
    result = await world.perform("process.kill", VICTIM | {"signal": signal})
    what = f"process {pid} was ended with SIG{signal}"
    told = dict(result.output)
    assert before <= datetime.fromisoformat(told.pop("injected_at")) <= datetime.now(UTC)
    assert told == {"what": what, "pid": pid, "signal": signal}
    assert world.dead_victims() == [pid]


async def test_the_successor_survives_a_repetition(world: World) -> None:
    """The worker dies after the kill, the supervisor starts the process anew: the retry leaves the new one alone."""
    first = world.start_victim()
    await world.perform("process.kill", VICTIM)
    second = world.start_victim()
    world.ledger.leave_unsettled(KEY)
    assert (await world.perform("process.kill", VICTIM, attempt=2)).output["pid"] == first
    assert (await world.check("process.kill", VICTIM)).holds is True
    assert second not in world.dead_victims()


async def test_another_key_kills_again(world: World) -> None:
    """The next drill is another effect."""
    pids = []
    for drill in ("one", "two"):
        pids.append(world.start_victim())
        await world.perform("process.kill", VICTIM, key=drill)
    assert world.dead_victims() == pids


async def test_a_process_that_came_after_the_file_is_not_touched(world: World) -> None:
    """The number was given to another program since the file was written."""
    world.start_victim()
    os.utime(world.pid_file, (1_000_000_000, 1_000_000_000))
    with pytest.raises(ApplicationError, match="is not running"):
        await world.perform("process.kill", VICTIM)
    assert world.dead_victims() == []


@pytest.mark.parametrize("content", ["1", "0", "-1", "ourselves", "our parent", "", "shop", "1 2", "\0"])
async def test_a_pid_file_that_cannot_be_meant_is_refused(world: World, content: str) -> None:
    """Not init, not a process group, not Hotwash itself, not nonsense."""
    meant = {"ourselves": str(os.getpid()), "our parent": str(os.getppid())}
    world.pid_file.write_text(meant.get(content, content))
    with pytest.raises(ApplicationError) as refused:
        await world.perform("process.kill", VICTIM)
    assert refused.value.type == "Rejected"


async def test_a_process_that_is_not_running_cannot_be_killed(world: World) -> None:
    """No pid file, or one whose process has ended: the drill's injection has failed, and says so."""
    with pytest.raises(ApplicationError, match="is not running"):
        await world.perform("process.kill", VICTIM)
    world.start_victim()
    await world.perform("process.kill", VICTIM)
    with pytest.raises(ApplicationError, match="is not running"):
        await world.perform("process.kill", VICTIM, key="another")
    assert (await world.check("process.kill", VICTIM, key="another")).holds is False


async def test_a_process_has_a_name_and_not_a_number(world: World) -> None:
    """What is not in `actions.processes` is not touched."""
    with pytest.raises(ApplicationError, match=r"define its pid file under actions\.processes"):
        await world.perform("process.kill", {"process": str(os.getpid())})


async def test_a_process_that_ignores_the_signal_is_reported(tmp_path: Path) -> None:
    """TERM may be ignored; then the step has failed and does not claim otherwise."""
    pid_file = tmp_path / "stubborn.pid"
    script = (
        "import os, pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pathlib.Path(sys.argv[1] + '.new').write_text(str(os.getpid()))\n"
        "os.rename(sys.argv[1] + '.new', sys.argv[1])\n"
        "time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(pid_file)])  # noqa: ASYNC220
    try:
        while not pid_file.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        processes = PidFileProcesses(gone_within_seconds=0.1)
        with pytest.raises(Transient, match="still runs after SIGTERM"):
            await processes.kill(str(pid_file), "TERM", KEY, child.pid)
        assert await processes.killed(str(pid_file), KEY) is None
    finally:
        child.kill()
        child.wait()
