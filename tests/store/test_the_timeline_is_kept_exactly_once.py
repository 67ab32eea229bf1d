"""Every timeline entry is kept exactly once, in one order that never changes, whoever saves it and how often."""

import asyncio

from store import Store, open_store
from tests.store.conftest import NewDatabase
from tests.support.records import batch, entry


async def test_entries_get_a_rising_seq_per_incident(store: Store) -> None:
    """Each incident counts from 1, in the order in which entries are saved."""
    await store.record.save(batch("incident/inc-1", entry(1), entry(2), entry(3, incident_id="inc-2")))
    await store.record.save(batch("run/inc-1/x/1", entry(1, "run started")))
    first = await store.reader.timeline("inc-1")
    assert [(line["seq"], line["summary"]) for line in first] == [(1, "entry 1"), (2, "entry 2"), (3, "run started")]
    assert [line["seq"] for line in await store.reader.timeline("inc-2")] == [1]
    assert await store.reader.latest_seq("inc-1") == 3
    assert await store.reader.latest_seq("inc-unknown") == 0


async def test_an_entry_is_shown_as_the_contract_says(store: Store) -> None:
    """The fields that outside checks read are there, and nothing of what was given is lost."""
    await store.record.save(batch("incident/inc-1", entry(1, "started", link="x")))
    line = (await store.reader.timeline("inc-1"))[0]
    assert line["seq"] == 1
    assert line["at"] == "2026-11-22T09:01:00Z"
    assert (line["kind"], line["actor"], line["summary"]) == ("note", {"kind": "automation", "name": "test"}, "started")
    assert (line["details"], line["links"]) == ({"link": "x"}, [])


async def test_saving_twice_changes_nothing(store: Store) -> None:
    """A retried save, whole or in part, adds only what is not there yet."""
    saved = batch("incident/inc-1", entry(1), entry(2))
    await store.record.save(saved)
    await store.record.save(saved)
    await store.record.save(batch("incident/inc-1", entry(2, "another text"), entry(3)))
    assert [line["summary"] for line in await store.reader.timeline("inc-1")] == ["entry 1", "entry 2", "entry 3"]


async def test_entries_may_come_out_of_order(store: Store) -> None:
    """A late entry gets the next seq; nothing is lost because a higher number was there before."""
    await store.record.save(batch("a", entry(5)))
    await store.record.save(batch("a", entry(2)))
    lines = await store.reader.timeline("inc-1")
    assert [(line["seq"], line["summary"]) for line in lines] == [(1, "entry 5"), (2, "entry 2")]


async def test_entries_without_an_incident_are_kept_once_and_disturb_nobody(store: Store) -> None:
    """An alert group in triage has no incident yet."""
    lonely = batch("alerts/x#1", entry(1, incident_id=None), entry(2, incident_id="inc-1"))
    await asyncio.gather(*(store.record.save(lonely) for _ in range(4)))
    assert [line["summary"] for line in await store.reader.timeline("inc-1")] == ["entry 2"]


async def test_many_savers_at_once_lose_and_double_nothing(new_database: NewDatabase) -> None:
    """Workers, each with connections of its own, save to one incident at once: no gap, no double, no order lost."""
    url = new_database()
    stores = [open_store(url) for _ in range(3)]
    await asyncio.gather(*(store.migrate() for store in stores))

    async def save(store: Store, origin: str) -> None:
        for number in range(1, 8):
            # Each batch repeats the one before, as a retry after a lost answer does.
            await store.record.save(batch(origin, entry(max(number - 1, 1)), entry(number)))

    await asyncio.gather(*(save(store, f"run/{place % 4}") for place, store in enumerate(stores * 4)))
    lines = await stores[0].reader.timeline("inc-1")
    assert [line["seq"] for line in lines] == list(range(1, 4 * 7 + 1))
    for store in stores:
        await store.close()


async def test_a_follower_never_misses_an_entry(store: Store) -> None:
    """A reader that always asks after the last seq it saw ends up with every entry, while others are writing."""
    seen: list[int] = []

    async def follow() -> None:
        while len(seen) < 40:
            seen.extend(line["seq"] for line in await store.reader.timeline("inc-1", seen[-1] if seen else 0))

    async def write(origin: str) -> None:
        for number in range(1, 11):
            await store.record.save(batch(origin, entry(number)))

    await asyncio.gather(follow(), *(write(f"w{place}") for place in range(4)))
    assert seen == list(range(1, 41))


async def test_a_timeline_is_read_page_by_page_or_whole(store: Store) -> None:
    """`after_seq` and `limit` page; the review draft gets everything, however long it is."""
    await store.record.save(batch("a", *(entry(number) for number in range(1, 1203))))
    assert [line["seq"] for line in await store.reader.timeline("inc-1", after_seq=7, limit=3)] == [8, 9, 10]
    assert len(await store.timelines.timeline("inc-1")) == 1202


async def test_hostile_text_is_kept(store: Store) -> None:
    """NUL and half a surrogate pair come in alerts; what one database refuses, both show as a replacement mark."""
    await store.record.save(batch("a", entry(1, "a\0b\ud800 {{ x }} <script>", **{"k\0": ["\0"]})))
    line = (await store.reader.timeline("inc-1"))[0]
    assert line["summary"].startswith("a\N{REPLACEMENT CHARACTER}b")
    assert line["summary"].endswith("{{ x }} <script>")
    assert line["details"] == {"k\N{REPLACEMENT CHARACTER}": ["\N{REPLACEMENT CHARACTER}"]}
