"""From the last signature to the end: a signed review is published, read, and closes after its soak time.

Called by `review_decisions.py` and `workflows/review.py`. Pure. The soak is the time in which action items are decided
(Etsy: two working days), so whole days of it are working days of the office. The one thing to know: it begins when both
the last signature and the meeting are over. A meeting that is moved moves it.
"""

from datetime import datetime, timedelta

from domain.calendar import add_business_days, written
from domain.deadlines import LadderReason
from domain.errors import Rejected, RejectionKind
from domain.follow_up import Notice, Outcome, listeners
from domain.message import Template
from domain.policy import WorkingHours
from domain.review import CloseReview, ReviewStart, ReviewState, ReviewStatus
from domain.review_meeting_date import kept_invited
from domain.review_outcomes import ME, ReviewOutcome, entry, finished, manager_of
from domain.timeline import EntryKind

_DAY = timedelta(days=1)
# The last word before an unpublished review closes comes when this part of the soak time is over.
_HALF = 2


def soaking(outcome: ReviewOutcome, terms: ReviewStart, now: datetime) -> ReviewOutcome:
    """After any decision: when the review closes. The owner hears it at the last signature, and what is left to do."""
    state = outcome.state
    if state.state is not ReviewStatus.REVIEWED or not state.sign_offs:
        return outcome
    closes_at = _soaked(state, terms.policy.review_soak, terms)
    if closes_at == state.closes_at:
        return outcome
    when = written(closes_at, terms.policy.calendar)
    after = state.model_copy(update={"closes_at": closes_at})
    line = entry(now, ME, f"The review closes by itself at {when}")
    if state.closes_at is not None:
        return Outcome(after, (*outcome.entries, line), outcome.notices)
    words = f"the review is signed off and closes by itself at {when}; publish it, so that it is read"
    return Outcome(after, (*outcome.entries, line), (*outcome.notices, *_to_owner(after, "signed_off", words, terms)))


def close(state: ReviewState, command: CloseReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:  # noqa: ARG001 - one shape for all
    """Published and done."""
    if state.state is not ReviewStatus.REVIEWED:
        raise Rejected(f"the review is {state.state.value}; only a reviewed one is closed", RejectionKind.CONFLICT)
    return Outcome(finished(state, ReviewStatus.CLOSED), (entry(now, command.by, "Review closed"),))


def next_close_step(state: ReviewState, terms: ReviewStart) -> datetime | None:
    """When something is due because the review soaks; past means at once, None means never."""
    if state.state is not ReviewStatus.REVIEWED or state.closes_at is None:
        return None
    if state.published_at is not None or state.is_close_told or not state.sign_offs:
        return state.closes_at
    return min(_soaked(state, terms.policy.review_soak / _HALF, terms), state.closes_at)


def take_close_step(state: ReviewState, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """Close it when its soak time is over; before that, once, the owner of an unpublished one is asked to publish."""
    at = next_close_step(state, terms)
    if at is None or state.closes_at is None or now < at:
        return Outcome(state)
    if now >= state.closes_at:
        closed = Outcome(finished(state, ReviewStatus.CLOSED), (entry(now, ME, "Review closed after its soak time"),))
        return kept_invited(closed, now, terms)
    when = written(state.closes_at, terms.policy.calendar)
    words = f"the review closes by itself at {when} and was sent to nobody; publish it, so that it is read"
    notices = _to_owner(state, "not_published", words, terms)
    people = notices[0].people if notices else ()
    said = f"Reminder to {' and '.join(people)}: {words}" if people else f"Nobody to remind: {words}"
    details = {"reason": "not_published", "people": list(people), "planned_at": at.isoformat()}
    after = state.model_copy(update={"is_close_told": True, "reminders_sent": state.reminders_sent + bool(people)})
    return Outcome(after, (entry(now, ME, said, EntryKind.REMINDER, **details),), notices)


def _soaked(state: ReviewState, soak: timedelta, terms: ReviewStart) -> datetime:
    """So long after the last signature and the end of the meeting, whichever is later."""
    began = max(each.at for each in state.sign_offs)
    if state.meeting is not None:
        began = max(began, state.meeting.ends_at or state.meeting.at)
    elif state.meeting_plan is not None and state.meeting_plan.fixed_by is not None:
        plan = state.meeting_plan
        began = max(began, plan.ends_at or plan.at + terms.policy.review_meeting_takes)
    return _later(began, soak, terms.policy.calendar)


def _later(began: datetime, soak: timedelta, hours: WorkingHours) -> datetime:
    """Whole days are working days; everything else runs on the clock."""
    if soak >= _DAY and soak % _DAY == timedelta(0):
        return add_business_days(began, soak // _DAY, hours)
    return began + soak


def _to_owner(state: ReviewState, why: str, words: str, terms: ReviewStart) -> tuple[Notice, ...]:
    people = listeners(state.owner, manager_of(state, terms), LadderReason.UPCOMING)
    return (Notice(Template.REVIEW_REMINDER, people, why, words),) if people else ()
