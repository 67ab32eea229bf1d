"""When the meeting of a review is (rule P03): proposed, fixed, moved, measured against the policy, reminded of."""

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.errors import Rejected
from domain.policy import Policy, WorkingHours
from domain.review import (
    AppointFacilitator,
    CommentOnReview,
    MeetingPlan,
    ObserveIncidentEnd,
    Participant,
    PlanMeeting,
    RecordMeeting,
    ResolveComment,
    ReviewStart,
    ReviewState,
    ReviewStatus,
)
from domain.review_decisions import accept_draft, decide, open_review
from domain.review_meeting_date import MeetingReason, next_meeting_step, take_meeting_step
from domain.severity import Severity
from domain.timeline import automation, person

# A Tuesday.
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
OFFICE = WorkingHours(holidays=(date(2026, 12, 25), date(2026, 12, 28)))
ALICE = person("alice")


def terms(severity: Severity = Severity.SEV1, resolved_at: datetime | None = NOW) -> ReviewStart:
    """Alice's review."""
    return ReviewStart(
        incident_id="inc-20261124-k7qd", title="Checkout is down", severity=severity, resolved_at=resolved_at,
        policy=Policy(calendar=OFFICE), owner="alice", people=("alice", "bob", "carol", "dora"),
    )  # fmt: skip


def opened(severity: Severity = Severity.SEV1, resolved_at: datetime | None = NOW) -> ReviewState:
    """With alice and bob in it."""
    there = (Participant(name="alice"), Participant(name="bob"))
    start = open_review(terms(severity, resolved_at), resolved_at or NOW).state
    return start.model_copy(update={"participants": there})


def plan_of(state: ReviewState) -> MeetingPlan:
    """Its date."""
    assert state.meeting_plan is not None
    return state.meeting_plan


FIXED = decide(opened(), PlanMeeting(by=ALICE), NOW, terms()).state


@pytest.mark.parametrize(
    ("severity", "resolved_at", "wanted", "latest", "is_late"),
    [
        # The review is due after 24 hours, is read for 24 more, and the office opens at nine.
        (Severity.SEV1, NOW, datetime(2026, 11, 26, 11, tzinfo=UTC), NOW + 3 * DAY, False),
        # Resolved on a Thursday night: read over the weekend, met on Monday before the three days are over.
        (
            Severity.SEV1,
            datetime(2026, 11, 27, 20, tzinfo=UTC),
            datetime(2026, 11, 30, 9, tzinfo=UTC),
            datetime(2026, 11, 30, 20, tzinfo=UTC),
            False,
        ),
        # Two days of holiday and a weekend between: the last hour before is taken, though the draft is then short.
        (
            Severity.SEV1,
            datetime(2026, 12, 24, 10, tzinfo=UTC),
            datetime(2026, 12, 24, 16, tzinfo=UTC),
            datetime(2026, 12, 27, 10, tzinfo=UTC),
            False,
        ),
        # Resolved after the office has closed for those days: nothing fits, and that is said.
        (
            Severity.SEV1,
            datetime(2026, 12, 24, 17, 30, tzinfo=UTC),
            datetime(2026, 12, 29, 9, tzinfo=UTC),
            datetime(2026, 12, 27, 17, 30, tzinfo=UTC),
            True,
        ),
        # Five business days: a week later, at the latest.
        (Severity.SEV2, NOW, datetime(2026, 11, 30, 9, tzinfo=UTC), datetime(2026, 12, 1, 10, 30, tzinfo=UTC), False),
    ],
)
def test_a_date_is_proposed_in_working_hours_as_the_policy_asks(
    severity: Severity, resolved_at: datetime, wanted: datetime, latest: datetime, is_late: bool
) -> None:
    """After the draft was read where that fits, else the last hour that the policy allows, else as soon as possible."""
    state = opened(severity, resolved_at)
    plan = plan_of(state)
    assert (plan.at, plan.latest, plan.is_late) == (wanted, latest, is_late)
    assert (plan.draft_by, plan.fixed_by) == (wanted - DAY, None)


def test_a_review_that_need_not_meet_has_no_date() -> None:
    """A SEV-3 proposes none; a person may choose one all the same, and no policy measures it."""
    state = opened(Severity.SEV3)
    assert state.meeting_plan is None
    with pytest.raises(Rejected, match="no date is proposed"):
        decide(state, PlanMeeting(by=ALICE), NOW, terms(Severity.SEV3))
    plan = plan_of(decide(state, PlanMeeting(by=ALICE, at=NOW + 30 * DAY), NOW, terms(Severity.SEV3)).state)
    assert (plan.latest, plan.is_late) == (None, False)
    assert opened(resolved_at=None).meeting_plan is None


def test_fixing_the_proposed_date_invites_everybody_who_takes_part() -> None:
    """The invitation is for an hour; until then nobody was told of it but the owner."""
    outcome = decide(opened(), PlanMeeting(by=ALICE), NOW, terms())
    (line,) = outcome.entries
    assert line.summary == "Review meeting fixed for 2026-11-26 11:00 UTC; invited: alice, bob"
    (notice,) = outcome.notices
    assert (notice.people, notice.why) == (("alice", "bob"), "meeting_fixed")
    invitation = notice.invitation
    assert invitation is not None
    assert (invitation.starts_at, invitation.ends_at) == (plan_of(outcome.state).at, plan_of(outcome.state).at + HOUR)
    assert (invitation.sequence, invitation.cancelled) == (0, False)


def test_a_moved_date_is_counted_and_told_and_what_speaks_against_it_is_said() -> None:
    """The same appointment with a higher number; too late, at night and with a draft that is late: three warnings."""
    late = datetime(2026, 11, 29, 3, tzinfo=UTC)
    at = NOW + 4 * DAY
    outcome = decide(FIXED, PlanMeeting(by=ALICE, at=late, reason="bob is away"), at, terms())
    assert outcome.entries[0].summary == (
        "Review meeting moved from 2026-11-26 11:00 UTC to 2026-11-29 03:00 UTC (move 1): bob is away; "
        "invited: alice, bob; this is later than the policy allows, which is 2026-11-27 10:30 UTC; "
        "the draft had to be ready at 2026-11-28 03:00 UTC and is not; this is outside working hours"
    )
    (notice,) = outcome.notices
    assert notice.words == (
        "the review meeting is moved from 2026-11-26 11:00 UTC to 2026-11-29 03:00 UTC: bob is away"
    )
    assert notice.invitation is not None
    assert notice.invitation.sequence == 1
    assert (plan_of(outcome.state).moved, plan_of(outcome.state).is_late) == (1, True)


def test_who_joins_later_is_invited_once() -> None:
    """From the timeline, or as the facilitator; those who know already hear nothing."""
    joined = accept_draft(FIXED, "# Draft", NOW, terms(), [Participant(name="bob"), Participant(name="carol")])
    assert [(each.people, each.why) for each in joined.notices] == [
        (("carol",), "invited"),
        (("carol",), "meeting_fixed"),
    ]
    led = decide(joined.state, AppointFacilitator(by=ALICE, facilitator="dora"), NOW, terms())
    assert [(each.people, each.why) for each in led.notices] == [
        (("dora",), "facilitator"),
        (("dora",), "meeting_fixed"),
    ]
    assert plan_of(led.state).invited == ("alice", "bob", "carol", "dora")


def test_a_review_that_ends_early_calls_its_meeting_off() -> None:
    """With a cancellation for their calendars; a meeting that was only proposed, or was held, is not cancelled."""
    ended = ObserveIncidentEnd(by=automation("incident"), reason="merged")
    outcome = decide(FIXED, ended, NOW, terms())
    (notice,) = outcome.notices
    assert notice.invitation is not None
    assert (notice.people, notice.invitation.cancelled, notice.invitation.sequence) == (("alice", "bob"), True, 1)
    assert decide(opened(), ended, NOW, terms()).notices == ()
    held = decide(FIXED, RecordMeeting(by=ALICE, attended=("bob",), dissent="slow"), NOW, terms()).state
    assert decide(held, ended, NOW, terms()).notices == ()


def test_the_owner_is_reminded_of_the_draft_and_of_the_meeting() -> None:
    """Before and when the draft is to be ready, and when the meeting should be over; each once, with its reason."""
    state = FIXED.model_copy(update={"facilitator": "dora", "due_at": NOW + 9 * DAY})
    told = []
    while (step := next_meeting_step(state, state.meeting_plan.clocked_to, terms())) is not None:  # type: ignore[union-attr]
        outcome = take_meeting_step(state, step, step.at, terms())
        told.append((step.reason, step.at, outcome.notices[0].people))
        state = outcome.state
    assert told == [
        (MeetingReason.DRAFT_SOON, datetime(2026, 11, 25, 7, tzinfo=UTC), ("alice",)),
        (MeetingReason.DRAFT_LATE, datetime(2026, 11, 25, 11, tzinfo=UTC), ("alice", "dora")),
        (MeetingReason.NOT_RECORDED, datetime(2026, 11, 26, 12, tzinfo=UTC), ("alice", "dora")),
    ]
    assert state.reminders_sent == 3


def test_a_reminder_that_has_no_reason_any_more_is_not_sent() -> None:
    """A draft that is up for review is not late; the review's own deadline speaks where it is the earlier one."""
    ready = FIXED.model_copy(update={"state": ReviewStatus.IN_REVIEW})
    step = next_meeting_step(ready, NOW, terms())
    assert step is not None
    assert step.reason is MeetingReason.NOT_RECORDED
    assert next_meeting_step(FIXED, NOW, terms()) == (MeetingReason.DRAFT_LATE, plan_of(FIXED).draft_by)
    assert next_meeting_step(opened(), NOW, terms()) == (MeetingReason.NOT_FIXED, plan_of(FIXED).draft_by)


def test_open_comments_are_told_before_the_meeting_and_said_when_it_was_held() -> None:
    """Four hours before, and only while there are any."""
    said = CommentOnReview(by=person("bob"), text="it was ten to", section="Timeline")
    commented = decide(FIXED, said, NOW, terms()).state
    step = next_meeting_step(commented, plan_of(FIXED).at - HOUR, terms())
    assert step == (MeetingReason.COMMENTS_OPEN, plan_of(FIXED).at - 4 * HOUR)
    assert step is not None
    told = take_meeting_step(commented, step, step.at, terms())
    assert told.notices[0].words == (
        "the review meeting is at 2026-11-26 11:00 UTC, and 1 comment is open: 1 by bob on Timeline; answer them "
        "before, so that it is not spent on them"
    )
    held = decide(commented, RecordMeeting(by=ALICE, attended=("bob",), dissent="slow"), NOW, terms())
    assert "1 comment is open: 1 by bob on Timeline" in held.entries[0].summary
    settled = decide(commented, ResolveComment(by=ALICE, comment=1, answer="mended"), NOW, terms()).state
    step = next_meeting_step(settled, plan_of(FIXED).at - HOUR, terms())
    assert step is not None
    assert step.reason is MeetingReason.DRAFT_LATE


def test_only_the_newest_of_what_was_slept_through_is_said() -> None:
    """After a week without a worker nobody is told to hurry for a meeting of last week."""
    step = next_meeting_step(FIXED, NOW + 7 * DAY, terms())
    assert step is not None
    assert step.reason is MeetingReason.NOT_RECORDED


@pytest.mark.parametrize(
    ("state", "command", "sentence"),
    [
        (opened(), PlanMeeting(by=automation("x")), "only a person"),
        (opened(), PlanMeeting(by=ALICE, at=NOW - HOUR), "must be in the future"),
        (opened(), PlanMeeting(by=ALICE, at=datetime(2026, 12, 1, 10)), "needs a time zone"),  # noqa: DTZ001 - meant
        (FIXED, PlanMeeting(by=ALICE), "say when the review meeting is"),
        (FIXED, PlanMeeting(by=ALICE, at=plan_of(FIXED).at), "is at 2026-11-26 11:00 UTC already"),
        (
            decide(FIXED, RecordMeeting(by=ALICE, attended=("bob",), dissent="slow"), NOW, terms()).state,
            PlanMeeting(by=ALICE, at=NOW + DAY),
            "was held at",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(state: ReviewState, command: PlanMeeting, sentence: str) -> None:
    """Each says what is wrong with the date."""
    with pytest.raises(Rejected) as refused:
        decide(state, command, NOW, terms())
    assert sentence in refused.value.sentence
