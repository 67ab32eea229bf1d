"""Reviews: due by severity and business day, reminded of, escalated, extended, begun at mitigation, with a meeting."""

from datetime import UTC, datetime, time, timedelta

from domain.calendar import due_after
from domain.message import Template
from domain.policy import DEFAULTS, Policy, WorkingHours
from domain.review import (
    ApproveReviewExtension,
    AssignReview,
    ExtendReview,
    InviteToReview,
    ObserveResolved,
    Participant,
    PlanMeeting,
    RecordMeeting,
    SubmitReview,
)
from domain.severity import Severity
from domain.timeline import automation, person
from tests.support.reviews import OFFICE, Begin, Drafts, drafted

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ALICE, BOB = person("alice"), person("bob")
# Dates of meetings depend on the day of the week on which the tests run; here they are not looked at.
WITHOUT_MEETINGS = Policy(
    calendar=OFFICE,
    severities={Severity.SEV1: DEFAULTS[Severity.SEV1].model_copy(update={"review_meeting_within": None})},
)
AROUND_THE_CLOCK = Policy(calendar=WorkingHours(weekdays=tuple(range(7)), opens=time(0), closes=time(0)))


async def test_a_sev1_review_is_reminded_of_and_escalated(begin_review: Begin):
    """24 hours on the clock: a reminder four hours before, at the time, a day after, then the manager as well."""
    async with begin_review(policy=WITHOUT_MEETINGS) as review:
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


async def test_a_sev3_review_is_due_in_business_days(begin_review: Begin):
    """Seven days are business days in the calendar's zone, and both reminders fit."""
    resolved_at = datetime.now(UTC) - HOUR
    async with begin_review(severity="SEV-3", resolved_at=resolved_at) as review:
        due = (await review.view()).due_at
        assert due == due_after(resolved_at, 7 * DAY, OFFICE)
        await review.pass_time(due - datetime.now(UTC) + HOUR)
        assert await review.reminders(3) == [
            (due - 2 * DAY, "upcoming", ["alice"]),
            (due - 4 * HOUR, "upcoming", ["alice"]),
            (due, "due", ["alice"]),
        ]
        await review.told(4)


async def test_an_extension_moves_the_deadline_and_its_reminders(begin_review: Begin):
    """A later date with a reason and, where the policy wants one, a second person is counted and starts anew."""
    strict = WITHOUT_MEETINGS.model_copy(update={"extension_needs_approver": True})
    async with begin_review(policy=strict) as review:
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


async def test_a_review_meeting_is_proposed_fixed_moved_and_reminded_of(begin_review: Begin, drafts: Drafts):
    """Nobody is invited until it is fixed, then who joins is, too; a late draft and a silent meeting are said."""
    drafts.there = (Participant(name="bob"),)
    async with begin_review(policy=AROUND_THE_CLOCK) as review:
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
        told = [(each.people, each.context["level"]) for each in messages]
        # Who joins late is told both at once.
        assert [*told[:4], *sorted(told[4:6]), *told[6:]] == [
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


async def test_a_review_without_an_owner_asks_the_manager(begin_review: Begin):
    """With neither owner nor commander the manager is asked, reminded, and relieved by an assignment."""
    async with begin_review(commander=None, manager="mona") as review:
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


async def test_a_review_begins_at_mitigation_and_is_due_from_resolution(begin_review: Begin):
    """While the facts are warm nothing is due; with the resolution the deadline and its reminders begin."""
    async with begin_review(resolved_at=None, mitigated_at=datetime.now(UTC)) as review:
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
