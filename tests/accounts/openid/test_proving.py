"""A fresh login at a provider proves who asks, as a password does."""

from dml.core.ids import UserId
from tests.accounts.openid.browser import VERIFIER, Browser
from tests.world import Person, World, problem

IDENTITIES = "/v1/users/me/identities"


async def somebody(world: World, browser: Browser, name: str) -> Person:
    """Open an account by a login at the provider, which is all that it has."""
    tokens = await browser.sign_in(name)
    return Person(UserId(tokens["user_id"]), "", tokens["access_token"], world.client)


def proof(code: str, verifier: str = VERIFIER) -> dict[str, object]:
    return {"proof": {"kind": "openid", "code": code, "code_verifier": verifier}}


async def test_a_login_made_anew_is_a_proof_once(world: World, browser: Browser) -> None:
    ada = await somebody(world, browser, "proving-ada")
    (only,) = (await ada.get(IDENTITIES)).json()["items"]
    path = f"{IDENTITIES}/{only['id']}/revoke"
    code = await browser.code("proving-ada", fresh="true")
    # Proven: what is refused is to take the only way in.
    problem(await ada.post(path, proof(code)), 409, "accounts.last_identity")
    problem(await ada.post(path, proof(code)), 403, "accounts.wrong_proof")


async def test_no_other_login_is_one(world: World, browser: Browser) -> None:
    ada = await somebody(world, browser, "proving-bea")
    (only,) = (await ada.get(IDENTITIES)).json()["items"]
    path = f"{IDENTITIES}/{only['id']}/revoke"
    found_in = await browser.code("proving-bea")
    problem(await ada.post(path, proof(found_in)), 403, "accounts.wrong_proof")
    stolen = await browser.code("proving-bea", fresh="true")
    wrong = proof(stolen, "another-verifier-that-is-just-as-long-as-needed-here")
    problem(await ada.post(path, wrong), 403, "accounts.wrong_proof")
    elsewhere = Browser(world)
    await somebody(world, elsewhere, "proving-cid")
    others = await elsewhere.code("proving-cid", fresh="true")
    problem(await ada.post(path, proof(others)), 403, "accounts.wrong_proof")
    problem(await ada.post(path, proof("made-up")), 403, "accounts.wrong_proof")
