"""Signing in at the console, and what becomes of it when a page is loaded anew or a token ends."""

import re

from playwright.async_api import Browser, expect

from dml.core.context import Role
from dml.core.ids import new_id
from dml.core.key_file import new_key
from dml.core.tokens import Keys
from tests.accounts.factors.authenticator import enroll
from tests.agent.market import Market
from tests.console.browsing import REFUSED, opened
from tests.world import World


async def test_who_signs_in_stays_so_and_no_script_holds_what_lasts(
    world: World, market: Market, browser: Browser
) -> None:
    ada = await world.person("ada")
    async with opened(browser, market) as console:
        page = console.page
        await console.shows("Sign in")
        await console.sign_in(ada, "not the password")
        await expect(page.get_by_role("alert")).to_contain_text("Check both")
        assert console.complaints.pop().startswith(REFUSED)
        await console.sign_in(ada)
        await console.shows("Home")
        await expect(page.get_by_text("You have no tokens to spend")).to_be_visible()
        await page.reload()
        await console.shows("Home")
        kept = await page.evaluate("JSON.stringify([{...localStorage}, document.cookie])")
        assert "eyJ" not in kept
        assert "dml_session" not in kept
        (cookie,) = await page.context.cookies(f"{market.url}/v1/sessions/browser")
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        assert cookie["value"] not in await page.content()

        await page.get_by_role("button", name="Sign out").click()
        await console.shows("Sign in")
        await page.reload()
        await console.shows("Sign in")
        assert await page.context.cookies(f"{market.url}/v1/sessions/browser") == []
        assert console.complaints == []
        assert all(it.startswith(f"{market.url}/") for it in console.asked)
        assert len([it for it in console.asked if it.endswith("/browser/refresh")]) == 1


async def test_somebody_opens_an_account_with_a_password_that_is_none_of_the_first_guesses(
    world: World, market: Market, browser: Browser
) -> None:
    email = f"eve-{new_id()}@example.org"
    async with opened(browser, market) as console:
        page = console.page
        await page.get_by_role("link", name="Open an account").click()
        await console.shows("Open an account")
        await page.get_by_label("E-mail").fill(email)
        await page.get_by_label("Password").fill("password1")
        await page.get_by_role("button", name="Open it").click()
        await expect(page.get_by_role("alert")).to_contain_text("Add another word")
        await page.get_by_label("Password").fill("correct horse battery")
        await page.get_by_role("button", name="Open it").click()
        await console.shows("Home")
        await page.get_by_role("button", name="Sign out").click()
        with market.set(sign_up_by_mail=True):
            await page.get_by_role("link", name="Open an account").click()
            await console.shows("Open an account")
            await page.get_by_label("E-mail").fill(f"by-mail-{email}")
            await page.get_by_label("Password").fill("correct horse battery")
            await page.get_by_role("button", name="Open it").click()
            await expect(page.get_by_role("status")).to_contain_text("on its way")
        await console.go("/reset")
        await console.shows("Another password")
        await page.get_by_label("E-mail").fill(email)
        await page.get_by_role("button", name="Send the link").click()
        await expect(page.get_by_role("status")).to_contain_text("on its way")


async def test_a_second_factor_is_asked_for(world: World, market: Market, browser: Browser) -> None:
    ada = await world.person("ada")
    app = await enroll(world, ada)
    async with opened(browser, market, "/jobs") as console:
        await console.sign_in(ada)
        await console.shows("Second step")
        await console.page.get_by_label("Code").fill((await app.proof())["code"])
        await console.page.get_by_role("button", name="Confirm").click()
        await console.shows("Your jobs")


async def test_a_token_that_ends_meanwhile_is_replaced_and_nobody_notices(
    world: World, market: Market, browser: Browser
) -> None:
    ada = await world.person("ada")
    async with opened(browser, market) as console:
        await console.sign_in(ada)
        await console.shows("Home")
        with market.set(access_token_seconds=1):  # The page renews such a one before each use.
            await console.page.reload()
            await console.shows("Home")
            await console.go("/jobs")
            await console.shows("Your jobs")
        # And one that the server knows no more, though it looks good: it is asked for once more.
        await console.page.reload()
        await console.shows("Your jobs")
        keys = world.app.state.keys
        world.app.state.keys = Keys({"keys": [new_key()]})
        try:
            await console.go("/")
            await console.shows("Home")
        finally:
            world.app.state.keys = keys
        await console.go("/jobs")
        await console.shows("Your jobs")
        assert all(it.startswith(REFUSED) for it in console.complaints), console.complaints


async def test_a_session_that_was_ended_elsewhere_asks_to_sign_in_and_goes_on_there(
    world: World, market: Market, browser: Browser
) -> None:
    ada = await world.person("ada")
    async with opened(browser, market, "/jobs") as console:
        await console.sign_in(ada)
        await console.shows("Your jobs")
        assert (await ada.ask("DELETE", "/v1/users/me/sessions")).status_code == 204
        await console.go("/order")
        await console.shows("Sign in")
        await console.sign_in(ada)
        await console.shows("Choose a model")


async def test_two_tabs_share_a_session_and_its_end(
    world: World, market: Market, browser: Browser
) -> None:
    ada = await world.person("ada")
    async with opened(browser, market) as console:
        await console.sign_in(ada)
        await console.shows("Home")
        other = await console.another()
        await other.shows("Home")
        with market.set(access_token_seconds=1):
            for tab in (console, other):
                await tab.page.reload()
            for path, heading in (("/jobs", "Your jobs"), ("/", "Home"), ("/jobs", "Your jobs")):
                for tab in (console, other):
                    await tab.go(path)
                for tab in (console, other):
                    await tab.shows(heading)
        await other.page.get_by_role("button", name="Sign out").click()
        await console.shows("Sign in")
        await console.sign_in(ada)
        await other.shows("Your jobs")


async def test_a_page_that_is_none_says_so(world: World, market: Market, browser: Browser) -> None:
    ada = await world.person("ada", Role.MODERATOR)
    async with opened(browser, market, "/no/such/page") as console:
        await console.sign_in(ada)
        await console.shows("No such page")
        assert await console.violations() == []
        await console.page.get_by_role("link", name="Go home").click()
        await console.shows("Home")
        await expect(console.page).to_have_title(re.compile("^Home"))


async def test_where_nobody_answers_it_says_so_and_goes_on_later(
    world: World, market: Market, browser: Browser
) -> None:
    async with opened(browser, market) as console:
        await console.sign_in(await world.person("ada"))
        await console.shows("Home")
        await market.close()
        await console.go("/jobs")
        alert = console.page.get_by_role("alert")
        await expect(alert).to_contain_text("did not answer")
        await market.open()
        await alert.get_by_role("button", name="Try again").click()
        await console.shows("Your jobs")
        await console.page.route("**/v1/sessions/browser/refresh", lambda it: it.abort())
        await console.page.reload()
        await expect(alert).to_contain_text("did not answer")
        await console.page.unroute_all()
        await alert.get_by_role("button", name="Try again").click()
        await console.shows("Your jobs")
