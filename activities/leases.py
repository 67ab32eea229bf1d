"""What a lease of a fault is: how the target side reverts the fault by itself when nobody renews it.

Used by `activities/fault.py` and every fault; `activities/clients/leases.py` keeps them in files. The one thing to
know: a recipe is plain data and holds no secret, for a program that knows nothing else carries it out
(`clients/lease_watchdog.py`), and every step of it may be carried out twice, or when the fault never came about.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field

from domain.model import Model


class Signal(Model):
    """Signal one very process."""

    do: Literal["signal"] = "signal"
    pid: int = Field(gt=1)
    # In ticks since boot (`/proc/PID/stat`): a number that was given to another process is never signalled.
    started: int
    signal: Literal["CONT", "TERM", "KILL", "HUP"] = "CONT"


class End(Model):
    """End a process that was begun by `Leases.start`, and its children: SIGTERM, then SIGKILL."""

    do: Literal["end"] = "end"
    identity_file: str
    # Between SIGTERM and SIGKILL.
    seconds: float = Field(default=1.0, gt=0, le=100)
    # SIGTERM to the process itself only, which ends its children in its own order.
    leader_first: bool = False


class Run(Model):
    """Run a program; exit code 0 is success."""

    do: Literal["run"] = "run"
    argv: tuple[str, ...] = Field(min_length=1)
    seconds: float = Field(default=20.0, gt=0)
    directory: str | None = None
    environment: dict[str, str] = Field(default_factory=dict)
    # Not needed while the process that wrote this pid file lives.
    unless_running: str | None = None
    # A failure whose output holds one of these is fine as well: `No such file or directory` of a table that is gone.
    fine_if_says: tuple[str, ...] = ()


class Write(Model):
    """Write a text into a file in its place, as the kernel's own files want it. A file that is gone is left alone."""

    do: Literal["write"] = "write"
    path: str
    text: str
    # What the file must show afterwards, without surrounding white space.
    shows: str | None = None
    # Make the file when it is not there.
    create: bool = False


class Remove(Model):
    """Remove a file."""

    do: Literal["remove"] = "remove"
    path: str


class Restore(Model):
    """Put the copy that was made before the fault back in its place."""

    do: Literal["restore"] = "restore"
    path: str
    # In the same folder; made with `Leases`' helper `back_up`, whole or not at all.
    backup: str


class LeaveCgroup(Model):
    """Move every process of a cgroup to another one, and remove it."""

    do: Literal["leave_cgroup"] = "leave_cgroup"
    folder: str
    home: str


class Http(Model):
    """One HTTP request without credentials."""

    do: Literal["http"] = "http"
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    url: str
    # JSON.
    body: str | None = None
    accepted: tuple[int, ...] = (200, 201, 202, 204)


class Say(Model):
    """One line to a socket: an absolute path, or `HOST:PORT`."""

    do: Literal["say"] = "say"
    address: str
    line: str
    # Success is an answer that holds this; None: any answer that holds none of `refused`.
    wanted: str | None = None
    refused: tuple[str, ...] = ()
    # Nobody listens there: whoever did the harm is gone, and the harm with it.
    gone_is_fine: bool = False


Reversal = Annotated[
    Signal | End | Run | Write | Remove | Restore | LeaveCgroup | Http | Say, Field(discriminator="do")
]
# Carried out in this order, each whether or not the others succeed.
Recipe = tuple[Reversal, ...]


class RevertedBy(StrEnum):
    """Who ended a fault."""

    # The workflow, or a person through it.
    UNDO = "undo"
    # Nobody renewed it in time.
    LEASE = "lease"
    # It had lasted as long as it may.
    DURATION = "duration"
    # A worker that started found it left over.
    SWEEP = "sweep"


class LeaseOrder(Model):
    """What is leased."""

    # The step's key: `call.performed_key`.
    key: str
    action: str
    # A sentence for people who find it left over.
    what: str
    # Empty: the target needs nobody to come back (its supervisor does it).
    recipe: Recipe = ()
    # Renewed for less than this, it is reverted.
    lease: timedelta
    # The longest that it stays, renewed or not.
    duration: timedelta
    # What the action knows of its target, for its check and its undo; no secret.
    facts: dict[str, Any] = Field(default_factory=dict)


class LeaseStatus(StrEnum):
    """How far a lease is."""

    HELD = "held"
    # Somebody is at it, or died over it.
    REVERTING = "reverting"
    REVERTED = "reverted"
    # A step of the recipe did not succeed; it will be tried again.
    FAILED = "failed"


class Lease(Model):
    """A lease as it is on the target side."""

    key: str
    action: str
    what: str
    status: LeaseStatus
    facts: dict[str, Any]
    by: RevertedBy | None = None
    at: datetime | None = None
    # What each step of the recipe came to.
    notes: tuple[str, ...] = ()


class LeaseState(Model):
    """What a renewal found."""

    # lost: there is no such lease here, or nobody can promise that it ends by itself.
    state: Literal["held", "reverted", "lost"]
    detail: str
    by: RevertedBy | None = None
    at: datetime | None = None


class Residue(Model):
    """A fault that was found left over."""

    key: str
    action: str
    what: str
    # Whether it is gone now. False: `detail` says what a person has to look at.
    is_clean: bool
    detail: str
    by: RevertedBy | None = None
    at: datetime | None = None


class Leases(Protocol):
    """The leases of this machine. All survive kill -9 of everybody; a change of the clock moves none."""

    async def open(self, order: LeaseOrder) -> Lease:
        """Register the way back durably and have it watched; the same key again: the lease as it is.

        Rejected, with nothing held, when the folder cannot be written to or no watchdog can be started.
        """

    async def find(self, key: str) -> Lease | None:
        """The lease of a key; None when there never was one."""

    async def begin(self, key: str) -> datetime:
        """Note that the harm begins now, and return when it first did; told again by `began`."""

    async def began(self, key: str) -> datetime | None:
        """When the harm first began; None when it never did, or nobody could note it."""

    async def renew(self, key: str) -> LeaseState:
        """Hold it for another lease time. A watchdog that has died is replaced."""

    async def release(self, key: str, by: RevertedBy = RevertedBy.UNDO, *, again: bool = False) -> Lease:
        """Carry out the recipe now, once; `again`: even when it was. Transient when a step fails.

        A key that was never opened is closed for good, so that a fault which arrives late finds itself undone.
        """

    def identity_file(self, key: str) -> str:
        """Where `start` writes who it has started; for `End`."""

    async def start(self, key: str, argv: tuple[str, ...], environment: dict[str, str] | None = None) -> None:
        """Start a process that is the fault, under a held lease whose recipe ends it. Once per key.

        Rejected when it cannot start, or the lease is over.
        """

    async def started(self, key: str) -> list[int]:
        """The pids of that process and its children; empty when none lives."""

    async def leftovers(self) -> list[Residue]:
        """What a sweep would take up. Changes nothing."""

    async def sweep(self) -> list[Residue]:
        """Revert what is left over without a watchdog, and give those that are still renewed a new one."""
