"""The draft keeps up with the record: when it is written anew, by itself or because somebody asks.

Called by `review_decisions.py` and `workflows/review.py`. Pure. The incident tells that its record has something new,
every few minutes at most (`incident_review.py`), and the draft follows when those minutes are over: so a busy hour
costs a dozen drafts and not a thousand, and the last line of it is in the last one. The one thing to know: only a draft
follows by itself; what waits for signatures stays as it was handed in, with all that was known then.
"""

from datetime import datetime, timedelta

from domain.errors import Rejected, RejectionKind
from domain.follow_up import Outcome
from domain.review import ObserveNews, RedrawReview, ReviewStart, ReviewState, ReviewStatus
from domain.review_outcomes import OPEN, ReviewOutcome, entry, redrafted

# The record may be this far behind when the facts have changed (the longest pause between two attempts to save is
# 30 s, and the closing notices go out meanwhile), so the draft is made once more.
RENEW_AFTER = timedelta(seconds=60)
# How often the incident tells of news: a note of the response is read again after minutes, not seconds.
NEWS_EVERY = timedelta(minutes=5)
# What came while the incident said nothing is in the record by then.
DRAWN_AFTER = NEWS_EVERY + RENEW_AFTER


def observe_news(state: ReviewState, command: ObserveNews, now: datetime, terms: ReviewStart) -> ReviewOutcome:  # noqa: ARG001 - one shape for all
    """The record has something new: a draft is written anew in some minutes."""
    if state.state is not ReviewStatus.DRAFT:
        return Outcome(state)
    due = now + DRAWN_AFTER
    renew_at = min(state.renew_at, due) if state.renew_at else due
    return Outcome(state.model_copy(update={"news_at": now, "renew_at": renew_at}))


def renew_draft(state: ReviewState, now: datetime) -> ReviewOutcome:
    """The record has caught up: write the draft again, unless the review is over; and once more for later news."""
    if state.renew_at is None or now < state.renew_at:
        return Outcome(state)
    again = state.news_at + DRAWN_AFTER if state.news_at else now
    waiting = state.model_copy(update={"renew_at": again if again > now else None})
    return Outcome(waiting if state.state not in OPEN else redrafted(waiting))


def handed_in(state: ReviewState) -> ReviewState:
    """It waits for signatures from now on: news that wait for their minutes come in at once, and no others."""
    if state.renew_at is None or state.news_at is None:
        return state
    return redrafted(state).model_copy(update={"renew_at": None, "news_at": None})


def redraw(state: ReviewState, command: RedrawReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:  # noqa: ARG001 - one shape for all
    """Somebody does not want to wait."""
    if state.state is not ReviewStatus.DRAFT:
        raise Rejected(
            "the review waits for its sign-off, and its text stays as it was handed in; return it to the draft first",
            RejectionKind.CONFLICT,
        )
    return Outcome(redrafted(state), (entry(now, command.by, "The draft of the review is written anew"),))
