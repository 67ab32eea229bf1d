"""Keeps search and facts in step with what is saved, inside the transaction that saves it.

Called by `store/recording.py` with the pictures and lines that were really new, and by `store/rebuilding.py` with all
of them. The one thing to know: whoever derives holds the incidents in question until the transaction ends. A review
that is saved at the same moment as its incident would else be counted by what the incident was before.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BindParameter, Table, and_, bindparam, delete, func, insert, or_, select, text, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.record import NumberedEntry, Projection, ProjectionKind
from store.facts import Facts, Row, facts_of
from store.indexing import forget_things, index_texts
from store.search_texts import SearchText, text_of_entry, text_of_picture
from store.tables_learning import (
    alert_facts,
    incident_dimensions,
    incident_facts,
    incident_words,
    item_facts,
    page_facts,
    promise_facts,
    review_facts,
)

# PostgreSQL's locks on incidents: one of these and a number made of the id. Two ids that share a number only wait for
# each other. The first is any number that nothing else in the same database uses, next to that of the migrations.
_INCIDENT_LOCKS = 1_094_861_638
# Given in rising order, so that two who want several cannot wait for each other.
_HOLD = text("SELECT pg_advisory_xact_lock(:locks, number) FROM unnest(CAST(:numbers AS integer[])) AS number")


async def derive(
    connection: AsyncConnection,
    pictures_of: Sequence[tuple[str, Projection]],
    lines: Iterable[tuple[NumberedEntry, int]] = (),
    *,
    is_anew: bool = False,
) -> None:
    """Bring search and facts up to what these pictures (with their origins) and lines (with their `seq`) say.

    `is_anew`: what was derived of them is taken away first; then they count as newer than whatever was indexed before.
    """
    texts: list[SearchText | None] = [text_of_entry(entry, seq) for entry, seq in lines]
    texts += [text_of_picture(picture) for _, picture in pictures_of]
    facts = [facts_of(origin, picture) for origin, picture in pictures_of]
    searched = [each for each in texts if each is not None]
    await _hold_incidents(connection, facts)
    if is_anew:
        await _forget(connection, searched, [picture for _, picture in pictures_of])
    await _save_facts(connection, facts, [picture for _, picture in pictures_of])
    await index_texts(connection, searched)


def says_otherwise(origin: str, before: Projection, picture: Projection) -> bool:
    """Whether search and insight hold something else of a picture than of the one before it."""
    if picture.kind is ProjectionKind.ALERT_GROUP:
        # Each episode counts, and a picture does not say which one it was of.
        return True
    if text_of_picture(before) != text_of_picture(picture):
        return True
    return facts_of(origin, before) != facts_of(origin, picture)


async def _hold_incidents(connection: AsyncConnection, facts: Sequence[Facts]) -> None:
    """Wait for whoever derives something of the same incidents; SQLite has one writer anyway."""
    ids = {row["incident_id"] for each in facts for row in _rows(each) if row["incident_id"]}
    if not ids or connection.dialect.name == "sqlite":
        return
    numbers = {int.from_bytes(hashlib.blake2b(id_.encode(), digest_size=4).digest(), signed=True) for id_ in ids}
    await connection.execute(_HOLD, {"locks": _INCIDENT_LOCKS, "numbers": sorted(numbers)})


def _rows(facts: Facts) -> list[Row]:
    single = [row for row in (facts.incident, facts.item, facts.promise, facts.review) if row]
    return [*single, *facts.alerts, *facts.pages, *(facts.dimensions or ())]


async def _forget(connection: AsyncConnection, texts: Sequence[SearchText], of: Sequence[Projection]) -> None:
    """Take away the words of these texts, and what these pictures said that incidents share.

    Rows of facts are written over, not taken away: they may know more than the newest picture (the deadline before an
    extension, pages beyond those that a picture shows, earlier episodes of an alert group).
    """
    for kind in {each.kind for each in texts}:
        await forget_things(connection, kind, [each.thing_id for each in texts if each.kind is kind])
    sources = [f"{each.kind.value}/{each.id}" for each in of if each.kind is not ProjectionKind.ALERT_GROUP]
    if sources:
        await connection.execute(delete(incident_dimensions).where(incident_dimensions.c.source.in_(sources)))


async def _save_facts(connection: AsyncConnection, facts: Sequence[Facts], of: Sequence[Projection]) -> None:
    incidents = [each.incident for each in facts if each.incident]
    promises = [each.promise for each in facts if each.promise]
    pages = [row for each in facts for row in each.pages]
    alerts = [row for each in facts for row in each.alerts]
    moved = await _moved(connection, incidents)
    await _put(connection, incident_facts, ("incident_id",), incidents)
    await _save_words(connection, [row["incident_id"] for row in incidents], [row for f in facts for row in f.words])
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


async def _save_words(connection: AsyncConnection, incidents: Sequence[str], words: Sequence[Row]) -> None:
    """Exactly these words of these incidents; seldom any that are not there already."""
    if not incidents:
        return
    table = incident_words.c
    query = select(table.incident_id, table.word, table.at).where(table.incident_id.in_(incidents))
    there = {tuple(row) for row in (await connection.execute(query)).all()}
    wanted = {(row["incident_id"], row["word"], row["at"]) for row in words}
    changed = {incident_id for incident_id, _, _ in there ^ wanted}
    if not changed:
        return
    await connection.execute(delete(incident_words).where(table.incident_id.in_(sorted(changed))))
    rows = [row for row in words if row["incident_id"] in changed]
    if rows:
        await connection.execute(insert(incident_words), rows)


async def _save_dimensions(connection: AsyncConnection, facts: Sequence[Facts], of: Sequence[Projection]) -> list[Row]:
    rows: dict[tuple[str, str, str], Row] = {}
    sources: list[str] = []
    for each, picture in zip(facts, of, strict=True):
        if each.dimensions is None:
            continue
        rows |= {(row["source"], row["dimension"], row["value"]): row for row in each.dimensions}
        if picture.kind is not ProjectionKind.ALERT_GROUP:
            # An alert group only adds; what fired has fired. Others say anew what they have.
            sources.append(f"{picture.kind.value}/{picture.id}")
    for key in await _forget_dimensions(connection, sources, set(rows)):
        del rows[key]
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
    connection: AsyncConnection, sources: Sequence[str], kept: set[tuple[str, str, str]]
) -> list[tuple[str, str, str]]:
    """Take away what these sources do not say any more; answers what they say and is there already."""
    if not sources:
        return []
    table = incident_dimensions.c
    query = select(table.source, table.dimension, table.value).where(table.source.in_(sources))
    there = [(row[0], row[1], row[2]) for row in (await connection.execute(query)).all()]
    gone = [{"of": source, "name": dimension, "what": value} for source, dimension, value in set(there) - kept]
    if gone:
        mine = and_(
            table.source == bindparam("of"), table.dimension == bindparam("name"), table.value == bindparam("what")
        )
        await connection.execute(delete(incident_dimensions).where(mine), gone)
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
    query = select(mine.c.update_id, mine.c.answered_at, following)
    query = query.where(tuple_(mine.c.incident_id, mine.c.audience).in_(sorted(clocks)))
    found = (await connection.execute(query)).all()
    changes = [{"which": row[0], "answer": row[2]} for row in found if row[1] != row[2]]
    if changes:
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
        await connection.execute(upsert_rows(connection, table, key, kept), [newest[each] for each in sorted(newest)])


def upsert_rows(connection: AsyncConnection, table: Table, key: Sequence[str], kept: Sequence[str] = ()) -> Any:
    """Insert, or replace what has the same key; of `kept` columns what is there stays."""
    made: Any = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(table)
    untouched = {*key, *kept, "answered_at"}
    changing = {column.name: made.excluded[column.name] for column in table.columns if column.name not in untouched}
    for name in kept:
        changing[name] = func.coalesce(table.c[name], made.excluded[name])
    return made.on_conflict_do_update(index_elements=[table.c[name] for name in key], set_=changing)
