"""What each page of the console has to be, and how it is served."""

import gzip
import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Browser

from dml.core.context import Role
from tests.agent.market import Market
from tests.bounties.browser import DESKTOP
from tests.console.browsing import PHONE, opened
from tests.jobs.factories import fold, make_job, work
from tests.world import World

ROOT: Final = Path(__file__).resolve().parents[2]
ASSETS: Final = ROOT / "console" / "dist" / "assets"
SCRIPT_BYTES_MAX: Final = 40_000  # Compressed, before a page's own.
# Where whoever has not signed in comes, by which link.
STRANGERS: Final = {
    "": "Sign in",
    "Open an account": "Open an account",
    "Lost your password?": "Another password",
}
# What is shown of nothing, and of something.
PAGES: Final = {"/": "Home", "/jobs": "Your jobs", "/order": "Choose a model"}


@pytest.mark.parametrize(("size", "dark"), [(PHONE, True), (DESKTOP, False)])
async def test_everybody_can_use_each_page_on_any_screen(
    world: World, market: Market, browser: Browser, size: tuple[int, int], dark: bool
) -> None:
    job = await make_job(world, answers="noisy")
    await work(world, job, 5)
    await fold(world)
    slug = (await world.client.get("/v1/algorithms")).json()["items"][0]["slug"]
    newcomer = await world.person("newcomer", Role.MODERATOR)
    pages = PAGES | {
        f"/jobs/{job.id}": "Cats or dogs?",
        f"/order/{slug}": "Order: Simulated",
        "/nowhere": "No such page",
    }
    async with opened(browser, market, size=size, dark=dark) as console:
        for link, heading in STRANGERS.items():
            await console.open()
            await console.shows("Sign in")
            if link:
                await console.page.get_by_role("link", name=link).click()
            await console.shows(heading)
            assert await console.violations() == [], heading
            assert await console.overflow() == 0, heading
        await console.page.get_by_role("link", name="Sign in instead").click()
        await console.shows("Sign in")
        for person, shown in ((newcomer, PAGES), (job.customer, pages)):
            await console.sign_in(person)
            for path, heading in shown.items():
                await console.go(path)
                await console.shows(heading)
                for summary in await console.page.locator("summary").all():
                    await summary.click()
                assert await console.violations() == [], path
                assert await console.overflow() == 0, path
            await console.page.get_by_role("button", name="Sign out").click()
            await console.shows("Sign in")
        assert console.complaints == []
        assert all(it.startswith(f"{market.url}/") for it in console.asked)


async def test_the_keyboard_reaches_the_page_and_a_new_page_is_read_out(
    world: World, market: Market, browser: Browser
) -> None:
    async with opened(browser, market) as console:
        await console.sign_in(await world.person("ada"))
        await console.shows("Home")
        await console.page.get_by_role("link", name="Jobs").press("Enter")
        await console.shows("Your jobs")
        focused = "document.activeElement.textContent"
        assert await console.page.evaluate(focused) == "Your jobs"
        await console.page.reload()
        await console.shows("Your jobs")
        await console.page.keyboard.press("Tab")
        assert await console.page.evaluate(focused) == "Skip to the page"
        await console.page.keyboard.press("Enter")
        assert await console.page.evaluate("document.activeElement.id") == "page"
        assert console.page.url.endswith("#/jobs")


async def _get(world: World, path: str, **headers: str) -> Any:
    return await world.client.get(path, headers=headers)


async def test_its_files_are_kept_for_good_and_the_page_is_asked_for_each_time(
    world: World,
) -> None:
    page = await _get(world, "/console")
    assert page.headers["cache-control"] == "no-cache"
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "require-trusted-types-for 'script'" in policy
    again = await _get(world, "/console", **{"if-none-match": page.headers["etag"]})
    assert again.status_code == 304
    (script,) = re.findall(r'src="(/console/assets/[^"]+\.js)"', page.text)
    file = await _get(world, script, **{"accept-encoding": "gzip"})
    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert file.headers["content-encoding"] == "gzip"
    assert file.headers["etag"]
    for path in ("/console/", "/console/assets/none.js", "/console/assets/../index.html"):
        assert (await _get(world, path)).status_code == 404
    assert 'href="/console"' in (await _get(world, "/")).text


def test_little_is_loaded_before_a_page_of_its_own() -> None:
    page = (ASSETS.parent / "index.html").read_text()
    first = re.findall(r'(?:src|href)="/console/assets/([^"]+\.js)"', page)
    assert first
    size = sum(len(gzip.compress((ASSETS / it).read_bytes())) for it in first)
    assert size <= SCRIPT_BYTES_MAX, size


FORMATS: Final = """
import { amount, micro, percent, relative, tokens, words } from "./console/src/format.ts";
const now = Date.parse("2026-01-01T12:00:00Z");
const times = ["2026-01-01T12:00:20Z", "2026-01-01T15:10:00Z", "2025-12-30T12:00:00Z"];
console.log(JSON.stringify({
  there: ["0", "12.5", "-0.000001", "9007199254740993.000001"].map((it) => amount(micro(it))),
  left: amount(micro("0.3") - micro("0.1") - micro("0.2")),
  tokens: ["1234567.5", "12", "-1000", "999.000001"].map(tokens),
  times: times.map((it) => relative(it, now)),
  words: words("version.approved_again"),
  percent: percent(0.12345),
}));
"""


def test_amounts_and_times_are_written_exactly() -> None:
    command = [str(ROOT / ".venv/bin/node"), "--no-warnings", "--input-type=module", "-e", FORMATS]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout) == {
        "there": ["0", "12.5", "-0.000001", "9007199254740993.000001"],
        "left": "0",
        "tokens": ["1,234,567.5", "12", "-1,000", "999.000001"],
        "times": ["this minute", "in 3 hours", "2 days ago"],
        "words": "Version: approved again",
        "percent": "12.3 %",
    }
