"""One time-skipping Temporal server per test module, and one event loop to go with it."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.support.engine import time_skipping_engine, working
from tests.support.recording import Post, Record
from tests.support.reviews import Begin, Drafts, beginner
from tests.support.runs import Runs
from tests.support.steps import World
from workflows.options import STEPS_QUEUE
from workflows.resource_lock import ResourceLock
from workflows.runbook_run import RunbookRun

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of a module on the loop of its server; clients of the engine are bound to their loop."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """The real server with per-workflow time skipping; see tests/support/engine.py before using it."""
    async with time_skipping_engine() as environment:
        yield environment


@pytest.fixture
def client(env: WorkflowEnvironment) -> Client:
    """A client whose workflows skip time."""
    return env.client


@pytest.fixture
def task_queue() -> str:
    """A control queue that no other test uses; children inherit it, activities run on it."""
    return f"control-{uuid4().hex[:8]}"


@pytest.fixture
def record() -> Record:
    """The store, in memory."""
    return Record()


@pytest.fixture
def post() -> Post:
    """The way to people, in memory."""
    return Post()


@pytest.fixture
def drafts() -> Drafts:
    """The writer of drafts."""
    return Drafts()


@pytest.fixture
def begin_review(env: WorkflowEnvironment, task_queue: str, record: Record, post: Post, drafts: Drafts) -> Begin:
    """Begins reviews."""
    return beginner(env, task_queue, record, post, drafts)


@pytest.fixture
def world() -> World:
    """The target of runs."""
    return World()


@pytest_asyncio.fixture(loop_scope="module")
async def runs(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post, world: World
) -> AsyncIterator[Runs]:
    """Runs of runbooks on that target; both queues are served until the test ends."""
    ours = [*world.activities(), record.save, post.send]
    async with (
        working(env.client, task_queue, workflows=[RunbookRun, ResourceLock], activities=ours),
        working(env.client, STEPS_QUEUE, workflows=[], activities=world.activities()),
    ):
        made = Runs(env, task_queue)
        yield made
        await made.close()
