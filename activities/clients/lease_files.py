"""The files of one lease: what it says, until when it is held, who changes it, who watches it; stdlib only.

Called by `leases.py` (the worker's side) and `lease_watchdog.py` (the target's side), which share nothing else. The one
thing to know: a lease file is only ever replaced whole, and a renewal never touches it.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# A change of a lease takes milliseconds. Who holds the lock for longer was stopped in the middle, and reverting twice
# does no harm, while not reverting does.
_LOCK_SECONDS = 2.0

Document = dict[str, Any]


def beside(lease: Path, suffix: str) -> Path:
    """The lease's other files: `.beat` (until when), `.lock` (who changes it), `.guard` (who watches it)."""
    return lease.with_suffix(suffix)


def read_lease(lease: Path) -> Document:
    """The lease file."""
    document: Document = json.loads(lease.read_text())
    return document


def write_lease(lease: Path, document: Document) -> None:
    """Replace it whole: after a power cut it holds the old text or the new one."""
    new = lease.with_name(f"{lease.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(json.dumps(document, indent=1))
            file.flush()
            os.fsync(file.fileno())
        new.replace(lease)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    folder = os.open(lease.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_since(lease: Path) -> datetime:
    """When the harm began: now, unless it is noted already. A full disk forgets it and hinders nobody."""
    now = datetime.now(UTC)
    # Linked into place whole: whoever reads it finds all of it or nothing.
    new = lease.with_name(f"{lease.name}.{os.getpid()}.since")
    with contextlib.suppress(OSError):
        new.write_text(now.isoformat())
        with contextlib.suppress(FileExistsError):
            beside(lease, ".since").hardlink_to(new)
    with contextlib.suppress(OSError):
        new.unlink()
    return read_since(lease) or now


def read_since(lease: Path) -> datetime | None:
    """When that was."""
    try:
        return datetime.fromisoformat(beside(lease, ".since").read_text())
    except (OSError, ValueError):
        return None


def read_beat(lease: Path) -> float:
    """Until when the lease is held, in seconds since boot; 0 when nobody can tell."""
    try:
        return float(beside(lease, ".beat").read_text())
    except (OSError, ValueError):
        return 0.0


def write_beat(lease: Path, until: float) -> None:
    """Renew: always the same 24 bytes in their place, so that it works on a full disk."""
    descriptor = os.open(beside(lease, ".beat"), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(descriptor, f"{until:023.6f}\n".encode(), 0)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(lease: Path, seconds: float = _LOCK_SECONDS) -> Iterator[bool]:
    """Keep others from changing the lease; goes on without (False) when somebody does not let go of it."""
    try:
        descriptor = os.open(beside(lease, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield False
        return
    try:
        yield _flocked(descriptor, seconds)
    finally:
        os.close(descriptor)


def _flocked(descriptor: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.01)
        else:
            return True


def guard(lease: Path) -> int | None:
    """Become the only watchdog of a lease; None when it has one. The kernel lets go when the holder dies."""
    descriptor = os.open(beside(lease, ".guard"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if _flocked(descriptor, 0):
        return descriptor
    os.close(descriptor)
    return None
