"""Debian's Chromium for tests of pages, and what every page must keep: said once, checked wherever a page is opened.

Used by tests/pages. The one thing to know: a `Visitor` collects everything that a browser complains about (console
errors, dialogs, requests to elsewhere, policy violations), so that a test that opens a page also sees that it is clean.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

# Of no page a test says how fast it is: what comes late on a busy machine has come.
_PATIENCE_MILLISECONDS = 30_000
expect.set_options(timeout=_PATIENCE_MILLISECONDS)
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
# Chromium's own sandbox needs rights that containers lack; background networking would call home.
LAUNCH_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
LAWS = Path(__file__).with_name("page_laws.js").read_text()
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


@dataclass
class Visitor:
    """One person's browser."""

    page: Page
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    def listen(self, url: str) -> None:
        """From now on, to everything that the browser complains about."""
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", lambda request: self._request(request.url, url))

    async def broken_laws(self) -> list[str]:
        """What the page that is open does not keep of `page_laws.js`."""
        wrong: list[str] = await self.page.evaluate(LAWS)
        return wrong

    def _console(self, line: Any) -> None:
        if line.type in {"error", "warning"}:
            self.complaints.append(f"console: {line.text}")

    async def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def _request(self, wanted: str, url: str) -> None:
        if not wanted.startswith((url, "data:")):
            self.complaints.append(f"request to elsewhere: {wanted}")


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser, headless."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=LAUNCH_ARGUMENTS)
        yield browser
        await browser.close()


@asynccontextmanager
async def visiting(browser: Browser, url: str, **options: Any) -> AsyncIterator[Visitor]:
    """A fresh browser profile; `options` are Playwright's (viewport, color_scheme, java_script_enabled)."""
    context = await browser.new_context(base_url=url, **({"viewport": PHONE} | options))
    context.set_default_timeout(_PATIENCE_MILLISECONDS)
    page = await context.new_page()
    visitor = Visitor(page, context)
    visitor.listen(url)
    yield visitor
    await context.close()
