"""The communication plan of an incident: who must hear by when, and what was said."""

from datetime import datetime, timedelta

from pydantic import Field

from domain.configuration import AudiencePlan
from domain.message import CourierState, Delivery
from domain.model import Model
from domain.policy import Audience, Policy
from domain.record import RecorderState
from domain.severity import Severity
from domain.timeline import Actor


class IncidentBrief(Model):
    """What messages say about the incident; refreshed by the incident whenever it changes."""

    id: str
    title: str
    severity: Severity
    status: str
    services: tuple[str, ...] = ()
    # Names the public may read.
    public_services: tuple[str, ...] = ()
    commander: str | None = None
    communications_lead: str | None = None
    summary: str = ""
    impact: str = ""
    drill: bool = False
    declared_at: datetime


class CommsStart(Model):
    """The input of the `CommsPlan` workflow `comms/<incident id>`."""

    incident: IncidentBrief
    policy: Policy
    audiences: dict[Audience, AudiencePlan]
    # How often the incident was reopened: a plan started again after its closing notice must not reuse message keys.
    episode: int = 0
    # The game day that caused a drill: it hears of internal updates.
    game_day_workflow: str | None = None
    # Set by continue-as-new only: updates whose deliveries are not all known yet.
    open_updates: "tuple[PublishedUpdate, ...]" = ()
    state: "CommsState | None" = None
    recorder: RecorderState | None = None
    courier: CourierState | None = None


class PublishedUpdate(Model):
    """One update to one audience; external ones are on the public status page."""

    id: str
    incident_id: str
    number: int
    audience: Audience
    text: str
    status: str
    severity: Severity
    # Public names of the affected services.
    services: tuple[str, ...] = ()
    title: str = ""
    by: Actor
    at: datetime
    next_update_by: datetime | None = None
    deliveries: tuple[Delivery, ...] = ()
    closing: bool = False
    drill: bool = False


class AudienceClock(Model):
    """How one audience stands."""

    # None: this audience need not hear again.
    next_update_by: datetime | None = None
    last_update_at: datetime | None = None
    # When the time until `next_update_by` began to run.
    since: datetime | None = None
    # What was done about `next_update_by`: reminded before it, told late at it, escalated after it, told again since.
    reminded: bool = False
    late: bool = False
    escalated: bool = False
    repeats: int = 0
    # Updates that came after their time.
    missed: int = 0
    sent: int = 0


class CommsState(Model):
    """All that the plan knows; also its picture in the store."""

    incident_id: str
    incident: IncidentBrief
    clocks: dict[Audience, AudienceClock] = Field(default_factory=dict)
    episode: int = 0
    updates: int = 0
    reminders: int = 0
    # Keys of the last updates, so that a repeated request is not published again.
    keys: tuple[str, ...] = ()
    closing_at: datetime | None = None


class UpdateRequest(Model):
    """The signal `publish`: a person approved this text by posting it."""

    by: Actor
    audience: Audience
    text: str
    next_update_within: timedelta | None = None
    key: str = ""


class RefreshIncident(Model):
    """The signal `refresh`: severity, status, title or roles changed; clocks follow."""

    incident: IncidentBrief


class CloseComms(Model):
    """The signal `finish`: send the closing notice to every audience that has heard of it, then end."""

    by: Actor
    summary: str
    # A cancelled or merged incident says so instead of "resolved".
    outcome: str = "resolved"


COMMS_COMMANDS: dict[str, type[Model]] = {
    "publish": UpdateRequest,
    "refresh": RefreshIncident,
    "finish": CloseComms,
}

CommsStart.model_rebuild()
