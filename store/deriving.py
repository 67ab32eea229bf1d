"""Keeps search and facts in step with what is saved, inside the transaction that saves it; makes all of it anew.

Called by `store/recording.py` with the pictures and lines that were really new, and by `rebuild`. The one thing to
know: raise `VERSION` when the meaning of a derived column changes; the next migration makes everything again.
"""

from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Any

from sqlalchemy import BindParameter, Table, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.record import NumberedEntry, Projection, ProjectionKind
from domain.search import Found
from domain.timeline import Entry
from store.database import Database
from store.facts import Facts, Row, facts_of
from store.indexing import forget_kind, index_texts
from store.search_texts import SearchText, text_of_entry, text_of_picture
from store.tables import pictures, timeline_entries
from store.tables_learning import (
    alert_facts,
    derivations,
    incident_dimensions,
    incident_facts,
    item_facts,
    page_facts,
    promise_facts,
    review_facts,
)

# 1: the first. 2: near misses are counted apart.
VERSION = 2
_NAME = "learning"
# Pictures or lines a transaction while everything is made anew: others can save in between.
_REBUILD_BATCH = 500
# Any number that nothing else in the same database uses; next to that of the migrations.
_REBUILD_LOCK = 1_094_861_637


async def derive(
    connection: AsyncConnection,
    pictures_of: Sequence[tuple[str, Projection]],
    lines: Iterable[tuple[NumberedEntry, int]] = (),
) -> None:
    """Bring search and facts up to what these pictures (with their origins) and lines (with their `seq`) say."""
    texts: list[SearchText | None] = [text_of_entry(entry, seq) for entry, seq in lines]
    texts += [text_of_picture(picture) for _, picture in pictures_of]
    facts = [facts_of(origin, picture) for origin, picture in pictures_of]
    await _save_facts(connection, facts, [picture for _, picture in pictures_of])
    await index_texts(connection, [each for each in texts if each is not None])


def says_otherwise(origin: str, before: Projection, picture: Projection) -> bool:
    """Whether search and insight hold something else of a picture than of the one before it."""
    if picture.kind is ProjectionKind.ALERT_GROUP:
        # Each episode counts, and a picture does not say which one it was of.
        return True
    if text_of_picture(before) != text_of_picture(picture):
        return True
    return facts_of(origin, before) != facts_of(origin, picture)


async def bring_up_to_date(database: Database) -> None:
    """Make everything anew when it was made by another version of the code, or never; the first start of a release."""
    async with database.writing() as connection:
        query = select(derivations.c.version).where(derivations.c.name == _NAME)
        if (await connection.execute(query)).scalar_one_or_none() == VERSION:
            return
        if (await connection.execute(select(pictures.c.id).limit(1))).first() is None:
            await _mark(connection)
            return
    await rebuild(database)


async def rebuild(database: Database) -> int:
    """Make search and facts anew from pictures and timelines, some hundred a transaction; answers how many things.

    Others may save meanwhile. May be repeated, and broken off: the next start takes it up again.
    """
    async with AsyncExitStack() as held:
        if not database.is_sqlite:
            # One at a time; SQLite's write lock sees to it that two only do it twice.
            waiting = await held.enter_async_context(database.reading())
            await waiting.execute(select(func.pg_advisory_lock(_REBUILD_LOCK)))
            held.push_async_callback(waiting.execute, select(func.pg_advisory_unlock(_REBUILD_LOCK)))
        async with database.writing() as connection:
            await _forget(connection)
        count = await _rebuild_pictures(database) + await _rebuild_lines(database)
        async with database.writing() as connection:
            await _mark(connection)
        return count


async def _mark(connection: AsyncConnection) -> None:
    await connection.execute(_upsert(connection, derivations, ("name",)), [{"name": _NAME, "version": VERSION}])


async def _forget(connection: AsyncConnection) -> None:
    await connection.execute(delete(derivations))
    # Rows of facts are written over, not taken away: they may know more than the newest picture (the deadline before
    # an extension, pages beyond those that a picture shows, earlier episodes of an alert group).
    from_groups = incident_dimensions.c.source.startswith(f"{ProjectionKind.ALERT_GROUP.value}/")
    await connection.execute(delete(incident_dimensions).where(~from_groups))
    # Lessons and runbooks are not in pictures; their words stay.
    for kind in (Found.INCIDENT, Found.ENTRY, Found.REVIEW, Found.ACTION_ITEM):
        await forget_kind(connection, kind)


async def _rebuild_pictures(database: Database) -> int:
    count = 0
    # Incidents first, oldest first: the order of the index is the order of "newest".
    for kind in (ProjectionKind.INCIDENT, *(kind for kind in ProjectionKind if kind is not ProjectionKind.INCIDENT)):
        last: tuple[int, str] | None = None
        while True:
            table = pictures.c
            at = func.coalesce(table.at, 0)
            query = select(table.id, at.label("order_at")).where(table.kind == kind.value)
            if last is not None:
                query = query.where(or_(at > last[0], and_(at == last[0], table.id > last[1])))
            async with database.writing() as connection:
                rows = (await connection.execute(query.order_by(at, table.id).limit(_REBUILD_BATCH))).all()
                made = await _held(connection, kind, [row.id for row in rows])
                origins = await _episodes(connection, [each.id for each in made], kind)
                await derive(connection, [(origins.get(each.id, f"alerts/{each.id}"), each) for each in made])
            count += len(rows)
            if len(rows) < _REBUILD_BATCH:
                break
            last = (rows[-1].order_at, rows[-1].id)
    return count


async def _held(connection: AsyncConnection, kind: ProjectionKind, ids: Sequence[str]) -> list[Projection]:
    """These pictures as they are now, in this order; until the end of the transaction nobody saves a newer one."""
    table = pictures.c
    query = select(table.id, table.version, table.incident_id, table.document)
    # Locked in the order in which saves lock them, so that the two cannot wait for each other.
    query = query.where(table.kind == kind.value, table.id.in_(ids)).order_by(table.id).with_for_update()
    found = {
        row.id: Projection(
            kind=kind, id=row.id, version=row.version, incident_id=row.incident_id, document=row.document
        )
        for row in (await connection.execute(query)).all()
    }
    return [found[id_] for id_ in ids if id_ in found]


async def _episodes(connection: AsyncConnection, ids: Sequence[str], kind: ProjectionKind) -> dict[str, str]:
    """The origin of the newest episode of each alert group, where one was counted."""
    if kind is not ProjectionKind.ALERT_GROUP:
        return {}
    query = select(alert_facts.c.group_id, alert_facts.c.origin).where(alert_facts.c.group_id.in_(ids))
    rows = (await connection.execute(query.order_by(alert_facts.c.at))).all()
    return {row.group_id: row.origin for row in rows}


async def _rebuild_lines(database: Database) -> int:
    count = 0
    last: tuple[str, int] = ("", 0)
    while True:
        table = timeline_entries.c
        after = or_(table.incident_id > last[0], and_(table.incident_id == last[0], table.seq > last[1]))
        query = select(table.incident_id, table.seq, table.number, table.document).where(after)
        async with database.writing() as connection:
            ordered = query.order_by(table.incident_id, table.seq).limit(_REBUILD_BATCH)
            rows = (await connection.execute(ordered)).all()
            lines = [
                (
                    NumberedEntry(number=r.number, entry=Entry.model_validate(r.document), incident_id=r.incident_id),
                    r.seq,
                )
                for r in rows
            ]
            await derive(connection, [], lines)
        count += len(rows)
        if len(rows) < _REBUILD_BATCH:
            return count
        last = (rows[-1].incident_id, rows[-1].seq)


async def _save_facts(connection: AsyncConnection, facts: Sequence[Facts], of: Sequence[Projection]) -> None:
    incidents = [each.incident for each in facts if each.incident]
    promises = [each.promise for each in facts if each.promise]
    pages = [row for each in facts for row in each.pages]
    alerts = [row for each in facts for row in each.alerts]
    moved = await _moved(connection, incidents)
    await _put(connection, incident_facts, ("incident_id",), incidents)
    await _put(connection, item_facts, ("item_id",), [each.item for each in facts if each.item])
    # The deadline that was set first is kept, whatever comes later.
    await _put(
        connection, review_facts, ("incident_id",), [each.review for each in facts if each.review], ("first_due_at",)
    )
    await _put(connection, promise_facts, ("update_id",), promises)
    await _put(connection, alert_facts, ("origin", "rule"), alerts)
    await _put(connection, page_facts, ("page_id", "person", "level", "round"), pages)
    dimensions = await _save_dimensions(connection, facts, of)
    if promises:
        await _settle_promises(connection, {(row["incident_id"], row["audience"]) for row in promises})
    touched = moved | {row["incident_id"] for row in (*pages, *promises, *alerts, *dimensions)}
    await _follow_incidents(connection, sorted(id_ for id_ in touched if id_))


async def _save_dimensions(connection: AsyncConnection, facts: Sequence[Facts], of: Sequence[Projection]) -> list[Row]:
    rows: dict[tuple[str, str, str], Row] = {}
    for each, picture in zip(facts, of, strict=True):
        if each.dimensions is None:
            continue
        known = {(row["source"], row["dimension"], row["value"]): row for row in each.dimensions}
        rows |= known
        if picture.kind is not ProjectionKind.ALERT_GROUP:
            # An alert group only adds; what fired has fired. Others say anew what they have.
            for key in await _forget_dimensions(connection, f"{picture.kind.value}/{picture.id}", set(known)):
                rows.pop(key, None)
    if rows:
        ordered = [rows[key] for key in sorted(rows)]
        made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        await connection.execute(made(incident_dimensions).on_conflict_do_nothing(), ordered)
    return list(rows.values())


async def _moved(connection: AsyncConnection, incidents: Sequence[Row]) -> set[str]:
    """The incidents that are new, or of which what hangs on them takes something over; seldom any of those saved."""
    if not incidents:
        return set()
    fact = incident_facts.c
    query = select(fact.incident_id, fact.at, fact.is_real, fact.is_near_miss)
    query = query.where(fact.incident_id.in_([row["incident_id"] for row in incidents]))
    known = {tuple(row) for row in (await connection.execute(query)).all()}
    return {
        row["incident_id"]
        for row in incidents
        if (row["incident_id"], row["at"], row["is_real"], row["is_near_miss"]) not in known
    }


async def _forget_dimensions(
    connection: AsyncConnection, source: str, kept: set[tuple[str, str, str]]
) -> list[tuple[str, str, str]]:
    """Take away what the picture does not say any more; answers what it says and is there already."""
    table = incident_dimensions.c
    query = select(table.source, table.dimension, table.value).where(table.source == source)
    there = [(row[0], row[1], row[2]) for row in (await connection.execute(query)).all()]
    for source_, dimension, value in (each for each in there if each not in kept):
        await connection.execute(
            delete(incident_dimensions).where(
                table.source == source_, table.dimension == dimension, table.value == value
            )
        )
    return [each for each in there if each in kept]


async def _settle_promises(connection: AsyncConnection, clocks: set[tuple[str, str]]) -> None:
    """When each promise of a clock was answered: the next update to that audience, whatever order they came in."""
    mine = promise_facts.alias("mine")
    later = promise_facts.alias("later")
    following = (
        select(func.min(later.c.at))
        .where(
            later.c.incident_id == mine.c.incident_id,
            later.c.audience == mine.c.audience,
            later.c.at > mine.c.at,
        )
        .scalar_subquery()
    )
    for incident_id, audience in sorted(clocks):
        of_clock = and_(mine.c.incident_id == incident_id, mine.c.audience == audience)
        found = (await connection.execute(select(mine.c.update_id, following).where(of_clock))).all()
        changes = [{"which": row[0], "answer": row[1]} for row in found]
        statement = update(promise_facts).where(promise_facts.c.update_id == bindparam("which"))
        await connection.execute(statement.values(answered_at=bindparam("answer")), changes)


async def _follow_incidents(connection: AsyncConnection, touched: Sequence[str]) -> None:
    """What hangs on an incident takes over whether it is real, and when it was: they may be saved in any order."""
    if not touched:
        return
    fact = incident_facts.c
    query = select(fact.incident_id, fact.at, fact.is_real, fact.is_near_miss)
    query = query.where(incident_facts.c.incident_id.in_(touched))
    rows = [
        {"incident": row.incident_id, "new_at": row.at, "real": row.is_real, "near": row.is_near_miss}
        for row in (await connection.execute(query)).all()
    ]
    if not rows:
        return
    which: BindParameter[str] = bindparam("incident")
    real: BindParameter[bool] = bindparam("real")
    near: BindParameter[bool] = bindparam("near")
    dimension = incident_dimensions.c
    is_other = or_(dimension.is_real != real, dimension.is_near_miss != near)
    differs = or_(dimension.at.is_(None), dimension.at != bindparam("new_at"), is_other)
    await connection.execute(
        update(incident_dimensions)
        .where(dimension.incident_id == which, differs)
        .values(at=bindparam("new_at"), is_real=real, is_near_miss=near),
        rows,
    )
    only_real = [{"incident": row["incident"], "real": row["real"]} for row in rows]
    for table, column in ((page_facts, "is_real"), (promise_facts, "is_real"), (alert_facts, "mattered")):
        hanging = and_(table.c.incident_id == which, table.c[column] != real)
        await connection.execute(update(table).where(hanging).values({column: real}), only_real)


async def _put(
    connection: AsyncConnection, table: Table, key: Sequence[str], rows: Sequence[Row], kept: Sequence[str] = ()
) -> None:
    """Insert or replace; of several rows with one key the last counts."""
    if rows:
        newest = {tuple(row[name] for name in key): row for row in rows}
        await connection.execute(_upsert(connection, table, key, kept), [newest[each] for each in sorted(newest)])


def _upsert(connection: AsyncConnection, table: Table, key: Sequence[str], kept: Sequence[str] = ()) -> Any:
    made: Any = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(table)
    untouched = {*key, *kept, "answered_at"}
    changing = {column.name: made.excluded[column.name] for column in table.columns if column.name not in untouched}
    for name in kept:
        changing[name] = func.coalesce(table.c[name], made.excluded[name])
    return made.on_conflict_do_update(index_elements=[table.c[name] for name in key], set_=changing)
