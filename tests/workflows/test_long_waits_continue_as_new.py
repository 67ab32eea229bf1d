"""Waits of months on an engine whose histories are kept very short: nothing is lost or doubled at the seams."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest_asyncio
from temporalio import activity
from temporalio.testing import WorkflowEnvironment

from activities.review_draft import DraftRequest, DraftResult
from domain.action_item import ActionItemStart, ActionItemState, ActionItemStatus, FinishItem
from domain.message import DeliveryStatus
from domain.policy import Policy
from domain.review import AddFinding, CloseReview, EditReview, ReviewStart, ReviewState, SignOffReview, SubmitReview
from domain.severity import Severity
from domain.timeline import EntryKind, person
from tests.support.engine import time_skipping_engine, until
from tests.support.following import following
from tests.support.recording import Post, Record
from workflows.action_item import ActionItem
from workflows.review import Review

DAY = timedelta(days=1)
ALICE = person("alice")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """An engine that asks for continue-as-new after 60 events instead of 4,096."""
    async with time_skipping_engine("limit.historyCount.suggestContinueAsNew=60") as environment:
        yield environment


def item_of_alice(policy: Policy) -> ActionItemStart:
    """An item that is due in a hundred days."""
    number = uuid4().hex[:6]
    return ActionItemStart(
        id=f"act-{number}",
        incident_id=f"inc-20261122-{number}",
        title="Probe the checkout",
        owner="alice",
        done_when="a probe alerts",
        due_at=datetime.now(UTC) + 100 * DAY,
        created_by=person("bob"),
        managers={"alice": "mona"},
        policy=policy,
    )


async def test_months_of_reminders_cross_many_histories(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
):
    """Daily reminders for months: at every moment the newest one, never one twice, over many runs of one workflow.

    The test engine counts the time that it has skipped twice when a run continues as new, so the clock jumps at every
    seam, and what lies between counts as slept through. The policy does not remind of what is overdue, because a clock
    that runs freely needs an end.
    """
    daily = tuple(day * DAY for day in range(1, 90))
    start = item_of_alice(
        Policy(deadline_reminders_before=daily, overdue_reminder_every=timedelta(0), action_item_start_days=0)
    )
    async with following(
        env, task_queue, ActionItem.run, start, id_=f"action-item/{start.id}", view_type=ActionItemState,
        workflows=[ActionItem], record=record, post=post, stands_still=False,
    ) as item:  # fmt: skip
        first_run = item.handle.first_execution_run_id
        due = start.due_at
        assert due is not None
        await until(lambda: reminded(record)[-1:] == [due], "the deadline is reached")
        planned = reminded(record)
        entries = record.timeline(kind=EntryKind.REMINDER)
        for entry, at in zip(entries, planned, strict=True):
            assert at == max(step for step in (*(due - before for before in daily), due) if step <= entry.at)
        # Strictly rising: no reminder came twice, on either side of a seam.
        assert planned == sorted(set(planned))
        assert len(planned) > 15
        messages = await item.told(1 + len(planned))
        assert len({message.key for message in messages}) == len(messages)
        runs = await item.runs()
        assert runs[0] == first_run
        assert len(runs) > 3
        # Numbers go on across the seams, so that the store recognises every entry.
        assert {batch.origin for batch in record.batches} == {f"action-item/{start.id}#{first_run}"}
        numbers = [each.number for batch in record.batches for each in batch.entries]
        assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))
        done = await item.ask("done", FinishItem(by=ALICE, evidence="it alerts"))
        ended = await item.pass_time(91 * DAY)
        assert (ended.reminders_sent, await item.ended()) == (len(planned), ended)
        assert (done.state, ended.state) == (ActionItemStatus.DONE, ActionItemStatus.DONE)
        await item.replays()


def reminded(record: Record) -> list[datetime]:
    """The planned times of the reminders in the timeline."""
    return [datetime.fromisoformat(each.details["planned_at"]) for each in record.timeline(kind=EntryKind.REMINDER)]


async def test_undelivered_messages_cross_the_seam(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
):
    """Messages that a dead mail server holds up are delivered once each when it is back, however often it continued."""
    post.answer = lambda _: DeliveryStatus.PENDING
    start = item_of_alice(Policy())
    async with following(
        env, task_queue, ActionItem.run, start, id_=f"action-item/{start.id}", view_type=ActionItemState,
        workflows=[ActionItem], record=record, post=post,
    ) as item:  # fmt: skip
        await item.env.fast_forward(item.handle, timedelta(hours=8))
        assert (await item.handle.describe()).run_id != item.handle.first_execution_run_id
        post.answer = lambda _: DeliveryStatus.DELIVERED
        while not post.messages:
            await item.env.fast_forward(item.handle, timedelta(minutes=10))
        assert [message.context["level"] for message in post.messages] == ["assigned"]
        await item.ask("done", FinishItem(by=ALICE, evidence="it alerts"))
        await item.pass_time(91 * DAY)
        await item.ended()
        assert len(post.messages) == 1
        assert record.sentences(kind=EntryKind.TROUBLE)


async def test_a_review_keeps_its_text_and_findings_over_the_seam(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
):
    """A review that is talked about a lot continues as new; findings, edits and the owner's reminder stay."""
    number = uuid4().hex[:6]
    start = ReviewStart(
        incident_id=f"inc-20261122-{number}", title="Checkout answers 500", severity=Severity.SEV1, owner="alice",
        resolved_at=datetime.now(UTC), policy=Policy(),
    )  # fmt: skip
    drafts = Drafts()
    async with following(
        env, task_queue, Review.run, start, id_=f"review/{start.incident_id}", view_type=ReviewState,
        workflows=[Review], activities=[drafts.draft], record=record, post=post,
    ) as review:  # fmt: skip
        for count in range(1, 13):
            finding = AddFinding(by=ALICE, kind="helped", text=f"finding {count}")
            assert len((await review.ask("add_finding", finding)).findings) == count
        assert len(await review.runs()) > 1
        await until(lambda: drafts.findings[-1:] == [12], "the draft has every finding")
        state = await review.view()
        edited = await review.ask("edit", EditReview(by=ALICE, markdown="# Mine", revision=state.revision))
        await review.ask("submit", SubmitReview(by=ALICE, fewer_factors_because="it is only talked about"))
        await review.ask("sign_off", SignOffReview(by=person("bob")))
        signed = await review.ask("close", CloseReview(by=ALICE))
        assert (signed.markdown, len(signed.findings), signed.revision) == ("# Mine", 12, edited.revision)
        assert await review.ended() == signed
        assert [each.context["level"] for each in post.messages] == ["assigned", "signed_off"]
        await review.replays()


class Drafts:
    """The writer of drafts: keeps how many findings it was given."""

    def __init__(self) -> None:
        self.findings: list[int] = []

    @activity.defn(name="reviews.draft")
    async def draft(self, request: DraftRequest) -> DraftResult:
        """A draft that names its findings."""
        self.findings.append(len(request.findings))
        return DraftResult(markdown="\n".join(each.text for each in request.findings) or "nothing yet")
