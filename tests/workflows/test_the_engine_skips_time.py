"""The test engine itself: what all other workflow tests rely on."""

from datetime import timedelta
from uuid import uuid4

from temporalio import workflow
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.support.engine import working


@workflow.defn
class WaitsForAPerson:
    """Waits for a person, an hour at most."""

    def __init__(self) -> None:
        self._answer = "nobody"

    @workflow.run
    async def run(self) -> str:
        """Who answered."""
        try:
            await workflow.wait_condition(lambda: self._answer != "nobody", timeout=timedelta(hours=1))
        except TimeoutError:
            return "nobody"
        return self._answer

    @workflow.signal
    def answer(self, who: str) -> None:
        """Somebody answers."""
        self._answer = who


async def test_a_deadline_is_reached_at_once_when_nothing_is_told(client: Client, task_queue: str):
    """A workflow started with skipping on runs straight into its deadline."""
    async with working(client, task_queue, workflows=[WaitsForAPerson], activities=[]):
        assert (
            await client.execute_workflow(WaitsForAPerson.run, id=f"t/{uuid4().hex}", task_queue=task_queue) == "nobody"
        )


async def test_a_waiting_workflow_is_driven_by_hand(env: WorkflowEnvironment, client: Client, task_queue: str):
    """Started with skipping disabled, it waits in the middle of its hour for what the test does."""
    async with working(client, task_queue, workflows=[WaitsForAPerson], activities=[]):
        with env.with_time_skipping_disabled():
            handle = await client.start_workflow(WaitsForAPerson.run, id=f"t/{uuid4().hex}", task_queue=task_queue)
        await env.fast_forward(handle, timedelta(minutes=59))
        await handle.signal(WaitsForAPerson.answer, "bo")
        assert await handle.result() == "bo"
