"""Money at the console: what came and went, paid in, and withdrawn."""

from collections.abc import AsyncIterator

import pytest
from eth_account import Account
from playwright.async_api import Browser, expect

from dml.chain.models import Vault
from tests.agent.market import Market
from tests.chain.people import PROOF, add_deposit, challenge, forget_vaults, set_vault, sign
from tests.console.browsing import HOSTILE, REFUSED, RIGHT_TO_LEFT, opened
from tests.console.sound import is_sound
from tests.jobs.factories import make_job
from tests.world import PASSWORD, World


@pytest.fixture
async def vault(world: World) -> AsyncIterator[Vault]:
    yield await set_vault(world)
    await forget_vaults(world)


async def test_money_is_seen_paid_in_and_stated(
    world: World, market: Market, browser: Browser, vault: Vault
) -> None:
    ada = await world.rich("ada", "100")
    job = await make_job(world, customer=ada, title=HOSTILE)
    async with world.parts.sessions.begin() as tx:
        deposit = await add_deposit(tx, vault, ada.id, "12.5")
    async with opened(browser, market, "/money") as console:
        page = console.page
        await console.sign_in(ada)
        await console.shows("Money")
        row = page.get_by_role("row").nth(1)
        await expect(row).to_contain_text("Job ordered")
        await expect(row).to_contain_text("model “")
        await expect(row.get_by_role("link", name=HOSTILE)).to_have_attribute(
            "href", f"#/jobs/{job.id}"
        )
        await expect(page.get_by_role("definition").nth(1)).to_have_text("12.5")
        await is_sound(console)
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Download the statement").click()
        saved = (await (await download.value).path()).read_text()
        assert saved.startswith("at,id,code,")
        assert "job_escrow" in saved

        await page.get_by_role("link", name="Pay in").click()
        await console.shows("Pay in")
        await expect(page.get_by_text(deposit.tx_hash)).to_be_visible()
        await page.get_by_label("Tokens to pay in").fill("2.5")
        await page.get_by_role("button", name="Show how").click()
        code = page.get_by_role("img", name="QR code, Second transaction: deposit")
        await expect(code).to_have_js_property("complete", True)
        assert await code.evaluate("(it) => it.naturalWidth") > 0
        await expect(page.get_by_text(vault.address, exact=True).first).to_be_visible()
        await is_sound(console)
        assert console.complaints == []


async def test_tokens_are_withdrawn_with_a_proof_and_an_order_is_taken_back(
    world: World, market: Market, browser: Browser, vault: Vault
) -> None:
    ada = await world.rich("ada", "100")
    async with opened(browser, market, "/money/withdraw") as console:
        page = console.page
        await console.sign_in(ada)
        await console.shows("Withdraw")
        await page.get_by_role("link", name="Link one").click()
        await console.shows("Wallets")
        await expect(page.get_by_text("You have linked no wallet yet")).to_be_visible()
        for name in (RIGHT_TO_LEFT, "cold"):
            account = Account.create()
            message = await challenge(ada, account.address)
            signed = {"message": message, "signature": sign(account, message), "name": name}
            assert (await ada.post("/v1/wallets", {"proof": PROOF, **signed})).status_code == 201
        await page.reload()
        await console.shows("Wallets")
        await page.get_by_text("Make it the one that is meant: 0x").click()
        await page.get_by_label("Password").locator("visible=true").fill(PASSWORD)
        await page.get_by_role("button", name="Make it the one").locator("visible=true").click()
        last = page.get_by_role("listitem").last
        await expect(last).to_contain_text("the one that is meant where none is named")
        await is_sound(console)

        await console.go("/money/withdraw")
        await console.shows("Withdraw")
        await page.get_by_label("Tokens that reach").fill("10")
        await page.get_by_label("Note").fill(HOSTILE)
        await page.get_by_label("Password").fill("not the password")
        await page.get_by_role("button", name="Withdraw").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        assert console.complaints.pop().startswith(REFUSED)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Withdraw").press("Enter")
        made = page.get_by_role("listitem").filter(has_text=HOSTILE)
        await expect(made).to_contain_text("asked for")
        await expect(page.get_by_label("Password")).to_have_value("")
        await is_sound(console)
        (withdrawal,) = (await ada.get("/v1/payments/withdrawals")).json()["items"]
        assert (withdrawal["amount"], withdrawal["memo"]) == ("10", HOSTILE)
        await made.get_by_role("button", name="Cancel").click()
        await made.get_by_role("button", name="Cancel").click()
        await expect(made).to_contain_text("cancelled")
        assert console.complaints == []
