"""A long game day on an engine whose histories are kept very short: nothing is forgotten or done twice at the seams."""

from collections.abc import AsyncIterator

import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from domain.game_day import MilestoneKind
from domain.message import Template
from tests.support.engine import time_skipping_engine, until
from tests.support.game_days import INCIDENT, Room
from tests.support.recording import Post, Record


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """An engine that asks for continue-as-new after 60 events instead of 4,096."""
    async with time_skipping_engine("limit.historyCount.suggestContinueAsNew=60") as environment:
        yield environment


async def test_many_probes_cross_many_histories(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """Effect, score sheet, incident, lines and halt are carried; the fault is made once, each line is kept once."""
    room = Room(env, task_queue, record, post)
    async with room.control(), room.steps():
        handle = await room.start()
        state = await room.in_effect(handle)
        seen = room.target.probes
        await until(lambda: room.target.probes > seen + 20, "probes have filled a history or two")
        await room.milestone(handle, MilestoneKind.PAGED, state)
        room.target.is_well = True
        end = await room.ended(handle)
        assert await room.runs(handle) > 1
    assert (end.verdict, room.target.done) == ("passed", ["fault"])
    lines = record.sentences(INCIDENT)
    assert len(lines) == len(set(lines)) == 9
    assert len(post.of(Template.GAME_DAY_REPORT)) == 1
    assert len({request.key for request in room.target.asked}) == len(room.target.asked)
