"""When the engine or the record is away, pages say so and show what there still is; nothing is green by mistake."""

import sqlite3
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.support.night import declare, log_in, night_world, recorded, visit

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]


async def test_pages_live_through_the_engine_and_the_record_being_away(tmp_path: Path, browser: Browser):
    """A banner names what is away; the room is read from the other one; a refused form keeps what was typed."""
    async with night_world(tmp_path) as world, visit(browser, world) as alice:
        incident = await declare(world)
        room = f"/incidents/{incident['id']}"
        await recorded(world, f"{room}/timeline", lambda page: page["items"])
        await log_in(alice, world, "alice")
        page, banner = alice.page, alice.page.locator("[data-part=house]")

        world.kill("engine")
        await page.goto(room)
        await expect(banner).to_contain_text("The engine cannot be reached.")
        await expect(page.get_by_role("heading", level=1)).to_have_text(incident["title"])
        await expect(page.locator(".timeline")).to_contain_text("declared as SEV-3")
        await page.get_by_label("Add a line").fill("I restarted the first of the two")
        await page.get_by_role("button", name="Add", exact=True).click()
        await expect(page.get_by_role("alert").last).to_contain_text("Not done.")
        await expect(page.locator("main")).to_contain_text("I restarted the first of the two")
        await page.goto("/")
        await expect(banner).to_contain_text("The engine cannot be reached.")
        await expect(page.get_by_role("link", name=incident["title"])).to_be_visible()
        await world.start("engine")
        await world.ready()
        await page.goto(room)
        await expect(banner).not_to_contain_text("engine")
        await page.get_by_role("button", name="Acknowledge").click()
        await expect(page.get_by_role("status")).to_contain_text("Acknowledged")

        await page.goto("/status")
        await expect(page.get_by_role("heading", level=1)).to_have_text("We are looking into a possible problem")
        with sqlite3.connect(world.home.store_file) as store:
            store.execute("ALTER TABLE pictures RENAME TO taken_away")
            store.execute("ALTER TABLE tags RENAME TO taken_as_well")
        await page.goto("/status")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Status is not known right now")
        await expect(page.locator("main")).not_to_contain_text("operational")
        await page.goto("/")
        await expect(banner).to_contain_text("The record is away.")
        await expect(page.locator("main")).to_contain_text("Not known")
        await page.goto(room)
        await expect(page.get_by_role("heading", level=1)).to_have_text(incident["title"])
        # An empty form, sent when the record is back, would take all tags off.
        await expect(page.get_by_role("button", name="Save tags")).to_have_count(0)
        with sqlite3.connect(world.home.store_file) as store:
            store.execute("ALTER TABLE taken_away RENAME TO pictures")
            store.execute("ALTER TABLE taken_as_well RENAME TO tags")
        await page.goto("/")
        await expect(banner).not_to_contain_text("away")
        await page.goto(room)
        await expect(page.get_by_role("button", name="Save tags")).to_have_count(1)
