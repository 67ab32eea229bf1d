"""Who takes part in a review: participants from the timeline, those who are invited, the facilitator, their views.

Called by `review_decisions.py`. Pure. The one thing to know: the facilitator is neutral (rule P04, from PagerDuty, Etsy
and Howie): never the owner, the commander, a responder, or who made the change; so that nobody has to ask themselves.
"""

from collections.abc import Iterable
from datetime import datetime

from domain.errors import Rejected, RejectionKind
from domain.follow_up import Notice, Outcome, demand_known, demand_person, demand_text
from domain.message import Template
from domain.review import (
    PAGED,
    AppointFacilitator,
    GivePerspective,
    InviteToReview,
    NameChangeAuthors,
    Participant,
    Perspective,
    ReviewStart,
    ReviewState,
)
from domain.review_outcomes import ME, ReviewOutcome, entry, redrafted

# More people than this are not in one conversation; the rest is told by the published review.
MAX_PARTICIPANTS = 100
# Four short answers; a page each is more than was asked for, and all of them travel in one workflow payload.
_LONGEST_ANSWER = 2_000


def appoint_facilitator(
    state: ReviewState, command: AppointFacilitator, now: datetime, terms: ReviewStart
) -> ReviewOutcome:
    """Somebody neutral leads the meeting; refused with the reason for whoever is not."""
    name = demand_known(command.facilitator, command.by, terms.people)
    if name == state.facilitator:
        raise Rejected(f"{name} facilitates this review already", RejectionKind.CONFLICT)
    reason = why_not_neutral(name, state, terms)
    if reason:
        raise Rejected(
            f"{name} {reason}, and the facilitator is neutral (rule P04); ask somebody who was not in it",
            RejectionKind.CONFLICT,
        )
    led = [each.name for each in state.participants if terms.managers.get(each.name) == name]
    said = f"{name} facilitates the review"
    if led:
        # A warning only (Howie): in a small house there may be nobody else.
        said += f"; {name} has authority over {', '.join(led)}, which can keep people from speaking freely"
    words = "you facilitate this review; the guide and the calibration document are in the console"
    notice = Notice(Template.REVIEW_ASSIGNED, (name,), "facilitator", words)
    return Outcome(state.model_copy(update={"facilitator": name}), (entry(now, command.by, said),), (notice,))


def why_not_neutral(name: str, state: ReviewState, terms: ReviewStart) -> str | None:
    """Why somebody cannot facilitate, as the end of a sentence; None when they can."""
    if name == state.owner:
        return "owns this review"
    if name in state.change_authors:
        return "made the change that is looked at"
    if name == terms.commander or name in terms.roles.values():
        held = ", ".join(role.replace("_", " ") for role, who in terms.roles.items() if who == name) or "commander"
        return f"was {held} in this incident"
    if any(each.name == name and each.role != "guest" and each.role not in _GUESTS for each in state.participants):
        return "took part in the response"
    return None


# Roles that bring another view and no part in the response.
_GUESTS = frozenset({"guest", "support", "product", "customer", "observer", PAGED})


def name_change_authors(
    state: ReviewState, command: NameChangeAuthors, now: datetime, terms: ReviewStart
) -> ReviewOutcome:
    """They are kept from facilitating; one who facilitates already is relieved. The text does not name them."""
    names = tuple(dict.fromkeys(demand_known(name, command.by, terms.people) for name in command.people))
    after = state.model_copy(update={"change_authors": names})
    said = f"{len(names)} people made the change that is looked at; they do not facilitate"
    return _relieved(Outcome(after, (entry(now, command.by, said),)), now, terms)


def invite(state: ReviewState, command: InviteToReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """Another view is wanted: support, product, whoever was not in the timeline."""
    name = demand_known(command.person, command.by, terms.people)
    role = demand_text(command.role, "the role of the guest")[:80]
    if any(each.name == name and each.invited_at for each in state.participants):
        raise Rejected(f"{name} is invited already", RejectionKind.CONFLICT)
    if len(state.participants) >= MAX_PARTICIPANTS:
        raise Rejected(f"a review has {MAX_PARTICIPANTS} participants at most", RejectionKind.TOO_LARGE)
    others = tuple(each for each in state.participants if each.name != name)
    after = state.model_copy(update={"participants": (*others, Participant(name=name, role=role, invited_at=now))})
    said = f"{name} was asked for their view of the incident ({role})"
    return Outcome(redrafted(after), (entry(now, command.by, said),), (_invitation(name),))


def adopt_participants(
    state: ReviewState, found: Iterable[Participant], now: datetime, terms: ReviewStart
) -> ReviewOutcome:
    """Whom the timeline shows: each is asked once for their view, as soon as they are known."""
    found = tuple(found)
    state = _heard_of(state, found)
    known = {each.name for each in state.participants}
    new = [each for each in found if each.name not in known and (not terms.people or each.name in terms.people)]
    new = new[: MAX_PARTICIPANTS - len(known)]
    if not new:
        return _relieved(Outcome(state), now, terms)
    invited = tuple(each.model_copy(update={"invited_at": now}) for each in new)
    after = state.model_copy(update={"participants": (*state.participants, *invited)})
    said = f"Asked for their view of the incident: {', '.join(each.name for each in new)}"
    outcome = Outcome(after, (entry(now, ME, said),), tuple(_invitation(each.name) for each in new))
    return _relieved(outcome, now, terms)


def _heard_of(state: ReviewState, found: Iterable[Participant]) -> ReviewState:
    """Somebody who was only paged, as far as was known, may have spoken since."""
    roles = {each.name: each.role for each in found}
    there = tuple(
        each.model_copy(update={"role": roles[each.name]}) if each.role == PAGED and each.name in roles else each
        for each in state.participants
    )
    return state.model_copy(update={"participants": there})


def give_perspective(
    state: ReviewState,
    command: GivePerspective,
    now: datetime,
    terms: ReviewStart,  # noqa: ARG001 - one shape for all
) -> ReviewOutcome:
    """How it was for the one who speaks. Nobody answers for another."""
    demand_person(command.by, "say how it was")
    answers = {name: getattr(command, name).strip() for name in ("saw", "expected", "knew", "hard")}
    if not any(answers.values()):
        raise Rejected("say at least one of: what you saw, expected, knew, found hard")
    if max(map(len, answers.values())) > _LONGEST_ANSWER:
        raise Rejected(f"an answer is longer than {_LONGEST_ANSWER} characters; say the rest in the meeting")
    mine = Perspective(name=command.by.name, at=now, **answers)
    others = tuple(each for each in state.perspectives if each.name != mine.name)
    after = state.model_copy(update={"perspectives": (*others, mine)})
    return Outcome(redrafted(after), (entry(now, command.by, f"{mine.name} said how it was for them"),))


def _relieved(outcome: ReviewOutcome, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    state = outcome.state
    reason = why_not_neutral(state.facilitator, state, terms) if state.facilitator else None
    if reason is None:
        return outcome
    said = f"{state.facilitator} no longer facilitates: {state.facilitator} {reason}"
    words = f"{said}; please appoint somebody who was not in it"
    people = (state.owner,) if state.owner else ()
    notices = (Notice(Template.REVIEW_REMINDER, people, "facilitator", words),) if people else ()
    after = state.model_copy(update={"facilitator": None})
    return Outcome(after, (*outcome.entries, entry(now, ME, said)), (*outcome.notices, *notices))


def _invitation(name: str) -> Notice:
    words = "while it is fresh: what did you see, expect and know, and what was hard? Four short answers are enough"
    return Notice(Template.REVIEW_INVITED, (name,), "invited", words)
