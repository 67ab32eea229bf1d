"""What an incident hears of a run: each change of its status, once, and that it mitigated; nothing per step."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.testing import WorkflowEnvironment

from domain.incident import ObserveRun
from domain.run import RunStatus, StepStatus
from tests.support.engine import working
from tests.support.recording import Post, Record
from tests.support.steps import World, fault, start_of
from workflows.options import STEPS_QUEUE
from workflows.runbook_run import RunbookRun


@workflow.defn(name="Incident")
class Listener:
    """Stands where the incident stands, and keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    @workflow.run
    async def run(self, words: int) -> list[str]:
        """Until it has heard enough."""
        await workflow.wait_condition(lambda: len(self.heard) >= words)
        return self.heard

    @workflow.signal
    async def observe_run(self, command: ObserveRun) -> None:
        """Like the incident's."""
        self.heard.append(f"{command.run.status} {command.run.waiting_for} {command.mitigated}")


async def _heard(env: WorkflowEnvironment, queue: str, world: World, text: str, words: int) -> list[str]:
    record, post = Record(), Post()
    incident = f"inc-20261122-{queue[-4:]}{words}"
    activities = [*world.activities(), record.save, post.send]
    async with (
        working(env.client, queue, workflows=[RunbookRun, Listener], activities=activities),
        working(env.client, STEPS_QUEUE, workflows=[], activities=world.activities()),
    ):
        with env.with_time_skipping_disabled():
            listener = await env.client.start_workflow(Listener.run, words, id=f"incident/{incident}", task_queue=queue)
            run = await env.client.start_workflow(
                RunbookRun.run, start_of(text, id=f"{incident}.mend.1", incident_id=incident),
                id=f"run/{incident}/mend/1", task_queue=queue,
            )  # fmt: skip
        for _ in range(500):
            view = await run.query(RunbookRun.view)
            if any(step.status is StepStatus.WAITING for step in view.steps):
                break
            await asyncio.sleep(0.02)
        await env.fast_forward(run, timedelta(minutes=2))
        await run.result()
        return await listener.result()


async def test_changes_of_status_are_told_and_steps_are_not(env: WorkflowEnvironment, task_queue: str) -> None:
    """A run of several steps that succeeds and whose runbook mitigates: four words, the last of which says so."""
    text = """
mitigates: true
steps:
  - {id: a, action: do}
  - {id: b, action: do}
  - {id: c, wait: {duration: 1m}}
  - {id: d, action: do}
"""
    heard = await _heard(env, task_queue, World(), text, 4)
    assert [word.split()[0] for word in heard] == ["running", "waiting", "running", "succeeded"]
    assert "the clock" in heard[1]
    assert [word.endswith("True") for word in heard] == [False, False, False, True]


async def test_a_failed_run_mitigates_nothing(env: WorkflowEnvironment, task_queue: str) -> None:
    """Whatever its runbook says."""
    world = World()
    world.fails = {"b": [fault()]}
    text = "mitigates: true\nsteps: [{id: c, wait: {duration: 1m}}, {id: b, action: do, on_failure: abort}]"
    heard = await _heard(env, task_queue, world, text, 3)
    assert heard[-1] == f"{RunStatus.FAILED.value} None False"
