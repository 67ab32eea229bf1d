"""Reverts a fault whose lease nobody renews: a program of its own that needs nothing but Python's standard library.

`python lease_watchdog.py watch LEASE_FILE` forks, returns 0 once the lease is guarded, and lives in a session of its
own until the fault is reverted; `… revert LEASE_FILE BY` does the same at once. Started by `leases.py`, before the
fault. The one thing to know: it is the second way out, so it takes nothing from the first but the lease file. It
survives kill -9 of worker, API and engine, goes by the time since boot (no change of the clock moves it), keeps the
recipe in memory should the file be lost, and never signals a process whose start time is not the one it was told.
"""

import contextlib
import os
import select
import signal
import sys
import time
from pathlib import Path

# Started without site packages, so that nothing of theirs can keep it from starting. Last, so that it hides nothing.
sys.path.append(str(Path(__file__).parents[2]))

from activities.clients.kernel import boot_id, boot_seconds, stat_of
from activities.clients.lease_files import Document, guard, locked, read_beat, read_lease, write_lease
from activities.clients.lease_reversals import reason_of, revert, try_to_write

# How late a revert may be, at most.
_POLL_SECONDS = 0.1
# A revert that failed is tried again after 0.5 s, 1 s, … 10 s, for ten minutes; then a person or the sweep is next.
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_GIVE_UP_AFTER_SECONDS = 600.0
_TOLD_TO_END = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def watch(lease: Path) -> None:
    """Fork; return once the child guards the lease. It ends when the fault is reverted."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        # The child's word closes the pipe; any text in it is the reason why there is no guard.
        with os.fdopen(reading) as words:
            sys.exit(words.read() or 0)
    os.close(reading)
    os.setsid()
    told = _listen_for_the_end()
    try:
        held = guard(lease)
        document = read_lease(lease)
        if held is not None:
            _note_watchdog(lease, document)
            _protect_ourselves()
    except (OSError, ValueError) as error:
        os.write(writing, f"the lease cannot be guarded: {reason_of(error)}".encode())
        os._exit(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.close(writing)
    if held is not None:
        # No folder of a target is kept busy.
        os.chdir("/")
        _revert_when_due(lease, document, told)


def _listen_for_the_end() -> int:
    """A descriptor that becomes readable when somebody wants the watchdog to end, as systemd does with a service."""
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    for number in _TOLD_TO_END:
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _note_watchdog(lease: Path, document: Document) -> None:
    found = stat_of(os.getpid())
    with locked(lease):
        document = read_lease(lease)
        write_lease(lease, {**document, "watchdog": [os.getpid(), found[1] if found else 0]})


def _protect_ourselves() -> None:
    # The fault may be a machine without memory or processor time; both need privileges, neither is needed here.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("-1000")
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)


def _revert_when_due(lease: Path, memory: Document, told: int) -> None:
    by = _wait_until_due(lease, memory, told)
    if by is None:
        return
    pause, end = _FIRST_PAUSE_SECONDS, boot_seconds() + _GIVE_UP_AFTER_SECONDS
    ended = revert(lease, by, memory)
    while not (ended["state"] == "reverted" and _is_written(lease)) and boot_seconds() < end:
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        if ended["state"] == "reverted":
            # The disk was full: only the word of it is missing.
            try_to_write(lease, ended)
        else:
            ended = revert(lease, by, memory)


def _wait_until_due(lease: Path, memory: Document, told: int) -> str | None:
    """Who reverts: `lease` or `duration`; None: somebody else has done it."""
    while True:
        try:
            if read_lease(lease)["state"] == "reverted":
                return None
        except FileNotFoundError:
            # Nobody can renew what is not there.
            return "lease"
        except (OSError, ValueError):
            pass
        now, until = boot_seconds(), read_beat(lease)
        if now >= memory["ends_at"]:
            return "duration"
        if now >= until or boot_id() != memory["boot"]:
            return "lease"
        if select.select([told], [], [], min(_POLL_SECONDS, until - now))[0]:
            return "lease"


def _is_written(lease: Path) -> bool:
    try:
        return bool(read_lease(lease)["state"] == "reverted")
    except (OSError, ValueError):
        # The file was taken away: the fault is reverted, and there is nobody to tell.
        return not lease.exists() and not lease.parent.exists()


def main(what: str, lease: str, by: str = "sweep") -> None:
    """The command line: exit code 0, or a sentence on standard error."""
    if what == "watch":
        watch(Path(lease))
        return
    ended = revert(Path(lease), by, again=what == "revert-again")
    if ended["state"] != "reverted":
        sys.exit("; ".join(ended["notes"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
