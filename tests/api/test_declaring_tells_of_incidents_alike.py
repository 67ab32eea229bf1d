"""Whoever declares an incident is told at once of those like it; nobody waits for a record that does not answer."""

import asyncio
import json
from collections.abc import Sequence

import httpx
import pytest

from api.alike import look
from domain.alike import AlikeIncident
from domain.record import ProjectionKind
from tests.support.api_world import World
from tests.support.command_line import hotwash
from tests.support.records import batch, picture

pytestmark = pytest.mark.asyncio(loop_scope="module")

EARLIER = "inc-20261003-ice1"


async def remember(world: World) -> None:
    """An earlier incident, its review and what was never done about it; saved again it changes nothing."""
    run = {"id": f"{EARLIER}/thaw/1", "runbook": "thaw-the-feed", "status": "succeeded"}
    pictures = (
        picture(
            ProjectionKind.INCIDENT, EARLIER, 1, EARLIER, title="Glacier feed frozen", status="closed",
            severity="SEV-2", services=["search"], declared_at="2026-10-03T00:00:00+00:00", drill=False, runs=[run],
        ),
        picture(
            ProjectionKind.REVIEW, EARLIER, 1, EARLIER, title="x",
            findings=[{"kind": "helped", "text": "Thawing it by hand"}],
        ),
        picture(
            ProjectionKind.ACTION_ITEM, "act-ice1", 1, EARLIER, title="Alert on a frozen feed", state="open",
            owner="ben", due_at="2026-10-20T00:00:00+00:00",
        ),
    )  # fmt: skip
    await world.store.record.save(batch("glacier", pictures=pictures))


async def test_the_answer_to_a_declaration_has_what_was_learned_before(world: World) -> None:
    """Why it is alike, the runbook that ran, what helped, the action item still open; also when repeated."""
    await remember(world)
    body = {"title": "Glacier feed frozen again", "severity": "SEV-5", "services": ["search"]}
    first = await world.admin.post("/api/v1/incidents", json=body, headers={"Idempotency-Key": "glacier"})
    again = await world.admin.post("/api/v1/incidents", json=body, headers={"Idempotency-Key": "glacier"})
    assert (first.status_code, again.status_code) == (201, 200)
    for answer in (first, again):
        assert answer.json()["alike"]["problem"] is None
        (earlier,) = [each for each in answer.json()["alike"]["incidents"] if each["incident_id"] == EARLIER]
        assert (earlier["runbooks"], earlier["helped"]) == (["thaw-the-feed"], ["Thawing it by hand"])
        assert [(item["id"], item["is_overdue"]) for item in earlier["open_items"]] == [("act-ice1", True)]
        said = {reason["sentence"] for reason in earlier["reasons"]}
        assert {"the same service ‘search’", "the words ‘feed’, ‘frozen’, ‘glacier’"} <= said


async def test_the_command_that_declares_prints_them(world: World) -> None:
    """For people below the incident, for machines in the same document."""
    await remember(world)
    declare = ("declare", "Glacier feed frozen once more", "--severity", "SEV-5", "--service", "search")
    code, out = await hotwash(world, *declare)
    assert code == 0
    for said in (
        f"like {EARLIER}",
        "Thawing it by hand",
        "thaw-the-feed",
        "act-ice1 Alert on a frozen feed (ben, overdue)",
    ):
        assert said in out
    code, out = await hotwash(world, *declare, "--json")
    assert code == 0
    assert EARLIER in [each["incident_id"] for each in json.loads(out)["alike"]["incidents"]]


async def test_the_page_after_declaring_shows_them(world: World) -> None:
    """The notice says how many; the room has them with everything that may help."""
    await remember(world)
    async with world.as_person("ana") as ana:
        form = {"title": "Glacier feed frozen, says support", "severity": "SEV-5", "service": "search", "key": "ice"}
        sent = await ana.post("/declare", data=form)
        assert sent.status_code == httpx.codes.SEE_OTHER, sent.text
        room = (await ana.get(sent.headers["location"])).text
    assert "like this" in room.split("see below")[0]
    assert "Thawing it by hand" in room
    assert "Alert on a frozen feed" in room


class Silent:
    """A record whose connection was taken and which never answers."""

    async def alike(
        self, incident_id: str, *, title: str = "", services: Sequence[str] = (), rules: Sequence[str] = ()
    ) -> list[AlikeIncident]:
        """Nothing, ever."""
        del incident_id, title, services, rules
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


async def test_a_record_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look ends by itself and says that it does not know; nothing is raised."""
    # The other tests of this module run in a world that is more patient.
    monkeypatch.setattr("api.alike.ANSWERED_WITHIN_SECONDS", 0.1)
    found = await look(Silent(), "inc-20261122-k7qd", "Anything", ())
    assert found.incidents == ()
    assert found.problem == "the record did not say within a second whether there were incidents like this"
