"""Lessons and tags, as people wrote them. Called by the API.

The one thing to know: this is the only part of the store that is no projection: what is written here has no workflow
behind it (decision 0013). While the store is away nothing can be written, and the API says so.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Rejected, RejectionKind
from domain.pattern import Lesson, LessonText, Taggable, read_lesson, read_tags
from domain.search import Found
from store.columns import microseconds, storable
from store.database import Database
from store.indexing import forget_things, index_texts
from store.search_texts import text as search_text
from store.tables_learning import lessons, tags

_MOST_LESSONS = 500


class SqlPatterns:
    """The library behind `store.interface.PatternLibrary`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, id_: str, text: LessonText, by: str, now: datetime) -> Lesson:
        """Write a lesson; Rejected when somebody else has changed it since it was read. Twice is once."""
        fit = read_lesson(text)
        async with self._database.writing() as connection:
            stood = await _lesson(connection, id_)
            if stood is not None and stood.revision == fit.revision + 1 and stood.by == by and _same(stood, fit):
                return stood
            if (stood.revision if stood else 0) != fit.revision:
                raise Rejected(
                    f"lesson {id_} has changed since you read it; read it again and add yours", RejectionKind.CONFLICT
                )
            lesson = Lesson(id=id_, by=by, at=now, **fit.model_dump() | {"revision": fit.revision + 1})
            await _put(connection, lesson)
            return lesson

    async def retire(self, id_: str, by: str, now: datetime) -> Lesson:
        """Take a lesson out of lists and search; it can still be read. Twice is once."""
        async with self._database.writing() as connection:
            stood = await _lesson(connection, id_)
            if stood is None:
                raise _unknown(id_)
            lesson = stood if stood.is_retired else stood.model_copy(update={"is_retired": True, "by": by, "at": now})
            await _put(connection, lesson)
            return lesson

    async def lesson(self, id_: str) -> Lesson:
        """One; Rejected (not found) when there is none such."""
        async with self._database.reading() as connection:
            found = await _lesson(connection, id_)
        if found is None:
            raise _unknown(id_)
        return found

    async def lessons(self, *, tag: str | None = None, incident_id: str | None = None) -> list[Lesson]:
        """Those in use, newest first; with a tag, or of an incident."""
        query = select(lessons).where(lessons.c.is_retired.is_(False)).order_by(lessons.c.at.desc(), lessons.c.id)
        if tag is not None:
            tagged = select(tags.c.thing_id).where(tags.c.kind == Taggable.LESSON.value, tags.c.tag == tag)
            query = query.where(lessons.c.id.in_(tagged))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.limit(_MOST_LESSONS))).all()
            found = [await _read(connection, row) for row in rows]
        return [each for each in found if incident_id is None or incident_id in each.incidents]

    async def tag(self, kind: Taggable, id_: str, wanted: Sequence[str], by: str, now: datetime) -> tuple[str, ...]:
        """Give a thing exactly these tags; each keeps who gave it first."""
        fit = read_tags(wanted)
        async with self._database.writing() as connection:
            await _put_tags(connection, (kind, id_), fit, by, now)
        return fit

    async def tags_of(self, kind: Taggable, id_: str) -> tuple[str, ...]:
        """The tags of a thing."""
        async with self._database.reading() as connection:
            return await _tags(connection, kind, id_)

    async def tagged(self, tag: str) -> list[tuple[Taggable, str]]:
        """What has a tag, newest first."""
        query = (
            select(tags.c.kind, tags.c.thing_id).where(tags.c.tag == tag).order_by(tags.c.at.desc(), tags.c.thing_id)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.limit(_MOST_LESSONS))).all()
        return [(Taggable(row.kind), row.thing_id) for row in rows]

    async def all_tags(self) -> list[tuple[str, int]]:
        """Every tag and how often it was given, the most frequent first."""
        many = func.count().label("many")
        query = select(tags.c.tag, many).group_by(tags.c.tag).order_by(many.desc(), tags.c.tag).limit(_MOST_LESSONS)
        async with self._database.reading() as connection:
            return [(row.tag, int(row.many)) for row in (await connection.execute(query)).all()]


def _unknown(id_: str) -> Rejected:
    return Rejected(f"there is no lesson {id_[:80]!r}", RejectionKind.NOT_FOUND)


def _same(stood: Lesson, text: LessonText) -> bool:
    return (stood.title, stood.body, stood.tags, stood.incidents) == (text.title, text.body, text.tags, text.incidents)


async def _lesson(connection: AsyncConnection, id_: str) -> Lesson | None:
    row = (await connection.execute(select(lessons).where(lessons.c.id == id_))).one_or_none()
    return None if row is None else await _read(connection, row)


async def _read(connection: AsyncConnection, row: Any) -> Lesson:
    return Lesson(
        id=row.id,
        title=row.title,
        body=row.body,
        tags=await _tags(connection, Taggable.LESSON, row.id),
        incidents=tuple(row.incidents),
        by=row.by,
        at=datetime.fromtimestamp(row.at / 1_000_000, UTC),
        revision=row.revision,
        is_retired=row.is_retired,
    )


async def _put(connection: AsyncConnection, lesson: Lesson) -> None:
    values = {
        "title": storable(lesson.title),
        "body": storable(lesson.body),
        "incidents": list(lesson.incidents),
        "by": lesson.by,
        "at": microseconds(lesson.at),
        "revision": lesson.revision,
        "is_retired": lesson.is_retired,
    }
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(lessons).values(id=lesson.id, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=[lessons.c.id], set_=values))
    await _put_tags(connection, (Taggable.LESSON, lesson.id), lesson.tags, lesson.by, lesson.at)
    if lesson.is_retired:
        await forget_things(connection, Found.LESSON, [lesson.id])
        return
    words = [lesson.body, " ".join((*lesson.tags, *lesson.incidents))]
    text = search_text(Found.LESSON, lesson.id, None, microseconds(lesson.at), lesson.title, *words)
    await index_texts(connection, [text])


async def _tags(connection: AsyncConnection, kind: Taggable, id_: str) -> tuple[str, ...]:
    query = select(tags.c.tag).where(tags.c.kind == kind.value, tags.c.thing_id == id_).order_by(tags.c.tag)
    return tuple((await connection.execute(query)).scalars())


async def _put_tags(
    connection: AsyncConnection, thing: tuple[Taggable, str], wanted: Sequence[str], by: str, now: datetime
) -> None:
    kind, id_ = thing
    mine = (tags.c.kind == kind.value) & (tags.c.thing_id == id_)
    await connection.execute(delete(tags).where(mine, tags.c.tag.not_in(wanted)))
    if wanted:
        rows = [{"kind": kind.value, "thing_id": id_, "tag": tag, "by": by, "at": microseconds(now)} for tag in wanted]
        insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        await connection.execute(insert(tags).on_conflict_do_nothing(), rows)
