"""The conformance suite runs every test on both databases: SQLite in a file, and a real PostgreSQL."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from store import Store, open_store

NewDatabase = Callable[[], str]


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """Call it for the URL of an empty database."""
    if request.param == "sqlite":
        yield lambda: f"sqlite:///{tmp_path}/{uuid4().hex}.db"
        return
    server = request.getfixturevalue("postgres_server")
    made: list[str] = []

    def create() -> str:
        name = f"hw_{uuid4().hex}"
        server.psql(f"CREATE DATABASE {name};")
        made.append(name)
        return str(server.get_uri()).replace("/postgres?", f"/{name}?")

    with closing(_Dropping(server, made)):
        yield create


class _Dropping:
    """Drops what a test made; a session has hundreds of databases otherwise."""

    def __init__(self, server: object, names: list[str]) -> None:
        self._server, self._names = server, names

    def close(self) -> None:
        for name in self._names:
            self._server.psql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE);")


@pytest.fixture
async def store(new_database: NewDatabase) -> AsyncIterator[Store]:
    """A migrated, empty store."""
    opened = open_store(new_database())
    await opened.migrate()
    yield opened
    await opened.close()
