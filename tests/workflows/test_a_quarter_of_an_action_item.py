"""A quarter of a year of one action item on the time-skipping engine, with its issue in a tracker: the exact messages.

Proposed, decided, begun late, moved twice, handed over, overdue up to the weekly list, closed in the tracker, reopened.
The tracker is a contract server over real HTTP, and it is away for days in between.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.testing import WorkflowEnvironment

from activities.errors import translated
from activities.steps import CheckResult, StepRequest
from domain.action_item import (
    AcceptItem,
    AcceptOffer,
    ActionItemStart,
    ActionItemState,
    ActionItemStatus,
    ApproveExtension,
    CommentOnItem,
    DropItem,
    ExtendItem,
    FinishItem,
    HearFromTracker,
    ItemCheck,
    OfferItem,
    RunCheck,
    StartWork,
)
from domain.action_item_tracking import wants_sync
from domain.calendar import add_business_days, due_after
from domain.policy import Policy, WorkingHours
from domain.timeline import automation, person
from tests.support.engine import until, working
from tests.support.following import Followed, following
from tests.support.recording import Post, Record
from tests.support.trackers.github import GithubServer
from tests.support.trackers.world import Keeper, keeping
from workflows.action_item import ActionItem
from workflows.options import STEPS_QUEUE

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ALICE, BOB, LENA = person("alice"), person("bob"), person("lena")
OFFICE = WorkingHours(time_zone="Europe/Berlin")
POLICY = Policy(calendar=OFFICE, extension_needs_approver=True)


def start_of(**fields: Any) -> ActionItemStart:
    """An item of alice, whose team is led by lena, above whom is mona."""
    id_ = f"act-{uuid4().hex[:6]}"
    given = {
        "id": id_, "incident_id": f"inc-20261122-{id_[4:]}", "title": "Probe the checkout", "owner": "alice",
        "done_when": "a probe alerts within a minute", "created_by": BOB, "people": ("alice", "bob", "lena", "mona"),
        "leads": {"alice": "lena", "bob": "lena"}, "managers": {"alice": "lena", "bob": "lena", "lena": "mona"},
        "policy": POLICY, "type": "detect",
    }  # fmt: skip
    return ActionItemStart.model_validate(given | fields)


@pytest.fixture
async def keeper() -> AsyncIterator[Keeper]:
    """GitHub, and the real activities in front of it."""
    with GithubServer() as server:
        async with keeping(server) as keeper:
            yield keeper


class Checks:
    """The steps queue's answer to a check."""

    def __init__(self) -> None:
        self.holds: bool | None = True
        self.asked: list[StepRequest] = []

    @activity.defn(name="steps.check")
    @translated
    async def check(self, request: StepRequest) -> CheckResult:
        """As it is set."""
        self.asked.append(request)
        return CheckResult(holds=self.holds, detail="status 200" if self.holds else "status 500", output={})


def told(messages: list[Any]) -> list[tuple[str, tuple[str, ...]]]:
    """Why, and to whom."""
    return [(message.context["level"], message.people) for message in messages]


async def settled(item: Followed) -> ActionItemState:
    """The item, once both sides have been compared."""
    for _ in range(1000):
        state: ActionItemState = await item.view()
        link = state.tracker
        if link and link.key and link.problem is None and not wants_sync(state):
            return state
        await item.pass_time(timedelta(seconds=3))
        await asyncio.sleep(0.02)
    raise AssertionError("item and issue did not come together")


async def test_a_quarter_of_a_year(  # noqa: PLR0915 - one story, told in one go
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post, keeper: Keeper
):
    """Every message, to whom and why, and one issue that was told everything once."""
    server = keeper.server
    start = start_of(is_proposed=True, tracker="issues")
    async with following(
        env, task_queue, ActionItem.run, start, id_=f"action-item/{start.id}", view_type=ActionItemState,
        workflows=[ActionItem], activities=[keeper.activities.sync], record=record, post=post,
    ) as item:  # fmt: skip
        new = await item.view()
        assert new.soak.until == add_business_days(new.created_at, 2, OFFICE)
        assert (new.due_at, new.tracker) == (None, None)
        assert "nobody decides in the heat" in (await item.refusal("accept", AcceptItem(by=ALICE)))[1]
        assert (await item.refusal("start", StartWork(by=ALICE)))[0] == "conflict"
        clock = new.soak.until + timedelta(minutes=1)
        await item.pass_until(clock, new.created_at)
        decided = await item.ask("accept", AcceptItem(by=LENA))
        accepted: datetime = decided.soak.accepted_at
        due: datetime = decided.due_at
        assert due == due_after(accepted, 60 * DAY, OFFICE)
        state = await settled(item)
        assert (server.creations, server.issues[0].user) == (1, server.alice)
        assert told(await item.told(3)) == [
            ("proposed", ("alice",)), ("decide", ("alice",)), ("assigned", ("alice",)),
        ]  # fmt: skip

        # Nobody begins: the owner hears, then the lead too, then it is a matter of the due date.
        now = state.tracker.synced_at
        await item.pass_until(add_business_days(accepted, 6, OFFICE) + DAY, now)
        assert told(await item.told(5))[3:] == [("start", ("alice",)), ("start", ("alice", "lena"))]
        await item.ask("start", StartWork(by=ALICE))

        # Moved twice, each time with the word of the lead; from the second time on all above hear.
        for days, reason in ((5, "the vendor is late"), (10, "and later")):
            await item.ask("extend", ExtendItem(by=ALICE, due_at=due + days * DAY, reason=reason))
            moved = await item.ask("approve_extension", ApproveExtension(by=LENA))
        assert (moved.extensions, [each.reason for each in moved.extension_log]) == (
            2, ["the vendor is late", "and later"],
        )  # fmt: skip
        due = moved.due_at
        assert told(await item.told(9))[5:] == [
            ("extension_asked", ("lena", "mona")), ("extended", ("alice",)),
            ("extension_asked", ("lena", "mona")), ("extended", ("alice", "mona")),
        ]  # fmt: skip

        # The tracker is away for days: the item changes hands meanwhile, and says that it cannot tell.
        server.is_down = True
        await item.ask("offer", OfferItem(by=ALICE, to="bob", reason="on leave"))
        await item.ask("comment", CommentOnItem(by=ALICE, text="the branch is pushed"))
        assert (await item.refusal("accept_offer", AcceptOffer(by=ALICE)))[0] == "forbidden"
        taken = await item.ask("accept_offer", AcceptOffer(by=BOB))
        assert (taken.owner, taken.handovers) == ("bob", 1)
        away = await item.pass_time(2 * DAY)
        assert "answered 503" in away.tracker.problem
        assert server.issues[0].user == server.alice
        offered, *taken = told(await item.told(12))[9:]
        assert (offered, sorted(taken)) == (
            ("offered", ("bob",)), [("assigned", ("bob",)), ("taken_over", ("alice",))],
        )  # fmt: skip
        server.is_down = False
        await item.pass_time(2 * HOUR)
        await settled(item)
        issue = server.issues[0]
        assert (issue.user, f"Due: {due.date()}" in issue.text) == (server.bob, True)
        assert [each.text.splitlines()[0] for each in issue.comments] == ["alice: the branch is pushed"]
        assert server.creations == 1

        # Overdue: each rung once, at its time, and the weekly list at the end.
        await _climb(item, due)
        listed = await item.view()
        assert (listed.on_weekly_list, listed.is_overdue) == (True, True)
        assert told(await item.told(20))[12:] == [
            ("upcoming", ("bob",)), ("upcoming", ("bob",)), ("due", ("bob",)), ("overdue", ("bob",)),
            ("escalated", ("bob", "lena")), ("escalated", ("bob", "lena", "mona")),
            ("escalated", ("bob", "lena", "mona")), ("escalated", ("bob", "lena", "mona")),
        ]  # fmt: skip

        # Closed there, and with that done here; reopened there, and open here.
        server.edit(issue, state="done")
        await item.handle.signal("hear_from_tracker", HearFromTracker(by=automation("tracker")))
        done = await settled(item)
        assert (done.state, done.evidence[0].url) == (
            ActionItemStatus.DONE,
            "https://github.invalid/acme/shop/issues/1",
        )
        server.edit(issue, state="open")
        await item.handle.signal("hear_from_tracker", HearFromTracker(by=automation("tracker")))
        again = await settled(item)
        assert (again.state, again.reopened) == (ActionItemStatus.IN_PROGRESS, 1)
        assert told(await item.told(21))[20:] == [("reopened", ("bob", "lena", "mona"))]
        assert server.creations == 1


async def _climb(item: Followed, due: datetime) -> None:
    """To two weeks and a half after the due date, rung by rung, so that none is slept through."""
    now = (await item.view()).tracker.synced_at
    moments = [due - 2 * DAY, due - 4 * HOUR, due, *(due + n * DAY for n in (1, 2, 3, 10, 17))]
    for at in moments:
        before = (await item.view()).reminders_sent
        await item.pass_time(max(at + timedelta(minutes=1) - now, timedelta(0)))
        now = at + timedelta(minutes=1)
        assert (await item.view()).reminders_sent == before + 1, at


async def test_a_check_proves_it_and_reopens_it(env: WorkflowEnvironment, task_queue: str, record: Record, post: Post):
    """Done only while its check holds; looked at daily afterwards; three looks in a row that fail reopen it."""
    checks = Checks()
    check = ItemCheck(action="check.http", parameters={"url": "https://shop.example/health"}, site=None)
    start = start_of(check=check, policy=POLICY.model_copy(update={"action_item_start_days": 0}))
    async with (
        working(env.client, STEPS_QUEUE, workflows=[], activities=[checks.check]),
        following(
            env, task_queue, ActionItem.run, start, id_=f"action-item/{start.id}", view_type=ActionItemState,
            workflows=[ActionItem], record=record, post=post,
        ) as item,
    ):  # fmt: skip
        checks.holds = False
        assert "run the check first" in (await item.refusal("done", FinishItem(by=ALICE, evidence="trust me")))[1]
        await item.ask("run_check", RunCheck(by=ALICE))
        await item.told(2)
        assert (await item.view()).evidence[-1].kind == "check_failed"
        checks.holds = True
        await item.ask("run_check", RunCheck(by=ALICE))
        await until(lambda: any("holds" in line for line in record.sentences(start.incident_id)), "the check holds")
        done = await item.ask("done", FinishItem(by=ALICE))
        assert done.state is ActionItemStatus.DONE
        assert done.watched_until - done.finished_at == 90 * DAY
        looked = len(checks.asked)
        await item.pass_time(3 * DAY + HOUR)
        assert len(checks.asked) == looked + 3
        checks.holds = False
        again = await item.pass_time(DAY + HOUR)
        assert (again.state, again.reopened) == (ActionItemStatus.IN_PROGRESS, 1)
        assert told(await item.told(3))[2] == ("reopened", ("alice", "lena", "mona"))
        assert len(checks.asked) == looked + 6
        await item.ask("drop", DropItem(by=BOB, reason="the shop is closed"))
        await item.ended()


async def test_an_item_that_stays_done_ends_with_its_watch(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post, keeper: Keeper
):
    """Ninety days after the end nobody looks any more, and the workflow is over; its history replays."""
    start = start_of(tracker="issues", policy=POLICY.model_copy(update={"action_item_start_days": 0}))
    async with following(
        env, task_queue, ActionItem.run, start, id_=f"action-item/{start.id}", view_type=ActionItemState,
        workflows=[ActionItem], activities=[keeper.activities.sync], record=record, post=post,
    ) as item:  # fmt: skip
        await settled(item)
        await item.ask("done", FinishItem(by=ALICE, evidence="it alerts"))
        await settled(item)
        assert keeper.server.issues[0].state == "done"
        await item.env.fast_forward(item.handle, 91 * DAY)
        ended = await item.ended()
        assert (ended.state, ended.watched_until) == (ActionItemStatus.DONE, None)
        await item.replays()
