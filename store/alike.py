"""Finds incidents alike: candidates by what they share and by words, then everything that may help from the best.

Called by the API and, once for each declaration, by the activity `alike.find`. The one thing to know: it looks at the
newest candidates of each sort only, so its time does not grow with the record.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alike import (
    COUNTED_TO,
    AlikeIncident,
    Features,
    Likeness,
    OpenItem,
    most_alike,
    nearly_alike,
    rarity,
    significant,
)
from domain.insight.words import Dimension
from domain.record import ProjectionKind
from domain.review import FindingKind
from domain.search import Found, words_of
from store.columns import microseconds
from store.database import Database
from store.tables import pictures
from store.tables_learning import incident_dimensions, incident_facts, item_facts, search_documents

# Candidates of each sort, newest first.
_NEWEST = 40
# Of the incidents with a word, this many of the newest are looked at; those that share most are candidates.
_NEWEST_WITH_WORD = 200
# The rarest are looked for.
_MOST_WORDS = 8
# Of a title; a whole alert that was pasted into one is not counted word for word.
_MOST_WORDS_COUNTED = 20
# More values than an incident has of services, alerts and factors; each is one more look.
_MOST_SHARED = 40
_COMPARED = (Dimension.ALERT, Dimension.FACTOR, Dimension.CHANGE, Dimension.VENDOR, Dimension.SERVICE, Dimension.TYPE)
# A type alone makes nobody a candidate: half of all incidents share it.
_FOUND_BY = tuple(dimension for dimension in _COMPARED if dimension is not Dimension.TYPE)
_WORD = "word"
_LINES = 5

# Written out and not composed: composing it for each question took longer than the database. Bound by numbers; each
# look is one range of an index that is sorted by time.
_WITH_VALUE = (
    "SELECT incident_id FROM (SELECT incident_id FROM incident_dimensions"
    " WHERE dimension = :d{n} AND value = :v{n} AND is_real"
    " ORDER BY at DESC, incident_id DESC LIMIT {newest}) AS with_value{n}"
)
_HOW_OFTEN = (
    "SELECT :w{n} AS word, count(*) AS incidents FROM"
    " (SELECT at FROM incident_words WHERE word = :w{n} ORDER BY at DESC LIMIT {most}) AS counted{n}"
)
_WITH_WORD = (
    "SELECT incident_id, at, CAST(:r{n} AS FLOAT) AS rarity FROM (SELECT incident_id, at FROM incident_words"
    " WHERE word = :w{n} ORDER BY at DESC, incident_id DESC LIMIT {newest}) AS with_word{n}"
)
_WITH_WORDS = (
    "SELECT incident_id FROM (SELECT incident_id FROM ({each}) AS with_word"
    " GROUP BY incident_id ORDER BY sum(rarity) DESC, max(at) DESC, incident_id DESC LIMIT {newest}) AS with_words"
)
# Of each candidate by its id. PostgreSQL may take a join for a walk through the whole table, which this is not.
_OF_EACH = {
    "sqlite": "candidates CROSS JOIN {table} USING (incident_id)",
    "postgresql": "candidates CROSS JOIN LATERAL (SELECT * FROM {table}"
    " WHERE {table}.incident_id = candidates.incident_id OFFSET 0) AS {table}",
}
_CANDIDATES = (
    "WITH candidates AS MATERIALIZED ({found})"  # noqa: S608 - numbers of ours and names of parameters
    " SELECT candidates.incident_id, at, dimension AS feature, value FROM {dimensions} WHERE is_real AND at IS NOT NULL"
    f" UNION ALL SELECT candidates.incident_id, at, '{_WORD}', word FROM {{words}}"
)


class SqlAlike:
    """The finder behind `store.interface.AlikeFinder`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def alike(
        self, incident_id: str, *, title: str = "", services: Sequence[str] = (), rules: Sequence[str] = ()
    ) -> list[AlikeIncident]:
        """The most alike, best first. What the record knows of the incident is used as well as what is given."""
        async with self._database.reading() as connection:
            this = await _this(connection, incident_id, title, services, rules)
            candidates = await _candidates(connection, this)
            owing = await _owing(connection, nearly_alike(this, candidates)[-_NEWEST:])
            candidates = [replace(each, owes=each.incident_id in owing) for each in candidates]
            return await _with_help(connection, most_alike(this, candidates))


async def _this(
    connection: AsyncConnection, incident_id: str, title: str, services: Sequence[str], rules: Sequence[str]
) -> Features:
    """What is compared of the one that is asked about, which may be a drill, or not be recorded yet."""
    fact, shared, document = incident_facts.c, incident_dimensions.c, search_documents.c
    of_incident = and_(document.kind == Found.INCIDENT.value, document.thing_id == fact.incident_id)
    query = select(fact.at, document.title, shared.dimension, shared.value).select_from(
        incident_facts.join(search_documents, of_incident).outerjoin(
            incident_dimensions, shared.incident_id == fact.incident_id
        )
    )
    rows = (await connection.execute(query.where(fact.incident_id == incident_id))).all()
    values: dict[Dimension, list[str]] = {dimension: [] for dimension in _COMPARED}
    for row in rows:
        if row.dimension in values:
            values[Dimension(row.dimension)].append(row.value)
    values[Dimension.SERVICE] += services
    values[Dimension.ALERT] += rules
    words = significant(words_of(title)) | (significant(words_of(rows[0].title)) if rows else frozenset())
    return Features(
        incident_id=incident_id,
        at=_moment(rows[0].at) if rows else datetime.now(UTC),
        shared={dimension: tuple(dict.fromkeys(found)) for dimension, found in values.items() if found},
        words=words,
        rarity=await _rarity(connection, words),
    )


async def _rarity(connection: AsyncConnection, words: frozenset[str]) -> dict[str, float]:
    # The longest words are the rarest, as a rule.
    counted = sorted(words, key=lambda word: (-len(word), word))[:_MOST_WORDS_COUNTED]
    if not counted:
        return {}
    each = " UNION ALL ".join(_HOW_OFTEN.format(n=n, most=COUNTED_TO) for n in range(len(counted)))
    rows = (await connection.execute(text(each), {f"w{n}": word for n, word in enumerate(counted)})).all()
    return {row.word: rarity(row.incidents) for row in rows}


async def _candidates(connection: AsyncConnection, this: Features) -> list[Features]:
    """The newest that share something with this one, each with all that incidents may share."""
    shared = [(dimension, value) for dimension in _FOUND_BY for value in this.shared.get(dimension, ())][:_MOST_SHARED]
    words = sorted(this.rarity, key=lambda word: (-this.rarity[word], -len(word), word))[:_MOST_WORDS]
    found = [_WITH_VALUE.format(n=n, newest=_NEWEST) for n in range(len(shared))]
    if words:
        each = " UNION ALL ".join(_WITH_WORD.format(n=n, newest=_NEWEST_WITH_WORD) for n in range(len(words)))
        found.append(_WITH_WORDS.format(each=each, newest=_NEWEST))
    if not found:
        return []
    given: dict[str, object] = {f"w{n}": word for n, word in enumerate(words)}
    given |= {f"r{n}": this.rarity[word] for n, word in enumerate(words)}
    for n, (dimension, value) in enumerate(shared):
        given |= {f"d{n}": dimension.value, f"v{n}": value}
    of_each = _OF_EACH[connection.dialect.name]
    tables = {
        "dimensions": of_each.format(table="incident_dimensions"),
        "words": of_each.format(table="incident_words"),
    }
    asking = text(_CANDIDATES.format(found=" UNION ".join(found), **tables))
    moments: dict[str, int] = {}
    values: dict[str, dict[Dimension, tuple[str, ...]]] = {}
    words_by: dict[str, set[str]] = {}
    for incident_id, at, feature, value in (await connection.execute(asking, given)).all():
        moments[incident_id] = at
        if feature == _WORD:
            words_by.setdefault(incident_id, set()).add(value)
        else:
            of_incident, shares = values.setdefault(incident_id, {}), Dimension(feature)
            of_incident[shares] = (*of_incident.get(shares, ()), value)
    return [
        Features(
            incident_id=incident_id,
            at=_moment(at),
            shared=values.get(incident_id, {}),
            words=frozenset(words_by.get(incident_id, ())),
        )
        for incident_id, at in moments.items()
        if incident_id != this.incident_id
    ]


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1_000_000, UTC)


async def _with_help(connection: AsyncConnection, best: Sequence[Likeness]) -> list[AlikeIncident]:
    ids = [each.incident_id for each in best]
    if not ids:
        return []
    documents = await _documents(connection, ids)
    incidents = {id_: found for (kind, id_), found in documents.items() if kind == ProjectionKind.INCIDENT.value}
    reviews = {id_: found for (kind, id_), found in documents.items() if kind == ProjectionKind.REVIEW.value}
    items = await _open_items(connection, ids)
    return [
        AlikeIncident(
            incident_id=each.incident_id,
            title=str(incidents[each.incident_id].get("title", "")),
            declared_at=datetime.fromisoformat(incidents[each.incident_id]["declared_at"]),
            severity=str(incidents[each.incident_id].get("severity", "")),
            status=str(incidents[each.incident_id].get("status", "")),
            score=each.score,
            reasons=each.reasons,
            runbooks=_runbooks(incidents[each.incident_id]),
            helped=_helped(reviews.get(each.incident_id, {})),
            open_items=tuple(items.get(each.incident_id, ())),
        )
        for each in best
        if each.incident_id in incidents
    ]


async def _documents(connection: AsyncConnection, ids: Sequence[str]) -> dict[tuple[str, str], Any]:
    """The pictures of incidents and of their reviews."""
    kinds = (ProjectionKind.INCIDENT.value, ProjectionKind.REVIEW.value)
    query = select(pictures.c.kind, pictures.c.id, pictures.c.document)
    rows = (await connection.execute(query.where(pictures.c.kind.in_(kinds), pictures.c.id.in_(ids)))).all()
    return {(row.kind, row.id): row.document for row in rows}


async def _owing(connection: AsyncConnection, ids: Sequence[str]) -> frozenset[str]:
    """Those of which an action item is still open."""
    if not ids:
        return frozenset()
    table = item_facts.c
    query = select(table.incident_id).where(table.incident_id.in_(ids), table.is_open.is_(True)).distinct()
    return frozenset((await connection.execute(query)).scalars())


async def _open_items(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, list[OpenItem]]:
    table = item_facts.c
    query = select(table.incident_id, table.item_id, table.title, table.owner, table.due_at)
    query = query.where(table.incident_id.in_(ids), table.is_open.is_(True))
    now = microseconds(datetime.now(UTC))
    found: dict[str, list[OpenItem]] = {}
    for row in (await connection.execute(query.order_by(func.coalesce(table.due_at, 2**62), table.item_id))).all():
        is_overdue = row.due_at is not None and row.due_at < now
        item = OpenItem(id=row.item_id, title=row.title, owner=row.owner, is_overdue=is_overdue)
        found.setdefault(row.incident_id, []).append(item)
    return found


def _runbooks(incident: dict[str, Any]) -> tuple[str, ...]:
    runs = [run for run in incident.get("runs") or () if isinstance(run, dict)]
    return tuple(dict.fromkeys(str(run["runbook"]) for run in runs if run.get("runbook")))


def _helped(review: dict[str, Any]) -> tuple[str, ...]:
    findings = [each for each in review.get("findings") or () if isinstance(each, dict)]
    return tuple(str(each["text"]) for each in findings if each.get("kind") == FindingKind.HELPED.value)[:_LINES]
