"""Devices at the console: added, watched, limited and revoked by who owns them."""

import re

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import KeySet
from playwright.async_api import Browser, expect

from dml.agent.receipts import read
from dml.core.ids import DeviceId
from tests.agent.market import Market
from tests.console.browsing import HOSTILE, REFUSED, RIGHT_TO_LEFT, opened
from tests.console.sound import is_sound
from tests.devices.factories import TestDevice, description, public_key
from tests.jobs.factories import claim_of, fold, hand_in, make_device, make_job
from tests.world import World


async def test_a_device_is_added_by_a_code_and_one_command(
    world: World, market: Market, browser: Browser
) -> None:
    ada = await world.person("ada")
    async with opened(browser, market, "/devices") as console:
        page = console.page
        await console.sign_in(ada)
        await console.shows("Your devices")
        await expect(page.get_by_text("You have no device yet")).to_be_visible()
        await is_sound(console)
        await page.locator("main .empty").get_by_role("link", name="Add a device").click()
        await console.shows("Add a device")
        await expect(page.get_by_text("Choose at least one kind")).to_be_visible()
        await page.get_by_label("Photos").check()
        await page.get_by_role("button", name="Get a code").click()
        command = await page.locator("pre").inner_text()
        await is_sound(console)
        found = re.fullmatch(
            rf"dml device run --data FOLDER --server {market.url} --pair (\S+)", command
        )
        assert found is not None, command

        key = Ed25519PrivateKey.generate()
        body = {"code": found[1], "public_key": public_key(key), **description(name=RIGHT_TO_LEFT)}
        answer = await world.client.post("/v1/devices", json=body)
        assert answer.status_code == 201, answer.text
        await page.locator("main").get_by_role("link", name="Your devices").click()
        await console.shows("Your devices")
        row = page.get_by_role("row").nth(1)
        await expect(row).to_contain_text("never")
        await is_sound(console)
        await row.get_by_role("link").click()
        await expect(page.get_by_text("It has never asked for work")).to_be_visible()
        device = TestDevice(DeviceId(answer.json()["id"]), ada, key, world.client)
        assert (await device.get("/v1/devices/self")).status_code == 200
        await page.reload()
        await expect(page.get_by_text("Nothing that you set keeps it")).to_be_visible()
        assert console.complaints == []


async def test_an_owner_sees_all_that_left_limits_a_device_and_revokes_it(
    world: World, market: Market, browser: Browser
) -> None:
    job = await make_job(world, title=HOSTILE)
    device = await make_device(world, name=HOSTILE)
    (lease,) = await claim_of(device, job)
    assert (await hand_in(device, lease)).status_code == 200
    async with opened(browser, market, f"/devices/{device.id}") as console:
        page = console.page
        await console.sign_in(device.owner)
        await console.shows(HOSTILE)
        await page.locator("summary").click()
        await expect(page.locator("pre")).to_contain_text('"cat": 2')
        await is_sound(console)

        await page.get_by_label("Name").fill("A phone")
        await page.get_by_label("All that I permit").uncheck()
        await page.get_by_label("Photos").uncheck()
        await page.get_by_role("button", name="Save").click()
        await console.shows("A phone")
        await expect(page.get_by_text("You permit models none")).to_be_visible()

        await console.go("/devices/use")
        await console.shows("What your devices may be used for")
        await is_sound(console)
        await page.get_by_label("Refused labels").fill("cat\n\n dog ")
        await page.get_by_label("Refused countries").fill("pt, Atlantis")
        await page.get_by_label("Most epsilon").fill("0.5")
        await page.get_by_role("button", name="Save").first.click()
        refused = page.get_by_label("Refused countries")
        await expect(refused).to_have_attribute("aria-invalid", "true")
        await refused.fill("pt, es")
        await page.get_by_label("They may work for exact answers").check()
        await page.get_by_role("button", name="Save").first.click()
        await expect(page.get_by_text("Saved.")).to_be_visible()
        limits = (await device.owner.get("/v1/devices/limits")).json()
        assert (limits["refused_labels"], limits["allows_exact"]) == (["cat", "dog"], True)
        assert (limits["refused_countries"], limits["max_epsilon"]) == (["PT", "ES"], 0.5)
        await page.get_by_label("Your own budget").fill("1.5")
        await page.get_by_role("button", name="Save").last.click()
        await expect(page.get_by_role("definition").first).to_have_text("1.5")
        await page.get_by_role("button", name="Pause").click()
        await expect(page.get_by_role("button", name="Resume")).to_be_visible()
        budget = (await device.owner.get("/v1/privacy/budget")).json()
        assert (budget["epsilon"], budget["paused"]) == (1.5, True)
        await expect(page.get_by_label("Refused labels")).to_have_value("cat\ndog")

        await console.go(f"/devices/{device.id}")
        await expect(page.get_by_text("Your privacy budget is paused")).to_be_visible()
        await page.get_by_role("button", name="Revoke").press("Enter")
        await expect(page.get_by_text("Revoke this device?")).to_be_visible()
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("It was revoked")).to_be_visible()
        await is_sound(console)
        assert all(it.startswith(REFUSED) for it in console.complaints), console.complaints


async def test_an_owner_reads_the_receipts_of_a_device_and_saves_them(
    world: World, market: Market, browser: Browser
) -> None:
    job = await make_job(world, title=HOSTILE, answers="noisy")
    device = await make_device(world, name=HOSTILE)
    async with opened(browser, market, f"/devices/{device.id}/receipts") as console:
        page = console.page
        await console.sign_in(device.owner)
        await console.shows(f"Receipts: {HOSTILE}")
        await expect(page.get_by_text("No result of this device")).to_be_visible()
        (lease,) = await claim_of(device, job)
        assert (await hand_in(device, lease)).status_code == 200
        await fold(world)
        await page.get_by_role("link", name="The device").click()
        await page.get_by_role("link", name="Receipts").click()
        (row,) = await page.locator(".rows li").all()
        await expect(row).to_contain_text("4 items, cat: 2, dog: 1, uncertain: 1")
        await expect(row).to_contain_text("told with step 1")
        await expect(row).to_contain_text(re.compile(r"0\.\d+ rho"))
        budget = (await device.owner.get("/v1/privacy/budget")).json()
        await expect(row).to_contain_text(f"{round(budget['left'], 4):g} of epsilon")
        await is_sound(console)
        async with page.expect_download() as downloading:
            await row.get_by_role("button", name="Save the file").click()
        file = await (await downloading.value).path()
        keys = KeySet.import_key_set((await world.client.get("/.well-known/jwks.json")).json())
        said = read(file.read_text(), keys)
        assert (said["assignment_id"], said["left"]["items"]) == (lease["id"], 4)
        assert console.complaints == []
