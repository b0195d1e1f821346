"""A job raised at the console, for what was shown before, and where others raise it, too."""

from playwright.async_api import Browser, expect

from tests.agent.market import Market
from tests.console.browsing import REFUSED, opened
from tests.console.sound import is_sound
from tests.jobs.factories import make_job
from tests.world import World


async def test_a_job_is_raised_for_what_is_shown_unless_it_was_raised_meanwhile(
    world: World, market: Market, browser: Browser
) -> None:
    job = await make_job(world, answers="noisy", precision=0.011)
    async with opened(browser, market, f"/jobs/{job.id}") as console:
        page = console.page
        await console.sign_in(job.customer)
        await console.shows("Cats or dogs?")
        await expect(page.get_by_text("± 1.1 points")).to_be_visible()
        manifest = page.get_by_role("link", name="public manifest")
        told = await world.client.get(await manifest.get_attribute("href") or "")
        assert told.json()["job_id"] == str(job.id), "anybody can read it"

        await page.get_by_role("button", name="Raise …").click()
        form = page.get_by_role("region", name="Raise")
        await expect(form).to_contain_text("Nothing costs more yet")
        await form.get_by_label("Reward").fill("0.05")
        await expect(form).to_contain_text("Nothing costs more yet")
        raising = form.get_by_role("button", name="Raise", exact=True)
        await raising.click()
        await expect(form.get_by_role("alert")).to_contain_text("only raised")
        await form.get_by_label("Reward").fill("0.2")
        await form.get_by_label("Devices").fill("20")
        await expect(form).to_contain_text("3.41")  # 20 × 0.231 less 10 × 0.121
        await expect(form).to_contain_text("995.38")
        await is_sound(console)

        elsewhere = await job.customer.post(f"{job.path}/raise", {"max_devices": 15})
        assert elsewhere.status_code == 200
        await raising.click()
        await expect(form.get_by_role("alert")).to_contain_text("raised since you read it")
        await expect(page.locator("dl").first).to_contain_text("0 of 15")
        await expect(form).to_contain_text("2.805")  # 20 × 0.231 less 15 × 0.121
        await raising.click()
        await expect(form).to_have_count(0)
        await expect(page.locator("dl").first).to_contain_text("0 of 20")
        await expect(page.get_by_text("Reward 0.1 → 0.2, devices 15 → 20.")).to_be_visible()
        made = await job.get()
        assert (made["reward"], made["max_devices"], made["cost"]) == ("0.2", 20, "4.62")
        assert (await job.customer.post(f"{job.path}/close")).status_code == 200
        assert all(it.startswith(REFUSED) for it in console.complaints), console.complaints
