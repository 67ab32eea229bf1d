"""What the decisions about a review share: who speaks, how a line is written, who hears when the owner does not.

Used by `review_decisions.py`, `review_people.py` and `review_sign_off.py`. Pure.
"""

from datetime import datetime, timedelta

from domain.follow_up import Outcome
from domain.review import ReviewStart, ReviewState, ReviewStatus
from domain.severity import Severity
from domain.timeline import Actor, Entry, EntryKind, automation

ReviewOutcome = Outcome[ReviewState]

ME = automation("review")
MAX_FINDINGS = 200
# Nothing is owed any more.
FINISHED = (ReviewStatus.CLOSED, ReviewStatus.WAIVED)
# The text and the facts may still change.
OPEN = (ReviewStatus.DRAFT, ReviewStatus.IN_REVIEW)


def entry(now: datetime, by: Actor, said: str, kind: EntryKind = EntryKind.REVIEW, **details: object) -> Entry:
    """A line for the timeline of the incident."""
    return Entry(at=now, kind=kind, actor=by, summary=said, details=details)


def manager_of(state: ReviewState, terms: ReviewStart) -> str | None:
    """Who hears when the owner does not: the owner's own manager, else that of the service's team."""
    return terms.managers.get(state.owner or "") or terms.manager


def severity_of(state: ReviewState, terms: ReviewStart) -> Severity:
    """The severity as it was at the end; when the review began it may have been another."""
    return state.severity or terms.severity


def time_allowed(state: ReviewState, terms: ReviewStart) -> timedelta | None:
    """How long after resolution it is due; a near miss has a deadline whatever its severity."""
    allowed = terms.policy.of(severity_of(state, terms)).review_due
    return terms.policy.near_miss_review_due if allowed is None and terms.near_miss else allowed


def redrafted(state: ReviewState) -> ReviewState:
    """The facts in the draft have changed; what a person wrote is kept when the new draft is brought in."""
    return state.model_copy(update={"draft_wanted": True})


def finished(state: ReviewState, status: ReviewStatus) -> ReviewState:
    """Nothing is owed any more."""
    return state.model_copy(
        update={"state": status, "ladder": None, "is_overdue": False, "draft_wanted": False, "closes_at": None,
                "renew_at": None, "waits_for": (), "extension_asked": None}
    )  # fmt: skip
