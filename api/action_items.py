"""How an action item begins, and one wish for many items at once. Used by `api/acting.py`, routes and pages.

The one thing to know: hotwash.yaml as it is now says who may own it, whose team it is, who leads it and in which
tracker it is kept; the incident says the policy, because that was pinned when it was declared.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from pydantic import Field, ValidationError, model_validator

from api.auth import known_person
from api.bodies import nearest
from domain.action_item import ActionItemStart, ActionItemType, ItemCheck, Priority
from domain.action_item_meeting import MeetingTimes
from domain.action_item_quality import Hint, drill_not_on_file, nobody_is_named
from domain.configuration import Configuration
from domain.durations import Duration
from domain.errors import Rejected, RejectionKind
from domain.ids import is_drill_of_incident
from domain.incident import IncidentContext
from domain.model import Model
from domain.run import ActionSpec, Effect
from domain.severity import Severity
from domain.timeline import Actor
from domain.tracker_settings import tracker_for
from runbooks.action_parameters import mistakes_in
from store.interface import Document

# A team's whole list; each item is one command to the engine, ten at a time.
MOST_AT_ONCE = 200
NO_TRACKER = "none"


class NewActionItem(Model):
    """An action item as a person creates it."""

    incident_id: str
    title: str = Field(min_length=1, max_length=300)
    owner: str
    done_when: str = Field(min_length=1, max_length=2000)
    priority: Priority = Priority.NORMAL
    due_at: datetime | None = None
    requires_drill: str | None = None
    type: ActionItemType | None = None
    check: ItemCheck | None = Field(default=None, description="A read-only action that must hold before it is done.")
    team: str | None = Field(default=None, description="Left out: the owner's team.")
    services: tuple[str, ...] = Field(default=(), description="Left out: those of the incident.")
    is_proposed: bool = Field(default=False, description="Decided after the soak time; its clocks begin then.")
    tracker: str | None = Field(default=None, description="A name of `trackers`, or 'none'; left out: by the routing.")


class BulkChange(Model):
    """One wish, one reason, many items."""

    ids: tuple[str, ...] = Field(min_length=1, max_length=MOST_AT_ONCE)
    # Exactly one of these three.
    due_at: datetime | None = None
    later_by: Duration | None = Field(default=None, description="Later than each item's own due date: `2w`.")
    offer_to: str | None = None
    reason: str = Field(min_length=1, max_length=2000)

    @model_validator(mode="after")
    def _one_wish(self) -> "BulkChange":
        if [self.due_at, self.later_by, self.offer_to].count(None) != 2:  # noqa: PLR2004 - exactly one of three
            raise ValueError("give exactly one of 'due_at', 'later_by' and 'offer_to'")
        return self


def start_of(
    item: NewActionItem,
    incident: Document,
    configuration: Configuration,
    by: Actor,
    id_: str,
    *,
    others: int,
    meeting: MeetingTimes | None = None,
    noticed: tuple[Hint, ...] = (),
) -> ActionItemStart:
    """The input of the workflow. Rejected for a team, service or tracker that hotwash.yaml does not have."""
    context = IncidentContext.model_validate(incident.get("context") or {})
    services = item.services or tuple(incident.get("services") or ())
    team = item.team or _team_of(item.owner, services, configuration)
    if team is not None and team not in configuration.teams:
        raise Rejected(f"team {team!r} is not defined in hotwash.yaml")
    return ActionItemStart(
        id=id_,
        incident_id=item.incident_id,
        title=item.title,
        owner=item.owner,
        done_when=item.done_when,
        priority=item.priority,
        severity=Severity(incident["severity"]),
        due_at=item.due_at,
        requires_drill=item.requires_drill,
        type=item.type,
        check=item.check,
        team=team,
        services=services,
        is_proposed=item.is_proposed,
        tracker=_tracker(item, services, team, configuration),
        others=others,
        meeting=meeting,
        noticed=noticed,
        created_by=by,
        managers=context.managers,
        leads=leads_of(configuration),
        people=context.people,
        policy=context.policy,
        drill=incident["drill"],
    )


def meeting_of(review: Document) -> MeetingTimes | None:
    """When the meeting of a review was; else when it is fixed for. None when nobody knows."""
    found = review.get("meeting")
    if found is None:
        plan = review.get("meeting_plan")
        found = plan if plan and plan.get("fixed_by") else None
    if found is None:
        return None
    try:
        return MeetingTimes(begins_at=found["at"], ends_at=found.get("ends_at") or found["at"])
    except ValidationError:
        # Of a record that is older than the rule that times have a zone.
        return None


def leads_of(configuration: Configuration) -> dict[str, str]:
    """Person to the lead of their team; in several teams, the first one that has a lead."""
    leads: dict[str, str] = {}
    for team in configuration.teams.values():
        for member in team.members:
            if team.manager is not None:
                leads.setdefault(member, team.manager)
    return leads


def members_of(configuration: Configuration, team: str) -> list[str]:
    """The people of a team; Rejected when there is no such team."""
    if team not in configuration.teams:
        known = ", ".join(sorted(configuration.teams)) or "none"
        raise Rejected(f"there is no team {team!r}; there are: {known}")
    return list(configuration.teams[team].members)


def demand_owner(owner: str, configuration: Configuration) -> None:
    """Rejected for somebody whom no reminder reaches (rule A01); where hotwash.yaml names nobody, anybody may own."""
    team = configuration.teams.get(owner)
    if owner not in configuration.people and team is not None:
        members = ", ".join(team.members) or "nobody"
        raise Rejected(f"{owner!r} is a team, and one person answers for it; in that team there are: {members}")
    if configuration.names_people:
        known_person(configuration, owner)


def demand_answerable(owner: str, configuration: Configuration) -> None:
    """Rejected when it is no person and no team of hotwash.yaml that a meeting gives something to."""
    if owner not in configuration.teams and configuration.names_people:
        known_person(configuration, owner)


def demand_drill(drill: str | None, on_file: Collection[str], configuration: Configuration) -> None:
    """Rejected for a game day that no file defines; the drill that an incident may become is written later."""
    if drill is None or drill in on_file or drill in configuration.game_days or is_drill_of_incident(drill):
        return
    known = {*on_file, *configuration.game_days}
    raise Rejected(f"there is no game day {drill!r}{nearest(drill, known)}; write its file first, then require it")


def noticed_in(item: NewActionItem, on_file: Collection[str], configuration: Configuration) -> tuple[Hint, ...]:
    """What is taken as it is, and worth a word: an owner whom nobody can reach, a drill that is still to be written."""
    is_known = configuration.names_people or item.owner in configuration.people
    hints = [] if is_known else [nobody_is_named(item.owner)]
    if item.requires_drill and item.requires_drill not in on_file:
        hints.append(drill_not_on_file(item.requires_drill))
    return tuple(hints)


def demand_check(check: ItemCheck | None, known: Mapping[str, ActionSpec]) -> None:
    """Rejected when the check is no action that only looks, or its parameters do not fit."""
    if check is None:
        return
    spec = known.get(check.action)
    if spec is None:
        looks = ", ".join(sorted(name for name, each in known.items() if each.effect is Effect.READ_ONLY))
        raise Rejected(f"there is no action {check.action!r} to check with; there are: {looks}")
    if spec.effect is not Effect.READ_ONLY:
        raise Rejected(f"{check.action} changes something; a check only looks", RejectionKind.FORBIDDEN)
    wrong = mistakes_in(check.parameters, spec.parameters)
    if wrong:
        raise Rejected("; ".join(f"check: {each.sentence}" for each in wrong))


def _team_of(owner: str, services: tuple[str, ...], configuration: Configuration) -> str | None:
    own = next((name for name, team in configuration.teams.items() if owner in team.members), None)
    if own is not None:
        return own
    owned = (configuration.services[each].team for each in services if each in configuration.services)
    return next((team for team in owned if team), None)


def _tracker(
    item: NewActionItem, services: tuple[str, ...], team: str | None, configuration: Configuration
) -> str | None:
    if item.tracker == NO_TRACKER:
        return None
    if item.tracker is None:
        return tracker_for(configuration.trackers, services, team)
    if item.tracker not in configuration.trackers:
        known = ", ".join(sorted(configuration.trackers)) or NO_TRACKER
        raise Rejected(f"there is no tracker {item.tracker!r} in hotwash.yaml; there are: {known}")
    return item.tracker


def bulk_answer(ids: tuple[str, ...], refusals: Mapping[str, str]) -> dict[str, Any]:
    """What became of each item, in the order in which they were named."""
    return {
        "done": [each for each in ids if each not in refusals],
        "refused": [{"id": each, "detail": refusals[each]} for each in ids if each in refusals],
    }
