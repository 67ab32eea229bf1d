"""No review after all: one person asks with a reason, another agrees. Only where the policy allows it (rule P01).

Called by `review_decisions.py`. Pure. The one thing to know: whoever asks, two people decide, and the owner is never
the second, because it is their work that the waiver saves.
"""

from datetime import datetime

from domain.errors import Rejected, RejectionKind
from domain.follow_up import Notice, Outcome, demand_person, demand_text
from domain.message import Template
from domain.review import ReviewStart, ReviewState, ReviewStatus, SignOff, WaiveReview
from domain.review_outcomes import ReviewOutcome, entry, finished, manager_of, severity_of
from domain.timeline import ADMINISTRATOR


def waive(state: ReviewState, command: WaiveReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """The first word asks for the waiver, the second, of another person, agrees to it."""
    demand_person(command.by, "waive a review")
    severity = severity_of(state, terms)
    if not terms.policy.of(severity).review_may_be_waived:
        raise Rejected(f"the policy demands a review of every {severity.value} incident", RejectionKind.FORBIDDEN)
    reason = demand_text(command.reason, "the reason for the waiver")
    asked = state.waiver_asked
    word = SignOff(by=command.by, at=now, comment=reason)
    if asked is None:
        after = state.model_copy(update={"waiver_asked": word})
        words = f"{command.by.name} asks to waive the review: {reason}; another person, who does not own it, agrees"
        return Outcome(
            after,
            (entry(now, command.by, f"Waiver of the review asked for: {reason}; a second person agrees to it"),),
            _told(state, command, "waiver", words, terms),
        )
    if command.by.name in {asked.by.name, state.owner}:
        raise Rejected(
            f"{asked.by.name} asked for this waiver; another person, who does not own the review, agrees to it",
            RejectionKind.FORBIDDEN,
        )
    said = f"Review waived: {reason} (asked for by {asked.by.name}: {asked.comment})"
    words = f"{command.by.name} agreed to the waiver that {asked.by.name} asked for: {reason}; there is no review"
    after = finished(state, ReviewStatus.WAIVED).model_copy(update={"waiver": word})
    return Outcome(after, (entry(now, command.by, said),), _told(state, command, "waived", words, terms))


def _told(state: ReviewState, command: WaiveReview, why: str, words: str, terms: ReviewStart) -> tuple[Notice, ...]:
    asker = state.waiver_asked.by.name if state.waiver_asked else None
    named = dict.fromkeys((asker, state.owner, manager_of(state, terms)))
    people = tuple(name for name in named if name and name not in {command.by.name, ADMINISTRATOR})
    return (Notice(Template.REVIEW_REMINDER, people, why, words),) if people else ()
