"""Reviews: a draft by itself, an owner, a deadline by severity, sign-off by another, a waiver only where allowed."""

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.testing import WorkflowEnvironment

from activities.errors import translated
from activities.review_draft import DraftRequest, DraftResult
from domain.calendar import due_after
from domain.errors import Rejected, Transient
from domain.message import Template
from domain.policy import Policy, WorkingHours
from domain.record import ProjectionKind
from domain.review import (
    AddFinding,
    AssignReview,
    EditReview,
    ExtendReview,
    ReturnReview,
    ReviewStart,
    ReviewState,
    ReviewStatus,
    SignOffReview,
    SubmitReview,
    WaiveReview,
)
from domain.review_decisions import PLACEHOLDER
from domain.timeline import EntryKind, automation, person
from tests.support.engine import until
from tests.support.following import Followed, ListeningIncident, following, heard
from tests.support.recording import Post, Record
from workflows.review import Review

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ALICE, BOB = person("alice"), person("bob")
OFFICE = WorkingHours(time_zone="America/New_York")


class Drafts:
    """The activity that writes drafts: says what it was asked for. `trouble` makes it fail."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.requests: list[DraftRequest] = []
        self.known = "alerts, then a rollback"

    @activity.defn(name="reviews.draft")
    @translated
    async def draft(self, request: DraftRequest) -> DraftResult:
        """A draft that shows what it was made of."""
        self.requests.append(request)
        if self.trouble is not None:
            raise self.trouble
        findings = "".join(f"- {each.text}\n" for each in request.findings)
        return DraftResult(markdown=f"# Review by {request.owner}\n{self.known}\n{findings}")


class Begin(Protocol):
    """Starts a review; its clock stands still."""

    def __call__(self, **fields: Any) -> AbstractAsyncContextManager[Followed]:
        """`fields` go into its ReviewStart."""


@pytest.fixture
def drafts() -> Drafts:
    """The writer of drafts."""
    return Drafts()


@pytest.fixture
def begin(env: WorkflowEnvironment, task_queue: str, record: Record, post: Post, drafts: Drafts) -> Begin:
    """Reviews of alice, who commanded and whose manager is mona."""

    def start(**fields: Any) -> AbstractAsyncContextManager[Followed]:
        incident = f"inc-20261122-{uuid4().hex[:6]}"
        given = {
            "incident_id": incident,
            "title": "Checkout answers 500",
            "severity": "SEV-1",
            "owner": None,
            "commander": "alice",
            "managers": {"alice": "mona"},
            "people": ("alice", "bob", "mona"),
            "resolved_at": datetime.now(UTC),
            "policy": Policy(calendar=OFFICE),
        } | fields
        return following(
            env, task_queue, Review.run, ReviewStart.model_validate(given),
            id_=f"review/{given['incident_id']}", view_type=ReviewState, workflows=[Review],
            activities=[drafts.draft], record=record, post=post,
        )  # fmt: skip

    return start


async def drafted(review: Followed) -> ReviewState:
    """The review once its draft is there."""
    for _ in range(500):
        state: ReviewState = await review.view()
        if not state.draft_wanted:
            return state
    raise AssertionError("no draft came")


async def test_a_sev1_review_is_reminded_of_and_escalated(begin: Begin):
    """24 hours on the clock: a reminder four hours before, at the time, a day after, then the manager as well."""
    async with begin() as review:
        due = (await review.view()).due_at
        assert due == review.start.resolved_at + 24 * HOUR
        await review.pass_time(24 * HOUR + 2 * DAY + HOUR)
        messages = await review.told(5)
        assert await review.reminders(4) == [
            (due - 4 * HOUR, "upcoming", ["alice"]),
            (due, "due", ["alice"]),
            (due + DAY, "overdue", ["alice"]),
            (due + 2 * DAY, "escalated", ["alice", "mona"]),
        ]
        assert [(message.template, message.people) for message in messages] == [
            (Template.REVIEW_ASSIGNED, ("alice",)),
            (Template.REVIEW_REMINDER, ("alice",)),
            (Template.REVIEW_REMINDER, ("alice",)),
            (Template.REVIEW_OVERDUE, ("alice",)),
            (Template.REVIEW_OVERDUE, ("alice", "mona")),
        ]
        state = await review.view()
        assert (state.reminders_sent, state.escalations_sent, state.is_overdue) == (4, 1, True)


async def test_a_sev3_review_is_due_in_business_days(begin: Begin):
    """Seven days are business days in the calendar's zone, and both reminders fit."""
    resolved_at = datetime.now(UTC) - HOUR
    async with begin(severity="SEV-3", resolved_at=resolved_at) as review:
        due = (await review.view()).due_at
        assert due == due_after(resolved_at, 7 * DAY, OFFICE)
        await review.pass_time(due - datetime.now(UTC) + HOUR)
        assert await review.reminders(3) == [
            (due - 2 * DAY, "upcoming", ["alice"]),
            (due - 4 * HOUR, "upcoming", ["alice"]),
            (due, "due", ["alice"]),
        ]
        await review.told(4)


async def test_an_extension_moves_the_deadline_and_its_reminders(begin: Begin):
    """A later date with a reason is counted and starts the ladder afresh."""
    async with begin() as review:
        due = (await review.view()).due_at
        kind, _ = await review.refusal("extend", ExtendReview(by=ALICE, due_at=due - HOUR, reason="x"))
        assert kind == "invalid"
        kind, _ = await review.refusal("extend", ExtendReview(by=ALICE, due_at=due + DAY, reason=""))
        assert kind == "invalid"
        await review.pass_time(24 * HOUR + HOUR)
        later = due + 5 * DAY
        state = await review.ask("extend", ExtendReview(by=BOB, due_at=later, reason="half of us are ill"))
        assert (state.due_at, state.extensions, state.is_overdue) == (later, 1, False)
        await review.pass_time(5 * DAY)
        assert (await review.reminders(5))[2:] == [
            (later - 2 * DAY, "upcoming", ["alice"]),
            (later - 4 * HOUR, "upcoming", ["alice"]),
            (later, "due", ["alice"]),
        ]
        await review.told(6)


async def test_another_person_signs_off(begin: Begin, record: Record):
    """Submitted, refused of its owner and of automation, returned once, signed by another: then it is closed."""
    async with begin() as review:
        await drafted(review)
        assert (await review.refusal("sign_off", SignOffReview(by=BOB)))[0] == "conflict"
        assert (await review.ask("submit", SubmitReview(by=ALICE))).state is ReviewStatus.IN_REVIEW
        kind, sentence = await review.refusal("sign_off", SignOffReview(by=ALICE))
        assert (kind, "another person signs it off" in sentence) == ("forbidden", True)
        assert (await review.refusal("sign_off", SignOffReview(by=automation("review"))))[0] == "forbidden"
        await review.ask("return_to_draft", ReturnReview(by=BOB, reason="the cause is missing"))
        await review.ask("submit", SubmitReview(by=ALICE))
        signed = await review.ask("sign_off", SignOffReview(by=BOB, comment="clear"))
        assert (signed.state, signed.sign_off.by) == (ReviewStatus.CLOSED, BOB)
        ended = await review.ended()
        assert ended.state is ReviewStatus.CLOSED
        assert [message.context["level"] for message in await review.told(2)] == ["assigned", "returned"]
        picture = record.document(ProjectionKind.REVIEW, ended.id)
        assert picture is not None
        assert picture["state"] == "closed"
        assert "Review signed off and closed: clear" in record.sentences(ended.id)


async def test_a_waiver_is_refused_where_the_policy_demands_a_review(begin: Begin):
    """Nobody waives the review of a SEV-1, whatever the reason."""
    async with begin() as review:
        kind, sentence = await review.refusal("waive", WaiveReview(by=BOB, reason="boring"))
        assert (kind, "demands a review of every SEV-1" in sentence) == ("forbidden", True)


async def test_a_waiver_needs_a_reason_and_somebody_else(begin: Begin, record: Record):
    """A SEV-4 review may be waived, by another than its owner, who says why; no reminder follows."""
    async with begin(severity="SEV-4") as review:
        assert (await review.refusal("waive", WaiveReview(by=BOB, reason=" ")))[0] == "invalid"
        assert (await review.refusal("waive", WaiveReview(by=ALICE, reason="known cause")))[0] == "forbidden"
        await review.ask("waive", WaiveReview(by=BOB, reason="known cause"))
        ended = await review.ended()
        assert (ended.state, ended.waiver.comment) == (ReviewStatus.WAIVED, "known cause")
        assert "Review waived: known cause" in record.sentences(ended.id)
        await review.told(1)


async def test_a_review_without_an_owner_asks_the_manager(begin: Begin):
    """With neither owner nor commander the manager is asked, reminded, and relieved by an assignment."""
    async with begin(commander=None, manager="mona") as review:
        await drafted(review)
        assert (await review.refusal("submit", SubmitReview(by=BOB)))[1].startswith("the review has no owner")
        await review.pass_time(20 * HOUR)
        await review.ask("assign", AssignReview(by=person("mona"), owner="bob"))
        await review.pass_time(4 * HOUR)
        told = [(message.people, message.context["level"]) for message in await review.told(4)]
        assert told == [
            (("mona",), "no_owner"),
            (("mona",), "upcoming"),
            (("bob",), "assigned"),
            (("bob",), "due"),
        ]
        assert (await review.view()).markdown.startswith("# Review by bob")


async def test_the_draft_waits_for_the_store_and_nothing_waits_for_the_draft(begin: Begin, drafts: Drafts):
    """While the store is away there is a marked placeholder and commands are obeyed; the draft comes by itself."""
    drafts.trouble = Transient("the store is away")
    async with begin() as review:
        await until(lambda: len(drafts.requests) >= 1, "a draft was tried")
        state = await review.view()
        assert (state.markdown, state.revision) == (PLACEHOLDER, 0)
        assert (await review.refusal("submit", SubmitReview(by=ALICE)))[1].startswith("the draft is not written yet")
        await review.ask("add_finding", AddFinding(by=BOB, kind="helped", text="the runbook"))
        drafts.trouble = None
        await review.pass_time(HOUR)
        state = await drafted(review)
        assert state.markdown == "# Review by alice\nalerts, then a rollback\n- the runbook\n"


async def test_a_draft_that_cannot_be_made_is_written_by_hand(begin: Begin, drafts: Drafts, record: Record):
    """A broken template is said in the timeline, once, and a person's text takes the draft's place."""
    drafts.trouble = Rejected("review.md.j2, line 3: unexpected '}'")
    async with begin() as review:
        await until(lambda: bool(record.sentences(kind=EntryKind.TROUBLE)), "the trouble is in the timeline")
        assert "review.md.j2, line 3" in record.sentences(kind=EntryKind.TROUBLE)[0]
        edited = await review.ask("edit", EditReview(by=ALICE, markdown="# By hand", revision=0))
        assert (edited.markdown, edited.revision) == ("# By hand", 1)
        await review.ask("submit", SubmitReview(by=ALICE))
        await review.ask("sign_off", SignOffReview(by=BOB))
        await review.ended()


async def test_the_draft_follows_the_facts_until_a_person_edits_it(begin: Begin, drafts: Drafts):
    """A record that catches up and a finding renew the draft; a stale edit is refused; an edit is never overwritten."""
    async with begin() as review:
        assert (await drafted(review)).revision == 1
        drafts.known = "alerts, a rollback, then the closing notice"
        await review.pass_time(timedelta(minutes=2))
        renewed = await drafted(review)
        assert ("closing notice" in renewed.markdown, renewed.revision) == (True, 2)
        kind, sentence = await review.refusal("edit", EditReview(by=ALICE, markdown="mine", revision=1))
        assert (kind, "at revision 2" in sentence) == ("conflict", True)
        await review.ask("edit", EditReview(by=ALICE, markdown="mine", revision=2))
        asked = len(drafts.requests)
        state = await review.ask("add_finding", AddFinding(by=BOB, kind="hindered", text="no dashboard"))
        await review.pass_time(DAY)
        assert ((await review.view()).markdown, state.revision, len(drafts.requests)) == ("mine", 3, asked)
        assert (await review.refusal("add_finding", AddFinding(by=BOB, kind="blame", text="it was bob")))[
            0
        ] == "invalid"


async def test_the_incident_hears_how_the_review_ends(begin: Begin, env: WorkflowEnvironment, task_queue: str):
    """Draft, in review, closed: each told once, so that the incident can close."""
    incident_id = f"inc-20261122-{uuid4().hex[:6]}"
    with env.with_time_skipping_disabled():
        incident = await env.client.start_workflow(
            ListeningIncident.run, id=f"incident/{incident_id}", task_queue=task_queue
        )
    async with begin(incident_id=incident_id) as review:
        await drafted(review)
        await heard(incident, 1)
        await review.ask("submit", SubmitReview(by=ALICE))
        await heard(incident, 2)
        await review.ask("sign_off", SignOffReview(by=BOB))
        await review.ended()
        observations = await heard(incident, 3)
        assert [each["state"] for each in observations] == ["draft", "in_review", "closed"]
        assert {each["review_id"] for each in observations} == {incident_id}
        await incident.terminate()


async def test_the_history_of_a_review_replays(begin: Begin):
    """What was recorded is what the code would do again."""
    async with begin() as review:
        await drafted(review)
        await review.pass_time(3 * DAY)
        await review.ask("add_finding", AddFinding(by=BOB, kind="lesson", text="rehearse"))
        await drafted(review)
        await review.ask("submit", SubmitReview(by=ALICE))
        await review.ask("sign_off", SignOffReview(by=BOB))
        await review.ended()
        await review.replays()
