"""Names of a game day that `hotwash.yaml` does not know: targets, services, people, teams and groups. Used by the lint.

The one thing to know: a misspelt name is quiet until it hurts. With a service that nobody has, no alert would belong to
the game day, and its fault would be taken for a real incident.
"""

from collections.abc import Collection, Iterable, Iterator

from domain.configuration import Configuration
from domain.drill_targets import problem
from runbooks.expressions import has_expression
from runbooks.findings import Finding, nearest
from runbooks.game_day_schema import GameDay
from runbooks.source import Path as Place
from runbooks.source import Source

# Where a name stands, and the name.
_Named = tuple[Place, str]
# What importers write where nobody was named as the owner.
_NOBODY_YET = "unowned"


def unknown_names(
    source: Source, document: GameDay, configuration: Configuration, *, is_bundled: bool
) -> Iterator[Finding]:
    """All of them, each with the nearest right one; a name that only a parameter says is not judged.

    The owner of a bundled file (`is_bundled`) is a word for a house that it does not know, and is not judged;
    nor is any owner where `hotwash.yaml` names nobody but its administrator.
    """
    yield from _targets(source, document, configuration)
    services, people = configuration.services, configuration.people
    everybody = configuration.people_by_name()
    yield from _unknown(source, _services(document), services, "unknown_service", "service")
    yield from _unknown(source, _people(document), people, "unknown_person", "person")
    yield from _unknown(source, _groups(document), everybody, "unknown_person", "person, team or group")
    if configuration.names_people and not is_bundled and document.owner != _NOBODY_YET:
        owner = ((("owner",), document.owner),)
        yield from _unknown(source, owner, everybody, "unknown_person", "person, team or group")
    yield from _too_many_approvals(source, document, configuration)


def _targets(source: Source, document: GameDay, configuration: Configuration) -> Iterator[Finding]:
    for group, selection in document.targets.items():
        for number, name in enumerate(selection.names):
            if has_expression(name):
                continue
            sentence = problem(name, configuration.drill_targets, configuration.game_day_policy, document.environment)
            if sentence is not None:
                yield source.finding(("targets", group, "names", number), "not_drillable", sentence)


def _services(document: GameDay) -> Iterator[_Named]:
    if document.service is not None:
        yield ("service",), document.service
    for number, condition in enumerate(document.stop_conditions):
        named = condition.real_incident.services if condition.real_incident is not None else ()
        yield from _listed(("stop_conditions", number, "real_incident", "services"), named)


def _people(document: GameDay) -> Iterator[_Named]:
    roles = document.roles
    for key, name in (("coordinator", roles.coordinator), ("game_master", roles.game_master)):
        if name:
            yield ("roles", key), name
    yield from _listed(("roles", "observers"), roles.observers)
    yield from _listed(("roles", "unavailable"), roles.unavailable)
    yield from _listed(("announce", "audience"), document.announce.audience)


def _groups(document: GameDay) -> Iterator[_Named]:
    yield from _listed(("approval", "approvers"), document.approval.approvers)
    for number, expected in enumerate(document.expectations):
        yield from _listed(("expectations", number, "to"), expected.to)


def _listed(path: Place, names: Iterable[str]) -> Iterator[_Named]:
    for number, name in enumerate(names):
        yield (*path, number), name


def _unknown(
    source: Source, named: Iterable[_Named], known: Collection[str], code: str, what: str
) -> Iterator[Finding]:
    for path, name in named:
        if name not in known and not has_expression(name):
            sentence = f"there is no {what} {name!r} in hotwash.yaml{nearest(name, list(known))}"
            yield source.finding(path, code, sentence)


def _too_many_approvals(source: Source, document: GameDay, configuration: Configuration) -> Iterator[Finding]:
    """More people than there are could never agree."""
    approval, everybody = document.approval, configuration.people_by_name()
    names = approval.approvers or configuration.game_day_policy.approvers or tuple(configuration.people)
    able = {person for name in names for person in everybody.get(name, ())}
    are_known = set(names) <= set(everybody)
    if are_known and approval.min_approvals > max(1, len(able)):
        who = f" ({', '.join(sorted(able))})" if able else ""
        sentence = (
            f"{approval.min_approvals} people have to agree, and {len(able)} may{who}; ask fewer, or name more under"
            " `approvers`"
        )
        yield source.finding(("approval", "min_approvals"), "never_approved", sentence)
