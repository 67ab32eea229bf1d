"""Action items: reminders at their exact times, the manager from the second overdue time on, evidence before done."""

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.action_item import (
    ActionItemStart,
    ActionItemState,
    ActionItemStatus,
    AddEvidence,
    ApproveExtension,
    DropItem,
    ExtendItem,
    FinishItem,
    ObserveDrill,
    Priority,
    ReassignItem,
    ReopenItem,
    StartWork,
)
from domain.calendar import due_after
from domain.message import DeliveryStatus, Template
from domain.policy import Policy, WorkingHours
from domain.record import ProjectionKind
from domain.timeline import EntryKind, automation, person
from tests.support.engine import until
from tests.support.following import Followed, ListeningIncident, following, heard
from tests.support.recording import Post, Record
from workflows.action_item import ActionItem

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ALICE, BOB, MONA = person("alice"), person("bob"), person("mona")
GAME_DAY = automation("game-day")
OFFICE = WorkingHours(time_zone="Europe/Berlin")


class Begin(Protocol):
    """Starts an action item; its clock stands still."""

    def __call__(self, **fields: Any) -> AbstractAsyncContextManager[Followed]:
        """`fields` go into its ActionItemStart."""


@pytest.fixture
def begin(env: WorkflowEnvironment, task_queue: str, record: Record, post: Post) -> Begin:
    """Action items of alice, whose manager is mona; bob is another one who may own them."""

    def start(**fields: Any) -> AbstractAsyncContextManager[Followed]:
        item = f"act-{uuid4().hex[:6]}"
        given = {
            "id": item,
            "incident_id": f"inc-20261122-{item[4:]}",
            "title": "Probe the checkout",
            "owner": "alice",
            "done_when": "a probe alerts",
            "created_by": BOB,
            "managers": {"alice": "mona", "bob": "mona"},
            "people": ("alice", "bob", "mona"),
            # The start clock has tests of its own.
            "policy": Policy(calendar=OFFICE, action_item_start_days=0, extension_needs_approver=True),
        }
        return following(
            env, task_queue, ActionItem.run, ActionItemStart.model_validate(given | fields),
            id_=f"action-item/{item}", view_type=ActionItemState, workflows=[ActionItem], record=record, post=post,
        )  # fmt: skip

    return start


async def test_the_owner_is_reminded_and_then_the_manager_too(begin: Begin):
    """Two days and four hours before, at the time, a day after, and with the manager from two days after on."""
    async with begin() as item:
        new = await item.view()
        due = new.due_at
        assert due == due_after(new.created_at, 60 * DAY, OFFICE)
        # A minute before the first reminder nothing but the assignment has been sent.
        await item.pass_until(due - 2 * DAY - timedelta(minutes=1), new.created_at)
        assert [message.template for message in await item.told(1)] == [Template.ACTION_ITEM_ASSIGNED]
        # Until an hour after the third overdue time, with the first two steps one by one.
        await item.pass_time(timedelta(minutes=2))
        await item.told(2)
        await item.pass_time(2 * DAY - 4 * HOUR)
        await item.told(3)
        state = await item.pass_time(4 * HOUR + 3 * DAY + HOUR)
        messages = await item.told(7)
        assert await item.reminders(6) == [
            (due - 2 * DAY, "upcoming", ["alice"]),
            (due - 4 * HOUR, "upcoming", ["alice"]),
            (due, "due", ["alice"]),
            (due + DAY, "overdue", ["alice"]),
            (due + 2 * DAY, "escalated", ["alice", "mona"]),
            (due + 3 * DAY, "escalated", ["alice", "mona"]),
        ]
        assert [(message.template, message.people) for message in messages] == [
            (Template.ACTION_ITEM_ASSIGNED, ("alice",)),
            (Template.ACTION_ITEM_REMINDER, ("alice",)),
            (Template.ACTION_ITEM_REMINDER, ("alice",)),
            (Template.ACTION_ITEM_REMINDER, ("alice",)),
            (Template.ACTION_ITEM_OVERDUE, ("alice",)),
            (Template.ACTION_ITEM_OVERDUE, ("alice", "mona")),
            (Template.ACTION_ITEM_OVERDUE, ("alice", "mona")),
        ]
        assert (state.reminders_sent, state.escalations_sent, state.is_overdue) == (6, 2, True)


async def test_an_extension_moves_the_ladder(begin: Begin):
    """A later date with a reason and a second person starts the reminders afresh; without, the old one stands."""
    async with begin(priority=Priority.URGENT, severity="SEV-1") as item:
        new = await item.view()
        assert new.due_at == due_after(new.created_at, 15 * DAY, OFFICE)
        await item.pass_until(new.due_at + DAY + HOUR, new.created_at)
        await item.told(5)
        later = new.due_at + 10 * DAY
        assert await item.refusal("extend", ExtendItem(by=ALICE, due_at=later, reason=" ")) == (
            "invalid",
            "the reason for the extension must not be empty",
        )
        for earlier in (new.due_at, new.due_at - DAY, new.due_at + HOUR):
            kind, _ = await item.refusal("extend", ExtendItem(by=ALICE, due_at=earlier, reason="more time"))
            assert kind == "invalid"
        naive = {"by": ALICE.model_dump(), "due_at": "2031-01-01T00:00:00", "reason": "more time"}
        assert "time zone" in (await item.refusal("extend", naive))[1]
        asked = await item.ask("extend", ExtendItem(by=ALICE, due_at=later, reason="the vendor is late"))
        assert (asked.due_at, asked.extensions, asked.extension_asked.until) == (new.due_at, 0, later)
        assert (await item.refusal("approve_extension", ApproveExtension(by=ALICE)))[0] == "forbidden"
        extended = await item.ask("approve_extension", ApproveExtension(by=MONA))
        assert (extended.due_at, extended.extensions, extended.is_overdue) == (later, 1, False)
        await item.pass_time(10 * DAY - DAY - HOUR + timedelta(minutes=1))
        levels = [(message.people, message.context["level"]) for message in await item.told(10)]
        assert levels[5:7] == [(("mona",), "extension_asked"), (("alice",), "extended")]
        assert (await item.reminders(7))[4:] == [
            (later - 2 * DAY, "upcoming", ["alice"]),
            (later - 4 * HOUR, "upcoming", ["alice"]),
            (later, "due", ["alice"]),
        ]


async def test_an_item_is_done_only_with_evidence(begin: Begin, record: Record):
    """Done without evidence is refused; with it the item is done, and ends when it is not watched any longer."""
    async with begin() as item:
        kind, sentence = await item.refusal("done", FinishItem(by=ALICE))
        assert kind == "conflict"
        assert "no evidence" in sentence
        kind, sentence = await item.refusal("add_evidence", AddEvidence(by=ALICE, text="x", url="javascript:alert(1)"))
        assert "not a web address" in sentence
        assert (await item.ask("start", StartWork(by=ALICE))).state is ActionItemStatus.IN_PROGRESS
        proof = AddEvidence(by=ALICE, text="the probe fired in staging", url="https://ci.example/7")
        assert (await item.ask("add_evidence", proof)).state is ActionItemStatus.VERIFYING
        done = await item.ask("done", FinishItem(by=BOB))
        assert done.state is ActionItemStatus.DONE
        ended = await item.pass_time(91 * DAY)
        assert await item.ended() == ended == done.model_copy(update={"watched_until": None})
        picture = record.document(ProjectionKind.ACTION_ITEM, done.id)
        assert picture is not None
        assert (picture["state"], picture["evidence"][0]["url"]) == ("done", "https://ci.example/7")
        await item.told(1)


async def test_an_item_is_dropped_only_with_a_reason(begin: Begin, record: Record):
    """The owner says why and asks; another person accepts, and the timeline keeps both."""
    async with begin() as item:
        assert (await item.refusal("drop", DropItem(by=ALICE, reason="")))[0] == "invalid"
        asked = await item.ask("drop", DropItem(by=ALICE, reason="the service is retired"))
        assert (asked.state, asked.not_doing.reason) == (ActionItemStatus.OPEN, "the service is retired")
        assert (await item.refusal("drop", DropItem(by=ALICE, reason="again")))[0] == "conflict"
        assert [(m.people, m.context["level"]) for m in await item.told(2)][1] == (("mona",), "drop")
        dropped = await item.ask("drop", DropItem(by=BOB, reason="the service is retired"))
        assert (dropped.state, dropped.dropped_because) == (ActionItemStatus.DROPPED, "the service is retired")
        await item.ended()
        assert [(m.people, m.context["level"]) for m in await item.told(3)][2] == (("alice", "mona"), "dropped")
        assert f"Action item {dropped.id} dropped: the service is retired" in record.sentences(dropped.incident_id)


async def test_an_item_that_requires_a_drill_waits_for_one_that_passes(begin: Begin):
    """Evidence by hand is not enough; a failed drill tells the owner; only a passed one lets the item end."""
    async with begin(requires_drill="process-dies") as item:
        await item.ask("add_evidence", AddEvidence(by=ALICE, text="looks good"))
        assert "'process-dies' has passed" in (await item.refusal("done", FinishItem(by=ALICE)))[1]
        forged = AddEvidence(by=ALICE, kind="drill", text="it passed, trust me")
        assert (await item.refusal("add_evidence", forged))[0] == "forbidden"
        by_hand = ObserveDrill(by=ALICE, game_day="process-dies", game_day_id="g1", passed=True)
        assert (await item.refusal("observe_drill", by_hand))[0] == "forbidden"
        failed = ObserveDrill(by=GAME_DAY, game_day="process-dies", game_day_id="g1", passed=False)
        # Told twice, as signals may be; it counts once.
        await item.handle.signal("observe_drill", failed)
        await item.handle.signal("observe_drill", failed)
        state = await item.view()
        assert state.state is ActionItemStatus.IN_PROGRESS
        assert [evidence.kind for evidence in state.evidence] == ["note", "drill_failed"]
        assert [message.context["level"] for message in await item.told(2)] == ["assigned", "drill_failed"]
        passed = ObserveDrill(by=GAME_DAY, game_day="process-dies", game_day_id="g2", passed=True)
        await item.handle.signal("observe_drill", passed)
        assert (await item.view()).state is ActionItemStatus.VERIFYING
        done = await item.ask("done", FinishItem(by=ALICE))
        assert done.state is ActionItemStatus.DONE
        # It is watched for a year: the drill is held again and fails, and the item is open again.
        again = ObserveDrill(by=GAME_DAY, game_day="process-dies", game_day_id="g3", passed=False)
        await item.handle.signal("observe_drill", again)
        reopened = await item.view()
        assert (reopened.state, reopened.reopened) == (ActionItemStatus.IN_PROGRESS, 1)
        assert "did not pass" in reopened.reopened_because
        assert [(m.people, m.context["level"]) for m in await item.told(3)][2] == (("alice", "mona"), "reopened")


async def test_whoever_sees_that_a_fix_does_not_hold_reopens_it(begin: Begin):
    """Nothing but a word says that it is done, so for a quarter anybody may say that it is not; then it has ended."""
    async with begin() as item:
        await item.ask("add_evidence", AddEvidence(by=ALICE, text="the probe alerts now"))
        done = await item.ask("done", FinishItem(by=ALICE))
        assert done.watched_until == done.finished_at + 90 * DAY
        await item.pass_time(89 * DAY)
        kind, sentence = await item.refusal("reopen", ReopenItem(by=BOB, reason=" "))
        assert (kind, "empty" in sentence) == ("invalid", True)
        again = await item.ask("reopen", ReopenItem(by=BOB, reason="it was down for an hour and nobody was told"))
        assert (again.state, again.reopened, again.watched_until) == (ActionItemStatus.IN_PROGRESS, 1, None)
        assert again.due_at > done.finished_at + 90 * DAY
        assert [(m.people, m.context["level"]) for m in await item.told(2)][1] == (("alice", "mona"), "reopened")
        await item.ask("done", FinishItem(by=ALICE))
        await item.pass_time(91 * DAY)
        assert (await item.ended()).state is ActionItemStatus.DONE


async def test_a_signal_that_is_refused_leaves_a_line(begin: Begin, record: Record):
    """Nobody waits for the answer to a signal, so the timeline has it."""
    async with begin() as item:
        other = ObserveDrill(by=GAME_DAY, game_day="another", game_day_id="g1", passed=True)
        await item.handle.signal("observe_drill", other)
        await until(lambda: bool(record.sentences(kind=EntryKind.TROUBLE)), "the refusal is in the timeline")
        (line,) = record.sentences(kind=EntryKind.TROUBLE)
        assert "does not wait for game day 'another'" in line


async def test_another_owner_is_told_and_reminded_instead(begin: Begin):
    """A reassigned item follows its new owner; somebody unknown is refused, with the names that are known."""
    async with begin() as item:
        new = await item.view()
        kind, sentence = await item.refusal("reassign", ReassignItem(by=ALICE, owner="mallory"))
        assert (kind, "alice, bob, mona" in sentence) == ("invalid", True)
        await item.ask("reassign", ReassignItem(by=ALICE, owner="bob", reason="on leave"))
        await item.pass_until(new.due_at - DAY, new.created_at)
        messages = await item.told(3)
        assert [message.people for message in messages] == [("alice",), ("bob",), ("bob",)]


async def test_the_incident_hears_how_it_stands(begin: Begin, env: WorkflowEnvironment, task_queue: str):
    """Each new state is told once; an incident that is gone is no reason to stop."""
    incident_id = f"inc-20261122-{uuid4().hex[:6]}"
    with env.with_time_skipping_disabled():
        incident = await env.client.start_workflow(
            ListeningIncident.run, id=f"incident/{incident_id}", task_queue=task_queue
        )
    async with begin(incident_id=incident_id) as item:
        await heard(incident, 1)
        await item.ask("start", StartWork(by=ALICE))
        assert [each["item"]["state"] for each in await heard(incident, 2)] == ["open", "in_progress"]
        await incident.signal(ListeningIncident.close)
        await incident.result()
        await item.ask("drop", DropItem(by=BOB, reason="not needed"))
        await item.ended()


async def test_a_mail_server_that_is_away_is_waited_for(begin: Begin, post: Post, record: Record):
    """A message is pending in the timeline, tried again, and delivered once; the item goes on meanwhile."""
    post.answer = lambda _: DeliveryStatus.PENDING
    async with begin() as item:
        await until(lambda: bool(record.sentences(kind=EntryKind.TROUBLE)), "the doubt is in the timeline")
        assert "mail to alice pending" in record.sentences(kind=EntryKind.TROUBLE)[0]
        assert (await item.ask("start", StartWork(by=ALICE))).state is ActionItemStatus.IN_PROGRESS
        post.answer = lambda _: DeliveryStatus.DELIVERED
        await item.pass_time(HOUR)
        assert [message.template for message in post.messages] == [Template.ACTION_ITEM_ASSIGNED]


async def test_a_due_date_may_be_given(begin: Begin):
    """A date that somebody chose comes before the policy; a severity without a deadline has none, and no reminders."""
    chosen = datetime.now(UTC) + 3 * HOUR
    async with begin(due_at=chosen) as item:
        assert (await item.view()).due_at == chosen
        await item.pass_time(3 * HOUR + timedelta(minutes=5))
        # The reminders before the deadline do not fit into three hours.
        assert [message.context["level"] for message in await item.told(2)] == ["assigned", "due"]
    async with begin(severity="SEV-5") as item:
        assert (await item.view()).due_at is None


async def test_the_history_of_an_overdue_item_replays(begin: Begin):
    """What was recorded is what the code would do again."""
    async with begin() as item:
        new = await item.view()
        await item.pass_until(new.due_at + 3 * DAY, new.created_at)
        await item.ask("extend", ExtendItem(by=ALICE, due_at=new.due_at + 9 * DAY, reason="late"))
        await item.ask("approve_extension", ApproveExtension(by=MONA))
        await item.ask("done", FinishItem(by=ALICE, evidence="it works"))
        await item.pass_time(91 * DAY)
        await item.ended()
        await item.replays()
