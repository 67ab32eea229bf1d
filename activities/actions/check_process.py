"""`check.process`: does a process of this machine run, is it paused, or is it gone? Asked of the kernel.

The one thing to know: it is told by the pid file and by when the process began, so a number that somebody else was
given since counts as gone.
"""

from typing import ClassVar, Literal

from typing_extensions import override

from activities.action import Call
from activities.actions.checking import Checking, Seen
from activities.actions.machine import Machine, pid_file_of
from activities.ports import ConfigurationSource
from domain.errors import Rejected, RejectionKind
from domain.model import Model

_PAUSED = frozenset("Tt")
# A zombie does nothing any more, though its parent has not asked how it ended.
_OVER = frozenset("ZXx")


class CheckProcessParameters(Model):
    """Which process, and what is wanted of it."""

    # A name of `actions.processes`, never a pid.
    process: str
    wanted: Literal["running", "paused", "gone"] = "running"


class CheckProcessResult(Seen):
    """What was seen."""

    state: Literal["running", "paused", "gone"]
    pid: int | None = None


class CheckProcess(Checking[CheckProcessParameters, CheckProcessResult]):
    """One look into /proc."""

    name = "check.process"
    summary = "Look whether a process of actions.processes runs on the worker's machine, is paused, or is gone."
    parameters_model = CheckProcessParameters
    result_model = CheckProcessResult
    example: ClassVar = {"process": "shop", "wanted": "running"}

    def __init__(self, configuration: ConfigurationSource, machine: Machine) -> None:
        self._configuration = configuration
        self._machine = machine

    @override
    async def look(self, parameters: CheckProcessParameters, call: Call) -> CheckProcessResult:
        state, pid = self._state(pid_file_of(self._configuration, parameters.process))
        who = parameters.process if pid is None else f"{parameters.process} (process {pid})"
        wanted = "" if state == parameters.wanted else f", wanted {parameters.wanted}"
        return CheckProcessResult(holds=not wanted, reason=f"{who} is {state}{wanted}", state=state, pid=pid)

    def _state(self, pid_file: str) -> tuple[Literal["running", "paused", "gone"], int | None]:
        try:
            process = self._machine.process(pid_file)
        except Rejected as refused:
            # It does not run; whatever else is refused (no Linux, a file that cannot be meant) is no answer.
            if refused.kind is not RejectionKind.CONFLICT:
                raise
            return "gone", None
        letter = self._machine.state(process)
        if letter is None or letter in _OVER:
            return "gone", None
        return ("paused" if letter in _PAUSED else "running"), process.pid
