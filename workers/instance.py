"""One `hotwash up` per home: the lock, what the running one says of itself, and what a killed one left behind."""

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from domain.errors import Rejected, RejectionKind
from runtime.home import Home

# A child that was left behind is asked to end; after this it is made to.
_LEFT_BEHIND_GRACE_SECONDS = 3.0
# psutil's creation times come from the same kernel counter but pass through a float.
_SAME_MOMENT_SECONDS = 0.01


@dataclass(frozen=True)
class Process:
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    started_at: float


@dataclass(frozen=True)
class Status:
    """What a running `hotwash up` says of itself in `up.json`."""

    pid: int
    url: str
    engine_address: str
    engine_ui: str | None
    started_at: float = field(default_factory=time.time)
    children: Mapping[str, Process] = field(default_factory=dict)


@contextmanager
def only_instance(home: Home) -> Iterator[None]:
    """Hold the home for as long as the block lasts; Rejected, naming the pid, when another one does.

    The kernel drops the lock with the process, however it ends.
    """
    lock = FileLock(home.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        status = read_status(home)
        who = f" (pid {status.pid}, {status.url})" if status else ""
        message = f"Hotwash is already running on {home.folder}{who}; stop it, or name another home with --home"
        raise Rejected(message, RejectionKind.CONFLICT) from None
    try:
        yield
    finally:
        lock.release()


def process_of(pid: int) -> Process | None:
    """The process that has this number now."""
    try:
        return Process(pid, psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def write_status(home: Home, status: Status) -> None:
    """Tell the command line and a later start who runs here and where; whole or not at all."""
    _write(home.status, json.dumps(asdict(status), indent=2) + "\n")
    _write(home.url, status.url + "\n")


def read_status(home: Home) -> Status | None:
    """What the last `hotwash up` said of itself; None when it said nothing that can be read."""
    try:
        found = json.loads(home.status.read_text())
        children = {name: Process(**child) for name, child in found.pop("children").items()}
        return Status(**found, children=children)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def forget_status(home: Home) -> None:
    """Nothing runs here any more."""
    home.status.unlink(missing_ok=True)
    home.url.unlink(missing_ok=True)


def end_left_behind(home: Home) -> list[str]:
    """End children of a killed `hotwash up` that still run; returns their names. Call it with the home held."""
    status = read_status(home)
    if status is None:
        return []
    left = {name: found for name, child in status.children.items() if (found := _still_running(child)) is not None}
    for process in left.values():
        process.terminate()
    _, stubborn = psutil.wait_procs(list(left.values()), timeout=_LEFT_BEHIND_GRACE_SECONDS)
    for process in stubborn:
        process.kill()
    psutil.wait_procs(stubborn, timeout=_LEFT_BEHIND_GRACE_SECONDS)
    forget_status(home)
    return sorted(left)


def demand_free_port(host: str, port: int, option: str) -> None:
    """Rejected, naming port and option, when somebody listens there or the address is not this machine's."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As servers do it: what is left of closed connections does not count, a listener does.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except socket.gaierror as error:
        message = f"{host!r} is no address of this machine; name another with --host"
        raise Rejected(message) from error
    except PermissionError as error:
        message = f"port {port} may not be used by this user; name another with {option}"
        raise Rejected(message) from error
    except OSError as error:
        message = f"port {port} on {host} is taken by another program; name another with {option}"
        raise Rejected(message, RejectionKind.CONFLICT) from error


def _still_running(child: Process) -> psutil.Process | None:
    try:
        process = psutil.Process(child.pid)
        is_same = abs(process.create_time() - child.started_at) < _SAME_MOMENT_SECONDS
        return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)
