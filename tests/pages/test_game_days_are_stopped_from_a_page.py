"""Game days on pages: what is planned is skipped and paused, what runs is stopped, what was found becomes an item."""

import re
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from domain.game_day import Expectation, ExpectationResult, GameDayVerdict, Judgement
from tests.support.browser import DESK, PHONE, Visitor
from tests.support.held import held, record_drill, record_game_day
from tests.support.night import log_in, recorded, visit
from tests.support.world import World

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="module", autouse=True)
def shelf(world: World) -> Iterator[None]:
    """The process that would be killed."""
    with subprocess.Popen(["sleep", "3600"]) as process:
        (world.home.folder / "shelf.pid").write_text(str(process.pid))
        yield
        process.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def dana(world: World, browser: Browser) -> AsyncIterator[Visitor]:
    """Somebody at night, with a phone."""
    async with visit(browser, world, viewport=PHONE) as visitor:
        await log_in(visitor, world, "dana")
        yield visitor
        assert visitor.complaints == []


async def under_way(world: World) -> str:
    """A game day that waits for a yes."""
    begun = await world.post("/game-days/shelf-falls/start", {"parameters": {"url": f"{world.url}/healthz"}})
    found = await recorded(
        world, f"/game-days/{begun['id']}", lambda d: d["phase"] in {"awaiting_approval", "finished"}
    )
    assert found["phase"] == "awaiting_approval", found["reason"]
    await world.eventually(
        lambda: world.get("/game-days", state="awaiting_approval"), lambda page: len(page["items"]) == 1, "the record"
    )
    return str(begun["id"])


async def said(page: Page, role: str, text: str) -> None:
    """A banner with this text."""
    await expect(page.get_by_role(role).filter(has_text=text).first).to_be_visible()


async def test_one_that_is_under_way_is_halted_with_a_reason(world: World, dana: Visitor) -> None:
    """From its own page, by the button that stands there while it runs; nothing was touched, and it says who did it."""
    id_ = await under_way(world)
    await dana.page.goto(f"/game-days/{id_}")
    await expect(dana.page.get_by_role("link", name="Its exact targets wait for a yes")).to_be_visible()
    await dana.page.get_by_label("Why").fill("a customer is calling")
    await dana.page.get_by_role("button", name="Halt and undo").click()
    await said(dana.page, "status", "Halting")
    ended = await recorded(world, f"/game-days/{id_}", lambda d: d["phase"] == "finished")
    assert (ended["verdict"], ended["halted"]["by"]["name"]) == ("aborted", "dana")
    await dana.page.reload()
    await expect(dana.page.get_by_role("button", name="Halt and undo")).to_have_count(0)
    await expect(dana.page.locator("header.drill")).to_contain_text("a customer is calling; nothing was touched")


async def test_a_drill_is_halted_from_its_incidents_room(world: World, dana: Visitor, browser: Browser) -> None:
    """Where people meet it: the room says which game day it is, leads there, and has the button that stops it."""
    id_, room = await under_way(world), "/incidents/inc-20261128-dr1ll"
    await record_drill(world, id_, room.rpartition("/")[2])
    async with visit(browser, world, viewport=DESK) as wide:
        await log_in(wide, world, "alice")
        await wide.page.goto(room)
        await expect(wide.page.get_by_role("button", name="Halt and undo")).to_be_visible()
        assert await wide.broken_laws() == []
    await dana.page.goto(room)
    assert await dana.broken_laws() == []
    banner = dana.page.locator("header.drill")
    await expect(banner.get_by_role("link", name=f"game day {id_}")).to_have_attribute("href", f"/game-days/{id_}")
    await banner.get_by_role("button", name="Halt and undo").click()
    assert await banner.get_by_label("Why").evaluate("field => field.validity.valueMissing"), "a reason is asked for"
    await banner.get_by_label("Why").fill("a customer is calling")
    await banner.get_by_role("button", name="Halt and undo").click()
    await said(dana.page, "status", "Halting")
    await expect(dana.page).to_have_url(re.compile(room))
    ended = await recorded(world, f"/game-days/{id_}", lambda d: d["phase"] == "finished")
    assert (ended["verdict"], ended["halted"]["by"]["name"]) == ("aborted", "dana")
    await dana.page.reload()
    await expect(banner).to_contain_text("This is a drill of game day")
    await expect(dana.page.get_by_role("button", name="Halt and undo")).to_have_count(0)


async def test_everything_is_stopped_from_the_console(world: World, dana: Visitor) -> None:
    """One button for all; no game day begins until the lever is released, and the page says why."""
    id_ = await under_way(world)
    await dana.page.goto("/")
    await dana.page.get_by_label("Why").fill("the sale has begun")
    await dana.page.get_by_role("button", name="Halt every game day").click()
    await said(dana.page, "status", "The safety lever (global) is engaged")
    ended = await recorded(world, f"/game-days/{id_}", lambda d: d["phase"] == "finished")
    assert (ended["verdict"], "the sale has begun" in ended["reason"]) == ("aborted", True)
    await dana.page.goto("/game-days")
    card = dana.page.get_by_role("listitem").filter(has=dana.page.get_by_text("A shelf falls over", exact=True))
    await card.get_by_role("button", name="Start now").click()
    await said(dana.page, "alert", "the safety lever (global) is engaged by dana")
    await dana.page.get_by_role("link", name="Release it").click()
    await dana.page.get_by_label("Why").first.fill("the sale is over")
    await dana.page.get_by_role("button", name="Release").click()
    await said(dana.page, "status", "is released")
    await expect(dana.page.get_by_text("released", exact=True).first).to_be_visible()


async def test_a_schedule_is_skipped_and_paused_from_its_card(world: World, browser: Browser) -> None:
    """Each with a reason, which stands there afterwards; the calendar shows what is skipped."""
    async with visit(browser, world, viewport=DESK) as visitor:
        page = visitor.page
        await log_in(visitor, world, "dana")
        await page.goto("/game-days")
        card = page.get_by_role("listitem").filter(has=page.get_by_text("A shelf falls over", exact=True)).first
        await card.locator("summary").click()
        skip = card.locator("form[action$='/skip-next']")
        await skip.get_by_label("Why").fill("holidays")
        await skip.get_by_role("button").click()
        await said(page, "status", "Skipped")
        await expect(card).to_contain_text("dana: holidays")
        at = (await defined(world, lambda line: bool(line["skipped"])))["skipped"][0]["at"]
        await page.goto(f"/game-days/calendar?month={at[:7]}")
        await expect(page.locator(".day").filter(has_text="skipped").first).to_contain_text("holidays")
        await page.goto("/game-days")
        await card.locator("summary").click()
        pause = card.locator("form[action$='/pause']")
        await pause.get_by_label("Why").fill("the shop is closed")
        await pause.get_by_role("button").click()
        await said(page, "status", "Paused")
        await defined(world, lambda line: line["is_paused"] is True)
        await card.locator("summary").click()
        await card.locator("form[action$='/resume']").get_by_label("Why").fill("open again")
        await card.get_by_role("button", name="Resume").click()
        await said(page, "status", "Resumed")
        assert visitor.complaints == []


async def defined(world: World, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The line of the list, once the engine shows it so."""

    def line(page: dict[str, Any]) -> dict[str, Any]:
        return next(each for each in page["items"] if each["name"] == "shelf-falls")

    return line(await recorded(world, "/game-days/definitions", lambda page: holds(line(page))))


async def test_a_freeze_is_seen_in_the_calendar(dana: Visitor) -> None:
    """On each day that it touches; a month without anything says so."""
    await dana.page.goto("/game-days/calendar?month=2031-05")
    await expect(dana.page.get_by_role("heading", name="May 2031")).to_be_visible()
    await expect(dana.page.locator(".day.frozen")).to_have_count(2)
    await dana.page.get_by_role("link", name="2031-06").click()
    await expect(dana.page.get_by_text("Nothing is due in this month")).to_be_visible()


async def test_a_finding_becomes_an_action_item_with_one_press(world: World, dana: Visitor) -> None:
    """It leads to the item; afterwards the item stands beside the finding, and there is one."""
    late = ExpectationResult(
        expectation=Expectation.DETECT, within_seconds=30, judgement=Judgement.LATE, observed_after_seconds=41,
        evidence="BooksDown fired",
    )  # fmt: skip
    state = held(id="fire-1", name="fire", title="A fire", verdict=GameDayVerdict.FAILED, expectations=(late,))
    await record_game_day(world, state.model_copy(update={"roles": {"owner": ("dana",)}}))
    await dana.page.goto("/game-days/fire-1")
    await dana.page.get_by_role("button", name="Make it an action item").click()
    await expect(dana.page).to_have_url(re.compile("/action-items/act-"))
    await expect(dana.page.get_by_role("heading", level=1)).to_contain_text("Detect came after 41 s")
    item = dana.page.url.rpartition("/")[2]
    await dana.page.goto("/game-days/fire-1")
    await expect(dana.page.get_by_role("link", name="Its action item")).to_have_attribute(
        "href", f"/action-items/{item}"
    )
    await expect(dana.page.get_by_role("button", name="Make it an action item")).to_have_count(0)
    await dana.page.goto("/game-days/coverage")
    row = dana.page.get_by_role("row").filter(has_text="shop")
    await expect(row).to_contain_text("failed")
