"""The numbers of `foreach`: a thousand items, fifty at a time, in a history that stays short."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from domain.record import ProjectionKind
from domain.run import RunState, RunStatus
from domain.timeline import EntryKind
from tests.support.engine import working
from tests.support.recording import Post, Record
from tests.support.runs import Runs
from tests.support.steps import World, fault
from workflows.options import STEPS_QUEUE
from workflows.resource_lock import ResourceLock
from workflows.runbook_run import RunbookRun

ITEMS = 1_000
TEXT = f"""
steps:
  - id: hosts
    foreach:
      items: {list(range(ITEMS))}
      as: host
      max_concurrency: 50
      max_errors: "1%"
      steps: [{{id: mend, action: do, with: {{host: "{{{{ host }}}}"}}}}]
"""
# Temporal warns at so many events in one life of a workflow.
WARNS_AT = 10_240


async def _lives(env: WorkflowEnvironment, handle: WorkflowHandle[RunbookRun, RunState]) -> list[int]:
    """How many events each life of a run has, in their order."""
    found = []
    async for each in env.client.list_workflows(f'WorkflowId="{handle.id}"'):
        life = env.client.get_workflow_handle(handle.id, run_id=each.run_id)
        events = (await life.fetch_history()).events
        found.append((events[0].event_time.ToNanoseconds(), len(events)))
    return [count for _, count in sorted(found)]


@pytest.mark.timeout(300)
async def test_a_thousand_items_take_less_than_ten_events_each(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """Every item once, no life of the run long enough for a warning, pictures and timeline as short as ever."""
    world = World()
    world.fails = {f"hosts.{index}.mend": [fault()] for index in (3, 500, 999)}
    activities = [*world.activities(), record.save, post.send]
    async with (
        working(env.client, task_queue, workflows=[RunbookRun, ResourceLock], activities=activities),
        working(env.client, STEPS_QUEUE, workflows=[], activities=world.activities()),
    ):
        runs = Runs(env, task_queue)
        handle = await runs.begin(TEXT, skipping=False)
        run = await asyncio.wait_for(handle.result(), timedelta(minutes=4).total_seconds())
        lives = await _lives(env, handle)
    assert run.status is RunStatus.SUCCEEDED, run.reason
    assert sorted(world.paths("do")) == sorted(f"hosts.{index}.mend" for index in range(ITEMS))
    assert len(world.effects) == ITEMS - 3
    counts = {name: run.steps[0].output[name] for name in ("total", "succeeded", "failed")}
    assert counts == {"total": ITEMS, "succeeded": ITEMS - 3, "failed": 3}
    assert len(lives) > 1, "continue-as-new was not exercised"
    assert max(lives) < WARNS_AT
    assert sum(lives) / ITEMS < 10, lives
    # Three failures and the loop itself; a picture holds at most what is under way.
    assert len(record.timeline(run.incident_id, EntryKind.STEP)) == 4
    pictures = [
        picture for batch in record.batches for picture in batch.projections if picture.kind is ProjectionKind.RUN
    ]
    assert max(len(picture.document["steps"]) for picture in pictures) <= 251
