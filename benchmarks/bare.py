"""The floor: the same engine with workflows and activities that do nothing. `python -m benchmarks.bare ADDRESS`.

Two queues in one process, as a Hotwash worker has them, so that a bare activity crosses a queue like a step does.
"""

import asyncio
import sys
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import Worker

BARE_QUEUE = "bare"
BARE_STEPS_QUEUE = "bare-steps"
_ONCE = RetryPolicy(maximum_attempts=1)


@activity.defn(name="bare")
async def bare(number: int) -> int:
    """Nothing."""
    return number


@workflow.defn
class BareNothing:
    """Starts and ends."""

    @workflow.run
    async def run(self) -> None:
        """Nothing."""


@workflow.defn
class BareActivities:
    """So many activities, one after the other, on a queue of their own."""

    @workflow.run
    async def run(self, count: int) -> float:
        """The seconds they took, by the engine's clock."""
        began = workflow.now()
        for number in range(count):
            await workflow.execute_activity(
                bare, number, task_queue=BARE_STEPS_QUEUE, start_to_close_timeout=timedelta(seconds=30),
                heartbeat_timeout=timedelta(seconds=10), retry_policy=_ONCE,
            )  # fmt: skip
        return (workflow.now() - began).total_seconds()


@workflow.defn
class BareReminder:
    """Waits until its time and calls one activity."""

    @workflow.run
    async def run(self, at: str) -> float:
        """How late it woke, in seconds."""
        planned = datetime.fromisoformat(at)
        await asyncio.sleep(max((planned - workflow.now()).total_seconds(), 0))
        late = (workflow.now() - planned).total_seconds()
        await workflow.execute_activity(bare, 0, start_to_close_timeout=timedelta(seconds=30), retry_policy=_ONCE)
        return late


@workflow.defn
class BareInbox:
    """Takes signals and does nothing about them."""

    @workflow.run
    async def run(self) -> None:
        """Until the end of the benchmark."""
        await workflow.wait_condition(lambda: False)

    @workflow.signal
    async def receive(self, _batch: dict[str, Any]) -> None:
        """Nothing."""


async def main(address: str) -> None:
    """Serve both queues until the process is ended."""
    client = await Client.connect(address)
    control = Worker(
        client,
        task_queue=BARE_QUEUE,
        workflows=[BareNothing, BareActivities, BareReminder, BareInbox],
        activities=[bare],
    )
    steps = Worker(client, task_queue=BARE_STEPS_QUEUE, activities=[bare])
    async with control, steps:
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
