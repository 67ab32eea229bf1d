"""Schedules of game days on a real engine: as `hotwash.yaml` says, except where a person has said otherwise."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest_asyncio
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleDescription,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from activities.actions import specs
from api.game_days import GameDayDesk
from api.safety_levers import LeverDesk
from domain.configuration import Configuration
from domain.ids import game_day_schedule_id
from runbooks.game_day_catalog import GameDayCatalog
from runbooks.game_day_schema import GameDayStart
from tests.support.engine import real_time_engine
from tests.support.world import World
from workers.schedules import PAUSED_BY_FILE, keep_schedules
from workflows.options import CATCH_UP_WINDOW

TEXT = """\
schema_version: 1
name: NAME
title: A drill
owner: sre
hypothesis: We notice
match: {drillable: "yes"}
targets: {shop: {names: [shop]}}
steady_state: [{id: health, action: check.http, with: {url: "http://shop"}}]
faults:
  - id: kill
    action: process.kill
    targets: shop
    with: {process: shop}
    duration: 5m
    undo: {action: release.restart, with: {target: shop}}
expectations: [{expect: page, within: 60s}]
"""
# The least that the engine takes (its `MinCatchupWindow`), so that an outage of this test need not last for a minute.
LEAST_WINDOW = timedelta(seconds=10)
TARGETS = {"shop": {"environment": "test", "drillable": True}}


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[Client]:
    """A server in memory without any worker."""
    async with real_time_engine() as environment:
        yield environment.client


class Team:
    """Somebody who writes game days, and restarts a worker."""

    def __init__(self, folder: Path, engine: Client) -> None:
        self.folder = folder
        self.engine = engine
        self.catalog = GameDayCatalog([folder], specs())

    def writes(self, name: str, text: str = TEXT) -> None:
        """A file."""
        (self.folder / f"{name}.yaml").write_text(text.replace("NAME", name))

    async def starts_a_worker(self, **game_days: dict[str, Any]) -> None:
        """With these game days in `hotwash.yaml`."""
        configuration = Configuration.model_validate({"game_days": game_days, "drill_targets": TARGETS})
        await keep_schedules(self.engine, configuration, self.catalog)

    async def sees(self, name: str) -> ScheduleDescription | None:
        """The schedule, if there is one."""
        try:
            return await self.engine.get_schedule_handle(game_day_schedule_id(name)).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None

    async def started(self) -> list[str]:
        """The ids of the game days that were started, once there is one."""
        for _ in range(1500):
            found = [each.id async for each in self.engine.list_workflows('WorkflowType = "GameDay"')]
            if found:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError("no game day was started")


async def test_a_schedule_is_created_changed_and_deleted_as_the_file_says(tmp_path: Path, engine: Client) -> None:
    """Restarting a worker repeats nothing; what is no longer in the file is no longer started."""
    team = Team(tmp_path, engine)
    team.writes("weekly")
    team.writes("by-hand")
    others = await engine.create_schedule("another-teams", _foreign_schedule())
    for cron in ("0 10 * * 2", "0 10 * * 2", "30 9 * * 3"):
        await team.starts_a_worker(weekly={"cron": cron}, **{"by-hand": {}})
    seen = await team.sees("weekly")
    assert seen is not None
    first = seen.info.next_action_times[0]
    assert (first.weekday(), first.hour, first.minute) == (2, 9, 30)
    assert seen.schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
    assert await team.sees("by-hand") is None
    await _listed(engine, 2)
    for _ in range(2):
        await team.starts_a_worker()
    assert await team.sees("weekly") is None
    assert (await others.describe()).id == "another-teams"


async def test_a_scheduled_game_day_is_pinned_and_really_starts(tmp_path: Path, engine: Client) -> None:
    """The schedule holds the whole document: an edit afterwards counts from the next start of a worker on."""
    team = Team(tmp_path, engine)
    team.writes("weekly")
    await team.starts_a_worker(weekly={"cron": "0 10 * * 2"})
    team.writes("weekly", TEXT.replace("60s", "61s"))
    await engine.get_schedule_handle(game_day_schedule_id("weekly")).trigger()
    [id_] = await team.started()
    assert id_.startswith("game-day/weekly-2")
    started = await engine.get_workflow_handle(id_).fetch_history()
    payload = started.events[0].workflow_execution_started_event_attributes.input.payloads
    [start] = await engine.data_converter.decode(list(payload), [GameDayStart])
    assert (start.requested_by.name, start.document.expectations[0].within) == ("schedule", timedelta(seconds=60))


async def test_what_runs_is_not_started_a_second_time(tmp_path: Path, engine: Client) -> None:
    """Overlap is skipped, also when somebody triggers it."""
    team = Team(tmp_path, engine)
    team.writes("weekly")
    # So seldom that none is due by itself now, nor soon.
    await team.starts_a_worker(weekly={"every": "9d"})
    handle = engine.get_schedule_handle(game_day_schedule_id("weekly"))
    await handle.trigger()
    await team.started()
    await handle.trigger()
    for _ in range(1500):
        if (await handle.describe()).info.num_actions_skipped_overlap:
            break
        await asyncio.sleep(0.02)
    assert (await handle.describe()).info.num_actions_skipped_overlap == 1
    assert len(await team.started()) == 1


async def test_a_persons_word_about_pausing_outlives_the_worker(tmp_path: Path, engine: Client) -> None:
    """Paused by a person stays paused, with the reason; resumed goes on; paused in the file is paused."""
    team = Team(tmp_path, engine)
    team.writes("weekly")
    handle = engine.get_schedule_handle(game_day_schedule_id("weekly"))
    await team.starts_a_worker(weekly={"cron": "0 10 * * 2"})
    await handle.pause(note="dana: holidays")
    await team.starts_a_worker(weekly={"cron": "0 11 * * 2"})
    state = (await handle.describe()).schedule.state
    assert (state.paused, state.note) == (True, "dana: holidays")
    await handle.unpause(note="dana: back")
    await team.starts_a_worker(weekly={"cron": "0 11 * * 2"})
    assert not (await handle.describe()).schedule.state.paused
    await team.starts_a_worker(weekly={"cron": "0 11 * * 2", "paused": True})
    state = (await handle.describe()).schedule.state
    assert (state.paused, state.note) == (True, PAUSED_BY_FILE)
    await team.starts_a_worker(weekly={"cron": "0 11 * * 2"})
    assert not (await handle.describe()).schedule.state.paused


async def test_one_mistake_keeps_no_other_game_day_from_its_schedule(tmp_path: Path, engine: Client) -> None:
    """A file with a mistake keeps the schedule that it had; a cron that is none is said and passed over."""
    team = Team(tmp_path, engine)
    for name in ("broken", "cronless", "fine"):
        team.writes(name)
    every = {"every": "1h"}
    await team.starts_a_worker(broken=every)
    team.writes("broken", TEXT.replace("process.kill", "process.kil"))
    await team.starts_a_worker(broken={"every": "2h"}, cronless={"cron": "never"}, fine=every, unknown=every)
    broken = await team.sees("broken")
    assert broken is not None
    assert broken.schedule.spec.intervals[0].every == timedelta(hours=1)
    assert await team.sees("fine") is not None
    assert await team.sees("cronless") is None
    assert await team.sees("unknown") is None


class File:
    """`hotwash.yaml` with one game day in it."""

    def current(self) -> Configuration:
        """As it is read each time."""
        return Configuration.model_validate({"game_days": {"weekly": {"every": "1h"}}, "drill_targets": TARGETS})


async def test_after_an_outage_no_burst_begins_and_what_was_missed_is_said(tmp_path: Path) -> None:
    """The engine is killed while several are due: what is older than the window is counted, not held."""
    world = World(tmp_path / "world", {})
    try:
        await world.start("engine")
        engine = await world.engine()
        team = Team(tmp_path, engine)
        team.writes("weekly")
        await team.starts_a_worker(weekly={"every": "1h"})
        handle = engine.get_schedule_handle(game_day_schedule_id("weekly"))
        assert (await handle.describe()).schedule.policy.catchup_window == CATCH_UP_WINDOW
        await handle.update(_often)
        [first] = await team.started()
        await engine.get_workflow_handle(first).terminate("it is over")
        world.kill("engine")
        # Nobody is there to start anything for longer than the window and two of the times after it.
        await asyncio.sleep(LEAST_WINDOW.total_seconds() + 7)
        await world.start("engine")
        seen = await world.eventually(handle.describe, lambda it: it.info.num_actions_missed_catchup_window, "a count")
        desk = GameDayDesk(engine, team.catalog, File(), LeverDesk(engine, File()))
        told = next(each for each in await desk.definitions() if each.name == "weekly")
        assert told.missed >= seen.info.num_actions_missed_catchup_window
        assert told.missed >= 2
        made_up = [id_ for id_ in await team.started() if id_ != first]
        assert len(made_up) <= 2, "the one that a kill came too late for, and one within the window"
    finally:
        await world.close()


def _often(seen: ScheduleUpdateInput) -> ScheduleUpdate:
    """The same schedule, due every three seconds and with a window that a test can wait for."""
    schedule = seen.description.schedule
    schedule.spec.intervals = [ScheduleIntervalSpec(every=timedelta(seconds=3))]
    schedule.policy.catchup_window = LEAST_WINDOW
    return ScheduleUpdate(schedule=schedule)


async def _listed(engine: Client, count: int) -> None:
    """Wait until the engine's list of schedules, which lags behind, has so many."""
    for _ in range(1000):
        if len([each async for each in await engine.list_schedules()]) >= count:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"the engine does not list {count} schedules")


def _foreign_schedule() -> Schedule:
    action = ScheduleActionStartWorkflow("Other", id=f"other-{uuid4().hex[:4]}", task_queue="other")
    return Schedule(action=action, spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(days=9))]))
