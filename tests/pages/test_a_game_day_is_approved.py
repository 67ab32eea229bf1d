"""The exact targets of a game day are seen and approved by one who did not ask: on a phone, at a desk, over REST.

The fault is a paused process of the test's own.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Browser, expect
from ruamel.yaml import YAML

from activities.clients import kernel
from tests.support.browser import DESK, PHONE
from tests.support.command_line import hotwash
from tests.support.night import log_in, recorded, visit
from tests.support.world import World

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]

# A service of its own: a real incident that another test left on a shared one would rightly refuse the game day.
MORE = """
services: {{warehouse: {{name: Warehouse}}}}
drill_targets:
  victim: {{service: warehouse, environment: production, drillable: true, with: {{process: victim}}}}
  other: {{service: warehouse, environment: production, drillable: true, with: {{process: victim}}}}
game_day_policy: {{environments_needing_approval: [production], approvers: [sre], standing_approval_at_most: 30d}}
actions:
  lease_folder: "{folder}/leases"
  processes: {{victim: "{folder}/victim.pid"}}
"""
GAME_DAY = """\
schema_version: 1
name: NAME
title: The warehouse hangs
owner: dana
hypothesis: We notice
service: warehouse
match: {drillable: "yes"}
targets: {one: {names: [victim]}}
steady_state: [{id: health, action: check.http, with: {url: "URL/healthz"}}]
faults: [{id: pause, action: process.pause, targets: one, with: {process: "{{ target.process }}"}, duration: 2m}]
expectations: [{expect: detect, within: 1m}]
duration: 2m
"""


def together(before: str, more: str) -> str:
    """The world's `hotwash.yaml` with more in it; what both have is joined."""
    yaml = YAML(typ="safe")
    whole, added = yaml.load(before), yaml.load(more)
    for key, value in added.items():
        there = whole.setdefault(key, {})
        for name, inner in value.items():
            there[name] = there.get(name, {}) | inner if isinstance(inner, dict) else inner
    return json.dumps(whole)


@pytest.fixture
def victim(world: World, tmp_path: Path) -> Iterator[int]:
    """A process that `hotwash.yaml` lets be paused in production, if people say yes; its id."""
    child = subprocess.Popen(["/bin/sleep", "600"])
    (tmp_path / "victim.pid").write_text(f"{child.pid}\n")
    before = world.home.configuration.read_text()
    world.home.configuration.write_text(together(before, MORE.format(folder=tmp_path)))
    files = [world.home.game_days / f"{name}.yaml" for name in ("warehouse-hangs", "warehouse-changes")]
    for file in files:
        file.write_text(GAME_DAY.replace("URL", world.url).replace("NAME", file.stem))
    try:
        yield child.pid
    finally:
        world.home.configuration.write_text(before)
        for file in files:
            file.unlink()
        child.kill()
        child.wait()


def is_paused(pid: int) -> bool:
    """What the kernel says."""
    return (kernel.stat_of(pid) or ("", 0))[0] in {"T", "t"}


async def asked(world: World, name: str = "warehouse-hangs") -> tuple[str, dict[str, Any]]:
    """Alice starts it; its id, and the approval that it then waits for."""
    await world.ready()
    mark = {"Idempotency-Key": uuid4().hex}
    id_ = (await world.post(f"/game-days/{name}/start", {"by": "alice"}, **mark))["id"]
    state = await recorded(world, f"/game-days/{id_}", lambda it: it["approval"] or it["verdict"])
    assert state["phase"] == "awaiting_approval", state["reason"]
    return id_, await recorded(world, f"/approvals/{state['approval']['id']}")


async def vote(world: World, approval: dict[str, Any], by: str, **changes: str) -> tuple[int, str]:
    """What REST says to it."""
    body = {"decision": "approve", "digest": approval["digest"], "by": by} | changes
    answer = await world.http.post(f"/api/v1/approvals/{approval['id']}/decision", json=body)
    return answer.status_code, answer.json().get("detail", "")


async def test_the_exact_targets_are_seen_and_approved_by_somebody_else(
    world: World, browser: Browser, victim: int
) -> None:
    """Alice, who asked, may not; a vote for another digest does not count; Bob's does, and only then it is paused."""
    id_, approval = await asked(world)
    await recorded(
        world, "/approvals?state=pending", lambda page: approval["id"] in {each["id"] for each in page["items"]}
    )
    assert [each["name"] for each in approval["shown"]["targets"]["one"]] == ["victim"]
    assert approval["shown"]["steps"][0]["with"]["process"] == "victim"
    for by, changes, status, words in (
        ("alice", {}, 403, "cannot approve it"),
        ("dana", {}, 403, "sre"),
        ("bob", {"digest": "sha256:0"}, 409, "is not what would run"),
    ):
        code, detail = await vote(world, approval, by, **changes)
        assert (code, words in detail) == (status, True), detail
    async with visit(browser, world, viewport=PHONE) as alice:
        await log_in(alice, world, "alice")
        await alice.page.goto(f"/game-days/{id_}")
        await alice.page.get_by_role("link", name="Its exact targets wait for a yes").click()
        await expect(alice.page.locator(".closed-to-me")).to_contain_text("Not yours to decide")
        assert (await alice.broken_laws(), alice.complaints) == ([], [])
    async with visit(browser, world, viewport=DESK, color_scheme="dark") as bob:
        await log_in(bob, world, "bob")
        page = bob.page
        await page.goto(f"/approvals/{approval['id']}")
        shown = page.locator("section", has=page.get_by_role("heading", name="Exactly this will run"))
        for words in ("victim", "process.pause", "production", approval["digest"]):
            await expect(shown).to_contain_text(words)
        assert not is_paused(victim)
        assert await bob.broken_laws() == []
        await page.get_by_label("And for its schedule").fill("7")
        await page.get_by_role("button", name="Approve").click()
        await expect(page.locator("[data-part=votes]")).to_contain_text("approved bob")
        await expect(page.locator("[data-part=votes]")).to_contain_text("for its schedule until")
        await recorded(world, f"/game-days/{id_}", lambda it: it["took_effect_at"] or it["verdict"])
        assert is_paused(victim)
        await page.get_by_role("link", name=f"game day {id_}").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("The warehouse hangs")
        await page.get_by_label("Why").fill("enough was seen")
        await page.get_by_role("button", name="Halt and undo").click()
        end = await recorded(world, f"/game-days/{id_}", lambda it: it["verdict"])
        assert bob.complaints == []
    assert (end["verdict"], end["restored"], is_paused(victim)) == ("aborted", True, False)
    await it_stands_until_it_is_revoked(world, "warehouse-hangs", approval["id"])


async def it_stands_until_it_is_revoked(world: World, name: str, approval: str) -> None:
    """What Bob said of the schedule, over REST; the command line takes it away, once and with a reason."""
    standing = await world.get(f"/game-days/{name}/standing-approval")
    told = (standing["state"], standing["approved_by"], standing["approval_id"])
    assert told == ("holds", ["bob"], approval)
    code, out = await hotwash(world, "game-day", "revoke-standing-approval", name, "--reason", "a sale", "--by", "dana")
    assert (code, "revoked" in out, "dana: a sale" in out) == (0, True, True), out
    code, out = await hotwash(world, "game-day", "standing-approval", name, "--json")
    assert (code, json.loads(out)["state"]) == (0, "revoked")
    code, out = await hotwash(world, "game-day", "revoke-standing-approval", name, "--reason", "a sale")
    assert (code, "no approval of game day 'warehouse-hangs' stands" in out) == (1, True), out


async def test_what_changed_after_the_yes_is_not_touched(world: World, victim: int) -> None:
    """The name means something else now: refused, and said so; a vote after the decision is late."""
    id_, approval = await asked(world, "warehouse-changes")
    file = world.home.configuration
    whole = json.loads(file.read_text())
    whole["drill_targets"]["victim"]["tags"] = {"tier": "db"}
    file.write_text(json.dumps(whole))
    assert (await vote(world, approval, "bob"))[0] == 200
    end = await recorded(world, f"/game-days/{id_}", lambda it: it["verdict"])
    assert (end["verdict"], end["injected_at"], is_paused(victim)) == ("refused", None, False)
    assert "have changed since they were approved" in end["reason"]
    assert (await vote(world, approval, "carol"))[0] == 409
