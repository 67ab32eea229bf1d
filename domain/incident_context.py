"""What `hotwash.yaml` says about the services of an incident, taken once and pinned into it at declaration.

Called by the API directly and by alert groups through `activities/directory.py`; later edits of the file do not reach
an incident that is under way.
"""

from collections.abc import Sequence

from domain.configuration import Configuration, OnCall, Team
from domain.incident import IncidentContext
from domain.runbook_trigger import RunbookTrigger


def incident_context(
    configuration: Configuration, services: Sequence[str], triggers: Sequence[RunbookTrigger] = ()
) -> IncidentContext:
    """The context of an incident of these services; the first of them that says something speaks for all."""
    return IncidentContext(
        policy=configuration.policy,
        on_call=_on_call(configuration, services),
        people=tuple(configuration.people),
        groups=_groups(configuration),
        managers=_managers(configuration),
        audiences=configuration.audiences,
        public_services={
            key: service.public_name or service.name
            for key, service in configuration.services.items()
            if service.public
        },
        team_manager=next((team.manager for team in _teams(configuration, services) if team.manager), None),
        service_team=tuple(
            dict.fromkeys(member for team in _teams(configuration, services) for member in team.members)
        ),
        factors=dict(configuration.contributing_factors),
        triggers=tuple(triggers),
    )


def _on_call(configuration: Configuration, services: Sequence[str]) -> OnCall | None:
    for key in services:
        service = configuration.services.get(key)
        if service and service.on_call:
            return configuration.on_call[service.on_call]
    return None


def _teams(configuration: Configuration, services: Sequence[str]) -> list[Team]:
    owned = [configuration.services[key].team for key in services if key in configuration.services]
    return [configuration.teams[name] for name in owned if name]


def _groups(configuration: Configuration) -> dict[str, tuple[str, ...]]:
    members: dict[str, list[str]] = {}
    for key, person in configuration.people.items():
        for group in person.groups:
            members.setdefault(group, []).append(key)
    return {group: tuple(keys) for group, keys in members.items()}


def _managers(configuration: Configuration) -> dict[str, str]:
    # A person's own manager comes before the one of their team; nobody is their own manager.
    managers = {
        member: team.manager
        for team in configuration.teams.values()
        for member in team.members
        if team.manager and team.manager != member
    }
    return managers | {key: person.manager for key, person in configuration.people.items() if person.manager}
