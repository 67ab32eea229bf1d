"""`process.pause`: a process that is there and does nothing, as under SIGSTOP; its port still takes connections.

Not called `process.stop`: that is the runbook action which ends a daemon.
"""

import asyncio
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.machine import Machine, ProcessIdentity, pid_file_of
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases, Signal
from activities.ports import ConfigurationSource

_STOPPED = frozenset("Tt")
# A stop is delivered at the process's next step in the kernel: at once, unless it waits for a disk.
_SEEN_WITHIN_SECONDS = 2.0
_POLL_SECONDS = 0.02


class ProcessPauseParameters(FaultParameters):
    """Which process."""

    # A name of `actions.processes`, never a pid.
    process: str
    # Its children as well: a server of many processes goes on without its first one.
    children: bool = True


class PausedProcess(Injected):
    """Who is paused."""

    processes: tuple[ProcessIdentity, ...] = Field(default=())


class ProcessPause(FaultAction[ProcessPauseParameters, PausedProcess]):
    """Stops the process of a pid file; in a drill only."""

    name = "process.pause"
    summary = "Pause a process of actions.processes (SIGSTOP), in a drill only; it goes on by itself (SIGCONT)."
    parameters_model = ProcessPauseParameters
    result_model = PausedProcess
    example: ClassVar = {"process": "shop", "duration": "2m"}

    def __init__(self, configuration: ConfigurationSource, leases: Leases, machine: Machine) -> None:
        super().__init__(configuration, leases)
        self._machine = machine

    @override
    async def capability(self, parameters: ProcessPauseParameters, call: Call) -> Finding:
        process = self._machine.process(pid_file_of(self.configuration, parameters.process))
        if not self._machine.may_signal(process):
            detail = f"this worker may not signal {parameters.process}; run it as root or as the process's user"
            return Finding(holds=False, detail=detail)
        if (self._machine.state(process) or "") in _STOPPED:
            return Finding(holds=False, detail=f"{parameters.process} is stopped already; send it SIGCONT first")
        return Finding(holds=True, detail=f"{parameters.process} runs as {process.pid} and can be paused")

    @override
    async def plan(self, parameters: ProcessPauseParameters, call: Call) -> Plan[PausedProcess]:
        process = self._machine.process(pid_file_of(self.configuration, parameters.process))
        family = self._machine.with_children(process) if parameters.children else (process,)
        others = f" and {len(family) - 1} children" if len(family) > 1 else ""
        what = f"process {process.pid} of {parameters.process}{others} is paused"
        # The children first: a parent that runs again might miss them.
        recipe = tuple(Signal(pid=one.pid, started=one.started) for one in reversed(family))
        return Plan(PausedProcess(what=what, processes=family), recipe)

    @override
    async def inject(self, parameters: ProcessPauseParameters, result: PausedProcess, call: Call) -> None:
        for process in result.processes:
            self._machine.signal(process, "STOP")

    @override
    async def observe(self, parameters: ProcessPauseParameters, result: PausedProcess, call: Call) -> Finding:
        first = result.processes[0]
        for _ in range(round(_SEEN_WITHIN_SECONDS / _POLL_SECONDS)):
            state = self._machine.state(first)
            if state is None or state in _STOPPED:
                break
            await asyncio.sleep(_POLL_SECONDS)
        if state is None:
            return Finding(holds=False, detail=f"process {first.pid} has ended")
        detail = f"the kernel says {state} of process {first.pid}"
        return Finding(holds=state in _STOPPED, detail=detail)

    @override
    async def residue(self, parameters: ProcessPauseParameters, result: PausedProcess, call: Call) -> Finding:
        still = [one.pid for one in result.processes if (self._machine.state(one) or "") in _STOPPED]
        detail = f"still stopped: {still}" if still else "no process of it is stopped"
        return Finding(holds=not still, detail=detail)
