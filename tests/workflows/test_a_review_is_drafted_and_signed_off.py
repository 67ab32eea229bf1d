"""Reviews: a draft by itself, sign-off by another, a waiver only where allowed, and what the incident hears of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from temporalio.testing import WorkflowEnvironment

from domain.calendar import due_after
from domain.errors import Rejected, Transient
from domain.insight.words import Window
from domain.message import Template
from domain.record import ProjectionKind
from domain.review import (
    AddFinding,
    AppointFacilitator,
    CloseReview,
    EditReview,
    GivePerspective,
    InviteToReview,
    NameChangeAuthors,
    ObserveIncidentEnd,
    ObserveNews,
    Participant,
    ReturnReview,
    ReviewStatus,
    SignOffReview,
    SubmitReview,
    WaiveReview,
    WithdrawFinding,
)
from domain.review_decisions import PLACEHOLDER
from domain.timeline import EntryKind, automation, person
from store import open_store
from tests.support.engine import until
from tests.support.following import ListeningIncident, heard
from tests.support.recording import Record
from tests.support.records import batch, picture
from tests.support.reviews import OFFICE, Begin, Drafts, drafted

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ALICE, BOB = person("alice"), person("bob")
FACTORS = (
    AddFinding(by=BOB, kind="contributing_factor", factor="change", text="all customers at once"),
    AddFinding(by=BOB, kind="contributing_factor", factor="detection", text="the check buys two items"),
)


async def test_the_draft_waits_for_the_store_and_nothing_waits_for_the_draft(begin_review: Begin, drafts: Drafts):
    """While the store is away there is a marked placeholder and commands are obeyed; the draft comes by itself."""
    drafts.trouble = Transient("the store is away")
    async with begin_review() as review:
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


async def test_a_draft_that_cannot_be_made_is_written_by_hand(begin_review: Begin, drafts: Drafts, record: Record):
    """A broken template is said in the timeline, once, and a person's text takes the draft's place."""
    drafts.trouble = Rejected("review.md.j2, line 3: unexpected '}'")
    async with begin_review() as review:
        await until(lambda: bool(record.sentences(kind=EntryKind.TROUBLE)), "the trouble is in the timeline")
        assert "review.md.j2, line 3" in record.sentences(kind=EntryKind.TROUBLE)[0]
        edited = await review.ask("edit", EditReview(by=ALICE, markdown="# By hand", revision=0))
        assert (edited.markdown, edited.revision) == ("# By hand", 1)
        await review.ask("submit", SubmitReview(by=ALICE, fewer_factors_because="it is small"))
        await review.ask("sign_off", SignOffReview(by=BOB))
        await review.ask("close", CloseReview(by=BOB))
        await review.ended()


async def test_the_draft_follows_the_facts_until_a_person_edits_it(begin_review: Begin, drafts: Drafts):
    """A record that catches up and a finding renew the draft; a stale edit is refused; an edit is never overwritten."""
    async with begin_review() as review:
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


async def test_a_draft_follows_what_is_new_in_the_record(begin_review: Begin, drafts: Drafts):
    """Some minutes after the incident told of it, once for all of them; what came meanwhile is in the next."""
    async with begin_review() as review:
        await drafted(review)
        await review.pass_time(HOUR)
        written = len(drafts.requests)
        for _ in range(3):
            await review.handle.signal("observe_news", ObserveNews(by=BOB))
        drafts.known = "alerts, a rollback, and a note of afterwards"
        await review.pass_time(timedelta(minutes=4))
        assert len(drafts.requests) == written
        await review.handle.signal("observe_news", ObserveNews(by=BOB))
        await review.pass_time(timedelta(minutes=3))
        assert "a note of afterwards" in (await drafted(review)).markdown
        assert len(drafts.requests) == written + 1
        await review.pass_time(DAY)
        assert len(drafts.requests) == written + 2
        await review.replays()


async def test_whom_the_timeline_shows_is_asked_once_and_cannot_facilitate(begin_review: Begin, drafts: Drafts):
    """Owner, commander, responder, who made the change: each refused with the reason; somebody neutral is welcome."""
    drafts.there = (Participant(name="bob"), Participant(name="stranger"))
    people = ("alice", "bob", "cleo", "dora", "emil", "mona")
    async with begin_review(people=people, roles={"scribe": "emil"}) as review:
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


async def test_two_factors_are_asked_for(begin_review: Begin):
    """Fewer only for a reason; a kind of factor that does not exist is refused with those that do."""
    async with begin_review() as review:
        await drafted(review)
        await review.ask("add_finding", FACTORS[0])
        kind, sentence = await review.refusal("submit", SubmitReview(by=ALICE))
        assert (kind, "has at least 2" in sentence) == ("conflict", True)
        odd = AddFinding(by=BOB, kind="contributing_factor", factor="bob", text="x")
        assert "there are detection, change" in (await review.refusal("add_finding", odd))[1]
        await review.ask("add_finding", FACTORS[1])
        assert (await review.ask("submit", SubmitReview(by=ALICE))).factors_overridden == ""
        await review.handle.terminate()


async def test_another_person_signs_off(begin_review: Begin, record: Record):
    """Submitted, refused of its owner and of automation, returned once, signed by another: then it is closed."""
    async with begin_review() as review:
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
        assert [message.context["level"] for message in await review.told(3)] == ["assigned", "returned", "signed_off"]
        picture = record.document(ProjectionKind.REVIEW, ended.id)
        assert picture is not None
        assert picture["state"] == "closed"
        assert "Review signed off: clear" in record.sentences(ended.id)


async def test_a_sev1_needs_the_word_of_a_service_owner_and_of_a_manager(begin_review: Begin):
    """Each is asked; another member of the team and the manager sign; then it is reviewed and closes after its soak."""
    team = {"service_team": ("alice", "bob"), "team_manager": "mona", "people": ("alice", "bob", "cleo", "mona")}
    async with begin_review(**team) as review:
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
        # Two working days, whichever day it is.
        await review.pass_time(5 * DAY)
        assert (await review.ended()).state is ReviewStatus.CLOSED


async def test_a_waiver_is_refused_where_the_policy_demands_a_review(begin_review: Begin):
    """Nobody waives the review of a SEV-1, whatever the reason."""
    async with begin_review() as review:
        kind, sentence = await review.refusal("waive", WaiveReview(by=BOB, reason="boring"))
        assert (kind, "demands a review of every SEV-1" in sentence) == ("forbidden", True)


async def test_a_waiver_needs_a_reason_and_somebody_else(begin_review: Begin, record: Record):
    """A SEV-4 review may be waived: one asks and another agrees, who is not its owner; no reminder follows."""
    async with begin_review(severity="SEV-4") as review:
        assert (await review.refusal("waive", WaiveReview(by=BOB, reason=" ")))[0] == "invalid"
        asked = await review.ask("waive", WaiveReview(by=ALICE, reason="known cause"))
        assert (asked.state, asked.waiver_asked.by) == (ReviewStatus.DRAFT, ALICE)
        assert (await review.refusal("waive", WaiveReview(by=ALICE, reason="again")))[0] == "forbidden"
        await review.ask("waive", WaiveReview(by=BOB, reason="seen before"))
        ended = await review.ended()
        assert (ended.state, ended.waiver.comment) == (ReviewStatus.WAIVED, "seen before")
        assert "Review waived: seen before (asked for by alice: known cause)" in record.sentences(ended.id)
        assert [(each.people, each.context["level"]) for each in await review.told(3)] == [
            (("alice",), "assigned"),
            (("mona",), "waiver"),
            (("alice", "mona"), "waived"),
        ]


async def test_a_near_miss_is_reviewed_whatever_its_severity(begin_review: Begin):
    """A SEV-5 has no deadline of its own; a near miss has one of a week."""
    resolved_at = datetime.now(UTC)
    async with begin_review(severity="SEV-5", near_miss=True, resolved_at=resolved_at) as review:
        assert (await review.view()).due_at == due_after(resolved_at, 7 * DAY, OFFICE)
        await review.handle.terminate()


async def test_a_review_ends_with_an_incident_that_was_none(begin_review: Begin, record: Record):
    """Merged or cancelled after mitigation: nobody is reminded of a review of nothing."""
    async with begin_review(resolved_at=None) as review:
        await drafted(review)
        await review.handle.signal(
            "observe_incident_end", ObserveIncidentEnd(by=ALICE, reason="cancelled: a test alert")
        )
        ended = await review.ended()
        assert ended.state is ReviewStatus.WAIVED
        assert "Review ended: cancelled: a test alert" in record.sentences(ended.id)


async def test_the_incident_hears_how_the_review_ends(begin_review: Begin, env: WorkflowEnvironment, task_queue: str):
    """Draft, in review, closed: each told once, so that the incident can close."""
    incident_id = f"inc-20261122-{uuid4().hex[:6]}"
    with env.with_time_skipping_disabled():
        incident = await env.client.start_workflow(
            ListeningIncident.run, id=f"incident/{incident_id}", task_queue=task_queue
        )
    async with begin_review(incident_id=incident_id) as review:
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


async def test_the_history_of_a_review_replays(begin_review: Begin):
    """What was recorded is what the code would do again."""
    async with begin_review() as review:
        await drafted(review)
        await review.pass_time(3 * DAY)
        await review.ask("add_finding", AddFinding(by=BOB, kind="lesson", text="rehearse"))
        await drafted(review)
        await review.ask("submit", SubmitReview(by=ALICE, fewer_factors_because="it is small"))
        await review.ask("sign_off", SignOffReview(by=BOB))
        # Two working days, and a weekend may lie between.
        await review.pass_time(5 * DAY)
        await review.ended()
        assert [each.context["level"] for each in review.post.messages][-2:] == ["signed_off", "not_published"]
        await review.replays()


async def test_what_a_review_found_is_counted(begin_review: Begin, record: Record, tmp_path: Path):
    """The factors of a review that was really held are what recurs, by their kind; one that was withdrawn is none."""
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    await store.migrate()
    now = datetime.now(UTC)
    for number in (1, 2):
        async with begin_review(severity="SEV-3") as review:
            await drafted(review)
            for factor in ("capacity", "knowledge"):
                found = AddFinding(by=ALICE, kind="contributing_factor", text=f"{factor} {number}", factor=factor)
                await review.ask("add_finding", found)
            wrong = AddFinding(by=ALICE, kind="contributing_factor", text=f"design {number}", factor="design")
            state = await review.ask("add_finding", wrong)
            number_of_it = state.findings[-1].number
            await review.ask("withdraw_finding", WithdrawFinding(by=ALICE, finding=number_of_it, reason="it was not"))
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
