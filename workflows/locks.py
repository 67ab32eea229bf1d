"""Asking for resources, keeping them and giving them back: what one workflow knows of its locks.

Used by runs (`workflows/steps/locking.py`) and game days (`workflows/game_days/locking.py`), which hand in what the
locks tell them by the signal `observe_lock`. The one thing to know: the locks are workflows of their own
(`workflows/resource_lock.py`); an answer comes as a signal, never as the result of asking.
"""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError

from domain.ids import lock_workflow_id
from domain.lock import AcquireLock, HeldLocks, LockCommand, LockStart, ReleaseLock, RenewLock
from domain.run import ObserveLock
from domain.timeline import Actor

# A lease is renewed so often while it lasts: two renewals may get lost.
_RENEWALS = 3


class LockDesk:
    """What one workflow has, and has asked for."""

    def __init__(self, me: Actor, carried: HeldLocks | None = None) -> None:
        self._me = me
        known = carried or HeldLocks()
        # Resource to fencing number.
        self.held: dict[str, int] = dict(known.held)
        # Everything that was asked for and not given back.
        self.claimed: dict[str, timedelta] = dict(known.claimed)
        # Who has what is waited for.
        self.held_by: dict[str, str] = {}
        # Several at a time are taken in the order of their names, or two could each have half.
        self.taking = asyncio.Lock()

    def observe(self, news: ObserveLock) -> None:
        """A lock has spoken."""
        if news.fencing is not None and news.resource in self.claimed:
            self.held[news.resource] = news.fencing
            self.held_by.pop(news.resource, None)
        elif news.held_by is not None:
            self.held_by[news.resource] = news.held_by
        elif news.lost:
            self.held.pop(news.resource, None)

    def is_answered(self, name: str) -> bool:
        """Whether it is known who has it."""
        return name in self.held or name in self.held_by

    async def ask(self, name: str, lease: timedelta, *, queue: bool) -> None:
        """Ask for one, which may not be there yet, or may end at this moment; asking again is asking once."""
        self.claimed[name] = lease
        self.held_by.pop(name, None)
        claim = AcquireLock(by=self._me, holder=workflow.info().workflow_id, lease=lease, queue=queue)
        while not await _signal(name, claim):
            try:
                await workflow.start_child_workflow(
                    "ResourceLock",
                    LockStart(resource=name),
                    id=lock_workflow_id(name),
                    parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                )
            except WorkflowAlreadyStartedError:
                continue

    async def let_go(self, name: str) -> None:
        """Give one back, or stop waiting for it; one that has ended needs no telling."""
        await _signal(name, ReleaseLock(by=self._me, holder=workflow.info().workflow_id))
        self.claimed.pop(name, None)
        self.held.pop(name, None)

    async def give_back(self) -> None:
        """Let go of whatever was asked for."""
        for name in sorted(self.claimed):
            await self.let_go(name)

    async def keep_renewing(self) -> None:
        """Say from time to time that the holder is alive; start it once as a task."""
        while True:
            await workflow.wait_condition(lambda: bool(self.held))
            await asyncio.sleep(min(self.claimed.values()).total_seconds() / _RENEWALS)
            for name in sorted(self.held):
                await _signal(name, RenewLock(by=self._me, holder=workflow.info().workflow_id))

    def carry(self) -> HeldLocks:
        """For continue-as-new."""
        return HeldLocks(held=dict(self.held), claimed=dict(self.claimed))


async def _signal(name: str, command: LockCommand) -> bool:
    words = {AcquireLock: "acquire", RenewLock: "renew", ReleaseLock: "release"}
    try:
        await workflow.get_external_workflow_handle(lock_workflow_id(name)).signal(words[type(command)], command)
    except FailureError:
        return False
    return True
