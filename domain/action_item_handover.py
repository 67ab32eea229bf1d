"""An action item changes hands, or is not done at all: by offer and acceptance, and by a second person's word.

Called by `domain/action_item_decisions.py`. Pure.
"""

from datetime import datetime

from domain.action_item import (
    AcceptOffer,
    ActionItemStart,
    ActionItemState,
    ActionItemStatus,
    DeclineOffer,
    DropItem,
    KeepItem,
    NotDoing,
    Offer,
    OfferItem,
    ReassignItem,
)
from domain.action_item_clocks import OFFER_DAYS
from domain.action_item_outcomes import ItemOutcome, assigned, changed, entry, notice, superiors
from domain.calendar import add_business_days
from domain.errors import Rejected, RejectionKind
from domain.follow_up import Outcome, demand_known, demand_text
from domain.timeline import ActorKind


def offer(state: ActionItemState, command: OfferItem, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    """Ask somebody to take it over."""
    to = demand_known(command.to, command.by, terms.people)
    if to == state.owner:
        raise Rejected(f"{to} owns action item {state.id} already", RejectionKind.CONFLICT)
    if state.offer is not None:
        raise Rejected(
            f"action item {state.id} is offered to {state.offer.to} already; take that back first",
            RejectionKind.CONFLICT,
        )
    reason = command.reason.strip()
    expires = add_business_days(now, OFFER_DAYS, terms.policy.calendar)
    after = state.model_copy(update={"offer": Offer(to=to, by=command.by, at=now, reason=reason, expires_at=expires)})
    because = f": {reason}" if reason else ""
    said = f"Action item {state.id} offered to {to}{because}"
    words = (
        f"{command.by.name} asks you to take over action item {state.id} ({state.title}) from {state.owner}{because}"
    )
    return Outcome(after, (entry(now, command.by, said, state),), notice(state, (to,), "offered", words))


def accept_offer(state: ActionItemState, command: AcceptOffer, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    """The new owner's word; only now it is theirs."""
    waiting = _demand_offer(state)
    if command.by.name != waiting.to:
        raise Rejected(f"action item {state.id} was offered to {waiting.to}; only they accept", RejectionKind.FORBIDDEN)
    before = state.owner
    after = state.model_copy(
        update={
            "owner": waiting.to,
            "owner_changed_at": now,
            "offer": None,
            "handovers": state.handovers + 1,
            "start_reminders": 0,
        }
    )
    words = f"{waiting.to} has taken over action item {state.id} ({state.title})"
    said = f"Action item {state.id} taken over from {before} by {waiting.to}"
    told = notice(state, (before,), "taken_over", words)
    return Outcome(after, (entry(now, command.by, said, state),), (*told, *assigned(after, terms)))


def decline_offer(state: ActionItemState, command: DeclineOffer, now: datetime) -> ItemOutcome:
    """It stays where it is."""
    waiting = _demand_offer(state)
    if command.by.name not in {waiting.to, waiting.by.name, state.owner}:
        raise Rejected(f"the offer is between {state.owner} and {waiting.to}", RejectionKind.FORBIDDEN)
    because = f": {command.reason.strip()}" if command.reason.strip() else ""
    is_taken_back = command.by.name != waiting.to
    said = f"The offer of action item {state.id} to {waiting.to} was {'taken back' if is_taken_back else 'declined'}"
    after = state.model_copy(update={"offer": None})
    hears = (waiting.to,) if is_taken_back else (state.owner,)
    told = notice(state, hears, "declined", f"{said} by {command.by.name}{because}; it stays with {state.owner}")
    return Outcome(after, (entry(now, command.by, f"{said}{because}", state),), told)


def reassign(state: ActionItemState, command: ReassignItem, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    """The direct way, for when there is nobody to ask; it is told and kept like every other."""
    owner = demand_known(command.owner, command.by, terms.people)
    if owner == state.owner:
        raise Rejected(f"{owner} owns action item {state.id} already", RejectionKind.CONFLICT)
    after = state.model_copy(
        update={"owner": owner, "owner_changed_at": now, "offer": None, "handovers": state.handovers + 1}
    )
    because = f": {command.reason.strip()}" if command.reason.strip() else ""
    said = f"Action item {state.id} given to {owner}{because}"
    return Outcome(after, (entry(now, command.by, said, state),), assigned(after, terms))


def drop(state: ActionItemState, command: DropItem, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    """Not doing it needs a reason and a person other than the owner who accepts that; owner, lead and manager hear."""
    reason = demand_text(command.reason, "the reason for dropping the action item")
    is_accepted = command.by.kind is ActorKind.PERSON and command.by.name != state.owner
    asked = state.not_doing
    if is_accepted:
        why = f"{asked.reason} (accepted: {reason})" if asked is not None and asked.reason != reason else reason
        after = changed(state, ActionItemStatus.DROPPED, now).model_copy(
            update={
                "finished_at": now,
                "ladder": None,
                "is_overdue": False,
                "offer": None,
                "not_doing": None,
                "extension_asked": None,
                "dropped_because": why,
                "dropped_by": command.by,
            }
        )
        told = tuple(name for name in (state.owner, *superiors(state, terms)) if name != command.by.name)
        words = f"{command.by.name} has accepted that action item {state.id} ({state.title}) is not done: {why}"
        said = f"Action item {state.id} dropped: {why}"
        return Outcome(after, (entry(now, command.by, said, state),), notice(state, told, "dropped", words))
    if asked is not None:
        raise Rejected(
            f"{asked.by.name} has asked already to drop action item {state.id}; somebody else than {state.owner} "
            "accepts that, or says that it is kept",
            RejectionKind.CONFLICT,
        )
    after = state.model_copy(update={"not_doing": NotDoing(by=command.by, at=now, reason=reason)})
    said = f"{command.by.name} does not want action item {state.id} to be done: {reason}; another person accepts that"
    words = (
        f"{command.by.name} asks to drop action item {state.id} ({state.title}): {reason}; accept it or keep the item"
    )
    return Outcome(after, (entry(now, command.by, said, state),), notice(state, superiors(state, terms), "drop", words))


def keep(state: ActionItemState, command: KeepItem, now: datetime) -> ItemOutcome:
    """The wish not to do it is not accepted, or taken back."""
    if state.not_doing is None:
        raise Rejected(f"nobody has asked to drop action item {state.id}", RejectionKind.CONFLICT)
    because = f": {command.reason.strip()}" if command.reason.strip() else ""
    after = state.model_copy(update={"not_doing": None})
    said = f"Action item {state.id} is kept{because}"
    told = notice(
        state, (state.owner,), "kept", f"{command.by.name} keeps action item {state.id} ({state.title}){because}"
    )
    return Outcome(after, (entry(now, command.by, said, state),), told)


def _demand_offer(state: ActionItemState) -> Offer:
    if state.offer is None:
        raise Rejected(f"action item {state.id} is offered to nobody", RejectionKind.CONFLICT)
    return state.offer
