"""Saving what workflows tell: entries once each with a rising `seq`, pictures newest wins. Called by `record.save`.

The one thing to know: savers of one incident stand in line at its counter row, so a reader that has seen `seq` 7
never finds a 6 appearing later. That is what live timelines rely on. What is known of a picture already is not written
again: most saves bring a line, and a picture that lists, search and insight say nothing else of.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.record import NumberedEntry, Projection, RecordBatch
from store.columns import columns_of, microseconds, storable
from store.database import Database
from store.deriving import derive, says_otherwise
from store.tables import picture_services, pictures, timeline_counters, timeline_entries


class SqlRecord:
    """The sink behind the activity `record.save`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, batch: RecordBatch) -> None:
        """Save a batch in one transaction; idempotent, in any order. Transient when the database is away."""
        if not batch.entries and not batch.projections:
            return
        async with self._database.writing() as connection:
            # Always in the same order, counters before pictures, so that two savers cannot wait for each other.
            lines: list[tuple[NumberedEntry, int]] = []
            for incident_id, entries in _by_incident(batch.entries):
                lines += await _save_entries(connection, batch.origin, incident_id, entries)
            telling = [
                (batch.origin, projection)
                for projection in sorted(batch.projections, key=lambda p: (p.kind, p.id))
                if await _save_picture(connection, batch.origin, projection)
            ]
            # Search and insight are in step with the record, because they are part of the same transaction.
            await derive(connection, telling, lines)


def upsert(connection: AsyncConnection) -> Any:
    """The dialect's own INSERT, which both spell `ON CONFLICT`."""
    return sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert


def _by_incident(entries: Iterable[NumberedEntry]) -> list[tuple[str | None, list[NumberedEntry]]]:
    groups: dict[str | None, list[NumberedEntry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda e: e.number):
        groups[entry.incident_id].append(entry)
    return sorted(groups.items(), key=lambda item: item[0] or "")


async def _save_entries(
    connection: AsyncConnection, origin: str, incident_id: str | None, entries: Sequence[NumberedEntry]
) -> list[tuple[NumberedEntry, int]]:
    """Save those that are new; the answer has them with their `seq`, where they have one."""
    last_seq = None if incident_id is None else await _lock_counter(connection, incident_id, len(entries))
    fresh = await _not_yet_saved(connection, origin, entries)
    if last_seq is not None and len(fresh) < len(entries):
        # Saved again, some or all of it: numbers that nobody has are given back while the row is still ours.
        row = timeline_counters.c.incident_id == incident_id
        await connection.execute(update(timeline_counters).where(row).values(last_seq=last_seq + len(fresh)))
    if not fresh:
        return []
    rows = []
    saved: list[tuple[NumberedEntry, int]] = []
    for place, numbered in enumerate(fresh, start=1):
        seq = None if last_seq is None else last_seq + place
        rows.append(_entry_row(origin, numbered, seq))
        if seq is not None:
            saved.append((numbered, seq))
    # Entries without an incident have no counter to stand in line at: the same one from two savers is dropped here.
    await connection.execute(upsert(connection)(timeline_entries).on_conflict_do_nothing(), rows)
    return saved


async def _lock_counter(connection: AsyncConnection, incident_id: str, count: int) -> int:
    """Lock the incident's counter until the transaction ends, move it on, and tell where it stood."""
    statement = upsert(connection)(timeline_counters).values(incident_id=incident_id, last_seq=count)
    statement = statement.on_conflict_do_update(
        index_elements=[timeline_counters.c.incident_id],
        set_={"last_seq": timeline_counters.c.last_seq + statement.excluded.last_seq},
    ).returning(timeline_counters.c.last_seq)
    return int((await connection.execute(statement)).scalar_one()) - count


async def _not_yet_saved(
    connection: AsyncConnection, origin: str, entries: Sequence[NumberedEntry]
) -> list[NumberedEntry]:
    numbers = [entry.number for entry in entries]
    table = timeline_entries.c
    known = await connection.execute(select(table.number).where(table.origin == origin, table.number.in_(numbers)))
    saved = set(known.scalars())
    # A batch may hold a number twice; the first one stands.
    return list({entry.number: entry for entry in reversed(entries) if entry.number not in saved}.values())[::-1]


def _entry_row(origin: str, numbered: NumberedEntry, seq: int | None) -> dict[str, Any]:
    entry = numbered.entry
    return {
        "origin": storable(origin),
        "number": numbered.number,
        "incident_id": numbered.incident_id,
        "seq": seq,
        "at": microseconds(entry.at),
        "kind": entry.kind.value,
        "document": _json(entry.model_dump(mode="json")),
    }


async def _save_picture(connection: AsyncConnection, origin: str, projection: Projection) -> bool:
    """Save it unless a newer one is there; answers whether search and insight have to know."""
    before = await _lock_picture(connection, projection)
    if before is not None and before.version >= projection.version:
        return False
    columns = columns_of(projection.kind, projection.id, projection.document)
    values = {
        "version": projection.version,
        "incident_id": projection.incident_id,
        "state": columns.state,
        "severity": columns.severity,
        "owner": columns.owner,
        "title": columns.title,
        "at": columns.at,
        "due_at": columns.due_at,
        "is_open": columns.is_open,
        "is_drill": columns.is_drill,
        "rank": columns.rank,
        "search": columns.search,
        "document": _json(projection.document),
    }
    statement = upsert(connection)(pictures).values(kind=projection.kind.value, id=projection.id, **values)
    statement = statement.on_conflict_do_update(
        index_elements=[pictures.c.kind, pictures.c.id],
        set_={name: statement.excluded[name] for name in values},
        where=pictures.c.version < statement.excluded.version,
    ).returning(pictures.c.id)
    # Another saver may have made the row since it was looked for.
    if (await connection.execute(statement)).scalar_one_or_none() is None:
        return False
    if before is None or columns_of(before.kind, before.id, before.document).services != columns.services:
        await _save_services(connection, projection, columns.services)
    return before is None or says_otherwise(origin, before, projection)


async def _lock_picture(connection: AsyncConnection, projection: Projection) -> Projection | None:
    """The picture that is there, which nobody else changes until the transaction ends; SQLite has one writer anyway."""
    table = pictures.c
    query = select(table.version, table.incident_id, table.document)
    query = query.where(table.kind == projection.kind.value, table.id == projection.id).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    return Projection(
        kind=projection.kind, id=projection.id, version=row.version, incident_id=row.incident_id, document=row.document
    )


async def _save_services(connection: AsyncConnection, projection: Projection, services: tuple[str, ...]) -> None:
    table = picture_services.c
    mine = tuple_(table.kind, table.id) == (projection.kind.value, projection.id)
    await connection.execute(delete(picture_services).where(mine))
    if services:
        rows = [{"kind": projection.kind.value, "id": projection.id, "service": service} for service in services]
        await connection.execute(insert(picture_services), rows)


def _json(document: dict[str, Any]) -> dict[str, Any]:
    """The document without what PostgreSQL refuses inside text; SQLite would take it, but both shall say the same."""
    cleaned = json.loads(json.dumps(document), parse_constant=str)
    return _clean_object(cleaned)


def _clean_object(value: dict[str, Any]) -> dict[str, Any]:
    return {storable(key): _clean(item) for key, item in value.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return _clean_object(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value
