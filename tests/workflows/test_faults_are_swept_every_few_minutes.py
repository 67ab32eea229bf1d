"""What is left over while a worker runs is reverted without a restart; on the real engine, with real leases."""

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.clients import kernel, lease_files
from activities.clients.leases import FileLeases
from activities.faults import FaultSweeper
from activities.leases import LeaseOrder, Remove
from domain.fault_sweep import FaultSweepStart, SweepState
from domain.ids import fault_sweep_workflow_id
from tests.support.engine import replayer, until, working
from workflows.fault_sweep import EVERY, FaultSweep
from workflows.options import machine_queue


class Site:
    """A machine's configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self) -> Any:
        """Where its leases are."""
        return SimpleNamespace(actions=SimpleNamespace(lease_folder=str(self.folder / "leases")))


async def a_fault_that_nobody_watches(leases: FileLeases, folder: Path, name: str) -> Path:
    """Its watchdog was killed, and nobody renews it."""
    fault = folder / name
    order = LeaseOrder(
        key=name, action="test.file", what="a file is there", recipe=(Remove(path=str(fault)),),
        lease=timedelta(minutes=1), duration=timedelta(minutes=1),
    )  # fmt: skip
    await leases.open(order)
    fault.touch()
    file = next(each for each in (folder / "leases").glob("*.json") if lease_files.read_lease(each)["key"] == name)
    pid = lease_files.read_lease(file)["watchdog"][0]
    os.kill(pid, signal.SIGKILL)
    await until(lambda: kernel.stat_of(pid) is None, "the watchdog is gone")
    lease_files.write_beat(file, 0)
    return fault


async def view(handle: WorkflowHandle[Any, Any]) -> SweepState:
    """How it stands."""
    return await handle.query("view", result_type=SweepState)


async def test_a_leftover_is_reverted_while_the_worker_goes_on(
    env: WorkflowEnvironment, task_queue: str, tmp_path: Path
) -> None:
    """At the next sweep, which the workflow tells; the history of it replays."""
    machine = f"db-{uuid4().hex[:6]}"
    leases = FileLeases(Site(tmp_path))
    sweeping = [FaultSweeper(leases).sweep]
    async with working(env.client, task_queue, workflows=[FaultSweep], activities=[]):
        with env.with_time_skipping_disabled():
            handle = await env.client.start_workflow(
                FaultSweep.run, FaultSweepStart(machine=machine), id=fault_sweep_workflow_id(machine, None),
                task_queue=task_queue,
            )  # fmt: skip
        async with working(env.client, machine_queue(machine, None), workflows=[], activities=sweeping):
            first = await _swept(handle)
            assert (first.found, first.left, first.silent_since) == ((), (), None)
            fault = await a_fault_that_nobody_watches(leases, tmp_path, "fault")
            await env.fast_forward(handle, EVERY + timedelta(seconds=1))
            after = await _swept(handle, after=first)
            assert not fault.exists()
            assert [(each.key, each.is_clean, each.by) for each in after.found] == [("fault", True, "sweep")]
            assert after.found_at == after.swept_at
        await replayer([FaultSweep]).replay_workflow(await handle.fetch_history())


async def _swept(handle: WorkflowHandle[Any, Any], after: SweepState | None = None) -> SweepState:
    """What the next sweep has seen."""
    for _ in range(500):
        state = await view(handle)
        if state.swept_at is not None and (after is None or state.swept_at != after.swept_at):
            return state
        await asyncio.sleep(0.02)
    raise AssertionError("no sweep was carried out")
