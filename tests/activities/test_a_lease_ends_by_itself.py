"""The second way out of a fault: whoever dies, and whatever is lost, the target is put right by itself."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from activities.clients import kernel, lease_files, lease_reversals, lease_watchdog
from activities.clients.leases import FileLeases
from activities.leases import End, LeaseOrder, LeaseStatus, Recipe, Remove, RevertedBy, Run, Signal
from domain.configuration import ActionSettings, Configuration
from domain.errors import Rejected, Transient
from tests.support.fault_world import is_stopped
from tests.support.world import ROOT

T = TypeVar("T")
KEY = "game-day/shop/1/fault"
SHORT = timedelta(milliseconds=400)
LONG = timedelta(minutes=1)
# Opens a lease about a fault, injects it, says so, and waits for its end.
INJECT = """
import asyncio, sys, time
from datetime import timedelta
from pathlib import Path
from activities.clients.leases import FileLeases
from activities.leases import LeaseOrder, Remove
from tests.activities.test_a_lease_ends_by_itself import Here

folder = Path(sys.argv[1])
order = LeaseOrder(key="k", action="test", what="a file is there", recipe=(Remove(path=str(folder / "fault")),),
                   lease=timedelta(minutes=1), duration=timedelta(minutes=1))
asyncio.run(FileLeases(Here(folder)).open(order))
(folder / "fault").touch()
print("injected", flush=True)
time.sleep(60)
"""


class Here:
    """A configuration whose leases are below a folder."""

    def __init__(self, folder: Path) -> None:
        self._configuration = Configuration(actions=ActionSettings(lease_folder=str(folder / "leases")))

    def current(self) -> Configuration:
        """As ConfigurationSource promises."""
        return self._configuration


@pytest.fixture
def leases(tmp_path: Path) -> Iterator[FileLeases]:
    """Leases in a folder of the test's own; none is held when it ends."""
    yield FileLeases(Here(tmp_path))
    for file in (tmp_path / "leases").glob("*.json"):
        if file.read_text().startswith("{"):
            lease_reversals.revert(file, "undo")


@pytest.fixture
def victim() -> Iterator["subprocess.Popen[bytes]"]:
    """A process to be paused."""
    child = subprocess.Popen(["/bin/sleep", "60"])
    yield child
    child.kill()
    child.wait()


def order(recipe: Recipe, lease: timedelta = LONG, duration: timedelta = LONG) -> LeaseOrder:
    """A lease about something."""
    return LeaseOrder(key=KEY, action="test", what="it is broken", recipe=recipe, lease=lease, duration=duration)


def marking(file: Path) -> Run:
    """A recipe that leaves a line each time it is carried out."""
    return Run(argv=("/bin/sh", "-c", f"echo reverted >> {file}"))


def lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something that happens by itself."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.02)
    assert holds(), what


async def eventually(ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    """Ask until the answer is as it should be."""
    async with asyncio.timeout(20):
        while not holds(answer := await ask()):  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.02)
    return answer


async def ended(leases: FileLeases) -> RevertedBy | None:
    """Who has reverted it, once somebody has."""
    lease = await eventually(
        lambda: leases.find(KEY), lambda lease: lease is not None and lease.status is LeaseStatus.REVERTED
    )
    return None if lease is None else lease.by


def file_of(folder: Path) -> Path:
    """The file of the only lease."""
    (file,) = (folder / "leases").glob("*.json")
    return file


def let_it_lapse(folder: Path) -> None:
    """Nobody has renewed the only lease for its whole length; no test has to be quicker than a short one."""
    lease_files.write_beat(file_of(folder), 0)


def watchdog_of(folder: Path) -> int:
    """The watchdog of the only lease."""
    file = file_of(folder)
    pid, started = json.loads(file.read_text())["watchdog"]
    assert kernel.is_the_same(pid, started)
    return int(pid)


async def test_what_nobody_renews_is_reverted(
    leases: FileLeases, tmp_path: Path, victim: "subprocess.Popen[bytes]"
) -> None:
    """No word for a lease's length: the process goes on, and the lease file says who saw to it and when."""
    found = kernel.stat_of(victim.pid)
    assert found is not None
    # Before the lease, which a busy machine may end before the next line.
    (tmp_path / "fault").touch()
    victim.send_signal(signal.SIGSTOP)
    await leases.open(order((Signal(pid=victim.pid, started=found[1]), Remove(path=str(tmp_path / "fault"))), SHORT))
    assert await ended(leases) is RevertedBy.LEASE
    assert not is_stopped(victim.pid)
    assert not (tmp_path / "fault").exists()
    state = await leases.renew(KEY)
    assert (state.state, state.by) == ("reverted", RevertedBy.LEASE)
    assert state.at is not None


async def test_what_is_renewed_stays_until_its_duration_is_over(leases: FileLeases, tmp_path: Path) -> None:
    """A worker that renews for ever does not make a fault stay for ever."""
    # Renewed fifty times in its length: so much may a busy machine lose.
    await leases.open(order((marking(tmp_path / "done"),), timedelta(seconds=5), timedelta(seconds=6)))
    states = []
    async with asyncio.timeout(20):
        while (state := await leases.renew(KEY)).state == "held":
            states.append(state.state)
            await asyncio.sleep(0.1)
    assert await ended(leases) is RevertedBy.DURATION
    assert len(states) > 1
    assert lines(tmp_path / "done") == ["reverted"]


async def test_the_fault_of_a_worker_that_was_killed_is_reverted(tmp_path: Path) -> None:
    """Kill -9 right after the injection; the watchdog is nobody's child and needs nobody."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", INJECT, str(tmp_path), cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True
    )
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"injected\n"
    assert (tmp_path / "fault").exists()
    # The whole group, as a shell or a container's end would do it.
    os.killpg(worker.pid, signal.SIGKILL)
    await worker.wait()
    let_it_lapse(tmp_path)
    await until(lambda: not (tmp_path / "fault").exists(), "the target is clean")


async def test_a_watchdog_that_is_told_to_end_reverts_first(leases: FileLeases, tmp_path: Path) -> None:
    """A supervisor that stops the whole service stops the watchdog too; it leaves nothing behind."""
    await leases.open(order((marking(tmp_path / "done"),)))
    os.kill(watchdog_of(tmp_path), signal.SIGTERM)
    assert await ended(leases) is RevertedBy.LEASE
    assert lines(tmp_path / "done") == ["reverted"]


async def test_a_watchdog_that_was_killed_is_replaced_by_the_next_renewal(leases: FileLeases, tmp_path: Path) -> None:
    """Then the lease still ends by itself."""
    await leases.open(order((marking(tmp_path / "done"),)))
    first = watchdog_of(tmp_path)
    os.kill(first, signal.SIGKILL)
    await until(lambda: kernel.stat_of(first) is None, "it is gone")
    assert (await leases.renew(KEY)).state == "held"
    assert watchdog_of(tmp_path) != first
    let_it_lapse(tmp_path)
    assert await ended(leases) is RevertedBy.LEASE


async def test_the_sweep_reverts_what_lost_both_worker_and_watchdog(leases: FileLeases, tmp_path: Path) -> None:
    """Nobody was left; the next worker that starts puts it right, once."""
    await leases.open(order((marking(tmp_path / "done"),)))
    pid = watchdog_of(tmp_path)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: kernel.stat_of(pid) is None, "it is gone")
    let_it_lapse(tmp_path)
    await eventually(leases.leftovers, lambda found: any(not each.is_clean for each in found))
    (found,) = await leases.sweep()
    assert (found.key, found.is_clean, found.by) == (KEY, True, RevertedBy.SWEEP)
    assert lines(tmp_path / "done") == ["reverted"]
    assert await leases.sweep() == await leases.leftovers() == []


async def test_the_sweep_leaves_a_fault_that_is_still_renewed(leases: FileLeases, tmp_path: Path) -> None:
    """Another worker holds it; it gets a new watchdog, and the drill goes on."""
    await leases.open(order((marking(tmp_path / "done"),)))
    os.kill(watchdog_of(tmp_path), signal.SIGKILL)
    found = await eventually(leases.sweep, bool)
    assert [each.is_clean for each in found] == [True]
    assert watchdog_of(tmp_path)
    assert (await leases.renew(KEY)).state == "held"
    assert lines(tmp_path / "done") == []


async def test_a_lease_of_an_earlier_boot_is_over(leases: FileLeases, tmp_path: Path) -> None:
    """After a power cut its files are put right, and no process is signalled: the numbers mean nothing any more."""
    child = subprocess.Popen(["/bin/sleep", "60"])  # noqa: ASYNC220
    found = kernel.stat_of(child.pid)
    assert found is not None
    (tmp_path / "fault").touch()
    recipe = (Signal(pid=child.pid, started=found[1], signal="KILL"), Remove(path=str(tmp_path / "fault")))
    await leases.open(order(recipe))
    os.kill(watchdog_of(tmp_path), signal.SIGKILL)
    file = file_of(tmp_path)
    file.write_text(file.read_text().replace(kernel.boot_id(), "another-boot"))
    swept = await eventually(leases.sweep, bool)
    assert swept[0].is_clean
    assert not (tmp_path / "fault").exists()
    assert child.poll() is None
    child.kill()
    child.wait()


async def test_a_lease_of_another_machine_is_shown_and_left_alone(leases: FileLeases, tmp_path: Path) -> None:
    """Workers of several machines may share a folder by mistake; nobody reverts what is not on theirs."""
    await leases.open(order((marking(tmp_path / "done"),)))
    os.kill(watchdog_of(tmp_path), signal.SIGKILL)
    file = file_of(tmp_path)
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"host": "elsewhere", "boot": "another-boot"}))
    found = await eventually(leases.sweep, bool)
    assert found[0].detail == "it was injected by elsewhere: only a worker there can revert it"
    assert lines(tmp_path / "done") == []


async def test_two_watchdogs_are_one(leases: FileLeases, tmp_path: Path) -> None:
    """A second one sees that the lease is guarded and goes; the recipe is carried out once."""
    await leases.open(order((marking(tmp_path / "done"),)))
    first = watchdog_of(tmp_path)
    file = file_of(tmp_path)
    command = [sys.executable, "-I", "-S", lease_watchdog.__file__, "watch", str(file)]
    second = await asyncio.create_subprocess_exec(*command)
    assert await second.wait() == 0
    assert watchdog_of(tmp_path) == first
    os.kill(first, signal.SIGTERM)
    await ended(leases)
    assert lines(tmp_path / "done") == ["reverted"]


async def test_undoing_twice_is_undoing_once(leases: FileLeases, tmp_path: Path) -> None:
    """The workflow, and then the watchdog, and then the workflow again."""
    await leases.open(order((marking(tmp_path / "done"),)))
    pid = watchdog_of(tmp_path)
    first = await leases.release(KEY)
    await until(lambda: kernel.stat_of(pid) is None, "the watchdog has gone home")
    assert await leases.release(KEY) == first
    assert (first.by, lines(tmp_path / "done")) == (RevertedBy.UNDO, ["reverted"])


async def test_opening_twice_is_opening_once(leases: FileLeases, tmp_path: Path) -> None:
    """The retry of an injection finds its lease, under the same watchdog."""
    first = await leases.open(order((marking(tmp_path / "done"),)))
    pid = watchdog_of(tmp_path)
    assert await leases.open(order((), SHORT)) == first
    assert watchdog_of(tmp_path) == pid


async def test_a_fault_that_was_undone_before_it_came_is_refused(leases: FileLeases, tmp_path: Path) -> None:
    """An injection that was cut off from the engine arrives after the undo: it is not made any more."""
    await leases.release(KEY)
    late = await leases.open(order((marking(tmp_path / "done"),)))
    assert (late.status, late.by) == (LeaseStatus.REVERTED, RevertedBy.UNDO)


async def test_a_lease_file_that_was_removed_ends_the_fault(leases: FileLeases, tmp_path: Path) -> None:
    """Nobody can renew it any more; the watchdog knows the recipe by heart."""
    await leases.open(order((marking(tmp_path / "done"),)))
    file = file_of(tmp_path)
    file.unlink()
    await until(lambda: lines(tmp_path / "done") == ["reverted"], "reverted")


async def test_a_worker_that_was_stopped_in_the_middle_does_not_keep_the_fault(
    leases: FileLeases, tmp_path: Path
) -> None:
    """It holds the lock of the lease and will never let go of it; the watchdog goes on without."""
    await leases.open(order((marking(tmp_path / "done"),)))
    with lease_files.locked(file_of(tmp_path)):
        let_it_lapse(tmp_path)
        await until(lambda: lines(tmp_path / "done") == ["reverted"], "reverted")


async def test_without_a_place_for_the_way_back_nothing_is_leased(leases: FileLeases, tmp_path: Path) -> None:
    """A file where the folder should be; the refusal says how to mend it."""
    (tmp_path / "leases").touch()
    with pytest.raises(Rejected, match=r"no way back could be written down in .*set actions\.lease_folder"):
        await leases.open(order(()))
    (tmp_path / "leases").unlink()
    assert await leases.find(KEY) is None


async def test_a_process_that_only_has_the_number_is_never_signalled(
    leases: FileLeases, victim: "subprocess.Popen[bytes]"
) -> None:
    """The pid is right and the start is not: it is somebody else."""
    found = kernel.stat_of(victim.pid)
    assert found is not None
    await leases.open(order((Signal(pid=victim.pid, started=found[1] - 1, signal="KILL"),)))
    lease = await leases.release(KEY)
    assert lease.notes == (f"process {victim.pid} is gone",)
    assert victim.poll() is None


async def test_a_revert_that_fails_is_told_and_tried_again(leases: FileLeases, tmp_path: Path) -> None:
    """The undo does not claim success; the other steps are carried out all the same."""
    (tmp_path / "fault").touch()
    unready = Run(argv=("/bin/sh", "-c", f"test -e {tmp_path}/ready || (echo not yet; false)"))
    await leases.open(order((unready, Remove(path=str(tmp_path / "fault")))))
    with pytest.raises(Transient, match="not yet"):
        await leases.release(KEY)
    assert not (tmp_path / "fault").exists()
    assert (await leases.renew(KEY)).state == "lost"
    (tmp_path / "ready").touch()
    let_it_lapse(tmp_path)
    assert await ended(leases) is RevertedBy.UNDO


async def test_a_process_that_is_the_fault_ends_with_its_lease(leases: FileLeases, tmp_path: Path) -> None:
    """It and its children, also those that do not want to; started twice is started once."""
    stubborn = ("/bin/sh", "-c", "trap '' TERM; sleep 60 & sleep 60 & wait; wait; sleep 60")
    await leases.open(order((End(identity_file=leases.identity_file(KEY)),)))
    await leases.start(KEY, stubborn)
    await leases.start(KEY, stubborn)
    family = await eventually(lambda: leases.started(KEY), lambda found: len(found) == 3)
    os.kill(watchdog_of(tmp_path), signal.SIGTERM)
    await ended(leases)
    assert await leases.started(KEY) == []
    assert all(kernel.stat_of(pid) is None for pid in family)


async def test_children_are_found_when_their_leader_is_gone(leases: FileLeases) -> None:
    """A fault whose first process was killed still ends whole; they carry its mark."""
    await leases.open(order((End(identity_file=leases.identity_file(KEY)),)))
    await leases.start(KEY, ("/bin/sh", "-c", "sleep 60 & sleep 60 & wait"))
    family = await eventually(lambda: leases.started(KEY), lambda found: len(found) == 3)
    (leader, _) = kernel.read_identity(Path(leases.identity_file(KEY))) or (0, 0)
    os.kill(leader, signal.SIGKILL)
    await until(lambda: kernel.stat_of(leader) is None, "the leader is gone")
    assert len(await leases.started(KEY)) == 2
    await leases.release(KEY)
    assert all(kernel.stat_of(pid) is None for pid in family)


async def test_a_fault_that_is_started_late_is_not_started(leases: FileLeases) -> None:
    """Its lease is over: the process sees it before it becomes the fault."""
    await leases.open(order((End(identity_file=leases.identity_file(KEY)),)))
    await leases.release(KEY)
    with pytest.raises(Rejected, match="the lease is over"):
        await leases.start(KEY, ("/bin/sleep", "60"))
    assert await leases.started(KEY) == []
