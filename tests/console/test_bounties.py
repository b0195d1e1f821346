"""A bounty at the console, as an entrant has it: looked at, entered, submitted to, its board."""

from typing import Any

from playwright.async_api import Browser, expect

from dml.bounties.models import Bounty, BountyState, Judging
from tests.agent.market import Market
from tests.bounties import boards, tables
from tests.bounties.factories import bring_to, make_bounty
from tests.console.browsing import HOSTILE, REFUSED, opened
from tests.console.sound import is_sound
from tests.world import World

NAME = "<script>alert(1)</script>"  # The longest that fits on a board would be no more hostile.


async def test_an_entrant_enters_submits_and_sees_the_board(
    world: World, market: Market, browser: Browser
) -> None:
    told: dict[str, Any] = dict.fromkeys(
        ("subtitle", "organisation", "description", "rules"), HOSTILE
    )
    bounty = await make_bounty(
        world, judging=Judging.METRIC, name=HOSTILE, enrollment_fee="1", **told
    )
    ada, rival = await world.rich("ada", "10"), await world.person("rival")
    async with opened(browser, market, "/bounties?entered") as console:
        page = console.page
        await console.sign_in(ada)
        await console.shows("Bounties")
        await page.get_by_role("link", name="Look at all").click()
        link = page.locator(f'a[href="#/bounties/{bounty.id}"]')
        await expect(link).to_be_visible()
        await is_sound(console)
        await link.click()
        await console.shows(HOSTILE)
        await is_sound(console)
        await page.get_by_label("Name on the board").fill(NAME)
        await page.get_by_role("button", name="Enter").click()
        await expect(page.get_by_role("alert")).to_be_visible()  # The rules are not accepted.
        assert console.complaints.pop().startswith(REFUSED)
        await page.get_by_label("I have read the rules").check()
        await page.get_by_role("button", name="Enter").press("Enter")
        await expect(page.get_by_text("You take part as")).to_contain_text(NAME)

        await bring_to(bounty, BountyState.SUBMITTING)
        await page.get_by_role("link", name="My submissions").click()
        await console.shows(HOSTILE)
        await expect(page.get_by_text("You have submitted nothing yet.")).to_be_visible()
        file = {"name": "a.csv", "mimeType": "text/csv", "buffer": tables.predictions()}
        await page.get_by_label("File").set_input_files(file)  # type: ignore[arg-type] # a dict of the three is one
        await page.get_by_label("What you call it").fill(HOSTILE)
        await page.get_by_role("button", name="Submit").click()
        row = page.get_by_role("listitem").filter(has_text="being checked")
        await expect(row).to_contain_text(HOSTILE)
        await is_sound(console)
        (sent,) = (await ada.get(f"{bounty.path}/submissions")).json()["items"]
        assert (sent["kind"], sent["name"], sent["dry_run"]) == ("csv", HOSTILE, False)
        await row.get_by_role("button", name="Cancel").click()
        await expect(page.get_by_text("cancelled", exact=True)).to_be_visible()

        async with world.parts.sessions.begin() as tx:
            await boards.enter(tx, await tx.get_one(Bounty, bounty.id), rival.id, f"{NAME}2", 0.9)
        await page.get_by_role("link", name="Board").click()
        await expect(page.get_by_role("row").filter(has_text="0.9")).to_contain_text(NAME)
        await is_sound(console)
        assert console.complaints == []
