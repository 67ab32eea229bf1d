"""The part of the actions' world that is broken on purpose; `World` of `action_world.py` holds one.

Everything here is real: the processes, the kernel's word about them, the leases and their watchdogs. A new fault gets
all laws (`tests/activities/test_the_laws_of_faults.py`) with one `FaultCase`.
"""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from activities.actions import BUILT_IN
from activities.actions.faults import FAULT_ACTIONS
from activities.actions.service_faults import SERVICE_FAULTS
from activities.clients import kernel, lease_reversals
from activities.fault import FaultAction
from domain.configuration import AllowedProgram
from domain.fault_targets import MEBIBYTE, Disk, NetworkPath, PressedHost, Resolver, ServedCertificate, ShiftableClock
from tests.support import netem_stand_in
from tests.support.fault_servers import FakeTimeServer, LittleProgram, TlsServer
from tests.support.little_wire import LittleWire

FAULTS = sorted(action.name for action in BUILT_IN if issubclass(action, FaultAction))

# Those that break the worker's own machine; their targets are made here.
HOST_FAULTS = sorted(action.name for action in FAULT_ACTIONS if action not in SERVICE_FAULTS)
# Faults that need root, or programs that pip cannot install: their laws are run by `make test-real`.
NEEDS = {
    "certificate.expire": "openssl",
    "clock.shift": "faketime",
    "dns.fail": "nft",
    "host.cpu": "stress-ng",
    "host.memory": "stress-ng",
    "network.delay": "tc",
    "network.drop": "nft",
    "network.reject": "nft",
    "process.cpu": "",
    "process.freeze": "",
    "process.memory": "",
}

# What `program.inject` may run.
FAULT_PROGRAMS = {
    "touch": AllowedProgram(program="/usr/bin/touch", arguments=((r"/[^\0]*",),)),
    "rm": AllowedProgram(program="/bin/rm", arguments=(("-f", r"/[^\0]*"),)),
    "test": AllowedProgram(program="/usr/bin/test", arguments=(("-e", r"/[^\0]*"),)),
}


@dataclass(frozen=True)
class FaultCase:
    """What a law asks of a fault."""

    parameters: dict[str, Any]
    # A list that grows with each effect; read from the target, not from the fault.
    effects: Callable[[], list[Any]]
    # What an undo must bring back; the same.
    state: Callable[[], Any]
    # Takes the effect away behind the fault's back, so that its proof must fail; None: that cannot be done.
    heal: Callable[[], None] | None = field(default=None)


def marked(names: list[str]) -> list[Any]:
    """Names of actions for `parametrize`: those in NEEDS are marked `real`."""
    return [pytest.param(name, marks=pytest.mark.real) if name in NEEDS else name for name in names]


def skip_without_needs(name: str) -> None:
    """Skip a test whose fault cannot work for want of root or a program; `make test-real` installs them."""
    if name not in NEEDS:
        return
    if os.getuid() != 0:
        pytest.skip(f"{name} needs root")
    if NEEDS[name] and shutil.which(NEEDS[name]) is None:
        pytest.skip(f"{name} needs {NEEDS[name]}: make test-real as root installs it")


class Faults:
    """Targets for faults, below one folder."""

    def __init__(self, folder: Path, start_victim: Callable[[], int], dead_victims: Callable[[], list[int]]) -> None:
        self.folder = folder
        self.lease_folder = folder / "leases"
        self.pid_file = folder / "victim.pid"
        self.disk = folder / "disk"
        self.disk.mkdir()
        # Connections are taken by the kernel; nobody needs to answer.
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._name_server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._name_server.bind(("127.0.0.1", 0))
        self._served: ServedCertificate | None = None
        self._clock: ShiftableClock | None = None
        self._wire: LittleWire | None = None
        self._programs: list[LittleProgram] = []
        self._start_victim = start_victim
        self._dead_victims = dead_victims

    def settings(self) -> dict[str, Any]:
        """What hotwash.yaml says of the targets."""
        return {
            "disks": {"scratch": Disk(folder=str(self.disk), keep_free_bytes=0)},
            "hosts": {"here": PressedHost(hostname=socket.gethostname(), most_cpus=1)},
            "networks": {
                "little": NetworkPath(address="127.0.0.1", port=self._listening.getsockname()[1]),
                **({"wire": self._path(self._wire)} if self._wire else {}),
            },
            "resolvers": {
                "little": Resolver(process="victim", address="127.0.0.1", port=self._name_server.getsockname()[1])
            },
            "certificates": {"tls": self._served} if self._served else {},
            "clocks": {"clock": self._clock} if self._clock else {},
            "lease_folder": str(self.lease_folder),
        }

    def case(self, name: str) -> FaultCase | None:
        """What to ask of a fault; makes its target."""
        cases: dict[str, Callable[[], FaultCase]] = {
            "chaostoolkit.run": self._toolkit,
            "certificate.expire": self._expire,
            "clock.shift": self._shift,
            "disk.fill": self._fill,
            "dns.fail": self._mute,
            "host.cpu": lambda: self._press({"percent": 50}),
            "host.memory": lambda: self._press({"take_bytes": 64 * MEBIBYTE}),
            "network.delay": self._delay,
            "network.drop": self._cut,
            "network.reject": self._cut,
            "process.cpu": lambda: self._cage({}),
            "process.freeze": lambda: self._cage({}),
            "process.kill": self._kill,
            "process.memory": lambda: self._cage({}),
            "process.pause": self._pause,
            "program.inject": self._program,
        }
        if name not in cases:
            return None
        skip_without_needs(name)
        return cases[name]()

    def _kill(self) -> FaultCase:
        self._start_victim()
        return FaultCase({"process": "victim", "restart": "victim"}, self._dead_victims, self.victim_runs)

    def _pause(self) -> FaultCase:
        pid = self._start_victim()
        return FaultCase(
            {"process": "victim", "duration": "1m"},
            lambda: [pid] * is_stopped(pid),
            lambda: is_stopped(pid),
            lambda: os.kill(pid, signal.SIGCONT),
        )

    def _fill(self) -> FaultCase:
        def files() -> list[int]:
            return [file.stat().st_size for file in self.disk.iterdir()]

        def empty() -> None:
            for file in self.disk.iterdir():
                file.unlink()

        return FaultCase({"disk": "scratch", "take_bytes": 8 * MEBIBYTE, "duration": "1m"}, files, files, empty)

    def _expire(self) -> FaultCase:
        server = TlsServer(self.folder / "tls")
        self._programs.append(server)
        self._served = ServedCertificate(
            certificate_file=str(server.certificate),
            key_file=str(server.key),
            reload=("/bin/kill", "-HUP", str(server.process.pid)),
            port=server.port,
        )
        original = server.certificate.read_text()

        def shown() -> list[str]:
            seen = ssl.get_server_certificate(("127.0.0.1", server.port)).strip()
            return [seen] if seen != original.strip() else []

        def renew() -> None:
            server.certificate.write_text(original)
            os.kill(server.process.pid, signal.SIGHUP)

        return FaultCase({"certificate": "tls", "duration": "1m"}, shown, shown, renew)

    def _shift(self) -> FaultCase:
        server = FakeTimeServer(self.folder / "clock")
        self._programs.append(server)
        self.pid_file.write_text(f"{server.process.pid}\n")
        url = f"http://127.0.0.1:{server.port}/"
        self._clock = ShiftableClock(process="victim", timestamp_file=str(server.file), url=url)

        def shift() -> list[int]:
            with urllib.request.urlopen(url) as answer:
                theirs = parsedate_to_datetime(answer.headers["Date"])
            hours = round((theirs - datetime.now(UTC)).total_seconds() / 3600)
            return [hours] if hours else []

        def set_right() -> None:
            server.file.write_text("+0\n")

        return FaultCase({"clock": "clock", "shift_seconds": -7200, "duration": "1m"}, shift, shift, set_right)

    def _mute(self) -> FaultCase:
        threading.Thread(target=_answer, args=(self._name_server,), daemon=True).start()
        caged = self._cage({})
        return replace(caged, parameters={"resolver": "little", "duration": "1m"})

    def _cage(self, more: dict[str, Any]) -> FaultCase:
        pid = self._start_victim()

        def cages() -> list[str]:
            lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
            return [line for line in lines if "hotwash-" in line]

        def free() -> None:
            for line in cages():
                _, names, path = line.split(":")
                folder = Path("/sys/fs/cgroup") / (names or "unified") / path[1:]
                for file in ("freezer.state", "cgroup.freeze"):
                    with suppress(OSError):
                        (folder / file).write_text("THAWED" if file == "freezer.state" else "0")
                (folder.parent / "cgroup.procs").write_text(str(pid))

        return FaultCase({"process": "victim", "duration": "1m", **more}, cages, cages, free)

    def _cut(self) -> FaultCase:
        mine = "tcp dport @ports"

        def tables() -> list[str]:
            port = str(self._listening.getsockname()[1])
            rules = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout
            return [part.split()[0] for part in rules.split("table inet ")[1:] if mine in part and port in part]

        def heal() -> None:
            for table in tables():
                subprocess.run(["nft", "flush", "table", "inet", table], check=True)

        return FaultCase({"network": "little", "duration": "1m"}, tables, tables, heal)

    def _delay(self) -> FaultCase:
        wire = self._wire = LittleWire()
        if not netem_stand_in.has_netem():
            netem_stand_in.install(self.folder / "stand-ins")
        parameters = {"network": "wire", "latency": "20ms", "jitter": "5ms", "loss_percent": 1.5, "duration": "1m"}
        return FaultCase(parameters, wire.roots, wire.roots, wire.clear)

    @staticmethod
    def _path(wire: LittleWire) -> NetworkPath:
        return NetworkPath(address=wire.address, port=wire.port, interface=wire.interface)

    def _press(self, more: dict[str, Any]) -> FaultCase:
        def running() -> list[int]:
            """The leashed program, by the file that it wrote before it began."""
            found = [kernel.read_identity(file) for file in self.lease_folder.glob("*.process")]
            return [identity[0] for identity in found if identity and kernel.is_the_same(*identity)]

        def end() -> None:
            for file in self.lease_folder.glob("*.process"):
                # It may fork while it is being ended.
                while family := kernel.session_of(*(kernel.read_identity(file) or (0, 0))):
                    for pid, started in family:
                        kernel.signal_process(pid, started, "KILL")

        return FaultCase({"host": "here", "duration": "1m", **more}, running, running, end)

    def _program(self) -> FaultCase:
        broken = self.folder / "broken"
        parameters = {
            "program": "touch", "arguments": [str(broken)],
            "revert_program": "rm", "revert_arguments": ["-f", str(broken)],
            "check_program": "test", "check_arguments": ["-e", str(broken)],
            "duration": "1m",
        }  # fmt: skip
        return FaultCase(parameters, lambda: [broken] * broken.exists(), broken.exists, broken.unlink)

    def _toolkit(self) -> FaultCase:
        broken = self.folder / "experiment-broken"
        (self.folder / "experiment.json").write_text(json.dumps(experiment(broken)))
        started = self.lease_folder.glob
        parameters = {"experiment": "breaks", "duration": "1m"}

        return FaultCase(parameters, lambda: list(started("*.process")), broken.exists)

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
        for program in self._programs:
            program.close()
        if self._wire is not None:
            self._wire.close()
        self._listening.close()
        self._name_server.close()
        # Some tests write a pid into the file that is nobody's to end.
        with suppress(OSError, ValueError):
            if Path(f"/proc/{self.victim_pid()}/cmdline").read_bytes().startswith(b"/bin/sleep"):
                os.kill(self.victim_pid(), signal.SIGKILL)


def experiment(broken: Path) -> dict[str, Any]:
    """Makes a file and waits; its rollback removes the file."""
    probe = {"type": "process", "path": "true"}
    return {
        "title": "A file is there",
        "description": "It is made and removed",
        "steady-state-hypothesis": {
            "title": "all is well",
            "probes": [{"type": "probe", "name": "well", "tolerance": 0, "provider": probe}],
        },
        "method": [
            {
                "type": "action",
                "name": "break",
                "provider": {"type": "process", "path": "touch", "arguments": [str(broken)]},
                "pauses": {"after": 60},
            }
        ],
        "rollbacks": [
            {
                "type": "action",
                "name": "mend",
                "provider": {"type": "process", "path": "rm", "arguments": ["-f", str(broken)]},
            }
        ],
    }


def _answer(server: socket.socket) -> None:
    """A name server that gives every question back as its own answer."""
    with suppress(OSError):
        while True:
            question, asker = server.recvfrom(512)
            server.sendto(question[:2] + b"\x81\x80" + question[4:], asker)


def is_stopped(pid: int) -> bool:
    """Whether the kernel says that a process is stopped, or will stop it when it is next to run."""
    # In this order: a signal is no longer pending a moment before the state says what it did.
    return _has_to_stop(pid) or _says_stopped(pid)


def _says_stopped(pid: int) -> bool:
    found = kernel.stat_of(pid)
    return found is not None and found[0] in "Tt"


def _has_to_stop(pid: int) -> bool:
    with suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        pending = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("SigPnd:", "ShdPnd:"))]
        return any(mask >> (signal.SIGSTOP - 1) & 1 for mask in pending)
    return False
