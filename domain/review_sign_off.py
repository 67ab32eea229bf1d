"""How a review comes to its end: submitted, signed off by role, returned, closed; or waived by two people.

Called by `review_decisions.py`. Pure. draft → in review → reviewed → closed (PagerDuty's postmortem states); a reviewed
review closes by itself after its soak time, in which action items are decided. The one thing to know: a role that
nobody in `hotwash.yaml` can take is not waited for, so that a small house is never stuck; then any other person signs.
"""

from collections.abc import Iterable
from datetime import datetime

from domain.contributing_factors import LEAST_FACTORS
from domain.deadlines import LadderReason, begin
from domain.errors import Rejected, RejectionKind
from domain.follow_up import Notice, Outcome, demand_person, demand_text, listeners
from domain.incident_effects import ADMINISTRATOR
from domain.message import Template
from domain.review import (
    CloseReview,
    FindingKind,
    ObserveIncidentEnd,
    ReturnReview,
    ReviewStart,
    ReviewState,
    ReviewStatus,
    SignOff,
    SignOffReview,
    SignOffRole,
    SubmitReview,
    WaiveReview,
)
from domain.review_comments import demand_settled
from domain.review_meeting_date import kept_invited
from domain.review_outcomes import ME, ReviewOutcome, entry, finished, manager_of, severity_of
from domain.timeline import Actor


def submit(state: ReviewState, command: SubmitReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """Ready to be reviewed: owned, written, and with more than one contributing factor (rule P07)."""
    if state.state is ReviewStatus.IN_REVIEW:
        raise Rejected("the review waits for its sign-off already", RejectionKind.CONFLICT)
    if state.owner is None:
        raise Rejected("the review has no owner; assign one first", RejectionKind.CONFLICT)
    if state.revision == 0:
        raise Rejected("the draft is not written yet; wait for it, or write the text by hand", RejectionKind.CONFLICT)
    factors = [each for each in state.findings if each.kind == FindingKind.CONTRIBUTING_FACTOR.value]
    reason = command.fewer_factors_because.strip()
    if len(factors) < LEAST_FACTORS and not reason:
        raise Rejected(
            f"the review names {len(factors)} contributing factors; an incident has at least {LEAST_FACTORS}. Add what "
            "else had to come together, or say in 'fewer_factors_because' why there is no more",
            RejectionKind.CONFLICT,
        )
    after = state.model_copy(
        update={
            "state": ReviewStatus.IN_REVIEW,
            "waits_for": _missing((), state, terms),
            "factors_overridden": reason if len(factors) < LEAST_FACTORS else "",
        }
    )
    said = "Review submitted for sign-off"
    if after.factors_overridden:
        said += f" with {len(factors)} contributing factors: {reason}"
    lines = (entry(now, command.by, said, revision=state.revision),)
    return Outcome(after, lines, _asked_to_sign(after, terms))


def sign_off(state: ReviewState, command: SignOffReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """One more signature; with the last one the review is reviewed."""
    demand_person(command.by, "sign a review off")
    if state.state is not ReviewStatus.IN_REVIEW:
        sentence = "the review is still a draft; it is submitted first"
        if state.state is ReviewStatus.REVIEWED:
            sentence = "the review is signed off already"
        raise Rejected(sentence, RejectionKind.CONFLICT)
    if command.by.name == state.owner:
        raise Rejected(f"{state.owner} owns this review; another person signs it off", RejectionKind.FORBIDDEN)
    demand_settled(state)
    roles = _roles_signed(state, command, terms)
    signatures = tuple(
        SignOff(by=command.by, at=now, comment=command.comment.strip(), role=role) for role in roles or (None,)
    )
    sign_offs = (*state.sign_offs, *signatures)
    missing = _missing(sign_offs, state, terms)
    comment = f": {command.comment.strip()}" if command.comment.strip() else ""
    as_whom = f" as {_spoken(roles)}" if roles else ""
    after = state.model_copy(update={"sign_offs": sign_offs, "sign_off": signatures[-1], "waits_for": missing})
    if missing:
        said = f"Review signed off{as_whom}{comment}; it waits for {_spoken(missing)}"
        return Outcome(after, (entry(now, command.by, said, revision=state.revision),))
    after = finished(after, ReviewStatus.REVIEWED).model_copy(update={"closes_at": now + terms.policy.review_soak})
    said = f"Review signed off{as_whom}{comment}"
    return Outcome(after, (entry(now, command.by, said, revision=state.revision),))


def return_to_draft(state: ReviewState, command: ReturnReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """Not yet: back to the draft; signatures were for a text that changes, so they lapse."""
    reason = demand_text(command.reason, "the reason for returning the review")
    if state.state is ReviewStatus.DRAFT:
        raise Rejected("the review is a draft already", RejectionKind.CONFLICT)
    after = state.model_copy(
        update={
            "state": ReviewStatus.DRAFT,
            "sign_offs": (),
            "sign_off": None,
            "waits_for": (),
            "closes_at": None,
            # What was read is not what comes.
            "readings": (),
            "ladder": state.ladder or begin(state.due_at, now),
            "is_overdue": state.due_at is not None and now >= state.due_at,
        }
    )
    words = f"{command.by.name} returned the review: {reason}"
    people = listeners(state.owner, manager_of(state, terms), LadderReason.UPCOMING)
    notices = (Notice(Template.REVIEW_REMINDER, people, "returned", words),) if people else ()
    return Outcome(after, (entry(now, command.by, f"Review returned to draft: {reason}"),), notices)


def close(state: ReviewState, command: CloseReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:  # noqa: ARG001 - one shape for all
    """Published and done."""
    if state.state is not ReviewStatus.REVIEWED:
        raise Rejected(f"the review is {state.state.value}; only a reviewed one is closed", RejectionKind.CONFLICT)
    return Outcome(finished(state, ReviewStatus.CLOSED), (entry(now, command.by, "Review closed"),))


def close_after_soak(state: ReviewState, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """Its soak time is over."""
    if state.state is not ReviewStatus.REVIEWED or state.closes_at is None or now < state.closes_at:
        return Outcome(state)
    closed = Outcome(finished(state, ReviewStatus.CLOSED), (entry(now, ME, "Review closed after its soak time"),))
    return kept_invited(closed, now, terms)


def waive(state: ReviewState, command: WaiveReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """No review: one person says why, another agrees. The owner (or anybody, when there is none) can only ask."""
    demand_person(command.by, "waive a review")
    severity = severity_of(state, terms)
    if not terms.policy.of(severity).review_may_be_waived:
        raise Rejected(f"the policy demands a review of every {severity.value} incident", RejectionKind.FORBIDDEN)
    reason = demand_text(command.reason, "the reason for the waiver")
    asked = state.waiver_asked
    is_first = command.by.name == state.owner or state.owner is None
    if asked is not None and command.by.name in {asked.by.name, state.owner}:
        sentence = f"{asked.by.name} asked for this waiver; another person, who does not own the review, agrees to it"
        raise Rejected(sentence, RejectionKind.FORBIDDEN)
    if asked is None and is_first:
        after = state.model_copy(update={"waiver_asked": SignOff(by=command.by, at=now, comment=reason)})
        manager = manager_of(state, terms)
        words = f"{command.by.name} asks to waive the review: {reason}; a second person decides"
        people = (manager,) if manager and manager != command.by.name else ()
        notices = (Notice(Template.REVIEW_REMINDER, people, "waiver", words),) if people else ()
        return Outcome(after, (entry(now, command.by, f"Waiver of the review asked for: {reason}"),), notices)
    waiver = SignOff(by=command.by, at=now, comment=reason)
    said = f"Review waived: {reason}" + (f" (asked for by {asked.by.name}: {asked.comment})" if asked else "")
    after = finished(state, ReviewStatus.WAIVED).model_copy(update={"waiver": waiver})
    return Outcome(after, (entry(now, command.by, said),))


def end_with_incident(
    state: ReviewState,
    command: ObserveIncidentEnd,
    now: datetime,
    terms: ReviewStart,  # noqa: ARG001 - one shape for all
) -> ReviewOutcome:
    """The incident was merged or was none: the review ends with it, and says why."""
    waiver = SignOff(by=command.by, at=now, comment=command.reason)
    after = finished(state, ReviewStatus.WAIVED).model_copy(update={"waiver": waiver})
    return Outcome(after, (entry(now, command.by, f"Review ended: {command.reason}"),))


def _roles_signed(state: ReviewState, command: SignOffReview, terms: ReviewStart) -> tuple[SignOffRole, ...]:
    missing = _missing(state.sign_offs, state, terms)
    if not missing:
        return ()
    held = tuple(role for role in missing if _may_sign(command.by, role, terms))
    if command.role is not None:
        held = tuple(role for role in held if role is command.role)
    if not held:
        who = "; ".join(f"{_spoken([role])}: {', '.join(_holders(role, state, terms))}" for role in missing)
        raise Rejected(f"the review waits for another's word ({who})", RejectionKind.FORBIDDEN)
    return held


def _missing(signed: Iterable[SignOff], state: ReviewState, terms: ReviewStart) -> tuple[SignOffRole, ...]:
    done = {each.role for each in signed}
    wanted = (SignOffRole(role) for role in terms.policy.of(severity_of(state, terms)).review_sign_off)
    return tuple(role for role in wanted if role not in done and _holders(role, state, terms))


def _holders(role: SignOffRole, state: ReviewState, terms: ReviewStart) -> list[str]:
    if role is SignOffRole.SERVICE_OWNER:
        names = [*terms.service_team, terms.team_manager] if terms.service_team else []
    else:
        # Where the service has a team with a manager; the owner's own manager may stand in.
        names = [terms.team_manager, manager_of(state, terms)] if terms.team_manager else []
    return list(dict.fromkeys(name for name in names if name and name != state.owner))


def _may_sign(by: Actor, role: SignOffRole, terms: ReviewStart) -> bool:
    # The holder of the admin token answers for the house.
    if by.name in {ADMINISTRATOR, terms.team_manager}:
        return True
    if role is SignOffRole.SERVICE_OWNER:
        return by.name in terms.service_team
    return by.name in terms.managers.values() or by.name == terms.manager


def _asked_to_sign(state: ReviewState, terms: ReviewStart) -> tuple[Notice, ...]:
    if not state.waits_for:
        return ()
    people = tuple(dict.fromkeys(name for role in state.waits_for for name in _holders(role, state, terms)))
    words = f"the review is ready and waits for a word as {_spoken(state.waits_for)}"
    return (Notice(Template.REVIEW_REMINDER, people, "sign_off", words),)


def _spoken(roles: Iterable[SignOffRole]) -> str:
    return " and ".join(role.value.replace("_", " ") for role in roles)
