"""A small file beside a target that remembers, by idempotency key, what was done to it.

Used by `releases.py` and `processes.py`, whose targets know nothing of keys. It is written before the effect and after,
each time through to the disk, so that whoever comes after a crash can tell how far it got.
"""

import asyncio
import fcntl
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from domain.errors import NeedsHuman, Rejected, Transient

# A retry comes within days; this many effects on one target last for months.
_MOST_ENTRIES = 500
_POLL_SECONDS = 0.02


class Journal:
    """Entries by key. Everything but `alone` must be called inside `alone`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @asynccontextmanager
    async def alone(self, what: str, seconds: float) -> AsyncIterator[None]:
        """Keep every other process and task away from the target; Transient when it stays busy for that long."""
        descriptor = _open_lock(self._path.with_name(self._path.name + ".lock"))
        try:
            await _lock(descriptor, what, seconds)
            yield
        finally:
            os.close(descriptor)

    def entry(self, key: str) -> dict[str, Any] | None:
        """What is remembered of a key."""
        return self._entries().get(key)

    def put(self, key: str, entry: dict[str, Any]) -> None:
        """Remember; returns when it is on the disk."""
        entries = self._entries()
        entries.pop(key, None)
        entries[key] = entry
        newest = dict(list(entries.items())[-_MOST_ENTRIES:])
        write_durably(self._path, json.dumps(newest, indent=1))

    def _entries(self) -> dict[str, dict[str, Any]]:
        try:
            entries: dict[str, dict[str, Any]] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise NeedsHuman(f"{self._path} cannot be read ({type(error).__name__}); mend it or move it away") from None
        return entries


def write_durably(path: Path, text: str, mode: int | None = None) -> None:
    """Replace a file whole: after a power cut it holds the old text or the new one. `mode`: who may read it."""
    beside = path.with_name(path.name + ".new")
    with beside.open("w") as file:
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """See a rename inside a folder through to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Rejected(f"{path.parent} cannot be written to: {error.strerror}") from None


async def _lock(descriptor: int, what: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            # The kernel lets go of it when the process dies, however it dies.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise Transient(f"{what} is being changed by somebody else; nothing was done") from None
            await asyncio.sleep(_POLL_SECONDS)
        else:
            return
