"""A real headless browser, as `make .venv/browser` unpacked it, which needs nothing of the machine.

Its pages come from the API under test without a socket: what it asks for, the test's client asks.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Page, Request, Route, async_playwright

from tests.world import World

FOLDER: Final = Path(__file__).resolve().parents[2] / ".venv" / "browser"
ORIGIN: Final = "http://market.test"
PHONE: Final = (390, 844)
NARROW: Final = (360, 640)
DESKTOP: Final = (1280, 900)
_SENT: Final = ("accept", "authorization", "content-type")  # What the API reads of a browser's.


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """Start the browser. Its own process sandbox needs rights that a container may not give."""
    assert FOLDER.exists(), "run `make .venv/browser`"
    home: dict[str, str | float | bool] = {
        **os.environ,
        "FONTCONFIG_FILE": str(FOLDER / "fonts.conf"),
        "LD_LIBRARY_PATH": str(FOLDER / "al2023" / "lib"),
    }
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=FOLDER / "chromium",
            args=["--no-sandbox", "--no-zygote", "--disable-gpu"],
            env=home,
        )
        yield browser
        await browser.close()


@asynccontextmanager
async def opened(
    browser: Browser,
    world: World,
    path: str,
    *,
    size: tuple[int, int] = DESKTOP,
    dark: bool = False,
) -> AsyncIterator["Seen"]:
    """Open a page of the API in a window of this size."""
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        device_scale_factor=2 if width < 500 else 1,
    )
    page = await context.new_page()
    seen = Seen(page)
    page.on("request", lambda request: seen.asked.append(_path(request)))
    page.on("console", lambda message: seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))

    async def answer(route: Route) -> None:
        asked = route.request
        known = {str(it): asked.headers[it] for it in _SENT if it in asked.headers}
        found = await world.client.request(
            asked.method, _path(asked), headers=known, content=asked.post_data_buffer
        )
        await route.fulfill(
            status=found.status_code, headers=dict(found.headers), body=found.content
        )

    await page.route("**/*", answer)
    await page.goto(ORIGIN + path)
    yield seen
    await context.close()


class Seen:
    """A page that was opened, what it asked for, and what the browser complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []

    async def overflow(self) -> int:
        """How many pixels wider than the window the page is."""
        script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        width: int = await self.page.evaluate(script)
        return width

    async def violations(self) -> list[str]:
        """What axe-core finds that keeps somebody from using the page, and where."""
        # By the debugger, so that the page's own policy does not stop it.
        await self.page.evaluate((FOLDER / "axe.min.js").read_text())
        found = await self.page.evaluate("axe.run()")
        return [
            f"{it['id']}: {it['help']}, at {node['target']}"
            for it in found["violations"]
            for node in it["nodes"]
        ]


def _path(request: Request) -> str:
    return request.url.removeprefix(ORIGIN)
