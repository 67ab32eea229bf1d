"""What faults on a machine need from it, as a Protocol; `activities/clients/machine.py` asks the kernel.

The one thing to know: a process is named by its pid and its start in ticks since boot. A pid alone is somebody else's
as soon as it is free again.
"""

import posixpath
from collections.abc import Iterable
from typing import Protocol

from activities.ports import ConfigurationSource
from domain.errors import Rejected, RejectionKind
from domain.model import Model


class ProcessIdentity(Model):
    """One process for ever."""

    pid: int
    # In ticks since boot, as `/proc/PID/stat` has it.
    started: int


class Machine(Protocol):
    """The machine that the worker runs on."""

    def process(self, pid_file: str) -> ProcessIdentity:
        """The process that wrote a pid file; Rejected when it is not running or is one of Hotwash's own."""

    def with_children(self, process: ProcessIdentity) -> tuple[ProcessIdentity, ...]:
        """The process and all that descend from it, itself first."""

    def state(self, process: ProcessIdentity) -> str | None:
        """The kernel's letter for it (`R`, `S`, `T`, …); None when it has ended."""

    def signal(self, process: ProcessIdentity, name: str) -> bool:
        """Signal it; False when it has ended. Rejected when the worker may not."""

    def may_signal(self, process: ProcessIdentity) -> bool:
        """Whether the worker may signal it; signals nothing."""

    def variable(self, process: ProcessIdentity, name: str) -> str | None:
        """One variable of the environment that the process was started with; None when it is not set."""

    def hostname(self) -> str:
        """What the machine calls itself."""

    def program(self, name: str) -> str | None:
        """Where a program of the system is; None when it is not installed."""

    def processors(self) -> int:
        """How many there are."""

    def busy_seconds(self) -> float:
        """The processor time that all processes have used since boot."""

    def available_memory(self) -> int:
        """The bytes that could be taken without swapping."""

    def resident_bytes(self, pids: Iterable[int]) -> int:
        """The memory that these processes hold."""


def pid_file_of(configuration: ConfigurationSource, name: str) -> str:
    """The pid file of a name in `actions.processes`; Rejected when there is none such."""
    pid_file = configuration.current().actions.processes.get(name)
    if pid_file is None:
        raise Rejected(
            f"no process is called {name!r}; define its pid file under actions.processes in hotwash.yaml",
            RejectionKind.NOT_FOUND,
        )
    return pid_file


def cannot_run(
    machine: Machine, program: str, where: str, *, directory: str | None = None, path: str | None = None
) -> str | None:
    """Why this worker cannot run a program of `hotwash.yaml`, and how to mend it; None when it can.

    `where` names its key. It is looked for as it would be started: in its directory, and along its own PATH.
    """
    places = [program]
    if "/" in program:
        places = [posixpath.join(directory or "", program)]
    elif path is not None:
        places = [posixpath.join(folder, program) for folder in path.split(":")]
    if any(machine.program(place) is not None for place in places):
        return None
    return f"{program} ({where}) is no program that this worker may run; mend it"
