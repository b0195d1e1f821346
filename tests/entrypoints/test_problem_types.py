"""`/problems` and refusals in a real browser: readable on any screen, with nothing loaded."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.bounties.browser import DESKTOP, NARROW, PHONE, opened, running_browser
from tests.world import World

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as browser:
        yield browser


BALANCE = "The balance does not cover this amount."


@pytest.mark.parametrize(
    ("path", "told", "size", "dark"),
    [
        ("/problems", BALANCE, NARROW, False),
        ("/problems", BALANCE, DESKTOP, True),
        ("/problems/payments.insufficient_funds", BALANCE, PHONE, True),
        ("/problems/http.500", "This is our mistake", NARROW, False),
        ("/v1/users/me", "This needs a valid access token.", PHONE, True),
        (f"/v1/{HOSTILE}", "Nothing is at this path.", NARROW, False),
    ],
)
async def test_it_fits_any_screen_loads_nothing_and_runs_nothing(
    world: World, browser: Browser, path: str, told: str, size: tuple[int, int], dark: bool
) -> None:
    async with opened(browser, world, path, size=size, dark=dark) as seen:
        assert await seen.overflow() == 0
        assert len(seen.asked) == 1
        # What a browser itself says of an answer that is no success is no complaint of ours.
        assert [it for it in seen.complaints if "Failed to load resource" not in it] == []
        assert "DML Marketplace" in await seen.page.title()
        assert told in await seen.page.locator("body").inner_text()
        assert await seen.page.locator("script, img, iframe, link").count() == 0
        paper = await seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(17, 22, 27)" if dark else "rgb(255, 255, 255)")
