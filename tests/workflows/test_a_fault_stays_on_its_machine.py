"""Several machines serve one queue of steps, and a lease is a file of one of them; on the real engine."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from activities.steps import CheckResult
from domain.drill_targets import ResolvedTarget
from domain.game_day import GameDayVerdict
from tests.support.engine import working
from tests.support.game_days import HALT, LEASED, SHOP, Room, Target
from tests.support.recording import Post, Record
from workflows.options import machine_queue, steps_queue

LEFT, RIGHT = "left", "right"


class Machine(Target):
    """A machine with a target of its own, which the other one does not see."""

    def acts(self) -> list[Any]:
        """What its worker does."""
        return [self.perform, self.check, self.undo, self.capability, self.renew, self.is_clean]


@pytest_asyncio.fixture(loop_scope="module")
async def room(env: WorkflowEnvironment, task_queue: str, record: Record, post: Post) -> AsyncIterator[Room]:
    """With a control worker; tests start the steps workers that they want."""
    made = Room(env, task_queue, record, post)
    async with made.control():
        yield made


async def test_whoever_can_make_a_fault_is_asked_everything_about_it(room: Room) -> None:
    """One machine says that its injector works; the other serves the same queue, and hears of nothing but probes."""
    holder, other = Machine(), Machine()
    holder.capable = CheckResult(holds=True, detail="it works here", output={}, machine=LEFT)
    queue = steps_queue(None)
    async with AsyncExitStack() as stack:
        asked = await stack.enter_async_context(
            working(room.env.client, queue, workflows=[], activities=[holder.capability, holder.check])
        )
        await stack.enter_async_context(
            working(room.env.client, machine_queue(LEFT, None), workflows=[], activities=holder.acts())
        )
        handle = await room.start(**LEASED)
        state = await room.in_effect(handle)
        assert state.faults[0].machine == LEFT
        # From here on whatever goes to the shared queue is taken by a machine that has no lease.
        await asked.shutdown()
        await stack.enter_async_context(working(room.env.client, queue, workflows=[], activities=other.acts()))
        await room.until_view(handle, lambda _: holder.renewals > 0)
        await handle.execute_update("halt", HALT)
        end = await room.ended(handle)
    assert end.verdict is GameDayVerdict.ABORTED
    assert (end.faults[0].clean, end.faults[0].undone_by) == (True, "workflow")
    assert (holder.done, other.done, other.renewals) == (["fault", "undo"], [], 0)
    assert {each.action for each in other.asked} == {"check.http"}


async def test_what_stands_at_a_site_is_broken_and_looked_at_there(room: Room) -> None:
    """A worker without a site touches nothing of a target that has one, not even with a probe that is about it."""
    at_site, other = Machine(), Machine()
    at_site.capable = CheckResult(holds=True, detail="it works here", output={}, machine=RIGHT)
    room.world.targets = (ResolvedTarget(**(SHOP.model_dump() | {"site": "eu"})),)
    probe = {"id": "health", "action": "check.http", "targets": "service", "with": {"url": "http://shop"}}
    client = room.env.client
    async with (
        working(client, steps_queue("eu"), workflows=[], activities=at_site.acts()),
        working(client, machine_queue(RIGHT, "eu"), workflows=[], activities=at_site.acts()),
        working(client, steps_queue(None), workflows=[], activities=other.acts()),
    ):
        handle = await room.start(steady_state=[probe], **LEASED)
        await room.in_effect(handle)
        await handle.execute_update("halt", HALT)
        end = await room.ended(handle)
    assert end.verdict is GameDayVerdict.ABORTED
    assert at_site.done == ["fault", "undo"]
    assert (other.done, other.asked, other.requests) == ([], [], [])
