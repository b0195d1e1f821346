"""A job ordered at the console, and its answer as it grows: whatever is cut off meanwhile."""

import json
import re

from playwright.async_api import Browser, expect

from dml.algorithms.models import Algorithm, Version
from dml.core.ids import VersionId
from dml.jobs.models import JobState
from tests.agent.market import Market
from tests.console.browsing import HOSTILE, LONG, REFUSED, RIGHT_TO_LEFT, Console, opened
from tests.console.sound import is_sound
from tests.jobs.factories import Ordered, fold, make_job, make_version, order, settle, work
from tests.jobs.test_quotes import crowds
from tests.world import Person, World


async def _signed_in(console: Console, person: Person, heading: str) -> None:
    await console.sign_in(person)
    await console.shows(heading)


async def test_somebody_finds_a_model_and_orders_it_for_the_price_that_is_shown(
    world: World, market: Market, browser: Browser
) -> None:
    ada = await world.rich("ada", "25")
    version_id = await make_version(world, await world.person("developer"))
    async with world.parts.sessions.begin() as tx:
        version = await tx.get_one(Version, version_id)
        algorithm = await tx.get_one(Algorithm, version.algorithm_id)
        algorithm.title = title = f"Zebras {version_id}"
    async with opened(browser, market) as console:
        page = console.page
        await _signed_in(console, ada, "Home")
        await page.get_by_role("link", name="Order one").click()
        await console.shows("Choose a model")
        await page.get_by_label("Search").fill(f'"{title}"')
        await page.get_by_label("Search").press("Enter")
        await page.get_by_role("link", name=f"Order with {title}").click()
        await console.shows(f"Order: {title}")

        price = page.get_by_role("region", name="Price")
        await expect(price).to_contain_text("6.6")  # 100 × (0.05 + 0.01 + a tenth of that)
        await page.get_by_label("Devices").fill("10000")
        await expect(price).to_contain_text("660")
        await page.get_by_role("button", name="Order and pay").click()
        await expect(page.get_by_role("alert")).to_contain_text("Deposit")
        await page.get_by_label("Devices").fill("20")
        await page.get_by_text("More choices").click()
        await page.get_by_label("Countries").fill("ZW, Atlantis")
        await expect(page.get_by_label("Countries")).to_have_attribute("aria-invalid", "true")
        await page.get_by_label("Countries").fill("zw")
        await expect(page.get_by_role("alert")).to_have_count(0)
        await expect(price).to_contain_text("1.32")
        await page.get_by_label("Title").fill(RIGHT_TO_LEFT)
        await page.get_by_label("Title").press("Enter")  # By keyboard alone.
        await expect(page).to_have_url(re.compile("#/jobs/[0-9a-f-]{36}$"))
        await expect(page.get_by_text("No answer yet")).to_be_visible()
        (job,) = (await ada.get("/v1/jobs")).json()["items"]
        assert (job["title"], job["cost"], job["countries"]) == (RIGHT_TO_LEFT, "1.32", ["ZW"])
        assert page.url.endswith(job["id"])

        await page.get_by_role("button", name="Pause").click()
        await expect(page.get_by_role("button", name="Resume")).to_be_visible()
        await page.get_by_role("button", name="Resume").click()
        await page.get_by_role("button", name="Close …").click()
        await page.get_by_role("button", name="Close it").click()
        await expect(page.get_by_text("cancelled", exact=True).first).to_be_visible()
        assert all(it.startswith(REFUSED) for it in console.complaints), console.complaints


async def _slug(world: World, version_id: VersionId) -> str:
    async with world.parts.sessions() as tx:
        version = await tx.get_one(Version, version_id)
        return (await tx.get_one(Algorithm, version.algorithm_id)).slug


async def test_a_quote_says_who_could_take_part_how_soon_and_how_precisely(
    world: World, market: Market, browser: Browser
) -> None:
    ada = await world.rich("ada", "25")
    slug = await _slug(world, await make_version(world, await world.person("developer")))
    async with (
        crowds(world, target_owners=50),
        opened(browser, market, f"/order/{slug}") as console,
    ):
        page = console.page
        await console.sign_in(ada)
        await page.get_by_text("More choices").click()
        await page.get_by_label("Countries").fill("LI")
        await expect(page.get_by_label("Countries")).to_have_attribute("aria-invalid", "true")
        price = page.get_by_role("region", name="Price")
        await expect(price).to_contain_text("Fewer than 50 owners")
        await expect(price).to_contain_text("This order would be refused")
        await expect(price).to_contain_text("Too few owners were seen lately")
        await is_sound(console)

        await page.get_by_label("Countries").fill("PT")
        await expect(price).to_contain_text("About 100 to 200 owners")
        await expect(price).to_contain_text("Half of them: by ")
        await expect(page.get_by_label("Countries")).not_to_have_attribute("aria-invalid", "true")
        await page.get_by_label("Epsilon").fill("100")
        await expect(price).to_contain_text("No job may have so much")
        await page.get_by_label("Epsilon").fill("200")
        await expect(page.get_by_label("Epsilon")).to_have_attribute("aria-invalid", "true")
        await page.get_by_label("Epsilon").fill("2")
        widths = price.get_by_role("definition").filter(has_text="points")
        await expect(widths).to_have_count(3)
        await page.get_by_label("End when shares").fill("0.001")
        await expect(page.get_by_label("End when shares")).to_have_attribute("aria-invalid", "true")
        await page.get_by_label("End when shares").fill("1.1")
        await expect(widths).to_have_count(3)
        await is_sound(console)
        asked = sum(it.endswith("/v1/jobs/quotes") for it in console.asked)
        await page.get_by_label("Title").fill("No other price")
        await page.get_by_role("button", name="Order and pay").click()
        await console.shows("No other price")
        assert sum(it.endswith("/v1/jobs/quotes") for it in console.asked) == asked
        (job,) = (await ada.get("/v1/jobs")).json()["items"]
        assert (job["epsilon"], job["precision"]) == (2, 0.011)
        assert (await ada.post(f"/v1/jobs/{job['id']}/close")).status_code == 200
        assert all(it.startswith(REFUSED) for it in console.complaints), console.complaints


async def _grow(world: World, job: Ordered, devices: int) -> None:
    await work(world, job, devices)
    await fold(world)


async def test_an_answer_grows_though_its_stream_is_cut_and_ends_where_the_job_does(
    world: World, market: Market, browser: Browser
) -> None:
    job = await make_job(world, title="Cats or dogs?")
    async with opened(browser, market, f"/jobs/{job.id}") as console:
        page = console.page
        await _signed_in(console, job.customer, "Cats or dogs?")
        await expect(page.get_by_text("No answer yet")).to_be_visible()
        await _grow(world, job, 5)
        await expect(page.get_by_role("row", name="cat")).to_contain_text("10")
        await expect(page.locator("dl div", has_text="Left in escrow")).to_contain_text("0.605")
        await market.close()  # Its streams end, and nobody answers for a while.
        await market.open()
        await _grow(world, job, 5)
        await expect(page.get_by_role("row", name="cat")).to_contain_text("20")
        await settle(world, job, JobState.COMPLETED)
        await expect(page.get_by_text("completed", exact=True).first).to_be_visible()
        await expect(page.get_by_text("Live: this page")).to_have_count(0)
        await page.get_by_label("Label", exact=True).select_option("cat")
        await expect(page.get_by_role("row", name="2026-03")).to_contain_text("20")

        async with page.expect_download() as downloading:
            await page.get_by_role("button", name="Download CSV").click()
        file = await (await downloading.value).path()
        assert file.read_text().startswith("month,label,")
        async with page.expect_download() as downloading:
            await page.get_by_role("button", name="Download JSON").click()
        file = await (await downloading.value).path()
        assert json.loads(file.read_text())["labels"] == {"cat": 20, "dog": 10}
        assert all(it.startswith(REFUSED) for it in console.complaints), console.complaints


async def test_noise_is_shown_as_a_range(world: World, market: Market, browser: Browser) -> None:
    job = await make_job(world, answers="noisy")
    await _grow(world, job, 5)
    await settle(world, job, JobState.CANCELLED)
    async with opened(browser, market, f"/jobs/{job.id}") as console:
        await _signed_in(console, job.customer, "Cats or dogs?")
        row = console.page.get_by_role("row", name="cat")
        sure = (await job.results())["intervals"]["labels"]["cat"]
        await expect(row).to_contain_text(f"{sure['low']:,} to {sure['high']:,}")
        await expect(row.locator(".range")).to_be_visible()
        clipped = (await job.results())["intervals"]["clipped"]
        said = f"results ({clipped['low']:,} to {clipped['high']:,}) are as large as"
        await expect(console.page.get_by_text(said)).to_be_visible()


async def test_a_job_of_somebody_else_is_no_job(
    world: World, market: Market, browser: Browser
) -> None:
    job = await make_job(world)
    async with opened(browser, market, f"/jobs/{job.id}") as console:
        await console.sign_in(await world.person("mallory"))
        await expect(console.page.get_by_role("alert").first).to_contain_text("no such job")
        assert "Cats" not in await console.tell()


async def test_while_nobody_answers_what_was_typed_stays_and_is_sent_once(
    world: World, market: Market, browser: Browser
) -> None:
    ada = await world.rich("ada", "25")
    version_id = await make_version(world, await world.person("developer"))
    slug = await _slug(world, version_id)
    async with opened(browser, market, f"/order/{slug}") as console:
        page = console.page
        await console.sign_in(ada)
        await page.get_by_label("Title").fill("Kept")
        await page.get_by_text("More choices").click()
        await page.get_by_label("Countries").fill("ZW")
        await expect(page.get_by_text("6.6", exact=True)).to_be_visible()
        await market.close()
        await page.get_by_role("button", name="Order and pay").click()
        await expect(page.get_by_role("alert")).to_contain_text("did not answer")
        await market.open()
        await page.get_by_role("button", name="Order and pay").dblclick()
        await console.shows("Kept")
        (job,) = (await ada.get("/v1/jobs")).json()["items"]
        closed = await ada.post(f"/v1/jobs/{job['id']}/close")
        assert closed.status_code == 200


async def test_names_that_no_page_likes_are_text_and_fit(
    world: World, market: Market, browser: Browser
) -> None:
    labels = [HOSTILE, "W" * 200, RIGHT_TO_LEFT]
    ada = await world.rich("ada", "1000")
    version_id = await make_version(world, ada, labels=labels)
    jobs = []
    for title in (HOSTILE, LONG[:200], RIGHT_TO_LEFT):
        answer = await ada.post("/v1/jobs", order(version_id, title=title))
        jobs.append((answer.json()["id"], title))
    async with world.parts.sessions.begin() as tx:
        version = await tx.get_one(Version, version_id)
        algorithm = await tx.get_one(Algorithm, version.algorithm_id)
        algorithm.title, algorithm.summary = HOSTILE[:100], LONG[:500]
        slug = algorithm.slug
    async with opened(browser, market, size=(320, 640), dark=True) as console:
        await _signed_in(console, ada, "Home")
        assert HOSTILE in await console.tell()
        pages = [("/", "Home"), ("/jobs", "Your jobs"), ("/order", "Choose a model")]
        pages += [(f"/jobs/{it}", title) for it, title in jobs]
        pages.append((f"/order/{slug}", f"Order: {HOSTILE[:100]}"))
        for path, heading in pages:
            await console.go(path)
            await console.shows(heading)
            assert await console.overflow() == 0, path
        assert await console.page.title() != "owned"
        assert console.complaints == []
    for it, _ in jobs:
        assert (await ada.post(f"/v1/jobs/{it}/close")).status_code == 200
