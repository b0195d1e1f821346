"""A wallet's signature as a proof of who somebody is."""

import asyncio
from typing import Any

import httpx2
from eth_account import Account
from eth_account.signers.local import LocalAccount

from dml.chain.models import Vault
from tests.chain.people import asking, link, sign
from tests.chain.sign_ins.test_sign_ins import as_person, challenge, sign_in
from tests.world import Person, World, problem

IDENTITIES = "/v1/users/me/identities"


async def proof(person: Person, account: LocalAccount, **changed: Any) -> dict[str, Any]:
    asked = {"address": account.address, "purpose": "proof"} | changed
    message = (await person.post("/v1/wallets/challenges", asked)).json()["message"]
    return {"kind": "wallet", "message": message, "signature": sign(account, message)}


async def add(person: Person, other: LocalAccount, proven: dict[str, Any]) -> httpx2.Response:
    """Something that asks for a proof."""
    asked = {"address": other.address, "purpose": "sign_in"}
    message = (await person.post("/v1/wallets/challenges", asked)).json()["message"]
    body = {"message": message, "signature": sign(other, message), "proof": proven}
    return await person.post(f"{IDENTITIES}/wallets", body)


async def test_a_wallet_that_signs_in_proves_who_asks_once(world: World, vault: Vault) -> None:
    account = Account.create()
    ada = as_person(world, await sign_in(world, account))
    proven = await proof(ada, account)
    answers = await asyncio.gather(*(add(ada, Account.create(), proven) for _ in "123"))
    assert sorted(it.status_code for it in answers) == [201, 403, 403]
    problem(await add(ada, Account.create(), proven), 403, "accounts.wrong_proof")
    assert len((await ada.get(IDENTITIES)).json()["items"]) == 2


async def test_nothing_else_that_a_wallet_signed_is_a_proof(world: World, vault: Vault) -> None:
    account, other = Account.create(), Account.create()
    ada = as_person(world, await sign_in(world, account))
    bob = as_person(world, await sign_in(world, other))
    linked = Account.create()
    await link(ada, linked, await proof(ada, account))
    good = await proof(ada, account)
    stranger = await challenge(world, account.address)
    elsewhere = good["message"].replace("test wants", "evil.example wants")
    wrong = [
        await proof(ada, linked),  # It is linked, and no way in.
        await proof(bob, other),  # Somebody else's.
        await proof(ada, account, purpose="link"),
        await proof(ada, account, purpose="sign_in"),
        good | {"signature": sign(other, good["message"])},
        good | {"message": elsewhere, "signature": sign(account, elsewhere)},
        good | {"message": stranger, "signature": sign(account, stranger)},
        good | {"message": "hello", "signature": sign(account, "hello")},
    ]
    for it in wrong:
        problem(await add(ada, Account.create(), it), 403, "accounts.wrong_proof")
    assert (await add(ada, Account.create(), good)).status_code in (201, 429)


async def test_what_is_no_signature_is_told(world: World, vault: Vault) -> None:
    account = Account.create()
    ada = as_person(world, await sign_in(world, account))
    good = await proof(ada, account)
    for signature in ("", "0x", "0x1", "zz", None):
        answer = await add(ada, Account.create(), good | {"signature": signature})
        problem(answer, 422, "http.422")


async def test_a_wallet_that_no_node_tells_of_is_no_wrong_guess(world: World, vault: Vault) -> None:
    account = Account.create()
    ada = as_person(world, await sign_in(world, account))
    body = await proof(ada, account)
    async with asking(world, "http://127.0.0.1:1"):
        answer = await add(ada, Account.create(), body | {"signature": "0x00"})
    problem(answer, 503, "accounts.proof_unchecked")
    assert (await add(ada, Account.create(), body)).status_code == 201


async def test_an_account_of_a_wallet_withdraws_and_gives_up_a_way_in(
    world: World, vault: Vault
) -> None:
    account = Account.create()
    ada = as_person(world, await sign_in(world, account))
    wallet = await link(ada, account, await proof(ada, account))
    body = {"amount": "1", "wallet_id": wallet["id"], "proof": await proof(ada, account)}
    answer = await ada.post("/v1/payments/withdrawals", body)
    problem(answer, 409, "payments.insufficient_funds")  # It is proven, and there is nothing.
    added = await add(ada, Account.create(), await proof(ada, account))
    (first, _) = (await ada.get(IDENTITIES)).json()["items"]
    gone = {"proof": await proof(ada, account)}
    assert (await ada.post(f"{IDENTITIES}/{first['id']}/revoke", gone)).status_code == 204
    (left,) = (await ada.get(IDENTITIES)).json()["items"]
    assert left["id"] == added.json()["id"]
    assert (await sign_in(world, account))["user_id"] != str(ada.id)
