"""What happens to a review: opened, drafted, edited, submitted, signed off or waived, and reminded of in between.

Called by `workflows/review.py`. Pure; `terms` is what the review was started with. The one thing to know: sign-off is
by somebody other than the owner and closes the review at once. `reviewed` is a state of the field's guides for reviews
that wait for something after the sign-off; here nothing does, because action items are workflows of their own and the
incident itself waits for them before it closes.
"""

from datetime import datetime

from domain.calendar import due_after, written
from domain.deadlines import LadderReason, LadderStep, begin, climb
from domain.errors import Rejected, RejectionKind
from domain.follow_up import (
    Notice,
    Outcome,
    demand_known,
    demand_later,
    demand_person,
    demand_text,
    listeners,
    reminder_entry,
    words_of,
)
from domain.message import Template
from domain.review import (
    AddFinding,
    AssignReview,
    EditReview,
    ExtendReview,
    Finding,
    FindingKind,
    ReturnReview,
    ReviewCommand,
    ReviewStart,
    ReviewState,
    ReviewStatus,
    SignOff,
    SignOffReview,
    SubmitReview,
    WaiveReview,
)
from domain.timeline import Actor, Entry, EntryKind, automation

ME = automation("review")
FINISHED = (ReviewStatus.REVIEWED, ReviewStatus.CLOSED, ReviewStatus.WAIVED)
# A long review has some 20 KB. The text travels in workflow payloads, at which Temporal warns from 256 KiB on.
MAX_MARKDOWN = 150_000
MAX_FINDINGS = 200
PLACEHOLDER = "_To be filled in: the draft is being written from the timeline and will appear here by itself._"

ReviewOutcome = Outcome[ReviewState]


def open_review(terms: ReviewStart, now: datetime) -> ReviewOutcome:
    """A new review: due by severity, owned by the one named, else by the commander; else the manager is asked."""
    owner = terms.owner or terms.commander
    allowed = terms.policy.of(terms.severity).review_due
    due_at = due_after(terms.resolved_at, allowed, terms.policy.calendar) if allowed is not None else None
    state = ReviewState(
        id=terms.incident_id,
        incident_id=terms.incident_id,
        title=terms.title,
        owner=owner,
        due_at=due_at,
        state=ReviewStatus.DRAFT,
        markdown=PLACEHOLDER,
        ladder=begin(due_at, now),
    )
    until = f", due at {written(due_at, terms.policy.calendar)}" if due_at else ", without a deadline"
    said = f"Review opened for {owner}{until}" if owner else f"Review opened without an owner{until}"
    return Outcome(state, (_entry(now, ME, said),), _assigned(state, terms))


def decide(state: ReviewState, command: ReviewCommand, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """What a command does; Rejected with a sentence when it may not."""
    if state.state in FINISHED:
        raise Rejected(f"the review of {state.id} is {state.state.value} and cannot be changed", RejectionKind.CONFLICT)
    match command:
        case AssignReview():
            outcome = _assign(state, command, now, terms)
        case EditReview():
            outcome = _edit(state, command, now)
        case AddFinding():
            outcome = _add_finding(state, command, now)
        case SubmitReview():
            outcome = _submit(state, command, now)
        case SignOffReview():
            outcome = _sign_off(state, command, now)
        case ReturnReview():
            outcome = _return_to_draft(state, command, now, terms)
        case WaiveReview():
            outcome = _waive(state, command, now, terms)
        case ExtendReview():
            outcome = _extend(state, command, now, terms)
        case _:
            raise Rejected(f"a review has no command {type(command).__name__}", RejectionKind.NOT_FOUND)
    return outcome


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
    entry = reminder_entry(step, people, words, now, ME)
    return Outcome(after, (entry,), (Notice(template, people, step.reason.value, words),) if people else ())


def accept_draft(state: ReviewState, markdown: str, now: datetime) -> ReviewOutcome:
    """A draft came from the timeline. A person's edits are never overwritten; the same text again changes nothing."""
    waiting = state.model_copy(update={"draft_wanted": False})
    if state.edited or state.state in FINISHED or markdown == state.markdown:
        return Outcome(waiting)
    after = waiting.model_copy(update={"markdown": markdown, "revision": state.revision + 1})
    said = "Draft of the review written from the timeline" if state.revision == 0 else "Draft of the review renewed"
    return Outcome(after, (_entry(now, ME, said, revision=after.revision),))


def renew_draft(state: ReviewState) -> ReviewOutcome:
    """The record has caught up: write the draft again, unless a person has edited it or the review is over."""
    return Outcome(state if state.state in FINISHED else _redrafted(state))


def give_up_draft(state: ReviewState, sentence: str, now: datetime) -> ReviewOutcome:
    """No draft can be made (a broken template): a person writes the text; the placeholder stays until then."""
    after = state.model_copy(update={"draft_wanted": False})
    said = f"The draft of the review could not be written: {sentence}"
    return Outcome(after, (_entry(now, ME, said, EntryKind.TROUBLE),))


def manager_of(state: ReviewState, terms: ReviewStart) -> str | None:
    """Who hears when the owner does not: the owner's own manager, else that of the service's team."""
    return terms.managers.get(state.owner or "") or terms.manager


def _assign(state: ReviewState, command: AssignReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    owner = demand_known(command.owner, command.by, terms.people)
    if owner == state.owner:
        raise Rejected(f"{owner} owns this review already", RejectionKind.CONFLICT)
    after = _redrafted(state).model_copy(update={"owner": owner})
    said = f"Review given to {owner}" + (f": {command.reason.strip()}" if command.reason.strip() else "")
    return Outcome(after, (_entry(now, command.by, said),), _assigned(after, terms))


def _edit(state: ReviewState, command: EditReview, now: datetime) -> ReviewOutcome:
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
            "draft_wanted": False,
        }
    )
    return Outcome(after, (_entry(now, command.by, "Review edited", revision=after.revision),))


def _add_finding(state: ReviewState, command: AddFinding, now: datetime) -> ReviewOutcome:
    text = demand_text(command.text, "the finding")
    if command.kind not in set(FindingKind):
        raise Rejected(f"a finding is one of {', '.join(FindingKind)}, not {command.kind!r}")
    if len(state.findings) >= MAX_FINDINGS:
        raise Rejected(f"a review holds {MAX_FINDINGS} findings at most", RejectionKind.TOO_LARGE)
    finding = Finding(kind=command.kind, text=text, by=command.by)
    after = _redrafted(state).model_copy(update={"findings": (*state.findings, finding)})
    said = f"Review: {command.kind.replace('_', ' ')}: {text}"
    return Outcome(after, (_entry(now, command.by, said),))


def _submit(state: ReviewState, command: SubmitReview, now: datetime) -> ReviewOutcome:
    if state.state is ReviewStatus.IN_REVIEW:
        raise Rejected("the review waits for its sign-off already", RejectionKind.CONFLICT)
    if state.owner is None:
        raise Rejected("the review has no owner; assign one first", RejectionKind.CONFLICT)
    if state.revision == 0:
        raise Rejected("the draft is not written yet; wait for it, or write the text by hand", RejectionKind.CONFLICT)
    after = state.model_copy(update={"state": ReviewStatus.IN_REVIEW})
    return Outcome(after, (_entry(now, command.by, "Review submitted for sign-off", revision=state.revision),))


def _sign_off(state: ReviewState, command: SignOffReview, now: datetime) -> ReviewOutcome:
    demand_person(command.by, "sign a review off")
    if state.state is not ReviewStatus.IN_REVIEW:
        raise Rejected("the review is still a draft; it is submitted first", RejectionKind.CONFLICT)
    if command.by.name == state.owner:
        raise Rejected(f"{state.owner} owns this review; another person signs it off", RejectionKind.FORBIDDEN)
    signed = SignOff(by=command.by, at=now, comment=command.comment.strip())
    after = _finished(state, ReviewStatus.CLOSED).model_copy(update={"sign_off": signed})
    said = "Review signed off and closed" + (f": {signed.comment}" if signed.comment else "")
    return Outcome(after, (_entry(now, command.by, said, revision=state.revision),))


def _return_to_draft(state: ReviewState, command: ReturnReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    reason = demand_text(command.reason, "the reason for returning the review")
    if state.state is not ReviewStatus.IN_REVIEW:
        raise Rejected("the review is a draft already", RejectionKind.CONFLICT)
    after = state.model_copy(update={"state": ReviewStatus.DRAFT})
    words = f"{command.by.name} returned the review: {reason}"
    people = listeners(state.owner, manager_of(state, terms), LadderReason.UPCOMING)
    notices = (Notice(Template.REVIEW_REMINDER, people, "returned", words),) if people else ()
    return Outcome(after, (_entry(now, command.by, f"Review returned to draft: {reason}"),), notices)


def _waive(state: ReviewState, command: WaiveReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    demand_person(command.by, "waive a review")
    if not terms.policy.of(terms.severity).review_may_be_waived:
        raise Rejected(f"the policy demands a review of every {terms.severity.value} incident", RejectionKind.FORBIDDEN)
    if command.by.name == state.owner:
        raise Rejected(f"{state.owner} owns this review; another person waives it", RejectionKind.FORBIDDEN)
    reason = demand_text(command.reason, "the reason for the waiver")
    waiver = SignOff(by=command.by, at=now, comment=reason)
    after = _finished(state, ReviewStatus.WAIVED).model_copy(update={"waiver": waiver})
    return Outcome(after, (_entry(now, command.by, f"Review waived: {reason}"),))


def _extend(state: ReviewState, command: ExtendReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    reason = demand_text(command.reason, "the reason for the extension")
    due_at = demand_later(command.due_at, state.due_at, now, terms.policy.calendar)
    after = state.model_copy(
        update={
            "due_at": due_at,
            "ladder": begin(due_at, now),
            "extensions": state.extensions + 1,
            "is_overdue": False,
        }
    )
    said = f"Review extended to {written(due_at, terms.policy.calendar)}: {reason}"
    return Outcome(after, (_entry(now, command.by, said),))


def _finished(state: ReviewState, status: ReviewStatus) -> ReviewState:
    return state.model_copy(update={"state": status, "ladder": None, "is_overdue": False, "draft_wanted": False})


def _redrafted(state: ReviewState) -> ReviewState:
    # The facts in the draft have changed; a person's text is left alone.
    return state if state.edited else state.model_copy(update={"draft_wanted": True})


def _assigned(state: ReviewState, terms: ReviewStart) -> tuple[Notice, ...]:
    due = f", due at {written(state.due_at, terms.policy.calendar)}" if state.due_at else ""
    if state.owner:
        return (Notice(Template.REVIEW_ASSIGNED, (state.owner,), "assigned", f"the review is yours{due}"),)
    manager = manager_of(state, terms)
    words = f"the review has no owner; please assign one{due}"
    return (Notice(Template.REVIEW_ASSIGNED, (manager,), "no_owner", words),) if manager else ()


def _entry(now: datetime, by: Actor, said: str, kind: EntryKind = EntryKind.REVIEW, **details: object) -> Entry:
    return Entry(at=now, kind=kind, actor=by, summary=said, details=details)
