"""Notifications as Alertmanager writes them."""

from typing import Any


def alert(name: str = "ShopDown", status: str = "firing", **fields: Any) -> dict[str, Any]:
    """As Alertmanager writes it."""
    return {
        "status": status,
        "labels": {"alertname": name, "service": "shop"},
        "annotations": {"summary": f"{name}!"},
        "startsAt": "2026-11-22T11:59:00.012771244Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": f"fp-{name}",
        **fields,
    }


def body(*alerts: Any, **fields: Any) -> dict[str, Any]:
    """A notification."""
    return {
        "version": "4",
        "groupKey": '{}:{service="shop"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "hotwash",
        "groupLabels": {"service": "shop"},
        "commonLabels": {"service": "shop"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "alerts": list(alerts),
        **fields,
    }
