"""More time for a review: asked for with a reason, approved by another person, counted (rule A03).

Called by `review_decisions.py`. Pure; who may approve is in `extension.py`, the same as for action items.
"""

from datetime import datetime

from domain.calendar import written
from domain.deadlines import ExtensionWish, begin
from domain.extension import (
    MOST_ASKED,
    demand_approver,
    demand_may_decline,
    demand_no_other_wish,
    demand_wish,
    who_approves,
)
from domain.follow_up import Notice, Outcome, demand_later, demand_text
from domain.message import Template
from domain.review import (
    ApproveReviewExtension,
    DeclineReviewExtension,
    ExtendReview,
    ReviewStart,
    ReviewState,
)
from domain.review_outcomes import ReviewOutcome, entry, manager_of
from domain.timeline import Actor


def extend(state: ReviewState, command: ExtendReview, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """Ask for it, or have it where the policy wants no second person."""
    hours = terms.policy.calendar
    reason = demand_text(command.reason, "the reason for the extension")
    until = demand_later(command.due_at, state.due_at, now, hours)
    wish = ExtensionWish(by=command.by, at=now, reason=reason, until=until)
    if not terms.policy.extension_needs_approver:
        return _extended(state, wish, None, now, terms)
    demand_no_other_wish(state.extension_asked, command.by, hours)
    approvers = _approvers(state, wish, terms)
    whom, when = " or ".join(approvers) or "another person", written(until, hours)
    said = f"{command.by.name} asks for more time for the review, until {when}: {reason}; {whom} approves"
    words = (
        f"{command.by.name} asks for more time for the review, until {when}: {reason}; it was extended "
        f"{state.extensions} times before. Approve or decline it; until then its date stands"
    )
    boss = manager_of(state, terms)
    told = (boss,) if boss in approvers and boss else approvers[:MOST_ASKED]
    after = state.model_copy(update={"extension_asked": wish})
    return Outcome(after, (entry(now, command.by, said),), _notices(told, "extension_asked", words))


def approve_extension(
    state: ReviewState, command: ApproveReviewExtension, now: datetime, terms: ReviewStart
) -> ReviewOutcome:
    """The second person's word; now it counts."""
    wish = demand_wish(state.extension_asked, "the review")
    demand_approver(command.by, wish, _approvers(state, wish, terms), now, terms.policy.calendar)
    demand_later(wish.until, state.due_at, now, terms.policy.calendar)
    return _extended(state, wish, command.by, now, terms)


def decline_extension(
    state: ReviewState, command: DeclineReviewExtension, now: datetime, terms: ReviewStart
) -> ReviewOutcome:
    """It stays due as it is; from who asked, the wish is taken back."""
    wish = demand_wish(state.extension_asked, "the review")
    demand_may_decline(command.by, wish, state.owner, _approvers(state, wish, terms))
    is_taken_back = command.by.name == wish.by.name
    reason = command.reason.strip() if is_taken_back else demand_text(command.reason, "why there is no more time")
    because = f": {reason}" if reason else ""
    said = f"The wish for more time for the review was {'taken back' if is_taken_back else 'declined'}{because}"
    told = () if is_taken_back else _others((wish.by.name, state.owner), command.by)
    words = f"{command.by.name} gives the review no more time{because}"
    after = state.model_copy(update={"extension_asked": None})
    return Outcome(after, (entry(now, command.by, said),), _notices(told, "extension_declined", words))


def _extended(
    state: ReviewState, wish: ExtensionWish, approver: Actor | None, now: datetime, terms: ReviewStart
) -> ReviewOutcome:
    after = state.model_copy(
        update={
            "due_at": wish.until,
            "ladder": begin(wish.until, now),
            "extensions": state.extensions + 1,
            "extension_asked": None,
            "is_overdue": False,
        }
    )
    until = written(wish.until, terms.policy.calendar)
    asked = f" (asked for by {wish.by.name})" if approver else ""
    said = f"Review extended to {until}: {wish.reason}{asked}"
    told = _others((wish.by.name, state.owner), approver) if approver else ()
    words = f"the review is extended to {until}, extension {after.extensions}: {wish.reason}"
    return Outcome(after, (entry(now, approver or wish.by, said),), _notices(told, "extended", words))


def _approvers(state: ReviewState, wish: ExtensionWish, terms: ReviewStart) -> tuple[str, ...]:
    holders = (manager_of(state, terms), terms.team_manager, terms.manager, *terms.managers.values())
    return who_approves(wish, state.owner, holders)


def _others(names: tuple[str | None, ...], speaker: Actor) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name and name != speaker.name))


def _notices(people: tuple[str, ...], why: str, words: str) -> tuple[Notice, ...]:
    return (Notice(Template.REVIEW_REMINDER, people, why, words),) if people else ()
