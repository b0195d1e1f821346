"""`/docs` in a real browser: its policy lets it work, and it keeps no token."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.bounties.browser import opened, running_browser
from tests.world import World


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as browser:
        yield browser


async def test_the_browser_has_no_complaint_before_and_after_a_token_is_given(
    world: World, browser: Browser
) -> None:
    async with opened(browser, world, "/docs") as seen:
        page = seen.page
        page.set_default_timeout(20_000)
        await page.wait_for_selector(".opblock")
        await page.click("button.authorize")
        await page.fill(".modal-ux input", "a-token-of-mine")
        await page.click(".modal-ux button[type=submit]")
        await page.click(".modal-ux .btn-done")
        await page.click(".opblock-summary-control >> nth=0")
        await page.click(".try-out__btn")
        await page.click(".execute")
        await page.wait_for_selector(".live-responses-table")
        kept = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert "a-token-of-mine" not in kept
        assert await page.evaluate("document.cookie") == ""
        assert all(it.startswith(("/", "data:")) for it in seen.asked), seen.asked
        assert seen.complaints == []
        # Nor would a script or a style of somebody else's run there.
        policy = (await world.client.get("/docs")).headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        await page.evaluate("document.body.append(document.createElement('style'))")
        await page.evaluate("document.querySelector('body > style').textContent = 'a {}'")
        assert "Content Security Policy" in " ".join(seen.complaints)
