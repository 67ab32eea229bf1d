"""PostgreSQL for `check.sql` and for failovers: one connection per question, with asyncpg.

The one thing to know: whoever asks says whether it is a check (read-only, inside a SELECT) or a command of ours.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import asyncpg

from domain.action_targets import Database
from domain.errors import Rejected, RejectionKind, Transient

# A server that lives answers a connection at once; one behind a dead network never does.
_CONNECT_SECONDS = 5.0
_SHOWN_OF_AN_ERROR = 300
# https://www.postgresql.org/docs/current/errcodes-appendix.html by class: connection, resources, operator, system, and
# a transaction that lost against another one. What ends in one of these may go well the next time.
_PASSING_CLASSES = frozenset({"08", "40", "53", "55", "57", "58"})
_NO_RIGHT_CLASSES = frozenset({"28"})
_NO_PRIVILEGE = "42501"


class PostgresReader:
    """Implements `SqlReader`."""

    async def rows(
        self, database: Database, password: str | None, query: str, arguments: tuple[Any, ...], seconds: float
    ) -> list[list[Any]]:
        """Read, as `SqlReader` promises."""
        # Inside a SELECT only what can be selected from is grammar: no COMMIT, no COPY, no INSERT.
        wrapped = f"select * from (\n{query.strip().rstrip(';')}\n) as checked limit 2"  # noqa: S608 - that is what the runbook's author asked for
        async with postgres_connection(database, password, seconds) as connection:
            milliseconds = max(1, round(seconds * 1000))
            await connection.execute(f"set statement_timeout = {milliseconds}")
            async with connection.transaction(readonly=True):
                return [[_as_json(value) for value in row] for row in await connection.fetch(wrapped, *arguments)]


@asynccontextmanager
async def postgres_connection(database: Database, password: str | None, seconds: float) -> AsyncIterator[Any]:
    """A connection for one block; everything that goes wrong in it becomes Rejected or Transient."""
    where = f"{database.host}:{database.port}/{database.database}"
    try:
        async with asyncio.timeout(seconds):
            connection = await asyncpg.connect(
                host=database.host,
                port=database.port,
                user=database.user,
                # Empty and not None: asyncpg would look into the worker's environment and home.
                password=password or "",
                database=database.database,
                ssl=False if database.tls == "disable" else database.tls,
                timeout=min(_CONNECT_SECONDS, seconds),
            )
            try:
                yield connection
            finally:
                # Not `close`: it waits for a server that may be frozen.
                connection.terminate()
    except asyncpg.PostgresError as error:
        raise _told(where, error) from None
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, ValueError) as error:
        raise Rejected(f"{where} cannot be asked that: {_short(error)}") from None
    except (TimeoutError, OSError) as error:
        raise Transient(f"{where} cannot be reached or does not answer ({type(error).__name__})") from None


def _told(where: str, error: asyncpg.PostgresError) -> Rejected | Transient:
    state = error.sqlstate or ""
    sentence = f"{where} answered: {_short(error)}"
    if state[:2] in _PASSING_CLASSES:
        return Transient(sentence)
    forbidden = state[:2] in _NO_RIGHT_CLASSES or state == _NO_PRIVILEGE
    return Rejected(sentence, RejectionKind.FORBIDDEN if forbidden else RejectionKind.INVALID)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:_SHOWN_OF_AN_ERROR]


def _as_json(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)
