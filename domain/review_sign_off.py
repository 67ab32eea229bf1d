"""How a review is judged: submitted, signed off by role (rule P10), returned; or ended with its incident.

Called by `review_decisions.py`. Pure. draft → in review → reviewed → closed (PagerDuty's postmortem states); what comes
after the last signature is in `review_close.py`. The one thing to know: one person signs in one role, and a role that
nobody is left to take is not waited for, so that a small house is never stuck; without any, another person signs.
"""

from collections.abc import Iterable
from datetime import datetime

from domain.contributing_factors import LEAST_FACTORS
from domain.deadlines import LadderReason, begin
from domain.errors import Rejected, RejectionKind
from domain.follow_up import Notice, Outcome, demand_person, demand_text, listeners
from domain.message import Template
from domain.review import (
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
)
from domain.review_comments import demand_settled
from domain.review_completeness import lacks
from domain.review_news import handed_in
from domain.review_outcomes import ReviewOutcome, entry, finished, manager_of, severity_of
from domain.timeline import ADMINISTRATOR, Actor


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
    after = handed_in(state).model_copy(
        update={
            "state": ReviewStatus.IN_REVIEW,
            "waits_for": _missing(state, terms),
            "factors_overridden": reason if len(factors) < LEAST_FACTORS else "",
        }
    )
    said = "Review submitted for sign-off"
    if after.factors_overridden:
        said += f" with {len(factors)} contributing factors: {reason}"
    found = lacks(
        state.markdown, severity_of(state, terms), facilitator=state.facilitator, views=len(state.perspectives)
    )
    lacking = "".join(f"; {each}" for each in found)
    lines = (entry(now, command.by, f"{said}{lacking}", revision=state.revision),)
    return Outcome(after, lines, _asked_to_sign(after, lacking, terms))


def sign_off(state: ReviewState, command: SignOffReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """One more signature, in one role; with the last one the review is reviewed."""
    demand_person(command.by, "sign a review off")
    if state.state is not ReviewStatus.IN_REVIEW:
        sentence = "the review is still a draft; it is submitted first"
        if state.state is ReviewStatus.REVIEWED:
            sentence = "the review is signed off already"
        raise Rejected(sentence, RejectionKind.CONFLICT)
    if command.by.name == state.owner:
        raise Rejected(f"{state.owner} owns this review; another person signs it off", RejectionKind.FORBIDDEN)
    demand_settled(state)
    role = _role_signed(state, command, terms)
    signature = SignOff(by=command.by, at=now, comment=command.comment.strip(), role=role)
    after = state.model_copy(update={"sign_offs": (*state.sign_offs, signature), "sign_off": signature})
    missing = _missing(after, terms)
    said = "Review signed off" + (f" as {_spoken([role])}" if role else "")
    said += f": {signature.comment}" if signature.comment else ""
    said += _spared_words(after, terms)
    if missing:
        said = f"{said.rstrip('.')}; it waits for {_spoken(missing)}"
        after = after.model_copy(update={"waits_for": missing})
    else:
        after = finished(after, ReviewStatus.REVIEWED)
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
            "is_close_told": False,
            # What happened meanwhile is brought in now.
            "draft_wanted": True,
            # What was read is not what comes.
            "readings": (),
            "published_at": None,
            "ladder": state.ladder or begin(state.due_at, now),
            "is_overdue": state.due_at is not None and now >= state.due_at,
        }
    )
    words = f"{command.by.name} returned the review: {reason}"
    people = listeners(state.owner, manager_of(state, terms), LadderReason.UPCOMING)
    notices = (Notice(Template.REVIEW_REMINDER, people, "returned", words),) if people else ()
    return Outcome(after, (entry(now, command.by, f"Review returned to draft: {reason}"),), notices)


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


def _role_signed(state: ReviewState, command: SignOffReview, terms: ReviewStart) -> SignOffRole | None:
    """The role in which somebody signs: one for each person, and the one for which the fewest others are left."""
    missing, name = _missing(state, terms), command.by.name
    if not missing:
        return None
    # The holder of the admin token answers for the house, one signature at a time.
    before = next((each.role for each in state.sign_offs if each.by.name == name and name != ADMINISTRATOR), None)
    who = "; ".join(f"{_spoken([role])}: {', '.join(_left(role, state, terms))}" for role in missing)
    if before is not None:
        raise Rejected(
            f"{name} has signed as {_spoken([before])}; the other word is another person's ({who})",
            RejectionKind.FORBIDDEN,
        )
    held = [role for role in missing if _may_sign(command.by, role, terms) and command.role in {None, role}]
    if not held:
        raise Rejected(f"the review waits for another's word ({who})", RejectionKind.FORBIDDEN)
    others = {role: [each for each in _left(role, state, terms) if each != name] for role in missing}
    role = min(held, key=lambda each: len(others[each]))
    alone = [each for each in missing if each is not role and _left(each, state, terms) == [name]]
    if alone and others[role]:
        raise Rejected(
            f"only {name} can sign as {_spoken(alone)}; sign as that, and leave {_spoken([role])} to "
            f"{' or '.join(others[role])}",
            RejectionKind.CONFLICT,
        )
    return role


def _missing(state: ReviewState, terms: ReviewStart) -> tuple[SignOffRole, ...]:
    """Roles without a signature that somebody is left to give."""
    return tuple(role for role in _unsigned(state, terms) if _left(role, state, terms))


def _spared_words(state: ReviewState, terms: ReviewStart) -> str:
    """Which roles are not waited for, because whoever holds them has signed as something else."""
    spared = [role for role in _unsigned(state, terms) if not _left(role, state, terms)]
    named = [(role, " and ".join(_holders(role, state, terms))) for role in spared]
    return "".join(f"; no other word as {_spoken([role])}: only {who} could give it" for role, who in named if who)


def _unsigned(state: ReviewState, terms: ReviewStart) -> tuple[SignOffRole, ...]:
    done = {each.role for each in state.sign_offs}
    wanted = (SignOffRole(role) for role in terms.policy.of(severity_of(state, terms)).review_sign_off)
    return tuple(role for role in wanted if role not in done)


def _left(role: SignOffRole, state: ReviewState, terms: ReviewStart) -> list[str]:
    """Who may still sign in this role."""
    signed = {each.by.name for each in state.sign_offs}
    return [name for name in _holders(role, state, terms) if name not in signed]


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


def _asked_to_sign(state: ReviewState, lacking: str, terms: ReviewStart) -> tuple[Notice, ...]:
    if not state.waits_for:
        return ()
    people = tuple(dict.fromkeys(name for role in state.waits_for for name in _holders(role, state, terms)))
    words = f"the review is ready and waits for a word as {_spoken(state.waits_for)}{lacking}"
    return (Notice(Template.REVIEW_REMINDER, people, "sign_off", words),)


def _spoken(roles: Iterable[SignOffRole]) -> str:
    return " and ".join(role.value.replace("_", " ") for role in roles)
