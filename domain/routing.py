"""Routing: whose an alert is, how bad it is, and which alerts make one group. Pure; called by `api/webhooks/intake.py`.

Labels come from strangers. They are compared and copied, never evaluated, and a label that is absent counts as empty,
as it does in Prometheus.
"""

import re
from collections.abc import Iterable, Mapping

from domain.alert import RoutedAs
from domain.configuration import Configuration, Declaration, Route
from domain.model import Model
from domain.severity import Severity, severity_from_label

# The route of alerts that no route of `hotwash.yaml` matches: proposed to a person, so that nothing unknown is either
# dropped in silence or declared by itself.
UNROUTED = "unrouted"
# What an alert is when neither its route nor its label says: moderate. Somebody must look, nobody must be woken twice.
DEFAULT_SEVERITY = Severity.SEV3

_PLACEHOLDER = re.compile(r"\{labels\.([A-Za-z_][A-Za-z0-9_.-]*)\}")


def route_alert(configuration: Configuration, labels: Mapping[str, str]) -> RoutedAs:
    """The first route that matches, applied to one alert; the route `unrouted` when none does."""
    route = next((each for each in configuration.routes if matches(each.match, labels)), None)
    if route is None:
        route = Route(name=UNROUTED, declare=Declaration.PROPOSE)
    service = route.service or labels.get("service")
    return RoutedAs(
        route=route,
        service=service if service in configuration.services else None,
        severity=worst_severity(route, [labels]),
        type=route.type,
    )


def matches(match: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether the labels have every value; `~…` is a regular expression that must match in full."""
    return all(_value_matches(wanted, labels.get(name, "")) for name, wanted in match.items())


def worst_severity(route: Route, alerts: Iterable[Mapping[str, str]]) -> Severity:
    """The route's severity, else the worst that the alerts' `severity` labels name, else SEV-3."""
    if route.severity is not None:
        return route.severity
    named = [severity for labels in alerts if (severity := severity_from_label(labels.get("severity")))]
    return min(named, key=lambda severity: severity.rank, default=DEFAULT_SEVERITY)


def group_labels(route: Route, labels: Mapping[str, str], sender_groups_by: Mapping[str, str]) -> dict[str, str]:
    """What makes an alert's group: the route's `group_by`, else what the sender grouped by, else `alertname`."""
    if route.group_by:
        return {name: labels.get(name, "") for name in route.group_by}
    if sender_groups_by:
        return dict(sender_groups_by)
    return {"alertname": labels["alertname"]} if "alertname" in labels else {}


class FilledParameters(Model):
    """A route's runbook parameters with the labels filled in."""

    values: dict[str, str | int | float | bool]
    # Labels that the parameters name and the alert lacks; a runbook with a hole in it must not start by itself.
    missing: tuple[str, ...] = ()


def labels_named(value: str | float | bool) -> tuple[str, ...]:
    """The labels that a parameter's text reads."""
    return tuple(_PLACEHOLDER.findall(value)) if isinstance(value, str) else ()


def fill_parameters(parameters: Mapping[str, str | int | float | bool], labels: Mapping[str, str]) -> FilledParameters:
    """Replace `{labels.x}` by the label's text, once: what a label says is never looked at again."""
    missing: list[str] = []

    def fill(found: re.Match[str]) -> str:
        name = found.group(1)
        if not labels.get(name):
            missing.append(name)
        return labels.get(name, "")

    values = {
        key: _PLACEHOLDER.sub(fill, value) if isinstance(value, str) else value for key, value in parameters.items()
    }
    return FilledParameters(values=values, missing=tuple(dict.fromkeys(missing)))


def _value_matches(wanted: str, value: str) -> bool:
    if wanted.startswith("~"):
        # Refused where it is read when it does not compile or could take long (`label_patterns.py`).
        return re.fullmatch(wanted[1:], value) is not None
    return wanted == value
