"""Alerts, batches and routes as tests need them: sensible unless told otherwise."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from domain.alert import Alert, AlertBatch, AlertStatus, RoutedAs
from domain.configuration import Route
from domain.severity import Severity

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def route(**fields: Any) -> Route:
    """A route that declares at once."""
    return Route.model_validate({"name": "shop", **fields})


def firing(fingerprint: str = "f1", **fields: Any) -> Alert:
    """An alert that fires."""
    labels = {"alertname": "ShopDown", "instance": fingerprint}
    return Alert(**{"fingerprint": fingerprint, "status": AlertStatus.FIRING, "labels": labels, **fields})


def resolved(fingerprint: str = "f1", **fields: Any) -> Alert:
    """The same alert, over."""
    return firing(fingerprint, **{"status": AlertStatus.RESOLVED, **fields})


def batch(
    alerts: Sequence[Alert],
    *,
    at: datetime = NOON,
    by: Route | None = None,
    severity: Severity = Severity.SEV2,
    group_id: str = "g1",
    left_out: int = 0,
    service: str | None = "shop",
) -> AlertBatch:
    """A delivery of these alerts."""
    taken = by or route()
    return AlertBatch(
        group_id=group_id,
        sender="alertmanager",
        labels={"alertname": "ShopDown"},
        routed_as=RoutedAs(route=taken, service=service, severity=taken.severity or severity, type=taken.type),
        alerts=tuple(alerts),
        received_at=at,
        left_out=left_out,
    )
