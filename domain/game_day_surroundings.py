"""What goes on around a game day: levers, real incidents, firing alerts, silences. Pure.

Looked at before a fault is made and all the time while it is there.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from domain.game_day import GameDayPhase
from domain.model import Model
from domain.routing import matches
from domain.safety_lever import LeverState
from domain.severity import Severity

# Declared on a target's service, these end a game day by themselves: nobody rehearses while the house burns.
ALWAYS_STOPS = Severity.SEV2
# Stands for a label of which nothing is known.
_ANY_VALUE = "a value that nobody writes"


class OpenIncident(Model):
    """A real incident that people are responding to."""

    id: str
    title: str = ""
    severity: Severity
    services: tuple[str, ...] = ()
    declared_at: datetime | None = None
    # Nothing has happened: it is recorded for what it teaches.
    near_miss: bool = False


class FiringGroup(Model):
    """An alert group in which something fires."""

    id: str
    title: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    service: str | None = None
    firing_since: datetime | None = None
    # The game day whose doing it is.
    game_day_workflow: str | None = None


class RunningGameDay(Model):
    """A game day that has not ended, as others see it."""

    id: str
    title: str = ""
    phase: GameDayPhase
    started_at: datetime
    targets: tuple[str, ...] = ()


class AlertsSeen(Model):
    """Alert groups in which something fires."""

    groups: tuple[FiringGroup, ...] = ()
    # Why there may be more of them, and what to do about it; empty: these are all.
    untold: str = ""


class Surroundings(Model):
    """What was seen."""

    # Only those that are engaged.
    levers: tuple[LeverState, ...] = ()
    incidents: tuple[OpenIncident, ...] = ()
    # Not those that are the asking game day's own doing.
    alerts: tuple[FiringGroup, ...] = ()
    # Why there may be more of them; empty: these are all.
    alerts_untold: str = ""
    # Others that have not ended.
    game_days: tuple[RunningGameDay, ...] = ()


def incident_in_the_way(
    incidents: Iterable[OpenIncident], services: Collection[str], worst: Severity = ALWAYS_STOPS
) -> OpenIncident | None:
    """A real incident, this bad or worse, that touches one of the services; one without services touches them all.

    A near miss is none, whatever its severity: nothing is broken and nobody's hands are full, and rehearsing what
    nearly happened is what it asks for. If it happens after all, that is an incident of its own, and counts.
    """
    return next(
        (
            each
            for each in incidents
            if each.severity.is_at_least(worst)
            and not each.near_miss
            and (not each.services or not services or set(each.services) & set(services))
        ),
        None,
    )


def incident_at_the_start(incidents: Sequence[OpenIncident], services: Collection[str]) -> OpenIncident | None:
    """A real incident that lets no game day begin: one that would stop it, and any at all on a target's service.

    However mild: people are at work there, and nobody could tell the fault from what they look for.
    """
    return incident_in_the_way(incidents, services) or next(
        (each for each in incidents if not each.near_miss and set(each.services) & set(services)), None
    )


def game_day_in_the_way(others: Iterable[RunningGameDay], mine: RunningGameDay) -> RunningGameDay | None:
    """Another game day on one of the same targets to which this one has to give way.

    Two faults at once at one target prove nothing. What has its targets goes on, and of two that are only being checked
    the earlier one. This is what the engine lists, seconds late; `workflows/game_days/locking.py` has the last word.
    """
    return next((each for each in others if set(each.targets) & set(mine.targets) and _goes_first(each, mine)), None)


# It has its targets: from the announcement on, until they are right again.
_HAS_TARGETS = frozenset(GameDayPhase) - {
    GameDayPhase.CHECKING, GameDayPhase.AWAITING_APPROVAL, GameDayPhase.FINISHED,
}  # fmt: skip


def _goes_first(other: RunningGameDay, mine: RunningGameDay) -> bool:
    if mine.phase in _HAS_TARGETS:
        return False
    is_earlier = (other.started_at, other.id) < (mine.started_at, mine.id)
    return other.phase in _HAS_TARGETS or (other.phase is GameDayPhase.CHECKING and is_earlier)


def alert_in_the_way(
    alerts: Iterable[FiringGroup], match: Mapping[str, str], service: str | None
) -> FiringGroup | None:
    """An alert that would be taken for the game day's own, and fires already."""
    return next(
        (each for each in alerts if matches(dict(match), each.labels) and service in {None, each.service}), None
    )


def alerts_since(alerts: Iterable[FiringGroup], since: datetime) -> tuple[str, ...]:
    """The titles of what began to fire since then."""
    return tuple(each.title or each.id for each in alerts if each.firing_since and each.firing_since >= since)


def expected_alerts(match: Mapping[str, str], wanted: Iterable[Mapping[str, str]]) -> tuple[dict[str, str], ...]:
    """The alerts that are to be detected, each by what is known of its labels; `~…` is a regular expression."""
    found = [{**match, **each} for each in wanted] or [dict(match)]
    return tuple(each for number, each in enumerate(found) if each not in found[:number])


def silences_in_the_way(
    silences: Sequence[Mapping[str, Any]], labels: Mapping[str, str], until: datetime | None = None
) -> list[str]:
    """The silences of an Alertmanager that would mute an alert like this before `until`, by their comments.

    Only some labels of the alert are known: a silence counts when no known label speaks against it and at least one
    speaks for it, or when it mutes whatever comes. So one for quite another alert does not hinder, and what is
    overlooked shows as an alert not heard.
    """
    return [
        str(silence.get("comment") or silence.get("id") or "no comment")
        for silence in silences
        if _is_on(silence, until) and _mutes(silence.get("matchers") or (), labels)
    ]


def _is_on(silence: Mapping[str, Any], until: datetime | None) -> bool:
    state = (silence.get("status") or {}).get("state")
    if state != "pending" or until is None:
        return bool(state == "active")
    try:
        return datetime.fromisoformat(str(silence.get("startsAt"))) <= until
    except (ValueError, TypeError):
        # No time, or none with a zone: it may begin at any moment.
        return True


def _mutes(matchers: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> bool:
    answers = [_fits(each, labels.get(str(each.get("name")))) for each in matchers]
    return False not in answers and True in answers


def _fits(matcher: Mapping[str, Any], wanted: str | None) -> bool | None:
    """Whether a label that is like this fits; None: it cannot be told."""
    value, is_regex = str(matcher.get("value", "")), bool(matcher.get("isRegex"))
    try:
        if wanted is not None and wanted.startswith("~"):
            if is_regex:
                return None
            same = re.fullmatch(wanted[1:], value) is not None
            # Of the values that are possible, this one is muted, or all others are.
            return same if matcher.get("isEqual", True) else (None if same else True)
        known = _ANY_VALUE if wanted is None else wanted
        same = re.fullmatch(value, known) is not None if is_regex else value == known
    except re.error:
        # Alertmanager's own syntax is a little different; a doubt counts as muted.
        return True
    fits = same if matcher.get("isEqual", True) else not same
    # What is true of a value that nobody writes is true of whatever the alert will say.
    return fits if wanted is not None or fits else None
