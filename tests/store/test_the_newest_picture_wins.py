"""Of each thing the store shows the newest picture, whatever order pictures arrive in."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.record import ProjectionKind
from store import Store
from tests.support.records import START, batch, incident, picture


async def test_an_older_picture_is_ignored(store: Store) -> None:
    """Late, repeated and out-of-order pictures change nothing."""
    for version, status in ((2, "mitigating"), (1, "declared"), (2, "closed")):
        await store.record.save(batch("a", pictures=(incident("inc-1", version=version, status=status),)))
    found = await store.reader.incident("inc-1")
    assert found is not None
    assert found["status"] == "mitigating"
    assert (await store.reader.incidents(status="declared")).items == []


async def test_savers_at_once_leave_the_newest(store: Store) -> None:
    """Twenty versions at once, in any order: the last one stays, with its own services."""
    versions = [
        incident("inc-1", version=number, services=[f"s{number}"]) for number in (*range(2, 21, 2), *range(1, 21, 2))
    ]
    await asyncio.gather(*(store.record.save(batch("a", pictures=(version,))) for version in versions))
    assert [item["services"] for item in (await store.reader.incidents()).items] == [["s20"]]
    assert len((await store.reader.incidents(service="s20")).items) == 1
    assert (await store.reader.incidents(service="s19")).items == []


async def test_every_kind_is_found_by_what_it_is_filtered_by(store: Store) -> None:
    """Each kind of picture has its state, its owner and its incident where lists look for them."""
    at = START.isoformat()
    await store.record.save(
        batch(
            "a",
            pictures=(
                picture(ProjectionKind.ALERT_GROUP, "g1", incident_id=None, status="triage", last_seen=at),
                picture(ProjectionKind.RUN, "r1", status="waiting", started_at=at, title="Roll back"),
                picture(ProjectionKind.APPROVAL, "r1:go", state="pending", requested_at=at, expires_at=at),
                picture(ProjectionKind.PAGE, "inc-1.1", status="paging", deliveries=[{"at": at}]),
                picture(ProjectionKind.COMMS, "inc-1", incident={"declared_at": at}),
                picture(ProjectionKind.UPDATE, "u1", audience="external", at=at, text="We are on it"),
                picture(ProjectionKind.REVIEW, "inc-1", state="draft", owner="ana", due_at=at),
                picture(ProjectionKind.ACTION_ITEM, "act-1", state="open", owner="ben", due_at=at),
                picture(ProjectionKind.GAME_DAY, "gd-1", incident_id=None, phase="watching", started_at=at),
            ),
        )
    )
    wanted = {
        ProjectionKind.ALERT_GROUP: "triage",
        ProjectionKind.RUN: "waiting",
        ProjectionKind.APPROVAL: "pending",
        ProjectionKind.PAGE: "paging",
        ProjectionKind.UPDATE: "external",
        ProjectionKind.REVIEW: "draft",
        ProjectionKind.ACTION_ITEM: "open",
        ProjectionKind.GAME_DAY: "watching",
    }
    for kind, state in wanted.items():
        assert len((await store.reader.list(kind, state=state)).items) == 1, kind
        assert (await store.reader.list(kind, state="other")).items == [], kind
    assert len((await store.reader.list(ProjectionKind.COMMS, incident_id="inc-1")).items) == 1
    assert [item["id"] for item in (await store.reader.list(ProjectionKind.REVIEW, owner="ana")).items] == ["inc-1"]
    assert (await store.reader.list(ProjectionKind.ACTION_ITEM, owner=["ana", "eva"])).items == []
    assert await store.reader.get(ProjectionKind.RUN, "r2") is None


async def test_game_days_are_found_by_their_name(store: Store) -> None:
    """Of one name or of several; the newest first, and those of other names are in nobody's way."""
    held = [
        picture(ProjectionKind.GAME_DAY, f"gd-{day}", incident_id=None, phase="finished", name=name,
                started_at=datetime(2026, 11, day, tzinfo=UTC).isoformat())
        for day, name in enumerate(("process-dies", "process", "process-dies", "disk-fills", "process-dies"), 1)
    ]  # fmt: skip
    await store.record.save(batch("a", pictures=tuple(held)))

    async def found(name: str | list[str], **limits: Any) -> list[str]:
        listing = await store.reader.list(ProjectionKind.GAME_DAY, state="finished", name=name, **limits)
        return [item["id"] for item in listing.items]

    assert await found("process-dies") == ["gd-5", "gd-3", "gd-1"]
    assert await found("process") == ["gd-2"]
    assert await found(["process", "disk-fills"], limit=1) == ["gd-4"]
    assert await found("process-") == []


async def test_deadlines_come_soonest_first_and_overdue_is_open_and_late(store: Store) -> None:
    """Action items without a deadline come last; a finished one is never overdue."""
    now = datetime.now(UTC)
    soon, late, past = ((now + timedelta(hours=hours)).isoformat() for hours in (1, 100, -1))
    items = {"soon": soon, "never": None, "late": late, "missed": past, "finished": past}
    await store.record.save(
        batch(
            "a",
            pictures=tuple(
                picture(ProjectionKind.ACTION_ITEM, name, state="done" if name == "finished" else "open", due_at=due)
                for name, due in items.items()
            ),
        )
    )
    listing = await store.reader.list(ProjectionKind.ACTION_ITEM, state=["open", "in_progress"])
    assert [item["id"] for item in listing.items] == ["missed", "soon", "late", "never"]
    overdue = await store.reader.list(ProjectionKind.ACTION_ITEM, overdue=True)
    assert [item["id"] for item in overdue.items] == ["missed"]
    others = await store.reader.list(ProjectionKind.ACTION_ITEM, overdue=False)
    assert {item["id"] for item in others.items} == {"soon", "late", "never", "finished"}


async def test_a_picture_of_an_unknown_shape_is_kept(store: Store) -> None:
    """The record is never held up by what it cannot index."""
    odd = tuple(
        picture(kind, "odd", status=3, services={"a": 1}, at="soon", alerts=[1], impact=[]) for kind in ProjectionKind
    )
    await store.record.save(batch("a", pictures=odd))
    for kind in ProjectionKind:
        assert await store.reader.get(kind, "odd") is not None
