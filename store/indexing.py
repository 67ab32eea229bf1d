"""Puts words into the full-text index of either database, in the transaction of whoever saves the thing.

SQLite has an FTS5 table for each kind, because FTS5 counts every hit of a word before it ranks one: with all kinds in
one table a search cost six times as much. PostgreSQL has one table of tsvectors, with the kind as a word. Both are
given `domain.search.words_of`, so that they find the same. Called by `store/deriving.py`, and by `store/searching.py`
for runbooks.
"""

from collections.abc import Sequence

from sqlalchemy import delete, or_, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.search import Found, words_of
from store.search_texts import SearchText
from store.tables_learning import search_documents

# For SQLite; `{index}` is a name of ours.
_INDEX_SQLITE = "INSERT OR REPLACE INTO {index} (rowid, title, body) VALUES (:id, :title, :body)"
_FORGET = "DELETE FROM {index} WHERE rowid = :id"
# Of the index that are merged at once: some tenths of a second, in which nobody else can save.
_MERGED_PAGES = 500
_MERGE = "INSERT INTO {index} ({index}, rank) VALUES ('merge', :pages)"
# The kind is a column, to be read, and a word of its own, to be looked for.
_INDEX_POSTGRESQL = text(
    "INSERT INTO search_index (id, kind, vector) VALUES (:id, :kind, array_to_tsvector(ARRAY[CAST(:word AS text)])"
    " || setweight(to_tsvector('hotwash', :title), 'A') || setweight(to_tsvector('hotwash', :body), 'C'))"
    " ON CONFLICT (id) DO UPDATE SET vector = excluded.vector"
)


def index_of(kind: Found) -> str:
    """SQLite's full-text table of one kind; its row numbers are the ids of `search_documents`."""
    return f"search_index_{kind.value}"


def kind_word(kind: Found) -> str:
    """The word by which PostgreSQL finds things of one kind in the index; nobody types it."""
    return "xxkind" + kind.value.replace("_", "")


async def index_texts(connection: AsyncConnection, texts: Sequence[SearchText]) -> None:
    """Index what is new or says something else than before; the same words again cost one look."""
    # In one order for all savers, so that two cannot wait for each other.
    wanted = {(each.kind.value, each.thing_id): each for each in texts}
    if not wanted:
        return
    rows = [
        {
            "kind": kind,
            "thing_id": id_,
            "incident_id": each.incident_id,
            "at": each.at,
            "title": each.title,
            "body": each.body,
            "digest": each.digest,
        }
        for (kind, id_), each in sorted(wanted.items())
    ]
    table = search_documents
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(table)
    changing = {name: statement.excluded[name] for name in ("incident_id", "at", "title", "body", "digest")}
    statement = statement.on_conflict_do_update(
        index_elements=[table.c.kind, table.c.thing_id],
        set_=changing,
        # A time that was corrected counts as well: searches ask for what is newer than something.
        where=or_(
            table.c.digest != statement.excluded.digest,
            table.c.at.is_distinct_from(statement.excluded.at),
            table.c.incident_id.is_distinct_from(statement.excluded.incident_id),
        ),
    )
    changed = (await connection.execute(statement.returning(table.c.id, table.c.kind, table.c.thing_id), rows)).all()
    if not changed:
        return
    places = [
        {
            "id": row.id,
            "kind": row.kind,
            "word": kind_word(Found(row.kind)),
            "title": " ".join(words_of(wanted[row.kind, row.thing_id].title)),
            "body": " ".join(words_of(wanted[row.kind, row.thing_id].body)),
        }
        for row in changed
    ]
    if connection.dialect.name != "sqlite":
        await connection.execute(_INDEX_POSTGRESQL, places)
        return
    for kind in Found:
        of_kind = [place for place in places if place["kind"] == kind.value]
        if of_kind:
            await connection.execute(text(_INDEX_SQLITE.format(index=index_of(kind))), of_kind)


async def merge_index(connection: AsyncConnection, kind: Found, *, is_first: bool) -> bool:
    """A part of what makes SQLite's index of a kind one piece again; answers whether there is more to do.

    What was taken away stays in the index as a mark until then, and each search reads all of its pieces.
    """
    changes = text("SELECT total_changes()")
    before = (await connection.execute(changes)).scalar_one()
    merging = text(_MERGE.format(index=index_of(kind)))
    # A negative number begins with all pieces, however small; by the count of changes FTS5 tells that it is done.
    await connection.execute(merging, {"pages": -_MERGED_PAGES if is_first else _MERGED_PAGES})
    return bool((await connection.execute(changes)).scalar_one() - before > 1)


async def forget_others(connection: AsyncConnection, kind: Found, present: Sequence[str]) -> None:
    """Take away the things of one kind that are not there any more."""
    table = search_documents
    gone = delete(table).where(table.c.kind == kind.value, table.c.thing_id.not_in(present)).returning(table.c.id)
    await _unindex(connection, kind, (await connection.execute(gone)).scalars().all())


async def forget_things(connection: AsyncConnection, kind: Found, thing_ids: Sequence[str]) -> None:
    """Take these away; indexed again they count as newer than all others."""
    table = search_documents
    gone = delete(table).where(table.c.kind == kind.value, table.c.thing_id.in_(thing_ids)).returning(table.c.id)
    await _unindex(connection, kind, (await connection.execute(gone)).scalars().all())


async def _unindex(connection: AsyncConnection, kind: Found, ids: Sequence[int]) -> None:
    # PostgreSQL's rows went along with those of `search_documents`.
    if ids and connection.dialect.name == "sqlite":
        await connection.execute(text(_FORGET.format(index=index_of(kind))), [{"id": id_} for id_ in ids])
