"""`process.kill`: end a supervised process on purpose, so that a drill has something to detect.

Bringing it back is its supervisor's work, and whether it does is what the drill shows. Where nobody supervises it,
`restart` names the daemon of `actions.daemons` that is started again when the fault ends, if it is not running by then.
"""

import sys
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal

from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.machine import Machine, cannot_run, pid_file_of
from activities.actions.ports import KilledProcess, Processes
from activities.actions.switches import named
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases, Recipe, Run
from activities.ports import ConfigurationSource
from domain.durations import Duration
from domain.errors import Rejected, RejectionKind

_DETACH = str(Path(__file__).parents[1] / "clients" / "detach.py")


class ProcessKillParameters(FaultParameters):
    """Which process, and how."""

    # A name of `actions.processes`, never a pid.
    process: str
    signal: Literal["KILL", "TERM"] = "KILL"
    # A name of `actions.daemons`: started when the fault ends and the process is not back by itself.
    restart: str | None = None
    # A process is dead at once. The duration counts only where `restart` brings it back.
    duration: Duration = timedelta(minutes=5)


class EndedProcess(Injected, KilledProcess):
    """A process that was ended on purpose."""

    pid: int = 0
    signal: Literal["KILL", "TERM"] = "KILL"


class ProcessKill(FaultAction[ProcessKillParameters, EndedProcess]):
    """Ends the process that wrote a pid file; in a drill only."""

    name = "process.kill"
    summary = "End a process of actions.processes, in a drill only; its supervisor or `restart` brings it back."
    parameters_model = ProcessKillParameters
    result_model = EndedProcess
    undo_needs = ("restart",)
    example: ClassVar = {"process": "shop"}

    def __init__(
        self, configuration: ConfigurationSource, leases: Leases, machine: Machine, processes: Processes
    ) -> None:
        super().__init__(configuration, leases)
        self._machine = machine
        self._processes = processes

    @override
    async def capability(self, parameters: ProcessKillParameters, call: Call) -> Finding:
        pid = await self._processes.running(pid_file_of(self.configuration, parameters.process))
        self._way_back(parameters)
        return Finding(holds=True, detail=f"{parameters.process} runs as {pid}")

    @override
    async def plan(self, parameters: ProcessKillParameters, call: Call) -> Plan[EndedProcess]:
        pid = await self._processes.running(pid_file_of(self.configuration, parameters.process))
        what = f"process {pid} was ended with SIG{parameters.signal}"
        return Plan(EndedProcess(what=what, pid=pid, signal=parameters.signal), self._way_back(parameters))

    @override
    async def inject(self, parameters: ProcessKillParameters, result: EndedProcess, call: Call) -> None:
        pid_file = pid_file_of(self.configuration, parameters.process)
        await self._processes.kill(pid_file, parameters.signal, call.performed_key, result.pid)

    @override
    async def observe(self, parameters: ProcessKillParameters, result: EndedProcess, call: Call) -> Finding:
        killed = await self._processes.killed(pid_file_of(self.configuration, parameters.process), call.performed_key)
        if killed is None:
            return Finding(holds=False, detail=f"{parameters.process} was not ended by this step")
        return Finding(holds=True, detail=self.sentence(result))

    @override
    async def residue(self, parameters: ProcessKillParameters, result: EndedProcess, call: Call) -> Finding:
        """A dead process leaves nothing; whether another one is there counts where we promised one."""
        if parameters.restart is None:
            return Finding(holds=True, detail="bringing it back is its supervisor's work")
        try:
            pid = await self._processes.running(pid_file_of(self.configuration, parameters.process))
        except Rejected as error:
            return Finding(holds=False, detail=error.sentence)
        return Finding(holds=pid != result.pid, detail=f"{parameters.process} runs as {pid}")

    def _way_back(self, parameters: ProcessKillParameters) -> Recipe:
        if parameters.restart is None:
            return ()
        daemon = named(self.configuration.current().actions.daemons, parameters.restart, "daemons", "daemon")
        if not daemon.start:
            raise Rejected(f"{parameters.restart} has no 'start' under actions.daemons in hotwash.yaml; add one")
        argv = daemon.start
        problem = cannot_run(
            self._machine,
            argv[0],
            f"actions.daemons.{parameters.restart}.start",
            directory=daemon.directory,
            path=daemon.environment.get("PATH"),
        )
        if problem is not None:
            raise Rejected(problem, RejectionKind.CONFLICT)
        if daemon.foreground:
            argv = (sys.executable, "-I", _DETACH, daemon.pid_file, daemon.log_file or "", *argv)
        return (
            Run(
                argv=argv,
                seconds=daemon.start_within.total_seconds(),
                directory=daemon.directory,
                environment=daemon.environment,
                unless_running=daemon.pid_file,
            ),
        )
