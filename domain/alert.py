"""An alert as every sender's adapter delivers it, and what an alert group knows."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from domain.configuration import Route
from domain.model import Model
from domain.policy import Policy
from domain.record import RecorderState
from domain.severity import IncidentType, Severity
from domain.timeline import Actor


class AlertStatus(StrEnum):
    """What the sender says now."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(Model):
    """One alert of one sender. Labels and annotations are hostile text: shown escaped, never evaluated."""

    # Identifies the alert among its sender's alerts; the digest of the labels when the sender gives none.
    fingerprint: str
    status: AlertStatus
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    source_url: str | None = None

    @property
    def title(self) -> str:
        """What a person would call it."""
        return (
            self.annotations.get("summary")
            or self.annotations.get("title")
            or self.labels.get("alertname")
            or f"alert {self.fingerprint}"
        )


class RoutedAs(Model):
    """What the route decided for a group; travels with each batch, so that the group needs no configuration."""

    route: Route
    service: str | None
    severity: Severity
    type: IncidentType


class AlertBatch(Model):
    """Alerts of one group that arrived together; the payload of the `receive` signal."""

    group_id: str
    sender: str
    labels: dict[str, str]
    routed_as: RoutedAs
    alerts: tuple[Alert, ...]
    received_at: datetime
    # Alerts of the same group that the sender said it left out, or that were over the limit.
    left_out: int = 0


class AlertGroupStart(Model):
    """The input of the `AlertGroup` workflow."""

    group_id: str
    policy: Policy
    # Set by continue-as-new only.
    state: "AlertGroupState | None" = None
    recorder: RecorderState | None = None


class SeenAlert(Model):
    """What a group remembers of one alert."""

    fingerprint: str
    title: str
    status: AlertStatus
    count: int
    first_seen: datetime
    last_seen: datetime
    firing_since: datetime | None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    source_url: str | None = None


class GroupStatus(StrEnum):
    """Where a group stands."""

    TRIAGE = "triage"
    PROPOSED = "proposed"
    INCIDENT = "incident"
    DECLINED = "declined"
    SUPPRESSED = "suppressed"
    CLEARED = "cleared"


class AlertGroupState(Model):
    """All that an alert group knows; also its picture in the store."""

    id: str
    sender: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    status: GroupStatus = GroupStatus.TRIAGE
    # Named reason of the last triage decision, and the sentence that explains it.
    reason: str = ""
    explanation: str = ""
    routed_as: RoutedAs | None = None
    alerts: tuple[SeenAlert, ...] = ()
    firing: int = 0
    # Deliveries of firing alerts counted, duplicates included.
    count: int = 0
    left_out: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    cleared_at: datetime | None = None
    incident_id: str | None = None
    game_day_id: str | None = None


class DeclareGroup(Model):
    """A person makes an incident of a group in triage."""

    by: Actor
    title: str | None = None
    severity: Severity | None = None
    reason: str = ""


class DeclineGroup(Model):
    """A person says that a group is no incident."""

    by: Actor
    reason: str


AlertGroupStart.model_rebuild()
