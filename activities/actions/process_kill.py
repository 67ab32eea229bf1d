"""`process.kill`: end a supervised process on purpose, so that a drill has something to detect.

There is no undo: bringing the process back is its supervisor's work, and whether it does is what the drill shows.
"""

from typing import ClassVar, Literal

from typing_extensions import override

from activities.action import Action, Call, Finding, document
from activities.actions.ports import KilledProcess, Processes
from activities.ports import ConfigurationSource
from domain.errors import Rejected, RejectionKind
from domain.model import Model
from domain.run import Effect, Idempotency


class ProcessKillParameters(Model):
    """Which process, and how."""

    # A name of `actions.processes`, never a pid.
    process: str
    signal: Literal["KILL", "TERM"] = "KILL"


class ProcessKill(Action[ProcessKillParameters, KilledProcess]):
    """Ends the process that wrote a pid file; in a drill only."""

    name = "process.kill"
    summary = "End a process of actions.processes, in a drill only; its supervisor brings it back."
    effect = Effect.FAULT
    # The journal beside the pid file knows our key and which process it ended.
    idempotency = Idempotency.KEYED
    parameters_model = ProcessKillParameters
    result_model = KilledProcess
    example: ClassVar = {"process": "shop"}

    def __init__(self, configuration: ConfigurationSource, processes: Processes) -> None:
        self._configuration = configuration
        self._processes = processes

    @override
    async def perform(self, parameters: ProcessKillParameters, call: Call) -> KilledProcess:
        return await self._processes.kill(self._pid_file(parameters), parameters.signal, call.key)

    @override
    async def check(self, parameters: ProcessKillParameters, call: Call) -> Finding:
        killed = await self._processes.killed(self._pid_file(parameters), call.performed_key)
        if killed is None:
            return Finding(holds=False, detail=f"{parameters.process} was not ended by this step")
        return Finding(holds=True, detail=self.sentence(killed), output=document(killed))

    @override
    def sentence(self, result: KilledProcess) -> str:
        return f"process {result.pid} was ended with SIG{result.signal}"

    def _pid_file(self, parameters: ProcessKillParameters) -> str:
        pid_file = self._configuration.current().actions.processes.get(parameters.process)
        if pid_file is None:
            raise Rejected(
                f"no process is called {parameters.process!r}; define its pid file under actions.processes "
                "in hotwash.yaml",
                RejectionKind.NOT_FOUND,
            )
        return pid_file
