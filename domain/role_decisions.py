"""Who does what: roles are offered and accepted, and there is exactly one commander at a time.

The rules: command is offered by the commander alone, and stays until it is accepted, so that an incident is never
without one in between; a role that nobody holds is taken at once by whoever offers it to themselves; a role that
somebody holds is offered by them or by the commander. Only people of `hotwash.yaml` hold roles.
"""

from datetime import datetime

from domain.errors import Rejected, RejectionKind
from domain.incident import FINISHED, AcceptRole, DeclineRole, IncidentState, OfferRole, Role, RoleOffer
from domain.incident_effects import Outcome, TellPeople, changed, conflict, entry, require_person
from domain.message import Template
from domain.timeline import ADMINISTRATOR, Actor, EntryKind
from domain.timeline import person as person_actor

# Several people may hold these; the state names the last one, the timeline all of them.
SHARED = (Role.SUBJECT_MATTER_EXPERT, Role.EXECUTIVE_STAKEHOLDER)


def offer_role(state: IncidentState, command: OfferRole, now: datetime) -> Outcome:
    """Offer a role; it is taken at once by somebody who offers a free one to themselves."""
    role, person, by = command.role, command.person, command.by
    require_person(state, person)
    holder = state.roles.get(role)
    if holder == person:
        raise conflict(f"{person} is already {words(role)}")
    _require_right_to_offer(state, role, by)
    if by == person_actor(person):
        return _take(state, role, by, now)
    offer = RoleOffer(role=role, to=person, by=by, at=now, reason=command.reason)
    offers = tuple(each for each in state.offers if each.role is not role)
    summary = f"{by.name} offered {words(role)} to {person}"
    if holder is not None and role not in SHARED:
        summary += f"; {holder} keeps it until they accept"
    note = entry(now, EntryKind.ROLE, by, summary, role=role, person=person, reason=command.reason)
    telling = TellPeople(
        about=f"role-offer/{role}/{person}/{now.isoformat()}",
        template=Template.ROLE_OFFER,
        people=(person,),
        context={"role": words(role), "by": by.name, "reason": command.reason},
    )
    return Outcome(changed(state, offers=(*offers, offer)), (note,), (telling,))


def accept_role(state: IncidentState, command: AcceptRole, now: datetime) -> Outcome:
    """Take what was offered; accepting again what one already holds changes nothing."""
    if state.roles.get(command.role) == command.by.name:
        return Outcome(state)
    _offer_to(state, command.role, command.by)
    return _take(state, command.role, command.by, now)


def decline_role(state: IncidentState, command: DeclineRole, now: datetime) -> Outcome:
    """Refuse what was offered; the holder keeps it."""
    offer = _offer_to(state, command.role, command.by)
    holder = state.roles.get(command.role)
    rest = f"; {holder} keeps it" if holder else "; nobody holds it"
    summary = f"{command.by.name} declined {words(command.role)}{rest}"
    note = entry(now, EntryKind.ROLE, command.by, summary, role=command.role, reason=command.reason)
    return Outcome(changed(state, offers=tuple(each for each in state.offers if each is not offer)), (note,))


def words(role: Role) -> str:
    """A role as people say it."""
    return role.value.replace("_", " ")


def require_open(state: IncidentState) -> None:
    """Refuse anything that is asked of an incident that has ended."""
    if state.status in FINISHED:
        raise conflict(f"{state.id} is {state.status} and takes no commands any more")


def _require_right_to_offer(state: IncidentState, role: Role, by: Actor) -> None:
    holder, commander = state.roles.get(role), state.roles.get(Role.COMMANDER)
    if holder is None or role in SHARED or by.name in {holder, commander, ADMINISTRATOR}:
        return
    who = "the commander" if role is Role.COMMANDER else "its holder or the commander"
    message = f"{words(role)} is held by {holder}; only {who} can offer it. Ask {holder} to hand it over"
    raise Rejected(message, RejectionKind.FORBIDDEN)


def _offer_to(state: IncidentState, role: Role, by: Actor) -> RoleOffer:
    for offer in state.offers:
        if offer.role is role and by == person_actor(offer.to):
            return offer
    raise conflict(f"{words(role)} was not offered to {by.name}")


def _take(state: IncidentState, role: Role, by: Actor, now: datetime) -> Outcome:
    before = state.roles.get(role)
    summary = f"{by.name} took over {words(role)} from {before}" if before else f"{by.name} is now {words(role)}"
    note = entry(now, EntryKind.ROLE, by, summary, role=role, person=by.name, before=before)
    offers = tuple(offer for offer in state.offers if offer.role is not role)
    return Outcome(changed(state, roles={**state.roles, role: by.name}, offers=offers), (note,))
