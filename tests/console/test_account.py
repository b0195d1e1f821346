"""An account at the console: its profile and ways in, tokens, webhooks, and all that is kept."""

from playwright.async_api import Browser, expect

from tests.accounts.photos.files import plain
from tests.accounts.privacy.test_exporting import make
from tests.agent.market import Market
from tests.console.browsing import HOSTILE, REFUSED, opened
from tests.console.sound import is_sound
from tests.feed.webhooks.hooks import working
from tests.feed.webhooks.sink import listening, status
from tests.world import PASSWORD, World


async def test_who_has_an_account_changes_it_sees_their_ways_in_and_erases_it(
    world: World, market: Market, browser: Browser
) -> None:
    ada = await world.person("ada")
    asked = (await ada.post("/v1/users/me/exports")).json()
    await make(world, ada, asked["id"])
    async with opened(browser, market, "/account") as console:
        page = console.page
        await console.sign_in(ada)
        await console.shows("Account")
        await page.get_by_label("Given name").fill(f"أي {HOSTILE}")
        await page.get_by_label("Country").fill("xx")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_label("Country")).to_have_attribute("aria-invalid", "true")
        assert console.complaints.pop().startswith(REFUSED)
        await page.get_by_label("Country").fill("pt")
        await page.get_by_label("About you").fill(HOSTILE)
        await page.get_by_label("Gender").select_option("female")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("status").first).to_have_text("Saved.")
        me = (await ada.get("/v1/users/me")).json()
        assert (me["country"], me["bio"], me["gender"]) == ("PT", HOSTILE, "female")
        photo = {"name": "me.png", "mimeType": "image/png", "buffer": plain()}
        await page.get_by_label("Choose a photo").set_input_files(photo)  # type: ignore[arg-type] # a dict of the three is one
        await page.get_by_role("button", name="Use this photo").click()
        shown = page.get_by_role("img", name="Your photo")
        await expect(shown).to_have_js_property("naturalWidth", 96)
        await is_sound(console)

        await page.get_by_role("link", name="Ways to sign in").click()
        await console.shows("Ways to sign in")
        await expect(page.get_by_text("You have no passkey.")).to_be_visible()
        await expect(page.get_by_text("this one")).to_be_visible()
        await is_sound(console)
        others = page.get_by_role("button", name="End", exact=False).filter(has_not_text="all")
        await others.first.click()
        await expect(others).to_have_count(0)

        await console.go("/account/data")
        await console.shows("Your data")
        await page.get_by_role("button", name="Ask for it").click()
        await expect(page.get_by_text("being prepared")).to_be_visible()
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Download (").click()
        assert (await (await download.value).path()).read_bytes().startswith(b"PK")
        await is_sound(console)
        await page.get_by_label("I want my account erased").check()
        await page.get_by_label("Password").last.fill(PASSWORD)
        await page.get_by_role("button", name="Erase my account").click()
        await console.shows("Sign in")
        assert console.complaints == []


async def test_tokens_and_webhooks_are_made_shown_once_and_taken_back(
    world: World, market: Market, browser: Browser
) -> None:
    ada = await world.person("ada")
    async with opened(browser, market, "/account/tokens") as console, listening() as sink:
        page = console.page
        await console.sign_in(ada)
        await console.shows("Access tokens")
        await page.get_by_label("What it is for").fill(HOSTILE)
        await page.get_by_label("read your jobs").check()
        await page.get_by_label("change webhooks").check()
        await page.get_by_label("Password").last.fill(PASSWORD)
        await page.get_by_role("button", name="Make a token").click()
        secret = await page.locator("pre").inner_text()
        made = {"Authorization": f"Bearer {secret}"}
        assert (await world.client.get("/v1/jobs", headers=made)).status_code == 200
        await is_sound(console)
        await page.get_by_role("button", name="Revoke").click()
        await page.get_by_role("button", name="Revoke").click()
        await expect(page.get_by_text("You have no token.")).to_be_visible()
        assert (await world.client.get("/v1/jobs", headers=made)).status_code == 401

        sink.answer = status(500, body=HOSTILE)
        await console.go("/account/webhooks")
        await console.shows("Webhooks")
        await page.get_by_label("URL").fill(sink.url)
        await page.get_by_label("Types of events").fill("webhook.*")
        await page.get_by_role("button", name="Create a webhook").click()
        await expect(page.get_by_text("It is shown this once")).to_be_visible()
        await is_sound(console)
        await page.get_by_role("link", name=sink.url).click()
        await console.shows("Webhook")
        await page.get_by_role("button", name="Send a test").click()
        async with working(world) as postman:
            await postman.go()
        await page.get_by_role("button", name="Look again").click()
        await expect(page.get_by_text("HTTP 500")).to_be_visible()
        await page.get_by_text("Answer", exact=True).click()
        await expect(page.locator("pre")).to_have_text(HOSTILE)
        await is_sound(console)
        await page.get_by_role("button", name="Pause").click()
        await expect(page.get_by_text("paused")).to_be_visible()
        await page.get_by_role("button", name="Delete").click()
        await page.get_by_role("button", name="Delete").click()
        await console.shows("Webhooks")
        await expect(page.get_by_text("You have no webhook.")).to_be_visible()
        assert console.complaints == []
