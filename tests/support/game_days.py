"""One game day on the real engine, with a target that tests break and mend; used by tests/workflows.

The one thing to know: it runs in real time, for what happens while a fault is there is a matter of milliseconds here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from activities.drill_surroundings import (
    AlertPaths,
    AskRules,
    AskStanding,
    ChooseTargets,
    EngineSurroundings,
    LastRun,
    LookAround,
    SurroundingsActivities,
)
from activities.drills import DrillOutcome
from activities.rendering import RenderActivities
from activities.steps import CheckResult, StepRequest, StepResult, UndoRequest
from domain.drill_targets import Chosen, GameDayPolicy, HouseRules, ResolvedTarget
from domain.game_day import GameDayState, HaltGameDay, Milestone, MilestoneKind, PreflightCheck
from domain.game_day_faults import LeaseAnswer, LeaseStatus
from domain.game_day_surroundings import Surroundings
from domain.ids import drill_target_resource, lock_workflow_id
from domain.lock import LockStart
from domain.policy import Freeze
from domain.run import ActionSpec, Effect, Idempotency
from domain.standing_approval import StandingAnswer
from domain.timeline import Actor, person
from runbooks.game_day_schema import GameDay as GameDayDocument
from runbooks.game_day_schema import GameDayStart
from runbooks.render import render
from tests.support.engine import replayer, working
from tests.support.recording import Post, Record
from workflows.game_day import GameDay
from workflows.options import STEPS_QUEUE
from workflows.resource_lock import ResourceLock
from workflows.standing_approval import StandingApproval

INCIDENT = "inc-20261122-k7qd"
DOCUMENT: dict[str, Any] = {
    "schema_version": 1, "name": "process-dies", "title": "The process dies", "owner": "sre", "hypothesis": "We notice",
    "service": "shop", "parameters": {"process": {}}, "match": {"drillable": "yes"},
    "targets": {"service": {"names": ["shop-1"]}},
    "steady_state": [{"id": "health", "action": "check.http", "with": {"url": "http://shop"}}],
    "probe_every": "200ms", "takes_effect_within": "20s", "restored_within": "1s", "duration": "60s",
    "faults": [
        {
            "id": "kill", "action": "process.kill", "targets": "service", "duration": "60s",
            "with": {"process": "{{ target.process }}"},
            "undo": {"action": "release.restart", "with": {"target": "{{ params.process }}"}},
        }
    ],
    "expectations": [{"expect": "page", "within": "30s"}, {"expect": "recover", "within": "30s"}],
}  # fmt: skip
# The same with a fault that keeps a lease and has an undo of its own.
LEASED: dict[str, Any] = {
    "faults": [
        {
            "id": "freeze", "action": "process.freeze", "targets": "service", "duration": "60s", "lease": "3s",
            "with": {"process": "{{ target.process }}"},
        }
    ]
}  # fmt: skip
SHOP = ResolvedTarget(name="shop-1", service="shop", environment="staging", with_={"process": "shop"})
DANA = person("dana")
HALT = HaltGameDay(by=DANA, reason="a customer is calling")


def _spec(name: str, effect: Effect, *, undo: bool = False, leased: bool = False) -> ActionSpec:
    limits = {"duration": {"type": "string"}, "lease": {"type": "string"}} if leased else {}
    return ActionSpec(
        name=name, summary="", effect=effect, idempotency=Idempotency.KEYED, result={}, has_undo=undo, has_check=True,
        parameters={"properties": {"process": {"type": "string"}, **limits}},
    )  # fmt: skip


SPECS = {
    each.name: each
    for each in (
        _spec("process.kill", Effect.FAULT), _spec("process.freeze", Effect.FAULT, undo=True, leased=True),
        _spec("release.restart", Effect.MUTATING), _spec("check.http", Effect.READ_ONLY),
        _spec("check.promql", Effect.READ_ONLY),
    )
}  # fmt: skip


class Target:
    """The service that is broken and mended; tests say what its actions do, and look at what was done."""

    def __init__(self) -> None:
        self.is_well = True
        self.done: list[str] = []
        self.requests: list[StepRequest] = []
        self.asked: list[StepRequest] = []
        self.fault_works = True
        # One error per attempt.
        self.fault_fails: list[Exception] = []
        self.restore_fails: list[Exception] = []
        self.restore_works = True
        # Calls that never end and never beat, as if their worker had been killed.
        self.hangs: dict[str, int] = {}
        self.hanging: list[str] = []
        self.probe_fails: list[Exception] = []
        # What the fault's own check says; None: it cannot tell.
        self.proof: bool | None = None
        # What the undo's own action says when it is asked beforehand; None: it knows its target.
        self.undo_refuses: str | None = None
        # ... and whether it answers at all: one error per question.
        self.undo_fails: list[Exception] = []
        # What stop conditions' checks (`check.promql`) say.
        self.trouble: CheckResult = CheckResult(holds=False, detail="0.1", output={"value": 0.1})
        # --- a fault with a lease ---
        self.is_frozen = False
        self.lease: LeaseAnswer = LeaseAnswer(state=LeaseStatus.HELD)
        self.renewals = 0
        self.capable = CheckResult(holds=True, detail="it works here", output={})
        self.undo_works = True
        # So many questions for traces are left without an answer.
        self.traces_untold = 0

    @property
    def probes(self) -> int:
        """How many were asked."""
        return len(self.asked)

    @activity.defn(name="steps.perform")
    async def perform(self, request: StepRequest) -> StepResult:
        """The fault or the restore."""
        self.requests.append(request)
        is_fault = request.action in {"process.kill", "process.freeze"}
        self.done.append("fault" if is_fault else "restore")
        if is_fault and self.fault_works:
            self.is_well = False
            self.is_frozen = request.action == "process.freeze"
        await self._hang("fault" if is_fault else "restore")
        failures = self.fault_fails if is_fault else self.restore_fails
        if failures:
            raise failures.pop(0)
        if not is_fault and self.restore_works:
            self.is_well = True
        return StepResult(output={}, detail="done")

    @activity.defn(name="steps.undo")
    async def undo(self, request: UndoRequest) -> StepResult:
        """The fault's own undo."""
        assert request.key.endswith("/undo")
        self.done.append("undo")
        await self._hang("undo")
        if self.undo_works:
            self.is_frozen, self.is_well = False, True
        return StepResult(output={}, detail="undone")

    @activity.defn(name="faults.capability")
    async def capability(self, request: StepRequest) -> CheckResult:
        """Whether the injector works."""
        assert request.action == "process.freeze"
        return self.capable

    @activity.defn(name="faults.renew")
    async def renew(self, request: StepRequest) -> LeaseAnswer:
        """The lease."""
        assert request.key.endswith("fault/freeze/shop-1")
        self.renewals += 1
        return self.lease

    @activity.defn(name="faults.is_clean")
    async def is_clean(self, request: StepRequest) -> CheckResult:
        """Traces of the fault."""
        assert request.drill
        if self.traces_untold > 0:
            self.traces_untold -= 1
            return CheckResult(holds=None, detail="nobody answers", output={})
        return CheckResult(holds=not self.is_frozen, detail="frozen" if self.is_frozen else "clean", output={})

    @activity.defn(name="steps.check")
    async def check(self, request: StepRequest) -> CheckResult:
        """The steady state, the proof of the fault, or a stop condition."""
        assert request.drill
        if request.action in {"process.kill", "process.freeze"}:
            proof = self.is_frozen if request.action == "process.freeze" else self.proof
            return CheckResult(holds=proof, detail="the process says so", output={})
        if request.action == "check.promql":
            return self.trouble
        if request.action == "release.restart":
            if self.undo_fails:
                raise self.undo_fails.pop(0)
            if self.undo_refuses:
                raise ApplicationError(self.undo_refuses, "not_found", type="Rejected", non_retryable=True)
            return CheckResult(holds=False, detail="not done yet", output={})
        self.asked.append(request)
        await self._hang("probe")
        if self.probe_fails:
            raise self.probe_fails.pop(0)
        return CheckResult(holds=self.is_well, detail="200" if self.is_well else "503", output={})

    async def _hang(self, what: str) -> None:
        if self.hangs.get(what, 0) > 0:
            self.hangs[what] -= 1
            self.hanging.append(what)
            while True:
                activity.heartbeat()
                await asyncio.sleep(0.02)


class Items:
    """Action items that wait for the game day."""

    def __init__(self) -> None:
        self.told: list[DrillOutcome] = []

    @activity.defn(name="drills.tell_waiting_items")
    async def tell_waiting_items(self, outcome: DrillOutcome) -> list[str]:
        """They hear it."""
        self.told.append(outcome)
        return ["act-000001"]


class World:
    """What goes on around the game day; tests change it."""

    def __init__(self) -> None:
        self.targets: tuple[ResolvedTarget, ...] = (SHOP,)
        # What the document says.
        self.name = "process-dies"
        self.match = {"drillable": "yes"}
        self.owner = "sre"
        self.seen = Surroundings()
        self.fails: list[Exception] = []
        # How often somebody looked.
        self.looks = 0
        self.last: dict[str, Any] | None = None
        self.paths: list[PreflightCheck] = []
        # Asks real Alertmanagers instead.
        self.asker: SurroundingsActivities | None = None
        self.chosen: list[ChooseTargets] = []
        # As the last game day was started with, until a test says otherwise.
        self.house_rules = HouseRules()
        # Asked for standing approvals, which are real workflows.
        self.engine: EngineSurroundings | None = None
        self.lever_moved_at: datetime | None = None
        # What the engine would say of a time; `None: a real schedule is asked.
        self.is_due: bool | None = True

    @activity.defn(name="drills.choose")
    async def choose(self, request: ChooseTargets) -> Chosen:
        """The same targets for every selection."""
        self.chosen.append(request)
        return Chosen(targets=dict.fromkeys(request.selections, self.targets))

    @activity.defn(name="drills.rules")
    async def rules(self, request: AskRules) -> HouseRules:
        """What the file says now."""
        assert request.owner == self.owner
        return self.house_rules

    @activity.defn(name="drills.look_around")
    async def look_around(self, request: LookAround) -> Surroundings:
        """Levers, incidents, alerts."""
        assert request.game_day.startswith("game-day/")
        self.looks += 1
        if self.fails:
            raise self.fails[0]
        return self.seen

    @activity.defn(name="drills.standing")
    async def standing(self, request: AskStanding) -> StandingAnswer:
        """What the engine has."""
        assert (request.name, self.engine is not None) == (self.name, True)
        state = await self.engine.standing(request.name) if self.engine else None
        due = self.is_due
        if due is None:
            assert (self.engine is None, request.scheduled_at is None, request.begun_at is None) == (False,) * 3
            due = await self.engine.begun_by_schedule(request.name, request.scheduled_at, request.begun_at)
        return StandingAnswer(state=state, lever_moved_at=self.lever_moved_at, is_due=due)

    @activity.defn(name="drills.alert_paths")
    async def alert_paths(self, request: AlertPaths) -> list[PreflightCheck]:
        """Alertmanagers."""
        assert all(self.match.items() <= each.items() for each in request.alerts)
        return self.paths if self.asker is None else await self.asker.alert_paths(request)

    @activity.defn(name="drills.last_run")
    async def last_run(self, request: LastRun) -> dict[str, Any] | None:
        """The picture before."""
        assert request.name == self.name
        return self.last


class Room:
    """Everything around one game day."""

    def __init__(self, env: WorkflowEnvironment, task_queue: str, record: Record, post: Post) -> None:
        self.env = env
        self.task_queue = task_queue
        self.record = record
        self.post = post
        self.target = Target()
        self.items: Any = Items()
        self.world = World()

    @asynccontextmanager
    async def control(self, cached: int = 1000) -> AsyncIterator[None]:
        """A worker for the workflow and its bookkeeping; no lock outlives it, for other tests have the same targets."""
        doing: list[Callable[..., Any]] = [
            self.record.save,
            self.post.send,
            self.items.tell_waiting_items,
            self.world.choose,
            self.world.rules,
            self.world.look_around,
            self.world.alert_paths,
            self.world.last_run,
            self.world.standing,
            RenderActivities(render).render,
        ]
        kept: list[type] = [GameDay, StandingApproval, ResourceLock]
        async with working(
            self.env.client, self.task_queue, workflows=kept, activities=doing, max_cached_workflows=cached
        ):
            yield
        for target in self.world.targets:
            lock = self.env.client.get_workflow_handle(lock_workflow_id(drill_target_resource(target.name)))
            with suppress(RPCError):
                await lock.terminate()

    def steps(self) -> Any:
        """A worker for what touches the target."""
        target = self.target
        doing = [target.perform, target.check, target.undo, target.capability, target.renew, target.is_clean]
        return working(self.env.client, STEPS_QUEUE, workflows=[], activities=doing)

    async def start(
        self,
        audience: tuple[str, ...] = ("dana",),
        freezes: tuple[Freeze, ...] = (),
        policy: GameDayPolicy | None = None,
        by: Actor = DANA,
        rules: HouseRules | None = None,
        **changes: Any,
    ) -> WorkflowHandle[Any, GameDayState]:
        """A game day by dana; `rules`: what the file says by now, and not when it was started."""
        start = GameDayStart(
            document=GameDayDocument.model_validate(DOCUMENT | changes), digest="sha256:0",
            parameters={"process": "shop"}, requested_by=by, audience=audience, answerable=("olga",),
            freezes=freezes, policy=policy or GameDayPolicy(), actions=SPECS, groups={"sre": ("olga",)},
        )  # fmt: skip
        started_with = {name: getattr(start, name) for name in HouseRules.model_fields}
        self.world.house_rules = rules or HouseRules.model_validate(started_with)
        with self.env.with_time_skipping_disabled():
            return await self.env.client.start_workflow(
                GameDay.run, start, id=f"game-day/process-dies-{uuid4().hex[:8]}", task_queue=self.task_queue
            )

    async def prepare_locks(self) -> None:
        """The locks of the targets, where a game day's time is skipped: the engine skips none while a child is open."""
        for target in self.world.targets:
            resource = drill_target_resource(target.name)
            with self.env.with_time_skipping_disabled():
                await self.env.client.start_workflow(
                    ResourceLock.run, LockStart(resource=resource), id=lock_workflow_id(resource),
                    task_queue=self.task_queue, id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                )  # fmt: skip

    async def until_view(
        self, handle: WorkflowHandle[Any, GameDayState], holds: Callable[[GameDayState], bool]
    ) -> GameDayState:
        """How it stands, once it is as wanted."""
        state: GameDayState | None = None
        for _ in range(1000):
            state = await handle.query("view", result_type=GameDayState)
            if holds(state):
                return state
            await asyncio.sleep(0.02)
        raise AssertionError(f"it did not become as wanted: {state}")

    async def in_effect(self, handle: WorkflowHandle[Any, GameDayState]) -> GameDayState:
        """Once the fault was seen."""
        return await self.until_view(handle, lambda state: state.took_effect_at is not None)

    async def milestone(self, handle: WorkflowHandle[Any, Any], kind: MilestoneKind, state: GameDayState) -> None:
        """What alert group, incident and page would say now."""
        assert state.took_effect_at is not None
        word = Milestone(kind=kind, at=state.took_effect_at, incident_id=INCIDENT, evidence="it was")
        await handle.signal("observe_milestone", word)

    async def ended(self, handle: WorkflowHandle[Any, GameDayState]) -> GameDayState:
        """The result, once everything was told; and today's code would do it again just so."""
        end = await handle.result()
        await self.runs(handle)
        return end

    async def runs(self, handle: WorkflowHandle[Any, GameDayState]) -> int:
        """How many runs it took; each of them replays."""
        run_id, count = handle.first_execution_run_id, 0
        while run_id:
            history = await self.env.client.get_workflow_handle(handle.id, run_id=run_id).fetch_history()
            await replayer([GameDay]).replay_workflow(history)
            run_id = history.events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
            count += 1
        return count
