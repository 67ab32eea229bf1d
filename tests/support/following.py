"""One review or action item on the real, time-skipping engine: start it, let time pass, ask, look at what was told.

Used by tests/workflows for both. The one thing to know: `Followed.pass_time` moves only this workflow's clock, and
returns when everything it wanted to tell people and the record has got there.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from domain.message import Message
from domain.timeline import EntryKind
from tests.support.engine import sandbox, until, working
from tests.support.recording import Post, Record


@workflow.defn(name="Incident")
class ListeningIncident:
    """Stands for the incident: keeps what it is told until it is closed."""

    def __init__(self) -> None:
        self._heard: list[dict[str, Any]] = []
        self._is_closed = False

    @workflow.run
    async def run(self) -> None:
        """Until the signal `close`."""
        await workflow.wait_condition(lambda: self._is_closed)

    @workflow.signal
    def observe_review(self, observation: dict[str, Any]) -> None:
        """A review says how it stands."""
        self._heard.append(observation)

    @workflow.signal
    def observe_action_item(self, observation: dict[str, Any]) -> None:
        """An action item says how it stands."""
        self._heard.append(observation)

    @workflow.signal
    def close(self) -> None:
        """The incident ends."""
        self._is_closed = True

    @workflow.query
    def heard(self) -> list[dict[str, Any]]:
        """Every observation, in order."""
        return self._heard


async def heard(incident: WorkflowHandle[Any, Any], count: int) -> list[dict[str, Any]]:
    """What the incident was told, once it was told so often."""
    for _ in range(500):
        observations: list[dict[str, Any]] = await incident.query(ListeningIncident.heard)
        if len(observations) >= count:
            return observations
        await asyncio.sleep(0.02)
    raise AssertionError(f"the incident was not told {count} things")


@dataclass
class Followed:
    """A running workflow and everything around it."""

    env: WorkflowEnvironment
    handle: WorkflowHandle[Any, Any]
    record: Record
    post: Post
    view_type: type[Any]
    workflows: Sequence[type]
    # What it was started with.
    start: Any

    async def view(self) -> Any:
        """How it stands."""
        return await self._once_ready(lambda: self.handle.query("view", result_type=self.view_type))

    async def _once_ready(self, call: Callable[[], Awaitable[Any]]) -> Any:
        for _ in range(500):
            try:
                return await call()
            except RPCError as error:
                # A run that is just continuing as new answers nobody, and has done nothing with what it was asked.
                if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                    raise
            await asyncio.sleep(0.02)
        raise AssertionError("it does not answer")

    async def pass_time(self, duration: timedelta) -> Any:
        """Let its clock run, and wait for its messages and entries."""
        await self.env.fast_forward(self.handle, duration)
        return await self._said(await self.view())

    async def pass_until(self, moment: datetime, now: datetime) -> Any:
        """Let its clock run from one moment to another."""
        return await self.pass_time(moment - now)

    async def ask(self, name: str, command: BaseModel) -> Any:
        """Send a command as an Update; its answer, once no message of a later one can overtake its own."""
        return await self._said(
            await self._once_ready(lambda: self.handle.execute_update(name, command, result_type=self.view_type))
        )

    async def _said(self, state: Any) -> Any:
        await until(lambda: len(self.post.calls) >= state.messages, "every message that was counted is on its way")
        return state

    async def refusal(self, name: str, command: BaseModel | dict[str, Any]) -> tuple[str, str]:
        """Send a command that must be refused; the kind and the sentence."""
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await self.handle.execute_update(name, command)
        cause = refused.value.cause
        assert isinstance(cause, ApplicationError)
        assert cause.type == "Rejected"
        return cause.details[0], cause.message

    async def runs(self) -> list[str]:
        """The ids of its runs, oldest first: it continued as new between them."""
        runs = []
        run_id: str | None = self.handle.first_execution_run_id
        while run_id:
            runs.append(run_id)
            history = await self.env.client.get_workflow_handle(self.handle.id, run_id=run_id).fetch_history()
            run_id = history.events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
        return runs

    async def replays(self) -> None:
        """Fails when the code would not do again what its histories say it did."""
        replayer = Replayer(workflows=self.workflows, data_converter=pydantic_data_converter, workflow_runner=sandbox())
        for run_id in await self.runs():
            handle = self.env.client.get_workflow_handle(self.handle.id, run_id=run_id)
            await replayer.replay_workflow(await handle.fetch_history())

    async def ended(self) -> Any:
        """Its result, once it has ended."""
        return await self.handle.result()

    async def reminders(self, count: int) -> list[tuple[datetime, str, list[str]]]:
        """When who was reminded, and why, as the timeline has it once there are so many lines."""
        await until(lambda: len(self.record.timeline(kind=EntryKind.REMINDER)) >= count, f"{count} reminders are there")
        entries = self.record.timeline(kind=EntryKind.REMINDER)
        planned = [datetime.fromisoformat(entry.details["planned_at"]) for entry in entries]
        for at, entry in zip(planned, entries, strict=True):
            # The engine fires late by what real time passes meanwhile, never early.
            assert timedelta(0) <= entry.at - at < timedelta(minutes=5), (at, entry.at)
        return [(at, e.details["reason"], e.details["people"]) for at, e in zip(planned, entries, strict=True)]

    async def told(self, count: int) -> list[Message]:
        """The messages once so many were delivered; fails when there are more, or when one was sent twice."""
        await until(lambda: len(self.post.messages) >= count, f"{count} messages were delivered")
        keys = [message.key for message in self.post.calls]
        assert len(keys) == len(set(keys)) == count
        return self.post.messages


@asynccontextmanager
async def following(
    env: WorkflowEnvironment,
    task_queue: str,
    run: Callable[..., Any],
    start: Any,
    *,
    id_: str,
    view_type: type[Any],
    workflows: Sequence[type],
    activities: Sequence[Callable[..., Any]] = (),
    record: Record,
    post: Post,
    stands_still: bool = True,
) -> AsyncIterator[Followed]:
    """Start a workflow whose clock stands still until the test lets time pass, or runs until nothing is left to do."""
    client: Client = env.client
    async with working(
        client,
        task_queue,
        workflows=[*workflows, ListeningIncident],
        activities=[record.save, post.send, *activities],
    ):
        with env.with_time_skipping_disabled() if stands_still else nullcontext():
            handle = await client.start_workflow(run, start, id=id_, task_queue=task_queue)
        yield Followed(env, handle, record, post, view_type, workflows, start)
        if (await handle.describe()).close_time is None:
            await handle.terminate()
