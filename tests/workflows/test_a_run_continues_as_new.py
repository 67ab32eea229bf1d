"""A run whose history grows too long continues as new between two pieces of work, and nobody can tell."""

import asyncio
from datetime import timedelta

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from domain.run import RunState, RunStatus, StepStatus
from tests.support.engine import time_skipping_engine, working
from tests.support.recording import Post, Record
from tests.support.steps import World, fault, start_of
from workflows.options import STEPS_QUEUE
from workflows.resource_lock import ResourceLock
from workflows.runbook_run import RunbookRun

# So few events that a run of some ten steps continues several times.
SHORT = "limit.historyCount.suggestContinueAsNew=25"
TEN = "\n".join(f"  - {{id: s{n}, action: do, with: {{n: '{{{{ {n} + 1 }}}}'}}}}" for n in range(10))
APPROVAL = "  - {id: yes, approval: {covers: [last], approvers: [sre], expires_after: 7d, remind_every: 1h}}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def short() -> WorkflowEnvironment:
    """An engine that suggests to continue as new very early."""
    async with time_skipping_engine(SHORT) as environment:
        yield environment


async def _lives(short: WorkflowEnvironment, handle: WorkflowHandle[RunbookRun, RunState]) -> int:
    count = 0
    async for _ in short.client.list_workflows(f'WorkflowId="{handle.id}"'):
        count += 1
    return count


async def _view(handle: WorkflowHandle[RunbookRun, RunState]) -> RunState:
    # The engine holds the first task of a new life back for up to a second when lives are this short.
    for _ in range(300):
        try:
            return await handle.query(RunbookRun.view)
        except RPCError as error:
            if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                raise
            await asyncio.sleep(0.02)
    pytest.fail("the run never came back")


async def test_every_step_runs_once_across_lives(
    short: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """Steps, a pending approval with its reminders, an order given ahead and the undo stack all come along."""
    world = World()
    text = f"timeout: 30d\nsteps:\n{TEN}\n{APPROVAL}\n  - {{id: last, action: do}}\n  - {{id: bad, action: do}}"
    world.fails = {"bad": [fault()]}
    activities = [*world.activities(), record.save, post.send]
    async with (
        working(short.client, task_queue, workflows=[RunbookRun], activities=activities, max_cached_workflows=0),
        working(short.client, STEPS_QUEUE, workflows=[], activities=world.activities()),
    ):
        with short.with_time_skipping_disabled():
            handle = await short.client.start_workflow(
                RunbookRun.run,
                start_of(text, id="inc-20261122-aaaa.mend.1", incident_id="inc-20261122-aaaa"),
                id="run/inc-20261122-aaaa/mend/1",
                task_queue=task_queue,
            )
        # It ends early when the run continues as new; any reminders beyond the first life will do.
        await short.fast_forward(handle, timedelta(days=2))
        latest = short.client.get_workflow_handle_for(RunbookRun.run, handle.id)
        run = await _view(latest)
        approval = await latest.query(RunbookRun.approval, f"{run.id}:yes")
        assert approval is not None
        ballot = {"approval_id": approval.id, "decision": "approve", "digest": approval.digest, "groups": ["sre"]}
        await latest.execute_update("decide", {"by": {"kind": "person", "name": "bob"}, **ballot}, result_type=dict)
        run = await handle.result()
        assert await _lives(short, handle) > 2
    names = [f"s{n}" for n in range(10)]
    assert world.paths("do") == [*names, "last", "bad"]
    assert world.paths("undo") == ["last", *names[::-1]]
    assert world.effects == []
    assert run.status is RunStatus.FAILED
    assert [step.status for step in run.steps[:10]] == [StepStatus.UNDONE] * 10
    # Each message once, whatever life it was sent in; the engine's skipping leaves an hour out here and there.
    reminders = sorted(int(message.key.rsplit("/", 1)[1]) for message in post.messages)
    assert reminders == sorted(set(reminders))
    assert len(reminders) > 5
    numbers = [entry.number for batch in record.batches for entry in batch.entries]
    assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))


BLOCKS = """
locks: {resources: ["service/{{ incident.id }}"]}
stop_conditions: [{id: errors, action: look, every: 1h}]
timeout: 30d
steps:
  - {id: first, action: do}
  - id: both
    parallel:
      branches:
        left:
          - id: each
            foreach:
              items: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
              max_concurrency: 3
              max_errors: 1
              steps:
                - {id: one, action: do, with: {n: "{{ item }}"}}
                - {id: two, action: do, with: {was: "{{ steps.one.output.n }}"}}
        right:
          - id: choose
            switch:
              cases: [{if: "{{ not run.drill }}", steps: [{id: c1, action: do}, {id: c2, action: do}]}]
          - {id: inner, runbook: {name: child, parameters: {n: "{{ steps.first.output.path }}"}}}
  - {id: bad, action: do}
"""
CHILD = """
schema_version: 1
name: child
title: The child
owner: sre
parameters: {n: {}}
steps:
  - {id: one, action: do, with: {n: "{{ params.n }}"}}
  - {id: two, action: do, with: {n: "{{ params.n }}", was: "{{ steps.one.output.n }}"}}
finally:
  - {id: end, action: do.plain, with: {n: "{{ params.n }}"}}
"""


@pytest.mark.parametrize("fails", ["bad", "nothing"])
async def test_blocks_are_taken_up_where_they_were(
    short: WorkflowEnvironment, task_queue: str, record: Record, post: Post, fails: str
) -> None:
    """Items, branches, cases and nested runbooks go on in the next life: each step once, one undo for each effect."""
    world = World()
    world.fails = {fails: [fault()], "both.left.each.5.two": [fault()]}
    world.answers = {"errors": [False]}
    activities = [*world.activities(), record.save, post.send]
    incident = f"inc-20261122-{'bbbb' if fails == 'bad' else 'cccc'}"
    start = start_of(BLOCKS, others=[CHILD], id=f"{incident}.mend.1", incident_id=incident)
    async with (
        working(
            short.client,
            task_queue,
            workflows=[RunbookRun, ResourceLock],
            activities=activities,
            max_cached_workflows=0,
        ),
        working(short.client, STEPS_QUEUE, workflows=[], activities=world.activities()),
    ):
        with short.with_time_skipping_disabled():
            handle = await short.client.start_workflow(
                RunbookRun.run, start, id=f"run/{incident}/mend/1", task_queue=task_queue
            )
        run = await handle.result()
        assert await _lives(short, handle) > 3
    items = [f"both.left.each.{index}.{step}" for index in range(12) for step in ("one", "two")]
    others = [
        "both.right.choose.case-1.c1",
        "both.right.choose.case-1.c2",
        "both.right.inner.one",
        "both.right.inner.two",
    ]
    assert sorted(world.paths("do")) == sorted(["first", *items, *others, "bad", "both.right.inner.end"])
    left = [key.split("/")[4] for key in world.effects]
    if fails == "bad":
        assert run.status is RunStatus.FAILED
        # All of it, the failed item by itself and before the others; the final step is nobody's to undo.
        assert left == ["both.right.inner.end"]
        assert sorted(world.paths("undo")) == sorted(["first", *others, *items[:11], *items[12:]])
    else:
        assert run.status is RunStatus.SUCCEEDED, run.reason
        assert world.paths("undo") == ["both.left.each.5.one"]
    fencing = [request.fencing for request in world.requests if request.action == "do"]
    assert all(fencing)
