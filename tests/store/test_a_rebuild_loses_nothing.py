"""While everything derived is made anew, workers go on saving: nothing of theirs is lost, doubled or left behind.

On SQLite and on a real PostgreSQL. A save that two others lock out of what it needs is tried again, as the engine does
with the activity `record.save`; a rebuild is never such a one.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import select, text

from domain.errors import Transient
from domain.record import Projection, ProjectionKind, RecordBatch
from domain.search import Found, parse_query
from store import Store, open_store
from store.database import Database
from store.rebuilding import rebuild
from store.tables_learning import search_documents
from tests.store.conftest import NewDatabase
from tests.store.test_search_and_insight_follow_every_save import held, some_picture
from tests.support.records import batch, entry, incident, picture

SAVERS = 4
# So few that a rebuild of some dozen things has many transactions, and savers come in between.
AT_A_TIME = 2


async def save(store: Store, each: RecordBatch) -> None:
    """As the engine does it: again, when the store says that it is worth a try."""
    for _ in range(20):
        try:
            await store.record.save(each)
        except Transient:
            continue
        return
    raise AssertionError("a save was locked out twenty times")


async def rebuilding(database: Database, saving: Sequence[asyncio.Task[None]]) -> int:
    """Make everything anew until nobody saves any more, and answer how often."""
    times = 0
    while not times or not all(task.done() for task in saving):
        await rebuild(database, at_a_time=AT_A_TIME)
        times += 1
    return times


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_saved_meanwhile_is_held(new_database: NewDatabase, seed: int) -> None:
    """Corrected, reopened, near misses, drills after all: as if nobody had rebuilt, and nobody had saved at once."""
    dice = random.Random(seed)
    url = new_database()
    stores = [open_store(url) for _ in range(SAVERS)]
    database = Database(url)
    await stores[0].migrate()
    pictures = [some_picture(dice, version) for version in range(1, 121)]
    for each in pictures[:40]:
        await save(stores[0], batch(f"alerts/{each.id}", entry(each.version), pictures=(each,)))

    async def go_on(place: int) -> None:
        for each in pictures[40 + place :: SAVERS]:
            # Every other one tells of a picture alone, as reviews and action items do between two lines.
            lines = (entry(each.version, incident_id=each.incident_id),) if each.version % 2 else ()
            await save(stores[place], batch(f"alerts/{each.id}", *lines, pictures=(each,)))

    saving = [asyncio.create_task(go_on(place)) for place in range(SAVERS)]
    await rebuilding(database, saving)
    await asyncio.gather(*saving)
    saved = await held(database)
    await rebuild(database)
    assert await held(database) == saved
    for each in (*stores, database):
        await each.close()


async def test_what_is_saved_meanwhile_is_found(new_database: NewDatabase) -> None:
    """Every line and every newest title, once each; old titles are gone."""
    url = new_database()
    stores = [open_store(url) for _ in range(SAVERS)]
    database = Database(url)
    await stores[0].migrate()
    titles = ("certificate expired", "replica lagging", "queue full")

    def named(number: int, version: int) -> Projection:
        return incident(f"inc-{number}", version=version, title=titles[(number + version) % len(titles)])

    await stores[0].record.save(batch("before", pictures=tuple(named(number, 1) for number in range(12))))

    async def go_on(place: int) -> None:
        for number in range(place, 12, SAVERS):
            for version in (2, 3, 4):
                line = entry(version, f"seen {number} {version}", incident_id=f"inc-{number}")
                item = picture(ProjectionKind.ACTION_ITEM, f"ai-{number}", version, f"inc-{number}", title="disk")
                await save(
                    stores[place], batch(f"incident/inc-{number}", line, pictures=(named(number, version), item))
                )

    saving = [asyncio.create_task(go_on(place)) for place in range(SAVERS)]
    await rebuilding(database, saving)
    await asyncio.gather(*saving)
    for place, title in enumerate(titles):
        hits = (await stores[0].search.search(parse_query(title), kinds=(Found.INCIDENT,), limit=50)).hits
        expected = Counter(f"inc-{number}" for number in range(12) if (number + 4) % len(titles) == place)
        assert Counter(hit.id for hit in hits) == expected
    async with database.reading() as connection:
        kinds = (await connection.execute(select(search_documents.c.kind))).scalars().all()
    assert Counter(kinds) == {"incident": 12, "action_item": 12, "entry": 36}
    for number in range(12):
        lines = (await stores[0].search.search(parse_query(f"seen {number}"), kinds=(Found.ENTRY,), limit=50)).hits
        assert len({hit.id for hit in lines if hit.title.startswith(f"seen {number} ")}) == 3
    for each in (*stores, database):
        await each.close()


async def test_search_and_insight_go_on_meanwhile(new_database: NewDatabase) -> None:
    """Whoever searches during a rebuild finds what was found before; nothing is away for a moment."""
    url = new_database()
    store, database = open_store(url), Database(url)
    await store.migrate()
    made = tuple(incident(f"inc-{number}", minutes=number, title="replica lagging") for number in range(12))
    await store.record.save(batch("a", *(entry(n, "replica seen") for n in range(1, 13)), pictures=made))

    async def seen() -> tuple[int, int]:
        hits = (await store.search.search(parse_query("replica"), limit=50)).hits
        alike = await store.alike.alike("inc-new", title="replica lagging badly", services=("checkout",))
        return len(hits), len(alike)

    before = await seen()
    assert before == (24, 5)
    task = asyncio.create_task(rebuild(database, at_a_time=AT_A_TIME))
    while not task.done():
        assert await seen() == before
    assert await task == 24
    assert await seen() == before
    await store.close()
    await database.close()


async def test_a_rebuild_waits_for_whoever_saves_for_long(tmp_path: Path) -> None:
    """SQLite refuses a save that waits too long, and the engine tries it again; nobody tries a rebuild again."""
    url = f"sqlite:///{tmp_path}/store.db?timeout=0.1"
    store, other = open_store(url), Database(url)
    await store.migrate()
    await store.record.save(batch("a", entry(1, "replica seen")))
    async with other.writing():
        with pytest.raises(Transient):
            await store.record.save(batch("a", entry(2, "replica lost")))
        task = asyncio.create_task(store.rebuild())
        # Longer than a save waits.
        await asyncio.wait({task}, timeout=0.5)
    assert await task == 1
    await store.close()
    await other.close()


async def test_the_index_of_sqlite_is_one_piece_afterwards(tmp_path: Path) -> None:
    """Four hundred lines that were indexed a few at a time: a search then reads one piece, as on the first day."""
    database = Database(f"sqlite:///{tmp_path}/store.db")
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    await store.migrate()
    for first in range(0, 400, 4):
        some = (entry(n, f"replica word{n}") for n in range(first, first + 4))
        await store.record.save(batch("a", *some))

    async def pieces() -> int:
        async with database.reading() as connection:
            asking = text("SELECT count(DISTINCT segid) FROM search_index_entry_idx")
            return int((await connection.execute(asking)).scalar_one())

    assert await pieces() > 1
    await store.rebuild()
    assert await pieces() == 1
    assert len((await store.search.search(parse_query("replica"), limit=200)).hits) == 200
    await store.close()
    await database.close()
