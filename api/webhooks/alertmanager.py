"""Prometheus Alertmanager's webhook, version 4 and its relatives, as really sent: a pure function from body to alerts.

Called by `api/webhooks/routes.py` through the registry. Seen in the wild and accepted: `version` missing or "3",
`groupKey` a number, no fingerprint, no status, null annotations, `endsAt` of the year 1, firing and resolved mixed.
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from datetime import datetime
from typing import Any

from api.webhooks import documents
from api.webhooks.documents import Delivery
from domain.alert import Alert, AlertStatus
from domain.errors import Rejected

_NAME = "Alertmanager"


def parse(body: bytes, received_at: datetime) -> Delivery:
    """Every alert in the body; Rejected says what is not Alertmanager's, and where."""
    document = documents.json_object(body, _NAME)
    if "alerts" not in document:
        raise Rejected(f"alerts is missing; this is not what {_NAME} sends (is another sender using this address?)")
    common = documents.texts(document.get("commonLabels"), "commonLabels")
    of_all = _status(document.get("status"), "status")
    alerts = tuple(
        _alert(each, f"alerts[{number}]", common, of_all, received_at)
        for number, each in enumerate(documents.objects(document["alerts"], "alerts"))
    )
    groups_by, _ = documents.fit(documents.texts(document.get("groupLabels"), "groupLabels"), {})
    left_out = documents.count(document.get("truncatedAlerts"), "truncatedAlerts")
    return Delivery(alerts=alerts, groups_by=groups_by, left_out=left_out)


def _alert(
    given: dict[str, Any], place: str, common: dict[str, str], of_all: AlertStatus | None, received_at: datetime
) -> Alert:
    if "labels" not in given and not common:
        raise Rejected(f"{place}.labels is missing; every alert of {_NAME} has labels")
    all_labels = documents.texts(given.get("labels"), f"{place}.labels") or common
    labels, annotations = documents.fit(all_labels, documents.texts(given.get("annotations"), f"{place}.annotations"))
    ends_at = documents.time(given.get("endsAt"), f"{place}.endsAt")
    return Alert(
        fingerprint=documents.short_fingerprint(
            documents.text(given.get("fingerprint"), f"{place}.fingerprint"), all_labels
        ),
        status=_status(given.get("status"), f"{place}.status") or _status_by_end(ends_at, of_all, received_at),
        labels=labels,
        annotations=annotations,
        starts_at=documents.time(given.get("startsAt"), f"{place}.startsAt"),
        ends_at=ends_at,
        source_url=documents.link(given.get("generatorURL"), f"{place}.generatorURL"),
    )


def _status(value: Any, place: str) -> AlertStatus | None:
    said = documents.text(value, place)
    if not said:
        return None
    try:
        return AlertStatus(said.lower())
    except ValueError as error:
        raise Rejected(f"{place} is {said[:80]!r}; {_NAME} says firing or resolved") from error


def _status_by_end(ends_at: datetime | None, of_all: AlertStatus | None, received_at: datetime) -> AlertStatus:
    # Older versions give an alert no status of its own: one that has ended is resolved, else all are what the group is.
    if ends_at is not None and ends_at <= received_at:
        return AlertStatus.RESOLVED
    return of_all or AlertStatus.FIRING
