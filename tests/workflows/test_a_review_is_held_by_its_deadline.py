"""Reviews: a draft by itself, an owner, a deadline by severity, sign-off by another, a waiver only where allowed."""

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.testing import WorkflowEnvironment

from activities.errors import translated
from activities.review_draft import DraftRequest, DraftResult
from domain.calendar import due_after
from domain.errors import Rejected, Transient
from domain.insight.words import Window
from domain.message import Template
from domain.policy import DEFAULTS, Policy, WorkingHours
from domain.record import ProjectionKind
from domain.review import (
    AddFinding,
    AppointFacilitator,
    ApproveReviewExtension,
    AssignReview,
    CloseReview,
    EditReview,
    ExtendReview,
    GivePerspective,
    InviteToReview,
    NameChangeAuthors,
    ObserveIncidentEnd,
    ObserveResolved,
    Participant,
    PlanMeeting,
    RecordMeeting,
    ReturnReview,
    ReviewStart,
    ReviewState,
    ReviewStatus,
    SignOffReview,
    SubmitReview,
    WaiveReview,
)
from domain.review_decisions import PLACEHOLDER
from domain.severity import Severity
from domain.timeline import EntryKind, automation, person
from store import open_store
from tests.support.engine import until
from tests.support.following import Followed, ListeningIncident, following, heard
from tests.support.recording import Post, Record
from tests.support.records import batch, picture
from workflows.review import Review

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ALICE, BOB = person("alice"), person("bob")
OFFICE = WorkingHours(time_zone="America/New_York")
# Dates of meetings depend on the day of the week on which the tests run; here they are not looked at.
WITHOUT_MEETINGS = Policy(
    calendar=OFFICE,
    severities={Severity.SEV1: DEFAULTS[Severity.SEV1].model_copy(update={"review_meeting_within": None})},
)
AROUND_THE_CLOCK = Policy(calendar=WorkingHours(weekdays=tuple(range(7)), opens=time(0), closes=time(0)))


class Drafts:
    """The activity that writes drafts: says what it was asked for. `trouble` makes it fail."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.requests: list[DraftRequest] = []
        self.known = "alerts, then a rollback"
        self.there: tuple[Participant, ...] = ()

    @activity.defn(name="reviews.draft")
    @translated
    async def draft(self, request: DraftRequest) -> DraftResult:
        """A draft that shows what it was made of."""
        self.requests.append(request)
        if self.trouble is not None:
            raise self.trouble
        findings = "".join(f"- {each.text}\n" for each in request.findings)
        return DraftResult(markdown=f"# Review by {request.owner}\n{self.known}\n{findings}", participants=self.there)


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
    async with begin(policy=WITHOUT_MEETINGS) as review:
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
    """A later date with a reason and, where the policy wants one, a second person is counted and starts anew."""
    strict = WITHOUT_MEETINGS.model_copy(update={"extension_needs_approver": True})
    async with begin(policy=strict) as review:
        due = (await review.view()).due_at
        kind, _ = await review.refusal("extend", ExtendReview(by=ALICE, due_at=due - HOUR, reason="x"))
        assert kind == "invalid"
        kind, _ = await review.refusal("extend", ExtendReview(by=ALICE, due_at=due + DAY, reason=""))
        assert kind == "invalid"
        await review.pass_time(24 * HOUR + HOUR)
        later = due + 5 * DAY
        state = await review.ask("extend", ExtendReview(by=BOB, due_at=later, reason="half of us are ill"))
        assert (state.due_at, state.extensions, state.is_overdue) == (due, 0, True)
        assert (await review.refusal("approve_extension", ApproveReviewExtension(by=BOB)))[0] == "forbidden"
        state = await review.ask("approve_extension", ApproveReviewExtension(by=person("mona")))
        assert (state.due_at, state.extensions, state.is_overdue) == (later, 1, False)
        await review.pass_time(5 * DAY)
        assert (await review.reminders(5))[2:] == [
            (later - 2 * DAY, "upcoming", ["alice"]),
            (later - 4 * HOUR, "upcoming", ["alice"]),
            (later, "due", ["alice"]),
        ]
        levels = [(message.people, message.context["level"]) for message in await review.told(8)]
        assert levels[3:5] == [(("mona",), "extension_asked"), (("bob", "alice"), "extended")]


async def test_a_review_meeting_is_proposed_fixed_moved_and_reminded_of(begin: Begin, drafts: Drafts):
    """Nobody is invited until it is fixed, then who joins is, too; a late draft and a silent meeting are said."""
    drafts.there = (Participant(name="bob"),)
    async with begin(policy=AROUND_THE_CLOCK) as review:
        await drafted(review)
        plan = (await review.view()).meeting_plan
        assert timedelta(0) <= plan.at - review.start.resolved_at - 48 * HOUR < HOUR
        await review.ask("plan_meeting", PlanMeeting(by=ALICE))
        later = plan.at + DAY
        moved = await review.ask("plan_meeting", PlanMeeting(by=ALICE, at=later, reason="bob is away"))
        assert (moved.meeting_plan.moved, moved.meeting_plan.is_late) == (1, later > plan.latest)
        await review.ask("invite", InviteToReview(by=ALICE, person="mona", role="product"))
        await review.pass_time(DAY * 3 + 3 * HOUR)
        messages = await review.told(12)
        assert [(each.people, each.context["level"]) for each in messages] == [
            (("alice",), "assigned"),
            (("bob",), "invited"),
            (("alice", "bob"), "meeting_fixed"),
            (("alice", "bob"), "meeting_moved"),
            (("mona",), "invited"),
            (("mona",), "meeting_fixed"),
            (("alice",), "upcoming"),
            (("alice",), "due"),
            (("alice",), "overdue"),
            (("alice",), "draft_late"),
            (("alice", "mona"), "escalated"),
            (("alice",), "meeting_not_recorded"),
        ]
        dates = [(each.invitation.sequence, each.invitation.starts_at) for each in messages if each.invitation]
        assert dates == [(0, plan.at), (1, later), (1, later)]
        reminders = {reason: at for at, reason, _ in await review.reminders(6)}
        assert (reminders["draft_late"], reminders["meeting_not_recorded"]) == (later - DAY, later + HOUR)
        await review.replays()
        await review.ask("record_meeting", RecordMeeting(by=ALICE, attended=("bob",), dissent="it was slow before"))
        assert (await review.refusal("plan_meeting", PlanMeeting(by=ALICE, at=later + 9 * DAY)))[0] == "conflict"


async def test_another_person_signs_off(begin: Begin, record: Record):
    """Submitted, refused of its owner and of automation, returned once, signed by another: then it is closed."""
    async with begin() as review:
        await drafted(review)
        assert (await review.refusal("sign_off", SignOffReview(by=BOB)))[0] == "conflict"
        assert (
            await review.ask("submit", SubmitReview(by=ALICE, fewer_factors_because="it is small"))
        ).state is ReviewStatus.IN_REVIEW
        kind, sentence = await review.refusal("sign_off", SignOffReview(by=ALICE))
        assert (kind, "another person signs it off" in sentence) == ("forbidden", True)
        assert (await review.refusal("sign_off", SignOffReview(by=automation("review"))))[0] == "forbidden"
        await review.ask("return_to_draft", ReturnReview(by=BOB, reason="the cause is missing"))
        await review.ask("submit", SubmitReview(by=ALICE, fewer_factors_because="it is small"))
        signed = await review.ask("sign_off", SignOffReview(by=BOB, comment="clear"))
        assert (signed.state, signed.sign_off.by) == (ReviewStatus.REVIEWED, BOB)
        await review.ask("close", CloseReview(by=ALICE))
        ended = await review.ended()
        assert ended.state is ReviewStatus.CLOSED
        assert [message.context["level"] for message in await review.told(2)] == ["assigned", "returned"]
        picture = record.document(ProjectionKind.REVIEW, ended.id)
        assert picture is not None
        assert picture["state"] == "closed"
        assert "Review signed off: clear" in record.sentences(ended.id)


async def test_a_waiver_is_refused_where_the_policy_demands_a_review(begin: Begin):
    """Nobody waives the review of a SEV-1, whatever the reason."""
    async with begin() as review:
        kind, sentence = await review.refusal("waive", WaiveReview(by=BOB, reason="boring"))
        assert (kind, "demands a review of every SEV-1" in sentence) == ("forbidden", True)


async def test_a_waiver_needs_a_reason_and_somebody_else(begin: Begin, record: Record):
    """A SEV-4 review may be waived, by another than its owner, who says why; no reminder follows."""
    async with begin(severity="SEV-4") as review:
        assert (await review.refusal("waive", WaiveReview(by=BOB, reason=" ")))[0] == "invalid"
        asked = await review.ask("waive", WaiveReview(by=ALICE, reason="known cause"))
        assert (asked.state, asked.waiver_asked.by) == (ReviewStatus.DRAFT, ALICE)
        assert (await review.refusal("waive", WaiveReview(by=ALICE, reason="again")))[0] == "forbidden"
        await review.ask("waive", WaiveReview(by=BOB, reason="seen before"))
        ended = await review.ended()
        assert (ended.state, ended.waiver.comment) == (ReviewStatus.WAIVED, "seen before")
        assert "Review waived: seen before (asked for by alice: known cause)" in record.sentences(ended.id)
        assert [(each.people, each.context["level"]) for each in await review.told(2)] == [
            (("alice",), "assigned"),
            (("mona",), "waiver"),
        ]


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
        assert (await review.refusal("submit", SubmitReview(by=ALICE, fewer_factors_because="it is small")))[
            1
        ].startswith("the draft is not written yet")
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
        await review.ask("submit", SubmitReview(by=ALICE, fewer_factors_because="it is small"))
        await review.ask("sign_off", SignOffReview(by=BOB))
        await review.ask("close", CloseReview(by=BOB))
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
        state = await review.ask("add_finding", AddFinding(by=BOB, kind="hindered", text="no dashboard"))
        await review.pass_time(DAY)
        assert "mine" in (await review.view()).markdown
        assert state.revision == 3
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
        await review.ask("submit", SubmitReview(by=ALICE, fewer_factors_because="it is small"))
        await heard(incident, 2)
        await review.ask("sign_off", SignOffReview(by=BOB))
        await heard(incident, 3)
        await review.ask("close", CloseReview(by=BOB))
        await review.ended()
        observations = await heard(incident, 4)
        assert [each["state"] for each in observations] == ["draft", "in_review", "reviewed", "closed"]
        assert {each["review_id"] for each in observations} == {incident_id}
        await incident.terminate()


async def test_the_history_of_a_review_replays(begin: Begin):
    """What was recorded is what the code would do again."""
    async with begin() as review:
        await drafted(review)
        await review.pass_time(3 * DAY)
        await review.ask("add_finding", AddFinding(by=BOB, kind="lesson", text="rehearse"))
        await drafted(review)
        await review.ask("submit", SubmitReview(by=ALICE, fewer_factors_because="it is small"))
        await review.ask("sign_off", SignOffReview(by=BOB))
        await review.pass_time(2 * DAY)
        await review.ended()
        await review.replays()


FACTORS = (
    AddFinding(by=BOB, kind="contributing_factor", factor="change", text="all customers at once"),
    AddFinding(by=BOB, kind="contributing_factor", factor="detection", text="the check buys two items"),
)


async def test_a_review_begins_at_mitigation_and_is_due_from_resolution(begin: Begin):
    """While the facts are warm nothing is due; with the resolution the deadline and its reminders begin."""
    async with begin(resolved_at=None, mitigated_at=datetime.now(UTC)) as review:
        await drafted(review)
        assert (await review.view()).due_at is None
        state = await review.pass_time(5 * DAY)
        assert (state.due_at, state.reminders_sent) == (None, 0)
        resolved = state.renew_at or datetime.now(UTC) + 5 * DAY
        news = ObserveResolved(by=automation("lifecycle"), at=resolved, severity="SEV-2", title="Checkout answers 500")
        state = await review.ask("observe_resolved", news)
        assert (state.due_at, state.severity) == (resolved + 72 * HOUR, "SEV-2")
        told = await review.told(2)
        assert [(each.people, each.context["level"]) for each in told] == [
            (("alice",), "assigned"),
            (("alice",), "deadline_set"),
        ]
        await review.handle.terminate()


async def test_whom_the_timeline_shows_is_asked_once_and_cannot_facilitate(begin: Begin, drafts: Drafts):
    """Owner, commander, responder, who made the change: each refused with the reason; somebody neutral is welcome."""
    drafts.there = (Participant(name="bob"), Participant(name="stranger"))
    people = ("alice", "bob", "cleo", "dora", "emil", "mona")
    async with begin(people=people, roles={"scribe": "emil"}) as review:
        await drafted(review)
        await review.ask("name_change_authors", NameChangeAuthors(by=ALICE, people=("cleo",)))
        for name, why in (
            ("alice", "owns this review"),
            ("bob", "took part in the response"),
            ("cleo", "made the change that is looked at"),
            ("emil", "was scribe in this incident"),
            ("nobody", "not known here"),
        ):
            _, sentence = await review.refusal("appoint_facilitator", AppointFacilitator(by=ALICE, facilitator=name))
            assert why in sentence
        state = await review.ask("appoint_facilitator", AppointFacilitator(by=ALICE, facilitator="dora"))
        assert state.facilitator == "dora"
        state = await review.ask("name_change_authors", NameChangeAuthors(by=ALICE, people=("cleo", "dora")))
        assert state.facilitator is None
        await review.ask("invite", InviteToReview(by=ALICE, person="mona", role="product"))
        assert (await review.refusal("invite", InviteToReview(by=ALICE, person="bob")))[0] == "conflict"
        told = [(each.people, each.template, each.context["level"]) for each in await review.told(5)]
        assert told == [
            (("alice",), Template.REVIEW_ASSIGNED, "assigned"),
            (("bob",), Template.REVIEW_INVITED, "invited"),
            (("dora",), Template.REVIEW_ASSIGNED, "facilitator"),
            (("alice",), Template.REVIEW_REMINDER, "facilitator"),
            (("mona",), Template.REVIEW_INVITED, "invited"),
        ]
        state = await review.ask("give_perspective", GivePerspective(by=BOB, saw="a green dashboard", hard="the pager"))
        assert [(each.name, each.saw) for each in state.perspectives] == [("bob", "a green dashboard")]
        await review.handle.terminate()


async def test_two_factors_are_asked_for(begin: Begin):
    """Fewer only for a reason; a kind of factor that does not exist is refused with those that do."""
    async with begin() as review:
        await drafted(review)
        await review.ask("add_finding", FACTORS[0])
        kind, sentence = await review.refusal("submit", SubmitReview(by=ALICE))
        assert (kind, "has at least 2" in sentence) == ("conflict", True)
        odd = AddFinding(by=BOB, kind="contributing_factor", factor="bob", text="x")
        assert "there are detection, change" in (await review.refusal("add_finding", odd))[1]
        await review.ask("add_finding", FACTORS[1])
        assert (await review.ask("submit", SubmitReview(by=ALICE))).factors_overridden == ""
        await review.handle.terminate()


async def test_a_sev1_needs_the_word_of_a_service_owner_and_of_a_manager(begin: Begin):
    """Each is asked; another member of the team and the manager sign; then it is reviewed and closes after its soak."""
    team = {"service_team": ("alice", "bob"), "team_manager": "mona", "people": ("alice", "bob", "cleo", "mona")}
    async with begin(**team) as review:
        await drafted(review)
        for factor in FACTORS:
            await review.ask("add_finding", factor)
        await drafted(review)
        await review.ask("submit", SubmitReview(by=ALICE))
        kind, sentence = await review.refusal("sign_off", SignOffReview(by=person("cleo")))
        assert kind == "forbidden"
        assert "service owner: bob, mona; engineering manager: mona" in sentence
        state = await review.ask("sign_off", SignOffReview(by=BOB))
        assert (state.state, state.waits_for) == (ReviewStatus.IN_REVIEW, ("engineering_manager",))
        state = await review.ask("sign_off", SignOffReview(by=person("mona"), comment="funded"))
        assert (state.state, [each.role for each in state.sign_offs]) == (
            ReviewStatus.REVIEWED,
            ["service_owner", "engineering_manager"],
        )
        assert (await review.refusal("edit", EditReview(by=ALICE, markdown="x", revision=state.revision)))[
            0
        ] == "conflict"
        await review.pass_time(2 * DAY)
        assert (await review.ended()).state is ReviewStatus.CLOSED


async def test_a_near_miss_is_reviewed_whatever_its_severity(begin: Begin):
    """A SEV-5 has no deadline of its own; a near miss has one of a week."""
    resolved_at = datetime.now(UTC)
    async with begin(severity="SEV-5", near_miss=True, resolved_at=resolved_at) as review:
        assert (await review.view()).due_at == due_after(resolved_at, 7 * DAY, OFFICE)
        await review.handle.terminate()


async def test_a_review_ends_with_an_incident_that_was_none(begin: Begin, record: Record):
    """Merged or cancelled after mitigation: nobody is reminded of a review of nothing."""
    async with begin(resolved_at=None) as review:
        await drafted(review)
        await review.handle.signal(
            "observe_incident_end", ObserveIncidentEnd(by=ALICE, reason="cancelled: a test alert")
        )
        ended = await review.ended()
        assert ended.state is ReviewStatus.WAIVED
        assert "Review ended: cancelled: a test alert" in record.sentences(ended.id)


async def test_what_a_review_found_is_counted(begin: Begin, record: Record, tmp_path: Path):
    """The factors of a review that was really held are what recurs, by their kind and not by their words."""
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    await store.migrate()
    now = datetime.now(UTC)
    for number in (1, 2):
        async with begin(severity="SEV-3") as review:
            await drafted(review)
            for factor in ("capacity", "knowledge"):
                found = AddFinding(by=ALICE, kind="contributing_factor", text=f"{factor} {number}", factor=factor)
                await review.ask("add_finding", found)
            await review.ask("submit", SubmitReview(by=ALICE))
            await review.ask("sign_off", SignOffReview(by=BOB))
            await review.ask("close", CloseReview(by=ALICE))
            await review.ended()
            id_ = review.start.incident_id
            document = {"status": "closed", "declared_at": now.isoformat(), "title": "x", "drill": False}
            await store.record.save(
                batch(f"incident/{id_}", pictures=(picture(ProjectionKind.INCIDENT, id_, **document),))
            )
    for each in record.batches:
        await store.record.save(each)
    window = Window(since=now - DAY, until=now + 30 * DAY)
    found = await store.insight(window, {}, "UTC").insight("recurrence")
    rows = next(table for table in found.tables if table.title == "The same factor").rows
    assert {row.name: row.numbers[0].value for row in rows} == {"capacity": 2, "knowledge": 2}
    reviews = await store.insight(window, {}, "UTC").insight("reviews")
    assert reviews.sentence == "2 of 2 reviews that fell due were done on time; 0 are still owed."
    await store.close()
