"""Reviews, whatever people ask in whatever order: no sign-off by the owner, no lost edit, no way back from the end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.deadlines import next_step
from domain.errors import Rejected, RejectionKind
from domain.policy import Policy
from domain.review import (
    AddFinding,
    ApproveReviewExtension,
    AssignReview,
    CommentOnReview,
    CommentState,
    EditReview,
    ExtendReview,
    PlanMeeting,
    ResolveComment,
    ReturnReview,
    ReviewCommand,
    ReviewStart,
    ReviewState,
    ReviewStatus,
    SignOffReview,
    SubmitReview,
    WaiveReview,
)
from domain.review_close import take_close_step
from domain.review_decisions import accept_draft, decide, open_review, take_step
from domain.review_meeting_date import next_meeting_step, take_meeting_step
from domain.review_news import renew_draft
from domain.review_outcomes import FINISHED
from domain.severity import Severity
from domain.timeline import Actor, automation, person

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
PEOPLE = ("alice", "bob", "mona")
actors = st.sampled_from([*map(person, PEOPLE), automation("triage")])
texts = st.sampled_from(["", "  ", "because", "x" * 20_000])
severities = st.sampled_from(list(Severity))


def terms(severity: Severity = Severity.SEV1, **fields: Any) -> ReviewStart:
    """A review of alice."""
    given = {"owner": "alice", "managers": {"alice": "mona", "bob": "mona"}, "people": PEOPLE} | fields
    return ReviewStart(
        incident_id="inc-20261122-k7qd",
        title="t",
        severity=severity,
        resolved_at=START,
        policy=Policy(extension_needs_approver=True),
        **given,
    )


class ReviewMachine(RuleBasedStateMachine):
    """A review, and everything that anybody may try."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.refusals: list[str] = []
        self.terms = terms(Severity.SEV4, owner=None)
        self.state: ReviewState = open_review(self.terms, self.now).state
        self.edits: list[str] = []

    def attempt(self, command: ReviewCommand) -> bool:
        """Whether the command was obeyed; a refusal has a sentence."""
        try:
            outcome = decide(self.state, command, self.now, self.terms)
        except Rejected as refusal:
            self.refusals.append(refusal.sentence)
            return False
        assert self.state.state not in FINISHED
        assert outcome.entries
        self.state = outcome.state
        return True

    @rule(seconds=st.integers(1, 10**6))
    def time_passes(self, seconds: int) -> None:
        """Steps of the ladder are taken when they are due."""
        self.now += timedelta(seconds=seconds)
        step = next_step(self.state.ladder, self.now, self.terms.policy)
        if step and step.at <= self.now:
            outcome = take_step(self.state, step, self.now, self.terms)
            assert outcome.state.reminders_sent == self.state.reminders_sent + len(outcome.notices)
            self.state = outcome.state
            again = next_step(self.state.ladder, self.now, self.terms.policy)
            assert again is None or again.at > self.now
        # Of what was slept through because of the meeting one thing is said, and then nothing until later.
        due = next_meeting_step(self.state, self.now, self.terms)
        if due is not None and due.at <= self.now:
            self.state = take_meeting_step(self.state, due, self.now, self.terms).state
            following = next_meeting_step(self.state, self.now, self.terms)
            assert following is None or following.at > self.now

    @rule(by=actors, hours=st.integers(-50, 500))
    def plan_meeting(self, by: Actor, hours: int) -> None:
        """Only a person, only in the future; a move is counted."""
        at = self.now + timedelta(hours=hours)
        moved = self.state.meeting_plan.moved if self.state.meeting_plan else 0
        if self.attempt(PlanMeeting(by=by, at=at)):
            plan = self.state.meeting_plan
            assert plan is not None
            assert (by.kind, at > self.now, plan.at) == ("person", True, at)
            assert plan.moved in {moved, moved + 1}

    @rule(by=actors, text=texts)
    def comment(self, by: Actor, text: str) -> None:
        """Only a person, with words, and not a page of them."""
        if self.attempt(CommentOnReview(by=by, text=text)):
            assert (by.kind, text) == ("person", "because")

    @rule(by=actors, number=st.integers(1, 4), text=texts, carry=st.booleans())
    def resolve_comment(self, by: Actor, number: int, text: str, carry: bool) -> None:
        """Once, with words; what is carried stands in the review as an open question."""
        questions = sum(each.kind == "open_question" for each in self.state.findings)
        if self.attempt(ResolveComment(by=by, comment=number, answer=text, carry=carry)):
            assert text == "because"
            assert sum(each.kind == "open_question" for each in self.state.findings) == questions + carry

    @rule(by=actors, owner=st.sampled_from([*PEOPLE, "mallory", ""]))
    def assign(self, by: Actor, owner: str) -> None:
        """Only people who are known, or oneself."""
        if self.attempt(AssignReview(by=by, owner=owner)):
            assert owner in PEOPLE
            assert self.state.owner == owner

    @rule(by=actors, text=texts, behind=st.integers(-1, 2))
    def edit(self, by: Actor, text: str, behind: int) -> None:
        """Only what was read last may be edited."""
        revision = self.state.revision - behind
        if self.attempt(EditReview(by=by, markdown=text, revision=revision)):
            assert behind == 0
            self.edits.append(text)

    @rule(text=st.sampled_from(["# one", "# two"]))
    def draft_arrives(self, text: str) -> None:
        """Drafts come at any time, late ones too."""
        before = self.state
        self.state = accept_draft(self.state, text, self.now, self.terms).state
        assert self.state.revision - before.revision in {0, 1}

    @rule()
    def record_catches_up(self) -> None:
        """The draft may be wanted again."""
        self.state = renew_draft(self.state, self.now).state

    @rule(by=actors, kind=st.sampled_from(["helped", "lesson", "blame"]), text=texts)
    def add_finding(self, by: Actor, kind: str, text: str) -> None:
        """Only known kinds with words."""
        if self.attempt(AddFinding(by=by, kind=kind, text=text)):
            assert (kind, text) in {("helped", "because"), ("lesson", "because")}

    @rule(by=actors)
    def submit(self, by: Actor) -> None:
        """Only with an owner and a text."""
        if self.attempt(SubmitReview(by=by, fewer_factors_because="it is small")):
            assert self.state.owner
            assert self.state.revision > 0

    @rule(by=actors)
    def sign_off(self, by: Actor) -> None:
        """By a person who is not the owner."""
        was_submitted = self.state.state is ReviewStatus.IN_REVIEW
        if self.attempt(SignOffReview(by=by)):
            assert was_submitted
            assert all(each.state is not CommentState.OPEN for each in self.state.comments)

    @rule()
    def soak_ends(self) -> None:
        """A signed review closes by itself, not before its time."""
        before = self.state
        self.state = take_close_step(self.state, self.now, self.terms).state
        is_over = before.closes_at is not None and before.closes_at <= self.now
        assert (self.state.state is not before.state) == is_over
        assert take_close_step(self.state, self.now, self.terms).state is self.state

    @rule(by=actors, reason=texts)
    def return_to_draft(self, by: Actor, reason: str) -> None:
        """With a reason."""
        if self.attempt(ReturnReview(by=by, reason=reason)):
            assert self.state.state is ReviewStatus.DRAFT

    @precondition(lambda self: len(self.edits) > 1)
    @rule(by=actors, reason=texts)
    def waive(self, by: Actor, reason: str) -> None:
        """By two people with a reason each; the second is not the owner."""
        asked = self.state.waiver_asked
        if self.attempt(WaiveReview(by=by, reason=reason)) and self.state.state is ReviewStatus.WAIVED:
            assert asked is not None
            assert by.name not in {asked.by.name, self.state.owner}

    @rule(by=actors, reason=texts, hours=st.integers(-500, 500))
    def extend(self, by: Actor, reason: str, hours: int) -> None:
        """Only to a later time that is yet to come, and nothing moves before a second person has agreed."""
        before = self.state.due_at
        assert before is not None
        if self.attempt(ExtendReview(by=by, due_at=before + timedelta(hours=hours), reason=reason)):
            assert self.state.due_at == before
            assert self.state.extension_asked is not None
            assert self.state.extension_asked.until > max(before, self.now)

    @rule(by=actors)
    def approve_extension(self, by: Actor) -> None:
        """Never by who asked."""
        wish, before = self.state.extension_asked, self.state.due_at
        if self.attempt(ApproveReviewExtension(by=by)):
            assert wish is not None
            assert before is not None
            assert (by.kind, by.name != wish.by.name) == ("person", True)
            assert self.state.due_at == wish.until > max(before, self.now)
            assert not self.state.is_overdue

    @invariant()
    def every_refusal_says_why(self) -> None:
        """Never an empty sentence."""
        assert all(self.refusals)

    @invariant()
    def nobody_ends_their_own_review(self) -> None:
        """The end has an author who is a person and not the owner."""
        for end in (self.state.sign_off, self.state.waiver):
            assert end is None or (end.by.kind == "person" and end.by.name != self.state.owner)
        is_signed = self.state.state in {ReviewStatus.REVIEWED, ReviewStatus.CLOSED}
        assert is_signed == (self.state.sign_off is not None)
        assert (self.state.state is ReviewStatus.WAIVED) == (self.state.waiver is not None)
        assert self.state.waiver is None or self.state.waiver.comment

    @invariant()
    def no_edit_is_lost(self) -> None:
        """After the first edit every line of the last edit stands in the text."""
        assert not self.edits or set(self.edits[-1].split("\n")) <= set(self.state.markdown.split("\n"))

    @invariant()
    def whoever_takes_part_is_invited_once(self) -> None:
        """To a meeting that was fixed and is still to come."""
        plan = self.state.meeting_plan
        if plan is None or plan.fixed_by is None:
            return
        assert len(set(plan.invited)) == len(plan.invited)
        if self.state.state not in FINISHED and plan.at > self.now and self.state.owner:
            assert self.state.owner in plan.invited

    @invariant()
    def the_end_is_quiet(self) -> None:
        """A finished review wants nothing more: no reminder, no draft."""
        if self.state.state in FINISHED:
            assert self.state.ladder is None
            assert next_meeting_step(self.state, self.now, self.terms) is None
            assert not self.state.draft_wanted


TestReviewMachine = ReviewMachine.TestCase
TestReviewMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("severity", list(Severity))
def test_only_the_policy_allows_a_waiver(severity: Severity):
    """SEV-1 to SEV-3 are always reviewed."""
    at = terms(severity)
    waive = WaiveReview(by=person("bob"), reason="known cause")
    if severity in {Severity.SEV4, Severity.SEV5}:
        assert decide(open_review(at, START).state, waive, START, at).state.waiver_asked is not None
        return
    with pytest.raises(Rejected) as refusal:
        decide(open_review(at, START).state, waive, START, at)
    assert refusal.value.kind is RejectionKind.FORBIDDEN


def test_the_owner_is_named_or_the_commander_or_asked_for():
    """Whoever is named, else who commanded, else the manager is asked for one."""
    assert open_review(terms(commander="bob"), START).state.owner == "alice"
    assert open_review(terms(owner=None, commander="bob"), START).state.owner == "bob"
    outcome = open_review(terms(owner=None, manager="mona"), START)
    assert outcome.state.owner is None
    assert [(notice.people, notice.why) for notice in outcome.notices] == [(("mona",), "no_owner")]


def test_somebody_who_joined_since_may_take_a_review_on():
    """The list of people is as old as the incident; whoever speaks was let in by the API."""
    at = terms()
    state = open_review(at, START).state
    assert decide(state, AssignReview(by=person("newcomer"), owner="newcomer"), START, at).state.owner == "newcomer"
    with pytest.raises(Rejected, match="not known"):
        decide(state, AssignReview(by=person("bob"), owner="newcomer"), START, at)
    with pytest.raises(Rejected, match="not known"):
        # The holder of the admin token is nobody who could be reminded.
        decide(state, AssignReview(by=person("admin"), owner="admin"), START, at)
