"""A yes that stands: scheduled runs of one game day, as long as they are exactly what people agreed to; real engine."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from activities.clients.drill_surroundings import TemporalSurroundings
from domain.drill_targets import GameDayPolicy, ResolvedTarget
from domain.game_day import GameDayState
from domain.ids import standing_approval_workflow_id
from domain.message import Template
from domain.run import ApprovalState, DecideApproval, Verdict
from domain.standing_approval import RevokeStanding, StandingState
from domain.timeline import automation, person
from runtime.schedule_times import is_due
from tests.support.game_days import HALT, SHOP, Room
from tests.support.recording import Post, Record

SCHEDULE = automation("schedule")
MONTH = GameDayPolicy(standing_approval_at_most=timedelta(days=30))
ASKED = {"required": True, "approvers": ["sre"]}


@pytest_asyncio.fixture(loop_scope="module")
async def room(env: WorkflowEnvironment, task_queue: str, record: Record, post: Post) -> AsyncIterator[Room]:
    """With both workers, and a game day of a name of its own: what stands is kept by name."""
    made = Room(env, task_queue, record, post)
    made.world.name = f"process-dies-{uuid4().hex[:6]}"
    made.world.engine = TemporalSurroundings(env.client, is_due)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(made.control())
        await stack.enter_async_context(made.steps())
        yield made


async def begun(room: Room, **changes: Any) -> Any:
    """As the schedule begins it."""
    start = {"by": SCHEDULE, "policy": MONTH, "approval": ASKED, "name": room.world.name} | changes
    return await room.start(**start)


async def asked(room: Room, **changes: Any) -> tuple[Any, ApprovalState]:
    """It waits for a yes."""
    handle = await begun(room, **changes)
    state = await room.until_view(handle, lambda each: each.approval is not None or each.verdict is not None)
    assert state.approval is not None
    assert (state.approval.state, state.phase) == ("pending", "awaiting_approval"), state.reason
    return handle, state.approval


async def agreed(room: Room, handle: Any, approval: ApprovalState, days: float | None) -> GameDayState:
    """Olga says yes, for so many days; it is held and halted."""
    until = None if days is None else datetime.now(UTC) + timedelta(days=days)
    vote = DecideApproval(
        by=person("olga"), approval_id=approval.id, decision=Verdict.APPROVE, digest=approval.digest, groups=("sre",),
        standing_until=until,
    )  # fmt: skip
    await handle.execute_update("decide", vote)
    return await held(room, handle)


async def held(room: Room, handle: Any) -> GameDayState:
    """The fault is made; that is enough."""
    await room.in_effect(handle)
    await handle.execute_update("halt", HALT)
    end = await room.ended(handle)
    assert end.verdict == "aborted"
    return end


async def refused_anew(room: Room, **changes: Any) -> str:
    """Why people are asked again; then the run is halted."""
    handle, approval = await asked(room, **changes)
    await handle.execute_update("halt", HALT)
    await room.ended(handle)
    return approval.asked_because


async def test_the_same_runs_again_without_being_asked_about(room: Room) -> None:
    """Once asked, three times held; the record of each says who agreed, when, and until when."""
    first, approval = await asked(room)
    await agreed(room, first, approval, 20)
    for _ in range(2):
        end = await held(room, await begun(room))
        assert end.approval is not None
        assert (end.approval.state, [each.by.name for each in end.approval.votes]) == ("approved", ["olga"])
        assert f"({approval.id})" in str(end.approval.reason)
        assert room.record.document("approval", end.approval.id)["state"] == "approved"
    assert len(room.post.of(Template.APPROVAL_REQUEST)) == 1
    assert room.target.done == ["fault", "restore"] * 3


async def test_whatever_changed_is_asked_about_with_what_changed(room: Room) -> None:
    """Another target, a lever that was moved, a policy that allows none, a person who starts it by hand."""
    first, approval = await asked(room)
    await agreed(room, first, approval, 20)
    room.world.targets = (ResolvedTarget(name="shop-2", service="shop", environment="staging", with_=SHOP.with_),)
    said = await refused_anew(room)
    assert said.startswith("something else would be done than was approved: ")
    assert "shop-1 is shop-2 now" in said
    room.world.targets = (SHOP,)
    assert await refused_anew(room, policy=GameDayPolicy()) == ""
    assert "for what the schedule starts only" in await refused_anew(room, by=person("dana"))
    room.world.is_due = False
    assert "somebody triggered it" in await refused_anew(room)
    room.world.is_due = True
    room.world.lever_moved_at = datetime.now(UTC)
    assert "a safety lever was moved" in await refused_anew(room)
    room.world.lever_moved_at = None
    await held(room, await begun(room))


async def test_a_yes_that_stands_can_be_taken_back(room: Room) -> None:
    """By anybody, with a reason, once; the next run is asked about and says who and why."""
    first, approval = await asked(room)
    await agreed(room, first, approval, 20)
    handle = room.env.client.get_workflow_handle(standing_approval_workflow_id(room.world.name))
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("revoke", RevokeStanding(by=person("bob"), reason=" "))
    word = RevokeStanding(by=person("bob"), reason="the sale begins")
    after = await handle.execute_update("revoke", word, result_type=StandingState)
    assert after.grant is not None
    assert after.grant.revoked_because == "the sale begins"
    assert "bob revoked the standing approval: the sale begins" in await refused_anew(room)
    # Somebody who terminates it in the engine takes it away as well.
    await handle.terminate("gone")
    handle_, again = await asked(room)
    await agreed(room, handle_, again, 20)
    await held(room, await begun(room))


async def test_a_yes_for_this_run_only_stands_for_nothing_else(room: Room) -> None:
    """Nor does one for longer than the policy allows: that vote is refused, and the run goes on waiting."""
    first, approval = await asked(room)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await agreed(room, first, approval, 31)
    assert "at most" in str(refused.value.__cause__)
    await agreed(room, first, approval, None)
    assert await refused_anew(room) == ""
