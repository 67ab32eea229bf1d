"""Takes the README's pictures: `python -m tests.pages.take_pictures` (needs Debian's Chromium, takes 20 s).

Nothing in them is staged: the demo's shop really breaks, and they show the incident while its rollback waits for the
second person. Run it again whenever the room looks different.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from cli.demo.world import World
from tests.support.browser import CHROMIUM, LAUNCH_ARGUMENTS

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
_SAID = (
    "Some customers cannot complete their order. We are going back to the previous version of the shop. "
    "Orders with two or more items work."
)


@contextmanager
def a_shop_in_trouble() -> Iterator[tuple[World, str]]:
    """The demo's world and its incident, whose rollback has one approval of two."""
    world = World()
    try:
        world.open()
        world.until("the shop sells", 10, lambda: world.buy(1)[0] == 200)
        world.release("v2")
        incident = world.until("an incident is declared", 30, lambda: _declared(world))
        path = f"/incidents/{incident}"
        world.until("the on-call is paged", 15, lambda: world.get(path)["open_page"])
        world.post(f"{path}/acknowledge", by="alice")
        world.post(f"{path}/roles", by="alice", role="communications_lead", person="carol")
        world.post(f"{path}/roles", by="carol", role="communications_lead", action="accept")
        world.post(f"{path}/updates", by="carol", audience="external", text=_SAID)
        world.post("/runs", by="alice", incident_id=incident, runbook="roll-back-shop")
        approval = world.until("the rollback asks", 15, lambda: _pending(world))
        word = {"decision": "approve", "digest": approval["digest"], "comment": "v1 was fine this morning"}
        world.post(f"/approvals/{approval['id']}/decision", by="bob", **word)
        yield world, incident
    finally:
        world.close()


def _declared(world: World) -> str | None:
    return next((each["id"] for each in world.get("/incidents")["items"]), None)


def _pending(world: World) -> dict[str, Any] | None:
    return next(iter(world.get("/approvals", state="pending")["items"]), None)


def take() -> None:
    """Both pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with a_shop_in_trouble() as (world, incident), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=LAUNCH_ARGUMENTS)
        for name, width, height, scale in (("incident-room", 1280, 1060, 1), ("phone", 390, 844, 1)):
            context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale)
            page = context.new_page()
            page.goto(world.url + world.post("/login-links", person="carol")["path"])
            page.goto(f"{world.url}/incidents/{incident}")
            page.locator("[data-state]", has_text="live").wait_for()
            page.screenshot(path=IMAGES / f"{name}.png")
            context.close()
        browser.close()


if __name__ == "__main__":
    take()
