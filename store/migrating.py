"""Brings a database up to date with Alembic, from the migrations inside this package. Called at start and by `doctor`.

One transaction holds a lock for the whole upgrade, so that several processes may try at once: the others wait and
then find nothing to do.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from store.database import Database
from store.interface import Revision

_MIGRATIONS = Path(__file__).parent / "migrations"
# Any number that nothing else in the same database uses: "hotwash" in base 36, shortened to 31 bits.
_ADVISORY_LOCK = 1_094_861_636


async def upgrade(database: Database) -> None:
    """Run every migration that is missing; idempotent. Transient when the database is away."""
    async with database.changing() as connection:
        if not database.is_sqlite:
            # SQLite's write lock is taken already; PostgreSQL's lock goes with the transaction.
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        await connection.run_sync(_upgrade)


async def read_revision(database: Database) -> Revision:
    """Which migration the database has."""
    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    return Revision(current=await read_current(database), wanted=wanted or "")


async def read_current(database: Database) -> str | None:
    """The same without what is wanted; None: it has no tables yet."""
    async with database.reading() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    # A percent sign in the path would be read as interpolation.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
