"""Turns an `Evidence` into SQL: counted, tallied by a group, as a distribution, or listed one by one.

Called by `store/insight.py`. The one thing to know: all four share `_conditions`, so that a number and its drill-down
are the same question. Everything is answered from the narrow tables of `tables_learning.py`.
"""

import asyncio
import base64
import binascii
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, Text, and_, case, cast, func, literal, not_, or_, select, tuple_

from domain.errors import Rejected
from domain.insight.clock import BUSINESS_CLOSES, BUSINESS_OPENS, SLEEP_BEGINS, SLEEP_ENDS, offsets
from domain.insight.evidence import Evidence, FirstOf, Grouping, Subject, Which
from domain.insight.words import FROM_ONE_SOURCE, Measure
from domain.record import ProjectionKind
from store.columns import microseconds
from store.database import Database
from store.interface import Document, Listing
from store.tables import pictures
from store.tables_learning import (
    alert_facts,
    incident_dimensions,
    incident_facts,
    item_facts,
    page_facts,
    promise_facts,
    review_facts,
)

_LONGEST_PAGE = 500
_SECOND = 1_000_000
# 1 January 1970 was a Thursday; hours of the week are counted from Monday.
_HOURS_TO_MONDAY = 72
_SATURDAY = 5
_A_WEEK = 7 * 24 * 3600
_DAY = 24 * 3600 * _SECOND

Condition = ColumnElement[bool]


@dataclass(frozen=True)
class _Subject:
    """Where the things of a subject are."""

    table: Table
    key: tuple[str, ...]
    # The time by which they belong to a window, and by which lists are sorted.
    at: str
    url: Callable[[Any], str]


_SUBJECTS: dict[Subject, _Subject] = {
    Subject.INCIDENT: _Subject(incident_facts, ("incident_id",), "at", lambda row: f"/incidents/{row.incident_id}"),
    Subject.NEAR_MISS: _Subject(incident_facts, ("incident_id",), "at", lambda row: f"/incidents/{row.incident_id}"),
    Subject.DRILL: _Subject(incident_facts, ("incident_id",), "at", lambda row: f"/incidents/{row.incident_id}"),
    Subject.ACTION_ITEM: _Subject(item_facts, ("item_id",), "at", lambda row: f"/action-items/{row.item_id}"),
    Subject.PROMISE: _Subject(
        promise_facts, ("update_id",), "promised_at", lambda row: f"/incidents/{row.incident_id}"
    ),
    Subject.ALERT: _Subject(alert_facts, ("origin", "rule"), "at", lambda row: f"/triage/{row.group_id}"),
    Subject.DRILL_ALERT: _Subject(alert_facts, ("origin", "rule"), "at", lambda row: f"/triage/{row.group_id}"),
    Subject.PAGE: _Subject(
        page_facts, ("page_id", "person", "level", "round"), "at", lambda row: f"/incidents/{row.incident_id}"
    ),
    Subject.REVIEW: _Subject(review_facts, ("incident_id",), "first_due_at", lambda row: f"/reviews/{row.incident_id}"),
}


_DRILLS = {Subject.DRILL, Subject.DRILL_ALERT}
# A near miss is no incident; what hangs on either (pages, promises, items) counts all the same.
_INCIDENTS = {Subject.INCIDENT, Subject.NEAR_MISS}


class InsightCounting:
    """Counts what an `Evidence` describes; `zone` is the local time of hours and weekdays."""

    def __init__(self, database: Database, zone: str) -> None:
        self._database = database
        self._zone = zone

    async def count(self, evidence: Evidence) -> int:
        """How many there are."""
        return (await self.counts([evidence]))[evidence.query()]

    async def counts(self, evidences: Iterable[Evidence]) -> dict[str, int]:
        """Of each, by its `query()`, how many there are; those that differ by `which` alone are seen in one look."""
        alike: dict[str, tuple[Evidence, dict[str, Evidence]]] = {}
        for each in evidences:
            # What of an action item counts in a window is its `which`'s to say: together they would look at all items.
            of_items = _SEEN_WITH.get(each.which) if each.which and each.of is Subject.ACTION_ITEM else None
            base = each.but(which=of_items)
            alike.setdefault(base.query(), (base, {}))[1][each.query()] = each
        found = await asyncio.gather(*(self._counts_alike(base, list(some.values())) for base, some in alike.values()))
        return {query: many for one in found for query, many in one.items()}

    async def tallies(self, evidence: Evidence, by: Grouping, *whiches: Which) -> dict[str, tuple[int, ...]]:
        """Every group: how many are in it, and for how many of these each `which` holds."""
        group = self._group(evidence, by).label("name")
        counted = [func.count(), *(func.count().filter(self._which(evidence, which)) for which in whiches)]
        query = select(group, *counted).select_from(_SUBJECTS[evidence.of].table).where(*self._conditions(evidence))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.group_by(group))).all()
        return {str(row[0]): tuple(int(many) for many in row[1:]) for row in rows}

    async def hours(self, evidence: Evidence, *whiches: Which) -> dict[str, tuple[tuple[int, int], ...]]:
        """Of each person: pages and hours with one; the same for each part of the day and the week that is asked for.

        Local time is worked out once for each row; an hour of the clock is in one part only.
        """
        page = page_facts.c
        # Counted in UTC, so that the hour which comes twice in autumn is two; zones may be half an hour apart.
        number = ((page.at // _SECOND + self._ahead(page.at, evidence, within=3600)) // 3600).label("number")
        band = self._hour_of_week(evidence).label("hour")
        query = select(page.person, number, band, func.count().label("many")).where(*self._conditions(evidence))
        hours = query.group_by(page.person, number, band).subquery()
        counted: list[ColumnElement[Any]] = [func.sum(hours.c.many), func.count()]
        for which in whiches:
            is_in = _band(hours.c.hour, which)
            counted += [func.coalesce(func.sum(hours.c.many).filter(is_in), 0), func.count().filter(is_in)]
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(hours.c.person, *counted).group_by(hours.c.person))).all()
        return {row[0]: tuple(zip(map(int, row[1::2]), map(int, row[2::2]), strict=True)) for row in rows}

    async def with_several(self, evidence: Evidence) -> dict[str, tuple[str, ...]]:
        """The incidents that have several values of the evidence's dimension, and which."""
        table = incident_dimensions.c
        few = select(table.incident_id).where(*_dimension(evidence))
        few = few.group_by(table.incident_id).having(func.count() > 1)
        query = select(table.incident_id, table.value).where(*_dimension(evidence), table.incident_id.in_(few))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        found: dict[str, tuple[str, ...]] = {}
        for row in rows:
            found[row.incident_id] = (*found.get(row.incident_id, ()), row.value)
        return found

    async def tally(self, evidence: Evidence, by: Grouping, limit: int = 10) -> list[tuple[str, int]]:
        """The largest groups and how many are in each."""
        if by is Grouping.VALUE:
            query = _tally_values(evidence, limit)
        else:
            group = self._group(evidence, by).label("name")
            many = func.count().label("many")
            query = select(group, many).select_from(_SUBJECTS[evidence.of].table).where(*self._conditions(evidence))
            query = query.group_by(group).order_by(many.desc(), group).limit(limit)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [(str(row.name), int(row.many)) for row in rows]

    async def values(self, evidence: Evidence) -> dict[Measure, list[tuple[int, int]]]:
        """Of each measure the seconds by rising value, each with how many of these incidents have it."""
        # One text each from one look at the incidents: a row of five numbers for each of them would take longer to
        # carry over than to count, and five groupings sort them five times.
        found = [func.aggregate_strings(cast(incident_facts.c[measure.value], Text), ",") for measure in Measure]
        query = select(*found).where(*self._conditions(evidence))
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one()
        return {measure: _counted(seconds or "") for measure, seconds in zip(Measure, row, strict=True)}

    async def listing(self, evidence: Evidence, cursor: str | None = None, limit: int = 50) -> Listing:
        """The things themselves, newest first."""
        subject = _SUBJECTS[evidence.of]
        at = func.coalesce(subject.table.c[subject.at], 0)
        keys = [subject.table.c[name] for name in subject.key]
        length = max(1, min(limit, _LONGEST_PAGE))
        query = select(subject.table, _title(evidence.of).label("shown_title")).where(*self._conditions(evidence))
        if cursor is not None:
            query = query.where(tuple_(at, *keys) < tuple_(*(literal(part) for part in _read_cursor(cursor, keys))))
        query = query.order_by(at.desc(), *(key.desc() for key in keys)).limit(length + 1)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        following = None
        if len(rows) > length:
            last = rows[length - 1]._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
            following = _cursor([last[subject.at] or 0, *(last[name] for name in subject.key)])
        return Listing([_shown(evidence, subject, row) for row in rows[:length]], following)

    # --- inside ---

    async def _counts_alike(self, together: Evidence, evidences: Sequence[Evidence]) -> dict[str, int]:
        """Of evidences that differ by `which` alone; `together` is what holds for all of them."""
        counted: list[ColumnElement[int]]
        if _is_in_dimensions(evidences):
            table, base = incident_dimensions, _dimension(evidences[0])
            counted = [func.count(incident_dimensions.c.incident_id.distinct()) for _ in evidences]
        elif len(evidences) == 1:
            table, base, counted = _SUBJECTS[evidences[0].of].table, self._conditions(evidences[0]), [func.count()]
        else:
            table, base = _SUBJECTS[together.of].table, self._conditions(together)
            counted = [
                func.count()
                if each.which in {None, together.which}
                else func.count().filter(self._which(each, each.which))
                for each in evidences
            ]
        query = select(*counted).select_from(table).where(*base)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one()
        return {each.query(): int(many) for each, many in zip(evidences, row, strict=True)}

    def _conditions(self, evidence: Evidence) -> list[Condition]:
        subject = _SUBJECTS[evidence.of]
        columns = subject.table.c
        is_standing = evidence.of is Subject.ACTION_ITEM
        found: list[Condition] = []
        if evidence.of in _DRILLS:
            found.append(columns.is_drill.is_(True))
        else:
            found.append(columns.is_real.is_(True))
        if evidence.of in _INCIDENTS:
            found.append(columns.is_near_miss.is_(evidence.of is Subject.NEAR_MISS))
        if not is_standing:
            found += _within(columns[subject.at], evidence)
        found += self._narrowed(evidence, columns)
        if evidence.which is not None:
            found.append(self._which(evidence, evidence.which))
        return found

    def _narrowed(self, evidence: Evidence, columns: Any) -> list[Condition]:
        found: list[Condition] = []
        if evidence.dimension is not None:
            alike = select(incident_dimensions.c.incident_id).where(*_dimension(evidence))
            found.append(columns.incident_id.in_(alike))
        elif evidence.values:
            found.append(columns[_VALUES[evidence.of]].in_(evidence.values))
        if evidence.severity is not None:
            found.append(columns.severity == evidence.severity)
        if evidence.measure is not None:
            found.append(columns[evidence.measure.value].is_not(None))
        if evidence.hour is not None:
            found.append(self._hour_of_week(evidence) % 24 == evidence.hour)
        if evidence.weekday is not None:
            found.append(self._hour_of_week(evidence) // 24 == evidence.weekday)
        if evidence.first_of is not None:
            found.append(self._is_first(evidence, evidence.first_of))
        return found

    def _is_first(self, evidence: Evidence, of: FirstOf) -> Condition:
        """No earlier page of the same person in the same hour of local time, or at all; as far as the window goes."""
        if evidence.of is not Subject.PAGE:
            raise Rejected(f"'first_of' says nothing of {evidence.of.value.replace('_', ' ')}s")
        mine, earlier = page_facts.c, page_facts.alias("earlier").c
        key = ("at", "page_id", "level", "round")
        before = tuple_(*(earlier[name] for name in key)) < tuple_(*(mine[name] for name in key))
        query = select(literal(1)).where(earlier.person == mine.person, earlier.is_real.is_(True), before)
        query = query.where(earlier.at >= microseconds(evidence.since))
        if of is FirstOf.HOUR:
            past = (mine.at // _SECOND + self._ahead(mine.at, evidence, within=3600)) % 3600
            query = query.where(earlier.at >= mine.at - past * _SECOND - mine.at % _SECOND)
        return not_(query.exists())

    def _which(self, evidence: Evidence, which: Which) -> Condition:
        if evidence.of is Subject.PAGE:
            return _band(self._hour_of_week(evidence), which)
        known = _WHICH.get((evidence.of, which))
        if known is None:
            raise Rejected(f"{which.value!r} says nothing of {evidence.of.value.replace('_', ' ')}s")
        return known(evidence)

    def _hour_of_week(self, evidence: Evidence) -> ColumnElement[int]:
        """0 is Monday, midnight to one, in local time; summer time included."""
        at = _SUBJECTS[evidence.of].table.c.at
        hours: ColumnElement[int] = (at // _SECOND + self._ahead(at, evidence)) // 3600
        return (hours + _HOURS_TO_MONDAY) % 168

    def _ahead(self, at: ColumnElement[int], evidence: Evidence, within: int = _A_WEEK) -> Any:
        """How many seconds local time is ahead of UTC then; `within` an hour, only the part of one."""
        steps = [(moment, ahead % within) for moment, ahead in offsets(self._zone, evidence.since, evidence.until)]
        if len(steps) == 1:
            return literal(steps[0][1])
        whens = [(at >= microseconds(moment), seconds) for moment, seconds in reversed(steps[1:])]
        return case(*whens, else_=steps[0][1])

    def _group(self, evidence: Evidence, by: Grouping) -> ColumnElement[Any]:
        columns = _SUBJECTS[evidence.of].table.c
        match by:
            case Grouping.HOUR_OF_WEEK:
                return self._hour_of_week(evidence)
            case _:
                return columns[by.value]


# Of which the others are a part.
_SEEN_WITH = {
    Which.OPEN: Which.OPEN,
    Which.OVERDUE: Which.OPEN,
    Which.FINISHED: Which.FINISHED,
    Which.FINISHED_ON_TIME: Which.FINISHED,
}

# What `values` means where no dimension is named.
_VALUES = {
    Subject.PAGE: "person",
    Subject.ALERT: "rule",
    Subject.DRILL_ALERT: "rule",
    Subject.PROMISE: "audience",
    Subject.ACTION_ITEM: "owner",
    Subject.INCIDENT: "incident_id",
    Subject.NEAR_MISS: "incident_id",
    Subject.DRILL: "incident_id",
    Subject.REVIEW: "incident_id",
}


def _band(hour: ColumnElement[int], which: Which) -> Condition:
    """Whether an hour of the week is one at which people sleep, work, or do neither."""
    asleep = or_(hour % 24 >= SLEEP_BEGINS, hour % 24 < SLEEP_ENDS)
    at_work = and_(hour // 24 < _SATURDAY, hour % 24 >= BUSINESS_OPENS, hour % 24 < BUSINESS_CLOSES)
    match which:
        case Which.SLEEP:
            return asleep
        case Which.BUSINESS:
            return at_work
        case Which.OFF_HOURS:
            return and_(not_(asleep), not_(at_work))
    raise Rejected(f"{which.value!r} says nothing of pages")


def _counted(seconds: str) -> list[tuple[int, int]]:
    # Counted as text, of which most comes several times.
    return sorted((int(value), many) for value, many in Counter(seconds.split(",")).items()) if seconds else []


def _within(at: ColumnElement[Any], evidence: Evidence) -> list[Condition]:
    return [at >= microseconds(evidence.since), at < microseconds(evidence.until)]


def _dimension(evidence: Evidence) -> list[Condition]:
    table = incident_dimensions.c
    found: list[Condition] = [table.is_real.is_(True), *_within(table.at, evidence)]
    if evidence.of in _INCIDENTS:
        found.append(table.is_near_miss.is_(evidence.of is Subject.NEAR_MISS))
    if evidence.dimension is not None:
        found.append(table.dimension == evidence.dimension.value)
    if evidence.values:
        found.append(table.value.in_(evidence.values))
    return found


def _is_in_dimensions(evidences: Sequence[Evidence]) -> bool:
    """Whether the rows of a dimension alone tell how many incidents there are."""
    plain = evidences[0].but(which=None, dimension=None, values=())
    return (
        plain.of in _INCIDENTS
        and evidences[0].dimension is not None
        and plain == Evidence(of=plain.of, since=plain.since, until=plain.until)
        and all(each.which is None for each in evidences)
    )


def _tally_values(evidence: Evidence, limit: int) -> Select[Any]:
    table = incident_dimensions.c
    # To look for doubles takes longer than to count.
    single = evidence.dimension in FROM_ONE_SOURCE
    many = (func.count() if single else func.count(table.incident_id.distinct())).label("many")
    query = select(table.value.label("name"), many).where(*_dimension(evidence))
    return query.group_by(table.value).order_by(many.desc(), table.value).limit(limit)


def _until(evidence: Evidence) -> int:
    return microseconds(evidence.until)


_item, _promise, _review, _incident = item_facts.c, promise_facts.c, review_facts.c, incident_facts.c
_late_answer = _promise.answered_at > _promise.promised_at
_in_time = and_(_review.finished_at <= _review.first_due_at, _review.state != "waived")
_signed = and_(_review.finished_at.is_not(None), _review.state != "waived")

_WHICH: dict[tuple[Subject, Which], Callable[[Evidence], Condition]] = {
    (Subject.ACTION_ITEM, Which.OPEN): lambda _: _item.is_open.is_(True),
    (Subject.ACTION_ITEM, Which.OVERDUE): lambda e: and_(_item.is_open.is_(True), _item.due_at < _until(e)),
    (Subject.ACTION_ITEM, Which.FINISHED): lambda e: and_(_item.state == "done", *_within(_item.finished_at, e)),
    (Subject.ACTION_ITEM, Which.FINISHED_ON_TIME): lambda e: and_(
        _item.state == "done", *_within(_item.finished_at, e), _item.finished_at <= _item.due_at, _item.extensions == 0
    ),
    (Subject.PROMISE, Which.KEPT): lambda _: _promise.answered_at <= _promise.promised_at,
    (Subject.PROMISE, Which.BROKEN): lambda _: or_(_late_answer, _promise.answered_at.is_(None)),
    (Subject.PROMISE, Which.BROKEN_LATE): lambda _: _late_answer,
    (Subject.ALERT, Which.MATTERED): lambda _: alert_facts.c.mattered.is_(True),
    (Subject.ALERT, Which.IGNORED): lambda _: alert_facts.c.mattered.is_(False),
    (Subject.ALERT, Which.WITHOUT_RUNBOOK): lambda _: alert_facts.c.has_runbook.is_(False),
    (Subject.ALERT, Which.UNTITLED): lambda _: alert_facts.c.has_title.is_(False),
    (Subject.ALERT, Which.UNMEASURED): lambda _: alert_facts.c.has_metric.is_(False),
    (Subject.ALERT, Which.ENDED_BY_ITSELF): lambda _: alert_facts.c.is_resolved.is_(True),
    (Subject.ALERT, Which.NOT_ENDED): lambda e: and_(
        alert_facts.c.is_resolved.is_(False), alert_facts.c.at < _until(e) - _DAY
    ),
    (Subject.REVIEW, Which.ON_TIME): lambda _: _in_time,
    (Subject.REVIEW, Which.EXTENDED): lambda _: and_(
        _signed, _review.finished_at > _review.first_due_at, _review.finished_at <= _review.due_at
    ),
    (Subject.REVIEW, Which.LATE): lambda _: and_(_signed, _review.finished_at > _review.due_at),
    (Subject.REVIEW, Which.WAIVED): lambda _: _review.state == "waived",
    (Subject.REVIEW, Which.OWED): lambda _: and_(_review.finished_at.is_(None), _review.state != "waived"),
    (Subject.REVIEW, Which.DECIDED): lambda _: _review.state != "waived",
    (Subject.INCIDENT, Which.DETECTED_BY_AUTOMATION): lambda _: _incident.declared_by.in_(("automation", "alert")),
    (Subject.INCIDENT, Which.HANDLED_HERE): lambda _: _incident.declared_by != "",
    (Subject.INCIDENT, Which.ACKNOWLEDGED): lambda _: and_(
        _incident.to_acknowledge.is_not(None), _incident.declared_by != ""
    ),
    (Subject.INCIDENT, Which.REOPENED): lambda _: _incident.reopened > 0,
}


def _title(of: Subject) -> ColumnElement[Any]:
    if of is Subject.ACTION_ITEM:
        return _item.title
    if of in {Subject.ALERT, Subject.DRILL_ALERT}:
        return alert_facts.c.rule
    incident_id = _SUBJECTS[of].table.c.incident_id
    found = select(pictures.c.title).where(
        pictures.c.kind == ProjectionKind.INCIDENT.value, pictures.c.id == incident_id
    )
    return found.scalar_subquery()


# Columns that hold a time, and those that are for the database only.
_MOMENTS = {"at", "due_at", "first_due_at", "finished_at", "promised_at", "answered_at"}
_HIDDEN = {"shown_title", "is_real"}


def _shown(evidence: Evidence, subject: _Subject, row: Any) -> Document:
    fields: Document = {
        "id": ":".join(str(getattr(row, name)) for name in subject.key),
        "title": row.shown_title or "",
        "url": subject.url(row),
    }
    for name, value in row._mapping.items():  # noqa: SLF001 - SQLAlchemy's public name for it
        if name not in _HIDDEN and name not in fields:
            fields[name] = _moment(value) if name in _MOMENTS else value
    if evidence.measure is not None:
        fields["seconds"] = fields[evidence.measure.value]
    return fields


def _moment(value: int | None) -> str | None:
    return None if value is None else datetime.fromtimestamp(value / _SECOND, UTC).isoformat()


def _cursor(parts: Sequence[object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _read_cursor(cursor: str, keys: Sequence[ColumnElement[Any]]) -> list[Any]:
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError):
        parts = None
    fits = isinstance(parts, list) and len(parts) == 1 + len(keys) and isinstance(parts[0], int)
    if not fits or any(not isinstance(part, key.type.python_type) for part, key in zip(parts[1:], keys, strict=True)):
        raise Rejected("the cursor is not one that a list has given; leave it out to begin at the first page")
    return list(parts)
