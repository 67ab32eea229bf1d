"""The meeting of a review and what comes after: who was there, a poll of two questions, who has read the result.

Called by `review_decisions.py`. Pure; rules P05 and P11 (Etsy, Howie). The one thing to know: the answers to the poll
are counted and kept apart from names, because nobody says before their manager that they could not speak freely.
"""

from datetime import datetime

from domain.errors import Rejected, RejectionKind
from domain.follow_up import Notice, Outcome, demand_known, demand_person, demand_text
from domain.message import Template
from domain.review import (
    AnswerPoll,
    ConfirmRead,
    Meeting,
    PublishReview,
    Reading,
    RecordMeeting,
    ReviewStart,
    ReviewState,
    ReviewStatus,
)
from domain.review_comments import open_comments, spoken
from domain.review_outcomes import ME, ReviewOutcome, entry
from domain.review_people import MAX_PARTICIPANTS


def record_meeting(state: ReviewState, command: RecordMeeting, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """Who came, and at least one thing that somebody saw differently or learned; a second time replaces the first."""
    demand_person(command.by, "say who was at a meeting")
    dissent = demand_text(command.dissent, "what somebody saw differently, or learned, in the meeting (rule P05)")
    names = tuple(dict.fromkeys(demand_known(name, command.by, terms.people) for name in command.attended))
    if not names:
        raise Rejected("name at least one person who was there")
    if len(names) > MAX_PARTICIPANTS:
        raise Rejected(f"a meeting has {MAX_PARTICIPANTS} people at most", RejectionKind.TOO_LARGE)
    missed = [each.name for each in state.participants if each.name not in names]
    at, ends_at = _when_held(state, command, now, terms)
    meeting = Meeting(at=at, ends_at=ends_at, attended=names, dissent=dissent, by=command.by)
    after = state.model_copy(update={"meeting": meeting})
    said = f"Review meeting held with {', '.join(names)}"
    said += f"; invited and not there: {', '.join(missed)}" if missed else ""
    waiting = spoken(open_comments(state.comments))
    said += f"; {waiting}" if waiting else ""
    asked = tuple(name for name in names if name not in state.polled)
    words = (
        "two questions about the review meeting: did you learn something, and could you speak freely? "
        "The answers are counted, not shown by name"
    )
    notices = (Notice(Template.REVIEW_REMINDER, asked, "poll", words),) if asked else ()
    return Outcome(after, (entry(now, command.by, f"{said}. Seen differently or learned: {dissent}"),), notices)


def _when_held(
    state: ReviewState, command: RecordMeeting, now: datetime, terms: ReviewStart
) -> tuple[datetime, datetime]:
    """As it is said; else at the time that was fixed, when that has come; else it has just ended."""
    plan, takes = state.meeting_plan, terms.policy.review_meeting_takes
    if command.held_at is not None:
        if command.held_at.tzinfo is None:
            raise Rejected("the time of the meeting needs a time zone; write for example 2026-12-01T10:00:00Z")
        if command.held_at > now:
            raise Rejected("a meeting that was held lies in the past; fix a date for one that is to come")
        return command.held_at, command.held_at + takes
    if plan is not None and plan.fixed_by is not None and plan.at <= now:
        return plan.at, plan.at + takes
    return now, now


def answer_poll(
    state: ReviewState,
    command: AnswerPoll,
    now: datetime,
    terms: ReviewStart,  # noqa: ARG001 - one shape for all
) -> ReviewOutcome:
    """Once for each who was there; only the counts are kept."""
    demand_person(command.by, "answer a poll")
    if state.meeting is None:
        raise Rejected("the meeting is not recorded yet; say who was there first", RejectionKind.CONFLICT)
    if command.by.name not in state.meeting.attended:
        raise Rejected(
            f"the poll asks those who were at the meeting; {command.by.name} was not", RejectionKind.FORBIDDEN
        )
    if command.by.name in state.polled:
        raise Rejected("you have answered already; answers are kept without names", RejectionKind.CONFLICT)
    polled = tuple(sorted((*state.polled, command.by.name)))
    after = state.model_copy(
        update={
            "polled": polled,
            "poll_learned": state.poll_learned + command.learned,
            "poll_spoke_freely": state.poll_spoke_freely + command.spoke_freely,
        }
    )
    said = f"Poll of the review meeting: {len(polled)} of {len(state.meeting.attended)} have answered"
    return Outcome(after, (entry(now, ME, said),))


def publish(state: ReviewState, command: PublishReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """Send the signed review to everybody who took part and to whoever else is named; asked again, it chases.

    Those who have confirmed are left alone, so that a second time is a reminder to the others.
    """
    demand_person(command.by, "publish a review")
    if state.state is not ReviewStatus.REVIEWED:
        raise Rejected(
            "only a review that is signed off is published; it is not signed off yet", RejectionKind.CONFLICT
        )
    named = [demand_known(name, command.by, terms.people) for name in command.people]
    readers = tuple(dict.fromkeys((*state.readers, *(each.name for each in state.participants), *named)))
    if len(readers) > MAX_PARTICIPANTS:
        raise Rejected(f"a review is sent to {MAX_PARTICIPANTS} people at most", RejectionKind.TOO_LARGE)
    has_read = {each.name for each in state.readings}
    told = tuple(name for name in readers if name not in has_read)
    if not told:
        raise Rejected("everybody it was sent to has read it; name further readers", RejectionKind.CONFLICT)
    after = state.model_copy(update={"readers": readers, "published_at": now})
    words = "this review is published; please read it, and say so on its page"
    said = f"Review sent to {', '.join(told)} to be read"
    return Outcome(
        after, (entry(now, command.by, said),), (Notice(Template.REVIEW_REMINDER, told, "published", words),)
    )


def confirm_read(
    state: ReviewState,
    command: ConfirmRead,
    now: datetime,
    terms: ReviewStart,  # noqa: ARG001 - one shape for all
) -> ReviewOutcome:
    """A receipt of whoever has read it; nobody confirms for another."""
    demand_person(command.by, "confirm that they have read it")
    if state.state is not ReviewStatus.REVIEWED:
        raise Rejected("the review is not signed off yet; what is read now may change", RejectionKind.CONFLICT)
    if any(each.name == command.by.name for each in state.readings):
        raise Rejected("you have confirmed already", RejectionKind.CONFLICT)
    if len(state.readings) >= MAX_PARTICIPANTS:
        raise Rejected(f"{MAX_PARTICIPANTS} people have confirmed; that is enough", RejectionKind.TOO_LARGE)
    readings = (*state.readings, Reading(name=command.by.name, at=now))
    missing = [name for name in state.readers if name not in {each.name for each in readings}]
    said = f"{command.by.name} has read the review" + (f"; not yet: {', '.join(missing)}" if missing else "")
    return Outcome(state.model_copy(update={"readings": readings}), (entry(now, command.by, said),))
