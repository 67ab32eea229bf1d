"""The incident on the real engine: Updates, signals, children, silence, continue-as-new, a record that is away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from activities.alike import AlikeActivities
from domain import ids
from domain.alike import AlikeIncident, OpenItem, Reason
from domain.configuration import OnCall, OnCallLevel
from domain.incident import (
    AcceptRole,
    Acknowledge,
    AddNote,
    ChangeSeverity,
    ChangeStatus,
    Close,
    Command,
    IncidentContext,
    IncidentStart,
    IncidentState,
    IncidentStatus,
    Merge,
    ObserveReview,
    ObserveRun,
    OfferRole,
    PostUpdate,
    Reopen,
    Resolve,
    Role,
    RunSummary,
    StartRun,
)
from domain.message import Template
from domain.policy import Audience
from domain.record import ProjectionKind
from domain.run import RunbookReference
from domain.severity import Severity
from domain.timeline import EntryKind, automation, person
from runbooks.schema import PinnedRunbook, Runbook
from tests.support.alerts import firing
from tests.support.engine import replayer, time_skipping_engine, until, working
from tests.support.recording import Past, Post, Record, Runbooks
from tests.support.stand_ins import StandInCommsPlan, StandInGameDay, StandInReview, StandInRun
from workflows.escalation import Escalation
from workflows.incident import Incident

MINUTE = timedelta(minutes=1)
WORKFLOWS = [Incident, Escalation, StandInCommsPlan, StandInReview, StandInRun, StandInGameDay]
CONTEXT = IncidentContext(
    on_call=OnCall(levels=(OnCallLevel(people=("ana",)), OnCallLevel(people=("bo",)))),
    people=("ana", "bo", "cy", "mia"),
    team_manager="mia",
)
ROLL_BACK = PinnedRunbook(
    reference=RunbookReference(name="roll-back", version="1", digest="sha256:0"),
    document=Runbook.model_validate(
        {
            "schema_version": 1,
            "name": "roll-back",
            "title": "Roll back",
            "owner": "shop",
            "steps": [{"id": "look", "wait": {"duration": "1s"}}],
        }
    ),
)


@dataclass
class Room:
    """One incident, the worker that runs it, and what the worker reaches."""

    env: WorkflowEnvironment
    queue: str
    post: Post = field(default_factory=Post)
    record: Record = field(default_factory=Record)
    past: Past = field(default_factory=Past)
    id: str = field(default_factory=lambda: f"inc-20261122-{uuid4().hex[:8]}")

    def activities(self) -> list[Callable[..., Any]]:
        """What the worker of this room offers."""
        return [self.record.save, self.post.send, Runbooks(ROLL_BACK).pin, AlikeActivities(self.past).find]

    async def declare(self, **changes: Any) -> WorkflowHandle[Incident, IncidentState]:
        """Start a SEV-1 incident that waits for what the test does."""
        start = IncidentStart(
            id=self.id,
            title="Checkout fails",
            severity=Severity.SEV1,
            services=("checkout",),
            declared_by=automation("triage"),
            context=CONTEXT,
        ).model_copy(update=changes)
        with self.env.with_time_skipping_disabled():
            return await self.env.client.start_workflow(
                Incident.run, start, id=ids.incident_workflow_id(self.id), task_queue=self.queue
            )

    @property
    def handle(self) -> WorkflowHandle[Incident, IncidentState]:
        """The incident, whichever run of it is the newest."""
        return self.env.client.get_workflow_handle_for(Incident.run, ids.incident_workflow_id(self.id))

    async def do(self, name: str, command: Command) -> IncidentState:
        """Send a command as an Update, with one id over all attempts, as the API does."""
        update_id = uuid4().hex
        while True:
            try:
                return await self.handle.execute_update(name, command, id=update_id, result_type=IncidentState)
            except RPCError as error:
                # An Update that arrives while its workflow continues as new is turned away untouched ("workflow not
                # ready"); the caller sends it again.
                if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                    raise

    async def refused(self, name: str, command: object) -> ApplicationError:
        """Send a command that must be refused."""
        with pytest.raises(WorkflowUpdateFailedError) as failure:
            await self.handle.execute_update(name, command)
        assert isinstance(failure.value.cause, ApplicationError)
        return failure.value.cause

    async def view(self) -> IncidentState:
        """The incident as it is."""
        return await self.handle.query(Incident.view)

    async def eventually(self, holds: Callable[[IncidentState], bool], what: str) -> IncidentState:
        """Wait for something that another workflow brings about."""
        return await eventually(self.view, holds, what)

    async def heard(self, workflow_id: str, signal: str) -> list[dict[str, Any]]:
        """The signals of a name that a stand-in was sent, once there are any."""
        handle = self.env.client.get_workflow_handle(workflow_id)

        async def signals() -> list[dict[str, Any]]:
            seen = await handle.query("seen", result_type=dict)
            return [each for each in seen["heard"] if each["signal"] == signal]

        return await eventually(signals, bool, f"{signal} at {workflow_id}")

    def paged(self) -> list[str]:
        """Who was paged, in order."""
        return [name for message in self.post.of(Template.PAGE) for name in message.people]


async def eventually(ask: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool], what: str) -> Any:
    """Ask until it holds, for ten seconds at least."""
    for _ in range(500):
        # A child may not have started yet.
        with suppress(Exception):
            found = await ask()
            if holds(found):
                return found
        await asyncio.sleep(0.02)
    message = f"{what} did not happen"
    raise AssertionError(message)


@pytest_asyncio.fixture(loop_scope="module")
async def room(env: WorkflowEnvironment, task_queue: str) -> AsyncIterator[Room]:
    """A worker with the incident, the escalation and stand-ins for the other rooms."""
    room = Room(env, task_queue)
    activities = room.activities()
    async with working(env.client, task_queue, workflows=WORKFLOWS, activities=activities):
        yield room


async def test_an_incident_pages_and_the_first_to_acknowledge_commands(room: Room):
    """Declared, the on-call is paged; an acknowledgement through the incident ends the page and gives command."""
    await room.declare()
    await until(lambda: room.paged() == ["ana"], "the first page")
    state = await room.do("acknowledge", Acknowledge(by=person("ana")))
    assert state.roles == {Role.COMMANDER: "ana"}
    page = room.env.client.get_workflow_handle_for(Escalation.run, ids.page_workflow_id(room.id, 1))
    assert (await page.result()).acknowledged_by == person("ana")
    await until(lambda: "ana acknowledged" in room.record.sentences(room.id), "the record")
    acknowledgements = room.record.timeline(room.id, EntryKind.ACKNOWLEDGED)
    assert len(acknowledgements) == 1, "told once, although the page tells the incident too"


async def test_a_new_incident_names_the_earlier_ones_like_it(room: Room):
    """With why, and with what was never done about them; looked for with what the alerts say, asked once."""
    lag = Reason(feature="alert", sentence="the same alert ‘ShopDown’", weight=3.0)
    item = OpenItem(id="act-1", title="Add an index", owner="ana", is_overdue=True)
    earlier = AlikeIncident(
        incident_id="inc-20260901-aaaa",
        title="Checkout slow",
        declared_at=datetime(2026, 9, 1, tzinfo=UTC),
        status="closed",
        severity="SEV-2",
        score=3.0,
        reasons=(lag,),
        open_items=(item,),
    )
    room.past.found = [earlier]
    await room.declare(alerts=(firing(),))
    await until(lambda: any("Checkout slow" in line for line in room.record.sentences(room.id)), "the line")
    (line,) = [each for each in room.record.timeline(room.id) if each.actor == automation("alike")]
    assert "inc-20260901-aaaa" in line.summary
    assert line.details["incidents"] == [
        {"id": "inc-20260901-aaaa", "score": 3.0, "reasons": [lag.sentence], "open_items": ["act-1"]}
    ]
    assert room.past.asked == [(room.id, "Checkout fails", ("checkout",), ("ShopDown",))]


async def test_a_record_that_is_away_costs_only_the_line_about_the_past(room: Room):
    """Nothing waits for what was learned before: paged, acknowledged, and the timeline has no trouble."""
    room.past.is_down = True
    await room.declare()
    await until(lambda: room.paged() == ["ana"], "the first page")
    await room.do("acknowledge", Acknowledge(by=person("ana")))
    await until(lambda: room.past.asked, "the question")
    assert room.record.timeline(room.id, EntryKind.TROUBLE) == []


async def test_an_acknowledgement_of_the_page_itself_reaches_the_incident(room: Room):
    """Whoever answers the page by a signal to the escalation has acknowledged the incident."""
    await room.declare()
    await until(lambda: room.paged() == ["ana"], "the first page")
    page = room.env.client.get_workflow_handle(ids.page_workflow_id(room.id, 1))
    await page.signal("acknowledge", {"by": {"kind": "person", "name": "bo"}})
    state = await room.eventually(lambda state: state.acknowledged_at is not None, "the acknowledgement")
    assert state.roles == {Role.COMMANDER: "bo"}


async def test_command_moves_by_offer_and_acceptance(room: Room):
    """The old commander keeps command until the new one accepts, and the offer reaches them."""
    await room.declare()
    await room.do("acknowledge", Acknowledge(by=person("ana")))
    offered = await room.do("offer_role", OfferRole(by=person("ana"), role=Role.COMMANDER, person="bo"))
    assert offered.roles[Role.COMMANDER] == "ana"
    await until(lambda: [m.people for m in room.post.of(Template.ROLE_OFFER)] == [("bo",)], "the offer")
    error = await room.refused("accept_role", AcceptRole(by=person("cy"), role=Role.COMMANDER))
    assert "not offered to cy" in error.message
    accepted = await room.do("accept_role", AcceptRole(by=person("bo"), role=Role.COMMANDER))
    assert accepted.roles[Role.COMMANDER] == "bo"
    refreshed = await room.heard(ids.comms_workflow_id(room.id), "refresh")
    assert await room.heard(ids.comms_workflow_id(room.id), "refresh")
    assert refreshed[0]["incident"]["commander"] == "ana"


async def test_a_refused_update_leaves_no_trace_in_history(room: Room):
    """The caller gets type, kind and sentence; the history holds no Update at all."""
    handle = await room.declare(context=IncidentContext(people=("ana",), team_manager="ana"), severity=Severity.SEV5)
    error = await room.refused("acknowledge", Acknowledge(by=person("mallory")))
    assert (error.type, list(error.details)) == ("Rejected", ["invalid"])
    assert "hotwash.yaml" in error.message
    assert (await room.refused("close", Close(by=person("ana")))).details == ("conflict",)
    assert (await room.refused("dance", {})).details == ("not_found",)
    assert (await room.refused("change_severity", {"by": 1})).details == ("invalid",)
    events = [EventType.Name(event.event_type) for event in (await handle.fetch_history()).events]
    assert not [name for name in events if "UPDATE_" in name]


async def test_each_command_is_also_a_signal_and_a_malformed_one_wedges_nothing(room: Room):
    """A signal of the same name acts; one with a wrong payload, name or speaker leaves a line of trouble."""
    handle = await room.declare()
    await handle.signal("acknowledge", {"by": {"kind": "person", "name": "bo"}})
    await handle.signal("acknowledge", "nonsense")
    await handle.signal("acknowledge")
    await handle.signal("no_such_command", {"by": {"kind": "person", "name": "bo"}})
    await handle.signal("resolve", {"by": {"kind": "person", "name": "mallory"}, "summary": "gone"})
    state = await room.eventually(lambda state: state.acknowledged_at is not None, "the acknowledgement")
    assert state.roles == {Role.COMMANDER: "bo"}
    await until(lambda: len(room.record.timeline(room.id, EntryKind.TROUBLE)) == 4, "four lines of trouble")
    note = await room.do("add_note", AddNote(by=person("bo"), text="still here"))
    assert note.status is IncidentStatus.DECLARED


async def test_a_silent_incident_is_paged_for_again_and_activity_pushes_that_back(room: Room):
    """30 minutes after the last thing that anybody did, the on-call is paged again."""
    handle = await room.declare()
    await until(lambda: room.paged() == ["ana"], "the first page")
    await room.do("acknowledge", Acknowledge(by=person("ana")))
    # The engine skips no time for a workflow whose child is open.
    comms = room.env.client.get_workflow_handle(ids.comms_workflow_id(room.id))
    await comms.signal("finish", {})
    await comms.result()
    await room.env.fast_forward(handle, 20 * MINUTE)
    await room.do("add_note", AddNote(by=person("ana"), text="looking"))
    await room.env.fast_forward(handle, 29 * MINUTE)
    assert (await room.view()).pages == 1
    # Not much more: once the page is open, what is left of this passes in real time.
    await room.env.fast_forward(handle, MINUTE + timedelta(milliseconds=300))
    state = await room.eventually(lambda state: state.pages == 2, "the second page")
    assert state.open_page == 2
    # The second page inherited the skipping of time and goes on to its next levels at once.
    await until(lambda: room.paged()[:2] == ["ana", "ana"], "the second page's first level")
    assert any("nothing has happened for 30m" in line for line in room.record.sentences(room.id, EntryKind.PAGE))
    assert (await room.do("acknowledge", Acknowledge(by=person("ana")))).open_page is None


async def test_nobody_on_call_is_said_and_the_manager_is_paged(room: Room):
    """A service without on-call pages the team's manager, and the timeline says that and why."""
    await room.declare(context=CONTEXT.model_copy(update={"on_call": None}))
    await until(lambda: room.paged() == ["mia"], "the manager's page")
    assert any("nobody is on call; paging mia instead" in line for line in room.record.sentences(room.id))


async def test_a_runbook_of_the_route_starts_at_once_and_an_unknown_one_is_trouble_not_a_wedge(room: Room):
    """The run is a child under the id that was answered; an unknown runbook fails, and the commander is paged."""
    await room.declare(runbook="roll-back", runbook_parameters={"to": "v1"})
    run = room.env.client.get_workflow_handle(f"run/{room.id}/roll-back/1")
    start = await eventually(lambda: run.query("seen", result_type=dict), lambda seen: bool(seen["start"]), "the run")
    assert (start["start"]["parameters"], start["start"]["id"]) == ({"to": "v1"}, f"{room.id}.roll-back.1")
    await room.do("acknowledge", Acknowledge(by=person("ana")))
    command = StartRun(by=person("ana"), runbook="no-such-runbook", key="k1")
    state = await room.do("start_run", command)
    assert state.runs[-1].id == f"{room.id}.no-such-runbook.1"
    await room.eventually(lambda state: state.runs[-1].status == "failed", "the failed run")
    assert (await room.do("start_run", command)).runs == (await room.view()).runs, "the key starts nothing again"
    await until(lambda: any("no-such-runbook" in str(m.context) for m in room.post.of(Template.PAGE)), "the page")
    trouble = lambda: room.record.sentences(room.id, EntryKind.TROUBLE)  # noqa: E731 - asked again and again
    await until(lambda: any("there is no runbook" in line for line in trouble()), "the line")


async def test_a_run_that_breaks_is_said(room: Room):
    """A run that fails as a workflow cannot report; the incident notices and says so."""
    await room.declare(runbook="roll-back")
    run = room.env.client.get_workflow_handle(f"run/{room.id}/roll-back/1")
    await eventually(lambda: run.query("seen", result_type=dict), lambda seen: bool(seen["start"]), "the run")
    await run.signal("break", {})
    await room.eventually(lambda state: state.runs[0].status == "failed", "the failed run")


async def test_an_incident_closes_only_after_its_review(room: Room):
    """Resolve starts the review and the closing notice; close is refused until the review is signed."""
    handle = await room.declare()
    await room.do("acknowledge", Acknowledge(by=person("ana")))
    await room.do("change_status", ChangeStatus(by=person("ana"), status=IncidentStatus.MONITORING, reason="it holds"))
    await room.do("post_update", PostUpdate(by=person("ana"), audience=Audience.INTERNAL, text="We see recovery"))
    resolved = await room.do("resolve", Resolve(by=person("ana"), summary="Rolled back to v1"))
    assert resolved.status is IncidentStatus.RESOLVED
    review = room.env.client.get_workflow_handle(ids.review_workflow_id(room.id))
    seen = await eventually(lambda: review.query("seen", result_type=dict), lambda s: bool(s["start"]), "the review")
    assert (seen["start"]["owner"], seen["start"]["manager"]) == ("ana", "mia")
    assert "its review is draft" in (await room.refused("close", Close(by=person("ana")))).message
    comms = room.env.client.get_workflow_handle(ids.comms_workflow_id(room.id))
    told = ["refresh", "refresh", "publish", "refresh", "finish"]
    await eventually(
        lambda: comms.query("seen", result_type=dict),
        lambda seen: [each["signal"] for each in seen["heard"]] == told,
        f"signals {told}",
    )
    await handle.signal("observe_review", ObserveReview(by=automation("review"), review_id=room.id, state="reviewed"))
    await room.eventually(lambda state: state.status is IncidentStatus.REVIEWING, "the review")
    await room.do("close", Close(by=person("ana")))
    state = await handle.result()
    assert state.status is IncidentStatus.CLOSED
    document = room.record.document(ProjectionKind.INCIDENT, room.id)
    assert document == state.model_dump(mode="json"), "the record has the last picture before the workflow ends"
    await replayer([Incident]).replay_workflow(await handle.fetch_history())


async def test_a_worker_that_remembers_nothing_runs_the_whole_life(env: WorkflowEnvironment, task_queue: str):
    """With no workflow cached, each step replays all before it: what a killed worker's successor does, every time."""
    room = Room(env, task_queue)
    activities = room.activities()
    async with working(env.client, task_queue, workflows=WORKFLOWS, activities=activities, max_cached_workflows=0):
        handle = await room.declare(runbook="roll-back")
        await until(lambda: room.paged() == ["ana"], "the page")
        await room.do("acknowledge", Acknowledge(by=person("ana")))
        await room.do("offer_role", OfferRole(by=person("ana"), role=Role.COMMANDER, person="bo"))
        await room.do("accept_role", AcceptRole(by=person("bo"), role=Role.COMMANDER))
        run = RunSummary(id=f"{room.id}.roll-back.1", runbook="roll-back", status="succeeded")
        await handle.signal("observe_run", ObserveRun(by=automation("runbook:roll-back"), run=run, mitigated=True))
        await room.eventually(lambda state: state.status is IncidentStatus.MONITORING, "the mitigation")
        await room.do("resolve", Resolve(by=person("bo"), summary="Rolled back"))
        await handle.signal("observe_review", ObserveReview(by=automation("r"), review_id=room.id, state="reviewed"))
        await room.eventually(lambda state: state.review_state == "reviewed", "the review")
        await room.do("close", Close(by=person("bo")))
        assert (await handle.result()).status is IncidentStatus.CLOSED
        lines = room.record.sentences(room.id)
        assert len(lines) == len(set(lines)), "each line once"
        assert room.paged() == ["ana"]


async def test_a_reopened_incident_communicates_and_pages_again(room: Room):
    """Reopen starts a new plan under the same id once the former has ended, and a new page."""
    await room.declare()
    await room.do("acknowledge", Acknowledge(by=person("ana")))
    await room.do("resolve", Resolve(by=person("ana"), summary="Gone"))
    comms = room.env.client.get_workflow_handle(ids.comms_workflow_id(room.id))
    await comms.result()
    state = await room.do("reopen", Reopen(by=person("bo"), reason="it is back"))
    assert (state.status, state.reopened, state.open_page) == (IncidentStatus.INVESTIGATING, 1, 2)

    async def episode() -> int:
        return int((await comms.query("seen", result_type=dict))["start"]["episode"])

    await eventually(episode, lambda number: number == 1, "the second plan")
    await until(lambda: room.paged() == ["ana", "ana"], "the second page")


async def test_a_record_that_is_away_delays_nothing(room: Room):
    """With the store down from the start, paging, command and resolution go on; the record catches up in full."""
    room.record.is_down = True
    await room.declare()
    await until(lambda: room.paged() == ["ana"], "the page")
    await room.do("acknowledge", Acknowledge(by=person("ana")))
    await room.do("resolve", Resolve(by=person("ana"), summary="Gone"))
    await until(lambda: room.record.refused > 0, "a refused save")
    assert room.record.timeline(room.id) == []
    room.record.is_down = False
    # The store's absence is retried in real time with a pause that doubles from half a second.
    await until(lambda: any("resolved" in line for line in room.record.sentences(room.id)), "the record")
    lines = room.record.sentences(room.id)
    assert len(lines) == len(set(lines)), "each line once"


async def test_long_texts_that_pile_up_while_the_record_is_away_are_saved_in_pieces(room: Room):
    """100 notes of 25 KB are more than the engine takes in one payload; they arrive all the same, each once."""
    room.record.is_down = True
    await room.declare(severity=Severity.SEV5)
    texts = [f"{number} " + "x" * 25_000 for number in range(100)]
    for text in texts:
        await room.handle.signal("add_note", AddNote(by=person("ana"), text=text))
    await until(lambda: room.record.refused > 0, "a refused save")
    room.record.is_down = False
    await until(lambda: room.record.sentences(room.id, EntryKind.NOTE) == texts, "all notes")
    assert len(room.record.batches) > 3


async def test_a_merged_incident_ends_and_the_other_one_hears_of_it(room: Room):
    """The line arrives at the incident that goes on."""
    other = Room(room.env, room.queue, room.post, room.record)
    await other.declare()
    handle = await room.declare()
    await room.do("merge", Merge(by=person("ana"), into=other.id, reason="same cause"))
    assert (await handle.result()).merged_into == other.id
    await until(lambda: any(room.id in line for line in room.record.sentences(other.id)), "the line")


async def test_a_drill_tells_its_game_day_each_milestone(room: Room):
    """Declared, paged, acknowledged, mitigated, resolved: the game day hears of each once."""
    game_day = await room.env.client.start_workflow(
        StandInGameDay.run, {}, id=f"game-day/{room.id}", task_queue=room.queue
    )
    await room.declare(drill=True, game_day_workflow=game_day.id)
    await until(lambda: room.paged() == ["ana"], "the page")
    await room.do("acknowledge", Acknowledge(by=person("ana")))
    await room.do("resolve", Resolve(by=person("ana"), summary="Restored"))

    async def kinds() -> list[str]:
        seen = await game_day.query("seen", result_type=dict)
        return sorted(each["kind"] for each in seen["heard"])

    expected = ["acknowledged", "declared", "mitigated", "paged", "resolved"]
    await eventually(kinds, lambda found: found == expected, f"milestones {expected}")


async def test_continue_as_new_keeps_everything(task_queue: str):
    """Forced every few dozen events: state, roles, notes, the review and the record survive several runs."""
    async with time_skipping_engine("limit.historyCount.suggestContinueAsNew=40") as environment:
        room = Room(environment, task_queue)
        activities = room.activities()
        async with working(environment.client, task_queue, workflows=WORKFLOWS, activities=activities):
            first = await room.declare()
            await room.do("acknowledge", Acknowledge(by=person("ana")))
            for number in range(30):
                await room.do("add_note", AddNote(by=person("ana"), text=f"note {number}"))
            lowered = ChangeSeverity(by=person("bo"), severity=Severity.SEV3, reason="few customers")
            state = await room.do("change_severity", lowered)
            newest = await room.handle.describe()
            assert newest.run_id != first.first_execution_run_id, "it has been continued as new"
            assert (state.roles, state.severity) == ({Role.COMMANDER: "ana"}, Severity.SEV3)
            expected = [f"note {number}" for number in range(30)]
            await until(lambda: room.record.sentences(room.id, EntryKind.NOTE) == expected, "every note, in order")
            await room.do("resolve", Resolve(by=person("ana"), summary="Gone"))
            observed = ObserveReview(by=automation("review"), review_id=room.id, state="waived")
            await room.handle.signal("observe_review", observed)
            await room.eventually(lambda state: state.review_state == "waived", "the waiver")
            await room.do("close", Close(by=person("ana")))
            assert (await room.handle.result()).status is IncidentStatus.CLOSED
            origins = {batch.origin for batch in room.record.batches if batch.origin.startswith("incident/")}
            assert len(origins) == 1, "all runs of the chain are one origin, so no number is given twice"
