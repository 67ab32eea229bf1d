"""Asks the Linux kernel about processes and signals them; implements `Machine` through `/proc` and pidfds."""

import os
import shutil
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from activities.actions.machine import ProcessIdentity
from activities.clients import kernel
from activities.clients.processes import running_process
from domain.errors import Rejected, RejectionKind

# A worker's own PATH may lack the folders of the administrator's programs.
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class LinuxMachine:
    """Implements `Machine`."""

    def process(self, pid_file: str) -> ProcessIdentity:
        """The process of a pid file, as `Machine` promises."""
        if sys.platform != "linux":
            raise Rejected("faults on processes need Linux; run a worker there and give the step its site")
        process = running_process(Path(pid_file))
        found = kernel.stat_of(process.pid) if process is not None else None
        if process is None or found is None:
            raise Rejected(f"the process of {pid_file} is not running", RejectionKind.CONFLICT)
        return ProcessIdentity(pid=process.pid, started=found[1])

    def with_children(self, process: ProcessIdentity) -> tuple[ProcessIdentity, ...]:
        """It and what descends from it, as `Machine` promises."""
        family = [process]
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                found = kernel.stat_of(child.pid)
                if found is not None:
                    family.append(ProcessIdentity(pid=child.pid, started=found[1]))
        return tuple(family)

    def state(self, process: ProcessIdentity) -> str | None:
        """Its state, as `Machine` promises."""
        found = kernel.stat_of(process.pid)
        return found[0] if found is not None and found[1] == process.started else None

    def signal(self, process: ProcessIdentity, name: str) -> bool:
        """Signal it, as `Machine` promises."""
        try:
            return kernel.signal_process(process.pid, process.started, name)
        except PermissionError:
            raise Rejected(f"this worker may not signal process {process.pid}", RejectionKind.FORBIDDEN) from None

    def may_signal(self, process: ProcessIdentity) -> bool:
        """Whether it may be signalled, as `Machine` promises."""
        try:
            os.kill(process.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return True

    def variable(self, process: ProcessIdentity, name: str) -> str | None:
        """Its environment, as `Machine` promises."""
        try:
            environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        except OSError:
            return None
        for entry in environment.split(b"\0"):
            if entry.startswith(f"{name}=".encode()):
                return entry.partition(b"=")[2].decode(errors="replace")
        return None

    def hostname(self) -> str:
        """Its name, as `Machine` promises."""
        return socket.gethostname()

    def program(self, name: str) -> str | None:
        """Where it is, as `Machine` promises."""
        return shutil.which(name, path=_SYSTEM_PATH)

    def processors(self) -> int:
        """How many, as `Machine` promises."""
        return psutil.cpu_count() or 1

    def busy_seconds(self) -> float:
        """Used up, as `Machine` promises."""
        times = psutil.cpu_times()
        return float(times.user + times.system + times.nice)

    def available_memory(self) -> int:
        """Left, as `Machine` promises."""
        return int(psutil.virtual_memory().available)

    def resident_bytes(self, pids: Iterable[int]) -> int:
        """Held, as `Machine` promises."""
        held = 0
        for pid in pids:
            with suppress(psutil.NoSuchProcess):
                held += psutil.Process(pid).memory_info().rss
        return held
