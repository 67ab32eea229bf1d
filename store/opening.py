"""Opens the store for a URL and puts its parts together; the rest of the house sees `store.interface` only."""

import asyncio
from collections.abc import Mapping, Sequence

from domain.errors import Transient
from domain.insight.words import DEFAULT_LIMITS, LoadLimits, Window
from store.alike import SqlAlike
from store.database import Database
from store.insight import SqlInsight
from store.interface import (
    AlikeFinder,
    Document,
    EffectLedger,
    InsightReader,
    PatternLibrary,
    RecordReader,
    RecordSink,
    Revision,
    SearchIndex,
    TimelineReader,
)
from store.ledger import SqlLedger
from store.migrating import read_current, read_revision, upgrade
from store.patterns import SqlPatterns
from store.reading import SqlReader
from store.rebuilding import bring_up_to_date, rebuild
from store.recording import SqlRecord
from store.searching import SqlSearch

# A page of the timeline per query when all of it is wanted; a row is about a kilobyte.
_TIMELINE_PAGE = 1000


class SqlStore:
    """The one implementation, for SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.record: RecordSink = SqlRecord(database)
        self.ledger: EffectLedger = SqlLedger(database)
        self.reader: RecordReader = SqlReader(database)
        self.timelines: TimelineReader = WholeTimelines(self.reader)
        self.search: SearchIndex = SqlSearch(database)
        self.alike: AlikeFinder = SqlAlike(database)
        self.patterns: PatternLibrary = SqlPatterns(database)

    def insight(
        self, window: Window, teams: Mapping[str, Sequence[str]], zone: str, limits: LoadLimits = DEFAULT_LIMITS
    ) -> InsightReader:
        """Counting over a window."""
        return SqlInsight(self._database, window, teams, zone, limits)

    @property
    def address(self) -> str:
        """Where the database is, without credentials."""
        return self._database.address

    async def migrate(self) -> None:
        """Bring the tables up to date; a second process that tries at the same time waits for the first."""
        await upgrade(self._database)
        await bring_up_to_date(self._database)
        await self._database.optimise()

    async def rebuild(self) -> int:
        """Make search and insight anew from the record; answers from how many things."""
        return await rebuild(self._database)

    async def revision(self) -> Revision:
        """Which migration the database has, and which one is wanted."""
        return await read_revision(self._database)

    async def ping(self) -> None:
        """Return when the database answers; Transient otherwise."""
        await self._database.ping()

    async def demand_ready(self) -> None:
        """Return when the database answers and has been given its tables; Transient otherwise."""
        if await read_current(self._database) is None:
            raise Transient(f"the store at {self.address} has no tables yet; a worker makes them as it starts")

    async def close(self) -> None:
        """Give the connections back; shielded, so that a cancelled caller leaves no open file behind."""
        await asyncio.shield(self._database.close())


class WholeTimelines:
    """Reads a timeline to its end, page by page, for those who need all of it."""

    def __init__(self, reader: RecordReader) -> None:
        self._reader = reader

    async def timeline(self, incident_id: str) -> list[Document]:
        """Every entry, oldest first."""
        entries: list[Document] = []
        while page := await self._reader.timeline(incident_id, entries[-1]["seq"] if entries else 0, _TIMELINE_PAGE):
            entries.extend(page)
        return entries

    async def incident(self, incident_id: str) -> Document | None:
        """The newest picture of the incident."""
        return await self._reader.incident(incident_id)


def open_store(url: str) -> SqlStore:
    """Open a store by URL (`sqlite:///PATH`, `postgresql://USER:PASSWORD@HOST/NAME`); connects on first use.

    Raises Rejected, naming the scheme and never the URL, when the URL is of no use.
    """
    return SqlStore(Database(url))
