"""Who owns something is a person whom reminders reach, and the drill that it waits for is one that can be held."""

import json
from typing import Any

import pytest

from tests.support.api_world import CONFIGURATION, World
from tests.support.command_line import hotwash

pytestmark = pytest.mark.asyncio(loop_scope="module")
ITEMS = "/api/v1/action-items"
TEAM = "teams:\n  shop: {name: Shop, members: [ben, cleo]}\n"


async def asked(world: World, **fields: Any) -> tuple[int, dict[str, Any]]:
    """An item is asked for, on an incident of its own."""
    incident = fields.pop("incident_id", None) or (await world.declare())["id"]
    body = {"incident_id": incident, "title": "Add a canary", "owner": "ben", "done_when": "a bad release stops"}
    answer = await world.admin.post(ITEMS, json=body | {"type": "prevent"} | fields)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("owner", "words"),
    [
        ("zzz", "there is no person 'zzz' in hotwash.yaml; there are: ana, ben, cleo"),
        ("benn", "did you mean 'ben'?"),
        ("admin", "there is no person 'admin'"),
        ("shop", "'shop' is a team, and one person answers for it; in that team there are: ben, cleo"),
    ],
)
async def test_an_owner_whom_nothing_reaches_is_refused(world: World, owner: str, words: str) -> None:
    """Every reminder would go nowhere; the refusal says who there is."""
    world.home.configuration.write_text(CONFIGURATION + TEAM)
    status, refused = await asked(world, owner=owner)
    assert (status, words in refused["detail"]) == (422, True), refused


@pytest.mark.parametrize("people", ["", "people:\n  admin: {name: Administrator, groups: [admin]}\n"])
async def test_where_nobody_is_named_anybody_may_own(world: World, people: str) -> None:
    """A first start knows nobody but its administrator; the item says that nothing reaches its owner."""
    world.home.configuration.write_text(f"organization: Test\n{people}")
    try:
        status, item = await asked(world, owner="zzz")
    finally:
        world.home.configuration.write_text(CONFIGURATION)
    assert (status, item["owner"]) == (201, "zzz")
    assert [each["says"] for each in item["hints"]] == ["hotwash.yaml has no person 'zzz' yet, so nothing reaches them"]


async def test_a_drill_that_no_file_defines_is_refused(world: World) -> None:
    """The item could never be done. A drill of the library may be required."""
    status, refused = await asked(world, requires_drill="process-dis")
    assert (status, "there is no game day 'process-dis'; did you mean 'process-dies'?" in refused["detail"]) == (
        422,
        True,
    ), refused
    status, item = await asked(world, requires_drill="process-dies")
    assert (status, item["hints"]) == (201, [])


async def test_the_drill_that_an_incident_may_become_is_written_later(world: World) -> None:
    """Its proposal names it before anybody has saved it; the item says that it is still to be written."""
    incident = (await world.declare())["id"]
    drill = f"again-{incident.removeprefix('inc-')}"
    status, item = await asked(world, incident_id=incident, requires_drill=drill)
    assert (status, item["requires_drill"]) == (201, drill), item
    (hint,) = item["hints"]
    assert (hint["rule"], f"no game day '{drill}' on file yet" in hint["says"]) == ("A06", True)
    assert (await asked(world, requires_drill="again-and-again"))[0] == 422


async def test_a_decision_is_given_to_somebody_or_to_a_team(world: World) -> None:
    """The weekly meeting cannot give work to a name that nobody has; nobody at all may be named."""
    world.home.configuration.write_text(CONFIGURATION + TEAM)
    made = (await world.admin.post("/api/v1/operations-reviews", json={"by": "ana"})).json()
    path = f"/api/v1/operations-reviews/{made['id']}"
    await world.until_recorded(path, lambda found: found["state"] == "open")
    refused = await world.admin.post(
        f"{path}/decisions", json={"by": "ana", "text": "Mend the till", "owner": "nosuch"}
    )
    assert (refused.status_code, "there is no person 'nosuch'" in refused.json()["detail"]) == (422, True)
    for owner in ("ben", "shop", None):
        taken = await world.admin.post(f"{path}/decisions", json={"by": "ana", "text": "Mend the till", "owner": owner})
        assert taken.status_code == 200, taken.text
    said = ("operations-review", "decide", made["id"], "Silence nothing", "--owner", "cleo", "--by", "ben", "--json")
    code, out = await hotwash(world, *said)
    assert (code, json.loads(out)["decisions"][-1]["by"]["name"]) == (0, "ben"), out
    world.home.configuration.write_text(CONFIGURATION)
