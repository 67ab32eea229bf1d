"""What Alertmanager and its relatives really send, and what becomes of it before it reaches the engine."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.webhooks.alertmanager import parse
from api.webhooks.intake import CHUNK_BYTES, chunks_of, sort_into_batches
from domain.alert import AlertStatus
from domain.configuration import Configuration
from domain.errors import Rejected
from tests.support.alertmanager import alert, body

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def read(*alerts: Any, **fields: Any) -> Any:
    """What the parser makes of it."""
    return parse(json.dumps(body(*alerts, **fields)).encode(), NOON)


def test_version_four_as_it_should_be():
    """Every field where it belongs."""
    (seen,) = read(alert()).alerts
    assert (seen.fingerprint, seen.status, seen.title) == ("fp-ShopDown", AlertStatus.FIRING, "ShopDown!")
    assert seen.starts_at == datetime(2026, 11, 22, 11, 59, 0, 12771, tzinfo=UTC)
    assert seen.ends_at is None
    assert seen.source_url == "http://prometheus/graph"


@pytest.mark.parametrize(
    "change",
    [
        {"version": "3"},
        {"version": None},
        {"version": 4},
        {"groupKey": 5615590933959184469},
        {"groupLabels": None},
        {"commonLabels": None, "commonAnnotations": None},
        {"truncatedAlerts": None},
        {"@timestamp": "2017-02-02T19:37:22+01:00"},
    ],
)
def test_relatives_of_version_four(change: dict[str, Any]):
    """Older, newer and proxied Alertmanagers."""
    assert len(read(alert(), **change).alerts) == 1


def test_without_a_fingerprint_the_labels_identify_the_alert():
    """The same labels in any order are the same alert; other labels are another."""
    one, two, three = read(
        {"labels": {"a": "1", "b": "2"}},
        {"labels": {"b": "2", "a": "1"}, "fingerprint": ""},
        {"labels": {"a": "1"}, "fingerprint": None},
    ).alerts
    assert one.fingerprint == two.fingerprint != three.fingerprint


def test_null_annotations_and_labels_are_none():
    """Go writes null for an empty map."""
    (seen,) = read(alert(annotations=None, labels=None)).alerts
    assert seen.annotations == {}
    assert seen.labels == {"service": "shop"}


def test_firing_and_resolved_come_together():
    """Each alert has a status of its own; one without is over when it has ended, else what its group is."""
    seen = read(
        alert("A"),
        alert("B", status="resolved"),
        alert("C", status=None, endsAt="2026-11-22T11:00:00Z"),
        alert("D", status=None, endsAt="2026-11-22T13:00:00Z"),
        alert("E", status=None),
    ).alerts
    assert [each.status.value for each in seen] == ["firing", "resolved", "resolved", "firing", "firing"]
    assert read(alert(status=None), status="resolved").alerts[0].status is AlertStatus.RESOLVED


@pytest.mark.parametrize(
    "never", [None, "", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+03:00", "9999-12-31T23:59:59-05:00"]
)
def test_times_that_are_none(never: str | None):
    """Go's zero time, and what no clock can show."""
    assert read(alert(endsAt=never, startsAt=never)).alerts[0].ends_at is None


def test_hostile_texts_are_kept_as_texts():
    """Templates and tags are neither evaluated nor dropped; what cannot be stored is replaced."""
    hostile = "{{ ''.__class__ }}<script>alert(1)</script>\ud800\0"
    (seen,) = read(alert(annotations={"summary": hostile}, generatorURL="javascript:alert(1)")).alerts
    assert seen.annotations["summary"] == "{{ ''.__class__ }}<script>alert(1)</script>?\ufffd"
    assert seen.source_url is None
    assert seen.model_dump_json()


def test_endless_texts_are_cut_and_say_so():
    """A label is left out rather than cut; the annotation says how many."""
    (seen,) = read(alert(labels={"alertname": "A", "long": "x" * 100_000}, annotations={"s": "y" * 100_000})).alerts
    assert seen.labels == {"alertname": "A"}
    assert seen.annotations["s"].endswith("(cut)")
    assert seen.annotations["hotwash_left_out"].startswith("1 labels")
    many = {f"l{number}": "\x01" * 1000 for number in range(1000)}
    (seen,) = read(alert(labels=many, annotations=many)).alerts
    assert len(seen.model_dump_json()) < CHUNK_BYTES


def test_a_group_is_what_the_route_or_the_sender_groups_by():
    """And as bad as its worst firing alert."""
    configuration = Configuration.model_validate(
        {"routes": [{"name": "by-name", "match": {"team": "a"}, "group_by": ["alertname"]}]}
    )
    delivery = read(
        alert("A", labels={"team": "a", "alertname": "A", "severity": "warning"}),
        alert("B", labels={"team": "a", "alertname": "A", "severity": "critical"}),
        alert("C", labels={"team": "a", "alertname": "C", "severity": "info"}),
        alert("D", labels={"team": "b", "alertname": "D"}),
        truncatedAlerts=3,
    )
    batches = [chunk for (chunk,) in sort_into_batches(configuration, "alertmanager", delivery, NOON).values()]
    assert [(b.routed_as.route.name, b.labels, b.routed_as.severity.value, len(b.alerts)) for b in batches] == [
        ("by-name", {"alertname": "A"}, "SEV-1", 2),
        ("by-name", {"alertname": "C"}, "SEV-5", 1),
        ("unrouted", {"service": "shop"}, "SEV-3", 1),
    ]
    assert all(b.left_out == 3 for b in batches)


def test_pieces_hold_everything_once_and_what_fires_comes_first():
    """A large delivery never looks cleared in between."""
    texts = {"summary": "x" * 3000}
    alerts = read(
        *(alert(f"A{n}", status="firing" if n % 2 else "resolved", annotations=texts) for n in range(300))
    ).alerts
    pieces = list(chunks_of(alerts))
    assert len(pieces) > 1
    flat = [each for piece in pieces for each in piece]
    assert sorted(flat, key=lambda a: a.fingerprint) == sorted(alerts, key=lambda a: a.fingerprint)
    statuses = [each.status for each in flat]
    assert statuses == sorted(statuses)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "alerts",
    "status",
    "labels",
    "annotations",
    "startsAt",
    "endsAt",
    "generatorURL",
    "fingerprint",
    "groupLabels",
]


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON), st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_whatever_json_comes_is_read_or_refused_with_a_sentence(outer: dict[str, Any], inner: dict[str, Any]):
    """No other error exists, and what is read can be stored."""
    with suppress(Rejected):
        for each in parse(json.dumps({"alerts": [inner], **outer}).encode(), NOON).alerts:
            assert each.model_dump_json()
