"""The weekly operations review: prepared from a real record, told once, decided over, lapsed when nobody met."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.operations_review import OperationsReviewActivities
from domain.configuration import Configuration, Destination, GameDaySettings
from domain.message import Template
from domain.operations_review import (
    CloseMeeting,
    OperationsReviewStart,
    OperationsReviewState,
    OperationsReviewStatus,
    RecordMeetingDecision,
)
from domain.record import ProjectionKind
from domain.timeline import person
from store.opening import open_store
from tests.support.engine import replayer, until, working
from tests.support.quarter import NOW, save_quarter
from tests.support.recording import Post, Record
from workflows.operations_review import OperationsReview

ANA = person("ana")
HEADLINES = (
    "0 incidents this week; 1 action item and 1 review overdue.",
    "Factor ‘capacity’ was part of 3 of 12 incidents in 90 days; 4 action items of theirs are still open.",
    "No alert in 7 days.",
    "Nobody was paged in 7 days.",
    "Drills due: kill-the-shop.",
)


class Named:
    """A configuration with one game day that was never held."""

    def current(self) -> Configuration:
        """As it is."""
        return Configuration(base_url="https://hotwash.example", game_days={"kill-the-shop": GameDaySettings()})


@pytest_asyncio.fixture
async def prepare(tmp_path: Path) -> AsyncIterator[OperationsReviewActivities]:
    """The real activity over a real store that holds the quarter."""
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    await store.migrate()
    await save_quarter(store)
    yield OperationsReviewActivities(store, Named())
    await store.close()


Working = Callable[[], AbstractAsyncContextManager[Worker]]


@pytest.fixture
def house(client: Client, task_queue: str, record: Record, post: Post, prepare: OperationsReviewActivities) -> Working:
    """A worker that prepares and tells."""
    activities = [record.save, post.send, prepare.prepare]
    return lambda: working(client, task_queue, workflows=[OperationsReview], activities=activities)


async def start(client: Client, task_queue: str, week: str) -> WorkflowHandle[OperationsReview, OperationsReviewState]:
    """The review of the quarter's last week; its own week for each test, since all share an engine."""
    destination = Destination(channel="mail", to=("ops@shop.example",))
    begun = OperationsReviewStart(week=week, until=NOW, people=("ana", "ben"), destinations=(destination,))
    return await client.start_workflow(
        OperationsReview.run, begun, id=f"operations-review/{week}", task_queue=task_queue
    )


async def opened(handle: WorkflowHandle[OperationsReview, OperationsReviewState]) -> OperationsReviewState:
    """The state once the document is there."""
    for _ in range(1000):
        state = await handle.query(OperationsReview.view)
        if state.prepared_at is not None and state.messages == len(("people", "audience")):
            return state
        await asyncio.sleep(0.02)
    raise AssertionError("it was not prepared")


async def test_it_is_prepared_told_once_and_held(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post, house: Working
) -> None:
    """Two messages, one to people and one to the audience, with the same words; decisions carry their author."""
    week, client = f"w-{uuid4().hex[:6]}", env.client
    async with house():
        with env.with_time_skipping_disabled():
            handle = await start(client, task_queue, week)
            state = await opened(handle)
            assert state.headlines == HEADLINES
            assert "## Noise league" in state.markdown
            assert "[Item ai\\-2]" not in state.markdown
            assert "- [Item ai-2](https://hotwash.example/action-items/ai-2), ana, due 2026-11-24" in state.markdown
            assert "- Review of [Incident 10](https://hotwash.example/reviews/inc-10), due 2026-11-05" in state.markdown
            await until(lambda: len(post.of(Template.OPERATIONS_REVIEW)) == 2)
            decided = RecordMeetingDecision(by=ANA, text="Mend DiskFull", owner="ben")
            await handle.execute_update("decide", decided, result_type=OperationsReviewState)
            with pytest.raises(WorkflowUpdateFailedError) as refused:
                await handle.execute_update("decide", RecordMeetingDecision(by=ANA, text=" "))
            assert "must not be empty" in str(refused.value.cause)
            await handle.execute_update("close", CloseMeeting(by=ANA, notes="short"), result_type=OperationsReviewState)
            ended = await handle.result()
    told = post.of(Template.OPERATIONS_REVIEW)
    key = f"operations-review/{week}"
    assert sorted((message.key, message.people) for message in told) == [
        (f"{key}/audience", ()),
        (f"{key}/people", ("ana", "ben")),
    ]
    assert {tuple(message.context["headlines"]) for message in told} == {HEADLINES}
    assert [(each.text, each.owner, each.by.name) for each in ended.decisions] == [("Mend DiskFull", "ben", "ana")]
    assert (ended.state, ended.notes) == (OperationsReviewStatus.HELD, "short")
    document = record.document(ProjectionKind.OPERATIONS_REVIEW, week)
    assert document == ended.model_dump(mode="json")
    history = await handle.fetch_history()
    await replayer([OperationsReview]).replay_workflow(history)


async def test_nobody_met(
    env: WorkflowEnvironment, client: Client, task_queue: str, post: Post, house: Working
) -> None:
    """After two weeks it lapses; a minute before it is still open; nobody is told again."""
    async with house():
        with env.with_time_skipping_disabled():
            handle = await start(client, task_queue, f"w-{uuid4().hex[:6]}")
            await opened(handle)
            await env.fast_forward(handle, timedelta(days=13, hours=23, minutes=59))
            assert (await handle.query(OperationsReview.view)).state is OperationsReviewStatus.OPEN
            await env.fast_forward(handle, timedelta(minutes=2))
            assert (await handle.result()).state is OperationsReviewStatus.LAPSED
    assert len(post.of(Template.OPERATIONS_REVIEW)) == 2


async def test_a_scheduled_start_becomes_the_weeks_own_review(client: Client, task_queue: str, house: Working) -> None:
    """However often a week is started, there is one review of it, under the week's id."""
    review, runs = client.get_workflow_handle("operations-review/2026-W48"), set()
    async with house():
        for time in ("09", "10"):
            handed = await client.execute_workflow(
                OperationsReview.run,
                OperationsReviewStart(until=NOW),
                id=f"operations-review/scheduled-{uuid4().hex[:4]}-{time}",
                task_queue=task_queue,
            )
            assert handed.id == "2026-W48"
            runs.add((await review.describe()).run_id)
        assert len(runs) == 1
        # It skips time like those that started it, and may have lapsed by now.
        with suppress(RPCError):
            await review.terminate()
