"""Leases as files in `actions.lease_folder`, each with a watchdog of its own; implements `Leases`.

Everything durable is done by `lease_watchdog.py`, as a program, also when the worker itself reverts: both ways out go
by the same file and none of them needs the other. The one thing to know: the kernel's lock on a lease's `.guard` file
says whether its watchdog lives, whatever the file says.
"""

import asyncio
import hashlib
import os
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from activities.clients import kernel, lease_files
from activities.leases import Lease, LeaseOrder, LeaseState, LeaseStatus, Residue, RevertedBy
from activities.ports import ConfigurationSource
from domain.errors import HotwashError, NeedsHuman, Rejected, RejectionKind, Transient

_WATCHDOG = str(Path(__file__).with_name("lease_watchdog.py"))
_LEASHED = str(Path(__file__).with_name("leashed.py"))
# The worker's own environment holds credentials that are none of anybody's business, and /proc shows it.
_CLEAN_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
# A Python without site packages starts in some 20 ms; a machine under a CPU fault takes longer.
_START_SECONDS = 10.0
# The longest recipe is a program of 20 s or two, and a daemon that starts.
_REVERT_SECONDS = 120.0
# A lease and its outcome are some kilobytes; a folder with less room than this is as good as full.
_ROOM_BYTES = 256 * 1024
# What was reverted is kept for as long as people look into a drill.
_KEPT = timedelta(days=7)


class FileLeases:
    """Implements `Leases`."""

    def __init__(self, configuration: ConfigurationSource) -> None:
        self._configuration = configuration

    async def open(self, order: LeaseOrder) -> Lease:
        """Register and have it watched, as `Leases` promises."""
        return await asyncio.to_thread(self._open, order)

    async def find(self, key: str) -> Lease | None:
        """The lease, as `Leases` promises."""
        return await asyncio.to_thread(self._find, key)

    async def begin(self, key: str) -> datetime:
        """Note when the harm began, as `Leases` promises."""
        return await asyncio.to_thread(lease_files.write_since, self._file(key))

    async def began(self, key: str) -> datetime | None:
        """When that was, as `Leases` promises."""
        return await asyncio.to_thread(lease_files.read_since, self._file(key))

    async def renew(self, key: str) -> LeaseState:
        """Hold it longer, as `Leases` promises."""
        return await asyncio.to_thread(self._renew, key)

    async def release(self, key: str, by: RevertedBy = RevertedBy.UNDO, *, again: bool = False) -> Lease:
        """Carry out its recipe, as `Leases` promises."""
        return await asyncio.to_thread(self._release, key, by, again=again)

    def identity_file(self, key: str) -> str:
        """Who was started, as `Leases` promises."""
        return str(lease_files.beside(self._file(key), ".process"))

    async def start(self, key: str, argv: tuple[str, ...], environment: dict[str, str] | None = None) -> None:
        """Start the process that is the fault, as `Leases` promises."""
        await asyncio.to_thread(self._start, key, argv, environment or {})

    async def started(self, key: str) -> list[int]:
        """Its pids, as `Leases` promises."""
        identity = kernel.read_identity(Path(self.identity_file(key)))
        if identity is None:
            return []
        return [pid for pid, _ in await asyncio.to_thread(kernel.session_of, *identity)]

    async def leftovers(self) -> list[Residue]:
        """What a sweep would take up, as `Leases` promises."""
        return await asyncio.to_thread(lambda: [found for file in self._files() for found in _left_over(file)])

    async def sweep(self) -> list[Residue]:
        """Take it up, as `Leases` promises."""
        return await asyncio.to_thread(self._sweep)

    # --- the same, in a thread ---

    def _open(self, order: LeaseOrder) -> Lease:
        file = self._file(order.key)
        try:
            _make_folder(file.parent)
            with lease_files.locked(file) as alone:
                if not alone:
                    raise Transient(f"the lease of {order.action} is being changed by somebody else")
                if file.exists():
                    existing = _lease(file, lease_files.read_lease(file))
                else:
                    existing = None
                    _demand_room(file.parent)
                    _write_new(file, order)
        except OSError as error:
            raise _unusable(file.parent, error) from None
        if existing is not None and existing.status is not LeaseStatus.HELD:
            return existing
        document = lease_files.read_lease(file)
        if order.recipe:
            _demand_watchdog(file)
        if existing is None:
            # What the start of the watchdog took is not to be missing from the first lease time.
            self._prolong(file, document, kernel.boot_seconds())
        return _lease(file, lease_files.read_lease(file))

    def _find(self, key: str) -> Lease | None:
        file = self._file(key)
        try:
            return _lease(file, lease_files.read_lease(file))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise NeedsHuman(
                f"{file} cannot be read ({type(error).__name__}); look whether its fault is gone"
            ) from None

    def _renew(self, key: str) -> LeaseState:
        file = self._file(key)
        lease = self._find(key)
        if lease is None:
            return LeaseState(state="lost", detail="this machine holds no lease of that fault")
        document = lease_files.read_lease(file)
        # As it is written: a lease whose time is over counts as being reverted before anybody has said so.
        if document["state"] == LeaseStatus.HELD:
            now = kernel.boot_seconds()
            if document["boot"] == kernel.boot_id() and now < min(lease_files.read_beat(file), document["ends_at"]):
                return self._prolong(file, document, now)
            if not _is_watched(file):
                # It is over, and nobody was there to end it.
                over = RevertedBy.DURATION if now >= document["ends_at"] else RevertedBy.LEASE
                with suppress(Transient):
                    lease = self._release(key, over)
        return _over(lease)

    def _prolong(self, file: Path, document: dict[str, Any], now: float) -> LeaseState:
        try:
            lease_files.write_beat(file, min(now + document["lease_seconds"], document["ends_at"]))
            if document["recipe"] and not _is_watched(file):
                _demand_watchdog(file)
        except (OSError, HotwashError) as error:
            why = error.sentence if isinstance(error, HotwashError) else error.strerror
            return LeaseState(state="lost", detail=f"the lease could not be renewed: {why}")
        left = document["ends_at"] - now
        return LeaseState(state="held", detail=f"it stays for {left:.0f} s at most")

    def _release(self, key: str, by: RevertedBy, *, again: bool = False) -> Lease:
        file = self._file(key)
        if self._find(key) is None and not self._close_for_good(file, key, by):
            # The folder is not there or cannot be written to: then nothing can have been leased, nor will be.
            return Lease(key=key, action="", what="", status=LeaseStatus.REVERTED, facts={}, by=by)
        what = "revert-again" if again else "revert"
        ended = _program(_WATCHDOG, what, str(file), by.value, seconds=_REVERT_SECONDS)
        lease = self._find(key)
        if lease is None or ended.returncode != 0 or lease.status is not LeaseStatus.REVERTED:
            words = ended.stderr.decode(errors="replace").strip() or "; ".join(lease.notes if lease else ())
            raise Transient(f"the fault is not reverted: {words[-500:]}")
        return lease

    def _close_for_good(self, file: Path, key: str, by: RevertedBy) -> bool:
        """A lease that was never opened is written down as over, so that a late injection is refused."""
        with suppress(OSError):
            _make_folder(file.parent)
            with lease_files.locked(file):
                if not file.exists():
                    closed = {**_document(key), "state": "reverted", "by": by.value, "at": _now()}
                    lease_files.write_lease(file, closed)
            return True
        return False

    def _start(self, key: str, argv: tuple[str, ...], environment: dict[str, str]) -> None:
        file, identity = self._file(key), self.identity_file(key)
        with lease_files.locked(file):
            known = kernel.read_identity(Path(identity))
            if known is not None and kernel.session_of(*known):
                return
            ended = _program(_LEASHED, str(file), identity, *argv, seconds=_START_SECONDS, environment=environment)
        if ended.returncode != 0:
            words = ended.stderr.decode(errors="replace").strip()
            raise Rejected(f"{argv[0]} cannot be started: {words[-500:]}", RejectionKind.CONFLICT)

    def _sweep(self) -> list[Residue]:
        residues = []
        for file in self._files():
            residues += [self._taken_up(file, found) for found in _left_over(file)]
            _forget_if_old(file)
        return residues

    def _taken_up(self, file: Path, found: Residue) -> Residue:
        try:
            if found.is_clean:
                # Somebody still renews it: their fault, with a new watchdog.
                _demand_watchdog(file)
                return found.model_copy(update={"detail": "its watchdog had died; it has a new one"})
            if not _is_ours(file):
                return found
            lease = self._release(found.key, RevertedBy.SWEEP)
        except HotwashError as error:
            return found.model_copy(update={"is_clean": False, "detail": f"{error.sentence}; look at the target"})
        detail = "; ".join(lease.notes) or "there was nothing to do"
        return found.model_copy(update={"is_clean": True, "detail": detail, "by": lease.by, "at": lease.at})

    def _file(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()[:24]
        return Path(self._configuration.current().actions.lease_folder) / f"{name}.json"

    def _files(self) -> list[Path]:
        return sorted(Path(self._configuration.current().actions.lease_folder).glob("*.json"))


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _demand_room(folder: Path) -> None:
    if shutil.disk_usage(folder).free < _ROOM_BYTES:
        raise Rejected(
            f"the disk of {folder} is full, so that no way back could be written down; nothing was injected. Make room "
            "or set actions.lease_folder in hotwash.yaml",
            RejectionKind.CONFLICT,
        )


def _unusable(folder: Path, error: OSError) -> Rejected:
    return Rejected(
        f"no way back could be written down in {folder} ({error.strerror}); nothing was injected. Make it writable for "
        "the worker or set actions.lease_folder in hotwash.yaml",
        RejectionKind.CONFLICT,
    )


def _document(key: str) -> dict[str, Any]:
    """A lease about nothing."""
    return {
        "format": 1,
        "key": key,
        "action": "",
        "what": "",
        "host": socket.gethostname(),
        "boot": kernel.boot_id(),
        "recipe": [],
        "lease_seconds": 0.0,
        "ends_at": 0.0,
        "facts": {},
        "opened_at": _now(),
        "watchdog": None,
        "state": "held",
        "by": None,
        "at": None,
        "notes": [],
    }


def _write_new(file: Path, order: LeaseOrder) -> None:
    now = kernel.boot_seconds()
    lease, ends_at = order.lease.total_seconds(), now + order.duration.total_seconds()
    document = {
        **_document(order.key),
        "action": order.action,
        "what": order.what,
        "recipe": order.model_dump(mode="json")["recipe"],
        "lease_seconds": lease,
        "ends_at": ends_at,
        "facts": order.facts,
    }
    # The beat first: a lease without one would be over.
    lease_files.write_beat(file, min(now + lease, ends_at))
    lease_files.write_lease(file, document)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _lease(file: Path, document: dict[str, Any]) -> Lease:
    status = LeaseStatus(document["state"])
    if status is LeaseStatus.HELD and _is_over(file, document):
        # Its watchdog is about to revert it, or nobody is: it counts as held by nobody either way.
        status = LeaseStatus.REVERTING
    return Lease(
        key=document["key"],
        action=document["action"],
        what=document["what"],
        status=status,
        facts=document["facts"],
        by=document["by"],
        at=document["at"],
        notes=tuple(document["notes"]),
    )


def _is_over(file: Path, document: dict[str, Any]) -> bool:
    ends_at: float = min(lease_files.read_beat(file), document["ends_at"])
    return document["boot"] != kernel.boot_id() or kernel.boot_seconds() >= ends_at


def _is_ours(file: Path) -> bool:
    """Whether this machine can revert it."""
    try:
        return bool(lease_files.read_lease(file)["host"] == socket.gethostname())
    except (OSError, ValueError, KeyError):
        return False


def _over(lease: Lease) -> LeaseState:
    if lease.status is LeaseStatus.FAILED:
        detail = f"its revert has failed so far: {'; '.join(lease.notes)}"
        return LeaseState(state="lost", detail=detail, by=lease.by, at=lease.at)
    by = lease.by or RevertedBy.LEASE
    return LeaseState(state="reverted", detail="; ".join(lease.notes), by=by, at=lease.at)


def _is_watched(file: Path) -> bool:
    try:
        held = lease_files.guard(file)
    except OSError:
        return False
    if held is None:
        return True
    os.close(held)
    return False


def _demand_watchdog(file: Path) -> None:
    """See a watchdog at work; without one the lease is closed again, for then nothing would end the fault."""
    try:
        ended = _program(_WATCHDOG, "watch", str(file), seconds=_START_SECONDS)
        words = "" if ended.returncode == 0 else ended.stderr.decode(errors="replace").strip()[-500:] or "it ended"
    except subprocess.TimeoutExpired:
        words = f"it did not start within {_START_SECONDS:g} s"
    if words:
        with suppress(OSError, ValueError):
            lease_files.write_beat(file, 0.0)
        raise Rejected(f"no watchdog could be started for the lease in {file.parent}: {words}", RejectionKind.CONFLICT)


def _program(
    script: str, *arguments: str, seconds: float, environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(  # noqa: S603 - our own scripts, no shell
        [sys.executable, "-I", "-S", script, *arguments],
        env=_CLEAN_ENVIRONMENT | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=seconds,
        # A signal for the worker's group (Ctrl-C) is none for the revert.
        start_new_session=True,
        check=False,
    )


def _left_over(file: Path) -> list[Residue]:
    """One residue, or none. `is_clean` here: it is still renewed, and only its watchdog has died."""
    try:
        document = lease_files.read_lease(file)
        state = document["state"]
    except (OSError, ValueError, KeyError):
        detail = f"{file} cannot be read; look whether its fault is gone and remove the file"
        return [Residue(key=file.stem, action="", what="a lease that cannot be read", is_clean=False, detail=detail)]
    if state == "reverted" or _is_watched(file):
        return []
    found = Residue(
        key=document["key"], action=document["action"], what=document["what"], is_clean=False, detail="", by=None
    )
    if document["host"] != socket.gethostname():
        detail = f"it was injected by {document['host']}: only a worker there can revert it"
        return [found.model_copy(update={"detail": detail})]
    is_over = state != "held" or _is_over(file, document)
    if not is_over and not document["recipe"]:
        # Needs no watchdog, and its owner still renews it.
        return []
    detail = "nobody watches it any more" if is_over else "it is still renewed, but nobody watches it"
    return [found.model_copy(update={"is_clean": not is_over, "detail": detail})]


def _forget_if_old(file: Path) -> None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        document = lease_files.read_lease(file)
        if document["state"] == "reverted" and datetime.now(UTC) - datetime.fromisoformat(document["at"]) > _KEPT:
            for suffix in (".beat", ".guard", ".lock", ".process", ".since", ".json"):
                lease_files.beside(file, suffix).unlink(missing_ok=True)
