"""The meeting of a review, its poll and its readers (rules P05 and P11): what is taken, refused, and told to whom."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import Rejected
from domain.policy import Policy
from domain.review import (
    AnswerPoll,
    ConfirmRead,
    Participant,
    PlanMeeting,
    PublishReview,
    RecordMeeting,
    ReturnReview,
    ReviewCommand,
    ReviewStart,
    ReviewState,
    ReviewStatus,
)
from domain.review_decisions import decide, open_review
from domain.severity import Severity
from domain.timeline import automation, person

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ALICE, BOB, CAROL = person("alice"), person("bob"), person("carol")
TERMS = ReviewStart(
    incident_id="inc-20261122-k7qd", title="t", severity=Severity.SEV1, resolved_at=NOW, policy=Policy(), owner="alice",
    people=("alice", "bob", "carol", "mona"),
)  # fmt: skip
PARTICIPANTS = (Participant(name="alice"), Participant(name="bob"))
OPENED = open_review(TERMS, NOW).state.model_copy(update={"participants": PARTICIPANTS})
SIGNED = OPENED.model_copy(update={"state": ReviewStatus.REVIEWED, "closes_at": NOW + timedelta(days=2)})
HELD = RecordMeeting(by=ALICE, attended=("alice", "carol"), dissent="Carol saw it an hour before the alert")
MET = decide(OPENED, HELD, NOW, TERMS).state


def answer(by: str, *, learned: bool = True, spoke_freely: bool = True) -> AnswerPoll:
    """Of one who was asked."""
    return AnswerPoll(by=person(by), learned=learned, spoke_freely=spoke_freely)


def test_a_meeting_says_who_came_and_who_did_not() -> None:
    """The line names the invited who were missing; who was there is asked two questions, once."""
    outcome = decide(OPENED, HELD, NOW, TERMS)
    assert outcome.entries[0].summary == (
        "Review meeting held with alice, carol; invited and not there: bob. "
        "Seen differently or learned: Carol saw it an hour before the alert"
    )
    assert [(each.people, each.why) for each in outcome.notices] == [(("alice", "carol"), "poll")]
    answered = decide(outcome.state, answer("alice"), NOW, TERMS).state
    again = decide(answered, HELD, NOW, TERMS)
    assert [each.people for each in again.notices] == [("carol",)]


def test_a_meeting_was_held_when_it_was_fixed_for() -> None:
    """Said an hour after it began; without a date it has just ended, and who says when is believed."""
    at = NOW + timedelta(days=2)
    fixed = decide(OPENED, PlanMeeting(by=ALICE, at=at), NOW, TERMS).state
    held = decide(fixed, HELD, at + timedelta(hours=3), TERMS).state.meeting
    assert held is not None
    assert (held.at, held.ends_at) == (at, at + timedelta(hours=1))
    assert MET.meeting is not None
    assert (MET.meeting.at, MET.meeting.ends_at) == (NOW, NOW)
    said = HELD.model_copy(update={"held_at": at})
    told = decide(fixed, said, at + timedelta(hours=3), TERMS).state.meeting
    assert told is not None
    assert told.ends_at == at + timedelta(hours=1)


def test_the_poll_keeps_counts_and_no_answers() -> None:
    """Neither the state nor the timeline says who answered what."""
    first = decide(MET, answer("carol", learned=False), NOW, TERMS)
    after = decide(first.state, answer("alice", spoke_freely=False), NOW, TERMS).state
    assert (after.polled, after.poll_learned, after.poll_spoke_freely) == (("alice", "carol"), 1, 1)
    (line,) = first.entries
    assert (line.summary, line.actor.name) == ("Poll of the review meeting: 1 of 2 have answered", "review")


def test_a_published_review_is_chased_until_it_is_read() -> None:
    """Sent to who took part and to others; a second time only to who has not confirmed; a return begins anew."""
    sent = decide(SIGNED, PublishReview(by=ALICE, people=("mona",)), NOW, TERMS)
    assert [(each.people, each.why) for each in sent.notices] == [(("alice", "bob", "mona"), "published")]
    read = decide(sent.state, ConfirmRead(by=BOB), NOW, TERMS)
    assert read.entries[0].summary == "bob has read the review; not yet: alice, mona"
    chased = decide(read.state, PublishReview(by=ALICE), NOW, TERMS)
    assert [each.people for each in chased.notices] == [("alice", "mona")]
    returned = decide(read.state, ReturnReview(by=BOB, reason="a number is wrong"), NOW, TERMS).state
    assert returned.readings == ()


@pytest.mark.parametrize(
    ("state", "command", "sentence"),
    [
        (OPENED, HELD.model_copy(update={"dissent": " "}), "rule P05) must not be empty"),
        (OPENED, HELD.model_copy(update={"held_at": datetime(2026, 11, 22)}), "needs a time zone"),  # noqa: DTZ001 - meant
        (OPENED, HELD.model_copy(update={"held_at": NOW + timedelta(hours=1)}), "lies in the past"),
        (OPENED, HELD.model_copy(update={"attended": ()}), "at least one person who was there"),
        (OPENED, HELD.model_copy(update={"attended": ("nobody",)}), "'nobody' is not known here"),
        (OPENED, HELD.model_copy(update={"by": automation("x")}), "only a person"),
        (OPENED, answer("alice"), "not recorded yet"),
        (MET, answer("bob"), "bob was not"),
        (decide(MET, answer("alice"), NOW, TERMS).state, answer("alice"), "answered already"),
        (OPENED, PublishReview(by=ALICE), "not signed off yet"),
        (OPENED, ConfirmRead(by=BOB), "not signed off yet"),
        (decide(SIGNED, ConfirmRead(by=BOB), NOW, TERMS).state, ConfirmRead(by=BOB), "confirmed already"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(state: ReviewState, command: ReviewCommand, sentence: str) -> None:
    """Each says what is missing."""
    with pytest.raises(Rejected) as refused:
        decide(state, command, NOW, TERMS)
    assert sentence in refused.value.sentence
