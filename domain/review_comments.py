"""Comments on the draft of a review (rule P09, Howie's "calibrate"): said before the meeting, answered by its owner.

Called by `review_decisions.py`. Pure. The one thing to know: open comments are told before the meeting and refuse the
sign-off, so that a meeting is not spent on facts that somebody has corrected already, and nobody's word is lost. What
cannot be settled is carried with a reason, and stands in the review as an open question.
"""

from collections.abc import Sequence
from datetime import datetime

from domain.errors import Rejected, RejectionKind
from domain.follow_up import Notice, Outcome, demand_person, demand_text
from domain.message import Template
from domain.review import (
    Comment,
    CommentOnReview,
    CommentState,
    Finding,
    FindingKind,
    ResolveComment,
    ReviewStart,
    ReviewState,
)
from domain.review_findings import with_finding
from domain.review_outcomes import ReviewOutcome, entry
from domain.timeline import ADMINISTRATOR

# A hundred comments of a paragraph, each with its answer, are 200 KB in every payload of the workflow; Temporal warns
# from 256 KiB on. Whoever has more to say has another view, which has its own place.
MAX_COMMENTS = 100
_LONGEST = 1_000
_LONGEST_PLACE = 120
_MOST_PLACES = 60
# So many are named in a sentence; the others are counted.
_NAMED = 5


def comment(
    state: ReviewState,
    command: CommentOnReview,
    now: datetime,
    terms: ReviewStart,  # noqa: ARG001 - one shape for all
) -> ReviewOutcome:
    """One more comment. Owner and facilitator hear of the first that is open; the others they find beside it."""
    demand_person(command.by, "comment on a review")
    text = _short(command.text, "the comment")
    place = " ".join(command.section.split())[:_LONGEST_PLACE]
    if len(state.comments) >= MAX_COMMENTS:
        raise Rejected(f"a review holds {MAX_COMMENTS} comments; say the rest in the meeting", RejectionKind.TOO_LARGE)
    new = Comment(number=len(state.comments) + 1, section=place, text=text, by=command.by, at=now)
    after = state.model_copy(update={"comments": (*state.comments, new)})
    told = () if open_comments(state.comments) else _those_who_answer(state, command.by.name)
    words = f"{command.by.name} commented on the draft of the review{_at(new)}: {text}"
    notices = (Notice(Template.REVIEW_REMINDER, told, "comment", words),) if told else ()
    return Outcome(after, (entry(now, command.by, f"Comment {new.number} on the review{_at(new)}: {text}"),), notices)


def resolve_comment(
    state: ReviewState,
    command: ResolveComment,
    now: datetime,
    terms: ReviewStart,  # noqa: ARG001 - one shape for all
) -> ReviewOutcome:
    """An answer settles it, and whoever commented hears it; carried on, it becomes an open question of the review."""
    demand_person(command.by, "answer a comment")
    found = next((each for each in state.comments if each.number == command.comment), None)
    if found is None:
        raise Rejected(f"the review has no comment {command.comment}", RejectionKind.NOT_FOUND)
    if found.state is not CommentState.OPEN:
        raise Rejected(f"comment {found.number} is {found.state.value} already; comment again", RejectionKind.CONFLICT)
    _demand_may_answer(state, command, found)
    answer = _short(command.answer, "why it is carried on" if command.carry else "the answer to the comment")
    status = CommentState.CARRIED if command.carry else CommentState.RESOLVED
    settled = found.model_copy(
        update={"state": status, "answer": answer, "answered_by": command.by, "answered_at": now}
    )
    comments = tuple(settled if each is found else each for each in state.comments)
    after = state.model_copy(update={"comments": comments})
    if command.carry:
        question = Finding(kind=FindingKind.OPEN_QUESTION.value, text=f"{found.text} ({answer})", by=found.by)
        after = with_finding(after, question)
    what = "carried on as an open question" if command.carry else "resolved"
    told = (found.by.name,) if found.by.name not in {command.by.name, ADMINISTRATOR} else ()
    words = f"{command.by.name} answered your comment on the review{_at(found)}, which is {what}: {answer}"
    notices = (Notice(Template.REVIEW_REMINDER, told, "comment_answered", words),) if told else ()
    return Outcome(after, (entry(now, command.by, f"Comment {found.number} {what}: {answer}"),), notices)


def open_comments(comments: Sequence[Comment]) -> tuple[Comment, ...]:
    """Those that nobody has answered."""
    return tuple(each for each in comments if each.state is CommentState.OPEN)


def spoken(comments: Sequence[Comment]) -> str:
    """`2 comments are open: 1 by bob on Timeline, 3 by carol`; empty when none are."""
    if not comments:
        return ""
    named = ", ".join(f"{each.number} by {each.by.name}{_at(each)}" for each in comments[:_NAMED])
    more = f" and {len(comments) - _NAMED} more" if len(comments) > _NAMED else ""
    return f"{len(comments)} comment{'s are' if len(comments) > 1 else ' is'} open: {named}{more}"


def demand_settled(state: ReviewState) -> None:
    """Refused while comments are open: a signature says that everybody was heard."""
    waiting = open_comments(state.comments)
    if waiting:
        raise Rejected(
            f"{spoken(waiting)}; the owner or the facilitator answers each, or carries it on with a reason",
            RejectionKind.CONFLICT,
        )


def places_of(markdown: str) -> tuple[str, ...]:
    """The headings of a text, to choose from; a line in a block of code is none."""
    found: list[str] = []
    is_code = False
    for line in markdown.splitlines():
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code and line.startswith("#"):
            found.append(" ".join(line.lstrip("#").split())[:_LONGEST_PLACE])
    return tuple(dict.fromkeys(place for place in found if place))[:_MOST_PLACES]


def _demand_may_answer(state: ReviewState, command: ResolveComment, found: Comment) -> None:
    name = command.by.name
    if name in {state.owner, state.facilitator, ADMINISTRATOR}:
        return
    # Who commented may take it back; whether the review leaves it open is not theirs to say.
    if name == found.by.name and not command.carry:
        return
    who = " or ".join(dict.fromkeys(each for each in (state.owner, state.facilitator) if each)) or "an owner"
    raise Rejected(
        f"comment {found.number} is answered by {who}, or taken back by {found.by.name}", RejectionKind.FORBIDDEN
    )


def _those_who_answer(state: ReviewState, speaker: str) -> tuple[str, ...]:
    named = (state.owner, state.facilitator)
    return tuple(dict.fromkeys(name for name in named if name and name != speaker))


def _short(text: str, what: str) -> str:
    stripped = demand_text(text, what)
    if len(stripped) > _LONGEST:
        raise Rejected(
            f"{what} is longer than {_LONGEST} characters; say the rest in the meeting", RejectionKind.TOO_LARGE
        )
    return stripped


def _at(each: Comment) -> str:
    return f" on {each.section}" if each.section else ""
