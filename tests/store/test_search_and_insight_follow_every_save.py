"""Most saves change nothing that search and insight hold; those that do are never missed, whatever their order."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from domain.record import Projection, ProjectionKind
from store import open_store
from store.database import Database
from store.deriving import derive
from store.tables import picture_services
from store.tables_learning import (
    alert_facts,
    incident_dimensions,
    incident_facts,
    incident_words,
    item_facts,
    page_facts,
    promise_facts,
    review_facts,
    search_documents,
)
from tests.store.conftest import NewDatabase
from tests.support.quarter import declared, iso
from tests.support.records import batch, entry, picture

DERIVED = (
    incident_facts, item_facts, review_facts, page_facts, alert_facts, promise_facts, incident_dimensions,
    incident_words, search_documents, picture_services,
)  # fmt: skip
INCIDENTS = 3


async def held(database: Database) -> dict[str, set[tuple[Any, ...]]]:
    """All that is derived from the record; the ids of search documents are new with each rebuild."""
    found = {}
    async with database.reading() as connection:
        for table in DERIVED:
            columns = [column for column in table.columns if column.name != "id" or table is picture_services]
            found[table.name] = {tuple(row) for row in (await connection.execute(select(*columns))).all()}
    return found


def some_picture(dice: random.Random, version: int) -> Projection:
    """A thing of one of a few incidents, often the same as before: corrected, reopened, a drill after all, or not."""
    number = dice.randint(1, INCIDENTS)
    id_ = f"inc-{number}"
    # Written down late: it began on another day.
    at = declared(number) + timedelta(days=dice.choice((0, 0, 0, 1)))
    drill = dice.random() < 0.2
    kind = dice.choice(tuple(THINGS))
    thing_id = id_ if kind in {ProjectionKind.INCIDENT, ProjectionKind.REVIEW} else f"{id_}-{kind.value}"
    body = THINGS[kind](dice, at) | {"drill": drill, "saved": version}
    document = {"id": thing_id, "incident_id": id_} | body
    return Projection(kind=kind, id=thing_id, version=version, incident_id=id_, document=document)


def _incident(dice: random.Random, at: Any) -> dict[str, Any]:
    return {
        "title": dice.choice(("Slow", "Slow", "Broken")), "status": dice.choice(("closed", "active", "cancelled")),
        "declared_at": iso(at), "services": dice.choice((["shop"], ["shop"], ["shop", "mail"], [])),
        "near_miss": dice.random() < 0.2, "mitigated_at": iso(at + timedelta(hours=1)),
    }  # fmt: skip


def _item(dice: random.Random, at: Any) -> dict[str, Any]:
    state = dice.choice(("open", "done"))
    return {
        "title": "Add a limit", "owner": dice.choice(("ana", "ana", "ben")), "state": state, "created_at": iso(at),
        "due_at": iso(at), "finished_at": iso(at) if state == "done" else None,
    }  # fmt: skip


def _review(dice: random.Random, at: Any) -> dict[str, Any]:
    factor = dice.choice(("capacity", "capacity", "change"))
    return {
        "title": "Slow", "state": dice.choice(("draft", "reviewed")), "first_due_at": iso(declared(1)),
        "due_at": iso(at), "markdown": dice.choice(("It was slow.", "It was slow.", "It was down.")),
        "findings": [{"kind": "contributing_factor", "factor": factor, "text": "x"}],
    }  # fmt: skip


def _update(dice: random.Random, at: Any) -> dict[str, Any]:
    promised = dice.choice((None, iso(at + timedelta(minutes=15))))
    return {"audience": "internal", "at": iso(at), "text": "x", "next_update_by": promised}


def _page(dice: random.Random, at: Any) -> dict[str, Any]:
    status = dice.choice(("paging", "stopped"))
    delivery = {"person": "ana", "channel": "mail", "status": "delivered", "level": 1, "round": 1}
    return {"status": status, "deliveries": [delivery | {"at": iso(at)}]}


def _group(dice: random.Random, at: Any) -> dict[str, Any]:
    alert = {"title": "DiskFull", "labels": {"alertname": "DiskFull"}, "count": dice.choice((1, 1, 2))}
    return {"status": "incident", "first_seen": iso(declared(1)), "last_seen": iso(at), "alerts": [alert]}


THINGS = {
    ProjectionKind.INCIDENT: _incident,
    ProjectionKind.ACTION_ITEM: _item,
    ProjectionKind.REVIEW: _review,
    ProjectionKind.UPDATE: _update,
    ProjectionKind.PAGE: _page,
    ProjectionKind.ALERT_GROUP: _group,
}


@pytest.mark.parametrize("seed", range(2))
async def test_what_is_held_is_what_the_newest_pictures_say(new_database: NewDatabase, seed: int) -> None:
    """A hundred saves by two workers, in disorder: making everything anew from the record changes nothing."""
    dice = random.Random(seed)
    url = new_database()
    workers = [open_store(url), open_store(url)]
    database = Database(url)
    await workers[0].migrate()
    pictures = [some_picture(dice, version) for version in range(1, 101)]
    made = [batch(f"alerts/{each.id}", entry(each.version), pictures=(each,)) for each in pictures]
    for first in range(0, len(made), 10):
        some = made[first : first + 10]
        dice.shuffle(some)
        await asyncio.gather(*(workers[place % 2].record.save(each) for place, each in enumerate(some)))
    saved = await held(database)
    assert all(saved.values())
    await workers[0].rebuild()
    assert await held(database) == saved
    for each in (*workers, database):
        await each.close()


async def test_what_says_the_same_is_not_written_again(new_database: NewDatabase) -> None:
    """A mark in what is derived outlives a picture that says the same, and not one that says something else."""
    url = new_database()
    store, database = open_store(url), Database(url)
    await store.migrate()

    async def save(version: int, **more: Any) -> None:
        body = {"title": "Slow", "status": "active", "declared_at": iso(declared(1)), "services": ["shop"]} | more
        await store.record.save(
            batch("incident/inc-1", pictures=(picture(ProjectionKind.INCIDENT, "inc-1", version, "inc-1", **body),))
        )

    async def states() -> tuple[set[Any], set[Any]]:
        now = await held(database)
        return {row[6] for row in now["incident_facts"]}, {row[1] for row in now["picture_services"]}

    await save(1)
    async with database.writing() as connection:
        await connection.execute(update(incident_facts).values(state="marked"))
        await connection.execute(update(picture_services).values(service="marked"))
    await save(2, runs_seen=1)
    assert await states() == ({"marked"}, {"marked"})
    await save(3, status="closed", services=["shop", "mail"])
    assert await states() == ({"closed"}, {"shop", "mail"})
    await store.close()
    await database.close()


@pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)
async def test_what_hangs_on_an_incident_waits_for_it(new_database: NewDatabase) -> None:
    """A review is being saved while its incident turns out to be a drill: its factor is none of a real incident.

    Neither sees what the other has not committed, so without waiting the factor would stay one of a real incident.
    """
    url = new_database()
    store, database = open_store(url), Database(url)
    await store.migrate()
    was = picture(ProjectionKind.INCIDENT, "inc-1", 1, "inc-1", status="closed", declared_at=iso(declared(1)))
    await store.record.save(batch("incident/inc-1", pictures=(was,)))
    finding = {"kind": "contributing_factor", "factor": "capacity", "text": "x"}
    review = picture(ProjectionKind.REVIEW, "inc-1", 1, "inc-1", state="draft", findings=[finding])
    is_now = was.model_copy(update={"version": 2, "document": was.document | {"drill": True}})
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with database.writing() as connection:
        await derive(connection, [("review/inc-1", review)])
        saving = asyncio.create_task(store.record.save(batch("incident/inc-1", pictures=(is_now,))))
        async with database.reading() as looking:
            while not saving.done() and not (await looking.execute(waiting)).scalar_one():
                pass
    await saving
    assert {(row[1], row[5]) for row in (await held(database))["incident_dimensions"]} == {("factor", False)}
    await store.close()
    await database.close()
