"""Action items by the command line: checked, proposed, moved in bulk, handed over, dropped by two, refused by name."""

import json

import pytest

from tests.support.api_world import CONFIGURATION, World
from tests.support.command_line import hotwash

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def added(world: World, incident: str, title: str, *options: str) -> str:
    """A new item of ana."""
    code, out = await hotwash(
        world, "action-items", "add", incident, title, "--owner", "ana", "--done-when", "an alert fires in a drill",
        "--by", "ana", "--json", *options,
    )  # fmt: skip
    assert code == 0, out
    item: str = json.loads(out)["id"]
    await world.until_recorded(f"/api/v1/action-items/{item}")
    return item


async def test_items_are_moved_handed_over_and_refused(world: World) -> None:
    """Options reach the item; in bulk the one that refuses is named and the exit code says so."""
    strict = "policy: {extension_needs_approver: true}\n"
    world.home.configuration.write_text(CONFIGURATION + strict)
    incident = (await world.declare("Items by command line", severity="SEV-4", services=["search"]))["id"]
    first = await added(world, incident, "Add an alert on the queue", "--type", "detect", "--tracker", "none")
    second = await added(world, incident, "Add a probe to the queue", "--proposed")
    code, out = await hotwash(world, "action-items", "show", second)
    assert (code, "proposed" in out) == (0, True)

    code, out = await hotwash(world, "action-items", "extend", first, "--by-time", "2w", "-r", "waits for parts")
    assert code == 0, out
    asked = (await world.admin.get(f"/api/v1/action-items/{first}")).json()
    assert (asked["extensions"], asked["extension_asked"]["reason"]) == (0, "waits for parts")
    code, out = await hotwash(world, "action-items", "show", first)
    assert (code, "asks for more time" in out, "waits for parts" in out) == (0, True, True)
    code, out = await hotwash(world, "action-items", "approve-extension", first, "--by", "ana")
    assert (code, "an extension is approved by cleo" in " ".join(out.split())) == (1, True)
    code, out = await hotwash(world, "action-items", "approve-extension", first, "--by", "cleo", "--json")
    assert (code, json.loads(out)["extensions"]) == (0, 1)
    code, out = await hotwash(world, "action-items", "extend", first, "--by-time", "2w", "-r", "more", "--by", "ana")
    assert (code, "another person approves it" in " ".join(out.split())) == (0, True)
    code, out = await hotwash(world, "action-items", "decline-extension", first, "--by", "cleo")
    assert (code, "why there is no more time must not be empty" in " ".join(out.split())) == (1, True)
    code, out = await hotwash(
        world, "action-items", "decline-extension", first, "-r", "it waits", "--by", "cleo", "--json"
    )
    assert (code, json.loads(out)["extension_asked"]) == (0, None)
    code, out = await hotwash(world, "action-items", "extend", first, "act-000000", "--by-time", "2w", "-r", "again")
    assert (code, "act-000000" in out) == (1, True)

    code, out = await hotwash(world, "action-items", "offer", first, "--to", "ben", "-r", "holidays", "--by", "ana")
    assert code == 0, out
    code, out = await hotwash(world, "action-items", "take", first, "--by", "ben", "--json")
    assert (code, json.loads(out)["owner"]) == (0, "ben")

    code, out = await hotwash(world, "action-items", "create-issue", first, "-r", "searched for it", "--by", "ben")
    assert code == 1
    assert "tracker" in out
    code, out = await hotwash(world, "action-items", "--incident", incident, "--owner", "ben", "--json")
    assert (code, [each["id"] for each in json.loads(out)]) == (0, [first])
