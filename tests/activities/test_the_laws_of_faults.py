"""The laws that every fault keeps beside those of actions; a new one needs only a `FaultCase`."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.clients import kernel, lease_files
from activities.clients.leases import FileLeases
from activities.faults import FaultActivities, FaultSweeper
from activities.leases import LeaseState, RevertedBy
from activities.steps import CheckResult
from tests.support.action_world import KEY, TOKEN, World, changed
from tests.support.fault_world import FAULTS, FaultCase, marked
from tests.support.world import ROOT

T = TypeVar("T")
EVERY_FAULT = pytest.mark.parametrize("name", marked(FAULTS))
# A worker's process that injects a fault, says so and would renew it next.
INJECT = """
import asyncio, json, os, sys, time
from activities.action import Call, read
from activities.actions import registry
from activities.actions.faults import fault_actions
from activities.clients.fault_ports import fault_ports
from activities.clients.http import HttpClient
from activities.clients.programs import Programs
from domain.configuration import ActionSettings, Configuration
from tests.support.service_fault_world import with_stand_ins

class Here:
    def current(self):
        return Configuration(actions=ActionSettings.model_validate_json(sys.argv[1]))

key, name, parameters = sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
ports = with_stand_ins(fault_ports(Here(), Programs(), HttpClient()), Here().current().actions.lease_folder)
fault = registry(Here(), fault_actions(Here(), ports)).get(name)
call = Call(key, None, None, True, None, lambda reference: os.environ[reference.removeprefix("env:")])
asyncio.run(fault.perform(read(fault.parameters_model, parameters, name), call))
print("injected", flush=True)
time.sleep(60)
"""


def fault_case(world: World, name: str) -> FaultCase:
    """What to ask of a fault."""
    return world.fault_case(name)


def faults(world: World) -> FaultActivities:
    """A worker that has just started."""
    return FaultActivities(world.registry, world.secrets)


async def is_clean(world: World, name: str, case: FaultCase) -> CheckResult:
    return await ActivityEnvironment().run(faults(world).is_clean, world.request(name, case.parameters))


async def renew(world: World, name: str, case: FaultCase) -> LeaseState:
    return await ActivityEnvironment().run(faults(world).renew, world.request(name, case.parameters))


async def eventually(ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    """Ask until the answer is as it should be."""
    async with asyncio.timeout(40):
        while not holds(answer := await ask()):  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.02)
    return answer


def command_lines() -> list[bytes]:
    """What everybody on the machine can read of every process."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        # A process may end meanwhile.
        with suppress(OSError):
            lines.append(file.read_bytes())
    return lines


async def is_as_before(case: FaultCase, before: Any) -> None:
    """Wait until the target is as it was."""

    async def state() -> Any:
        return case.state()

    await eventually(state, lambda now: bool(now == before))


def run_out(world: World) -> None:
    """Nobody has renewed the lease for its whole length: what takes seconds, at once."""
    for lease in world.faults.leases():
        lease_files.write_beat(lease, 0)


@EVERY_FAULT
async def test_a_fault_that_works_here_says_so_and_touches_nothing(world: World, name: str) -> None:
    """The capability probe leaves the target as it was, and no lease."""
    case = fault_case(world, name)
    before = case.state()
    request = world.request(name, case.parameters)
    found = await ActivityEnvironment().run(faults(world).capability, request)
    assert found.holds is True, found.detail
    assert (case.state(), world.faults.leases()) == (before, [])


@EVERY_FAULT
async def test_the_effect_is_proved_and_then_gone(world: World, name: str) -> None:
    """Proof and residue are asked of the target: no, yes, no; clean, not clean, clean."""
    case = fault_case(world, name)
    assert (await is_clean(world, name, case)).holds is True
    done = await world.perform(name, case.parameters)
    assert (await world.answer(name, case.parameters)).holds is True
    assert (await is_clean(world, name, case)).holds is not True
    await world.undo(name, case.parameters, done.output)
    assert (await world.check(name, case.parameters)).holds is False
    clean = await is_clean(world, name, case)
    assert clean.holds is True, clean.detail


@EVERY_FAULT
async def test_an_effect_that_is_not_there_is_not_confirmed(world: World, name: str) -> None:
    """Somebody has mended the target by hand: the fault is held, and its proof fails all the same."""
    case = fault_case(world, name)
    if case.heal is None:
        assert name in {"process.kill", "chaostoolkit.run"}, "only what has ended by itself cannot be healed"
        return
    await world.perform(name, case.parameters)
    case.heal()
    assert (await world.check(name, case.parameters)).holds is False
    await world.undo(name, case.parameters, None)
    assert (await is_clean(world, name, case)).holds is True


@EVERY_FAULT
async def test_a_fault_that_nobody_renews_is_reverted(world: World, name: str) -> None:
    """Then the renewal that comes too late hears of it, and the fault is not injected again."""
    case = fault_case(world, name)
    before = case.state()
    await world.perform(name, case.parameters)
    assert (await renew(world, name, case)).state == "held"
    await changed(case.state, before)
    run_out(world)
    await is_as_before(case, before)
    over = await eventually(lambda: renew(world, name, case), lambda state: state.at is not None)
    assert (over.state, over.by) == ("reverted", RevertedBy.LEASE)
    assert (await is_clean(world, name, case)).holds is True
    world.ledger.leave_unsettled(KEY)
    with pytest.raises(ApplicationError, match="not injected a second time: nobody renewed its lease"):
        await world.perform(name, case.parameters, attempt=2)
    assert case.state() == before


@EVERY_FAULT
async def test_the_fault_of_a_killed_process_is_reverted(world: World, name: str) -> None:
    """Kill -9 of whoever has injected it: what is left is the lease."""
    case = fault_case(world, name)
    before = case.state()
    settings = world.current().actions.model_dump_json()
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", INJECT, settings, KEY, name, json.dumps(case.parameters)),
        cwd=ROOT,
        env=os.environ | {reference.removeprefix("env:"): value for reference, value in world.secrets.values.items()},
        stdout=PIPE,
        start_new_session=True,
    )
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"injected\n"
    await changed(case.state, before)
    os.killpg(worker.pid, signal.SIGKILL)
    await worker.wait()
    run_out(world)
    await is_as_before(case, before)


@EVERY_FAULT
async def test_a_fault_without_worker_and_watchdog_is_swept_up(world: World, name: str) -> None:
    """Both are dead; the next worker that starts finds the leftover and reverts it."""
    case = fault_case(world, name)
    before = case.state()
    await world.perform(name, case.parameters)
    for lease in world.faults.leases():
        watchdog = lease_files.read_lease(lease)["watchdog"]
        if watchdog is None:
            # The target itself ends this one.
            continue
        pid, started = watchdog
        kernel.signal_process(pid, started, "KILL")
        await eventually(lambda pid=pid: asyncio.to_thread(kernel.stat_of, pid), lambda found: found is None)
    run_out(world)
    swept = await ActivityEnvironment().run(FaultSweeper(FileLeases(world)).sweep)
    assert [(found.key, found.is_clean) for found in swept] == [(KEY, True)]
    await is_as_before(case, before)
    assert (await is_clean(world, name, case)).holds is True


@EVERY_FAULT
async def test_a_fault_that_was_undone_first_is_not_injected_late(world: World, name: str) -> None:
    """The injection was held up somewhere and comes after its undo: it does nothing."""
    case = fault_case(world, name)
    before = case.state()
    await world.undo(name, case.parameters, None)
    with pytest.raises(ApplicationError, match="not injected a second time: it was undone"):
        await world.perform(name, case.parameters)
    assert case.state() == before


@EVERY_FAULT
async def test_no_secret_is_in_the_lease_or_in_a_command_line(world: World, name: str) -> None:
    """What the way back needs is written down for a program that may not know any secret."""
    case = fault_case(world, name)
    await world.perform(name, case.parameters)
    files = [file.read_bytes() for file in world.faults.lease_folder.iterdir()]
    assert files
    assert not any(TOKEN.encode() in text for text in [*files, *command_lines()])


@EVERY_FAULT
async def test_a_fault_without_a_duration_or_with_a_strange_one_is_refused(world: World, name: str) -> None:
    """Nothing may stay for ever, and no lease may be too short to be renewed."""
    case = fault_case(world, name)
    for wrong in ({"duration": "0s"}, {"duration": "2d"}, {"lease": "1s"}, {"lease": "1h"}):
        with pytest.raises(ApplicationError, match=f"{next(iter(wrong))}: Value error, write") as refused:
            await world.perform(name, case.parameters | wrong)
        assert refused.value.type == "Rejected"
    assert world.faults.leases() == []


@EVERY_FAULT
async def test_without_a_place_for_the_way_back_nothing_is_injected(world: World, name: str) -> None:
    """The lease folder cannot be written to: refused, and the target is untouched."""
    case = fault_case(world, name)
    before = case.state()
    world.faults.lease_folder.touch()
    with pytest.raises(ApplicationError, match=r"nothing was injected.*set actions\.lease_folder"):
        await world.perform(name, case.parameters)
    world.faults.lease_folder.unlink()
    assert case.state() == before


async def test_a_paused_process_that_the_response_has_replaced_is_clean(world: World) -> None:
    """A restart ends it, paused or not; nothing of it is stopped then, and its undo has nothing to do."""
    case = fault_case(world, "process.pause")
    done = await world.perform("process.pause", case.parameters)
    for process in done.output["processes"]:
        os.kill(process["pid"], signal.SIGKILL)
        await asyncio.to_thread(os.waitpid, process["pid"], 0)
    await world.undo("process.pause", case.parameters, done.output)
    clean = await is_clean(world, "process.pause", case)
    assert clean.holds is True, clean.detail
