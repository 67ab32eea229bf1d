"""Paging: the escalation that runs until a human answers, and what one page says."""

from datetime import datetime
from enum import StrEnum

from domain.configuration import OnCall
from domain.message import CourierState
from domain.model import Model
from domain.policy import WorkingHours
from domain.record import RecorderState
from domain.severity import Severity
from domain.timeline import Actor


class EscalationStatus(StrEnum):
    """Where an escalation stands."""

    PAGING = "paging"
    ACKNOWLEDGED = "acknowledged"
    STOPPED = "stopped"


class EscalationStart(Model):
    """The input of the `Escalation` workflow `page/<incident>/<n>`."""

    id: str
    incident_id: str
    title: str
    severity: Severity
    reason: str
    drill: bool = False
    on_call: OnCall
    # Seconds a level has, unless the level says otherwise.
    acknowledge_within_seconds: float
    repeat_after_seconds: float
    # Set when pages wait for the next business day (SEV-4).
    working_hours: WorkingHours | None = None
    # Who may acknowledge, besides automation; empty: anybody.
    people: tuple[str, ...] = ()
    # The game day that hears when the first page went out.
    game_day_workflow: str | None = None
    # That game day has declared people unavailable, so it is asked before each level whether they still are.
    asks_who_is_away: bool = False
    state: "EscalationState | None" = None
    recorder: RecorderState | None = None
    courier: CourierState | None = None


class PageDelivery(Model):
    """One message to one person over one channel."""

    person: str
    channel: str
    status: str
    level: int
    round: int = 1
    at: datetime
    detail: str = ""


class EscalationState(Model):
    """All that an escalation knows; also its picture in the store."""

    id: str
    incident_id: str
    status: EscalationStatus
    reason: str
    level: int = 0
    round: int = 1
    acknowledged_by: Actor | None = None
    acknowledged_at: datetime | None = None
    next_level_at: datetime | None = None
    # When the first page was delivered to anybody.
    paged_at: datetime | None = None
    # Who was away in the drill when the last level was due.
    away: tuple[str, ...] = ()
    deliveries: tuple[PageDelivery, ...] = ()


class PageCommand(Model):
    """Something that is asked of an escalation, and by whom."""

    by: Actor
    reason: str = ""


class AcknowledgePage(PageCommand):
    """The signal `acknowledge`: somebody has it."""

    # Said by the incident, which has looked already whether they may.
    is_counted: bool = False


class StopEscalation(PageCommand):
    """The signal `stop`: no answer is needed any more."""


PAGE_COMMANDS: dict[str, type[PageCommand]] = {"acknowledge": AcknowledgePage, "stop": StopEscalation}

EscalationStart.model_rebuild()
