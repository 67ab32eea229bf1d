"""When the review's meeting is (rule P03): proposed from the calendar, fixed and moved by people, told to all.

Called by `review_decisions.py` and `workflows/review.py`. Pure; the numbers are PagerDuty's: 3 calendar days for a
SEV-1, 5 business days for a SEV-2, the draft 24 hours before. The one thing to know: a proposed date invites nobody,
because a calendar of working hours knows nothing of people's days; a person fixes it, and from then on everybody who
takes part has it in their calendar, whoever joins later too.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from domain.calendar import due_after, is_open, last_slot, next_slot, written
from domain.deadlines import LadderReason
from domain.errors import Rejected, RejectionKind
from domain.follow_up import MAX_TEXT, Notice, Outcome, demand_person, listeners
from domain.message import Invitation, Template
from domain.review import MeetingPlan, PlanMeeting, ReviewStart, ReviewState, ReviewStatus
from domain.review_comments import open_comments, spoken
from domain.review_outcomes import FINISHED, ME, ReviewOutcome, entry, manager_of, severity_of
from domain.timeline import EntryKind


class MeetingReason(StrEnum):
    """Why somebody is told about the meeting."""

    DRAFT_SOON = "draft_soon"
    DRAFT_LATE = "draft_late"
    NOT_FIXED = "meeting_not_fixed"
    COMMENTS_OPEN = "comments_open"
    NOT_RECORDED = "meeting_not_recorded"


class MeetingStep(NamedTuple):
    """The next thing that happens because of the meeting."""

    reason: MeetingReason
    at: datetime


def with_proposal(state: ReviewState, terms: ReviewStart, now: datetime) -> ReviewState:
    """The review with a date proposed as the policy asks; one that a person fixed stays, measured anew."""
    latest = _latest(state, terms)
    plan = state.meeting_plan
    if latest is None or state.meeting is not None:
        return state
    if plan is not None and plan.fixed_by is not None:
        kept = plan.model_copy(update={"latest": latest, "is_late": plan.at > latest})
        return state.model_copy(update={"meeting_plan": kept})
    policy = terms.policy
    # Read by everybody before they meet; where the deadline of the review leaves no room for that, the policy's
    # latest decides.
    ready = max(state.due_at or now, now) + policy.review_draft_before_meeting
    at = next_slot(ready, policy.review_meeting_takes, policy.calendar)
    if at > latest:
        at = last_slot(latest, now, policy.review_meeting_takes, policy.calendar) or at
    return state.model_copy(update={"meeting_plan": _plan(at, latest, terms, now)})


def proposal_words(state: ReviewState, terms: ReviewStart) -> str:
    """How a proposed date is told to the owner, to be put behind a sentence; empty when there is none."""
    plan = state.meeting_plan
    if plan is None or plan.fixed_by is not None or state.meeting is not None:
        return ""
    late = ", which is later than the policy allows" if plan.is_late else ""
    when = written(plan.at, terms.policy.calendar)
    return f"; its meeting is proposed for {when}{late}: fix it or choose another date, until then nobody is invited"


def plan_meeting(state: ReviewState, command: PlanMeeting, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """Fix the date, or move it; everybody who takes part is told. What is against the rule is said, not refused."""
    demand_person(command.by, "fix the date of a review meeting")
    before, hours = state.meeting_plan, terms.policy.calendar
    at = _date_wanted(state, command, now, terms)
    reason = command.reason.strip()
    if len(reason) > MAX_TEXT:
        raise Rejected(f"the reason is longer than {MAX_TEXT} characters", RejectionKind.TOO_LARGE)
    is_move = before is not None and before.fixed_by is not None
    moved = before.moved + 1 if before is not None and is_move else 0
    people = _everybody(state)
    plan = _plan(at, _latest(state, terms), terms, now).model_copy(
        update={"fixed_by": command.by, "moved": moved, "invited": people}
    )
    after = state.model_copy(update={"meeting_plan": plan})
    when = written(at, hours)
    said = f"Review meeting fixed for {when}"
    words = f"you are invited to the review meeting at {when}"
    if before is not None and is_move:
        was = written(before.at, hours)
        said = f"Review meeting moved from {was} to {when} (move {moved})"
        words = f"the review meeting is moved from {was} to {when}"
    because = f": {reason}" if reason else ""
    doubts = "".join(f"; {doubt}" for doubt in warnings(after, now, terms))
    invited = f"; invited: {', '.join(people)}" if people else "; nobody to invite yet"
    lines = (entry(now, command.by, f"{said}{because}{invited}{doubts}"),)
    why = "meeting_moved" if is_move else "meeting_fixed"
    return Outcome(after, lines, _invitations(after, people, why, f"{words}{because}", terms))


def warnings(state: ReviewState, now: datetime, terms: ReviewStart) -> tuple[str, ...]:
    """What speaks against the date, each as half a sentence; empty when it is as the rule wants it."""
    plan, hours = state.meeting_plan, terms.policy.calendar
    if plan is None:
        return ()
    found = []
    if plan.is_late and plan.latest is not None:
        found.append(f"this is later than the policy allows, which is {written(plan.latest, hours)}")
    if state.state is ReviewStatus.DRAFT and plan.draft_by <= now:
        found.append(f"the draft had to be ready at {written(plan.draft_by, hours)} and is not")
    if not is_open(plan.at, hours):
        found.append("this is outside working hours")
    return tuple(found)


def is_draft_late(plan: MeetingPlan, status: ReviewStatus, now: datetime) -> bool:
    """Whether people will come to the meeting without having had the time to read."""
    return status is ReviewStatus.DRAFT and now >= plan.draft_by


def kept_invited(outcome: ReviewOutcome, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """After any decision: who has joined is invited too, and when the review ends early nobody comes for nothing."""
    state = outcome.state
    plan = state.meeting_plan
    if plan is None or plan.fixed_by is None or state.meeting is not None or plan.at <= now:
        return outcome
    when = written(plan.at, terms.policy.calendar)
    if state.state in FINISHED:
        words = f"the review meeting at {when} is cancelled, because the review is {state.state.value}"
        notices = _invitations(state, plan.invited, "meeting_cancelled", words, terms)
        after = state.model_copy(update={"meeting_plan": plan.model_copy(update={"invited": ()})})
        lines = (entry(now, ME, f"Review meeting at {when} cancelled"),) if notices else ()
    else:
        new = tuple(name for name in _everybody(state) if name not in plan.invited)
        words = f"you are invited to the review meeting at {when}"
        notices = _invitations(state, new, "meeting_fixed", words, terms)
        invited = (*plan.invited, *new)
        after = state.model_copy(update={"meeting_plan": plan.model_copy(update={"invited": invited})})
        lines = (entry(now, ME, f"Invited to the review meeting: {', '.join(new)}"),) if new else ()
    return Outcome(after, (*outcome.entries, *lines), (*outcome.notices, *notices)) if lines else outcome


def next_meeting_step(state: ReviewState, now: datetime, terms: ReviewStart) -> MeetingStep | None:
    """What comes next because of the meeting; of what was slept through only the newest. None: nothing will come."""
    plan = state.meeting_plan
    if plan is None or state.state in FINISHED or state.meeting is not None:
        return None
    ahead = [step for step in _steps(plan, state, terms) if step.at > plan.clocked_to]
    missed = [step for step in ahead if step.at <= now]
    return missed[-1] if missed else next(iter(ahead), None)


def take_meeting_step(state: ReviewState, step: MeetingStep, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """Tell the owner, and from the moment on at which the readers are short of time the facilitator too."""
    if state.meeting_plan is None:
        return Outcome(state)
    people = listeners(state.owner, manager_of(state, terms), LadderReason.UPCOMING)
    if step.reason is not MeetingReason.DRAFT_SOON and state.facilitator is not None:
        people = tuple(dict.fromkeys((*people, state.facilitator)))
    words = _words(step, state, terms)
    after = state.model_copy(
        update={
            "meeting_plan": state.meeting_plan.model_copy(update={"clocked_to": step.at}),
            "reminders_sent": state.reminders_sent + bool(people),
        }
    )
    said = f"Reminder to {' and '.join(people)}: {words}" if people else f"Nobody to remind: {words}"
    details = {"reason": step.reason.value, "people": list(people), "planned_at": step.at.isoformat()}
    line = entry(now, ME, said, EntryKind.REMINDER, **details)
    return Outcome(
        after, (line,), (Notice(Template.REVIEW_REMINDER, people, step.reason.value, words),) if people else ()
    )


def _steps(plan: MeetingPlan, state: ReviewState, terms: ReviewStart) -> list[MeetingStep]:
    """In order of time."""
    steps = []
    is_draft, ends_at = state.state is ReviewStatus.DRAFT, plan.at + terms.policy.review_meeting_takes
    befores = [each for each in terms.policy.deadline_reminders_before if each > timedelta(0)]
    # Where the review itself is due first, its own ladder has said all this.
    if is_draft and befores and (state.due_at is None or state.due_at > plan.draft_by):
        steps.append(MeetingStep(MeetingReason.DRAFT_SOON, plan.draft_by - min(befores)))
    if plan.fixed_by is None:
        steps.append(MeetingStep(MeetingReason.NOT_FIXED, plan.draft_by))
    elif is_draft:
        steps.append(MeetingStep(MeetingReason.DRAFT_LATE, plan.draft_by))
    if befores and plan.fixed_by is not None and open_comments(state.comments):
        steps.append(MeetingStep(MeetingReason.COMMENTS_OPEN, plan.at - min(befores)))
    steps.append(MeetingStep(MeetingReason.NOT_RECORDED, ends_at))
    return steps


def _words(step: MeetingStep, state: ReviewState, terms: ReviewStart) -> str:
    plan, hours = state.meeting_plan, terms.policy.calendar
    if plan is None:
        return ""
    when, by = written(plan.at, hours), written(plan.draft_by, hours)
    draft = " and the draft is not ready for its readers" if state.state is ReviewStatus.DRAFT else ""
    match step.reason:
        case MeetingReason.DRAFT_SOON:
            said = f"the draft is to be ready by {by}, so that people can read it before the review meeting at {when}"
        case MeetingReason.DRAFT_LATE:
            said = f"the draft was to be ready by {by}; people come to the review meeting at {when} without having read"
        case MeetingReason.NOT_FIXED:
            said = f"the review meeting is proposed for {when}, but nobody is invited until its date is fixed{draft}"
        case MeetingReason.COMMENTS_OPEN:
            waiting = spoken(open_comments(state.comments))
            said = (
                f"the review meeting is at {when}, and {waiting}; answer them before, so that it is not spent on them"
            )
        case MeetingReason.NOT_RECORDED if plan.fixed_by is None:
            said = f"the review meeting was proposed for {when} and never fixed; choose a date, or say that it was held"
        case MeetingReason.NOT_RECORDED:
            said = f"the review meeting was at {when}; say who was there and what was seen differently, or move it"
    return said


def _date_wanted(state: ReviewState, command: PlanMeeting, now: datetime, terms: ReviewStart) -> datetime:
    plan, hours = state.meeting_plan, terms.policy.calendar
    if state.meeting is not None:
        held = written(state.meeting.at, hours)
        raise Rejected(f"the review meeting was held at {held}; it has no other date", RejectionKind.CONFLICT)
    at = command.at
    if at is None and plan is not None and plan.fixed_by is None:
        at = plan.at
    if at is None:
        raise Rejected("say when the review meeting is ('at'); no date is proposed")
    if at.tzinfo is None:
        raise Rejected("the date of the review meeting needs a time zone; write for example 2026-12-01T10:00:00Z")
    at = at.astimezone(UTC)
    if at <= now:
        raise Rejected(f"the review meeting must be in the future; it is {written(now, hours)}, choose another date")
    if plan is not None and plan.fixed_by is not None and plan.at == at:
        raise Rejected(f"the review meeting is at {written(at, hours)} already", RejectionKind.CONFLICT)
    return at


def _latest(state: ReviewState, terms: ReviewStart) -> datetime | None:
    within = terms.policy.of(severity_of(state, terms)).review_meeting_within
    if state.resolved_at is None or within is None:
        return None
    return due_after(state.resolved_at, within, terms.policy.calendar)


def _plan(at: datetime, latest: datetime | None, terms: ReviewStart, now: datetime) -> MeetingPlan:
    draft_by = at - terms.policy.review_draft_before_meeting
    is_late = latest is not None and at > latest
    ends_at = at + terms.policy.review_meeting_takes
    return MeetingPlan(at=at, ends_at=ends_at, latest=latest, is_late=is_late, draft_by=draft_by, clocked_to=now)


def _everybody(state: ReviewState) -> tuple[str, ...]:
    named = (state.owner, state.facilitator, *(each.name for each in state.participants))
    return tuple(dict.fromkeys(name for name in named if name))


def _invitations(
    state: ReviewState, people: tuple[str, ...], why: str, words: str, terms: ReviewStart
) -> tuple[Notice, ...]:
    plan = state.meeting_plan
    if plan is None or not people:
        return ()
    is_cancelled = why == "meeting_cancelled"
    invitation = Invitation(
        uid=f"review-{state.id}@hotwash",
        sequence=plan.moved + is_cancelled,
        title=f"Review: {state.title or state.incident_id}",
        starts_at=plan.at,
        ends_at=plan.at + terms.policy.review_meeting_takes,
        cancelled=is_cancelled,
    )
    return (Notice(Template.REVIEW_MEETING, people, why, words, invitation),)
