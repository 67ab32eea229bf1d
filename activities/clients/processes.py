"""Processes that write their pid into a file: finding the right one, telling it to reload, ending it on purpose.

The one thing to know: a pid is reused by the kernel, so a process that started after the file was written is not the
one that the file speaks of, and is never touched.
"""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import psutil

from activities.actions.ports import KilledProcess
from activities.clients.journal import Journal
from domain.errors import Rejected, RejectionKind, Transient
from domain.model import Model

# The kernel counts a process's start in ticks of 10 ms from boot; a clock that is set aside moves it by some more.
_START_SLACK_SECONDS = 2.0
# A process that does not go within this hangs in the kernel, or (TERM) does not want to. Also how long one kill waits
# for another one of the same process.
_GONE_WITHIN_SECONDS = 5.0
_POLL_SECONDS = 0.02


class PidFileProcesses:
    """Implements `Processes`; the journal stands beside the pid file."""

    def __init__(self, gone_within_seconds: float = _GONE_WITHIN_SECONDS) -> None:
        self._gone_within_seconds = gone_within_seconds

    async def running(self, pid_file: str) -> int:
        """Its pid, as `Processes` promises."""
        return _demand_running(pid_file).pid

    async def kill(self, pid_file: str, name: Literal["KILL", "TERM"], key: str, pid: int) -> KilledProcess:
        """End it, as `Processes` promises."""
        path = Path(pid_file)
        journal = _journal(path)
        async with journal.alone(pid_file, 2 * _GONE_WITHIN_SECONDS):
            entry = journal.entry(key)
            if entry is None:
                process = _demand_running(pid_file)
                if process.pid != pid:
                    sentence = f"the process of {pid_file} is {process.pid} by now and not {pid}; nothing was ended"
                    raise Rejected(sentence, RejectionKind.CONFLICT)
                entry = {"pid": process.pid, "started": process.create_time(), "signal": name}
                journal.put(key, entry)
            # On a second attempt: the process of the first one, never its successor.
            await _end(entry, pid_file, self._gone_within_seconds)
        return KilledProcess(pid=entry["pid"], signal=entry["signal"])

    async def killed(self, pid_file: str, key: str) -> KilledProcess | None:
        """What this key ended, as `Processes` promises."""
        journal = _journal(Path(pid_file))
        async with journal.alone(pid_file, 2 * _GONE_WITHIN_SECONDS):
            entry = journal.entry(key)
        if entry is None or _alive(entry):
            return None
        return KilledProcess(pid=entry["pid"], signal=entry["signal"])


class ProcessIdentity(Model):
    """One process for ever: pids are used again, start times are not."""

    pid: int
    started: float


def running_identity(pid_file: Path) -> ProcessIdentity | None:
    """Who wrote the file, None when it has ended; Rejected when the file cannot be believed."""
    process = running_process(pid_file)
    try:
        return None if process is None else ProcessIdentity(pid=process.pid, started=process.create_time())
    except psutil.NoSuchProcess:
        return None


def running_process(pid_file: Path) -> psutil.Process | None:
    """The process that wrote the file, None when it has ended; Rejected when the file cannot be believed."""
    try:
        written = pid_file.stat().st_mtime
        pid = int(pid_file.read_text().strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise Rejected(f"{pid_file} holds no process id; let the supervisor write it anew") from None
    if pid <= 1 or pid in _ourselves():
        raise Rejected(f"{pid_file} names process {pid}, which Hotwash does not touch", RejectionKind.FORBIDDEN)
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if process.create_time() > written + _START_SLACK_SECONDS:
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def _demand_running(pid_file: str) -> psutil.Process:
    process = running_process(Path(pid_file))
    if process is None:
        raise Rejected(f"the process of {pid_file} is not running", RejectionKind.CONFLICT)
    return process


def reload(pid_file: Path) -> bool:
    """Send SIGHUP to the process of the file; False when it is not running, for its supervisor starts it anew."""
    process = running_process(pid_file)
    if process is None:
        return False
    try:
        process.send_signal(signal.SIGHUP)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        raise Rejected(f"this worker may not signal the process of {pid_file}", RejectionKind.FORBIDDEN) from None
    return True


def _journal(pid_file: Path) -> Journal:
    return Journal(pid_file.with_name(pid_file.name + ".hotwash.json"))


def _ourselves() -> set[int]:
    return {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}


def _alive(entry: dict[str, Any]) -> bool:
    try:
        process = psutil.Process(int(entry["pid"]))
        return process.create_time() == entry["started"] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def _end(entry: dict[str, Any], pid_file: str, seconds: float) -> None:
    if not _alive(entry):
        return
    try:
        # psutil looks again whether the pid is still the same process.
        with suppress(psutil.NoSuchProcess):
            psutil.Process(int(entry["pid"])).send_signal(signal.Signals[f"SIG{entry['signal']}"])
    except psutil.AccessDenied:
        raise Rejected(f"this worker may not end the process of {pid_file}", RejectionKind.FORBIDDEN) from None
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            # Not our child: the kernel tells nobody but its parent.
            while _alive(entry):  # noqa: ASYNC110
                await asyncio.sleep(_POLL_SECONDS)
            return
    raise Transient(f"the process of {pid_file} still runs after SIG{entry['signal']}")
