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
    # When the sender says that the present firing began; None when it does not say.
    starts_at: datetime | None = None


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
    title: str = ""
    sender: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    status: GroupStatus = GroupStatus.TRIAGE
    # Named reason of the last triage decision, and the sentence that explains it.
    reason: str = ""
    explanation: str = ""
    routed_as: RoutedAs | None = None
    alerts: tuple[SeenAlert, ...] = ()
    # Fingerprints of alerts that fire beyond those listed in `alerts`; known, so that their clearing is noticed.
    also_firing: tuple[str, ...] = ()
    firing: int = 0
    # Since when anything fires without a gap; None: nothing fires now.
    firing_since: datetime | None = None
    # Since when as many alerts fire at once as the threshold asks for, without a gap; None: fewer fire now.
    enough_since: datetime | None = None
    # Deliveries of firing alerts counted, duplicates included.
    count: int = 0
    # Alerts that fire but are not listed in `alerts`: over our limit, or left out by the sender.
    left_out: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    cleared_at: datetime | None = None
    incident_id: str | None = None
    # The game day whose fault explains these alerts; its workflow id is told about milestones.
    game_day_id: str | None = None
    game_day_workflow: str | None = None
    # Who said that this is no incident, and why.
    declined_by: Actor | None = None
    declined_because: str = ""


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


class FollowIncident(Model):
    """The group's incident was merged into another one: later alerts go there."""

    by: Actor
    incident_id: str


# The names of the Updates and signals of an alert group; `receive` (an AlertBatch) comes besides, as a signal only.
ALERT_GROUP_COMMANDS: dict[str, type[Model]] = {
    "declare": DeclareGroup,
    "decline": DeclineGroup,
    "follow": FollowIncident,
}

AlertGroupStart.model_rebuild()
