"""What Linux says of time and processes; stdlib only, for the programs that revert faults use it too.

The one thing to know: a process is its pid and its start in ticks since boot. The number alone is somebody else's as
soon as it is free again.
"""

import contextlib
import os
import signal
import time
from pathlib import Path


def boot_seconds() -> float:
    """Seconds since boot, sleep included: nobody can set this clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def boot_id() -> str:
    """This boot of this kernel; after the next one no pid and no second counts any more."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return "unknown"


def stat_of(pid: int) -> tuple[str, int] | None:
    """The state and the start of a process in ticks since boot; None when there is none, or only its remains."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in brackets may hold spaces and brackets of its own.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else (fields[0], int(fields[19]))


def is_the_same(pid: int, started: int) -> bool:
    """Whether this very process still lives."""
    found = stat_of(pid)
    return found is not None and found[1] == started


def signal_process(pid: int, started: int, name: str) -> bool:
    """Signal this very process; False when it is gone, or its number is somebody else's by now."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        # Looked at after it is held: a number that was given away in between shows another start.
        if not is_the_same(pid, started):
            return False
        signal.pidfd_send_signal(handle, signal.Signals[f"SIG{name}"])
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def read_identity(file: Path) -> tuple[int, int] | None:
    """The process that `leashed.py` became; None when there is none of this boot."""
    try:
        pid, started, boot = file.read_text().split()
    except (OSError, ValueError):
        return None
    return (int(pid), int(started)) if boot == boot_id() else None


def session_of(leader: int, started: int) -> list[tuple[int, int]]:
    """A leashed process and the living processes of the session that it leads, each with its start."""
    leads = is_the_same(leader, started)
    members = []
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        with contextlib.suppress(OSError):
            found = stat_of(pid)
            # Without its leader a session is known by the mark alone: the leader's number may be somebody else's.
            if found is not None and os.getsid(pid) == leader and (leads or _has_mark(folder, leader, started)):
                members.append((pid, found[1]))
    return members


def _has_mark(process: Path, leader: int, started: int) -> bool:
    return f"HOTWASH_LEASHED={leader}.{started}".encode() in (process / "environ").read_bytes().split(b"\0")
