"""However large the record is, search and incidents alike ask little, and what they ask is answered from an index.

Plans are those of a record of some thousand rows on each database: on a small one a walk through everything is right.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from domain.insight.words import Window
from domain.record import Projection, ProjectionKind
from domain.search import Found, parse_query
from store import Store, open_store
from store.database import Database
from tests.store.conftest import NewDatabase
from tests.support.records import START, batch, entry, incident, picture

Asked = list[tuple[str, Any]]


@contextmanager
def listening() -> Iterator[Asked]:
    """Every statement that is sent meanwhile, with what it is about."""
    asked: Asked = []

    def hear(*told: Any) -> None:
        _, _, statement, parameters, _, _ = told
        if not statement.startswith(("BEGIN", "PRAGMA")):
            asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


_PLENTY = {
    "incident_words": "SELECT 'inc-x' || n, 'word' || n % 50, n FROM numbers",
    "incident_facts": "SELECT 'inc-x' || n, n, {yes}, {no}, {no}, {no}, 'closed', 'SEV-2', '', '', 0,"
    " NULL, NULL, NULL, NULL, NULL FROM numbers",
    "incident_dimensions": "SELECT 'incident/inc-x' || n, 'service', 'service-' || n % 50, 'inc-x' || n, n, {yes}, {no}"
    " FROM numbers",
    "search_documents": "SELECT 1000000 + n, 'entry', 'inc-x#' || n, 'inc-x' || n % 100, n, 'word' || n, '', ''"
    " FROM numbers",
}
_PLENTY_INDEXED = {
    "sqlite": "INSERT INTO search_index_entry (rowid, title, body) SELECT 1000000 + n, 'word' || n, '' FROM numbers",
    "postgresql": "INSERT INTO search_index SELECT 1000000 + n, 'entry',"
    " array_to_tsvector(ARRAY['xxkindentry', 'word' || n, repeat('w', 200)]) FROM numbers",
}


@pytest.fixture
async def filled(new_database: NewDatabase) -> AsyncIterator[tuple[Store, Database]]:
    """A record of fifty thousand of each, beside one incident."""
    url = new_database()
    store, database = open_store(url), Database(url)
    await store.migrate()
    line = entry(1, "failover of the replica begins")
    await store.record.save(batch("a", line, pictures=(incident("inc-1", title="Replica lagging at checkout"),)))
    async with database.changing() as connection:
        numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 50000) "
        words = {"yes": "true", "no": "false"}
        for table, rows in _PLENTY.items():
            # SQLite wants the rows' source after the table's name, and both take it there.
            await connection.execute(text(f"INSERT INTO {table} {numbers}{rows.format(**words)}"))
        into, _, rows = _PLENTY_INDEXED[connection.dialect.name].partition(" SELECT ")
        await connection.execute(text(f"{into} {numbers} SELECT {rows}"))
        if not database.is_sqlite:
            # As autovacuum does: what was added in bulk is put in its place in the index.
            await connection.execute(text("SELECT gin_clean_pending_list('search_index_vector')"))
        await connection.execute(text("ANALYZE"))
    yield store, database
    await store.close()
    await database.close()


async def plan(database: Database, statement: str, parameters: Any) -> str:
    """How the database would go about it."""
    async with database.reading() as connection:
        explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
        rows = (await connection.exec_driver_sql(f"{explain} {statement}", parameters)).all()
    return "\n".join(str(row[-1]) for row in rows)


async def test_incidents_alike_take_five_looks(filled: tuple[Store, Database]) -> None:
    """This one, how rare its words are, those that share something, what helped, what is owed; none walks a table."""
    store, database = filled
    now = incident("inc-2", title="Replica lagging at checkout, word7", services=["service-7"])
    await store.record.save(batch("b", pictures=(now,)))
    with listening() as asked:
        found = await store.alike.alike("inc-2", rules=("Errors", "Slow"))
    assert [each.incident_id for each in found] == ["inc-1"]
    assert len(asked) == 5
    for statement, parameters in asked:
        shown = await plan(database, statement, parameters)
        # Many rows that are sifted afterwards would be a bitmap.
        walks = ("SCAN incident_", "Seq Scan on incident_", "Bitmap Heap Scan on incident_dimensions")
        assert [line for line in shown.splitlines() if any(walk in line for walk in walks)] == [], shown


async def test_a_search_of_everything_is_one_statement_on_postgresql(filled: tuple[Store, Database]) -> None:
    """With all kinds, ranks and texts, so that it sees one state of the record; on SQLite a transaction does that."""
    store, database = filled
    with listening() as asked:
        found = await store.search.search(parse_query("replica"))
    assert {hit.kind for hit in found.hits} == {Found.INCIDENT, Found.ENTRY}
    if database.is_sqlite:
        # For each kind where the newest end, and the best of these; then the texts of all.
        assert len(asked) == 2 * len(Found) + 1
    else:
        assert len(asked) == 1
    for statement, parameters in asked:
        shown = await plan(database, statement, parameters)
        assert "SCAN search_documents" not in shown, shown
        assert "Seq Scan on search_" not in shown, shown
        if not database.is_sqlite:
            # The newest of each kind, past nothing of another kind; and what is rarer, by its words.
            assert "Index Scan using ix_search_index_newest" in shown, shown
            assert "search_index_pkey" not in shown, shown
            assert "Bitmap Index Scan on search_index_vector" in shown, shown


async def test_all_insights_together_take_twenty_nine_looks(filled: tuple[Store, Database]) -> None:
    """What several of them count is counted once; one more look over everything is some ten milliseconds."""
    store, _ = filled
    window = Window(since=datetime(1970, 1, 1, tzinfo=UTC), until=datetime(1970, 1, 2, tzinfo=UTC))
    with listening() as asked:
        await store.insight(window, {"team": ("service-1", "service-2")}, "Europe/Berlin").insights()
    assert len(asked) == 29


async def test_making_everything_anew_asks_once_a_batch(store: Store) -> None:
    """Forty incidents with all that hangs on them take as many statements as four; each would be a round trip."""
    asked_for = []
    for first, many in ((0, 4), (4, 36)):
        pictures = [each for n in range(first, first + many) for each in things(f"inc-{n}", minutes=n)]
        await store.record.save(batch(f"a{first}", pictures=tuple(pictures)))
        with listening() as asked:
            await store.rebuild()
        asked_for.append(len(asked))
    assert asked_for[0] == asked_for[1]


def things(id_: str, minutes: int) -> list[Projection]:
    """An incident with an item, a review, a page and an update."""
    at = (START + timedelta(minutes=minutes)).isoformat()
    factor = {"kind": "contributing_factor", "factor": "capacity", "text": "x"}
    delivery = {"person": "ana", "channel": "mail", "status": "delivered", "level": 1, "round": 1, "at": at}
    update = {"audience": "internal", "at": at, "next_update_by": at, "text": "x"}
    return [
        incident(id_, minutes=minutes, title=f"Replica {minutes} lagging"),
        picture(ProjectionKind.REVIEW, id_, 1, id_, title="x", state="draft", findings=[factor], due_at=at),
        picture(ProjectionKind.ACTION_ITEM, f"{id_}-1", 1, id_, title="Alert", state="open", created_at=at),
        picture(ProjectionKind.PAGE, f"{id_}.1", 1, id_, status="stopped", deliveries=[delivery]),
        picture(ProjectionKind.UPDATE, f"{id_}.u1", 1, id_, **update),
    ]
