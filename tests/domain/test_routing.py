"""Whose an alert is, how bad it is, which alerts belong together, and what labels may do to parameters: nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.configuration import Configuration, Declaration, Route
from domain.routing import UNROUTED, fill_parameters, group_labels, route_alert, worst_severity
from domain.severity import IncidentType, Severity


def configuration(*routes: dict[str, Any]) -> Configuration:
    """Two services and these routes."""
    return Configuration.model_validate(
        {"services": {"shop": {"name": "Shop"}, "mail": {"name": "Mail"}}, "routes": list(routes)}
    )


def test_the_first_route_that_matches_wins():
    """Order in the file is order of precedence."""
    taken = route_alert(
        configuration(
            {"name": "other", "match": {"team": "mail"}, "service": "mail"},
            {
                "name": "first",
                "match": {"alertname": "~Shop.*"},
                "service": "shop",
                "severity": "SEV-1",
                "type": "data",
            },
            {"name": "second", "match": {}, "service": "mail"},
        ),
        {"alertname": "ShopDown", "severity": "info"},
    )
    assert (taken.route.name, taken.service, taken.severity, taken.type) == (
        "first",
        "shop",
        Severity.SEV1,
        IncidentType.DATA,
    )


@pytest.mark.parametrize(
    ("wanted", "value", "matches"),
    [
        ("down", "down", True),
        ("down", "Down", False),
        ("~down", "down", True),
        ("~down", "shutdown", False),
        ("~.*down", "shutdown", True),
        ("~a|b", "ab", False),
        ("", None, True),
        ("", "set", False),
        ("~", None, True),
        ("~.+", None, False),
    ],
)
def test_a_value_matches_in_full_or_not_at_all(wanted: str, value: str | None, matches: bool):
    """A pattern must match the whole value; an absent label counts as empty, as in Prometheus."""
    labels = {} if value is None else {"x": value}
    taken = route_alert(configuration({"name": "it", "match": {"x": wanted}}), labels)
    assert (taken.route.name == "it") is matches


def test_what_no_route_matches_is_proposed_to_a_person():
    """Neither dropped nor declared by itself; a known service and a severity that the labels name are kept."""
    taken = route_alert(configuration(), {"service": "shop", "severity": "critical"})
    assert taken.route.name == UNROUTED
    assert taken.route.declare is Declaration.PROPOSE
    assert not taken.route.suppress
    assert (taken.service, taken.severity) == ("shop", Severity.SEV1)


def test_an_unknown_service_and_an_unknown_severity_are_not_believed():
    """Labels come from strangers: no service, and moderate until a person says otherwise."""
    taken = route_alert(configuration(), {"service": "nope", "severity": "apocalyptic"})
    assert (taken.service, taken.severity) == (None, Severity.SEV3)


def test_a_broken_pattern_is_refused_when_the_file_is_read():
    """The one who wrote it reads where and why."""
    with pytest.raises(ValidationError, match=r"alertname: '\(\[' is not a regular expression"):
        configuration({"name": "broken", "match": {"alertname": "~(["}})


def test_the_worst_label_counts_unless_the_route_says():
    """A group is as bad as its worst alert."""
    labels = [{"severity": "info"}, {"severity": "critical"}, {}]
    assert worst_severity(Route(name="r"), labels) is Severity.SEV1
    assert worst_severity(Route(name="r", severity=Severity.SEV4), labels) is Severity.SEV4
    assert worst_severity(Route(name="r"), []) is Severity.SEV3


def test_grouping_is_the_routes_then_the_senders_then_by_name():
    """The first of the three that says anything."""
    labels = {"alertname": "Down", "zone": "a"}
    assert group_labels(Route(name="r", group_by=("zone", "rack")), labels, {"x": "y"}) == {"zone": "a", "rack": ""}
    assert group_labels(Route(name="r"), labels, {"x": "y"}) == {"x": "y"}
    assert group_labels(Route(name="r"), labels, {}) == {"alertname": "Down"}
    assert group_labels(Route(name="r"), {"zone": "a"}, {}) == {}


def test_labels_are_copied_into_parameters():
    """Texts are filled in; other values stay as they are."""
    filled = fill_parameters(
        {"host": "{labels.instance}:{labels.port}", "n": 3, "on": True}, {"instance": "a", "port": "1"}
    )
    assert filled.values == {"host": "a:1", "n": 3, "on": True}
    assert filled.missing == ()


def test_a_missing_label_is_named():
    """A runbook must not start with a hole in its parameters."""
    assert fill_parameters({"host": "{labels.instance}"}, {"instance": ""}).missing == ("instance",)


@given(st.text())
def test_a_label_is_text_whatever_it_says(hostile: str):
    """Neither templates nor placeholders in a label's value are looked at."""
    labels = {"x": hostile + "{labels.secret}{{ ''.__class__ }}", "secret": "no"}
    assert fill_parameters({"p": "<{labels.x}>"}, labels).values == {"p": f"<{labels['x']}>"}


@given(st.dictionaries(st.text(), st.text()))
def test_every_alert_goes_somewhere(labels: dict[str, str]):
    """Routing never fails and never drops."""
    routes = ({"name": "shop", "match": {"alertname": "~Shop.*"}, "service": "shop"},)
    assert route_alert(configuration(*routes), labels).route.name in {"shop", UNROUTED}
