"""Daemons by their pid files: started so that they outlive the worker, stopped until they are gone.

Implements `Daemons`. What is to be done is written into the journal beside the pid file before it is done, so that a
repetition carries on with the process that the first attempt meant.
"""

import asyncio
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from activities.actions.daemon import DaemonChange
from activities.actions.ports import Program, ProgramRunner
from activities.clients.journal import Journal
from activities.clients.processes import ProcessIdentity, running_identity
from domain.action_targets import Daemon
from domain.errors import NeedsHuman, Rejected, RejectionKind, Transient
from domain.model import Model

_DETACH = str(Path(__file__).with_name("detach.py"))
_ASK_SECONDS = 5.0
_POLL_SECONDS = 0.02
# After SIGKILL only a process that hangs in the kernel stays.
_KILLED_WITHIN_SECONDS = 5.0
_SHOWN_OF_A_LOG = 500


class _Deed(Model):
    """What a key is about, as the journal remembers it."""

    previous: ProcessIdentity | None
    current: ProcessIdentity | None = None
    done: bool = False

    def change(self) -> DaemonChange:
        return DaemonChange(
            previous=self.previous.pid if self.previous else None,
            current=self.current.pid if self.current else None,
            started=self.current.started if self.current else None,
        )


class PidFileDaemons:
    """Implements `Daemons`."""

    def __init__(self, programs: ProgramRunner) -> None:
        self._programs = programs

    async def start(self, daemon: Daemon, key: str, seconds: float) -> DaemonChange:
        """See it running, as `Daemons` promises."""
        journal, until = _journal(daemon), time.monotonic() + seconds
        async with journal.alone(daemon.pid_file, seconds):
            deed = _remembered(journal, key)
            if deed is not None and deed.done:
                return deed.change()
            now = _running(daemon)
            if deed is None and now is not None:
                return _remember(journal, key, _Deed(previous=now, current=now, done=True))
            _demand_startable(daemon)
            _remember(journal, key, _Deed(previous=None))
            # Begun before and running now: that was us, for the lock keeps everybody else away.
            begun = now or await self._begin(daemon, key, until)
            await _settle(daemon, begun)
            return _remember(journal, key, _Deed(previous=None, current=begun, done=True))

    async def stop(self, daemon: Daemon, key: str, seconds: float, *, force: bool) -> DaemonChange:
        """See it gone, as `Daemons` promises."""
        journal, until = _journal(daemon), time.monotonic() + seconds
        async with journal.alone(daemon.pid_file, seconds):
            deed = _remembered(journal, key) or _Deed(previous=_running(daemon))
            if deed.done:
                return deed.change()
            if deed.previous is not None and not daemon.start:
                raise Rejected("its supervisor would start it again at once; stop it there", RejectionKind.CONFLICT)
            _remember(journal, key, deed)
            if deed.previous is not None:
                await self._end(daemon, deed.previous, until, force=force)
            return _remember(journal, key, deed.model_copy(update={"done": True}))

    async def restart(self, daemon: Daemon, key: str, seconds: float, *, force: bool) -> DaemonChange:
        """End it and see another one, as `Daemons` promises."""
        journal, until = _journal(daemon), time.monotonic() + seconds
        async with journal.alone(daemon.pid_file, seconds):
            deed = _remembered(journal, key) or _Deed(previous=_running(daemon))
            if deed.done:
                return deed.change()
            _remember(journal, key, deed)
            if deed.previous is not None:
                await self._end(daemon, deed.previous, until, force=force)
            now = _running(daemon)
            if now is None and daemon.start:
                now = await self._begin(daemon, key, until)
            elif now is None:
                now = await _appears(daemon, until)
            await _settle(daemon, now)
            return _remember(journal, key, deed.model_copy(update={"current": now, "done": True}))

    async def undo_start(
        self, daemon: Daemon, key: str, performed: DaemonChange | None, seconds: float
    ) -> DaemonChange:
        """End what the key has started, as `Daemons` promises."""
        journal, until = _journal(daemon), time.monotonic() + seconds
        async with journal.alone(daemon.pid_file, seconds):
            undo_key = f"{key}/undo"
            undone = _remembered(journal, undo_key)
            if undone is not None and undone.done:
                return undone.change()
            started = undone.previous if undone else _started_by(_remembered(journal, key), performed, daemon)
            deed = _Deed(previous=started)
            _remember(journal, undo_key, deed)
            if started is not None:
                await self._end(daemon, started, until, force=False)
            return _remember(journal, undo_key, deed.model_copy(update={"done": True}))

    async def undo_stop(self, daemon: Daemon, key: str, performed: DaemonChange | None, seconds: float) -> DaemonChange:
        """Start what the key has ended, as `Daemons` promises."""
        journal, until = _journal(daemon), time.monotonic() + seconds
        async with journal.alone(daemon.pid_file, seconds):
            undo_key = f"{key}/undo"
            undone = _remembered(journal, undo_key)
            if undone is not None and undone.done:
                return undone.change()
            stopped = _remembered(journal, key)
            was_running = stopped.previous is not None if stopped else bool(performed and performed.previous)
            now = _running(daemon)
            if not was_running or (now is not None and undone is None):
                return _remember(journal, undo_key, _Deed(previous=now, current=now, done=True))
            _remember(journal, undo_key, _Deed(previous=None))
            begun = now or await self._begin(daemon, undo_key, until)
            await _settle(daemon, begun)
            return _remember(journal, undo_key, _Deed(previous=None, current=begun, done=True))

    async def changed(self, daemon: Daemon, key: str) -> DaemonChange | None:
        """What a key has changed, as `Daemons` promises."""
        journal = _journal(daemon)
        async with journal.alone(daemon.pid_file, _ASK_SECONDS):
            deed = _remembered(journal, key)
        return deed.change() if deed is not None and deed.done else None

    async def _begin(self, daemon: Daemon, key: str, until: float) -> ProcessIdentity:
        """Start it and wait for its pid file."""
        argv = daemon.start
        if daemon.foreground:
            argv = (sys.executable, "-I", _DETACH, daemon.pid_file, daemon.log_file or "", *argv)
        seconds = max(0.1, until - time.monotonic())
        ended = await self._programs.run(
            Program(argv, daemon.directory, seconds, dict(daemon.environment) | {"HOTWASH_KEY": key})
        )
        if ended.exit_code != 0:
            how = f"exit code {ended.exit_code}" if ended.exit_code is not None else f"not ended in {seconds:g} s"
            raise Transient(f"{daemon.start[0]} could not be started ({how}): {ended.stderr[-500:].strip()}")
        if not daemon.foreground:
            return await _appears(daemon, until)
        # The pid file was there before the program: who is not running now has been.
        begun = _running(daemon)
        if begun is None:
            raise _ended_at_once(daemon)
        return begun

    async def _end(self, daemon: Daemon, process: ProcessIdentity, until: float, *, force: bool) -> None:
        if not _alive(process):
            return
        if daemon.stop:
            seconds = max(0.1, until - time.monotonic())
            ended = await self._programs.run(Program(daemon.stop, daemon.directory, seconds, daemon.environment))
            if ended.exit_code != 0 and not force:
                raise Transient(f"{daemon.stop[0]} failed ({ended.exit_code}): {ended.stderr[-500:].strip()}")
        else:
            _signal(daemon, process, signal.Signals[f"SIG{daemon.stop_signal}"])
        if await _gone(process, min(until, time.monotonic() + daemon.stop_within.total_seconds())):
            return
        if force:
            _signal(daemon, process, signal.SIGKILL)
            if await _gone(process, time.monotonic() + _KILLED_WITHIN_SECONDS):
                return
        raise Transient(
            f"the daemon of {daemon.pid_file} still runs as {process.pid}; set force to end it with SIGKILL"
        )


def _journal(daemon: Daemon) -> Journal:
    path = Path(daemon.pid_file)
    return Journal(path.with_name(path.name + ".hotwash.json"))


def _remembered(journal: Journal, key: str) -> _Deed | None:
    entry = journal.entry(key)
    return None if entry is None else _Deed.model_validate(entry)


def _remember(journal: Journal, key: str, deed: _Deed) -> DaemonChange:
    journal.put(key, deed.model_dump())
    return deed.change()


def _running(daemon: Daemon) -> ProcessIdentity | None:
    return running_identity(Path(daemon.pid_file))


def _alive(process: ProcessIdentity) -> bool:
    try:
        found = psutil.Process(process.pid)
        return found.create_time() == process.started and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _started_by(deed: _Deed | None, performed: DaemonChange | None, daemon: Daemon) -> ProcessIdentity | None:
    """The process that a start has started; None when it ran before, or nothing was started."""
    if deed is not None:
        # Begun and never finished: what runs now is what it began.
        current = deed.current if deed.done else _running(daemon)
        return None if deed.previous is not None else current
    if performed is None or performed.current is None or performed.previous is not None:
        return None
    if performed.started is None:
        raise NeedsHuman(f"nobody knows whether process {performed.current} is still the one that was started; look")
    return ProcessIdentity(pid=performed.current, started=performed.started)


def _demand_startable(daemon: Daemon) -> None:
    if not daemon.start:
        raise Rejected(
            f"the daemon of {daemon.pid_file} is started by its supervisor; restart it, or give it a 'start'",
            RejectionKind.CONFLICT,
        )


def _signal(daemon: Daemon, process: ProcessIdentity, number: signal.Signals) -> None:
    try:
        with suppress(psutil.NoSuchProcess):
            if _alive(process):
                psutil.Process(process.pid).send_signal(number)
    except psutil.AccessDenied:
        raise Rejected(f"this worker may not signal the daemon of {daemon.pid_file}", RejectionKind.FORBIDDEN) from None


async def _gone(process: ProcessIdentity, until: float) -> bool:
    # Not our child: the kernel tells nobody but its parent.
    while _alive(process):
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True


async def _appears(daemon: Daemon, until: float) -> ProcessIdentity:
    limit = min(until, time.monotonic() + daemon.start_within.total_seconds())
    while (found := _running(daemon)) is None:
        if time.monotonic() >= limit:
            raise Transient(f"no running process has written {daemon.pid_file}{_last_words(daemon)}")
        await asyncio.sleep(_POLL_SECONDS)
    return found


async def _settle(daemon: Daemon, process: ProcessIdentity) -> None:
    """See it live for a while: a daemon that cannot start mostly says so at once."""
    if await _gone(process, time.monotonic() + daemon.settled_after.total_seconds()):
        raise _ended_at_once(daemon)


def _ended_at_once(daemon: Daemon) -> Transient:
    return Transient(f"the daemon of {daemon.pid_file} ended right after its start{_last_words(daemon)}")


def _last_words(daemon: Daemon) -> str:
    if daemon.log_file is None:
        return ""
    with suppress(OSError):
        words = Path(daemon.log_file).read_bytes()[-_SHOWN_OF_A_LOG:].decode(errors="replace").strip()
        return f": {words}" if words else ""
    return ""
