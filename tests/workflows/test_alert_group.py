"""What an alert group promises, on the real engine: transients are waited out, nothing is declared or told twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from domain.alert import AlertBatch, AlertGroupStart, AlertGroupState, DeclareGroup, DeclineGroup, FollowIncident
from domain.game_day import Milestone
from domain.ids import alert_group_workflow_id, incident_workflow_id
from domain.incident import AttachAlerts, IncidentStart
from domain.policy import Policy
from domain.record import ProjectionKind
from domain.severity import Severity
from domain.timeline import EntryKind, person
from tests.support.alerts import batch, firing, resolved, route
from tests.support.engine import PASSED_THROUGH, until, working
from tests.support.recording import Directory, Drills, Record
from workflows.alert_group import AlertGroup

MINUTE = timedelta(minutes=1)


@workflow.defn(name="Incident")
class StandInIncident:
    """Keeps what an alert group tells its incident; ends when told to."""

    @workflow.init
    def __init__(self, start: IncidentStart) -> None:
        self._start = start
        self._told: list[AttachAlerts] = []
        self._is_closed = False

    @workflow.run
    async def run(self, start: IncidentStart) -> str:
        """Wait to be closed."""
        await workflow.wait_condition(lambda: self._is_closed)
        return start.id

    @workflow.signal
    def attach_alerts(self, news: AttachAlerts) -> None:
        """What the group has to add."""
        self._told.append(news)

    @workflow.signal
    def close_now(self) -> None:
        """End."""
        self._is_closed = True

    @workflow.query
    def started_with(self) -> IncidentStart:
        """What the group declared."""
        return self._start

    @workflow.query
    def told(self) -> list[AttachAlerts]:
        """What the group told since."""
        return self._told


@workflow.defn(name="GameDay")
class StandInGameDay:
    """Keeps the milestones that it is told."""

    def __init__(self) -> None:
        self._milestones: list[Milestone] = []

    @workflow.run
    async def run(self) -> None:
        """Wait for ever."""
        await workflow.wait_condition(lambda: False)

    @workflow.signal
    def observe_milestone(self, milestone: Milestone) -> None:
        """Something was seen."""
        self._milestones.append(milestone)

    @workflow.query
    def milestones(self) -> list[Milestone]:
        """What was seen."""
        return self._milestones


class World:
    """One alert group and everything around it."""

    def __init__(self, env: WorkflowEnvironment, task_queue: str, record: Record) -> None:
        self.env, self.client, self.record = env, env.client, record
        self.task_queue = task_queue
        self.group_id = uuid4().hex[:20]
        self.drills, self.directory = Drills(), Directory()

    @property
    def group(self) -> WorkflowHandle[Any, Any]:
        """The group's handle."""
        return self.client.get_workflow_handle_for(AlertGroup.run, alert_group_workflow_id(self.group_id))

    @asynccontextmanager
    async def at_work(self, **options: Any) -> AsyncIterator[None]:
        """A worker for the block."""
        async with working(
            self.client,
            self.task_queue,
            workflows=[AlertGroup, StandInIncident, StandInGameDay],
            activities=[self.record.save, self.drills.find, self.directory.incident_context],
            **options,
        ):
            yield

    async def deliver(self, delivery: AlertBatch) -> None:
        """Signal-with-start, as the webhook does; time stands still unless the test moves it."""
        with self.env.with_time_skipping_disabled():
            await self.client.start_workflow(
                AlertGroup.run,
                AlertGroupStart(group_id=self.group_id, policy=Policy()),
                id=alert_group_workflow_id(self.group_id),
                task_queue=self.task_queue,
                start_signal="receive",
                start_signal_args=[delivery.model_copy(update={"group_id": self.group_id})],
            )

    async def view(self) -> AlertGroupState:
        """The group as people see it."""
        return await self.group.query(AlertGroup.view)

    async def eventually(self, holds: Any, what: str) -> AlertGroupState:
        """Wait for the background to catch up."""
        for _ in range(500):
            state = await self.view()
            if holds(state):
                return state
            await asyncio.sleep(0.02)
        message = f"{what} did not come to hold: {state}"
        raise AssertionError(message)

    async def declared(self) -> AlertGroupState:
        """The group once it has an incident."""
        return await self.eventually(lambda state: state.incident_id is not None, "an incident")

    def incident(self, incident_id: str | None) -> WorkflowHandle[Any, Any]:
        """The handle of an incident."""
        assert incident_id is not None
        return self.client.get_workflow_handle(incident_workflow_id(incident_id))

    async def started_with(self, incident_id: str | None) -> IncidentStart:
        """What the incident was declared with."""
        return await self.incident(incident_id).query(StandInIncident.started_with)

    async def told(self, incident_id: str | None) -> list[AttachAlerts]:
        """What the incident heard since."""
        return await self.incident(incident_id).query(StandInIncident.told)

    async def told_at_least(self, incident_id: str | None, count: int) -> list[AttachAlerts]:
        """Wait until the incident has heard as much."""
        for _ in range(500):
            told = await self.told(incident_id)
            if len(told) >= count:
                return told
            await asyncio.sleep(0.02)
        message = f"the incident heard {told}"
        raise AssertionError(message)

    async def now(self) -> datetime:
        """The engine's time when the group was last heard."""
        return (await self.group.describe()).start_time

    async def incidents(self) -> int:
        """How many incidents this group has started, by its own history."""
        history = await self.group.fetch_history()
        return sum(event.HasField("child_workflow_execution_started_event_attributes") for event in history.events)


@pytest.fixture
def world(env: WorkflowEnvironment, task_queue: str, record: Record) -> World:
    """A fresh group."""
    return World(env, task_queue, record)


def now() -> datetime:
    """Deliveries are stamped by the API's clock, which is this machine's."""
    return datetime.now(UTC)


async def test_a_met_threshold_declares_an_incident_with_what_the_alerts_say(world: World):
    """One delivery over the threshold: one incident with title, severity, service, runbook and filled parameters."""
    by = route(runbook="roll-back", parameters={"host": "{labels.instance}", "times": 2})
    async with world.at_work():
        await world.deliver(batch([firing("web-1", annotations={"summary": "Shop is down"})], at=now(), by=by))
        state = await world.declared()
        start = await world.started_with(state.incident_id)
        await until(lambda: bool(world.record.timeline(state.incident_id, EntryKind.TRIAGE)), "the reason on record")
    assert (start.title, start.severity, start.services) == ("Shop is down", Severity.SEV2, ("shop",))
    assert (start.runbook, start.runbook_parameters) == ("roll-back", {"host": "web-1", "times": 2})
    assert start.alert_groups == (world.group_id,)
    assert not start.drill
    assert [alert.fingerprint for alert in start.alerts] == ["web-1"]
    assert world.directory.requests == [{"services": ["shop"]}]


async def test_what_arrives_before_any_worker_is_up_is_not_lost(world: World):
    """Alerts wait in the engine; the worker that comes later folds the burst and declares once."""
    for number in range(5):
        await world.deliver(batch([firing(f"web-{number}"), firing("web-0")], at=now(), by=route()))
    async with world.at_work():
        state = await world.declared()
        assert await world.incidents() == 1
    assert (state.firing, state.count) == (5, 10)


async def test_the_same_alert_again_is_counted_and_tells_the_incident_nothing(world: World):
    """A sender repeats itself for hours; the incident hears of an alert once."""
    async with world.at_work():
        await world.deliver(batch([firing()], at=now()))
        state = await world.declared()
        for _ in range(3):
            await world.deliver(batch([firing()], at=now()))
        await world.deliver(batch([firing("web-2")], at=now()))
        told = await world.told_at_least(state.incident_id, 1)
        final = await world.eventually(lambda state: state.count == 5, "five deliveries")
    assert len(told) == 1
    assert [alert.fingerprint for alert in told[0].alerts] == ["web-2"]
    assert final.firing == 2
    assert {alert.fingerprint: alert.count for alert in final.alerts} == {"f1": 4, "web-2": 1}


async def test_a_transient_is_waited_out_and_remembered(world: World, env: WorkflowEnvironment):
    """Firing for less than the threshold never becomes an incident, and is in the record as a near miss."""
    by = route(threshold={"for": "1m"})
    async with world.at_work():
        await world.deliver(batch([firing()], at=now(), by=by))
        state = await world.eventually(lambda state: state.reason == "not_firing_long_enough", "triage")
        assert "becomes an incident after 1m" in state.explanation
        assert state.status == "triage"
        await world.deliver(batch([resolved()], at=now(), by=by))
        await world.eventually(lambda state: state.status == "cleared", "clearing")
        await env.fast_forward(world.group, timedelta(minutes=11))
        final = await world.group.result()
        assert await world.incidents() == 0
    assert final.incident_id is None
    assert "ShopDown has cleared without an incident" in world.record.sentences()
    document = world.record.document(ProjectionKind.ALERT_GROUP, world.group_id)
    assert document is not None
    assert document["status"] == "cleared"


async def test_a_durable_timer_declares_when_it_goes_on_for_long_enough(world: World, env: WorkflowEnvironment):
    """Just before the minute: triage. Just after it: an incident, with no further delivery."""
    by = route(threshold={"for": "1m"})
    async with world.at_work():
        await world.deliver(batch([firing()], at=now(), by=by))
        await world.eventually(lambda state: state.reason == "not_firing_long_enough", "triage")
        await env.fast_forward(world.group, timedelta(seconds=50))
        assert (await world.view()).incident_id is None
        await env.fast_forward(world.group, timedelta(seconds=15))
        assert (await world.declared()).status == "incident"


async def test_clearing_and_firing_again_within_the_window_stay_one_incident(world: World):
    """The incident hears that all has cleared, and that it fires again; no second one is declared."""
    async with world.at_work():
        await world.deliver(batch([firing()], at=now()))
        incident_id = (await world.declared()).incident_id
        await world.deliver(batch([resolved()], at=now()))
        told = await world.told_at_least(incident_id, 1)
        assert not told[0].firing
        await world.deliver(batch([firing()], at=now()))
        told = await world.told_at_least(incident_id, 2)
        assert told[1].firing
        assert await world.incidents() == 1
    assert told[1].note == "Firing again: ShopDown"


async def test_a_group_ends_when_it_has_been_quiet_for_the_window(world: World, env: WorkflowEnvironment):
    """Ended means that the next alert begins a new group with an incident of its own."""
    async with world.at_work():
        await world.deliver(batch([firing()], at=now()))
        first = (await world.declared()).incident_id
        await world.deliver(batch([resolved()], at=now()))
        await world.told_at_least(first, 1)
        # The engine does not skip time for a workflow whose child is still at work.
        await world.incident(first).signal(StandInIncident.close_now)
        await world.incident(first).result()
        await env.fast_forward(world.group, timedelta(minutes=11))
        assert (await world.group.result()).incident_id == first
        await world.deliver(batch([firing()], at=now()))
        second = (await world.eventually(lambda state: state.incident_id not in {None, first}, "a second")).incident_id
    assert second != first


async def test_alerts_after_the_incident_has_ended_are_a_new_episode(world: World):
    """An incident that is closed takes no more alerts; what begins then is judged by itself."""
    async with world.at_work():
        await world.deliver(batch([firing()], at=now()))
        first = (await world.declared()).incident_id
        await world.incident(first).signal(StandInIncident.close_now)
        await world.incident(first).result()
        await world.deliver(batch([firing("web-2")], at=now()))
        state = await world.eventually(lambda state: state.incident_id not in {None, first}, "a new incident")
        assert await world.incidents() == 2
    assert state.firing == 2


async def test_an_unrouted_group_waits_for_a_person_who_declares_it(world: World):
    """Proposed, not declared; the answer to the person names the incident."""
    by = route(declare="propose")
    async with world.at_work():
        await world.deliver(batch([firing()], at=now(), by=by))
        await world.eventually(lambda state: state.status == "proposed", "the proposal")
        command = DeclareGroup(by=person("ada"), title="Checkout is slow", severity=Severity.SEV1, reason="calls")
        answer = await world.group.execute_update(AlertGroup.declare, command)
        start = await world.started_with(answer.incident_id)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await world.group.execute_update(AlertGroup.declare, command)
    assert (start.title, start.severity, start.declared_by) == ("Checkout is slow", Severity.SEV1, person("ada"))
    assert str(answer.incident_id) in str(refused.value.cause)


async def test_a_declined_group_stays_quiet_until_it_is_over(world: World):
    """Further alerts are counted, but become no incident; the reason is in the record."""
    by = route(threshold={"for": "1m"})
    async with world.at_work():
        await world.deliver(batch([firing()], at=now(), by=by))
        await world.eventually(lambda state: state.reason == "not_firing_long_enough", "triage")
        await world.group.execute_update("decline", DeclineGroup(by=person("ada"), reason="planned work"))
        await world.deliver(batch([firing("web-2")], at=now(), by=route()))
        state = await world.eventually(lambda state: state.firing == 2, "the second alert")
        assert await world.incidents() == 0
        await until(lambda: "ada declined ShopDown: planned work" in world.record.sentences(), "the reason on record")
    assert state.status == "declined"


async def test_a_refused_signal_leaves_a_line(world: World):
    """Nobody hears the refusal of a signal, so the record does."""
    async with world.at_work():
        await world.deliver(batch([firing()], at=now(), by=route(suppress=True)))
        await world.group.signal("decline", DeclineGroup(by=person("ada"), reason=" "))
        await world.group.signal("explode", {})
        await until(lambda: len(world.record.timeline(kind=EntryKind.TROUBLE)) == 2, "two lines of trouble")
        state = await world.view()
    assert state.status == "suppressed"


async def test_alerts_of_a_running_drill_make_a_drill_and_tell_the_game_day(world: World):
    """The incident is marked; detection and declaration reach the game day, each once."""
    game_day = f"game-day/process-dies/{uuid4().hex[:6]}"
    world.drills.drill = {"workflow_id": game_day, "name": "process-dies", "service": "shop", "match": {}}
    async with world.at_work():
        with world.env.with_time_skipping_disabled():
            handle = await world.client.start_workflow(StandInGameDay.run, id=game_day, task_queue=world.task_queue)
        await world.deliver(batch([firing()], at=now()))
        state = await world.declared()
        start = await world.started_with(state.incident_id)
        for _ in range(1000):
            seen = await handle.query(StandInGameDay.milestones)
            if len(seen) == 2:
                break
            await asyncio.sleep(0.02)
    assert (start.drill, start.game_day_workflow) == (True, game_day)
    assert [milestone.kind.value for milestone in seen] == ["detected", "declared"]
    assert state.game_day_id == game_day.removeprefix("game-day/").replace("/", "~")


async def test_a_drill_does_not_disappear_in_the_incident_it_repeats(world: World):
    """The same alert as a drill, minutes after the real incident: an incident of its own, marked as a drill."""
    async with world.at_work():
        await world.deliver(batch([firing()], at=now()))
        real = (await world.declared()).incident_id
        await world.deliver(batch([resolved()], at=now()))
        await world.told_at_least(real, 1)
        world.drills.drill = {"workflow_id": "game-day/gone", "name": "gone", "service": "shop", "match": {}}
        await world.deliver(batch([firing()], at=now()))
        drill = (await world.eventually(lambda state: state.incident_id not in {None, real}, "the drill")).incident_id
        assert (await world.started_with(drill)).drill
        assert not (await world.started_with(real)).drill
        assert len(await world.told(real)) == 1


async def test_a_merged_incident_hands_its_alerts_on(world: World):
    """After `follow`, later alerts go to the other incident."""
    async with world.at_work():
        await world.deliver(batch([firing()], at=now()))
        await world.declared()
        other = "inc-20261122-k7qd"
        with world.env.with_time_skipping_disabled():
            handle = await world.client.start_workflow(
                "Incident",
                IncidentStart(id=other, title="Other", severity=Severity.SEV2, declared_by=person("ada")),
                id=incident_workflow_id(other),
                task_queue=world.task_queue,
            )
        await world.group.signal("follow", FollowIncident(by=person("ada"), incident_id=other))
        await world.deliver(batch([firing("web-2")], at=now()))
        told = await world.told_at_least(other, 1)
        await handle.signal(StandInIncident.close_now)
    assert told[0].group_id == world.group_id


async def test_a_runbook_with_a_hole_in_it_is_not_started(world: World):
    """A label that the parameters need is missing: declared without the runbook, and the record says so."""
    by = route(runbook="roll-back", parameters={"host": "{labels.host}"})
    async with world.at_work():
        await world.deliver(batch([firing()], at=now(), by=by))
        state = await world.declared()
        start = await world.started_with(state.incident_id)
        await until(lambda: bool(world.record.timeline(state.incident_id, EntryKind.TROUBLE)), "a line of trouble")
    assert start.runbook is None
    assert "no label host" in world.record.sentences(state.incident_id, EntryKind.TROUBLE)[0]


async def test_the_history_replays_and_a_worker_without_memory_does_the_same(world: World):
    """Every step from history again: one incident, one id."""
    async with world.at_work(max_cached_workflows=0):
        await world.deliver(batch([firing()], at=now(), by=route(threshold={"count": 2})))
        await world.eventually(lambda state: state.reason == "below_count", "triage")
        await world.deliver(batch([firing("web-2")], at=now(), by=route(threshold={"count": 2})))
        state = await world.declared()
        await world.deliver(batch([resolved(), resolved("web-2")], at=now()))
        await world.told_at_least(state.incident_id, 1)
        assert await world.incidents() == 1
        history = await world.group.fetch_history()
    sandbox = SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )
    replayer = Replayer(workflows=[AlertGroup], data_converter=pydantic_data_converter, workflow_runner=sandbox)
    await replayer.replay_workflow(history)
