"""Connections, transactions and errors for both databases; the other modules of this room build on `Database`.

The one thing to know: `writing()` takes SQLite's write lock at its start, so that a transaction that reads first and
writes later cannot be refused half-way, and translates whatever goes wrong into domain errors without credentials.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain.errors import Rejected, Transient

# How long SQLite waits for another writer; `BOOKKEEPING_TIMEOUT` of the workflows is three times this.
_BUSY_TIMEOUT_SECONDS = 5
# Whoever does not come again waits longer: SQLite gives its lock to whoever happens to ask, and under load some ask for
# seconds.
_PATIENT_TIMEOUT_SECONDS = 60
# A server that does not take a connection within this time counts as away; the engine retries.
_CONNECT_TIMEOUT_SECONDS = 5
# Every query of ours is short; one that takes longer is stuck behind a lock or a dead network.
_COMMAND_TIMEOUT_SECONDS = 10
# Per process; a worker, an API and `doctor` together stay far below PostgreSQL's default of 100.
_POOL_SIZE = 5
_POOL_OVERFLOW = 10

_WRITES = "hotwash_writes"
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


class Database:
    """An engine for one URL."""

    def __init__(self, url: str) -> None:
        self._url = _read_url(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(self._url) if self.is_sqlite else _postgresql_engine(self._url)

    @property
    def address(self) -> str:
        """Where the database is: neither user nor password nor options, which may hold secrets as well."""
        if self.is_sqlite:
            return f"sqlite:///{self._url.database}"
        port = f":{self._url.port}" if self._url.port else ""
        return f"postgresql://{self._url.host or self._url.query.get('host', '')}{port}/{self._url.database or ''}"

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection in one consistent view."""
        async with self._translating(), self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction; all of it is kept, or nothing."""
        engine = self._engine.execution_options(**{_WRITES: True})
        async with self._translating(), engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may take its time: a migration copies whole tables."""
        # A connection of its own; those of the pool are given no more time than a query of ours needs.
        engine = _sqlite_engine(self._url) if self.is_sqlite else _postgresql_engine(self._url, command_timeout=None)
        try:
            async with self._translating(), engine.execution_options(**{_WRITES: True}).begin() as connection:
                yield connection
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def patient(self) -> AsyncIterator["Database"]:
        """The same database for work that nobody tries again: SQLite's lock is waited for by the minute."""
        if not self.is_sqlite:
            yield self
            return
        url = self._url.update_query_dict({"timeout": str(_PATIENT_TIMEOUT_SECONDS)})
        database = Database(url.render_as_string(hide_password=False))
        try:
            yield database
        finally:
            await database.close()

    async def ping(self) -> None:
        """Return when the database answers."""
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def optimise(self) -> None:
        """Let SQLite sample what it holds, so that it chooses the right index; PostgreSQL does so by itself."""
        if not self.is_sqlite:
            return
        async with self.writing() as connection:
            # A sample of some hundred rows of each index is enough, and takes milliseconds.
            await connection.exec_driver_sql("PRAGMA analysis_limit = 400")
            await connection.exec_driver_sql("PRAGMA optimize = 0x10002")

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()

    @asynccontextmanager
    async def _translating(self) -> AsyncIterator[None]:
        try:
            yield
        except (DataError, IntegrityError) as error:
            message = f"the store at {self.address} refuses a value ({type(error.orig).__name__}); this is a defect"
            raise Rejected(message) from error
        except (DBAPIError, PoolTimeoutError) as error:
            raise Transient(self._away(getattr(error, "orig", None) or error)) from error
        except SQLAlchemyError:
            # Not the database but our own query is wrong: let it be seen as what it is.
            raise
        except OSError as error:
            # Refused connections and time-outs (TimeoutError is an OSError) come up bare from asyncpg.
            raise Transient(self._away(error)) from error

    def _away(self, error: BaseException) -> str:
        # The driver's own text may repeat the query with its values, or the URL; the type says enough.
        return (
            f"the store at {self.address} does not answer ({type(error).__name__}); "
            "it is tried again, 'hotwash doctor' says more"
        )


def _read_url(url: str) -> URL:
    scheme = url.partition(":")[0]
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        message = "the store URL cannot be read; write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME"
        raise Rejected(message) from None
    backend = parsed.drivername.partition("+")[0]
    if backend not in _DRIVERS or (backend == "sqlite" and not parsed.database):
        message = f"{scheme!r} is no store that Hotwash knows; write sqlite:///PATH or postgresql://HOST/NAME"
        raise Rejected(message)
    parsed = parsed.set(drivername=_DRIVERS[backend])
    if "sslmode" in parsed.query:
        # libpq's name, as every hosting service prints it; asyncpg takes the same values as `ssl`.
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": parsed.query["sslmode"]})
    return parsed


def _sqlite_engine(url: URL) -> AsyncEngine:
    # A URL may say `?timeout=…` itself.
    timeout = {} if "timeout" in url.query else {"timeout": _BUSY_TIMEOUT_SECONDS}
    engine = create_async_engine(url, connect_args=timeout, hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def set_pragmas(connection: Any, _: Any) -> None:
        # None: the driver starts no transactions of its own, `begin` below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        # Two processes that open an empty file at once both want to switch it, and this switch does not wait for
        # locks. It lasts, so whoever is refused finds it done by the other.
        with suppress(sqlite3.OperationalError):
            cursor.execute("PRAGMA journal_mode=WAL")
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql_engine(url: URL, command_timeout: float | None = _COMMAND_TIMEOUT_SECONDS) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        pool_timeout=_CONNECT_TIMEOUT_SECONDS,
        # A server that was restarted leaves dead connections behind; they are found before they are used.
        pool_pre_ping=True,
        connect_args={"timeout": _CONNECT_TIMEOUT_SECONDS, "command_timeout": command_timeout},
        hide_parameters=True,
    )
