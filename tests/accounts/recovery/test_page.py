"""The page of a link in a real browser: its policy lets the form go to us, and nowhere else."""

from tests.accounts.recovery.mailbox import STRONG, last_token
from tests.bounties.browser import NARROW, opened, running_browser
from tests.world import World


async def test_a_password_is_chosen_in_a_browser(world: World) -> None:
    ada = await world.person()
    body = {"email": ada.email}
    assert (await world.client.post("/v1/users/password-resets", json=body)).status_code == 202
    path = f"/links?token={await last_token(world, ada.email)}"
    async with running_browser() as browser, opened(browser, world, path, size=NARROW) as seen:
        assert await seen.overflow() == 0
        for label, typed in (("Password", STRONG), ("The same again", f"{STRONG}!")):
            await seen.page.get_by_label(label).fill(typed)
        await seen.page.get_by_role("button").click()
        await seen.page.get_by_role("alert").wait_for()
        for label in ("Password", "The same again"):
            await seen.page.get_by_label(label).fill(STRONG)
        await seen.page.get_by_role("button").click()
        await seen.page.get_by_role("status").wait_for()
        assert [it for it in seen.complaints if "422" not in it] == []
    signed_in = await world.client.post("/v1/users/authenticate", json=body | {"password": STRONG})
    assert signed_in.status_code == 200
