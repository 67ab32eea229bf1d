"""The escalation on the real engine: whom it pages at which moment, and when it stops."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest_asyncio
from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from domain.calendar import next_opening
from domain.configuration import OnCall, OnCallLevel
from domain.game_day import MilestoneKind
from domain.ids import page_id, page_workflow_id
from domain.message import DeliveryStatus, Message, MessageReceipt
from domain.page import AcknowledgePage, EscalationStart, EscalationState, EscalationStatus, StopEscalation
from domain.policy import WorkingHours
from domain.record import ProjectionKind
from domain.severity import Severity
from domain.timeline import EntryKind, automation, person
from tests.support.engine import replayer, until, working
from tests.support.recording import Post, Record
from tests.support.stand_ins import StandInGameDay
from workflows.escalation import Escalation

MINUTE = timedelta(minutes=1)
ON_CALL = OnCall(
    levels=(
        OnCallLevel(people=("ana",)),
        OnCallLevel(people=("bo", "cy"), acknowledge_within=timedelta(minutes=10)),
        OnCallLevel(people=("dee",)),
    )
)


def page(incident: str, **changes: object) -> EscalationStart:
    """A SEV-3 page: 15 minutes a level, 5 minutes of pause after the last."""
    start = EscalationStart(
        id=page_id(incident, 1),
        incident_id=incident,
        title="Checkout fails",
        severity=Severity.SEV3,
        reason="SEV-3 was declared",
        on_call=ON_CALL,
        acknowledge_within_seconds=900,
        repeat_after_seconds=300,
        people=("ana", "bo", "cy", "dee"),
    )
    return start.model_copy(update=changes)


@dataclass
class Duty:
    """An incident of its own, a worker for its page, and what the worker reaches."""

    env: WorkflowEnvironment
    queue: str
    post: Post
    record: Record
    incident: str

    async def begin(self, start: EscalationStart) -> WorkflowHandle[Escalation, EscalationState]:
        """Start an escalation that waits for what the test does."""
        with self.env.with_time_skipping_disabled():
            return await self.env.client.start_workflow(
                Escalation.run, start, id=page_workflow_id(self.incident, 1), task_queue=self.queue
            )

    def paged(self) -> list[str]:
        """Who was paged, in order; people of one level are paged at once and so in any order."""
        return [name for message in self.post.messages for name in message.people]

    async def paged_are(self, *people: str) -> None:
        """Wait until exactly these have been paged."""
        await until(lambda: sorted(self.paged()) == sorted(people), f"paging {people} (paged: {self.paged()})")


@pytest_asyncio.fixture(loop_scope="module")
async def duty(env: WorkflowEnvironment, task_queue: str, record: Record, post: Post) -> AsyncIterator[Duty]:
    """A worker with nothing but escalations."""
    async with working(env.client, task_queue, workflows=[Escalation], activities=[record.save, post.send]):
        yield Duty(env, task_queue, post, record, f"inc-20261122-{uuid4().hex[:8]}")


async def test_each_level_is_paged_when_the_one_before_has_had_its_time(duty: Duty):
    """15 minutes for the first level, 10 for the second by its own setting, then the pause, then the second round."""
    handle = await duty.begin(page(duty.incident))
    await duty.paged_are("ana")
    await duty.env.fast_forward(handle, 14 * MINUTE)
    assert duty.paged() == ["ana"]
    await duty.env.fast_forward(handle, 2 * MINUTE)
    await duty.paged_are("ana", "bo", "cy")
    await duty.env.fast_forward(handle, 8 * MINUTE)
    assert len(duty.paged()) == 3
    await duty.env.fast_forward(handle, 2 * MINUTE)
    await duty.paged_are("ana", "bo", "cy", "dee")
    await duty.env.fast_forward(handle, 18 * MINUTE)
    assert len(duty.paged()) == 4
    await duty.env.fast_forward(handle, 2 * MINUTE)
    await duty.paged_are("ana", "bo", "cy", "dee", "ana")
    state = await handle.query(Escalation.view)
    assert (state.level, state.round) == (1, 2)
    await handle.signal("stop", StopEscalation(by=automation("test")))
    await handle.result()


async def test_an_acknowledgement_stops_the_paging_for_good(duty: Duty):
    """Acknowledged after the first level: the second is never paged, and the record shows it."""
    handle = await duty.begin(page(duty.incident))
    await duty.paged_are("ana")
    await duty.env.fast_forward(handle, 10 * MINUTE)
    await handle.execute_update("acknowledge", AcknowledgePage(by=person("ana")), result_type=EscalationState)
    state = await handle.result()
    assert state.status is EscalationStatus.ACKNOWLEDGED
    assert state.acknowledged_by == person("ana")
    assert duty.paged() == ["ana"]
    document = duty.record.document(ProjectionKind.PAGE, page_id(duty.incident, 1))
    assert document is not None
    assert document["status"] == "acknowledged"
    assert [(each["person"], each["status"]) for each in document["deliveries"]] == [("ana", "delivered")]
    assert duty.record.sentences(duty.incident) == ["paging level 1 of 3: ana", "ana was paged over mail"]


async def test_a_second_answer_changes_nothing(duty: Duty):
    """Who acknowledged first stays in the record; a stop after that leaves no line."""
    handle = await duty.begin(page(duty.incident))
    await duty.paged_are("ana")
    await handle.signal("acknowledge", AcknowledgePage(by=person("ana")))
    await handle.signal("stop", StopEscalation(by=person("bo"), reason="resolved"))
    state = await handle.result()
    assert (state.status, state.acknowledged_by) == (EscalationStatus.ACKNOWLEDGED, person("ana"))
    assert not any("stopped" in sentence for sentence in duty.record.sentences(duty.incident))


async def test_an_answer_from_a_stranger_is_refused_and_paging_goes_on(duty: Duty):
    """Somebody who is not in hotwash.yaml cannot silence a page; a signal says so in the timeline."""
    handle = await duty.begin(page(duty.incident))
    await duty.paged_are("ana")
    await handle.signal("acknowledge", AcknowledgePage(by=person("mallory")))
    await until(lambda: duty.record.sentences(duty.incident, EntryKind.TROUBLE) != [], "the line about it")
    assert "mallory" in duty.record.sentences(duty.incident, EntryKind.TROUBLE)[0]
    assert (await handle.query(Escalation.view)).status is EscalationStatus.PAGING
    await handle.signal("stop", StopEscalation(by=automation("test")))
    await handle.result()


async def test_a_mail_server_that_is_away_delays_no_level_and_no_answer(duty: Duty):
    """Undelivered pages are shown as pending; the next level is tried in time; after the answer none goes out."""
    duty.post.answer = lambda _: DeliveryStatus.PENDING
    handle = await duty.begin(page(duty.incident))
    await until(lambda: len(duty.post.calls) >= 1, "the first try")
    await duty.env.fast_forward(handle, 15.1 * MINUTE)
    await until(lambda: {who for m in duty.post.calls for who in m.people} == {"ana", "bo", "cy"}, "the second level")
    await until(lambda: "page to ana over mail is pending" in duty.record.sentences(duty.incident), "the line about it")
    await handle.signal("acknowledge", AcknowledgePage(by=person("bo")))
    await duty.env.fast_forward(handle, MINUTE)
    await handle.result()
    assert duty.post.messages == []


async def test_sev_4_pages_wait_for_the_office_to_open(duty: Duty):
    """Pages that wait for working hours go out at the next opening and not a minute before."""
    now = datetime.now(UTC)
    # An office that opened an hour ago for one minute: closed now, whatever the time of day this test runs at.
    opens = (now - timedelta(hours=1)).time().replace(second=0, microsecond=0)
    closes = (datetime.combine(now.date(), opens) + MINUTE).time()
    hours = WorkingHours(weekdays=(0, 1, 2, 3, 4, 5, 6), opens=opens, closes=closes)
    opening = next_opening(now, hours)
    handle = await duty.begin(page(duty.incident, severity=Severity.SEV4, working_hours=hours))
    state = await handle.query(Escalation.view)
    assert state.next_level_at == opening
    await duty.env.fast_forward(handle, opening - now - MINUTE)
    assert duty.paged() == []
    await duty.env.fast_forward(handle, 2 * MINUTE)
    await duty.paged_are("ana")
    await handle.signal("stop", StopEscalation(by=automation("test")))
    await handle.result()


async def test_the_history_of_a_page_replays(duty: Duty):
    """What was recorded can be replayed by the code of today."""
    handle = await duty.begin(page(duty.incident))
    await duty.paged_are("ana")
    await duty.env.fast_forward(handle, 26 * MINUTE)
    await handle.signal("acknowledge", AcknowledgePage(by=person("dee")))
    await handle.result()
    await replayer([Escalation]).replay_workflow(await handle.fetch_history())


async def test_whom_a_page_reached_counts_though_it_was_answered_first(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
):
    """Ana answers before her mail server has said that it took the mail; the game day hears that it reached her."""
    incident, is_answered = f"inc-20261122-{uuid4().hex[:8]}", asyncio.Event()

    @activity.defn(name="messages.send")
    async def send(message: Message) -> MessageReceipt:
        receipt = await post.send(message)
        await is_answered.wait()
        return receipt

    async with working(env.client, task_queue, workflows=[Escalation, StandInGameDay], activities=[record.save, send]):
        duty = Duty(env, task_queue, post, record, incident)
        with env.with_time_skipping_disabled():
            game_day = await env.client.start_workflow(
                StandInGameDay.run, {}, id=f"game-day/{incident}", task_queue=task_queue
            )
        handle = await duty.begin(page(incident, drill=True, game_day_workflow=game_day.id))
        await duty.paged_are("ana")
        await handle.execute_update("acknowledge", AcknowledgePage(by=person("ana")))
        is_answered.set()
        await handle.result()
        (told,) = (await game_day.query(StandInGameDay.seen))["heard"]
        assert (told["kind"], told["people"]) == (MilestoneKind.PAGED.value, ["ana"])
        await game_day.terminate()
    await replayer([Escalation]).replay_workflow(await handle.fetch_history())
