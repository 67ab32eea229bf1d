"""How an alert group becomes an incident, and what it tells that incident afterwards. Pure.

Called by `workflows/alert_group.py` once `domain/triage.py` has judged.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import Field

from domain.alert import (
    Alert,
    AlertBatch,
    AlertGroupState,
    AlertStatus,
    DeclareGroup,
    DeclineGroup,
    FollowIncident,
    SeenAlert,
)
from domain.errors import Rejected, RejectionKind
from domain.game_day import ActiveDrill
from domain.ids import is_incident_id
from domain.incident import AttachAlerts, IncidentContext, IncidentStart
from domain.model import Model
from domain.routing import DEFAULT_SEVERITY, fill_parameters
from domain.severity import IncidentType
from domain.timeline import Actor, ActorKind
from domain.triage import firing_alerts

# Alerts handed to an incident with their labels and texts; the group keeps the rest. 20 fit on a screen.
HANDED_ON = 20
# A title is a line in a list and a mail's subject; a summary is a paragraph.
_TITLE_CHARACTERS = 200
_SUMMARY_CHARACTERS = 2_000
# A sender that says an alert began longer ago than this is not believed about when customers were first hurt.
_BELIEVABLE_BEFORE_DETECTION = timedelta(days=1)


class Declaring(Model):
    """Everything that is known when a group is declared, besides the group itself."""

    incident_id: str
    by: Actor
    command: DeclareGroup | None = None
    context: IncidentContext
    drill: ActiveDrill | None = None


class News(Model):
    """What has changed in a group since its incident was last told."""

    # Alerts that began to fire, listed ones only.
    began: tuple[SeenAlert, ...] = ()
    # How many began in all.
    began_count: int = 0
    starts_firing: bool = False
    has_cleared: bool = False

    @property
    def is_any(self) -> bool:
        """Whether the incident must hear of it; repeated deliveries of what it knows are no news."""
        return self.began_count > 0 or self.has_cleared


def incident_start(state: AlertGroupState, declaring: Declaring) -> IncidentStart:
    """The incident that this group becomes. What a person said about it wins over route and labels."""
    routed_as, command = state.routed_as, declaring.command
    firing = firing_alerts(state) or list(state.alerts)
    runbook = runbook_of(state)
    return IncidentStart(
        id=declaring.incident_id,
        title=((command.title if command else None) or state.title or "Alerts without a name")[:_TITLE_CHARACTERS],
        severity=(command.severity if command else None) or (routed_as.severity if routed_as else DEFAULT_SEVERITY),
        type=routed_as.type if routed_as else IncidentType.OUTAGE,
        services=(routed_as.service,) if routed_as and routed_as.service else (),
        summary=_summary(firing),
        declared_by=declaring.by,
        detected_at=detected_at(state),
        impact_started_at=_impact_started_at(firing, detected_at(state)),
        drill=declaring.drill is not None,
        game_day_workflow=declaring.drill.workflow_id if declaring.drill else None,
        absence=declaring.drill.absence() if declaring.drill else None,
        alert_groups=(state.id,),
        alerts=tuple(_as_alert(alert) for alert in firing[:HANDED_ON]),
        runbook=runbook.name,
        runbook_parameters=dict(runbook.parameters),
        context=declaring.context,
    )


def detected_at(state: AlertGroupState) -> datetime | None:
    """When Hotwash first heard of what fires now, by its own clock."""
    return state.firing_since or state.first_seen


def started_at(state: AlertGroupState) -> datetime | None:
    """When what fires now began, as its sender says it; None when it does not say."""
    times = [each.starts_at for each in firing_alerts(state) if each.starts_at is not None]
    return min(times, default=None)


class RunbookChoice(Model):
    """The runbook that the route names, ready to be started, or why it is not."""

    name: str | None = None
    parameters: dict[str, str | int | float | bool] = Field(default_factory=dict)
    # A sentence for the timeline when the route's runbook is not started by itself.
    trouble: str | None = None


def runbook_of(state: AlertGroupState) -> RunbookChoice:
    """The route's runbook with its parameters; none when a label that it needs is missing."""
    route = state.routed_as.route if state.routed_as else None
    if route is None or route.runbook is None:
        return RunbookChoice()
    filled = fill_parameters(route.parameters, labels_of(state))
    if filled.missing:
        labels = ", ".join(filled.missing)
        trouble = (
            f"Runbook {route.runbook} was not started by itself: the alert has no label {labels}; start it by hand"
        )
        return RunbookChoice(trouble=trouble)
    return RunbookChoice(name=route.runbook, parameters=filled.values)


def labels_of(state: AlertGroupState) -> dict[str, str]:
    """The labels that stand for the group: those of its longest-firing alert, and what the group was made by."""
    firing = firing_alerts(state)
    return {**(firing[0].labels if firing else {}), **state.labels}


def news_between(before: AlertGroupState, after: AlertGroupState) -> News:
    """What happened to a group between two states, for its incident."""
    known = {alert.fingerprint for alert in firing_alerts(before)} | set(before.also_firing)
    began = tuple(alert for alert in firing_alerts(after) if alert.fingerprint not in known)
    also_began = len(set(after.also_firing) - known)
    return News(
        began=began,
        began_count=len(began) + also_began,
        starts_firing=before.firing == 0 and after.firing > 0,
        has_cleared=before.firing > 0 and after.firing == 0,
    )


def attachment(state: AlertGroupState, news: News) -> AttachAlerts:
    """What the incident is told about the group."""
    alerts = news.began[:HANDED_ON] if state.firing else ()
    return AttachAlerts(
        by=sender_of(state),
        group_id=state.id,
        alerts=tuple(_as_alert(alert) for alert in alerts),
        firing=state.firing > 0,
        note=_note(state, news),
    )


def sender_of(state: AlertGroupState) -> Actor:
    """Who speaks when the alerts themselves do."""
    return Actor(kind=ActorKind.ALERT, name=state.sender or "alerts")


def refuse(state: AlertGroupState, command: Model) -> None:
    """Raise Rejected when a person's command is not possible now."""
    match command:
        case DeclareGroup() if state.incident_id is not None:
            message = f"these alerts already belong to incident {state.incident_id}"
            raise Rejected(message, RejectionKind.CONFLICT)
        case DeclineGroup() if not command.reason.strip():
            raise Rejected("say why this is no incident; the reason is kept in the record")
        case DeclineGroup() if state.incident_id is not None:
            message = f"these alerts belong to incident {state.incident_id}; cancel the incident if it is none"
            raise Rejected(message, RejectionKind.CONFLICT)
        case DeclineGroup() if state.declined_by is not None:
            message = f"{state.declined_by.name} has declined this group already"
            raise Rejected(message, RejectionKind.CONFLICT)
        case FollowIncident() if not is_incident_id(command.incident_id):
            raise Rejected(f"{command.incident_id!r} is not an incident id", RejectionKind.NOT_FOUND)


def obey(state: AlertGroupState, command: Model) -> AlertGroupState:
    """The state after a command that needs nothing from outside; `declare` is carried out by the workflow."""
    match command:
        case DeclineGroup():
            return state.model_copy(update={"declined_by": command.by, "declined_because": command.reason.strip()})
        case FollowIncident():
            return state.model_copy(update={"incident_id": command.incident_id})
        case _:
            return state


def clamp(batch: AlertBatch, now: datetime) -> AlertBatch:
    """A delivery cannot come from the future: an API whose clock runs ahead must not delay a declaration."""
    return batch if batch.received_at <= now else batch.model_copy(update={"received_at": now})


def _note(state: AlertGroupState, news: News) -> str:
    if not state.firing:
        return f"All alerts of {state.title or state.id} have cleared"
    names = _names(news.began)
    if news.starts_firing:
        return f"Firing again: {names or state.title}"
    more = news.began_count - min(len(news.began), _NAMED)
    return f"More alerts: {names}" + (f" and {more} more" if more > 0 else "")


# Titles in one sentence; the incident gets the alerts besides.
_NAMED = 3


def _names(alerts: Sequence[SeenAlert]) -> str:
    return ", ".join(alert.title for alert in alerts[:_NAMED])


def _summary(alerts: Sequence[SeenAlert]) -> str:
    for alert in alerts:
        for name in ("description", "message", "details"):
            if text := alert.annotations.get(name):
                return text[:_SUMMARY_CHARACTERS]
    return ""


def _impact_started_at(alerts: Sequence[SeenAlert], detected_at: datetime | None) -> datetime | None:
    if detected_at is None:
        return None
    earliest = detected_at - _BELIEVABLE_BEFORE_DETECTION
    said = [a.starts_at for a in alerts if a.starts_at is not None and earliest <= a.starts_at <= detected_at]
    return min(said, default=detected_at)


def _as_alert(seen: SeenAlert) -> Alert:
    return Alert(
        fingerprint=seen.fingerprint,
        status=AlertStatus(seen.status),
        labels=seen.labels,
        annotations=seen.annotations,
        starts_at=seen.starts_at,
        source_url=seen.source_url,
    )
