"""How a review ends: a waiver by two (P01), a signature for each role (P10), a soak that is real."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.errors import Rejected
from domain.policy import Policy, WorkingHours
from domain.review import (
    AppointFacilitator,
    CloseReview,
    ConfirmRead,
    GivePerspective,
    Participant,
    PlanMeeting,
    PublishReview,
    RecordMeeting,
    ReturnReview,
    ReviewStart,
    ReviewState,
    ReviewStatus,
    SignOffReview,
    SignOffRole,
    SubmitReview,
    WaiveReview,
)
from domain.review_close import next_close_step, take_close_step
from domain.review_decisions import accept_draft, decide, open_review
from domain.severity import Severity
from domain.timeline import person

# A Friday.
NOW = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MONDAY = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
ALICE, BOB, MONA, DORA, ADMIN = map(person, ("alice", "bob", "mona", "dora", "admin"))
SERVICE_OWNER, MANAGER = SignOffRole.SERVICE_OWNER, SignOffRole.ENGINEERING_MANAGER
SUBMIT = SubmitReview(by=ALICE, fewer_factors_because="it is small")


def terms(severity: Severity = Severity.SEV1, **fields: Any) -> ReviewStart:
    """Alice's review; bob is of the team that owns the service, and mona manages it and alice."""
    given = {
        "owner": "alice", "people": ("alice", "bob", "mona", "dora"), "managers": {"alice": "mona"},
        "service_team": ("alice", "bob"), "team_manager": "mona", "policy": Policy(),
    } | fields  # fmt: skip
    return ReviewStart(incident_id="inc-20261127-k7qd", title="t", severity=severity, resolved_at=NOW, **given)


def opened(at: ReviewStart, markdown: str = "# Draft") -> ReviewState:
    """With its draft."""
    there = [Participant(name="alice"), Participant(name="bob")]
    return accept_draft(open_review(at, NOW).state, markdown, NOW, at, there).state


def submitted(at: ReviewStart) -> ReviewState:
    """Up for review."""
    return decide(opened(at), SUBMIT, NOW, at).state


def signed(at: ReviewStart, state: ReviewState | None = None, now: datetime = NOW) -> ReviewState:
    """By bob and mona."""
    state = decide(state or submitted(at), SignOffReview(by=BOB), now, at).state
    return decide(state, SignOffReview(by=MONA), now, at).state


# --- the waiver ---


def test_a_waiver_is_asked_for_by_one_and_agreed_to_by_another() -> None:
    """Whoever asks first; the answer is the review with the question, and owner and manager hear both words."""
    at = terms(Severity.SEV4)
    asked = decide(opened(at), WaiveReview(by=BOB, reason="known cause"), NOW, at)
    assert (asked.state.state, asked.state.waiver) == (ReviewStatus.DRAFT, None)
    assert asked.state.waiver_asked is not None
    assert asked.state.waiver_asked.by == BOB
    assert [(each.people, each.why) for each in asked.notices] == [(("alice", "mona"), "waiver")]
    for by in (BOB, ALICE):
        with pytest.raises(Rejected, match="another person, who does not own the review"):
            decide(asked.state, WaiveReview(by=by, reason="yes"), NOW, at)
    agreed = decide(asked.state, WaiveReview(by=DORA, reason="seen it"), NOW, at)
    assert agreed.state.state is ReviewStatus.WAIVED
    assert agreed.entries[0].summary == "Review waived: seen it (asked for by bob: known cause)"
    assert [(each.people, each.why) for each in agreed.notices] == [(("bob", "alice", "mona"), "waived")]


# --- the signatures ---


def test_a_manager_who_is_also_of_the_service_signs_once() -> None:
    """Mona holds both roles; she takes the one that nobody else can, and the other is bob's."""
    at = terms()
    first = decide(submitted(at), SignOffReview(by=MONA), NOW, at).state
    assert [(each.by, each.role) for each in first.sign_offs] == [(MONA, MANAGER)]
    assert (first.state, first.waits_for) == (ReviewStatus.IN_REVIEW, (SERVICE_OWNER,))
    with pytest.raises(Rejected, match=r"mona has signed as engineering manager; .*\(service owner: bob\)"):
        decide(first, SignOffReview(by=MONA), NOW, at)
    both = decide(first, SignOffReview(by=BOB), NOW, at).state
    assert (both.state, [each.role for each in both.sign_offs]) == (ReviewStatus.REVIEWED, [MANAGER, SERVICE_OWNER])


def test_nobody_takes_the_role_that_another_could_to_spare_their_own() -> None:
    """Mona as service owner would leave nobody to sign as manager; she is told how it goes."""
    at = terms()
    with pytest.raises(Rejected, match=r"only mona can sign as engineering manager; .* leave service owner to bob"):
        decide(submitted(at), SignOffReview(by=MONA, role=SERVICE_OWNER), NOW, at)


def test_a_small_house_is_never_stuck() -> None:
    """Where one person holds every role that is left, one signature is all there is; the timeline says so."""
    at = terms(service_team=("alice",))
    outcome = decide(submitted(at), SignOffReview(by=MONA), NOW, at)
    assert outcome.state.state is ReviewStatus.REVIEWED
    assert outcome.entries[0].summary == (
        "Review signed off as service owner; no other word as engineering manager: only mona could give it"
    )


def test_the_administrator_answers_for_the_house_one_signature_at_a_time() -> None:
    """A call without a role gives one; the next call the other."""
    at = terms()
    first = decide(submitted(at), SignOffReview(by=ADMIN), NOW, at).state
    assert (first.state, len(first.sign_offs), len(first.waits_for)) == (ReviewStatus.IN_REVIEW, 1, 1)
    assert decide(first, SignOffReview(by=ADMIN), NOW, at).state.state is ReviewStatus.REVIEWED


# --- what is lacking when it is submitted ---


def test_what_is_lacking_is_said_to_those_who_sign() -> None:
    """Blanks by heading, no facilitator for a SEV-1, nobody's view: in the timeline and in the mail; not refused."""
    at = terms()
    text = (
        "# Review\n\n## Lessons\n\n_To be filled in: x._\n\n## Impact\n\n_To be filled in: y._\n_To be filled in: z._\n"
    )
    outcome = decide(opened(at, text), SUBMIT, NOW, at)
    said = (
        "3 blanks are still to be filled in: Lessons, Impact (2); no facilitator was appointed; "
        "nobody has said how it was for them"
    )
    assert outcome.entries[0].summary.endswith(f"it is small; {said}")
    assert outcome.notices[0].words.endswith(f"; {said}")


def test_what_is_complete_is_said_to_lack_nothing() -> None:
    """With a facilitator and a view; a SEV-3 asks for no facilitator."""
    at = terms()
    state = decide(opened(at), AppointFacilitator(by=ALICE, facilitator="dora"), NOW, at).state
    state = decide(state, GivePerspective(by=BOB, saw="a green dashboard"), NOW, at).state
    assert decide(state, SUBMIT, NOW, at).notices[0].words.endswith("service owner and engineering manager")
    mild = terms(Severity.SEV3)
    assert "facilitator" not in decide(opened(mild), SUBMIT, NOW, mild).entries[0].summary


# --- the soak ---


def test_the_soak_is_counted_in_working_days() -> None:
    """Signed on Friday afternoon, it closes on Tuesday; a policy in hours runs on the clock."""
    at = terms()
    assert signed(at).closes_at == NOW + 4 * DAY
    hours = terms(policy=Policy(review_soak=timedelta(hours=30)))
    assert signed(hours).closes_at == NOW + 30 * HOUR
    berlin = WorkingHours(time_zone="Europe/Berlin", holidays=(MONDAY.date(),))
    assert signed(terms(policy=Policy(calendar=berlin))).closes_at == NOW + 5 * DAY


def test_the_soak_begins_after_the_meeting_and_moves_with_it() -> None:
    """A meeting that is fixed for Monday is not called off by the close, and a later one makes the close later."""
    at = terms()
    state = signed(at, decide(submitted(at), PlanMeeting(by=ALICE, at=MONDAY), NOW, at).state)
    assert state.closes_at == MONDAY + HOUR + 2 * DAY
    moved = decide(state, PlanMeeting(by=ALICE, at=MONDAY + DAY, reason="bob is away"), NOW, at)
    assert moved.state.closes_at == MONDAY + DAY + HOUR + 2 * DAY
    assert moved.entries[-1].summary == "The review closes by itself at 2026-12-03 11:00 UTC"
    held = RecordMeeting(by=ALICE, attended=("bob",), dissent="slow", held_at=NOW - DAY)
    assert decide(moved.state, held, NOW, at).state.closes_at == NOW + 4 * DAY
    later = held.model_copy(update={"held_at": MONDAY})
    assert decide(moved.state, later, MONDAY + 2 * HOUR, at).state.closes_at == MONDAY + HOUR + 2 * DAY


def test_the_owner_hears_of_the_last_signature_and_once_before_the_close() -> None:
    """To publish it, and when it closes; a published one is not asked for again."""
    at = terms()
    one = decide(submitted(at), SignOffReview(by=BOB), NOW, at).state
    last = decide(one, SignOffReview(by=MONA), NOW, at)
    assert [(each.people, each.why, each.words) for each in last.notices] == [
        (
            ("alice",),
            "signed_off",
            "the review is signed off and closes by itself at 2026-12-01 15:00 UTC; publish it, so that it is read",
        )
    ]
    state, half = last.state, NOW + 3 * DAY
    assert next_close_step(state, at) == half
    assert take_close_step(state, half - HOUR, at).state is state
    told = take_close_step(state, half, at)
    assert [(each.people, each.why) for each in told.notices] == [(("alice",), "not_published")]
    assert next_close_step(told.state, at) == told.state.closes_at == half + DAY
    closed = take_close_step(told.state, half + DAY, at)
    assert (closed.state.state, closed.notices) == (ReviewStatus.CLOSED, ())
    published = decide(state, PublishReview(by=ALICE), NOW, at).state
    assert next_close_step(published, at) == half + DAY


def test_publishing_and_receipts_are_possible_until_the_close() -> None:
    """A return begins all of it anew; a person may close it sooner."""
    at = terms()
    state = decide(signed(at), PublishReview(by=ALICE), NOW + 3 * DAY, at).state
    state = decide(state, ConfirmRead(by=BOB), NOW + 3 * DAY, at).state
    assert decide(state, CloseReview(by=ALICE), NOW, at).state.state is ReviewStatus.CLOSED
    again = decide(state, ReturnReview(by=BOB, reason="a number is wrong"), NOW, at).state
    assert (again.published_at, again.closes_at, again.draft_wanted) == (None, None, True)
