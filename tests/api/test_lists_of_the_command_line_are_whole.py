"""What the command line lists is all there is, or it says that there is more."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from domain.record import Projection, ProjectionKind
from tests.support.api_world import World
from tests.support.command_line import hotwash
from tests.support.records import batch, incident, picture

pytestmark = pytest.mark.asyncio(loop_scope="module")
# More than the API gives at once when nobody asks for more, and more than it gives at all.
SOME, MANY = 58, 230
DUE = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)


def owed(kind: ProjectionKind, number: int, about: str) -> Projection:
    """An item or a review of ben; the first ones were dropped."""
    document = {
        "id": f"act-{number:06}" if kind is ProjectionKind.ACTION_ITEM else about, "incident_id": about,
        "title": f"Number {number}", "owner": "ben", "state": "dropped" if number < SOME - 11 else "open",
        "due_at": (DUE + timedelta(hours=number)).isoformat(), "is_overdue": False,
    }  # fmt: skip
    return Projection(kind=kind, id=str(document["id"]), version=1, incident_id=about, document=document)


async def recorded(world: World) -> None:
    """Items of an incident that has many and of one that has few; reviews, weeks and incidents."""
    items = [owed(ProjectionKind.ACTION_ITEM, number, "inc-a" if number < SOME else "inc-b") for number in range(MANY)]
    reviews = [owed(ProjectionKind.REVIEW, number, f"inc-{number}") for number in range(SOME)]
    weeks = [
        picture(
            ProjectionKind.OPERATIONS_REVIEW, f"20{20 + number // 50}-W{number % 50 + 1:02}", incident_id=None,
            title="Week", state="held", decisions=[], headlines=[], until=(DUE - timedelta(days=number)).isoformat(),
        )
        for number in range(SOME)
    ]  # fmt: skip
    incidents = [incident(f"inc-{number}", minutes=number, roles={}) for number in range(SOME)]
    await world.store.record.save(batch("lists", pictures=(*items, *reviews, *weeks, *incidents)))


async def test_every_page_of_a_list_is_there(engineless: World) -> None:
    """For machines and for people; with a limit it is said that there are more."""
    await recorded(engineless)
    for command, count in (("action-items", MANY), ("reviews", SOME), ("operations-review list", SOME)):
        code, out = await hotwash(engineless, *command.split(), "--json")
        assert (code, len(json.loads(out))) == (0, count), out[:200]
    for limit, count, more in ((7, 7, True), (MANY, MANY, False)):
        code, out = await hotwash(engineless, "action-items", "--limit", str(limit))
        assert (code, out.count("act-"), "and there are more" in " ".join(out.split())) == (0, count, more), out
    code, out = await hotwash(engineless, "reviews", "--limit", "7")
    assert (code, "the first 7, and there are more" in " ".join(out.split())) == (0, True), out


async def test_incidents_say_that_there_are_more(engineless: World) -> None:
    """Years of them are not asked for; what is left out is said, and where a machine finds it."""
    await recorded(engineless)
    code, out = await hotwash(engineless, "incidents")
    assert (code, "the first 50, and there are more" in " ".join(out.split())) == (0, True)
    code, out = await hotwash(engineless, "incidents", "--limit", "1000", "--json")
    page = json.loads(out)
    assert (len(page["items"]), page["next_cursor"]) == (SOME, None)


async def test_a_long_list_of_one_incident_gets_a_hint(engineless: World) -> None:
    """Rule A07; what was dropped does not count."""
    await recorded(engineless)
    code, out = await hotwash(engineless, "action-items", "--incident", "inc-a")
    assert (code, "hint A07: 11 action items of one incident" in out) == (0, True), out


async def test_an_incident_of_which_nothing_came_gets_a_hint(engineless: World) -> None:
    """Rule A07, its other end; a filter that finds nothing says nothing of the incident."""
    await recorded(engineless)
    code, out = await hotwash(engineless, "action-items", "--incident", "inc-7")
    assert (code, "hint A07: no action item is recorded for this incident" in out) == (0, True), out
    code, out = await hotwash(engineless, "action-items", "--incident", "inc-a", "--state", "dropped")
    assert (code, "hint A07" in out) == (0, False), out


async def test_what_does_not_exist_is_said_to_be_missing(engineless: World) -> None:
    """And not that its kind is not read."""
    code, out = await hotwash(engineless, "review", "import", "nosuchdir")
    assert (code, "nosuchdir does not exist" in out, "are read" in out) == (1, True, False), out


async def test_a_browser_reads_a_refusal_as_a_page(engineless: World) -> None:
    """With the sentence in it; programs get the document."""
    accept = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    shown = await engineless.admin.get("/insights?days=abc", headers=accept)
    assert (shown.status_code, shown.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert "query.days: input should be a valid integer" in shown.text
    told = await engineless.admin.get("/insights?days=abc", headers={"Accept": "application/json"})
    assert (told.status_code, told.headers["content-type"]) == (422, "application/problem+json")
