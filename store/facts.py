"""What a picture is counted by: pure functions from a document to rows of the narrow tables of `tables_learning.py`.

Called by `store/deriving.py` while a picture is saved. A document that lacks a field is counted without it; the record
is never held up by what it cannot count.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.action_item import ActionItemStatus
from domain.alert import AlertStatus, GroupStatus
from domain.alike import significant
from domain.incident import FINISHED, IncidentStatus
from domain.insight.hygiene import hygiene_of
from domain.insight.words import Dimension
from domain.message import DeliveryStatus
from domain.record import Projection, ProjectionKind
from domain.review import FindingKind, ReviewStatus
from domain.search import words_of
from store.columns import microseconds, storable

Row = dict[str, Any]

# Not (yet, or any more) an incident of this house: statistics leave them out.
_NOT_REAL = {
    IncidentStatus.TRIAGE.value,
    IncidentStatus.DECLINED.value,
    IncidentStatus.MERGED.value,
    IncidentStatus.CANCELLED.value,
}
_FINISHED = {status.value for status in FINISHED}
_ITEM_OVER = {ActionItemStatus.DONE.value, ActionItemStatus.DROPPED.value}
_REVIEW_OVER = {ReviewStatus.REVIEWED.value, ReviewStatus.CLOSED.value, ReviewStatus.WAIVED.value}
# Labels by which alerts name whoever the trouble came from.
_VENDOR_LABELS = ("vendor", "provider")
_CHANGE_LABELS = ("change", "change_kind", "change_type")
_LONGEST_VALUE = 200
# Of a title. Whole alerts are pasted into titles; what comes later tells little.
_MOST_WORDS = 40


@dataclass(frozen=True)
class Facts:
    """The rows of one picture."""

    incident: Row | None = None
    item: Row | None = None
    promise: Row | None = None
    review: Row | None = None
    alerts: list[Row] = field(default_factory=list)
    pages: list[Row] = field(default_factory=list)
    # None: this kind of picture has no dimensions; an empty list takes away what an older one had.
    dimensions: list[Row] | None = None
    # Of an incident's title, by which others like it are found; none of a drill, or of what was no incident.
    words: list[Row] = field(default_factory=list)


def facts_of(origin: str, picture: Projection) -> Facts:
    """The rows of a picture; `origin` tells the episodes of an alert group apart."""
    known = _KINDS.get(picture.kind)
    return known(origin, picture) if known else Facts()


def _incident(_: str, picture: Projection) -> Facts:
    document = picture.document
    moments = {name: _at(document, f"{name}_at") for name in _MILESTONES}
    declared = moments["declared"]
    if declared is None:
        return Facts()
    # What was filled in for a past incident says when it was, and nothing about how long anything took.
    for assumed in _texts(document, "assumed_times"):
        moments[assumed.removesuffix("_at")] = None
    began = moments["declared"]
    state = _text(document, "status") or ""
    is_drill = document.get("drill") is True
    row: Row = {
        "incident_id": picture.id,
        "at": declared,
        "is_real": not is_drill and state not in _NOT_REAL,
        "is_drill": is_drill,
        "is_open": state not in _FINISHED,
        "is_near_miss": document.get("near_miss") is True,
        "state": state,
        "severity": _text(document, "severity") or "",
        "type": _text(document, "type") or "",
        "declared_by": _declarer(document),
        "reopened": _number(document, "reopened"),
        "to_detect": _seconds(moments["impact_started"], moments["detected"]),
        "to_acknowledge": _seconds(began, moments["acknowledged"]),
        "to_mitigate": _seconds(began, moments["mitigated"]),
        "to_resolve": _seconds(began, moments["resolved"]),
        "impact": _seconds(moments["impact_started"], moments["mitigated"]),
    }
    services = _texts(document, "services")
    found = [(Dimension.SERVICE, service) for service in services]
    if row["type"]:
        found.append((Dimension.TYPE, row["type"]))
    runs = [run for run in document.get("runs") or () if isinstance(run, dict)]
    found += [(Dimension.RUNBOOK, name) for run in runs if (name := _text(run, "runbook"))]
    # What is known of it in short is asked for as its title is, which comes first where there are too many words.
    said = f"{_text(document, 'title') or ''} {_text(document, 'summary') or ''}"
    known = words_of(said) if row["is_real"] else []
    significant_words = significant(known)
    telling = [word for word in dict.fromkeys(known) if word in significant_words]
    words = [{"incident_id": picture.id, "word": word, "at": declared} for word in telling[:_MOST_WORDS]]
    return Facts(incident=row, dimensions=_dimensions(picture, picture.id, found), words=words)


def _declarer(document: Row) -> str:
    # Who noticed a past incident is not known; the importer did not.
    if document.get("retrospective") is True:
        return ""
    return _text(_object(document, "declared_by"), "kind") or ""


_MILESTONES = ("impact_started", "detected", "declared", "acknowledged", "mitigated", "resolved")


def _alert_group(origin: str, picture: Projection) -> Facts:
    document = picture.document
    at = _at(document, "first_seen") or _at(document, "last_seen")
    if at is None:
        return Facts()
    incident_id = _text(document, "incident_id")
    seen = [each for each in document.get("alerts") or () if isinstance(each, dict)]
    counts: dict[str, int] = {}
    for each in seen:
        counts[_rule(each)] = counts.get(_rule(each), 0) + _number(each, "count")
    brought = _brought(seen)
    routed = _object(document, "routed_as")
    is_real = document.get("game_day_id") is None and document.get("status") != GroupStatus.SUPPRESSED.value
    rows = [
        {
            "origin": storable(origin),
            "rule": rule,
            "group_id": picture.id,
            "incident_id": incident_id,
            "service": _text(routed, "service"),
            "at": at,
            "deliveries": count,
            "is_real": is_real,
            "mattered": incident_id is not None,
            "is_drill": document.get("game_day_id") is not None,
            **brought[rule],
        }
        for rule, count in counts.items()
    ]
    found = [(Dimension.ALERT, rule) for rule in counts]
    for each in seen:
        labels = _object(each, "labels")
        found += [(Dimension.VENDOR, value) for name in _VENDOR_LABELS if (value := _text(labels, name))]
        found += [(Dimension.CHANGE, value) for name in _CHANGE_LABELS if (value := _text(labels, name))]
    dimensions = None if incident_id is None else _dimensions(picture, incident_id, found)
    return Facts(alerts=rows, dimensions=dimensions)


def _brought(alerts: list[Row]) -> dict[str, Row]:
    """Of each rule what all of its alerts brought along, and whether the sender said that all of them ended."""
    found: dict[str, Row] = {}
    for each in alerts:
        brought = hygiene_of(_object(each, "labels"), _object(each, "annotations"), _text(each, "source_url"))
        own = brought.model_dump() | {"is_resolved": each.get("status") == AlertStatus.RESOLVED.value}
        known = found.get(_rule(each), dict.fromkeys(own, True))
        found[_rule(each)] = {name: known[name] and value for name, value in own.items()}
    return found


def _rule(alert: Row) -> str:
    rule = _text(_object(alert, "labels"), "alertname") or _text(alert, "title") or "unnamed"
    return rule[:_LONGEST_VALUE]


def _page(_: str, picture: Projection) -> Facts:
    document = picture.document
    incident_id = _text(document, "incident_id") or picture.incident_id
    rows: dict[tuple[str, int, int], Row] = {}
    for each in document.get("deliveries") or ():
        at, person = (_at(each, "at"), _text(each, "person")) if isinstance(each, dict) else (None, None)
        if at is None or person is None or incident_id is None or each.get("status") != DeliveryStatus.DELIVERED.value:
            continue
        level, round_ = _number(each, "level"), _number(each, "round")
        row = rows.setdefault(
            (person, level, round_),
            {
                "page_id": picture.id,
                "person": person,
                "level": level,
                "round": round_,
                "incident_id": incident_id,
                "at": at,
                "is_real": True,
            },
        )
        row["at"] = min(row["at"], at)
    return Facts(pages=list(rows.values()))


def _update(_: str, picture: Projection) -> Facts:
    document = picture.document
    at, incident_id = _at(document, "at"), _text(document, "incident_id") or picture.incident_id
    if at is None or incident_id is None:
        return Facts()
    return Facts(
        promise={
            "update_id": picture.id,
            "incident_id": incident_id,
            "audience": _text(document, "audience") or "",
            "at": at,
            "promised_at": None if document.get("closing") is True else _at(document, "next_update_by"),
            "is_real": document.get("drill") is not True,
        }
    )


def _review(_: str, picture: Projection) -> Facts:
    document = picture.document
    incident_id = _text(document, "incident_id") or picture.id
    state = _text(document, "state") or ""
    signed = _object(document, "sign_off") or _object(document, "waiver")
    row: Row = {
        "incident_id": incident_id,
        "first_due_at": _at(document, "first_due_at") or _at(document, "due_at"),
        "due_at": _at(document, "due_at"),
        "finished_at": _at(signed, "at") if state in _REVIEW_OVER else None,
        "state": state,
        "extensions": _number(document, "extensions"),
        # Whether an imported review was in time is not known.
        "is_real": document.get("drill") is not True and not document.get("imported_from"),
    }
    return Facts(review=row, dimensions=_dimensions(picture, incident_id, list(_factors(document))))


def _factors(document: Row) -> Iterator[tuple[Dimension, str]]:
    for finding in document.get("findings") or ():
        if not isinstance(finding, dict) or finding.get("kind") != FindingKind.CONTRIBUTING_FACTOR.value:
            continue
        # A factor of the taxonomy where one was chosen; else its own words, which recur only when written alike.
        factor = _text(finding, "factor") or _text(finding, "category") or _text(finding, "text") or ""
        if factor.strip():
            yield Dimension.FACTOR, factor.strip()
        if change := _text(finding, "change_kind"):
            yield Dimension.CHANGE, change


def _action_item(_: str, picture: Projection) -> Facts:
    document = picture.document
    state = _text(document, "state") or ""
    return Facts(
        item={
            "item_id": picture.id,
            "incident_id": _text(document, "incident_id") or picture.incident_id or "",
            "at": _at(document, "created_at"),
            "due_at": _at(document, "due_at"),
            "finished_at": _at(document, "finished_at"),
            "state": state,
            "owner": _text(document, "owner"),
            "is_open": state not in _ITEM_OVER and document.get("imported") is not True,
            "is_real": document.get("drill") is not True,
            "extensions": _number(document, "extensions"),
            "title": (_text(document, "title") or "")[:500],
        }
    )


_KINDS: dict[ProjectionKind, Callable[[str, Projection], Facts]] = {
    ProjectionKind.INCIDENT: _incident,
    ProjectionKind.ALERT_GROUP: _alert_group,
    ProjectionKind.PAGE: _page,
    ProjectionKind.UPDATE: _update,
    ProjectionKind.REVIEW: _review,
    ProjectionKind.ACTION_ITEM: _action_item,
}


def _dimensions(picture: Projection, incident_id: str, found: list[tuple[Dimension, str]]) -> list[Row]:
    source = f"{picture.kind.value}/{picture.id}"
    if picture.kind is ProjectionKind.ALERT_GROUP:
        # The same group may open another incident later; the first one keeps its rows.
        source = f"{source}/{incident_id}"
    pairs = dict.fromkeys((dimension.value, value.strip()[:_LONGEST_VALUE]) for dimension, value in found)
    return [
        {"source": source, "dimension": dimension, "value": value, "incident_id": incident_id, "is_real": False}
        for dimension, value in pairs
        if value
    ]


def _object(document: Row, key: str) -> Row:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _text(document: Row, key: str) -> str | None:
    value = document.get(key)
    return storable(value) if isinstance(value, str) and value else None


def _texts(document: Row, key: str) -> tuple[str, ...]:
    values = document.get(key)
    if not isinstance(values, (list, tuple)):
        return ()
    return tuple(dict.fromkeys(storable(value) for value in values if isinstance(value, str)))


def _number(document: Row, key: str) -> int:
    value = document.get(key)
    return value if isinstance(value, int) else 0


def _at(document: Row, key: str) -> int | None:
    value = document.get(key)
    try:
        return microseconds(datetime.fromisoformat(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def _seconds(begin: int | None, end: int | None) -> int | None:
    # A clock that was set back, or a time corrected by hand, is no negative duration.
    return None if begin is None or end is None or end < begin else (end - begin) // 1_000_000
