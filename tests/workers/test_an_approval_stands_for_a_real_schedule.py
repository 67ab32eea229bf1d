"""A yes that stands counts for what a real Schedule of the engine begins by itself, and for nothing else."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import (
    Client,
    ScheduleBackfill,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WorkflowHandle,
)
from temporalio.testing import WorkflowEnvironment

from activities.actions import specs
from activities.clients.drill_surroundings import TemporalSurroundings
from domain.configuration import Configuration
from domain.drill_targets import HouseRules
from domain.game_day import GameDayState
from domain.ids import game_day_schedule_id
from domain.message import Template
from domain.run import DecideApproval, Verdict
from domain.timeline import person
from runbooks.game_day_catalog import GameDayCatalog
from runtime.schedule_times import is_due
from tests.support.engine import real_time_engine
from tests.support.game_days import HALT, Room
from tests.support.recording import Post, Record
from workers.schedules import keep_schedules
from workflows.options import CONTROL_QUEUE

# The schedule hears a moment later than we do that what it has begun is over.
ALL = ScheduleOverlapPolicy.ALLOW_ALL
TEXT = """\
schema_version: 1
name: stands
title: A drill
owner: sre
hypothesis: We notice
match: {drillable: "yes"}
targets: {shop: {names: [shop-1]}}
steady_state: [{id: health, action: check.http, with: {url: "http://shop"}}]
probe_every: 200ms
faults:
  - {id: freeze, action: process.freeze, targets: shop, with: {process: shop}, duration: 60s}
expectations: [{expect: page, within: 60s}]
approval: {required: true, approvers: [sre]}
"""
SETTINGS = {
    "people": {"olga": {"name": "Olga", "groups": ["sre"]}},
    "drill_targets": {"shop-1": {"environment": "test", "drillable": True}},
    "game_days": {"stands": {"every": "1h"}},
    "game_day_policy": {"standing_approval_at_most": "30d"},
}


class Drills:
    """What the schedule has begun, one after the other."""

    def __init__(self, client: Client, room: Room) -> None:
        self._client = client
        self._room = room
        self._known: set[str] = set()

    async def next(self) -> WorkflowHandle[Any, GameDayState]:
        """The next one that was begun."""
        for _ in range(1000):
            for each in [each async for each in self._client.list_workflows('WorkflowType = "GameDay"')]:
                # Two within one second have one id.
                if each.run_id not in self._known:
                    self._known.add(each.run_id)
                    return self._client.get_workflow_handle(each.id, run_id=each.run_id, result_type=GameDayState)
            await asyncio.sleep(0.02)
        raise AssertionError("none was begun")

    async def halted(self, handle: WorkflowHandle[Any, GameDayState]) -> GameDayState:
        """Its end, as somebody wants it."""
        await handle.execute_update("halt", HALT)
        return await handle.result()

    async def asked_again(self) -> str:
        """Why the next one asks people; it is halted then, with nothing done."""
        handle = await self.next()
        state = await self._room.until_view(handle, lambda each: each.approval is not None or each.verdict is not None)
        assert state.approval is not None, state.reason
        before = len(self._room.target.done)
        await self.halted(handle)
        assert len(self._room.target.done) == before
        return state.approval.asked_because


async def test_only_what_a_schedule_begins_by_itself_is_not_asked_about(tmp_path: Path) -> None:
    """Asked once, held again at its next time; triggered or made up for in the engine it is asked about, with why."""
    (tmp_path / "stands.yaml").write_text(TEXT)
    async with real_time_engine() as environment:
        client = environment.client
        configuration = Configuration.model_validate(SETTINGS)
        room = _room(environment, configuration)
        await keep_schedules(client, configuration, GameDayCatalog([tmp_path], specs()))
        schedule = client.get_schedule_handle(game_day_schedule_id("stands"))
        drills = Drills(client, room)
        async with room.control(), room.steps():
            await _set_every(schedule, timedelta(seconds=3))
            first = await drills.next()
            await _agreed(room, first)
            await drills.halted(first)
            second = await drills.next()
            state = await room.in_effect(second)
            await _set_every(schedule, timedelta(hours=1))
            assert state.approval is not None
            assert (state.approval.state, [each.by.name for each in state.approval.votes]) == ("approved", ["olga"])
            await drills.halted(second)
            assert len(room.post.of(Template.APPROVAL_REQUEST)) == 1
            # As `temporal schedule trigger` and the engine's own page do.
            await schedule.trigger(overlap=ALL)
            assert "somebody triggered it" in await drills.asked_again()
            until = datetime.now(UTC) - timedelta(hours=1)
            made_up = ScheduleBackfill(start_at=until - timedelta(hours=1), end_at=until, overlap=ALL)
            await schedule.backfill(made_up)
            assert "somebody triggered it" in await drills.asked_again()
    assert room.target.done == ["fault", "undo"] * 2


def _room(environment: WorkflowEnvironment, configuration: Configuration) -> Room:
    room = Room(environment, CONTROL_QUEUE, Record(), Post())
    room.world.name = "stands"
    room.world.engine = TemporalSurroundings(environment.client, is_due)
    room.world.is_due = None
    policy, groups = configuration.game_day_policy, configuration.people_by_name()
    room.world.house_rules = HouseRules(policy=policy, groups=groups)
    return room


async def _agreed(room: Room, handle: WorkflowHandle[Any, GameDayState]) -> None:
    """Olga says yes, for twenty days."""
    state = await room.until_view(handle, lambda each: each.approval is not None)
    approval = state.approval
    assert approval is not None
    assert (approval.state, approval.asked_because) == ("pending", "")
    vote = DecideApproval(
        by=person("olga"), approval_id=approval.id, decision=Verdict.APPROVE, digest=approval.digest, groups=("sre",),
        standing_until=datetime.now(UTC) + timedelta(days=20),
    )  # fmt: skip
    await handle.execute_update("decide", vote)
    await room.in_effect(handle)


async def _set_every(schedule: ScheduleHandle, every: timedelta) -> None:
    def changed(seen: ScheduleUpdateInput) -> ScheduleUpdate:
        found = seen.description.schedule
        found.spec.intervals = [ScheduleIntervalSpec(every=every)]
        return ScheduleUpdate(schedule=found)

    await schedule.update(changed)
