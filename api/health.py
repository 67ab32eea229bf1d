"""Whether everything that is needed answers: engine, workers, store. Served by `/readyz`, asked by every page.

The one thing to know: the engine lists a poller for five minutes after its last poll, and a poll that finds nothing
lasts a minute; so a worker counts as there when it polled within the last 70 seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from api.errors import engine_errors
from domain.errors import HotwashError, Rejected, Transient
from domain.model import Model
from workflows.options import CONTROL_QUEUE, STEPS_QUEUE

# A probe asks every few seconds; a part that needs longer than this to say "here" is not ready.
_TIMEOUT = timedelta(seconds=2)
# A long poll of the engine lasts 60 s; ten more for the way.
_POLLED_WITHIN = timedelta(seconds=70)

_WORKFLOWS = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
# What must be polled so that an incident can be mitigated. Steps of other sites are their own affair.
_NEEDED = {
    "control worker": ((CONTROL_QUEUE, _WORKFLOWS), (CONTROL_QUEUE, _ACTIVITIES)),
    "steps worker": ((STEPS_QUEUE, _ACTIVITIES),),
}


class Part(Model):
    """One part of the whole."""

    name: str
    is_ready: bool
    # What is wrong and how to mend it; empty when ready.
    detail: str = ""


class Health:
    """Asks each part; nothing is remembered between two calls."""

    def __init__(self, engine: Client, demand_store: Callable[[], Awaitable[object]]) -> None:
        self._engine = engine
        self._demand_store = demand_store

    async def engine_answers(self) -> None:
        """Return when the engine answers; raise Transient otherwise."""
        with engine_errors("the engine"):
            async with asyncio.timeout(_TIMEOUT.total_seconds()):
                if not await self._engine.service_client.check_health(timeout=_TIMEOUT):
                    raise Transient("the engine is starting")

    async def parts(self) -> list[Part]:
        """Every part, asked at the same time."""
        checks = {
            "engine": self.engine_answers(),
            **{name: self._is_polled(queues) for name, queues in _NEEDED.items()},
            "store": self._store_answers(),
        }
        return list(await asyncio.gather(*(_part(name, check) for name, check in checks.items())))

    async def _store_answers(self) -> None:
        async with asyncio.timeout(_TIMEOUT.total_seconds()):
            await self._demand_store()

    async def _is_polled(self, queues: tuple[tuple[str, "TaskQueueType.ValueType"], ...]) -> None:
        for name, kind in queues:
            request = DescribeTaskQueueRequest(
                namespace=self._engine.namespace, task_queue=TaskQueue(name=name), task_queue_type=kind
            )
            with engine_errors(f"task queue {name}"):
                async with asyncio.timeout(_TIMEOUT.total_seconds()):
                    seen = await self._engine.workflow_service.describe_task_queue(request, timeout=_TIMEOUT)
            oldest = datetime.now(UTC) - _POLLED_WITHIN
            if not any(each.last_access_time.ToDatetime(tzinfo=UTC) > oldest for each in seen.pollers):
                raise Transient(f"no worker polls the queue {name!r}; start one with 'hotwash worker'")


async def _part(name: str, check: Awaitable[None]) -> Part:
    try:
        await check
    except Transient as error:
        return Part(name=name, is_ready=False, detail=error.sentence)
    except (HotwashError, TimeoutError) as error:
        sentence = error.sentence if isinstance(error, Rejected) else "it does not answer in time"
        return Part(name=name, is_ready=False, detail=sentence)
    return Part(name=name, is_ready=True)
