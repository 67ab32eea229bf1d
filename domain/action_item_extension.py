"""More time for an action item: asked for with a reason, approved by another person, counted (rule A03).

Called by `action_item_decisions.py`. Pure; who may approve is in `extension.py`. Unless the policy wants a second
person (`extension_needs_approver: true`), whoever asks moves the date.
"""

from datetime import datetime

from domain.action_item import (
    ActionItemStart,
    ActionItemState,
    ApproveExtension,
    DeclineExtension,
    ExtendItem,
    Extension,
)
from domain.action_item_outcomes import DAILY_REMINDERS, ItemOutcome, entry, notice, superiors
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
from domain.follow_up import Outcome, demand_later, demand_text
from domain.timeline import Actor

# The lead hears from the second extension on; the list of them travels in every payload.
_EXTENSIONS_TOLD_FROM = 2
_EXTENSIONS_KEPT = 20


def extend(state: ActionItemState, command: ExtendItem, now: datetime, terms: ActionItemStart) -> ItemOutcome:
    """Ask for it, or have it where the policy wants no second person."""
    hours = terms.policy.calendar
    reason = demand_text(command.reason, "the reason for the extension")
    until = demand_later(command.due_at, state.due_at, now, hours)
    wish = ExtensionWish(by=command.by, at=now, reason=reason, until=until)
    if not terms.policy.extension_needs_approver:
        return _extended(state, wish, None, now, terms)
    demand_no_other_wish(state.extension_asked, command.by, hours)
    approvers = _approvers(state, wish, terms)
    when = written(until, hours)
    whom = " or ".join(approvers) or "another person"
    said = f"{command.by.name} asks for more time for action item {state.id}, until {when}: {reason}; {whom} approves"
    words = (
        f"{command.by.name} asks for more time for action item {state.id} ({state.title}), until {when}: {reason}; "
        f"it was extended {state.extensions} times before. Approve or decline it; until then its date stands"
    )
    told = tuple(name for name in superiors(state, terms) if name in approvers) or approvers[:MOST_ASKED]
    after = state.model_copy(update={"extension_asked": wish})
    return Outcome(after, (entry(now, command.by, said, state),), notice(state, told, "extension_asked", words))


def approve_extension(
    state: ActionItemState, command: ApproveExtension, now: datetime, terms: ActionItemStart
) -> ItemOutcome:
    """The second person's word; now it counts."""
    wish = demand_wish(state.extension_asked, f"action item {state.id}")
    demand_approver(command.by, wish, _approvers(state, wish, terms), now, terms.policy.calendar)
    demand_later(wish.until, state.due_at, now, terms.policy.calendar)
    return _extended(state, wish, command.by, now, terms)


def decline_extension(
    state: ActionItemState, command: DeclineExtension, now: datetime, terms: ActionItemStart
) -> ItemOutcome:
    """It stays due as it is; from who asked, the wish is taken back."""
    wish = demand_wish(state.extension_asked, f"action item {state.id}")
    demand_may_decline(command.by, wish, state.owner, _approvers(state, wish, terms))
    is_taken_back = command.by.name == wish.by.name
    reason = command.reason.strip() if is_taken_back else demand_text(command.reason, "why there is no more time")
    what = "taken back" if is_taken_back else "declined"
    because = f": {reason}" if reason else ""
    after = state.model_copy(update={"extension_asked": None})
    said = f"The wish for more time for action item {state.id} was {what}{because}"
    told = () if is_taken_back else tuple(name for name in (wish.by.name, state.owner) if name != command.by.name)
    words = f"{command.by.name} gives action item {state.id} ({state.title}) no more time{because}"
    return Outcome(after, (entry(now, command.by, said, state),), notice(state, told, "extension_declined", words))


def _extended(
    state: ActionItemState, wish: ExtensionWish, approver: Actor | None, now: datetime, terms: ActionItemStart
) -> ItemOutcome:
    times = state.extensions + 1
    move = Extension(by=wish.by, at=now, reason=wish.reason, was=state.due_at, until=wish.until, approved_by=approver)
    after = state.model_copy(
        update={
            "due_at": wish.until,
            "ladder": begin(wish.until, now, DAILY_REMINDERS),
            "extensions": times,
            "extension_log": (*state.extension_log, move)[-_EXTENSIONS_KEPT:],
            "extension_asked": None,
            "is_overdue": False,
            "on_weekly_list": False,
        }
    )
    until = written(wish.until, terms.policy.calendar)
    speaker = approver or wish.by
    asked = f" (asked for by {wish.by.name})" if approver else ""
    said = f"Action item {state.id} extended to {until}: {wish.reason}{asked}"
    told = tuple(name for name in (wish.by.name, state.owner) if approver and name != speaker.name)
    if times >= _EXTENSIONS_TOLD_FROM:
        told = (*told, *(name for name in superiors(state, terms) if name != speaker.name))
    words = f"action item {state.id} ({state.title}) is extended to {until}, extension {times}: {wish.reason}"
    return Outcome(after, (entry(now, speaker, said, state),), notice(state, told, "extended", words))


def _approvers(state: ActionItemState, wish: ExtensionWish, terms: ActionItemStart) -> tuple[str, ...]:
    holders = (*superiors(state, terms), *terms.leads.values(), *terms.managers.values())
    return who_approves(wish, state.owner, holders)
