"""`/` and `/bounties`, in a real browser: what is on offer, on any screen, with nothing loaded."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Browser

from dml.algorithms.models import Algorithm, Version
from dml.bounties.models import BountyState
from tests.bounties.boards import make_bounty
from tests.bounties.browser import DESKTOP, NARROW, PHONE, opened, running_browser
from tests.jobs.factories import make_version
from tests.world import World

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as browser:
        yield browser


async def _offer(world: World) -> str:
    """A listed model and an open bounty, both with names that no page likes."""
    developer = await world.person("developer")
    version_id = await make_version(world, developer)
    async with world.parts.sessions.begin() as tx:
        version = await tx.get_one(Version, version_id)
        algorithm = await tx.get_one(Algorithm, version.algorithm_id)
        algorithm.title, algorithm.summary = HOSTILE, "W" * 500
        newest: dict[str, Any] = {"state": BountyState.ENROLLING, "created_at": datetime.now(UTC)}
        bounty = make_bounty(tx, developer.id, name=HOSTILE, **newest)
    return str(bounty.id)


@pytest.mark.parametrize(("size", "dark"), [(NARROW, False), (PHONE, True), (DESKTOP, False)])
@pytest.mark.parametrize("path", ["/", "/bounties"])
async def test_it_fits_any_screen_loads_nothing_and_runs_nothing(
    world: World, browser: Browser, path: str, size: tuple[int, int], dark: bool
) -> None:
    bounty_id = await _offer(world)
    async with opened(browser, world, path, size=size, dark=dark) as seen:
        assert await seen.overflow() == 0
        assert seen.asked == [path]
        assert seen.complaints == []
        assert "DML Marketplace" in await seen.page.title()
        assert await seen.page.locator("script, img, iframe, link").count() == 0
        assert await seen.page.locator(f'a[href="/bounties/{bounty_id}"]').count() == 1
        assert HOSTILE in await seen.page.locator("main").inner_text()


async def test_an_empty_marketplace_says_so(world: World) -> None:
    answer = await world.client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "script" not in answer.headers["content-security-policy"]
    assert "Ways in" in answer.text


async def test_no_page_is_at_a_path_with_a_slash(world: World) -> None:
    assert (await world.client.get("/bounties/")).status_code == 404
