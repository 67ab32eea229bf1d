"""Lists and search: every filter, plain-text search, pages that stay stable while incidents are added."""

from datetime import timedelta

import pytest

from domain.errors import Rejected
from domain.record import ProjectionKind
from store import Store
from tests.support.records import START, batch, incident, picture


async def ids(store: Store, **filters: object) -> list[str]:
    """The ids of the first page."""
    return [item["id"] for item in (await store.reader.incidents(**filters)).items]


async def test_filters_narrow_the_list(store: Store) -> None:
    """Status, severity, service, since and drill each narrow it, alone and together; several values mean any."""
    await store.record.save(
        batch(
            "a",
            pictures=(
                incident("inc-1", 1, status="closed", severity="SEV-1", services=["checkout", "db"]),
                incident("inc-2", 2, status="mitigating", severity="SEV-2", services=["search"]),
                incident("inc-3", 3, status="mitigating", severity="SEV-1", services=["db"], drill=True),
            ),
        )
    )
    assert await ids(store) == ["inc-3", "inc-2", "inc-1"]
    assert await ids(store, status="mitigating") == ["inc-3", "inc-2"]
    assert await ids(store, status=["closed", "declared"]) == ["inc-1"]
    assert await ids(store, severity="SEV-1") == ["inc-3", "inc-1"]
    assert await ids(store, service="db") == ["inc-3", "inc-1"]
    assert await ids(store, service="db", status="closed") == ["inc-1"]
    assert await ids(store, since=START + timedelta(minutes=2)) == ["inc-3", "inc-2"]
    assert await ids(store, drill=False) == ["inc-2", "inc-1"]
    assert await ids(store, drill=True, q="title") == ["inc-3"]


async def test_search_takes_text_as_it_is(store: Store) -> None:
    """No pattern, no case: % and _ only part words, Straße is found as STRASSE, words are found by their beginnings."""
    await store.record.save(
        batch(
            "a",
            pictures=(
                incident("inc-1", 1, title="Errors at 100% in disk_full"),
                incident("inc-2", 2, title="Errors at 1000 in diskXfull", summary="Kasse in der Straße"),
                incident("inc-3", 3, title="back\\slash", roles={"commander": "ana"}),
            ),
        )
    )
    assert await ids(store, q='"100"') == ["inc-1"]
    assert await ids(store, q="disk_full") == ["inc-1"]
    assert await ids(store, q="ERRORS") == ["inc-2", "inc-1"]
    assert await ids(store, q="err diskx") == ["inc-2"]
    assert await ids(store, q="errors -kasse") == ["inc-1"]
    assert await ids(store, q="STRASSE") == ["inc-2"]
    assert await ids(store, q="back\\slash") == ["inc-3"]
    assert await ids(store, q="Ana") == ["inc-3"]
    assert await ids(store, q="inc-2") == ["inc-2"]
    assert await ids(store, q="'; DROP TABLE pictures; --\0") == []
    assert await ids(store, q="%") == []
    assert len(await ids(store, q="  ")) == 3


async def test_pages_stay_stable_while_incidents_are_added(store: Store) -> None:
    """Every incident that was there at the first page is on exactly one page, also those declared at the same time."""
    await store.record.save(batch("a", pictures=tuple(incident(f"inc-{place:02}", place // 3) for place in range(10))))
    seen: list[str] = []
    cursor = None
    for page in range(10):
        listing = await store.reader.incidents(cursor=cursor, limit=3)
        seen += [item["id"] for item in listing.items]
        await store.record.save(batch("b", pictures=(incident(f"new-{page}", 100 + page),)))
        cursor = listing.next_cursor
        if cursor is None:
            break
    assert sorted(seen, reverse=True) == seen
    assert seen == [f"inc-{place:02}" for place in reversed(range(10))]


@pytest.mark.parametrize("cursor", ["", "x", "bm90LWpzb24", "WzEsMl0", "W10", "%%%"])
async def test_a_made_up_cursor_is_refused_with_a_sentence(store: Store, cursor: str) -> None:
    """No stack trace, no empty list that looks like the end."""
    with pytest.raises(Rejected, match="cursor"):
        await store.reader.incidents(cursor=cursor)


async def test_the_overview_counts_what_the_lists_have(store: Store) -> None:
    """Drills apart, by severity and status, what was reopened; items and reviews that are open, and the overdue."""
    long_ago, far_off = "2020-01-01T00:00:00+00:00", "2090-01-01T00:00:00+00:00"
    await store.record.save(
        batch(
            "a",
            pictures=(
                incident("inc-1", 1, status="closed", severity="SEV-1", reopened=2),
                incident("inc-2", 2, status="mitigating", severity="SEV-2"),
                incident("inc-3", 3, status="mitigating", severity="SEV-1", drill=True),
                picture(ProjectionKind.ACTION_ITEM, "act-1", state="open", due_at=long_ago),
                picture(ProjectionKind.ACTION_ITEM, "act-2", state="in_progress", due_at=far_off),
                picture(ProjectionKind.ACTION_ITEM, "act-3", state="done", due_at=long_ago),
                picture(ProjectionKind.REVIEW, "inc-1", state="waived", due_at=long_ago),
                picture(ProjectionKind.REVIEW, "inc-2", state="draft", due_at=long_ago),
            ),
        )
    )
    assert await store.reader.overview() == {
        "incidents": {
            "total": 2,
            "open": 1,
            "by_severity": {"SEV-1": 1, "SEV-2": 1},
            "by_status": {"closed": 1, "mitigating": 1},
            "reopened": 1,
            "drills": 1,
        },
        "action_items": {"open": 2, "overdue": 1, "by_state": {"in_progress": 1, "open": 1}},
        "reviews": {"open": 1, "overdue": 1, "by_state": {"draft": 1}},
    }
