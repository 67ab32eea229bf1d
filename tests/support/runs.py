"""Starts runs on the time-skipping engine, tells them things and waits for what they say. Use it through `Runs`.

Each run gets an id of its own. A run that waits for a person is started with `skipping=False` and driven by the test.
"""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from domain.run import RunState, RunStatus, StepStatus
from tests.support.steps import start_of
from workflows.runbook_run import RunbookRun

Handle = WorkflowHandle[RunbookRun, RunState]


class Runs:
    """The runs of one test; both queues are served by whoever makes this."""

    def __init__(self, env: WorkflowEnvironment, task_queue: str) -> None:
        self.env = env
        self.task_queue = task_queue
        self.started: list[Handle] = []

    async def begin(self, text: str, *, skipping: bool = True, fit: bool = True, **fields: Any) -> Handle:
        """Start a run of this runbook."""
        incident = f"inc-20261122-{uuid4().int % 10**8:08d}"
        given = start_of(text, fit=fit, **{"id": f"{incident}.mend.1", "incident_id": incident, **fields})
        if skipping:
            handle = await self._start(given, incident)
        else:
            with self.env.with_time_skipping_disabled():
                handle = await self._start(given, incident)
        self.started.append(handle)
        return handle

    async def _start(self, given: Any, incident: str) -> Handle:
        return await self.env.client.start_workflow(
            RunbookRun.run, given, id=f"run/{incident}/mend/1", task_queue=self.task_queue
        )

    async def run(self, text: str, **fields: Any) -> RunState:
        """Start it and wait for its end."""
        return await (await self.begin(text, **fields)).result()

    async def close(self) -> None:
        """End what is still open."""
        for handle in self.started:
            if (await handle.describe()).close_time is None:
                await handle.terminate()


def status_of(run: RunState) -> dict[str, str]:
    """How each step stands."""
    return {step.path: step.status.value for step in run.steps}


async def seen(handle: Handle, path: str, status: StepStatus) -> RunState:
    """The run, once a step stands as wanted."""
    for _ in range(500):
        run = await handle.query(RunbookRun.view)
        if any(step.path == path and step.status is status for step in run.steps):
            return run
        await asyncio.sleep(0.02)
    pytest.fail(f"step {path} never was {status}: {status_of(run)}")


async def asks(handle: Handle) -> RunState:
    """The run, once it waits for a person's decision."""
    for _ in range(1000):
        run = await handle.query(RunbookRun.view)
        if run.status in {RunStatus.PAUSED, RunStatus.NEEDS_HUMAN}:
            return run
        await asyncio.sleep(0.02)
    pytest.fail(f"nobody was asked: {status_of(run)}")


async def tell(handle: Handle, command: str, by: str = "bob", **fields: Any) -> dict[str, Any]:
    """A person's command."""
    body = {"by": {"kind": "person", "name": by}, **fields}
    answer: dict[str, Any] = await handle.execute_update(command, body, result_type=dict)
    return answer


async def refusal(handle: Handle, command: str, by: str = "bob", **fields: Any) -> str:
    """Why a command was refused."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await tell(handle, command, by, **fields)
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause.message


async def ballot(handle: Handle, path: str = "yes", decision: str = "approve") -> dict[str, Any]:
    """A vote on the approval of a step, once it is asked for."""
    run = await seen(handle, path, StepStatus.WAITING)
    approval = await handle.query(RunbookRun.approval, f"{run.id}:{path}")
    assert approval is not None
    return {"approval_id": approval.id, "decision": decision, "digest": approval.digest, "groups": ["sre"]}


async def vote(
    handle: Handle, path: str = "yes", by: str = "bob", decision: str = "approve", **fields: Any
) -> dict[str, Any]:
    """Vote on the approval of a step, once it is asked for."""
    return await tell(handle, "decide", by, **await ballot(handle, path, decision), **fields)
