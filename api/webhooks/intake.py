"""From alerts to alert groups, durably: when `deliver` returns, Temporal holds every alert; no worker is needed for it.

Called by `api/webhooks/routes.py`. The one thing to know: a delivery may be cut off half-way by a failure and sent
again by the sender, so everything here may happen twice; the groups count a repeated alert and do not double it.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from temporalio.client import Client
from temporalio.service import RPCError

from api.errors import to_domain_error
from api.webhooks.documents import Delivery
from domain.alert import Alert, AlertBatch, AlertGroupStart, AlertStatus, RoutedAs
from domain.configuration import Configuration
from domain.errors import Transient
from domain.ids import alert_group_id, alert_group_workflow_id
from domain.policy import Policy
from domain.routing import group_labels, route_alert, worst_severity
from workflows.alert_group import AlertGroup
from workflows.options import CONTROL_QUEUE

# Bytes of alerts in one signal: below the 256 KiB at which Temporal warns, with room for route and labels.
CHUNK_BYTES = 180_000
# Signals under way at once. The engine takes about 410 a second from 50 clients and hardly more from 100 (temporal.md).
SIGNALS_AT_ONCE = 50
# One signal takes 5 to 13 ms; the SDK would try for ten seconds, and a sender that hears 503 tries again by itself.
SIGNAL_WITHIN = timedelta(seconds=5)
_AWAY = "the engine (Temporal) does not take alerts now; send them again"


@dataclass(slots=True)
class _Group:
    labels: dict[str, str]
    routed_as: RoutedAs
    alerts: list[Alert] = field(default_factory=list)


async def deliver(
    client: Client,
    configuration: Configuration,
    sender: str,
    delivery: Delivery,
    *,
    received_at: datetime,
    slots: asyncio.Semaphore,
) -> list[str]:
    """Signal every group of the delivery, starting it where needed; returns the groups' ids.

    Raises Transient when the engine does not take all of it; then the sender must send all of it again.
    """
    batches = sort_into_batches(configuration, sender, delivery, received_at)
    failures: ExceptionGroup[Transient] | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            for group_id, chunks in batches.items():
                tasks.create_task(_send_in_order(client, configuration.policy, group_id, chunks, slots))
    except* Transient as group:
        failures = group
    # Raised out here, because the first releases of Python 3.11 wrap what is raised inside `except*` into a group.
    if failures is not None:
        raise Transient(_AWAY) from failures
    return list(batches)


def sort_into_batches(
    configuration: Configuration, sender: str, delivery: Delivery, received_at: datetime
) -> dict[str, list[AlertBatch]]:
    """The delivery as the engine is to get it: per group, in pieces that fit into a signal. Pure."""
    groups: dict[str, _Group] = {}
    for alert in delivery.alerts:
        routed_as = route_alert(configuration, alert.labels)
        labels = group_labels(routed_as.route, alert.labels, delivery.groups_by)
        group_id = alert_group_id(sender, routed_as.route.name, labels)
        groups.setdefault(group_id, _Group(labels, routed_as)).alerts.append(alert)
    return {
        group_id: [
            AlertBatch(
                group_id=group_id,
                sender=sender,
                labels=group.labels,
                routed_as=_as_bad_as_the_worst(group),
                alerts=chunk,
                received_at=received_at,
                left_out=delivery.left_out,
            )
            for chunk in chunks_of(group.alerts)
        ]
        for group_id, group in groups.items()
    }


def chunks_of(alerts: Sequence[Alert]) -> Iterator[tuple[Alert, ...]]:
    """The alerts in pieces of at most CHUNK_BYTES; what ends up firing comes first, so that no piece seems to clear."""
    size, chunk = 0, list[Alert]()
    for alert in _firing_first(alerts):
        length = len(alert.model_dump_json())
        if chunk and size + length > CHUNK_BYTES:
            yield tuple(chunk)
            size, chunk = 0, []
        chunk.append(alert)
        size += length
    if chunk:
        yield tuple(chunk)


def _firing_first(alerts: Iterable[Alert]) -> list[Alert]:
    # By the last word about each alert: the order of two words about one alert stays as it is.
    given = list(alerts)
    last = {alert.fingerprint: alert.status for alert in given}
    return sorted(given, key=lambda alert: last[alert.fingerprint] is not AlertStatus.FIRING)


def _as_bad_as_the_worst(group: _Group) -> RoutedAs:
    firing = [alert.labels for alert in group.alerts if alert.status is AlertStatus.FIRING]
    severity = worst_severity(group.routed_as.route, firing or [alert.labels for alert in group.alerts])
    return group.routed_as.model_copy(update={"severity": severity})


async def _send_in_order(
    client: Client, policy: Policy, group_id: str, chunks: Sequence[AlertBatch], slots: asyncio.Semaphore
) -> None:
    for chunk in chunks:
        async with slots:
            await _send(client, policy, group_id, chunk)


async def _send(client: Client, policy: Policy, group_id: str, batch: AlertBatch) -> None:
    try:
        async with asyncio.timeout(SIGNAL_WITHIN.total_seconds()):
            await client.start_workflow(
                AlertGroup.run,
                AlertGroupStart(group_id=group_id, policy=policy),
                id=alert_group_workflow_id(group_id),
                task_queue=CONTROL_QUEUE,
                start_signal="receive",
                start_signal_args=[batch],
                rpc_timeout=SIGNAL_WITHIN,
            )
    except (RPCError, TimeoutError) as error:
        # Whatever the engine's word is, it is not the sender's fault, and 503 is what every sender repeats.
        raise Transient(_AWAY) from error
    except RuntimeError as error:
        if to_domain_error(error) is None:
            raise
        raise Transient(_AWAY) from error
