"""The pages of a review at 390 and 1280 px, light and dark: findings, views side by side, the link, guide, changes."""

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from runtime.perspective_links import PerspectiveLinks
from tests.support.browser import DESK, PHONE
from tests.support.night import declare, log_in, recorded, visit
from tests.support.world import World

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]

_UNBROKEN = "checkout-7d9f8c6b5-" + "x" * 90 + ".svc.cluster.local"
_ANSWERS = {"saw": _UNBROKEN, "expected": "that it would come back", "knew": "nothing", "hard": "the pager " * 30}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def review(world: World) -> str:
    """A draft with everything in it: blame, findings, two views, an edit, a text with nowhere to break."""
    incident = (await declare(world, f"Search is empty on {_UNBROKEN}"))["id"]
    await world.post(f"/incidents/{incident}/acknowledge", {"by": "alice"})
    await world.post(f"/incidents/{incident}/resolve", {"by": "alice", "summary": "the index was built anew"})
    path = f"/reviews/{incident}"
    draft = await recorded(world, path, lambda each: each["revision"] and each["due_at"])
    text = draft["markdown"] + f"\n## In short\n\nBob failed to check {_UNBROKEN}.\n"
    await world.post(f"{path}/edit", {"by": "alice", "revision": draft["revision"], "markdown": text})
    await world.post(
        f"{path}/findings", {"by": "bob", "kind": "contributing_factor", "factor": "detection", "text": _UNBROKEN}
    )
    wrong = {"by": "bob", "kind": "helped", "text": f"wrong: {_UNBROKEN}"}
    found = await world.post(f"{path}/findings", wrong)
    await world.post(
        f"{path}/withdraw-finding", {"by": "bob", "finding": found["findings"][-1]["number"], "reason": _UNBROKEN}
    )
    await world.post(f"{path}/invite", {"by": "alice", "person": "carol", "role": "support"})
    for person in ("alice", "bob"):
        await world.post(f"{path}/perspective", {"by": person, **_ANSWERS})
    for person in ("alice", "bob"):
        await world.post(f"{path}/comments", {"by": person, "text": f"{person}: {_UNBROKEN}", "section": "Timeline"})
    await world.post(f"{path}/resolve-comment", {"by": "alice", "comment": 1, "answer": _UNBROKEN})
    await world.post(f"{path}/meeting-date", {"by": "alice", "at": "2031-06-01T22:00:00Z"})
    await recorded(world, path, lambda each: each["meeting_plan"])
    return incident


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_its_pages_keep_the_laws(world: World, browser: Browser, review: str, size: dict, scheme: str):
    """Nothing sticks out, all can be read and tapped, with every drawer open too; the link's page without a login."""
    token, _ = PerspectiveLinks(world.home.secret_key()).issue(review, "dana")
    wrong = []
    async with visit(browser, world, viewport=size, color_scheme=scheme) as visitor:
        for path in (f"/perspectives/{token}", "/perspectives/none"):
            await visitor.page.goto(path)
            wrong += [f"{path[:16]}: {each}" for each in await visitor.broken_laws()]
        await log_in(visitor, world, "carol")
        for path in ("", f"/{review}", f"/{review}/changes", f"/{review}/guide", f"/{review}/calibration"):
            answer = await visitor.page.goto(f"/reviews{path}")
            assert answer is not None
            assert answer.status == 200, path
            await visitor.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
            wrong += [f"{path}: {each}" for each in await visitor.broken_laws()]
        assert sorted(set(wrong)) == []
        assert [each for each in visitor.complaints if "401 (Unauthorized)" not in each] == []


async def test_findings_stand_beside_the_text_and_views_beside_each_other(world: World, browser: Browser, review: str):
    """On a wide screen the language findings are to the right of the text, and two people's answers in one row."""
    async with visit(browser, world, viewport=DESK) as visitor:
        await log_in(visitor, world, "carol")
        page = visitor.page
        await page.goto(f"/reviews/{review}")
        text = await page.locator("article.prose").bounding_box()
        language = page.locator("section", has=page.get_by_role("heading", name="Language"))
        await expect(language).to_contain_text("Bob failed to")
        beside = await language.bounding_box()
        views = [await each.bounding_box() for each in await page.locator(".sides article").all()]
        assert text is not None
        assert beside is not None
        assert beside["x"] >= text["x"] + text["width"]
        first, second = views[0], views[1]
        assert first is not None
        assert second is not None
        assert first["y"] == second["y"]
        assert second["x"] >= first["x"] + first["width"]


async def test_a_near_miss_is_declared_with_a_tick(world: World, browser: Browser):
    """The box on the page for declaring says it, and the incident is one."""
    async with visit(browser, world, viewport=PHONE) as visitor:
        await log_in(visitor, world, "bob")
        page = visitor.page
        await page.goto("/declare")
        await page.get_by_label("What is wrong").fill("The spare disk was nearly full")
        await page.get_by_label("A near miss").check()
        await page.get_by_role("button", name="Declare and page").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("The spare disk was nearly full")
        incident = page.url.rpartition("/")[2]
    await recorded(world, f"/incidents/{incident}", lambda each: each["near_miss"] is True)
    # The world is shared, and a game day gives way to what is open.
    await world.post(f"/incidents/{incident}/resolve", {"by": "bob", "summary": "there was none"})
