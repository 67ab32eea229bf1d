"""The communication plan on the real engine, over hours of virtual time: who hears what, exactly when, exactly once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from domain.comms import CloseComms, CommsStart, CommsState, IncidentBrief, RefreshIncident, UpdateRequest
from domain.configuration import AudiencePlan, Destination
from domain.ids import comms_workflow_id, incident_workflow_id
from domain.message import DeliveryStatus, Message, Template
from domain.policy import Audience, Policy
from domain.record import ProjectionKind
from domain.severity import Severity
from domain.timeline import EntryKind, person
from tests.support.engine import sandbox, time_skipping_engine, until, working
from tests.support.recording import Post, Record
from workflows.comms_plan import CommsPlan

INTERNAL, EXTERNAL, EXECUTIVE = Audience.INTERNAL, Audience.EXTERNAL, Audience.EXECUTIVE
LEA, CAM = person("lea"), person("cam")
MINUTE = timedelta(minutes=1)


def plan_of(**brief: Any) -> CommsStart:
    """A SEV-1 incident of the public service Shop, declared now; lea leads communication, cam commands."""
    about: dict[str, Any] = {
        "id": f"inc-20261122-{uuid4().hex[:8]}",
        "title": "5xx on web-7.prod.internal",
        "severity": Severity.SEV1,
        "status": "declared",
        "services": ("shop-web",),
        "public_services": ("Shop",),
        "commander": "cam",
        "communications_lead": "lea",
        "declared_at": datetime.now(UTC),
    }
    audiences = {
        INTERNAL: AudiencePlan(destinations=(Destination(channel="mail", to=("all@example.org",)),)),
        EXTERNAL: AudiencePlan(destinations=(Destination(channel="hook"),)),
        EXECUTIVE: AudiencePlan(destinations=(Destination(channel="mail", to=("board@example.org",)),)),
    }
    return CommsStart(incident=IncidentBrief(**(about | brief)), policy=Policy(), audiences=audiences)


def speaking_by_itself(start: CommsStart) -> CommsStart:
    """The same with automatic first notices to everybody."""
    audiences = {a: plan.model_copy(update={"first_notice": "automatic"}) for a, plan in start.audiences.items()}
    return start.model_copy(update={"audiences": audiences})


class Plan:
    """A running plan, and what has become of it."""

    def __init__(
        self, env: WorkflowEnvironment, handle: WorkflowHandle[Any, Any], start: CommsStart, record: Record, post: Post
    ) -> None:
        self.env, self.handle, self.start, self.record, self.post = env, handle, start, record, post
        self.incident_id = start.incident.id

    async def pass_minutes(self, minutes: float) -> CommsState:
        """Let the plan's clock run, and wait until all that it wanted to say is out and recorded."""
        await self.env.fast_forward(self.handle, minutes * MINUTE)
        return await self.settled()

    async def settled(self) -> CommsState:
        """The state, once the messages that it counts were asked to be delivered."""
        state = await self.view()
        sent = state.updates + state.reminders
        await until(lambda: len({m.key for m in self.post.calls}) >= sent, f"{sent} messages are on their way")
        await until(lambda: len(self.receipts()) >= sent, f"{sent} receipts are in the timeline")
        return state

    async def view(self) -> CommsState:
        """How the plan stands; a run that has just continued as new cannot answer before its first task."""
        for _ in range(200):
            try:
                state: CommsState = await self.handle.query("view", result_type=CommsState)
            except RPCError as error:
                if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                    raise
                await asyncio.sleep(0.02)
            else:
                return state
        raise AssertionError("the plan does not answer")

    def receipts(self) -> set[str]:
        """The distinct lines about deliveries."""
        return {
            f"{entry.summary}{entry.details}" for entry in self.record.timeline(self.incident_id)
            if "deliveries" in entry.details
        }  # fmt: skip

    async def say(self, audience: Audience, text: str = "We are on it.", **more: Any) -> CommsState:
        """Post an update."""
        request = UpdateRequest(by=LEA, audience=audience, text=text, **more)
        await self.handle.execute_update("publish", request, result_type=CommsState)
        return await self.settled()

    def reminders(self) -> list[tuple[float, str, str, tuple[str, ...]]]:
        """Minute (to the half), audience, level and people of each reminder, in order."""
        found = []
        for entry in self.record.timeline(self.incident_id, EntryKind.REMINDER):
            minute = round((entry.at - self.start.incident.declared_at) / (MINUTE / 2)) / 2
            people = tuple(each["to"] for each in entry.details.get("deliveries", ()))
            found.append((minute, entry.details.get("audience", ""), entry.details.get("level", ""), people))
        return found

    def minutes_until(self, at: datetime | None) -> float:
        """A time in minutes after declaration."""
        assert at is not None
        return (at - self.start.incident.declared_at) / MINUTE

    async def replays(self) -> None:
        """Fails when the code would not do again what its history says it did."""
        history = await self.handle.fetch_history()
        replayer = Replayer(workflows=[CommsPlan], data_converter=pydantic_data_converter, workflow_runner=sandbox())
        await replayer.replay_workflow(history)


@asynccontextmanager
async def planning(
    env: WorkflowEnvironment,
    task_queue: str,
    start: CommsStart,
    record: Record,
    post: Post,
    *,
    also: Sequence[type] = (),
) -> AsyncIterator[Plan]:
    """A plan that waits for what the test does; its history is replayed at the end."""
    activities = [record.save, post.send]
    async with working(env.client, task_queue, workflows=[CommsPlan, *also], activities=activities):
        with env.with_time_skipping_disabled():
            handle = await env.client.start_workflow(
                CommsPlan.run, start, id=comms_workflow_id(start.incident.id), task_queue=task_queue
            )
        plan = Plan(env, handle, start, record, post)
        await plan.settled()
        yield plan
        await plan.replays()


@pytest_asyncio.fixture(loop_scope="module")
async def plan(env: WorkflowEnvironment, task_queue: str, record: Record, post: Post) -> AsyncIterator[Plan]:
    """A plan of which everybody waits for a person's first word."""
    async with planning(env, task_queue, plan_of(), record, post) as plan:
        yield plan


def near(minutes: float) -> Any:
    """These minutes, and what real time passed between the test's jumps."""
    return pytest.approx(minutes, abs=0.5)


def texts(messages: Sequence[Message], template: Template) -> list[tuple[str | None, str]]:
    """Audience and text of the messages of a template."""
    return [(m.variant, m.context["text"]) for m in messages if m.template is template]


async def test_silence_is_reminded_late_and_escalated_at_exact_times(plan: Plan):
    """Nobody writes for sixteen minutes: the lead before and at each deadline, the commander five minutes after."""
    await plan.pass_minutes(15.5)
    # Those of one minute are recorded in the order in which they were delivered.
    assert sorted(plan.reminders()) == [
        (2.5, "internal", "upcoming", ("lea",)),
        (5.0, "internal", "late", ("lea",)),
        (7.0, "external", "upcoming", ("lea",)),
        (10.0, "external", "late", ("lea",)),
        (10.0, "internal", "escalated", ("cam",)),
        (12.0, "executive", "upcoming", ("lea",)),
        (15.0, "executive", "late", ("lea",)),
        (15.0, "external", "escalated", ("cam",)),
    ]
    assert len(plan.post.calls) == len(plan.post.messages) == 8
    assert [m.template for m in plan.post.messages[:3]] == [
        Template.UPDATE_REMINDER, Template.UPDATE_OVERDUE, Template.UPDATE_REMINDER
    ]  # fmt: skip
    assert plan.post.messages[1].context["incident"]["title"] == "5xx on web-7.prod.internal"


async def test_an_update_resets_the_clock(plan: Plan):
    """External, due at minute 10: posted at 8, nobody hears of lateness, the next reminder is at 25."""
    await plan.pass_minutes(4)
    for audience in (INTERNAL, EXECUTIVE):
        await plan.say(audience)
    await plan.pass_minutes(4)
    state = await plan.say(EXTERNAL)
    assert plan.minutes_until(state.clocks[EXTERNAL].next_update_by) == near(28.0)
    await plan.pass_minutes(17.5)
    assert [r for r in plan.reminders() if r[1] == "external"] == [
        (7.0, "external", "upcoming", ("lea",)),
        (25.0, "external", "upcoming", ("lea",)),
    ]
    assert texts(plan.post.messages, Template.UPDATE) == [
        ("internal", "We are on it."), ("executive", "We are on it."), ("external", "We are on it.")
    ]  # fmt: skip


async def test_a_late_update_is_counted_and_ends_the_reminders(plan: Plan):
    """Late, reminded, escalated, then written: quiet again, and the miss is on record."""
    await plan.pass_minutes(10.5)
    state = await plan.say(INTERNAL)
    assert state.clocks[INTERNAL].missed == 1
    before = len([r for r in plan.reminders() if r[1] == "internal"])
    await plan.pass_minutes(11)
    assert len([r for r in plan.reminders() if r[1] == "internal"]) == before == 3


async def test_a_long_incident_speaks_less_often_to_customers(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
):
    """SEV-1: every 20 minutes for two hours, then every 30; the team's rhythm stays."""
    async with planning(env, task_queue, plan_of(), record, post) as plan:
        # Just before each deadline: at the deadline itself its timer and the skipping would meet.
        for _ in range(5):
            await plan.pass_minutes(19.9)
            state = await plan.say(EXTERNAL)
        assert plan.minutes_until(state.clocks[EXTERNAL].next_update_by) == near(119.5)
        await plan.pass_minutes(20.6)
        state = await plan.say(EXTERNAL)
        assert plan.minutes_until(state.clocks[EXTERNAL].next_update_by) == near(150.1)
        state = await plan.say(INTERNAL)
        assert plan.minutes_until(state.clocks[INTERNAL].next_update_by) == near(135.1)


async def test_automatic_first_notices_go_out_at_once_and_tell_customers_no_internals(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
):
    """Each audience gets its own text; what customers read names no host, and is what the status page shows."""
    start = speaking_by_itself(plan_of(summary="web-7.prod.internal answers 500"))
    async with planning(env, task_queue, start, record, post) as plan:
        first = dict(texts(post.messages, Template.UPDATE))
        assert sorted(first) == ["executive", "external", "internal"]
        assert first["external"] == (
            "We are investigating a problem with Shop. You may see errors or delays. Our team is working on it."
        )
        assert "web-7.prod.internal answers 500" in first["internal"]
        external = next(m for m in post.messages if m.variant == "external")
        assert "web-7" not in external.model_dump_json()
        await plan.pass_minutes(1)
        await until(lambda: len(record.documents(ProjectionKind.UPDATE)) == 3)
        pictures = record.documents(ProjectionKind.UPDATE).values()
        (page,) = [each for each in pictures if each["audience"] == "external"]
        assert "web-7" not in str(page)
        assert (page["title"], page["services"], page["status"]) == ("Problem with Shop", ["Shop"], "declared")
        assert plan.minutes_until(datetime.fromisoformat(page["next_update_by"])) == near(20.0)
        assert (page["closing"], page["drill"], page["number"]) == (False, False, 1)


async def test_customers_are_not_told_automatically_of_what_they_cannot_see(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
):
    """Without a public service the first word to customers is a person's decision; the clock reminds of it."""
    start = speaking_by_itself(plan_of(public_services=()))
    async with planning(env, task_queue, start, record, post) as plan:
        await plan.pass_minutes(8)
        assert sorted(m.variant or "" for m in post.of(Template.UPDATE)) == ["executive", "internal"]
        assert (7.0, "external", "upcoming", ("lea",)) in plan.reminders()
        assert any("no public service" in line for line in record.sentences(plan.incident_id, EntryKind.UPDATE))


async def test_the_closing_notice_reaches_exactly_those_who_have_heard_and_then_it_ends(plan: Plan):
    """Internal and external heard of it, executives never did; customers do not get the responders' words."""
    await plan.say(INTERNAL)
    await plan.say(EXTERNAL)
    await plan.handle.signal("finish", CloseComms(by=CAM, summary="rolled back web-7"))
    state = await plan.handle.result()
    closing = dict(texts(plan.post.messages, Template.CLOSING))
    assert closing == {
        "internal": "5xx on web-7.prod.internal is resolved: rolled back web-7",
        "external": "The problem with Shop is resolved. Everything works normally again. We are sorry.",
    }
    assert len(plan.post.messages) == 4
    assert all(clock.next_update_by is None for clock in state.clocks.values())
    pictures = plan.record.documents(ProjectionKind.UPDATE)
    assert [p["closing"] for p in pictures.values()].count(True) == 2
    assert all(p["deliveries"][0]["status"] == "delivered" for p in pictures.values())
    assert "External closing notice: delivered to hook (hook)" in plan.record.sentences(plan.incident_id)


@pytest.mark.parametrize(
    ("outcome", "words"), [("cancelled", "there is no problem with Shop"), ("merged", "is part of another one")]
)
async def test_an_incident_that_was_none_or_another_says_so(plan: Plan, outcome: str, words: str):
    """The closing notice does not claim that something was repaired."""
    await plan.say(EXTERNAL)
    await plan.handle.signal("finish", CloseComms(by=CAM, summary="see inc-1", outcome=outcome))
    await plan.handle.result()
    ((variant, text),) = texts(plan.post.messages, Template.CLOSING)
    assert (variant, words in text) == ("external", True)


async def test_a_repeated_request_is_published_once(plan: Plan):
    """The same key as Update and as signal, three times: one message, one line."""
    for _ in range(2):
        await plan.say(EXTERNAL, key="abc")
    await plan.handle.signal("publish", UpdateRequest(by=LEA, audience=EXTERNAL, text="We are on it.", key="abc"))
    state = await plan.pass_minutes(0.1)
    assert state.updates == 1
    assert len(plan.post.calls) == 1
    published = [e for e in plan.record.timeline(plan.incident_id, EntryKind.UPDATE) if "text" in e.details]
    assert len(published) == 1


async def test_a_mail_server_that_is_away_is_shown_as_pending_and_holds_nothing_up(plan: Plan):
    """The update counts when it is published; the plan ends only when the closing notice has left the house."""
    plan.post.answer = lambda _: DeliveryStatus.PENDING
    await plan.say(INTERNAL)
    await plan.handle.signal("finish", CloseComms(by=CAM, summary="over"))
    await plan.pass_minutes(60)
    assert plan.post.messages == []
    lines = plan.record.sentences(plan.incident_id, EntryKind.UPDATE)
    assert len([line for line in lines if "pending for all@example.org (mail)" in line]) == 2
    assert (await plan.handle.describe()).status == 1
    plan.post.answer = lambda _: DeliveryStatus.DELIVERED
    await plan.env.fast_forward(plan.handle, 10 * MINUTE)
    await plan.handle.result()
    assert sorted(m.template for m in plan.post.messages) == [Template.CLOSING, Template.UPDATE]
    lines = plan.record.sentences(plan.incident_id, EntryKind.UPDATE)
    assert "Internal update 1: delivered to all@example.org (mail)" in lines
    assert "Internal closing notice: delivered to all@example.org (mail)" in lines


@pytest.mark.parametrize(
    ("status", "words"),
    [(DeliveryStatus.UNKNOWN, "UNKNOWN whether delivered to"), (DeliveryStatus.FAILED, "FAILED for")],
)
async def test_a_doubtful_or_failed_delivery_is_said_plainly(plan: Plan, status: DeliveryStatus, words: str):
    """The timeline and the picture of the update have it; it is not tried again."""
    plan.post.answer = lambda _: status
    await plan.say(INTERNAL)
    await plan.pass_minutes(1)
    assert f"Internal update 1: {words} all@example.org (mail)" in "\n".join(plan.record.sentences(plan.incident_id))
    await until(lambda: _first_delivery(plan) == status.value)
    assert len(plan.post.calls) == 1


def _first_delivery(plan: Plan) -> str | None:
    deliveries = [p["deliveries"] for p in plan.record.documents(ProjectionKind.UPDATE).values()]
    return deliveries[0][0]["status"] if deliveries and deliveries[0] else None


async def test_a_new_severity_moves_the_clocks(plan: Plan):
    """Lowered to SEV-3 the executives' clock stops; raised again it runs."""
    milder = plan.start.incident.model_copy(update={"severity": Severity.SEV3})
    await plan.handle.signal("refresh", RefreshIncident(incident=milder))
    state = await plan.pass_minutes(1)
    assert plan.minutes_until(state.clocks[INTERNAL].next_update_by) == near(30.0)
    assert state.clocks[EXECUTIVE].next_update_by is None
    await plan.handle.signal("refresh", RefreshIncident(incident=plan.start.incident))
    state = await plan.pass_minutes(1)
    assert plan.minutes_until(state.clocks[INTERNAL].next_update_by) == near(5.0)
    assert plan.minutes_until(state.clocks[EXECUTIVE].next_update_by) == near(15.0)


async def test_without_anybody_in_charge_the_timeline_says_so(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
):
    """No commander, no lead: nobody can be reminded, and that is not silent."""
    start = plan_of(commander=None, communications_lead=None, severity=Severity.SEV3)
    async with planning(env, task_queue, start, record, post) as plan:
        await plan.pass_minutes(28)
        await until(lambda: len(record.timeline(plan.incident_id, EntryKind.REMINDER)) == 1)
        (line,) = record.sentences(plan.incident_id, EntryKind.REMINDER)
        assert line.startswith("Nobody can be reminded (internal update due by ")
        assert post.calls == []


async def test_a_drill_is_told_to_the_team_only(env: WorkflowEnvironment, task_queue: str, record: Record, post: Post):
    """No first notice, no clock, no update and no closing notice for customers and executives."""
    async with planning(env, task_queue, speaking_by_itself(plan_of(drill=True)), record, post) as plan:
        await plan.say(EXTERNAL)
        state = await plan.pass_minutes(60)
        assert set(state.clocks) == {INTERNAL}
        await plan.handle.signal("finish", CloseComms(by=CAM, summary="over"))
        await plan.handle.result()
        assert {m.variant for m in post.messages} == {"internal", None}
        assert all(m.drill for m in post.messages)
        assert {p["audience"] for p in record.documents(ProjectionKind.UPDATE).values()} == {"internal"}
        assert any("withheld: this is a drill" in line for line in record.sentences(plan.incident_id))


@pytest.mark.parametrize("text", ["", "  \n", "x" * 20_001])
async def test_an_update_without_a_usable_text_is_refused(plan: Plan, text: str):
    """As an Update with a sentence; as a signal with a line in the timeline."""
    request = UpdateRequest(by=LEA, audience=INTERNAL, text=text)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await plan.handle.execute_update("publish", request)
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "Rejected"
    await plan.handle.signal("publish", request)
    await until(lambda: bool(plan.record.timeline(plan.incident_id, EntryKind.TROUBLE)))
    assert plan.post.calls == []


async def test_a_reopened_incident_goes_on_while_the_closing_notice_waits(plan: Plan):
    """The mail server is away, the incident is reopened: clocks run again, and nothing is published after closing."""
    await plan.say(INTERNAL)
    plan.post.answer = lambda _: DeliveryStatus.PENDING
    await plan.handle.signal("finish", CloseComms(by=CAM, summary="over"))
    with pytest.raises(WorkflowUpdateFailedError, match="Workflow update failed"):
        await plan.handle.execute_update("publish", UpdateRequest(by=LEA, audience=INTERNAL, text="more"))
    again = plan.start.incident.model_copy(update={"status": "investigating"})
    await plan.handle.signal("refresh", RefreshIncident(incident=again))
    plan.post.answer = lambda _: DeliveryStatus.DELIVERED
    state = await plan.say(INTERNAL, "It is back.")
    assert state.closing_at is None
    assert state.clocks[EXTERNAL].next_update_by is not None
    assert state.updates == 3


@workflow.defn(name="Incident")
class ListeningIncident:
    """Stands for the incident: keeps what it is told."""

    def __init__(self) -> None:
        self._heard: list[dict[str, Any]] = []

    @workflow.run
    async def run(self) -> None:
        """For ever."""
        await workflow.wait_condition(lambda: False)

    @workflow.signal(dynamic=True)
    async def on_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Keep it."""
        self._heard.append({"signal": name, **workflow.payload_converter().from_payload(args[0].payload, dict)})

    @workflow.query
    def heard(self) -> list[dict[str, Any]]:
        """Everything, in order."""
        return self._heard


async def test_the_incident_knows_by_when_each_audience_must_hear(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
):
    """At the start, after each update, and when nothing is owed any more."""
    start = plan_of()
    async with planning(env, task_queue, start, record, post, also=[ListeningIncident]) as plan:
        # The plan that came first found nobody listening; that harms nobody.
        with env.with_time_skipping_disabled():
            incident = await env.client.start_workflow(
                ListeningIncident.run, id=incident_workflow_id(start.incident.id), task_queue=task_queue
            )
        await plan.say(INTERNAL)
        await plan.handle.signal("finish", CloseComms(by=CAM, summary="over"))
        await plan.handle.result()
        heard = await incident.query(ListeningIncident.heard)
        # The first word may come before or after the incident listens.
        assert {each["signal"] for each in heard} == {"observe_comms"}
        assert set(heard[0]["next_update_by"]) == {"internal", "external", "executive"}
        assert heard[-1]["next_update_by"] == {}
        await incident.terminate()


async def test_a_plan_of_many_hours_crosses_histories_without_losing_or_doubling_anything(
    task_queue: str, record: Record, post: Post
):
    """An engine that wants short histories: forty reminders of silence, each told once, in order, over many runs.

    No exact times here: behind a continue-as-new this engine sometimes counts the time it has skipped so far twice
    (Server 1.32.0), and a plan that finds itself hours later rightly takes only the gravest step.
    """
    start = plan_of(severity=Severity.SEV3)
    async with (
        time_skipping_engine("limit.historyCount.suggestContinueAsNew=60") as short,
        working(short.client, task_queue, workflows=[CommsPlan], activities=[record.save, post.send]),
    ):
        handle = await short.client.start_workflow(
            CommsPlan.run, start, id=comms_workflow_id(start.incident.id), task_queue=task_queue
        )
        plan = Plan(short, handle, start, record, post)
        await until(lambda: len(plan.reminders()) >= 40, "forty reminders")
        assert (await handle.describe()).run_id != handle.first_execution_run_id
        await plan.replays()
        await handle.terminate()
        times = [minute for minute, audience, *_ in plan.reminders() if audience == "internal"]
        assert all(later - earlier >= 2.5 for earlier, later in pairwise(times))
        keys = [message.key for message in post.calls]
        assert len(keys) == len(set(keys))
        assert len({batch.origin for batch in record.batches}) == 1
        numbers = {each.number for batch in record.batches for each in batch.entries}
        assert numbers == set(range(1, max(numbers) + 1))
