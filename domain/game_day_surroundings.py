"""What goes on around a game day: levers, real incidents, firing alerts, silences. Pure.

Looked at before a fault is made and all the time while it is there.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from domain.model import Model
from domain.routing import matches
from domain.safety_lever import LeverState
from domain.severity import Severity

# Declared on a target's service, these end a game day by themselves: nobody rehearses while the house burns.
ALWAYS_STOPS = Severity.SEV2


class OpenIncident(Model):
    """A real incident that people are responding to."""

    id: str
    title: str = ""
    severity: Severity
    services: tuple[str, ...] = ()
    declared_at: datetime | None = None


class FiringGroup(Model):
    """An alert group in which something fires."""

    id: str
    title: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    service: str | None = None
    firing_since: datetime | None = None
    # The game day whose doing it is.
    game_day_workflow: str | None = None


class Surroundings(Model):
    """What was seen."""

    # Only those that are engaged.
    levers: tuple[LeverState, ...] = ()
    incidents: tuple[OpenIncident, ...] = ()
    # Not those that are the asking game day's own doing.
    alerts: tuple[FiringGroup, ...] = ()


def incident_in_the_way(
    incidents: Iterable[OpenIncident], services: Collection[str], worst: Severity = ALWAYS_STOPS
) -> OpenIncident | None:
    """A real incident, this bad or worse, that touches one of the services; one without services touches them all."""
    return next(
        (
            each
            for each in incidents
            if each.severity.is_at_least(worst)
            and (not each.services or not services or set(each.services) & set(services))
        ),
        None,
    )


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


def silences_in_the_way(silences: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> list[str]:
    """The active silences of an Alertmanager that would mute an alert with these labels, by their comments.

    Only some labels of the alert are known: a silence counts when no known label speaks against it and at least one
    speaks for it. So one for quite another alert does not hinder, and what is overlooked shows as an alert not heard.
    """
    return [
        str(silence.get("comment") or silence.get("id") or "no comment")
        for silence in silences
        if (silence.get("status") or {}).get("state") == "active" and _mutes(silence.get("matchers") or (), labels)
    ]


def _mutes(matchers: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> bool:
    known = [each for each in matchers if each.get("name") in labels]
    return bool(known) and all(_fits(each, labels[str(each["name"])]) for each in known)


def _fits(matcher: Mapping[str, Any], value: str) -> bool:
    wanted = str(matcher.get("value", ""))
    if matcher.get("isRegex"):
        try:
            fits = re.fullmatch(wanted, value) is not None
        except re.error:
            # Alertmanager's own syntax is a little different; a doubt counts as muted.
            return True
    else:
        fits = wanted == value
    return fits if matcher.get("isEqual", True) else not fits
