"""The timeline: what happened, when, and by whom. It writes the review, so it is written by everything."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from domain.model import Model

# The holder of the admin token who acts for nobody in particular: may speak, but never holds a role.
ADMINISTRATOR = "admin"


class ActorKind(StrEnum):
    """Who can make something happen."""

    PERSON = "person"
    AUTOMATION = "automation"
    ALERT = "alert"


class Actor(Model):
    """Who did it. For a person, `name` is the id used in `hotwash.yaml`."""

    kind: ActorKind
    name: str


def person(name: str) -> Actor:
    """A person of `hotwash.yaml`."""
    return Actor(kind=ActorKind.PERSON, name=name)


def automation(name: str) -> Actor:
    """A part of Hotwash, by its own name: `triage`, `escalation`, `runbook:roll-back-release`."""
    return Actor(kind=ActorKind.AUTOMATION, name=name)


class EntryKind(StrEnum):
    """What an entry is about; pages and filters use it."""

    ALERT = "alert"
    TRIAGE = "triage"
    DECLARED = "declared"
    STATUS = "status"
    SEVERITY = "severity"
    IMPACT = "impact"
    ROLE = "role"
    PAGE = "page"
    ACKNOWLEDGED = "acknowledged"
    RUN = "run"
    STEP = "step"
    APPROVAL = "approval"
    UPDATE = "update"
    REMINDER = "reminder"
    TASK = "task"
    DECISION = "decision"
    NOTE = "note"
    REVIEW = "review"
    ACTION_ITEM = "action_item"
    GAME_DAY = "game_day"
    TROUBLE = "trouble"


class Link(Model):
    """Evidence elsewhere: a dashboard, an alert's generator, a run."""

    title: str
    url: str


class Entry(Model):
    """One line of the timeline, before the store gives it its place (`seq`) in the incident."""

    at: datetime
    kind: EntryKind
    actor: Actor
    summary: str
    # JSON values only; large or secret things never go here.
    details: dict[str, Any] = Field(default_factory=dict)
    links: tuple[Link, ...] = ()
