"""What people do in the days after, on a wide screen: the review, its action items, game days."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browser import DESK
from tests.support.night import alert_group, an_alert, declare, log_in, recorded, visit
from tests.support.world import World

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]


async def _resolved(world: World) -> str:
    """An incident whose review is drafted and belongs to alice."""
    incident = await declare(world)
    path = f"/incidents/{incident['id']}"
    await world.post(f"{path}/acknowledge", {"by": "alice"})
    await world.post(f"{path}/resolve", {"by": "alice", "summary": "the queue was emptied"})
    await _drafted(world, incident["id"])
    return incident["id"]


async def _drafted(world: World, incident: str) -> Any:
    """The review, once no draft of it is on its way that would make a revision of its own."""
    return await recorded(
        world, f"/reviews/{incident}", lambda review: review["revision"] and not review["draft_wanted"]
    )


async def _said(page: Page, role: str, text: str) -> None:
    await expect(page.get_by_role(role)).to_contain_text(text)


async def test_a_review_is_edited_submitted_and_signed_off_by_somebody_else(world: World, browser: Browser):
    """The draft is edited as Markdown; the owner's own sign-off is refused with the reason; dana's counts."""
    incident = await _resolved(world)
    async with visit(browser, world, viewport=DESK) as alice:
        await log_in(alice, world, "alice")
        page = alice.page
        await page.goto(f"/incidents/{incident}")
        await page.get_by_role("link", name="The review is not done yet").click()
        await page.get_by_label("Kind of factor").select_option("detection")
        await page.get_by_label("What", exact=True).fill("Nobody saw the queue grow")
        await page.get_by_role("button", name="Add", exact=True).click()
        await _said(page, "status", "Added")
        await page.get_by_text("Edit the text").click()
        await page.get_by_label("Markdown").fill("# What we learned\n\n**The queue** has no alert. <b>html</b>")
        # Somebody else saves first.
        revision = (await _drafted(world, incident))["revision"]
        bobs = {"by": "bob", "revision": revision, "markdown": "# Bob was faster"}
        await world.post(f"/reviews/{incident}/edit", bobs)
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("alert").first).to_contain_text("Not done.")
        await expect(page.get_by_label("Markdown")).to_have_value(re.compile("The queue"))
        await expect(page.locator("article")).to_contain_text("Bob was faster")
        await page.get_by_role("button", name="Save").click()
        await _said(page, "status", "Saved")
        await expect(page.get_by_role("heading", name="What we learned")).to_be_visible()
        await expect(page.locator("article strong")).to_have_text("The queue")
        await expect(page.locator("article")).to_contain_text("<b>html</b>")
        await page.get_by_role("button", name="Ready for review").click()
        await _said(page, "alert", "has at least 2")
        await page.get_by_label("Why there are fewer").fill("the queue is all that there is to it")
        await page.get_by_role("button", name="Ready for review").click()
        await _said(page, "status", "up for review")
        await page.get_by_role("button", name="Sign off").click()
        await _said(page, "alert", "Not done.")
        # Chromium's console notes the status of the page that kept the text.
        assert [each for each in alice.complaints if "409 (Conflict)" not in each] == []
    async with visit(browser, world) as dana:
        await log_in(dana, world, "dana")
        await dana.page.goto(f"/reviews/{incident}")
        await dana.page.get_by_role("button", name="Sign off").click()
        await _said(dana.page, "status", "Signed off")
    await recorded(world, f"/reviews/{incident}", lambda review: review["state"] in {"reviewed", "closed"})


async def test_an_action_item_is_done_with_evidence_only(world: World, browser: Browser):
    """Added from the room; "done" with nothing to show is refused with the reason, and taken with a link."""
    incident = await _resolved(world)
    async with visit(browser, world, viewport=DESK) as bob:
        await log_in(bob, world, "bob")
        page = bob.page
        await page.goto(f"/incidents/{incident}")
        await page.get_by_role("link", name="Add an action item").click()
        await page.get_by_label("What is to be done").fill("Alert on the queue's length")
        await page.get_by_label("Done when").fill("The alert fires in a drill")
        await page.get_by_role("button", name="Add").dblclick()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Alert on the queue's length")
        await page.get_by_role("button", name="Start work").click()
        await _said(page, "status", "Begun")
        done = page.get_by_role("button", name="Done")
        await page.locator("summary", has_text="Done").click()
        await done.click()
        await _said(page, "alert", "Not done.")
        await page.locator("summary", has_text="Done").click()
        await page.get_by_label("What shows it").fill("It fired this morning")
        await page.get_by_label("Link").fill("https://graphs.example/queue")
        await done.click()
        await _said(page, "status", "Done")
        await expect(page.locator(".list")).to_contain_text("It fired this morning")
        assert bob.complaints == []
    await recorded(
        world,
        "/action-items?owner=bob",
        lambda page: [each["state"] for each in page["items"] if each["incident_id"] == incident] == ["done"],
    )


async def test_game_days_are_listed_and_one_that_lacks_something_says_what(world: World, browser: Browser):
    """The library's game day is there with its hypothesis; started without its target it is refused, not begun."""
    async with visit(browser, world, viewport=DESK) as dana:
        await log_in(dana, world, "dana")
        await dana.page.goto("/game-days")
        first = dana.page.locator("li.card", has=dana.page.locator("form[action='/game-days/process-dies/start']"))
        await expect(first).to_contain_text("killed")
        await first.get_by_role("button", name="Start now").click()
        await _said(dana.page, "alert", "Not done.")
        assert dana.complaints == []


async def test_an_alert_below_its_threshold_is_declared_or_declined_by_a_person(world: World, browser: Browser):
    """Triage shows why nothing happened yet; one press declares, another one says that it is none, and why."""
    for name in ("DiskFills", "CertificateEnds"):
        alert = an_alert(name, labels={"kind": "few"})
        assert (await world.alert(alert, group={"alertname": name})).status_code == 202
    declared = await alert_group(world, "DiskFills", "triage")
    declined = await alert_group(world, "CertificateEnds", "triage")
    async with visit(browser, world, viewport=DESK) as bob:
        await log_in(bob, world, "bob")
        page = bob.page
        await expect(page.get_by_role("link", name="DiskFills happens")).to_contain_text("1 firing")
        await page.get_by_role("link", name="DiskFills happens").click()
        await page.get_by_label("Title").fill("The disk of search fills")
        await page.get_by_role("button", name="Declare an incident").click()
        await _said(page, "status", "Declared")
        await page.get_by_role("link", name="Go to inc-").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("The disk of search fills")
        await expect(page.locator("[data-part=now]")).to_contain_text("DiskFills happens")
        await expect(page.get_by_role("link", name="source").first).to_have_attribute(
            "href", "http://prometheus.test/graph"
        )
        await page.goto(f"/triage/{declined['id']}")
        await page.get_by_label("Why it is none").fill("renewed by hand today")
        await page.get_by_role("button", name="Decline").click()
        await _said(page, "status", "Declined")
        await expect(page.locator("header.card")).to_contain_text("renewed by hand today")
        assert bob.complaints == []
    assert (await alert_group(world, "DiskFills", "incident"))["id"] == declared["id"]
