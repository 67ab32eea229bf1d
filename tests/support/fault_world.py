"""The part of the actions' world that is broken on purpose; `World` of `action_world.py` holds one.

Everything here is real: the processes, the kernel's word about them, the leases and their watchdogs.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from activities.clients import kernel, lease_reversals

# What a law asks of a fault: parameters, a list that grows with each effect, what an undo must bring back.
FaultCase = tuple[dict[str, Any], Callable[[], list[Any]], Callable[[], Any]]


class Faults:
    """Targets for faults, below one folder."""

    def __init__(self, folder: Path, start_victim: Callable[[], int], dead_victims: Callable[[], list[int]]) -> None:
        self.folder = folder
        self.lease_folder = folder / "leases"
        self.pid_file = folder / "victim.pid"
        self._start_victim = start_victim
        self._dead_victims = dead_victims

    def case(self, name: str) -> FaultCase | None:
        """What to ask of a fault; makes its target."""
        cases: dict[str, Callable[[], FaultCase]] = {"process.kill": self._kill, "process.pause": self._pause}
        return cases[name]() if name in cases else None

    def _kill(self) -> FaultCase:
        self._start_victim()
        return {"process": "victim", "restart": "victim"}, self._dead_victims, self.victim_runs

    def _pause(self) -> FaultCase:
        pid = self._start_victim()
        return {"process": "victim", "duration": "1m"}, lambda: [pid] * is_stopped(pid), lambda: is_stopped(pid)

    def victim_pid(self) -> int:
        """The process of the pid file."""
        return int(self.pid_file.read_text())

    def victim_runs(self) -> bool:
        """Whether the process of the pid file lives."""
        return kernel.stat_of(self.victim_pid()) is not None

    def leases(self) -> list[Path]:
        """The lease files."""
        return sorted(self.lease_folder.glob("*.json"))

    def close(self) -> None:
        """Revert what is held, so that no watchdog outlives the test, and end what a revert has started."""
        for lease in self.leases():
            with suppress(ValueError):
                lease_reversals.revert(lease, "undo")
        # Some tests write a pid into the file that is nobody's to end.
        with suppress(OSError, ValueError):
            if Path(f"/proc/{self.victim_pid()}/cmdline").read_bytes().startswith(b"/bin/sleep"):
                os.kill(self.victim_pid(), signal.SIGKILL)


def is_stopped(pid: int) -> bool:
    """Whether the kernel says that a process is stopped."""
    found = kernel.stat_of(pid)
    return found is not None and found[0] in "Tt"
