"""From an incident to a drill, from the drill to a finished action item, and back when a later drill fails."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from activities.actions import specs
from activities.clients.drill_finder import TemporalDrillFinder
from activities.drills import DrillActivities
from domain.action_item import ActionItemStart, ActionItemState, ActionItemStatus, AddEvidence, FinishItem
from domain.drill_proposal import DrillProposal, House, IncidentFacts, propose
from domain.drill_targets import DrillTarget, ResolvedTarget
from domain.game_day import GameDayState, MilestoneKind
from domain.policy import Policy
from domain.severity import IncidentType, Severity
from domain.timeline import EntryKind, person
from runbooks.drill_proposals import write_drill
from runbooks.source import read_yaml
from tests.support.following import Followed, following
from tests.support.game_days import Room
from tests.support.recording import Post, Record
from workflows.action_item import ActionItem

BEGAN = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALICE = person("alice")
WITH = {"process": "shop", "health_url": "http://shop", "release_target": "shop"}
FACTS = IncidentFacts(
    id="inc-20261122-k7qd", title="Nobody can buy", type=IncidentType.OUTAGE, severity=Severity.SEV2,
    services=("shop",),
    impact_started_at=BEGAN, detected_at=BEGAN + 12 * MINUTE, declared_at=BEGAN + 13 * MINUTE,
    acknowledged_at=BEGAN + 14 * MINUTE, mitigated_at=BEGAN + 20 * MINUTE, first_internal_at=BEGAN + 15 * MINUTE,
    alerts=({"alertname": "ShopDown", "service": "shop"},), factors=("The only process of the shop crashed",),
    owner="alice", audience=("alice",),
)  # fmt: skip


async def test_the_item_is_done_when_the_drill_passes_and_open_again_when_a_later_one_fails(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """The proposal's own text is held: passed, done; a month later nobody answers: failed, reopened, its owner told."""
    document = as_proposed()
    room = Room(env, task_queue, record, post)
    room.world.targets = (ResolvedTarget(name="shop-1", service="shop", environment="staging", with_=WITH),)
    room.world.name, room.world.match, room.world.owner = document["name"], document["match"], document["owner"]
    room.items = DrillActivities(TemporalDrillFinder(env.client))
    # The action cannot say by itself whether a process is dead; here it can.
    room.target.proof = True
    item = ActionItemStart(
        id=f"act-{uuid4().hex[:6]}", incident_id=FACTS.id, title="Run two of them", owner="alice",
        done_when="it passes",
        created_by=ALICE, managers={"alice": "mona"}, people=("alice", "mona"), requires_drill=document["name"],
        policy=Policy(action_item_start_days=0),
    )  # fmt: skip
    followed = following(
        env, f"{task_queue}-items", ActionItem.run, item, id_=f"action-item/{item.id}", view_type=ActionItemState,
        workflows=[ActionItem], record=record, post=post,
    )  # fmt: skip
    async with room.control(), room.steps(), followed as fix:
        await fix.ask("add_evidence", AddEvidence(by=ALICE, text="two of them run"))
        assert f"{document['name']!r} has passed" in (await fix.refusal("done", FinishItem(by=ALICE)))[1]
        passed = await held(room, document, is_answered=True)
        assert (passed.verdict, passed.informs) == ("passed", (item.id,)), passed.reason
        await stands(fix, ActionItemStatus.VERIFYING)
        done = await fix.ask("done", FinishItem(by=ALICE))
        assert done.state is ActionItemStatus.DONE
        await fix.pass_time(timedelta(days=30))
        failed = await held(room, document, is_answered=False)
        assert (failed.verdict, failed.informs, failed.restored) == ("failed", (item.id,), True), failed.reason
        assert "detect was missed" in failed.reason
        again = await stands(fix, ActionItemStatus.IN_PROGRESS)
        assert (again.reopened, "did not pass" in again.reopened_because) == (1, True)
        # The fix is made, the drill passes once more, and so it is done once more.
        assert (await held(room, document, is_answered=True)).verdict == "passed"
        await stands(fix, ActionItemStatus.VERIFYING)
        assert (await fix.ask("done", FinishItem(by=ALICE))).state is ActionItemStatus.DONE
        lines = [line for line in record.sentences(FACTS.id, EntryKind.ACTION_ITEM) if "reopened" in line]
        assert len(lines) == 1, record.sentences(FACTS.id)


def as_proposed() -> dict[str, Any]:
    """The text as a person saves it, read again; asked less often than usual, so that half an hour passes soon."""
    target = DrillTarget(service="shop", environment="staging", drillable=True, with_=dict(WITH))
    found = propose(FACTS, House(targets={"shop-1": target}))
    assert isinstance(found, DrillProposal), found
    written = write_drill(found, specs())
    assert (found.blanks, written.findings) == ((), ())
    document: dict[str, Any] = read_yaml(written.text, written.file).data
    return document | {"probe_every": "30s", "parameters": {"process": {}}}


async def held(room: Room, document: dict[str, Any], *, is_answered: bool) -> GameDayState:
    """One game day, with the ordinary response or without any."""
    room.target.is_well = True
    await room.prepare_locks()
    handle = await room.start(**document)
    state = await room.in_effect(handle)
    if is_answered:
        for kind in (MilestoneKind.DETECTED, MilestoneKind.ACKNOWLEDGED, MilestoneKind.MITIGATED):
            await room.milestone(handle, kind, state)
        room.target.is_well = True
    while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
        try:
            await room.env.fast_forward(handle, MINUTE)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            # It has ended between the question and the call.
    return await handle.result()


async def stands(item: Followed, status: ActionItemStatus) -> ActionItemState:
    """The item, once the game day's signal has got there."""
    state: ActionItemState = await item.view()
    for _ in range(500):
        if state.state is status:
            break
        await asyncio.sleep(0.02)
        state = await item.view()
    assert state.state is status
    return state
