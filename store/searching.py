"""Finds things by their words: FTS5 with BM25 on SQLite, tsvector with `ts_rank_cd` on PostgreSQL, one shape of answer.

The one thing to know: of each kind the newest things that fit are ranked, up to `_RANKED`. Ranking every one of a
hundred thousand incidents that hold the word "error" would take a second and help nobody.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.search import Found, Hit, SearchQuery, Term, snippet, url_of
from store.columns import microseconds
from store.database import Database
from store.indexing import forget_others, index_of, index_texts, kind_word
from store.interface import FoundThings, ShelvedRunbook
from store.search_texts import text as search_text
from store.tables_learning import search_documents

# Of each kind. Ranking this many takes some milliseconds, however large the record is.
_RANKED = 500
_MOST_HITS = 200
# The list of incidents filters by words among this many of the newest that fit; nobody pages further.
_FILTERED = 10_000

# A hit in the title counts four times. `{index}` is a name of ours.
_SQLITE_CUTOFF = "SELECT rowid FROM {index} WHERE {index} MATCH :query ORDER BY rowid DESC LIMIT 1 OFFSET :ranked"
_SQLITE_RANKED = (
    "SELECT id, score FROM (SELECT rowid AS id, bm25({index}, 4.0, 1.0) AS score FROM {index}"
    " WHERE {index} MATCH :query AND rowid > :cutoff) ORDER BY score LIMIT :limit"
)
# The kind is a word as it stands; what was typed is stemmed as the index is.
_TSQUERY = "(to_tsquery('hotwash', :query) && CAST(:kind AS tsquery))"
# Materialised: the planner would rather walk all rows from the newest on, and for rare words that is the whole table.
_POSTGRESQL_RANKED = text(
    f"WITH fit AS MATERIALIZED (SELECT id FROM search_index WHERE vector @@ {_TSQUERY}),"  # noqa: S608
    " newest AS MATERIALIZED (SELECT id FROM fit ORDER BY id DESC LIMIT :ranked)"
    " SELECT id, -ts_rank_cd('{0.0, 0.1, 0.25, 1.0}', vector, to_tsquery('hotwash', :query)) AS score,"
    " (SELECT count(*) FROM fit) > :ranked AS is_cut"
    " FROM newest JOIN search_index USING (id) ORDER BY score LIMIT :limit"
)

# The newest rows of all kinds are looked through first: where a word is common they hold as many as are ranked, and
# PostgreSQL need not fetch the sixty thousand others. So many rows take some 20 ms; what is rarer is fast by index.
WINDOW = 25_000
_KIND_OF = " ".join(f"WHEN vector @@ CAST('{kind_word(kind)}' AS tsquery) THEN '{kind.value}'" for kind in Found)
_POSTGRESQL_PLENTY = text(
    "WITH fit AS MATERIALIZED ("  # noqa: S608
    f"SELECT id, vector, CASE {_KIND_OF} END AS kind"
    " FROM (SELECT id, vector FROM search_index ORDER BY id DESC LIMIT :window) newest"
    " WHERE vector @@ to_tsquery('hotwash', :query)),"
    " placed AS MATERIALIZED ("
    "SELECT id, vector, kind, row_number() OVER (PARTITION BY kind ORDER BY id DESC) AS place FROM fit"
    " WHERE kind = ANY(:kinds)),"
    " scored AS ("
    "SELECT id, kind, -ts_rank_cd('{0.0, 0.1, 0.25, 1.0}', vector, to_tsquery('hotwash', :query)) AS score FROM placed"
    " WHERE place <= :ranked AND kind IN (SELECT kind FROM placed WHERE place > :ranked))"
    " SELECT id, kind, score FROM ("
    "SELECT id, kind, score, row_number() OVER (PARTITION BY kind ORDER BY score) AS nth FROM scored) best"
    " WHERE nth <= :limit"
)


class SqlSearch:
    """The searcher behind `store.interface.SearchIndex`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def search(
        self, query: SearchQuery, *, kinds: Sequence[Found] = (), since: datetime | None = None, limit: int = 20
    ) -> FoundThings:
        """What fits, best first."""
        if not query.wanted:
            return FoundThings([], is_cut=False)
        wanted = max(1, min(limit, _MOST_HITS))
        async with self._database.reading() as connection:
            each = wanted if since is None else _RANKED
            scores, plenty = await _plenty(connection, query, kinds or tuple(Found), each)
            is_cut = bool(plenty)
            for kind in kinds or tuple(Found):
                if kind not in plenty:
                    found, cut = await _ranked(connection, query, kind, each)
                    scores |= found
                    is_cut = is_cut or cut
            rows = await _documents(connection, scores, since)
        rows.sort(key=lambda row: (scores[row.id], -(row.at or 0)))
        return FoundThings([_hit(row, scores[row.id], query) for row in rows[:wanted]], is_cut)

    async def shelve_runbooks(self, runbooks: Sequence[ShelvedRunbook]) -> None:
        """Make exactly these runbooks findable."""
        texts = [search_text(Found.RUNBOOK, each.name, None, None, each.title, each.text) for each in runbooks]
        async with self._database.writing() as connection:
            await forget_others(connection, Found.RUNBOOK, [each.name for each in runbooks])
            await index_texts(connection, texts)


def incidents_with(query: SearchQuery, *, is_sqlite: bool) -> ColumnElement[Any]:
    """The ids of the newest incidents that fit, for a filter `pictures.id IN (…)`."""
    if is_sqlite:
        index = index_of(Found.INCIDENT)
        matching = text(f"{index} MATCH :words").bindparams(words=_fts5(query))
        number: ColumnElement[int] = column("rowid")
    else:
        index = "search_index"
        matching = text(f"vector @@ {_TSQUERY}").bindparams(query=_tsquery(query), kind=kind_word(Found.INCIDENT))
        number = column("id")
    fitting = select(number).select_from(text(index)).where(matching)
    if not is_sqlite:
        # An offset keeps PostgreSQL from walking all rows from the newest on; see `_POSTGRESQL_RANKED`.
        fitting = select(fitting.offset(0).subquery().c.id)
        number = column("id")
    newest = fitting.order_by(number.desc()).limit(_FILTERED)
    return select(search_documents.c.thing_id).where(search_documents.c.id.in_(newest))  # type: ignore[return-value]


async def _plenty(
    connection: AsyncConnection, query: SearchQuery, kinds: Sequence[Found], limit: int
) -> tuple[dict[int, float], set[Found]]:
    """The best of the newest of each kind of which the newest rows hold more than are ranked, and these kinds."""
    if connection.dialect.name == "sqlite":
        return {}, set()
    asked = {"query": _tsquery(query), "window": WINDOW, "ranked": _RANKED, "limit": limit}
    asked["kinds"] = [kind.value for kind in kinds]
    rows = (await connection.execute(_POSTGRESQL_PLENTY, asked)).all()
    return {row.id: float(row.score) for row in rows}, {Found(row.kind) for row in rows}


async def _ranked(
    connection: AsyncConnection, query: SearchQuery, kind: Found, limit: int
) -> tuple[dict[int, float], bool]:
    """The best of the newest things of one kind, and whether there were more than were ranked."""
    if connection.dialect.name != "sqlite":
        asked = {"query": _tsquery(query), "kind": kind_word(kind), "ranked": _RANKED, "limit": limit}
        rows = (await connection.execute(_POSTGRESQL_RANKED, asked)).all()
        return {row.id: float(row.score) for row in rows}, any(row.is_cut for row in rows)
    match, index = {"query": _fts5(query)}, index_of(kind)
    cutting, ranking = text(_SQLITE_CUTOFF.format(index=index)), text(_SQLITE_RANKED.format(index=index))
    cutoff = (await connection.execute(cutting, match | {"ranked": _RANKED})).scalar_one_or_none()
    found = await connection.execute(ranking, match | {"cutoff": cutoff or 0, "limit": limit})
    return {row.id: float(row.score) for row in found}, cutoff is not None


async def _documents(connection: AsyncConnection, scores: dict[int, float], since: datetime | None) -> list[Any]:
    table = search_documents.c
    query = select(table.id, table.kind, table.thing_id, table.incident_id, table.at, table.title, table.body)
    query = query.where(table.id.in_(bindparam("ids", list(scores), expanding=True)))
    if since is not None:
        query = query.where(table.at >= microseconds(since))
    return list((await connection.execute(query)).all())


def _hit(row: Any, score: float, query: SearchQuery) -> Hit:
    kind = Found(row.kind)
    return Hit(
        kind=kind,
        id=row.thing_id,
        incident_id=row.incident_id,
        title=row.title,
        snippet=snippet(row.body, query),
        at=None if row.at is None else datetime.fromtimestamp(row.at / 1_000_000, UTC),
        url=url_of(kind, row.thing_id, row.incident_id),
        score=round(-score, 6),
    )


def _fts5(query: SearchQuery) -> str:
    # Words are letters and digits only, and quoted: nothing that is typed can be an operator.
    wanted = " AND ".join(_fts5_term(term) for term in query.wanted)
    return " NOT ".join([f"({wanted})", *(_fts5_term(term) for term in query.unwanted)])


def _fts5_term(term: Term) -> str:
    return f'"{" ".join(term.words)}"{" *" if term.is_prefix else ""}'


def _tsquery(query: SearchQuery) -> str:
    wanted = [_tsquery_term(term) for term in query.wanted]
    return " & ".join([*wanted, *(f"!({_tsquery_term(term)})" for term in query.unwanted)])


def _tsquery_term(term: Term) -> str:
    return "(" + " <-> ".join(term.words) + (":*" if term.is_prefix else "") + ")"
