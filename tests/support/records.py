"""Makes entries and pictures for tests of the store; only what a test is about is spelled out."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.record import NumberedEntry, Projection, ProjectionKind, RecordBatch
from domain.timeline import Entry, EntryKind, automation

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def entry(number: int, summary: str = "", incident_id: str | None = "inc-1", **details: Any) -> NumberedEntry:
    """A timeline entry, `number` minutes after the start."""
    line = Entry(
        at=START + timedelta(minutes=number),
        kind=EntryKind.NOTE,
        actor=automation("test"),
        summary=summary or f"entry {number}",
        details=details,
    )
    return NumberedEntry(number=number, entry=line, incident_id=incident_id)


def batch(origin: str, *entries: NumberedEntry, pictures: tuple[Projection, ...] = ()) -> RecordBatch:
    """What one workflow saves at once."""
    return RecordBatch(origin=origin, entries=entries, projections=pictures)


def picture(
    kind: ProjectionKind, id_: str, version: int = 1, incident_id: str | None = "inc-1", **document: Any
) -> Projection:
    """A picture with the given document."""
    return Projection(kind=kind, id=id_, version=version, incident_id=incident_id, document={"id": id_, **document})


def incident(id_: str, minutes: int = 0, version: int = 1, **document: Any) -> Projection:
    """An incident declared some minutes after the start."""
    declared_at = (START + timedelta(minutes=minutes)).isoformat()
    body = {"title": f"title of {id_}", "status": "investigating", "severity": "SEV-2", "services": ["checkout"]}
    body |= {"declared_at": declared_at, "drill": False} | document
    return picture(ProjectionKind.INCIDENT, id_, version, id_, **body)
