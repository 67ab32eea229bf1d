"""How the API talks to Temporal: ask, command, start; each with a limit, and with domain errors only.

Used by `api/reading.py` and `api/acting.py`. The one thing to know: the SDK tries again for ten seconds when the engine
is away, so every call here has a limit of its own, and a caller hears "not now" instead of hanging.
"""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import Enum
from typing import Any

from pydantic import BaseModel
from temporalio.client import Client, WorkflowHandle, WorkflowQueryRejectedError
from temporalio.common import QueryRejectCondition, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.errors import NO_WORKER, engine_errors
from domain.errors import Rejected, RejectionKind, Transient
from workflows.options import CONTROL_QUEUE

# A page must not wait longer for a worker; a query takes about 10 ms when all is well (temporal.md).
QUERY_TIMEOUT = timedelta(seconds=2)
# A start takes about 5 ms.
START_TIMEOUT = timedelta(seconds=5)
# An update answers in about 15 ms; a worker that is being restarted needs some seconds.
UPDATE_TIMEOUT = timedelta(seconds=10)
# An update that arrives in the very moment in which its workflow continues as new is turned away untouched
# (FAILED_PRECONDITION); the next run takes it after some tens of milliseconds.
_TURNED_AWAY_TIMES = 5
_TURNED_AWAY_PAUSE = timedelta(milliseconds=50)
# Where a workflow keeps the digest of the idempotency key that it was started with.
KEY_MEMO = "idempotency_key"


class Owner(Enum):
    """Whose a workflow id is, after somebody wanted it."""

    # Started now.
    NEW = "new"
    # Started before with the same key.
    SAME = "same"
    # Somebody else's.
    OTHER = "other"
    # Nobody's; it was only looked at.
    NOBODY = "nobody"


def key_mark(scope: str, key: str) -> str:
    """What is kept of an idempotency key: a digest, with the caller in it, so that two callers' keys never meet."""
    return hashlib.sha256(f"{scope}\0{key}".encode()).hexdigest()


# The engine answered the call and nobody answered the question; how it says so depends on whose clock ran out first.
_LATE = frozenset({RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED})


class Engine:
    """A thin layer on the SDK's client, which may be lazy."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def ask(self, workflow_id: str, query: str, subject: str, *about: str, only_open: bool = False) -> Any:
        """The answer of a workflow, open or ended, as JSON values. Rejected (not found) or Transient."""
        handle = self.client.get_workflow_handle(workflow_id)
        late = f"no worker has answered about {subject} in time; try again in a few seconds"
        condition = QueryRejectCondition.NOT_OPEN if only_open else None
        async with _limited(subject, QUERY_TIMEOUT, late=late):
            try:
                return await handle.query(query, args=about, rpc_timeout=QUERY_TIMEOUT, reject_condition=condition)
            except WorkflowQueryRejectedError as error:
                raise Rejected(f"{subject} has ended", RejectionKind.NOT_FOUND) from error

    async def command(self, workflow_id: str, name: str, command: BaseModel, subject: str, mark: str | None) -> Any:
        """Send an Update and return its answer as JSON values.

        With a mark (see `key_mark`) a repeated call is the same Update. Rejected with the workflow's sentence; one
        that has ended is a conflict. Transient: it is not known whether it took effect.
        """
        handle = self.client.get_workflow_handle(workflow_id)
        update_id = hashlib.sha256(f"{mark}\0{name}".encode()).hexdigest() if mark else str(uuid.uuid4())
        try:
            async with _limited(subject, UPDATE_TIMEOUT, late=NO_WORKER):
                return await _updated(handle, name, command, update_id)
        except Rejected as error:
            # The engine says "not found" of a workflow that has ended, too; the workflow's own word has another cause.
            if isinstance(error.__cause__, RPCError) and await self.memo_of(workflow_id, subject) is not None:
                raise Rejected(f"{subject} has ended; it takes no more commands", RejectionKind.CONFLICT) from error
            raise

    async def memo_of(self, workflow_id: str, subject: str) -> dict[str, Any] | None:
        """The memo of a workflow, open or ended; None when the engine knows none of that id."""
        async with _limited(subject, START_TIMEOUT):
            try:
                description = await self.client.get_workflow_handle(workflow_id).describe(rpc_timeout=START_TIMEOUT)
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return None
                raise
            return dict(await description.memo())

    async def claim(
        self, workflow: str, workflow_id: str, start: BaseModel, subject: str, *, mark: str | None, may_start: bool
    ) -> Owner:
        """Start a workflow under an id that is given away only once, or say whose the id is."""
        if may_start:
            async with _limited(subject, START_TIMEOUT):
                try:
                    await self.client.start_workflow(
                        workflow,
                        start,
                        id=workflow_id,
                        task_queue=CONTROL_QUEUE,
                        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                        memo={KEY_MEMO: mark} if mark else None,
                        rpc_timeout=START_TIMEOUT,
                    )
                except WorkflowAlreadyStartedError:
                    pass
                else:
                    return Owner.NEW
        memo = await self.memo_of(workflow_id, subject)
        if memo is None:
            return Owner.NOBODY
        return Owner.SAME if mark is not None and memo.get(KEY_MEMO) == mark else Owner.OTHER


async def _updated(handle: WorkflowHandle[Any, Any], name: str, command: BaseModel, update_id: str) -> Any:
    """The answer of an Update; the same one again, by its id, when a workflow that continues as new turns it away."""
    for _ in range(_TURNED_AWAY_TIMES):
        try:
            return await handle.execute_update(name, command, id=update_id, rpc_timeout=UPDATE_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                raise
        await asyncio.sleep(_TURNED_AWAY_PAUSE.total_seconds())
    return await handle.execute_update(name, command, id=update_id, rpc_timeout=UPDATE_TIMEOUT)


@asynccontextmanager
async def _limited(subject: str, limit: timedelta, late: str | None = None) -> AsyncIterator[None]:
    """Domain errors only, and within the limit for all of the SDK's attempts together."""
    with engine_errors(subject):
        try:
            # Half a second more than the engine is given, so that its own words come first.
            async with asyncio.timeout(limit.total_seconds() + 0.5):
                yield
        except (TimeoutError, RPCError) as error:
            if late is None or (isinstance(error, RPCError) and error.status not in _LATE):
                raise
            raise Transient(late) from error
