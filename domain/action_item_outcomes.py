"""What the rooms of the action item's decisions share: its voice, who hears of it, and how a change is written down.

Used by `domain/action_item_*.py` only. Pure.
"""

from datetime import datetime

from domain.action_item import ActionItemStart, ActionItemState, ActionItemStatus, Evidence
from domain.calendar import written
from domain.errors import Rejected, RejectionKind
from domain.follow_up import Notice, Outcome, demand_text
from domain.message import Template
from domain.timeline import Actor, Entry, EntryKind, automation
from domain.web_address import demand_web_address

ME = automation("action-item")
# After the third overdue day its owner, the team's lead and the manager have heard; then it is a case for the weekly
# list, and reminders come weekly (incident.io and Rootly: −2, 0, +1 days, then weekly).
DAILY_REMINDERS = 3
# More pieces than this prove nothing more, and the list travels in every payload of the workflow.
MAX_EVIDENCE = 100

ItemOutcome = Outcome[ActionItemState]


def entry(
    now: datetime, by: Actor, said: str, state: ActionItemState, kind: EntryKind = EntryKind.ACTION_ITEM
) -> Entry:
    """A line about the item."""
    return Entry(at=now, kind=kind, actor=by, summary=said, details={"action_item": state.id})


def notice(state: ActionItemState, people: tuple[str, ...], why: str, words: str) -> tuple[Notice, ...]:
    """Word to these people, each once; nothing when there is nobody."""
    named = tuple(dict.fromkeys(people))
    template = Template.ACTION_ITEM_ASSIGNED if why in _HAND_OVERS else Template.ACTION_ITEM_REMINDER
    return (Notice(template, named, why, words),) if named and state.id else ()


_HAND_OVERS = frozenset({"assigned", "offered"})


def assigned(state: ActionItemState, terms: ActionItemStart) -> tuple[Notice, ...]:
    """The owner hears that it is theirs."""
    due = f", due at {written(state.due_at, terms.policy.calendar)}" if state.due_at else ""
    return notice(state, (state.owner,), "assigned", f"action item {state.id} is yours{due}: {state.title}")


def lead_of(state: ActionItemState, terms: ActionItemStart) -> str | None:
    """The lead of the owner's team; None when the owner leads it, or nobody does."""
    lead = terms.leads.get(state.owner)
    return lead if lead != state.owner else None


def manager_of(state: ActionItemState, terms: ActionItemStart) -> str | None:
    """Above the lead: the owner's manager, or the lead's own when both are one person."""
    manager, lead = terms.managers.get(state.owner), lead_of(state, terms)
    above = terms.managers.get(lead) if lead is not None and manager in {None, lead} else manager
    return above if above != state.owner else None


def superiors(state: ActionItemState, terms: ActionItemStart) -> tuple[str, ...]:
    """Lead and manager, as far as there are any: who decides about what the owner asks for."""
    return tuple(name for name in (lead_of(state, terms), manager_of(state, terms)) if name)


def ladder_listeners(state: ActionItemState, terms: ActionItemStart, times_overdue: int) -> tuple[str, ...]:
    """The owner; from the second overdue time on the team's lead too; from the third on the manager too."""
    lead, manager = lead_of(state, terms), manager_of(state, terms)
    people = [state.owner]
    if times_overdue >= 2:  # noqa: PLR2004 - the second time
        people.append(lead or manager or state.owner)
    if times_overdue >= DAILY_REMINDERS and manager is not None:
        people.append(manager)
    return tuple(dict.fromkeys(people))


def changed(state: ActionItemState, status: ActionItemStatus, now: datetime) -> ActionItemState:
    """The item in another state, with the time for whoever compares it with a tracker."""
    return state.model_copy(update={"state": status, "state_changed_at": now})


def new_evidence(by: Actor, kind: str, text: str, url: str | None, now: datetime) -> Evidence:
    """A piece of evidence; a link must be one that pages may show."""
    address = demand_web_address(url) if url is not None else None
    return Evidence(kind=kind, text=demand_text(text, "the evidence"), url=address, by=by, at=now)


def with_evidence(state: ActionItemState, evidence: Evidence) -> ActionItemState:
    """One piece more."""
    if len(state.evidence) >= MAX_EVIDENCE:
        raise Rejected(f"an action item holds {MAX_EVIDENCE} pieces of evidence at most", RejectionKind.TOO_LARGE)
    return state.model_copy(update={"evidence": (*state.evidence, evidence)})
