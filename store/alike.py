"""Finds incidents alike: candidates by what they share and by words, then everything that may help from the best.

Called by the API and, once for each declaration, by the activity `alike.find`. The one thing to know: it looks at the
newest candidates of each sort only, so its time does not grow with the record.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, func, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alike import AlikeIncident, Features, Likeness, OpenItem, most_alike, significant
from domain.insight.words import Dimension
from domain.record import ProjectionKind
from domain.review import FindingKind
from domain.search import Found, words_of
from store.columns import microseconds
from store.database import Database
from store.indexing import kind_word
from store.searching import WINDOW
from store.tables import pictures
from store.tables_learning import incident_dimensions, incident_facts, item_facts, search_documents

# Candidates of each sort, newest first.
_NEWEST = 40
# Of the incidents with any of the words, this many of the newest are ranked.
_RANKED = 200
_MOST_WORDS = 8
_COMPARED = (Dimension.ALERT, Dimension.FACTOR, Dimension.CHANGE, Dimension.VENDOR, Dimension.SERVICE, Dimension.TYPE)
# A type alone makes nobody a candidate: half of all incidents share it.
_FOUND_BY = tuple(dimension for dimension in _COMPARED if dimension is not Dimension.TYPE)
_LINES = 5

_SQLITE_WORDS = text(
    "SELECT id FROM (SELECT rowid AS id, bm25(search_index_incident, 4.0, 1.0) AS score FROM search_index_incident"
    " WHERE search_index_incident MATCH :query AND rowid > :cutoff) ORDER BY score LIMIT :newest"
)
_SQLITE_CUTOFF = text(
    "SELECT rowid FROM search_index_incident WHERE search_index_incident MATCH :query"
    " ORDER BY rowid DESC LIMIT 1 OFFSET :ranked"
)
_POSTGRESQL_RECENT = text(
    "WITH fit AS MATERIALIZED (SELECT id, vector FROM"
    " (SELECT id, vector FROM search_index ORDER BY id DESC LIMIT :window) newest"
    " WHERE vector @@ (to_tsquery('hotwash', :query) && CAST(:kind AS tsquery)) ORDER BY id DESC LIMIT :ranked)"
    " SELECT id FROM fit WHERE (SELECT count(*) FROM fit) >= :ranked"
    " ORDER BY ts_rank_cd('{0.0, 0.1, 0.25, 1.0}', vector, to_tsquery('hotwash', :query)) DESC LIMIT :newest"
)
_POSTGRESQL_WORDS = text(
    "WITH fit AS MATERIALIZED (SELECT id FROM search_index"
    " WHERE vector @@ (to_tsquery('hotwash', :query) && CAST(:kind AS tsquery))),"
    " newest AS MATERIALIZED (SELECT id FROM fit ORDER BY id DESC LIMIT :ranked)"
    " SELECT id FROM newest JOIN search_index USING (id)"
    " ORDER BY ts_rank_cd('{0.0, 0.1, 0.25, 1.0}', vector, to_tsquery('hotwash', :query)) DESC LIMIT :newest"
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
            ids = await _sharing(connection, this)
            ids |= await _with_words(connection, this.words)
            best = most_alike(this, await _features(connection, sorted(ids - {incident_id})))
            return await _with_help(connection, best)


async def _this(
    connection: AsyncConnection, incident_id: str, title: str, services: Sequence[str], rules: Sequence[str]
) -> Features:
    known = next(iter(await _features(connection, [incident_id], with_drills=True)), None)
    shared = {dimension: list(known.shared.get(dimension, ())) if known else [] for dimension in _COMPARED}
    shared[Dimension.SERVICE] += services
    shared[Dimension.ALERT] += rules
    return Features(
        incident_id=incident_id,
        at=known.at if known else datetime.now(UTC),
        shared={dimension: tuple(dict.fromkeys(values)) for dimension, values in shared.items() if values},
        words=(known.words if known else frozenset()) | significant(words_of(title)),
    )


async def _sharing(connection: AsyncConnection, this: Features) -> set[str]:
    table = incident_dimensions.c
    newest = [
        select(
            select(table.incident_id)
            .where(table.dimension == dimension.value, table.value == value, table.is_real.is_(True))
            .order_by(table.at.desc())
            .limit(_NEWEST)
            .subquery()
        )
        for dimension in _FOUND_BY
        for value in this.shared.get(dimension, ())
    ]
    if not newest:
        return set()
    return set((await connection.execute(union_all(*newest))).scalars())


async def _with_words(connection: AsyncConnection, words: frozenset[str]) -> set[str]:
    # The longest words are the rarest, as a rule.
    asked = sorted(words, key=lambda word: (-len(word), word))[:_MOST_WORDS]
    if not asked:
        return set()
    if connection.dialect.name == "sqlite":
        query = "{title} : (" + " OR ".join(f'"{word}"' for word in asked) + ")"
        cutoff = (await connection.execute(_SQLITE_CUTOFF, {"query": query, "ranked": _RANKED})).scalar_one_or_none()
        asking = {"query": query, "cutoff": cutoff or 0, "newest": _NEWEST}
        rows = (await connection.execute(_SQLITE_WORDS, asking)).all()
    else:
        # `:A` looks into titles only.
        given: dict[str, object] = {
            "query": " | ".join(f"{word}:A" for word in asked),
            "kind": kind_word(Found.INCIDENT),
        }
        given |= {"ranked": _RANKED, "newest": _NEWEST}
        rows = (await connection.execute(_POSTGRESQL_RECENT, given | {"window": WINDOW})).all()
        rows = rows or (await connection.execute(_POSTGRESQL_WORDS, given)).all()
    table = search_documents.c
    found = select(table.thing_id).where(table.id.in_([row.id for row in rows]))
    return set((await connection.execute(found)).scalars())


async def _features(connection: AsyncConnection, ids: Sequence[str], *, with_drills: bool = False) -> list[Features]:
    if not ids:
        return []
    fact, shared = incident_facts.c, incident_dimensions.c
    facts = select(fact.incident_id, fact.at, search_documents.c.title).join_from(
        incident_facts,
        search_documents,
        (search_documents.c.kind == Found.INCIDENT.value) & (search_documents.c.thing_id == fact.incident_id),
    )
    # The one that is compared may be a drill; those it is compared with may not.
    facts = facts.where(fact.incident_id.in_(ids) if with_drills else and_(fact.incident_id.in_(ids), fact.is_real))
    values: dict[str, dict[Dimension, list[str]]] = {}
    rows = select(shared.incident_id, shared.dimension, shared.value).where(shared.incident_id.in_(ids))
    for row in (await connection.execute(rows)).all():
        values.setdefault(row.incident_id, {}).setdefault(Dimension(row.dimension), []).append(row.value)
    return [
        Features(
            incident_id=row.incident_id,
            at=datetime.fromtimestamp(row.at / 1_000_000, UTC),
            shared={name: tuple(found) for name, found in values.get(row.incident_id, {}).items()},
            words=significant(words_of(row.title)),
        )
        for row in (await connection.execute(facts)).all()
    ]


async def _with_help(connection: AsyncConnection, best: Sequence[Likeness]) -> list[AlikeIncident]:
    ids = [each.incident_id for each in best]
    if not ids:
        return []
    incidents = await _documents(connection, ProjectionKind.INCIDENT, ids)
    reviews = await _documents(connection, ProjectionKind.REVIEW, ids)
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


async def _documents(connection: AsyncConnection, kind: ProjectionKind, ids: Sequence[str]) -> dict[str, Any]:
    query = select(pictures.c.id, pictures.c.document).where(pictures.c.kind == kind.value, pictures.c.id.in_(ids))
    return {row.id: row.document for row in (await connection.execute(query)).all()}


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
