"""Everything that can be known to be wrong with a tabletop before it is played, and who plays it this time.

Used by `runbooks/game_day_catalog.py`. A tabletop with findings is never started.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from domain.configuration import Configuration
from domain.durations import format_duration
from domain.errors import Rejected
from domain.incident import IncidentStatus, Role
from domain.tabletop import Wanted, Wish
from runbooks.findings import Finding, nearest
from runbooks.source import Path as Place
from runbooks.source import Source
from runbooks.tabletop_schema import Tabletop

# A day of play has breaks; longer than this is another exercise.
LONGEST = timedelta(hours=24)


def cast_for(document: Tabletop, parameters: Mapping[str, Any], configuration: Configuration) -> Tabletop:
    """The same tabletop with other people; Rejected with who is unknown, or what cannot be said."""
    cast = {"players": document.players, "observers": document.roles.observers}
    master = document.roles.game_master
    for name, value in parameters.items():
        if name not in {*cast, "game_master"}:
            raise Rejected(f"a tabletop has no parameter {name!r}; it takes players, observers and game_master")
        given = value.split(",") if isinstance(value, str) else value
        if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
            raise Rejected(f"{name!r} is a list of people, such as alice,bob")
        people = tuple(each.strip() for each in given if each.strip())
        unknown = [each for each in people if each not in configuration.people]
        if unknown:
            hint = nearest(unknown[0], list(configuration.people))
            raise Rejected(f"{name}: there is no person {unknown[0]!r} in hotwash.yaml{hint}")
        if name == "game_master":
            master = people[0] if people else None
        else:
            cast[name] = people
    roles = document.roles.model_copy(update={"observers": cast["observers"], "game_master": master})
    return document.model_copy(update={"players": cast["players"], "roles": roles})


def lint_tabletop(source: Source, document: Tabletop, configuration: Configuration | None) -> Iterator[Finding]:
    """Everything that can be known to be wrong before it is played."""
    for name, count in Counter(each.id for each in document.injects).items():
        if count > 1:
            sentence = f"two injects are called {name!r}; marks are given by that name"
            yield source.finding(("injects",), "twice", sentence)
    if document.duration > LONGEST:
        sentence = f"an exercise is over after {format_duration(LONGEST)} at most"
        yield source.finding(("duration",), "too_long", sentence)
    groups = ("players", "observers", *(role.value for role in Role))
    for number, inject in enumerate(document.injects):
        if inject.at > document.duration:
            sentence = f"it is over after {format_duration(document.duration)} (`duration`); this would never come"
            yield source.finding(("injects", number, "at"), "never", sentence)
        people = (*document.players, *document.roles.informed(), *(each.name for each in document.responders))
        for place, name in enumerate(inject.to):
            if name not in (*groups, *people):
                sentence = f"nobody plays {name!r} here{nearest(name, [*groups, *people])}"
                yield source.finding(("injects", number, "to", place), "unknown_person", sentence)
        for place, wanted in enumerate(inject.expected):
            yield from _unknown_words(source, number, place, wanted)
    if not any(each.expected for each in document.injects):
        yield source.finding(
            ("injects",), "expects_nothing", "no inject says what a good answer is; nothing is learned"
        )
    if configuration is not None:
        yield from _unknown_people(source, document, configuration)


def _unknown_words(source: Source, number: int, place: int, wanted: Wanted) -> Iterator[Finding]:
    for key, known in (("role", [each.value for each in Role]), ("status", [each.value for each in IncidentStatus])):
        value = getattr(wanted, key)
        if value is not None and value not in known:
            sentence = f"there is no {key} {value!r}{nearest(value, known)}"
            yield source.finding(("injects", number, "expected", place, key), f"unknown_{key}", sentence)
    if wanted.expect is not Wish.JUDGED and wanted.within is None:
        sentence = f"say until when: `within: 10m`; nothing is late that has no limit ({wanted.expect.value})"
        yield source.finding(("injects", number, "expected", place), "no_limit", sentence)


def _unknown_people(source: Source, document: Tabletop, configuration: Configuration) -> Iterator[Finding]:
    roles = document.roles
    named: list[tuple[Place, str]] = [(("players", number), name) for number, name in enumerate(document.players)]
    named += [(("roles", "observers", number), name) for number, name in enumerate(roles.observers)]
    if roles.game_master:
        named.append((("roles", "game_master"), roles.game_master))
    for path, name in named:
        if name not in configuration.people:
            hint = nearest(name, list(configuration.people))
            yield source.finding(path, "unknown_person", f"there is no person {name!r} in hotwash.yaml{hint}")
