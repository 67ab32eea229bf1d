"""A long game day on an engine whose histories are kept very short: nothing is forgotten or done twice at the seams."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest_asyncio
from temporalio import activity
from temporalio.testing import WorkflowEnvironment

from activities.steps import CheckResult, StepRequest, StepResult, UndoRequest
from domain.drill_targets import ResolvedTarget
from domain.game_day import MilestoneKind
from domain.game_day_faults import LeaseAnswer, LeaseStatus
from domain.message import Template
from tests.support.engine import time_skipping_engine, until
from tests.support.game_days import HALT, INCIDENT, LEASED, Room, Target
from tests.support.recording import Post, Record
from workflows.resource_lock import ResourceLock


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
        lock = env.client.get_workflow_handle("lock/drill-target/shop-1")
        taken = await lock.query(ResourceLock.view)
        seen = room.target.probes
        await until(lambda: room.target.probes > seen + 20, "probes have filled a history or two")
        kept = await lock.query(ResourceLock.view)
        assert kept.grant is not None
        assert (kept.grant.claim.holder, kept.fencing) == (handle.id, taken.fencing)
        await room.milestone(handle, MilestoneKind.PAGED, state)
        room.target.is_well = True
        end = await room.ended(handle)
        assert (await lock.query(ResourceLock.view)).grant is None
        assert await room.runs(handle) > 1
    assert (end.verdict, room.target.done) == ("passed", ["fault"])
    lines = record.sentences(INCIDENT)
    assert len(lines) == len(set(lines)) == 9
    assert len(post.of(Template.GAME_DAY_REPORT)) == 1
    assert len({request.key for request in room.target.asked}) == len(room.target.asked)


class Fleet(Target):
    """Several processes, each frozen and thawed by itself; it is counted what was done to which, and in which run."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen: set[str] = set()
        self.made: Counter[str] = Counter()
        self.renewed: Counter[str] = Counter()
        self.renewing_runs: dict[str, set[str]] = {}
        # Making the fault of this process takes until the event is set.
        self.slow: dict[str, asyncio.Event] = {}
        self.waits: set[str] = set()

    @activity.defn(name="steps.perform")
    async def perform(self, request: StepRequest) -> StepResult:
        """Freeze it."""
        name = request.parameters["process"]
        self.made[request.key] += 1
        self.waits.add(name)
        while name in self.slow and not self.slow[name].is_set():
            activity.heartbeat()
            await asyncio.sleep(0.02)
        self.frozen.add(name)
        return StepResult(output={}, detail="frozen")

    @activity.defn(name="steps.undo")
    async def undo(self, request: UndoRequest) -> StepResult:
        """Thaw it."""
        self.frozen.discard(request.parameters["process"])
        return StepResult(output={}, detail="thawed")

    @activity.defn(name="faults.renew")
    async def renew(self, request: StepRequest) -> LeaseAnswer:
        """Its lease."""
        name = request.parameters["process"]
        assert name in self.frozen, "only what is there is renewed"
        self.renewed[name] += 1
        self.renewing_runs.setdefault(name, set()).add(str(activity.info().workflow_run_id))
        return LeaseAnswer(state=LeaseStatus.HELD)

    @activity.defn(name="faults.is_clean")
    async def is_clean(self, request: StepRequest) -> CheckResult:
        """Whether it runs."""
        return CheckResult(holds=request.parameters["process"] not in self.frozen, detail="", output={})

    @activity.defn(name="steps.check")
    async def check(self, request: StepRequest) -> CheckResult:
        """The steady state, or the proof."""
        name = request.parameters.get("process")
        return CheckResult(holds=not self.frozen if name is None else name in self.frozen, detail="", output={})


FLEET = tuple(
    ResolvedTarget(name=name, service="shop", environment="staging", with_={"process": name}) for name in "abc"
)


def a_fleet(env: WorkflowEnvironment, task_queue: str, record: Record, post: Post) -> tuple[Room, Fleet]:
    """Three targets of one game day."""
    room, fleet = Room(env, task_queue, record, post), Fleet()
    room.target, room.world.targets = fleet, FLEET
    return room, fleet


async def test_leases_are_held_and_nothing_is_made_twice_across_many_histories(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """Three targets, one after the other; then a second fault at each, once the first was undone everywhere."""
    room, fleet = a_fleet(env, task_queue, record, post)
    freeze: dict[str, Any] = LEASED["faults"][0]
    first = {**freeze, "duration": "4s", "ramp": {"by": 1, "every": "1s"}}
    second = {**freeze, "id": "again", "duration": "2s", "start_after": ["freeze"]}
    async with room.control(), room.steps():
        handle = await room.start(faults=[first, second], duration="40s", expectations=[{"expect": "no_other_alerts"}])
        end = await room.ended(handle)
        assert await room.runs(handle) > 1
    assert {run.key: run.state.value for run in end.faults} == {
        f"{id_}/{name}": "undone" for id_ in ("freeze", "again") for name in "abc"
    }
    assert set(fleet.made.values()) == {1}
    assert len(fleet.made) == 6
    assert fleet.frozen == set()
    assert {run.undone_by for run in end.faults} == {"workflow"}
    assert not any(run.ended_early for run in end.faults)
    assert max(len(runs) for runs in fleet.renewing_runs.values()) > 1, "a lease was held by one run, then by the next"
    asked = [run.asked_at for run in end.faults[:3] if run.asked_at]
    assert [later >= earlier for earlier, later in pairwise(asked)] == [True, True]
    undone = max(run.undone_at for run in end.faults[:3] if run.undone_at)
    assert all(run.asked_at is not None and run.asked_at >= undone for run in end.faults[3:])


async def test_a_call_that_takes_its_time_keeps_no_lease_from_being_renewed(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """The next run has to wait for it; the faults that are there are looked after, and stop conditions watched."""
    room, fleet = a_fleet(env, task_queue, record, post)
    fleet.slow["b"] = asyncio.Event()
    faults = [{**LEASED["faults"][0], "ramp": {"by": 1, "every": "1s"}}]
    async with room.control(), room.steps():
        handle = await room.start(faults=faults)
        await until(lambda: "b" in fleet.waits, "the second fault is being made")
        renewed = fleet.renewed["a"]
        await until(lambda: fleet.renewed["a"] > renewed + 4, "the first one's lease is renewed all the while")
        fleet.slow["b"].set()
        await until(lambda: fleet.renewed["b"] > 0, "the second one is held, too")
        await handle.execute_update("halt", HALT)
        end = await room.ended(handle)
        assert await room.runs(handle) > 1
    assert (end.verdict, fleet.frozen, set(fleet.made.values())) == ("aborted", set(), {1})
