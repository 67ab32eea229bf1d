"""Comments on a draft (rule P09): who says one, who answers, and what waits until each has its answer."""

from datetime import UTC, datetime

import pytest

from domain.errors import Rejected
from domain.policy import Policy
from domain.review import (
    CommentOnReview,
    CommentState,
    ResolveComment,
    ReviewCommand,
    ReviewStart,
    ReviewState,
    ReviewStatus,
    SignOffReview,
)
from domain.review_comments import MAX_COMMENTS, places_of
from domain.review_decisions import decide, open_review
from domain.severity import Severity
from domain.timeline import automation, person

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
ALICE, BOB, CAROL, DORA = person("alice"), person("bob"), person("carol"), person("dora")
TERMS = ReviewStart(
    incident_id="inc-20261124-k7qd", title="t", severity=Severity.SEV3, resolved_at=NOW, policy=Policy(), owner="alice",
    people=("alice", "bob", "carol", "dora"),
)  # fmt: skip
OPENED = open_review(TERMS, NOW).state.model_copy(update={"facilitator": "dora"})
SAID = CommentOnReview(by=BOB, text="It was ten to, not ten past", section="Timeline")
COMMENTED = decide(OPENED, SAID, NOW, TERMS).state
IN_REVIEW = COMMENTED.model_copy(update={"state": ReviewStatus.IN_REVIEW})


def answer(by: str = "alice", *, comment: int = 1, text: str = "Mended", carry: bool = False) -> ResolveComment:
    """To a comment."""
    return ResolveComment(by=person(by), comment=comment, answer=text, carry=carry)


def test_a_comment_has_a_place_and_its_first_is_told() -> None:
    """Owner and facilitator hear of the first that is open; while one waits, the next ones send no mail."""
    first = decide(OPENED, SAID, NOW, TERMS)
    assert first.entries[0].summary == "Comment 1 on the review on Timeline: It was ten to, not ten past"
    assert [(each.people, each.why) for each in first.notices] == [(("alice", "dora"), "comment")]
    second = decide(first.state, CommentOnReview(by=CAROL, text="who saw it?"), NOW, TERMS)
    assert second.notices == ()
    assert [(each.number, each.section) for each in second.state.comments] == [(1, "Timeline"), (2, "")]


def test_an_answer_settles_it_and_is_told_to_who_commented() -> None:
    """The owner or the facilitator answers; who commented may take it back, and then nobody needs to hear."""
    outcome = decide(COMMENTED, answer(), NOW, TERMS)
    (comment,) = outcome.state.comments
    assert (comment.state, comment.answer, comment.answered_by) == (CommentState.RESOLVED, "Mended", ALICE)
    assert [(each.people, each.why) for each in outcome.notices] == [(("bob",), "comment_answered")]
    assert decide(COMMENTED, answer("dora"), NOW, TERMS).state.comments[0].answered_by == DORA
    assert decide(COMMENTED, answer("bob"), NOW, TERMS).notices == ()


def test_what_is_carried_on_stands_in_the_review_as_an_open_question() -> None:
    """With the reason; the draft is written anew, and the sign-off does not wait for it any more."""
    after = decide(IN_REVIEW, answer(text="the log is gone", carry=True), NOW, TERMS).state
    (finding,) = after.findings
    assert (finding.kind, finding.text) == ("open_question", "It was ten to, not ten past (the log is gone)")
    assert (after.draft_wanted, after.comments[0].state) == (True, CommentState.CARRIED)
    assert decide(after, SignOffReview(by=CAROL), NOW, TERMS).state.state is ReviewStatus.REVIEWED


def test_a_sign_off_waits_for_the_answers() -> None:
    """It names the comments; the first five, and how many more."""
    with pytest.raises(Rejected) as refused:
        decide(IN_REVIEW, SignOffReview(by=CAROL), NOW, TERMS)
    assert refused.value.sentence == (
        "1 comment is open: 1 by bob on Timeline; the owner or the facilitator answers each, or carries it on with a "
        "reason"
    )
    many = IN_REVIEW
    for _ in range(6):
        many = decide(many, CommentOnReview(by=CAROL, text="hm"), NOW, TERMS).state
    with pytest.raises(Rejected, match=r"^7 comments are open: 1 by bob on Timeline, .* and 2 more;"):
        decide(many, SignOffReview(by=CAROL), NOW, TERMS)
    settled = decide(IN_REVIEW, answer(), NOW, TERMS).state
    assert decide(settled, SignOffReview(by=CAROL), NOW, TERMS).state.state is ReviewStatus.REVIEWED


@pytest.mark.parametrize(
    ("state", "command", "sentence"),
    [
        (OPENED, CommentOnReview(by=BOB, text=" "), "the comment must not be empty"),
        (OPENED, CommentOnReview(by=BOB, text="x" * 1_001), "longer than 1000 characters"),
        (OPENED, CommentOnReview(by=automation("x"), text="x"), "only a person"),
        (
            OPENED.model_copy(update={"comments": COMMENTED.comments * MAX_COMMENTS}),
            SAID,
            "a review holds 100 comments",
        ),
        (COMMENTED, answer(comment=2), "no comment 2"),
        (COMMENTED, answer(text=""), "the answer to the comment must not be empty"),
        (COMMENTED, answer(text="", carry=True), "why it is carried on must not be empty"),
        (COMMENTED, answer("carol"), "comment 1 is answered by alice or dora, or taken back by bob"),
        (COMMENTED, answer("bob", carry=True), "comment 1 is answered by alice or dora"),
        (decide(COMMENTED, answer(), NOW, TERMS).state, answer(), "comment 1 is resolved already"),
        (COMMENTED.model_copy(update={"state": ReviewStatus.REVIEWED}), SAID, "is signed off"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(state: ReviewState, command: ReviewCommand, sentence: str) -> None:
    """Each says what is missing, or who may."""
    with pytest.raises(Rejected) as refused:
        decide(state, command, NOW, TERMS)
    assert sentence in refused.value.sentence


def test_the_places_to_comment_on_are_the_headings() -> None:
    """Each once, in order; a comment in a block of code is no heading."""
    text = "# Review\n\n## Timeline\n\ntext\n\n```sh\n# not this\n```\n## Impact \n## Timeline\n##\n"
    assert places_of(text) == ("Review", "Timeline", "Impact")
