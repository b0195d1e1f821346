"""A model at the console: whoever offers it submits a version, and a moderator says why not."""

from playwright.async_api import Browser, expect

from dml.core.context import Role
from dml.core.worker import WorkerParts
from tests.agent.market import Market
from tests.algorithms.offers import check, make_algorithm, upload
from tests.console.browsing import HOSTILE, REFUSED, opened
from tests.console.sound import is_sound
from tests.inference.linear import linear_model, weights
from tests.world import World


async def test_a_version_is_submitted_looked_at_and_rejected_with_a_ready_reason(
    world: World, market: Market, browser: Browser, worker_parts: WorkerParts
) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    card = f"# {HOSTILE}"
    offer = await make_algorithm(ada, title=HOSTILE, summary=HOSTILE, model_card=card)
    version = await upload(ada, offer, linear_model(weights(7)))
    await check(world, ada, version)
    algorithm_id, version_id = (it.rpartition("/")[2] for it in (offer, version))
    async with opened(browser, market, "/models") as console:
        page = console.page
        await console.sign_in(ada)
        await console.shows("Your models")
        await expect(page.get_by_role("link", name="Review", exact=True)).to_have_count(0)
        await is_sound(console)
        await page.get_by_role("link", name=HOSTILE).click()
        await console.shows(HOSTILE)
        await page.get_by_role("button", name="Submit for review").click()
        await expect(page.get_by_text("waits for a moderator")).to_be_visible()
        await page.get_by_text("Timeline").click()
        await expect(page.get_by_text("submitted").first).to_be_visible()
        await is_sound(console)

        await page.get_by_role("button", name="Sign out").click()
        await console.sign_in(mia)
        await console.shows(HOSTILE)
        await page.get_by_role("link", name="Review", exact=True).click()
        await console.shows("To review")
        await is_sound(console)
        await page.locator(f'a[href="#/review/{version_id}"]').click()
        await console.shows(HOSTILE)
        picture = page.get_by_role("img").first
        assert await picture.evaluate("(it) => it.naturalWidth") > 0
        await is_sound(console)
        await page.get_by_label("Decision").select_option("reject")
        await page.get_by_label("Reason").select_option("labels_unclear")
        await page.get_by_label("In your own words").fill(HOSTILE)
        await page.get_by_role("button", name="Reject").press("Enter")
        await expect(page.get_by_text("It was decided.")).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        await console.go(f"/models/{algorithm_id}")
        await console.sign_in(ada)
        await console.shows(HOSTILE)
        (shown,) = (await ada.get(f"{offer}/versions")).json()["items"]
        assert (shown["state"], shown["review_code"]) == ("rejected", "labels_unclear")
        row = page.get_by_role("listitem").filter(has_text="rejected").first
        await expect(row).to_contain_text(HOSTILE)
        # What was under way when somebody signed out is refused, and nothing else.
        unheard = f"{REFUSED}: the server responded with a status of 401 (Unauthorized)"
        assert [it for it in console.complaints if it != unheard] == []
