"""Migrations make exactly the tables the code expects; a store that is away or misnamed says so without credentials."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

import store as store_package
from domain.errors import Rejected, Transient
from domain.search import Found, parse_query
from store import Store, open_store
from store.database import Database
from store.tables import metadata
from tests.store.conftest import NewDatabase
from tests.support.records import batch, entry, incident


async def test_models_match_migrations(new_database: NewDatabase) -> None:
    """What the migrations make from empty is what `store/tables.py` says."""
    url = new_database()
    store = open_store(url)
    await store.migrate()
    database = Database(url)

    def is_ours(name: str | None, kind: str, _: object) -> bool:
        # The full-text index has a form of its own in each database, and FTS5 keeps it in tables of its own.
        return not (kind == "table" and str(name).startswith("search_index"))

    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "include_name": is_ours}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()
    await store.close()


async def test_several_processes_may_migrate_at_once(new_database: NewDatabase) -> None:
    """Workers and API that start together leave one migrated store, whoever comes first; again changes nothing."""
    url = new_database()
    stores = [open_store(url) for _ in range(4)]
    assert not (await stores[0].revision()).is_current
    await asyncio.gather(*(store.migrate() for store in stores))
    await stores[1].migrate()
    assert all([(await store.revision()).is_current for store in stores])
    for store in stores:
        await store.close()


async def test_a_store_that_is_not_migrated_yet_is_tried_again(new_database: NewDatabase) -> None:
    """A worker that is faster than the migration retries; it does not fail for good."""
    store = open_store(new_database())
    with pytest.raises(Transient, match="does not answer"):
        await store.record.save(batch("a", entry(1)))
    await store.close()


async def test_a_server_that_is_away_is_transient_and_keeps_its_password(free_port: Callable[[], int]) -> None:
    """The sentence names host, port and database, and neither user nor password."""
    port = free_port()
    store = open_store(f"postgresql://hotwash:hunter2@127.0.0.1:{port}/record?sslmode=disable")
    for attempt in (store.ping, store.migrate, lambda: store.reader.incident("inc-1")):
        with pytest.raises(Transient) as caught:
            await attempt()
        assert f"postgresql://127.0.0.1:{port}/record" in caught.value.sentence
        assert "hunter2" not in caught.value.sentence
        assert "hotwash:" not in caught.value.sentence
    await store.close()


async def test_a_database_somebody_else_holds_is_transient(tmp_path: Path) -> None:
    """SQLite's busy timeout runs out; nothing is half saved, and afterwards the save goes through."""
    store = open_store(f"sqlite:///{tmp_path}/store.db?timeout=0.1")
    await store.migrate()
    blocker = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(Transient, match="does not answer"):
        await store.record.save(batch("a", entry(1)))
    blocker.execute("ROLLBACK")
    blocker.close()
    await store.record.save(batch("a", entry(1)))
    assert await store.reader.latest_seq("inc-1") == 1
    await store.close()


@pytest.mark.parametrize("url", ["mysql://u:hunter2@h/d", "hunter2", "sqlite://", "postgresql://u:hunter2@h:port/d"])
def test_a_url_that_cannot_be_is_refused_without_repeating_it(url: str) -> None:
    """A store URL may hold a password; the refusal shows how to write one instead."""
    with pytest.raises(Rejected, match="sqlite:///PATH") as caught:
        open_store(url)
    assert "hunter2@" not in caught.value.sentence


async def test_sqlite_is_durable_and_shared(tmp_path: Path) -> None:
    """Write-ahead log, so that readers never wait for writers, and every commit on disk before it is confirmed."""
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    await store.migrate()
    database = Database(f"sqlite:///{tmp_path}/store.db")
    async with database.reading() as connection:
        answers = [
            (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert answers == ["wal", 2, 1]
    await database.close()
    await store.close()


async def test_ping_answers(store: Store) -> None:
    """A store that is there says nothing."""
    await store.ping()


async def test_an_older_record_is_searched_like_a_new_one(new_database: NewDatabase) -> None:
    """What was indexed in one table for all kinds is found in those of each, and back again."""
    store = open_store(url := new_database())
    await store.migrate()
    replica = incident("inc-1", title="Replica lag")
    await store.record.save(batch("a", entry(1, "failover of the replica begins"), pictures=(replica,)))
    database = Database(url)
    for migrate, target in ((command.downgrade, "0003"), (command.upgrade, "head")):

        def move(connection: Connection, migrate: Any = migrate, target: str = target) -> None:
            config = Config()
            config.set_main_option("script_location", str(Path(store_package.__file__).parent / "migrations"))
            config.attributes["connection"] = connection
            migrate(config, target)

        async with database.writing() as connection:
            await connection.run_sync(move)

    async def found() -> set[Found]:
        return {hit.kind for hit in (await store.search.search(parse_query("replica"))).hits}

    assert await found() == {Found.ENTRY, Found.INCIDENT}
    await store.record.save(batch("b", pictures=(incident("inc-1", version=2, title="Disk full"),)))
    assert await found() == {Found.ENTRY}
    await database.close()
    await store.close()
