"""What happens to a review: opened at mitigation, due from resolution on, drafted, edited, extended, reminded of.

Called by `workflows/review.py`. Pure; `terms` is what the review was started with. How it ends is in
`review_sign_off.py`, `review_close.py` and `review_waiver.py`; who takes part in `review_people.py`; how the draft
keeps up with the record in `review_news.py`, and how a person's edits come through that in `review_merge.py`. The one
thing to know: nothing of a person's is ever overwritten.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from domain.calendar import due_after, written
from domain.deadlines import LadderReason, LadderStep, begin, climb
from domain.errors import Rejected, RejectionKind
from domain.follow_up import (
    Notice,
    Outcome,
    demand_known,
    listeners,
    reminder_entry,
    words_of,
)
from domain.message import Template
from domain.review import (
    AddFinding,
    AnswerPoll,
    AppointFacilitator,
    ApproveReviewExtension,
    AssignReview,
    CloseReview,
    CommentOnReview,
    ConfirmRead,
    DeclineReviewExtension,
    EditReview,
    ExtendReview,
    GivePerspective,
    InviteToReview,
    NameChangeAuthors,
    ObserveIncidentEnd,
    ObserveNews,
    ObserveResolved,
    Participant,
    PlanMeeting,
    PublishReview,
    RecordMeeting,
    RedrawReview,
    ResolveComment,
    ReturnReview,
    ReviewCommand,
    ReviewStart,
    ReviewState,
    ReviewStatus,
    SignOffReview,
    SubmitReview,
    WaiveReview,
    WithdrawFinding,
)
from domain.review_close import close, soaking
from domain.review_comments import comment, resolve_comment
from domain.review_extension import approve_extension, decline_extension, extend
from domain.review_findings import add_finding, withdraw_finding
from domain.review_meeting import answer_poll, confirm_read, publish, record_meeting
from domain.review_meeting_date import kept_invited, plan_meeting, proposal_words, with_proposal
from domain.review_merge import merged
from domain.review_news import RENEW_AFTER, observe_news, redraw
from domain.review_outcomes import (
    FINISHED,
    ME,
    OPEN,
    ReviewOutcome,
    entry,
    manager_of,
    redrafted,
    time_allowed,
)
from domain.review_people import (
    adopt_participants,
    appoint_facilitator,
    give_perspective,
    invite,
    name_change_authors,
)
from domain.review_sign_off import end_with_incident, return_to_draft, sign_off, submit
from domain.review_waiver import waive
from domain.timeline import EntryKind

# A long review has some 20 KB. Text and last draft travel in workflow payloads, at which Temporal warns from 256 KiB.
MAX_MARKDOWN = 100_000
PLACEHOLDER = "_To be filled in: the draft is being written from the timeline and will appear here by itself._"


def open_review(terms: ReviewStart, now: datetime) -> ReviewOutcome:
    """A new review, owned by the one named, else by the commander; else the manager is asked. Due once resolved."""
    owner = terms.owner or terms.commander
    state = ReviewState(
        id=terms.incident_id,
        incident_id=terms.incident_id,
        title=terms.title,
        owner=owner,
        due_at=None,
        state=ReviewStatus.DRAFT,
        markdown=PLACEHOLDER,
        severity=terms.severity,
        near_miss=terms.near_miss,
        resolved_at=terms.resolved_at,
        renew_at=now + RENEW_AFTER,
    )
    state = with_proposal(_with_deadline(state, terms, now), terms, now)
    until = _until(state, terms)
    said = f"Review opened for {owner}{until}" if owner else f"Review opened without an owner{until}"
    return Outcome(state, (entry(now, ME, said),), _assigned(state, terms))


_RULES: dict[type[ReviewCommand], Callable[[ReviewState, Any, datetime, ReviewStart], ReviewOutcome]] = {}


def decide(state: ReviewState, command: ReviewCommand, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """What a command does; Rejected with a sentence when it may not."""
    if isinstance(command, ObserveResolved | ObserveIncidentEnd | ObserveNews) and state.state not in OPEN:
        # What the incident tells is no request; a review that is over takes it in silence.
        return Outcome(state)
    if state.state in FINISHED:
        raise Rejected(f"the review of {state.id} is {state.state.value} and cannot be changed", RejectionKind.CONFLICT)
    rule = _RULES.get(type(command))
    if rule is None:
        raise Rejected(f"a review has no command {type(command).__name__}", RejectionKind.NOT_FOUND)
    if state.state not in OPEN and type(command) not in _WHEN_REVIEWED:
        raise Rejected(
            f"the review of {state.id} is signed off; return it with a reason to change it", RejectionKind.CONFLICT
        )
    return kept_invited(soaking(rule(state, command, now, terms), terms, now), now, terms)


def take_step(state: ReviewState, step: LadderStep, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """A step of the deadline's ladder is due: tell the owner, and the manager when it has gone on for too long."""
    if state.ladder is None or state.due_at is None:
        return Outcome(state)
    people = listeners(state.owner, manager_of(state, terms), step.reason)
    words = words_of(step, "the review", state.due_at, terms.policy.calendar)
    is_escalated = step.reason is LadderReason.ESCALATED
    after = state.model_copy(
        update={
            "ladder": climb(state.ladder, step),
            "is_overdue": now >= state.due_at,
            "reminders_sent": state.reminders_sent + bool(people),
            "escalations_sent": state.escalations_sent + (is_escalated and manager_of(state, terms) in people),
        }
    )
    template = Template.REVIEW_OVERDUE if step.is_after_deadline else Template.REVIEW_REMINDER
    line = reminder_entry(step, people, words, now, ME)
    return Outcome(after, (line,), (Notice(template, people, step.reason.value, words),) if people else ())


def accept_draft(
    state: ReviewState, markdown: str, now: datetime, terms: ReviewStart, found: Iterable[Participant] = ()
) -> ReviewOutcome:
    """A draft came from the timeline. A person's edits win, new facts come in; the same facts change nothing."""
    waiting = state.model_copy(update={"draft_wanted": False})
    if state.state in FINISHED:
        return Outcome(waiting)
    invited = adopt_participants(waiting, found, now, terms)
    text = merged(state.generated, state.markdown, markdown) if state.edited else markdown
    if len(text.encode()) > MAX_MARKDOWN:
        text = state.markdown if state.edited else text.encode()[:MAX_MARKDOWN].decode(errors="ignore")
    after = invited.state.model_copy(update={"generated": markdown})
    if text == state.markdown:
        return kept_invited(Outcome(after, invited.entries, invited.notices), now, terms)
    after = after.model_copy(update={"markdown": text, "revision": state.revision + 1})
    said = "Draft of the review written from the timeline" if state.revision == 0 else "Draft of the review renewed"
    if state.edited:
        said = "New facts were brought into the review; what people wrote was kept"
    line = entry(now, ME, said, revision=after.revision)
    return kept_invited(Outcome(after, (*invited.entries, line), invited.notices), now, terms)


def give_up_draft(state: ReviewState, sentence: str, now: datetime) -> ReviewOutcome:
    """No draft can be made (a broken template): a person writes the text; the placeholder stays until then."""
    after = state.model_copy(update={"draft_wanted": False})
    said = f"The draft of the review could not be written: {sentence}"
    return Outcome(after, (entry(now, ME, said, EntryKind.TROUBLE),))


def _assign(state: ReviewState, command: AssignReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    owner = demand_known(command.owner, command.by, terms.people)
    if owner == state.owner:
        raise Rejected(f"{owner} owns this review already", RejectionKind.CONFLICT)
    if any(each.by.name == owner for each in state.sign_offs):
        raise Rejected(f"{owner} has signed this review; return it to the draft first", RejectionKind.CONFLICT)
    facilitator = None if owner == state.facilitator else state.facilitator
    after = redrafted(state).model_copy(update={"owner": owner, "facilitator": facilitator})
    said = f"Review given to {owner}" + (f": {command.reason.strip()}" if command.reason.strip() else "")
    return Outcome(after, (entry(now, command.by, said),), _assigned(after, terms))


def _edit(state: ReviewState, command: EditReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:  # noqa: ARG001 - one shape for all
    if command.revision != state.revision:
        raise Rejected(
            f"revision {command.revision} was edited, but the review is at revision {state.revision}; "
            "read it again and bring both together",
            RejectionKind.CONFLICT,
        )
    if not command.markdown.strip():
        raise Rejected("the text of the review must not be empty")
    if len(command.markdown.encode()) > MAX_MARKDOWN:
        raise Rejected(f"the review is longer than {MAX_MARKDOWN} bytes; link to the rest", RejectionKind.TOO_LARGE)
    after = state.model_copy(
        update={
            "markdown": command.markdown,
            "revision": state.revision + 1,
            "edited": True,
        }
    )
    return Outcome(after, (entry(now, command.by, "Review edited", revision=after.revision),))


def _resolved(state: ReviewState, command: ObserveResolved, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """The deadline runs from now on. After a reopening it begins again, and an extension is not taken back."""
    before = state.due_at
    resolved = state.model_copy(
        update={
            "resolved_at": command.at,
            "severity": command.severity,
            "title": command.title or state.title,
            "renew_at": now + RENEW_AFTER,
        }
    )
    after = redrafted(_with_deadline(resolved, terms, now))
    if before is not None and after.due_at is not None and after.due_at <= before:
        after = after.model_copy(update={"due_at": before, "ladder": state.ladder, "is_overdue": state.is_overdue})
    after = with_proposal(after, terms, now)
    if after.due_at is None or after.due_at == before:
        return Outcome(after)
    due, meeting = written(after.due_at, terms.policy.calendar), proposal_words(after, terms)
    people = listeners(after.owner, manager_of(after, terms), LadderReason.UPCOMING)
    words = f"the incident is resolved, and the review is due at {due}{meeting}"
    notices = (Notice(Template.REVIEW_REMINDER, people, "deadline_set", words),) if people else ()
    return Outcome(after, (entry(now, ME, f"Review due at {due}{meeting}"),), notices)


def _with_deadline(state: ReviewState, terms: ReviewStart, now: datetime) -> ReviewState:
    allowed = time_allowed(state, terms)
    if state.resolved_at is None or allowed is None:
        return state
    due_at = due_after(state.resolved_at, allowed, terms.policy.calendar)
    return state.model_copy(update={"due_at": due_at, "ladder": begin(due_at, now), "is_overdue": False})


def _until(state: ReviewState, terms: ReviewStart) -> str:
    if state.due_at:
        return f", due at {written(state.due_at, terms.policy.calendar)}"
    return (
        ", while the facts are warm; due once the incident is resolved"
        if terms.resolved_at is None
        else (", without a deadline")
    )


def _assigned(state: ReviewState, terms: ReviewStart) -> tuple[Notice, ...]:
    due = f", due at {written(state.due_at, terms.policy.calendar)}" if state.due_at else ""
    if state.owner:
        words = f"the review is yours{due}{proposal_words(state, terms)}"
        return (Notice(Template.REVIEW_ASSIGNED, (state.owner,), "assigned", words),)
    manager = manager_of(state, terms)
    words = f"the review has no owner; please assign one{due}"
    return (Notice(Template.REVIEW_ASSIGNED, (manager,), "no_owner", words),) if manager else ()


_RULES.update(
    {
        AssignReview: _assign,
        EditReview: _edit,
        AddFinding: add_finding,
        WithdrawFinding: withdraw_finding,
        RedrawReview: redraw,
        SubmitReview: submit,
        SignOffReview: sign_off,
        ReturnReview: return_to_draft,
        WaiveReview: waive,
        ExtendReview: extend,
        ApproveReviewExtension: approve_extension,
        DeclineReviewExtension: decline_extension,
        CloseReview: close,
        AppointFacilitator: appoint_facilitator,
        NameChangeAuthors: name_change_authors,
        InviteToReview: invite,
        GivePerspective: give_perspective,
        CommentOnReview: comment,
        ResolveComment: resolve_comment,
        PlanMeeting: plan_meeting,
        RecordMeeting: record_meeting,
        AnswerPoll: answer_poll,
        PublishReview: publish,
        ConfirmRead: confirm_read,
        ObserveResolved: _resolved,
        ObserveNews: observe_news,
        ObserveIncidentEnd: end_with_incident,
    }
)
# What may still be asked of a review that is signed off and soaks.
_WHEN_REVIEWED = (
    CloseReview,
    ReturnReview,
    SignOffReview,
    PlanMeeting,
    RecordMeeting,
    AnswerPoll,
    PublishReview,
    ConfirmRead,
)
