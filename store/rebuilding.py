"""Makes search and facts anew from pictures and timelines. Called by `hotwash rebuild`, and at the start of a release.

The one thing to know: it goes through the record some hundred things a transaction, each of which holds what it reads
and puts the new in the place of the old. Others save, search and count meanwhile, and miss nothing. Raise `VERSION`
when the meaning of a derived column changes; the next migration makes everything again.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.record import NumberedEntry, Projection, ProjectionKind
from domain.search import Found
from domain.timeline import Entry
from store.database import Database
from store.deriving import derive, upsert_rows
from store.indexing import merge_index
from store.tables import pictures, timeline_entries
from store.tables_learning import alert_facts, derivations

# 1: the first. 2: near misses are counted apart. 3: the words of titles have a table of their own. 4: what alerts bring
# along. 5: a rule's own name is no title. 6: the words of summaries.
VERSION = 6
_NAME = "learning"
# Pictures or lines a transaction: others can save in between. PostgreSQL has room for some six thousand locks as it
# comes, and each may be of another incident.
_AT_A_TIME = 500
# Ids of pictures a look, in the order of their times, for which all of a kind are sorted.
_IDS = 50_000
# Any number that nothing else in the same database uses; next to that of the migrations.
_LOCK = 1_094_861_637


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


async def rebuild(database: Database, *, at_a_time: int = _AT_A_TIME) -> int:
    """Make search and facts anew, so many things a transaction; answers how many things.

    Others may save meanwhile. May be repeated, and broken off: the next start takes it up again.
    """
    async with AsyncExitStack() as held:
        # Its hundreds of transactions would else be refused as soon as savers keep one of them waiting.
        database = await held.enter_async_context(database.patient())
        if not database.is_sqlite:
            # One at a time; SQLite's write lock sees to it that two only do it twice.
            waiting = await held.enter_async_context(database.reading())
            await waiting.execute(select(func.pg_advisory_lock(_LOCK)))
            held.push_async_callback(waiting.execute, select(func.pg_advisory_unlock(_LOCK)))
        async with database.writing() as connection:
            await connection.execute(delete(derivations))
        count = await _remake_pictures(database, at_a_time) + await _remake_lines(database, at_a_time)
        if database.is_sqlite:
            await _merge(database)
        async with database.writing() as connection:
            await _mark(connection)
        return count


async def _merge(database: Database) -> None:
    """Make SQLite's full-text index as fast as a new one, bit by bit; PostgreSQL's autovacuum does so by itself."""
    for kind in Found:
        is_first, is_more = True, True
        while is_more:
            async with database.writing() as connection:
                is_more = await merge_index(connection, kind, is_first=is_first)
            is_first = False


async def _mark(connection: AsyncConnection) -> None:
    await connection.execute(upsert_rows(connection, derivations, ("name",)), [{"name": _NAME, "version": VERSION}])


async def _remake_pictures(database: Database, at_a_time: int) -> int:
    count = 0
    # Incidents first, oldest first: the order of the index is the order of "newest".
    for kind in (ProjectionKind.INCIDENT, *(kind for kind in ProjectionKind if kind is not ProjectionKind.INCIDENT)):
        # What is saved first after its kind was listed was derived by whoever saved it.
        async for ids in _ids(database, kind):
            for some in _parts(ids, at_a_time):
                async with database.writing() as connection:
                    count += await _remake(connection, kind, some)
    return count


async def _ids(database: Database, kind: ProjectionKind) -> AsyncIterator[list[str]]:
    """The ids of all pictures of a kind, oldest first."""
    table = pictures.c
    at = func.coalesce(table.at, 0)
    query = select(table.id, at.label("order_at")).where(table.kind == kind.value)
    query = query.order_by(at, table.id).limit(_IDS)
    last: tuple[int, str] | None = None
    while True:
        following = query if last is None else query.where(or_(at > last[0], and_(at == last[0], table.id > last[1])))
        async with database.reading() as connection:
            rows = (await connection.execute(following)).all()
        yield [row.id for row in rows]
        if len(rows) < _IDS:
            return
        last = (rows[-1].order_at, rows[-1].id)


def _parts(ids: Sequence[str], at_a_time: int) -> Iterator[Sequence[str]]:
    return (ids[first : first + at_a_time] for first in range(0, len(ids), at_a_time))


async def _remake(connection: AsyncConnection, kind: ProjectionKind, ids: Sequence[str]) -> int:
    made = await _held(connection, kind, ids)
    origins = await _episodes(connection, ids, kind)
    await derive(connection, [(origins.get(each.id, f"alerts/{each.id}"), each) for each in made], is_anew=True)
    return len(made)


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


async def _remake_lines(database: Database, at_a_time: int) -> int:
    """Lines are saved once and never changed, so nobody else has anything to say of those that are read here."""
    count = 0
    last: tuple[str, int] = ("", 0)
    while True:
        table = timeline_entries.c
        after = or_(table.incident_id > last[0], and_(table.incident_id == last[0], table.seq > last[1]))
        query = select(table.incident_id, table.seq, table.number, table.document).where(after)
        async with database.writing() as connection:
            ordered = query.order_by(table.incident_id, table.seq).limit(at_a_time)
            rows = (await connection.execute(ordered)).all()
            lines = [
                (
                    NumberedEntry(number=r.number, entry=Entry.model_validate(r.document), incident_id=r.incident_id),
                    r.seq,
                )
                for r in rows
            ]
            await derive(connection, [], lines, is_anew=True)
        count += len(rows)
        if len(rows) < at_a_time:
            return count
        last = (rows[-1].incident_id, rows[-1].seq)
