"""Triage: what an alert group knows after each delivery, and whether that is an incident. Pure.

Called by `workflows/alert_group.py`. The one thing to know: nothing here waits. `fold` takes deliveries in, `judge`
says with a named reason what they amount to now, and when it is worth looking again.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from domain.alert import Alert, AlertBatch, AlertGroupState, AlertStatus, GroupStatus, RoutedAs, SeenAlert
from domain.configuration import Declaration
from domain.durations import format_duration
from domain.game_day import ActiveDrill
from domain.model import Model
from domain.routing import matches, worst_severity

# Alerts of a group that are kept with their labels and texts: more than anybody reads, and with _KEPT_TEXT each at most
# 600 kB, well below the engine's 2 MB for one payload.
LISTED_ALERTS = 200
# Fingerprints (up to 32 characters) of alerts that fire besides; a webhook body within its limit holds about this many.
ALSO_FIRING = 10_000
# Characters of labels, and again of annotations, that a group keeps of one alert. Temporal's history has all of it.
_KEPT_TEXT = 1_500
_CUT = "… (cut)"


class Decision(StrEnum):
    """What is to be done about a group now."""

    WAIT = "wait"
    PROPOSE = "propose"
    DECLARE = "declare"
    FORWARD = "forward"


class Reason(StrEnum):
    """Why; every judgement has one."""

    SUPPRESSED = "suppressed"
    NOTHING_FIRING = "nothing_firing"
    BELOW_MINIMUM_SEVERITY = "below_minimum_severity"
    BELOW_COUNT = "below_count"
    NOT_FIRING_LONG_ENOUGH = "not_firing_long_enough"
    THRESHOLD_MET = "threshold_met"
    THRESHOLD_MET_ASK = "threshold_met_ask_a_person"
    ALREADY_INCIDENT = "already_incident"
    DECLINED = "declined"


class Judgement(Model):
    """What a group amounts to now."""

    decision: Decision
    reason: Reason
    # A sentence for the person who looks at the group.
    explanation: str
    # When the judgement changes if nothing else happens; None: only when something happens.
    look_again_at: datetime | None = None


def fold(state: AlertGroupState, batch: AlertBatch) -> AlertGroupState:
    """Take a delivery in. The last word about an alert wins; the same alert again is counted, not doubled."""
    at = batch.received_at
    listing = _Listing(state)
    for alert in batch.alerts:
        listing.take(alert, at)
    firing = listing.firing
    routed_as = _routed(state, batch, listing)
    enough = firing > 0 and firing >= routed_as.route.threshold.count
    folded = state.model_copy(
        update={
            "sender": batch.sender,
            "labels": batch.labels,
            "routed_as": routed_as,
            "alerts": tuple(listing.listed.values()),
            "also_firing": tuple(listing.also_firing),
            "firing": firing,
            "firing_since": (state.firing_since or at) if firing else None,
            "enough_since": (state.enough_since or at) if enough else None,
            "count": state.count + sum(alert.status is AlertStatus.FIRING for alert in batch.alerts),
            "left_out": batch.left_out + len(listing.also_firing) + listing.overflow,
            "first_seen": min(state.first_seen or at, at),
            "last_seen": max(state.last_seen or at, at),
            "cleared_at": None if firing else (state.cleared_at or at),
        }
    )
    return folded.model_copy(update={"title": title_of(folded)})


def judge(state: AlertGroupState, now: datetime) -> Judgement:
    """What the group amounts to at this time, by the written threshold of its route."""
    if state.incident_id is not None:
        text = f"belongs to incident {state.incident_id}"
        return Judgement(decision=Decision.FORWARD, reason=Reason.ALREADY_INCIDENT, explanation=text)
    if state.declined_by is not None:
        text = f"{state.declined_by.name} declined it ({state.declined_because}); quiet until it has cleared"
        return _wait(Reason.DECLINED, text)
    if state.routed_as is None or state.firing == 0:
        return _wait(Reason.NOTHING_FIRING, "nothing fires any more" if state.count else "nothing has fired yet")
    return _by_threshold(state, state.routed_as, now)


def judged(state: AlertGroupState, judgement: Judgement) -> AlertGroupState:
    """The state with the judgement written into it, for people to see."""
    return state.model_copy(
        update={
            "status": _status(state, judgement),
            "reason": judgement.reason.value,
            "explanation": judgement.explanation,
        }
    )


def ends_at(state: AlertGroupState, reopen_window: timedelta) -> datetime | None:
    """When the group is over if nothing fires again until then; None while something fires."""
    return state.cleared_at + reopen_window if state.cleared_at is not None else None


def firing_alerts(state: AlertGroupState) -> list[SeenAlert]:
    """The listed alerts that fire, longest first."""
    firing = [alert for alert in state.alerts if alert.status is AlertStatus.FIRING]
    return sorted(firing, key=lambda alert: alert.firing_since or alert.first_seen)


def new_episode(state: AlertGroupState) -> AlertGroupState:
    """The same group without its former incident: what fires now is judged by itself."""
    return state.model_copy(
        update={
            "incident_id": None,
            "game_day_id": None,
            "game_day_workflow": None,
            "declined_by": None,
            "declined_because": "",
            "first_seen": state.firing_since or state.last_seen,
        }
    )


def title_of(state: AlertGroupState) -> str:
    """What a person would call the group: its longest-firing alert, and how many more."""
    firing = firing_alerts(state)
    first = firing[0].title if firing else (state.title or (state.alerts[0].title if state.alerts else ""))
    more = state.firing - 1
    # The title of a cleared group stays the one it had while it fired.
    return f"{first} (and {more} more)" if firing and more > 0 else first


def explains(drill: ActiveDrill, service: str | None, labels: Mapping[str, str]) -> bool:
    """Whether a game day would explain these alerts: all that it says must hold, and it must say something.

    A doubt means a real incident: taking a real one for a drill is the worse mistake.
    """
    if not drill.match and drill.service is None:
        return False
    return matches(drill.match, labels) and drill.service in {None, service}


def shown(state: AlertGroupState) -> AlertGroupState:
    """The group as people see it and the store keeps it: without the bare fingerprints, which `left_out` counts."""
    return state.model_copy(update={"also_firing": ()})


class _Listing:
    """The alerts of a group while a batch is taken in."""

    def __init__(self, state: AlertGroupState) -> None:
        self.listed = {alert.fingerprint: alert for alert in state.alerts}
        self.also_firing = dict.fromkeys(state.also_firing)
        # Firing alerts that not even their fingerprint was kept of.
        self.overflow = 0

    @property
    def firing(self) -> int:
        """Distinct alerts that fire now."""
        return len(self.also_firing) + sum(alert.status is AlertStatus.FIRING for alert in self.listed.values())

    def take(self, alert: Alert, at: datetime) -> None:
        """One alert as delivered."""
        known = self.listed.get(alert.fingerprint)
        is_firing = alert.status is AlertStatus.FIRING
        if known is not None:
            if not _is_about_an_earlier_firing(known, alert):
                self.listed[alert.fingerprint] = _seen_again(known, alert, at)
        elif alert.fingerprint in self.also_firing:
            if not is_firing:
                del self.also_firing[alert.fingerprint]
        elif len(self.listed) < LISTED_ALERTS or (is_firing and self._drop_a_resolved_one()):
            self.listed[alert.fingerprint] = _seen_first(alert, at)
        elif is_firing and len(self.also_firing) < ALSO_FIRING:
            self.also_firing[alert.fingerprint] = None
        elif is_firing:
            self.overflow += 1

    def _drop_a_resolved_one(self) -> bool:
        resolved = next((a.fingerprint for a in self.listed.values() if a.status is AlertStatus.RESOLVED), None)
        return resolved is not None and self.listed.pop(resolved, None) is not None


def _is_about_an_earlier_firing(known: SeenAlert, alert: Alert) -> bool:
    # Of two Alertmanagers one may lag: its "resolved" of the last firing must not clear the present one.
    if alert.status is AlertStatus.FIRING or known.status is AlertStatus.RESOLVED or known.starts_at is None:
        return False
    return alert.ends_at is not None and alert.ends_at <= known.starts_at


def _seen_first(alert: Alert, at: datetime) -> SeenAlert:
    is_firing = alert.status is AlertStatus.FIRING
    return SeenAlert(
        fingerprint=alert.fingerprint,
        title=_cut(alert.title, 300),
        status=alert.status,
        count=int(is_firing),
        first_seen=at,
        last_seen=at,
        firing_since=at if is_firing else None,
        labels=_labels_that_fit(alert.labels),
        annotations=_annotations_that_fit(alert.annotations),
        source_url=alert.source_url,
        starts_at=alert.starts_at,
    )


def _seen_again(known: SeenAlert, alert: Alert, at: datetime) -> SeenAlert:
    if alert.status is AlertStatus.RESOLVED:
        return known.model_copy(
            update={"status": AlertStatus.RESOLVED, "last_seen": max(known.last_seen, at), "firing_since": None}
        )
    # The newest texts are shown: a value in an annotation changes with every delivery.
    return _seen_first(alert, at).model_copy(
        update={
            "count": known.count + 1,
            "first_seen": min(known.first_seen, at),
            "last_seen": max(known.last_seen, at),
            "firing_since": known.firing_since or at,
            "starts_at": alert.starts_at or known.starts_at,
        }
    )


def _routed(state: AlertGroupState, batch: AlertBatch, listing: _Listing) -> RoutedAs:
    routed_as = batch.routed_as
    firing = [alert.labels for alert in listing.listed.values() if alert.status is AlertStatus.FIRING]
    named = [worst_severity(routed_as.route, firing)] if firing else []
    if not firing or any(alert.status is AlertStatus.FIRING for alert in batch.alerts):
        named.append(routed_as.severity)
    if not listing.firing and state.routed_as is not None:
        named = [state.routed_as.severity]
    return routed_as.model_copy(update={"severity": min(named, key=lambda severity: severity.rank)})


def _by_threshold(state: AlertGroupState, routed_as: RoutedAs, now: datetime) -> Judgement:
    route, threshold = routed_as.route, routed_as.route.threshold
    alerts = "1 alert" if state.firing == 1 else f"{state.firing} alerts"
    if route.suppress:
        return _wait(Reason.SUPPRESSED, f"{alerts} firing; route {route.name} only counts and shows them")
    if not routed_as.severity.is_at_least(threshold.minimum_severity):
        text = f"{routed_as.severity}; becomes an incident from {threshold.minimum_severity}"
        return _wait(Reason.BELOW_MINIMUM_SEVERITY, text)
    if state.firing < threshold.count or state.enough_since is None:
        text = f"{alerts} firing; becomes an incident when {threshold.count} fire at once"
        return _wait(Reason.BELOW_COUNT, text)
    since, due_at = state.enough_since, state.enough_since + threshold.lasting
    lasting = format_duration(timedelta(seconds=max(0, int((now - since).total_seconds()))))
    if now < due_at:
        text = (
            f"firing for {lasting}; becomes an incident after {format_duration(threshold.lasting)}"
            f" (at {due_at:%H:%M:%S} UTC)"
        )
        return Judgement(
            decision=Decision.WAIT, reason=Reason.NOT_FIRING_LONG_ENOUGH, explanation=text, look_again_at=due_at
        )
    text = f"{alerts} firing for {lasting}; the threshold of route {route.name} is met"
    if route.declare is Declaration.PROPOSE:
        text += "; a person decides whether this is an incident"
        return Judgement(decision=Decision.PROPOSE, reason=Reason.THRESHOLD_MET_ASK, explanation=text)
    return Judgement(decision=Decision.DECLARE, reason=Reason.THRESHOLD_MET, explanation=text)


def _wait(reason: Reason, explanation: str) -> Judgement:
    return Judgement(decision=Decision.WAIT, reason=reason, explanation=explanation)


def _status(state: AlertGroupState, judgement: Judgement) -> GroupStatus:
    match judgement.reason:
        case Reason.SUPPRESSED:
            return GroupStatus.SUPPRESSED
        case Reason.DECLINED:
            return GroupStatus.DECLINED
        case Reason.NOTHING_FIRING:
            return GroupStatus.CLEARED
        case Reason.ALREADY_INCIDENT:
            return GroupStatus.INCIDENT if state.firing else GroupStatus.CLEARED
        case Reason.THRESHOLD_MET_ASK:
            return GroupStatus.PROPOSED
        case _:
            return GroupStatus.TRIAGE


def _labels_that_fit(labels: Mapping[str, str]) -> dict[str, str]:
    # A label is dropped rather than cut: a cut one would fill a wrong value into a runbook's parameter.
    kept: dict[str, str] = {}
    room = _KEPT_TEXT
    for name, value in labels.items():
        room -= len(name) + len(value)
        if room < 0:
            break
        kept[name] = value
    return kept


def _annotations_that_fit(annotations: Mapping[str, str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    room = _KEPT_TEXT
    for name, value in annotations.items():
        room -= len(name)
        if room <= len(_CUT):
            break
        kept[name] = _cut(value, room)
        room -= len(kept[name])
    return kept


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - len(_CUT)] + _CUT
