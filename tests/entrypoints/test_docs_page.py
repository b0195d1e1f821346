"""`/docs` in a real browser: its policy lets it work, it signs in, and it keeps no token."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
from playwright.async_api import Browser, Page, expect

from dml.entrypoints.resources import RESOURCES
from tests.bounties.browser import DESKTOP, NARROW, opened, running_browser
from tests.world import PASSWORD, Person, World

LOADED: Final = ".opblock-tag"


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as browser:
        yield browser


async def test_its_resources_come_in_the_order_of_the_story(world: World, browser: Browser) -> None:
    told = (await world.client.get("/openapi.json")).json()
    used = {it["tags"][0] for of_path in told["paths"].values() for it in of_path.values()}
    assert used == RESOURCES.keys()
    async with opened(browser, world, "/docs") as seen:
        await seen.page.wait_for_selector(LOADED)
        shown = await seen.page.locator(f"{LOADED} .nostyle span").all_inner_texts()
        assert shown == list(RESOURCES)
        assert "Accounts: everybody begins with one." in await seen.page.inner_text("body")


@pytest.mark.parametrize(("size", "dark"), [(NARROW, True), (DESKTOP, True), (DESKTOP, False)])
async def test_it_fits_any_screen_and_is_dark_where_the_system_is(
    world: World, browser: Browser, size: tuple[int, int], dark: bool
) -> None:
    async with opened(browser, world, "/docs", size=size, dark=dark) as seen:
        await seen.page.wait_for_selector(LOADED)
        assert await seen.overflow() == 0
        background = "getComputedStyle(document.body).backgroundColor"
        paper = await seen.page.evaluate(background)
        assert paper == ("rgb(28, 32, 34)" if dark else "rgb(255, 255, 255)")
        title = "getComputedStyle(document.querySelector('.info .title')).color"
        red = int((await seen.page.evaluate(title)).removeprefix("rgb(").split(",")[0])
        assert (red > 200) == dark
        assert seen.complaints == []


async def _sign_in(page: Page, person: Person, password: str = PASSWORD) -> None:
    await page.get_by_label("E-mail").fill(person.email)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()


async def _read_own_account(page: Page, told: str) -> None:
    """Try `GET /v1/users/me`, and look for this in what the page shows of the answer."""
    path = page.locator('[data-path="/v1/users/me"]')
    operation = page.locator(".opblock-get", has=path)
    if not await operation.is_visible():
        await page.click("#operations-tag-users")
        await operation.locator(".opblock-summary-control").click()
        await operation.locator(".try-out__btn").click()
    await operation.locator(".execute").click()
    answer = operation.locator(".live-responses-table .response")
    await expect(answer).to_contain_text(told, timeout=20_000)


async def test_who_signs_in_tries_operations_in_their_own_name(
    world: World, browser: Browser
) -> None:
    ada = await world.person("ada")
    async with opened(browser, world, "/docs") as seen:
        page = seen.page
        page.set_default_timeout(20_000)
        await page.wait_for_selector(LOADED)
        await _sign_in(page, ada, "not the password")
        await expect(page.get_by_role("status")).to_contain_text("Check both")
        await _sign_in(page, ada)
        await expect(page.get_by_text(f"Signed in as {ada.email}")).to_be_visible()
        await _read_own_account(page, ada.email)
        kept = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert "eyJ" not in kept
        assert await page.evaluate("document.cookie") == ""

        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_label("E-mail")).to_be_visible()
        await _read_own_account(page, "core.not_signed_in")
        assert all(it.startswith(("/", "data:")) for it in seen.asked), seen.asked
        assert seen.asked.count("/v1/users/logout") == 1


async def test_its_policy_lets_no_script_or_style_of_somebody_else_run(
    world: World, browser: Browser
) -> None:
    async with opened(browser, world, "/docs") as seen:
        await seen.page.wait_for_selector(LOADED)
        assert seen.complaints == []
        policy = (await world.client.get("/docs")).headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        await seen.page.evaluate("document.body.append(document.createElement('style'))")
        await seen.page.evaluate("document.querySelector('body > style').textContent = 'a {}'")
        assert "Content Security Policy" in " ".join(seen.complaints)
