"""Lists, search, single things and timelines, as the API shows them. All filters meet an index.

The one thing to know: a cursor names the last item of its page (rank and id), so pages stay stable while new things
are added at the front.
"""

import base64
import binascii
import builtins
import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Integer, and_, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.action_item import ActionItemStatus
from domain.errors import Rejected
from domain.record import ProjectionKind
from domain.review import ReviewStatus
from domain.search import parse_query
from store.columns import microseconds
from store.database import Database
from store.interface import Document, Listing, OneOrMore
from store.searching import incidents_with
from store.tables import picture_services, pictures, timeline_counters, timeline_entries
from store.tables_learning import incident_facts

# No page is longer, whatever the caller asks for: an incident's document is some ten kilobytes.
_LONGEST_PAGE = 500
_LONGEST_TIMELINE_PAGE = 5000
_OPEN_ITEMS = [status.value for status in ActionItemStatus if status not in {"done", "dropped"}]
_OPEN_REVIEWS = [status.value for status in ReviewStatus if status not in {"closed", "waived"}]


class SqlReader:
    """The reader behind the API; its methods promise what `store.interface.RecordReader` says."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def incidents(
        self,
        *,
        status: OneOrMore | None = None,
        severity: OneOrMore | None = None,
        service: OneOrMore | None = None,
        q: str | None = None,
        since: datetime | None = None,
        drill: bool | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Listing:
        """Incidents, newest first, that meet every filter given."""
        conditions = [
            *_one_of(pictures.c.state, status),
            *_one_of(pictures.c.severity, severity),
            *_serving(ProjectionKind.INCIDENT, service),
        ]
        if q is not None and q.strip():
            words = parse_query(q, as_typed=True)
            if not words.wanted:
                return Listing([], None)
            conditions.append(pictures.c.id.in_(incidents_with(words, is_sqlite=self._database.is_sqlite)))
        if since is not None:
            conditions.append(pictures.c.at >= microseconds(since))
        if drill is not None:
            conditions.append(pictures.c.is_drill.is_(drill))
        return await self._page(ProjectionKind.INCIDENT, conditions, cursor, limit)

    async def incident(self, incident_id: str) -> Document | None:
        """The newest picture of an incident."""
        return await self.get(ProjectionKind.INCIDENT, incident_id)

    async def list(
        self,
        kind: ProjectionKind,
        *,
        incident_id: str | None = None,
        state: OneOrMore | None = None,
        owner: OneOrMore | None = None,
        overdue: bool | None = None,
        created_before: datetime | None = None,
        name: OneOrMore | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Listing:
        """Things of one kind that meet every filter given."""
        conditions = [*_one_of(pictures.c.state, state), *_one_of(pictures.c.owner, owner)]
        if incident_id is not None:
            conditions.append(pictures.c.incident_id == incident_id)
        if overdue is not None:
            conditions.append(_is_overdue() if overdue else ~_is_overdue())
        if created_before is not None:
            conditions.append(pictures.c.at < microseconds(created_before))
        conditions += _one_of(pictures.c.document["name"].as_string(), name)
        return await self._page(kind, conditions, cursor, limit)

    async def get(self, kind: ProjectionKind, id: str) -> Document | None:  # noqa: A002 - the word of the contract
        """The newest picture of one thing."""
        query = select(pictures.c.document).where(pictures.c.kind == kind.value, pictures.c.id == id)
        async with self._database.reading() as connection:
            found: Document | None = (await connection.execute(query)).scalar_one_or_none()
        return found

    async def timeline(self, incident_id: str, after_seq: int = 0, limit: int = 500) -> builtins.list[Document]:
        """Entries after a `seq`, in order."""
        table = timeline_entries.c
        query = (
            select(table.seq, table.document)
            .where(table.incident_id == incident_id, table.seq > after_seq)
            .order_by(table.seq)
            .limit(_bounded(limit, _LONGEST_TIMELINE_PAGE))
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [{"seq": row.seq, "incident_id": incident_id, **row.document} for row in rows]

    async def latest_seq(self, incident_id: str) -> int:
        """The highest `seq`; 0 without entries."""
        query = select(timeline_counters.c.last_seq).where(timeline_counters.c.incident_id == incident_id)
        async with self._database.reading() as connection:
            return (await connection.execute(query)).scalar_one_or_none() or 0

    async def overview(self) -> Document:
        """How many there are of everything; counted in narrow tables and indexes, without reading a document."""
        async with self._database.reading() as connection:
            return {
                "incidents": await _count_incidents(connection),
                "action_items": await _count_owed(connection, ProjectionKind.ACTION_ITEM, _OPEN_ITEMS),
                "reviews": await _count_owed(connection, ProjectionKind.REVIEW, _OPEN_REVIEWS),
            }

    async def _page(
        self, kind: ProjectionKind, conditions: Sequence[ColumnElement[bool]], cursor: str | None, limit: int
    ) -> Listing:
        length = _bounded(limit, _LONGEST_PAGE)
        query = select(pictures.c.rank, pictures.c.id, pictures.c.document)
        query = query.where(pictures.c.kind == kind.value, *conditions)
        if cursor is not None:
            query = query.where(_after(cursor))
        # One more than the page holds tells whether there is a next one.
        query = query.order_by(pictures.c.rank.desc(), pictures.c.id.desc()).limit(length + 1)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        page = rows[:length]
        return Listing(
            [row.document for row in page], _cursor(page[-1].rank, page[-1].id) if len(rows) > length else None
        )


async def _count_incidents(connection: AsyncConnection) -> Document:
    fact = incident_facts.c
    was_reopened = func.sum(cast(fact.reopened > 0, Integer))
    query = select(fact.is_drill, fact.is_open, fact.severity, fact.state, func.count(), was_reopened)
    rows = (await connection.execute(query.group_by(fact.is_drill, fact.is_open, fact.severity, fact.state))).all()
    real = [row for row in rows if not row.is_drill]
    severities: Counter[str] = Counter()
    states: Counter[str] = Counter()
    for row in real:
        severities[row.severity] += row[4]
        states[row.state] += row[4]
    return {
        "total": sum(row[4] for row in real),
        "open": sum(row[4] for row in real if row.is_open),
        "by_severity": dict(sorted(severities.items())),
        "by_status": dict(sorted(states.items())),
        "reopened": sum(int(row[5] or 0) for row in real),
        "drills": sum(row[4] for row in rows if row.is_drill),
    }


async def _count_owed(connection: AsyncConnection, kind: ProjectionKind, states: Sequence[str]) -> Document:
    mine = pictures.c.kind == kind.value
    by_state = select(pictures.c.state, func.count()).where(mine, pictures.c.state.in_(states))
    late = select(func.count()).where(mine, _is_overdue())
    found = {row[0]: int(row[1]) for row in (await connection.execute(by_state.group_by(pictures.c.state))).all()}
    overdue = int((await connection.execute(late)).scalar_one())
    return {"open": sum(found.values()), "overdue": overdue, "by_state": dict(sorted(found.items()))}


def _bounded(limit: int, longest: int) -> int:
    return max(1, min(limit, longest))


def _one_of(column: ColumnElement[str | None], wanted: OneOrMore | None) -> list[ColumnElement[bool]]:
    if wanted is None:
        return []
    return [column == wanted] if isinstance(wanted, str) else [column.in_(list(wanted))]


def _serving(kind: ProjectionKind, service: OneOrMore | None) -> list[ColumnElement[bool]]:
    if service is None:
        return []
    table = picture_services.c
    return [pictures.c.id.in_(select(table.id).where(table.kind == kind.value, *_one_of(table.service, service)))]


def _is_overdue() -> ColumnElement[bool]:
    now = microseconds(datetime.now(UTC))
    return and_(pictures.c.is_open.is_(True), pictures.c.due_at.is_not(None), pictures.c.due_at < now)


def _cursor(rank: int, id_: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([rank, id_]).encode()).decode().rstrip("=")


def _after(cursor: str) -> ColumnElement[bool]:
    try:
        rank, id_ = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError):
        rank, id_ = None, None
    if not isinstance(rank, int) or not isinstance(id_, str):
        message = "the cursor is not one that a list has given; leave it out to begin at the first page"
        raise Rejected(message)
    return or_(pictures.c.rank < rank, and_(pictures.c.rank == rank, pictures.c.id < id_))
