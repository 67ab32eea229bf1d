"""One change of a target at a time: the words for a resource that runs and game days take turns at.

`domain/lock_decisions.py` says who gets it; `workflows/resource_lock.py` holds it.
"""

from datetime import datetime, timedelta

from pydantic import Field

from domain.durations import Duration
from domain.model import Model
from domain.timeline import Actor


class Claim(Model):
    """Somebody wants it."""

    # The workflow that is told, and that renews and releases.
    holder: str
    by: Actor
    at: datetime
    lease: Duration


class Grant(Model):
    """Somebody has it."""

    claim: Claim
    # Higher than that of every grant before: a target that remembers it can refuse whoever lost the lock meanwhile.
    fencing: int
    since: datetime
    expires_at: datetime


class LockState(Model):
    """All that is known of a resource; its `view`."""

    resource: str
    grant: Grant | None = None
    # In the order in which they came.
    queue: tuple[Claim, ...] = ()
    # The number of the last grant.
    fencing: int = 0
    # Since when nobody has it and nobody wants it.
    idle_since: datetime | None = None


class LockStart(Model):
    """The input of the `ResourceLock` workflow."""

    resource: str
    # Carried by continue-as-new only.
    state: LockState | None = None


class HeldLocks(Model):
    """What one workflow has of locks; carried over continue-as-new."""

    # Resource to fencing number.
    held: dict[str, int] = Field(default_factory=dict)
    # Every resource that was asked for, held or not, and its lease: all are given back in the end.
    claimed: dict[str, Duration] = Field(default_factory=dict)


class LockCommand(Model):
    """Something that is asked of a lock."""

    by: Actor
    # The workflow for which it is asked.
    holder: str


class AcquireLock(LockCommand):
    """Give it to the holder, now or when it is free; asking again is asking once."""

    lease: Duration = timedelta(minutes=5)
    # False: do not wait in line, only tell who has it.
    queue: bool = True


class RenewLock(LockCommand):
    """The holder is alive."""


class ReleaseLock(LockCommand):
    """The holder needs it no more, or does not want to wait any longer."""


class BreakLock(LockCommand):
    """A person takes it from its holder, who is told."""

    reason: str


LOCK_COMMANDS: dict[str, type[LockCommand]] = {
    "acquire": AcquireLock,
    "renew": RenewLock,
    "release": ReleaseLock,
    "break": BreakLock,
}
