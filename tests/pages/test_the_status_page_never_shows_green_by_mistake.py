"""The public status page against a record that holds what the test says; the page itself is the real one."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.pages.status import router
from domain.configuration import Configuration, Service
from domain.errors import Transient
from domain.policy import Audience
from domain.record import ProjectionKind
from store.interface import Listing

NOW = datetime.now(UTC)
SERVICES = {
    "pay": Service(name="payment-backend-7", public=True, public_name="Payment"),
    "find": Service(name="Search", public=True),
    "cron": Service(name="night-jobs"),
}


class Record:
    """What the page reads: open incidents and published updates."""

    def __init__(self, incidents: list[dict[str, Any]] = (), updates: list[dict[str, Any]] = ()) -> None:
        self.open, self.published, self.is_away = list(incidents), list(updates), False

    async def incidents(self, **_: Any) -> Listing:
        """Open ones, no drills: the real reader filters."""
        return Listing(self.open, None)

    async def things(self, kind: ProjectionKind, *, state: Audience, limit: int) -> Listing:
        """External updates, unless the record is away."""
        if self.is_away:
            raise Transient("the record is away")
        assert (kind, state) == (ProjectionKind.UPDATE, Audience.EXTERNAL)
        return Listing(self.published[:limit], None)


def incident(service: str = "pay", severity: str = "SEV-2", kind: str = "outage", id_: str = "inc-1") -> dict[str, Any]:
    """An open incident as the record has it."""
    return {"id": id_, "severity": severity, "type": kind, "services": [service], "title": "db-3 on fire"}


def update(text: str, ago: timedelta = timedelta(minutes=5), id_: str = "inc-1", **more: Any) -> dict[str, Any]:
    """A published update as the record has it."""
    return {
        "incident_id": id_, "title": "Problem with Payment", "services": ["Payment"], "text": text, "drill": False,
        "closing": False, "status": "investigating", "at": (NOW - ago).isoformat(), "next_update_by": None,
    } | more  # fmt: skip


async def page(record: Record, services: dict[str, Service] | None = None) -> str:
    """What somebody who is nobody reads."""
    app = FastAPI()
    configuration = Configuration(organization="Shop", services=SERVICES if services is None else services)
    app.state.configuration = SimpleNamespace(current=lambda: configuration)
    app.state.reader = record
    app.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return (await client.get("/status")).text


async def test_green_means_that_nothing_is_known_to_be_wrong():
    """All is well: green, with public names only."""
    text = await page(Record())
    assert "All services are operational" in text
    assert "Payment" in text
    assert "payment-backend-7" not in text
    assert "night-jobs" not in text


async def test_a_record_that_is_away_is_no_green():
    """Not known is its own answer, for the whole and for each service."""
    record = Record()
    record.is_away = True
    text = await page(record)
    assert "Status is not known right now" in text
    assert "operational" not in text


async def test_without_a_public_service_nothing_is_claimed():
    """A page about nothing says nothing good about it."""
    assert "operational" not in await page(Record(), {"cron": SERVICES["cron"]})


async def test_an_open_incident_takes_the_green_away_before_anybody_wrote():
    """The service is being checked; nothing else of the incident is told."""
    text = await page(Record([incident()]))
    assert "We are looking into a possible problem" in text
    assert "All services are operational" not in text
    assert text.count("being checked") >= 1
    assert "db-3" not in text


@pytest.mark.parametrize(
    "quiet",
    [incident("cron"), incident(severity="SEV-4"), incident(kind="security")],
    ids=["inner", "small", "security"],
)
async def test_what_the_public_is_not_promised_to_hear_of_changes_nothing(quiet: dict[str, Any]):
    """An inner service, a cosmetic fault; a security incident is announced by people, never by a colour."""
    assert "All services are operational" in await page(Record([quiet]))


async def test_an_ongoing_incident_stays_red_however_long_ago_it_was_written_about():
    """The window of two weeks is for what is over."""
    text = await page(Record([incident()], [update("Cards fail.", timedelta(days=20))]))
    assert "1 ongoing incident" in text
    assert "Cards fail." in text


async def test_what_was_closed_and_goes_on_is_not_green():
    """After a closing notice and a reopening the service is being checked until somebody writes again."""
    text = await page(Record([incident()], [update("It works again.", closing=True)]))
    assert "We are looking into a possible problem" in text


async def test_a_drill_is_never_seen_and_the_past_fades_after_two_weeks():
    """Drills are nobody's business; old closing notices leave the page."""
    text = await page(
        Record(
            updates=[
                update("A drill.", drill=True, id_="inc-2"),
                update("Mended.", timedelta(days=3), id_="inc-3", closing=True),
                update("Long ago.", timedelta(days=15), id_="inc-4", closing=True),
            ]
        )
    )
    assert "All services are operational" in text
    assert "Mended." in text
    assert "A drill." not in text
    assert "Long ago." not in text
