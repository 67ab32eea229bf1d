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
# What was typed is stemmed as the index is. The kind is a word as it stands.
_WORDS = "to_tsquery('hotwash', :query)"
_TSQUERY = f"({_WORDS} && CAST(:kind AS tsquery))"
_WEIGHTS = "'{0.0, 0.1, 0.25, 1.0}'"
# The newest rows of each kind are looked through first: where a word is common they hold as many as are ranked, and
# PostgreSQL need not fetch the sixty thousand others. So many rows take some 8 ms, those of several kinds together;
# what is rarer is fast by index.
_WINDOW = 25_000
_WINDOW_OF_EACH = 6_000
_WORD_OF = " ".join(f"WHEN '{kind.value}' THEN '{kind_word(kind)}'" for kind in Found)
# All kinds in one statement, which asks the index once: a word with a star costs it 10 ms whatever the kind. What is
# looked up of a row is a subquery of it, because a join might be planned as a walk through the whole table; `ctid` is
# its place in the table, as long as the statement lasts.
_POSTGRESQL = text(
    # Of the newest rows those that fit, and the kinds of which there are enough.
    "WITH recent AS MATERIALIZED ("  # noqa: S608
    "SELECT id, kind, place FROM unnest(CAST(:kinds AS text[])) AS each CROSS JOIN LATERAL ("
    "SELECT id, kind, vector, ctid AS place FROM search_index WHERE kind = each ORDER BY -id LIMIT :window) newest"
    f" WHERE vector @@ {_WORDS}),"
    f" plenty AS MATERIALIZED (SELECT kind FROM recent GROUP BY kind HAVING count(*) > {_RANKED}),"
    # Of the other kinds everything that fits; when there is none, there is no query, and nothing is looked at. The
    # index takes as long for the kinds as for the words, so where all are wanted they are not asked for.
    " missing AS MATERIALIZED ("
    f"SELECT count(*) AS many, CAST(string_agg(CASE kind {_WORD_OF} END, ' | ') AS tsquery) AS words"
    " FROM unnest(CAST(:kinds AS text[])) AS kind WHERE kind NOT IN (SELECT kind FROM plenty)),"
    " others AS MATERIALIZED (SELECT id, kind, ctid AS place FROM search_index WHERE vector @@ ("
    f"SELECT CASE WHEN many = {len(Found)} THEN {_WORDS} ELSE {_WORDS} && words END FROM missing)),"
    " fit AS MATERIALIZED (SELECT id, kind, place FROM recent WHERE kind IN (SELECT kind FROM plenty)"
    " UNION ALL SELECT id, kind, place FROM others),"
    " scored AS MATERIALIZED (SELECT id,"
    f" (SELECT -ts_rank_cd({_WEIGHTS}, vector, {_WORDS}) FROM search_index WHERE ctid = newest.place)"
    " AS score, (SELECT at FROM search_documents WHERE id = newest.id) AS at"
    " FROM unnest(CAST(:kinds AS text[])) AS each CROSS JOIN LATERAL ("
    f"SELECT id, place FROM fit WHERE kind = each ORDER BY id DESC LIMIT {_RANKED}) newest),"
    " best AS MATERIALIZED (SELECT id, score FROM scored"
    " WHERE CAST(:since AS bigint) IS NULL OR at >= CAST(:since AS bigint)"
    " ORDER BY score, at DESC NULLS LAST, id DESC LIMIT :limit)"
    " SELECT id, score, found.*,"
    f" EXISTS (SELECT FROM fit GROUP BY kind HAVING count(*) > {_RANKED}) AS is_cut"
    " FROM best CROSS JOIN LATERAL (SELECT kind, thing_id, incident_id, at, title, body FROM search_documents"
    " WHERE id = best.id OFFSET 0) found ORDER BY score, at DESC NULLS LAST, id DESC"
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
        asked = tuple(dict.fromkeys(kinds or Found))
        async with self._database.reading() as connection:
            if self._database.is_sqlite:
                return await _on_sqlite(connection, query, asked, since, wanted)
            return await _on_postgresql(connection, query, asked, since, wanted)

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
        matching = text(f"{index} MATCH :words").bindparams(words=fts5_of(query))
        number: ColumnElement[int] = column("rowid")
    else:
        index = "search_index"
        matching = text(f"vector @@ {_TSQUERY}").bindparams(query=tsquery_of(query), kind=kind_word(Found.INCIDENT))
        number = column("id")
    fitting = select(number).select_from(text(index)).where(matching)
    if not is_sqlite:
        # An offset keeps PostgreSQL from walking all rows from the newest on, which for rare words is the whole table.
        fitting = select(fitting.offset(0).subquery().c.id)
        number = column("id")
    newest = fitting.order_by(number.desc()).limit(_FILTERED)
    return select(search_documents.c.thing_id).where(search_documents.c.id.in_(newest))  # type: ignore[return-value]


async def _on_postgresql(
    connection: AsyncConnection, query: SearchQuery, kinds: Sequence[Found], since: datetime | None, wanted: int
) -> FoundThings:
    asking = {
        "query": tsquery_of(query),
        "kinds": [kind.value for kind in kinds],
        "window": _WINDOW if len(kinds) == 1 else _WINDOW_OF_EACH,
        "since": None if since is None else microseconds(since),
        "limit": wanted,
    }
    rows = (await connection.execute(_POSTGRESQL, asking)).all()
    return FoundThings([_hit(row, row.score, query) for row in rows], any(row.is_cut for row in rows))


async def _on_sqlite(
    connection: AsyncConnection, query: SearchQuery, kinds: Sequence[Found], since: datetime | None, wanted: int
) -> FoundThings:
    scores: dict[int, float] = {}
    is_cut = False
    for kind in kinds:
        found, cut = await _ranked(connection, query, kind, wanted if since is None else _RANKED)
        scores |= found
        is_cut = is_cut or cut
    rows = await _documents(connection, scores, since)
    rows.sort(key=lambda row: (scores[row.id], -(row.at or 0)))
    return FoundThings([_hit(row, scores[row.id], query) for row in rows[:wanted]], is_cut)


async def _ranked(
    connection: AsyncConnection, query: SearchQuery, kind: Found, limit: int
) -> tuple[dict[int, float], bool]:
    """The best of the newest things of one kind, and whether there were more than were ranked."""
    match, index = {"query": fts5_of(query)}, index_of(kind)
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


def fts5_of(query: SearchQuery) -> str:
    """The query in FTS5's language."""
    # Words are letters and digits only, and quoted: nothing that is typed can be an operator.
    wanted = " AND ".join(_fts5_term(term) for term in query.wanted)
    return " NOT ".join([f"({wanted})", *(_fts5_term(term) for term in query.unwanted)])


def _fts5_term(term: Term) -> str:
    return f'"{" ".join(term.words)}"{" *" if term.is_prefix else ""}'


def tsquery_of(query: SearchQuery) -> str:
    """The query in PostgreSQL's language."""
    wanted = [_tsquery_term(term) for term in query.wanted]
    return " & ".join([*wanted, *(f"!({_tsquery_term(term)})" for term in query.unwanted)])


def _tsquery_term(term: Term) -> str:
    return "(" + " <-> ".join(term.words) + (":*" if term.is_prefix else "") + ")"
