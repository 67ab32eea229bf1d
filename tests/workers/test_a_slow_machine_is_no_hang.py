"""A workflow whose machine is starved for some seconds goes on; the SDK as it comes takes it for one that hangs."""

import time
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.support.engine import real_time_engine
from workers.patience import patient

# Longer than the SDK waits (2 s), shorter than a task of the engine lasts (10 s).
STARVED_SECONDS = 3.0


@workflow.defn
class Starved:
    """Once, its thread is not given the processor."""

    @workflow.run
    async def run(self) -> str:
        """Replayed it is as quick as ever."""
        if not workflow.unsafe.is_replaying():
            time.sleep(STARVED_SECONDS)  # noqa: ASYNC251 - what a starved machine does to it
        return "done"


@pytest.mark.parametrize("is_patient", [True, False], ids=["patient", "as it comes"])
async def test_a_workflow_is_not_interrupted_because_its_machine_is_slow(is_patient: bool) -> None:
    """No task of it fails. The other case shows why this is needed; when that one fails, the SDK has changed."""
    async with real_time_engine() as environment:
        failed = await failed_tasks(environment, is_patient=is_patient)
    assert bool(failed) is not is_patient, failed


async def failed_tasks(environment: WorkflowEnvironment, *, is_patient: bool) -> list[str]:
    """Why tasks of it have failed until it was done, or until the first has."""
    worker = Worker(
        environment.client, task_queue="starved", workflows=[Starved], workflow_runner=UnsandboxedWorkflowRunner()
    )
    async with patient(worker) if is_patient else worker:
        handle = await environment.client.start_workflow(Starved.run, id=f"starved/{uuid4().hex}", task_queue="starved")
        async for event in handle.fetch_history_events(wait_new_event=True):
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                return [event.workflow_task_failed_event_attributes.failure.message]
        assert await handle.result() == "done"
    return []
