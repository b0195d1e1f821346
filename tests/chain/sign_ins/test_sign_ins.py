"""Signing in with a wallet: by a key and by contracts, and each refusal."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from sqlalchemy import func, select

from dml.accounts.models import User
from dml.chain.models import UsedNonce, Vault
from dml.chain.sign_ins import nonces, service
from dml.chain.wallets import signed_messages
from tests.chain.anvil import Anvil
from tests.chain.people import asking, contract_that_signs, link, sign, some_address, unlink
from tests.world import PASSWORD, Person, World, problem

PROOF = {"kind": "password", "password": PASSWORD}


@pytest.fixture
async def chain(world: World, vault: Vault, anvil: Anvil) -> AsyncIterator[Anvil]:
    async with asking(world, anvil.url):
        yield anvil


async def challenge(world: World, address: str) -> str:
    asked = await world.client.post("/v1/sessions/wallet-challenges", json={"address": address})
    assert asked.status_code == 200, asked.text
    return str(asked.json()["message"])


async def send(world: World, message: str, signature: str) -> httpx2.Response:
    body = {"message": message, "signature": signature}
    return await world.client.post("/v1/sessions/wallet", json=body)


async def sign_in(world: World, account: LocalAccount) -> dict[str, Any]:
    message = await challenge(world, account.address)
    answer = await send(world, message, sign(account, message))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def as_person(world: World, told: dict[str, Any]) -> Person:
    return Person(told["user_id"], "", told["access_token"], world.client)


async def add(person: Person, account: LocalAccount, **changed: Any) -> httpx2.Response:
    body = {"address": account.address, "purpose": "sign_in"}
    message = (await person.post("/v1/wallets/challenges", body)).json()["message"]
    sent = {"message": message, "signature": sign(account, message), "proof": PROOF} | changed
    return await person.post("/v1/users/me/identities/wallets", sent)


async def test_a_wallet_opens_an_account_and_signs_in_to_it(world: World, vault: Vault) -> None:
    account = Account.create()
    first = await sign_in(world, account)
    ada = as_person(world, first)
    me = (await ada.get("/v1/users/me")).json()
    assert (me["id"], me["email"], me["role"]) == (first["user_id"], None, "member")
    (way,) = (await ada.get("/v1/users/me/identities")).json()["items"]
    assert (way["kind"], way["address"]) == ("wallet", account.address)
    assert (await ada.get("/v1/wallets")).json()[
        "items"
    ] == []  # To be paid there is another thing.
    again = await sign_in(world, account)
    assert (first["is_new"], again["is_new"]) == (True, False)
    assert again["user_id"] == first["user_id"]
    refreshed = await world.client.post(
        "/v1/users/refresh", json={"refresh_token": again["refresh_token"]}
    )
    assert refreshed.status_code == 200
    seen = (await ada.get("/v1/events?types=session.created,user.registered")).json()["items"]
    assert {it["type"] for it in seen} == {"session.created", "user.registered"}


async def test_a_message_says_what_it_is_for(world: World, vault: Vault) -> None:
    message = await challenge(world, Account.create().address)
    assert message.startswith("test wants you to sign in with your Ethereum account:\n")
    assert f"\n\n{service.STATEMENT}\n\n" in message


async def test_a_message_is_good_once(world: World, vault: Vault) -> None:
    account = Account.create()
    message = await challenge(world, account.address)
    answers = await asyncio.gather(*(send(world, message, sign(account, message)) for _ in "1234"))
    assert sorted(it.status_code for it in answers) == [200, 422, 422, 422]
    problem(await send(world, message, sign(account, message)), 422, "chain.bad_challenge")
    async with world.parts.sessions.begin() as tx:  # What is forgotten has expired.
        await service.forget_expired(tx, datetime.now(UTC) + timedelta(minutes=11))
        assert await tx.scalar(select(func.count()).select_from(UsedNonce)) == 0
    upper = message.replace("Nonce: ", "Nonce: 0")
    problem(await send(world, upper, sign(account, upper)), 422, "chain.bad_challenge")


async def test_two_messages_of_one_wallet_open_one_account(world: World, vault: Vault) -> None:
    account = Account.create()
    messages = [await challenge(world, account.address) for _ in "1234"]
    answers = await asyncio.gather(*(send(world, it, sign(account, it)) for it in messages))
    assert [it.status_code for it in answers] == [200] * 4
    assert len({it.json()["user_id"] for it in answers}) == 1
    assert [it.json()["is_new"] for it in answers].count(True) == 1


async def test_a_nonce_counts_in_its_own_spelling_until_it_expires(world: World) -> None:
    keys, until = world.parts.keys, datetime.now(UTC).replace(microsecond=0)
    nonce = nonces.make(keys, until)
    assert nonces.read(keys, nonce) == until
    assert len({nonces.make(keys, until) for _ in range(100)}) == 100
    for wrong in (nonce.upper(), nonce[:-2], nonce + "00", "", "zz", "0" * 64, "f" + nonce[1:]):
        assert nonces.read(keys, wrong) is None or wrong == nonce


async def test_a_nonce_of_ours_expires(world: World, vault: Vault) -> None:
    account = Account.create()
    message = await challenge(world, account.address)
    said = next(it for it in message.splitlines() if it.startswith("Nonce: ")).split()[1]
    old = nonces.make(world.parts.keys, datetime.now(UTC) - timedelta(seconds=1))
    changed = message.replace(said, old)
    problem(await send(world, changed, sign(account, changed)), 422, "chain.bad_challenge")


@pytest.mark.parametrize(
    ("part", "other", "wrong"),
    [
        ("test wants", "evil.example wants", "domain"),
        ("URI: http://test", "URI: http://evil.example", "uri"),
        ("Chain ID: 31337", "Chain ID: 1", "chain_id"),
        ("Version: 1", "Version: 2", "version"),
        ("Issued At: 20", "Issued At: 21", "issued_at"),
        ("Expiration Time: 20", "Expiration Time: 19", "expiration_time"),
    ],
)
async def test_a_message_for_elsewhere_or_another_time_is_refused(
    world: World, vault: Vault, part: str, other: str, wrong: str
) -> None:
    account = Account.create()
    message = (await challenge(world, account.address)).replace(part, other)
    told = problem(await send(world, message, sign(account, message)), 422, "chain.wrong_message")
    assert wrong in told["wrong"]


async def test_a_bad_checksum_is_named(world: World, vault: Vault) -> None:
    account = Account.create()
    message = await challenge(world, account.address)
    changed = message.replace(account.address, "0x" + account.address[2:].swapcase())
    told = problem(
        await send(world, changed, sign(account, changed)), 422, "chain.unreadable_message"
    )
    assert "checksum" in told["because"]


async def test_a_signature_of_another_key_is_refused_and_says_whose(
    world: World, vault: Vault
) -> None:
    account, other = Account.create(), Account.create()
    message = await challenge(world, account.address)
    told = problem(await send(world, message, sign(other, message)), 422, "chain.wrong_signature")
    assert other.address in told["because"]
    assert (await send(world, message, sign(account, message))).status_code == 200


async def test_a_compact_signature_is_taken(world: World, vault: Vault) -> None:
    """EIP-2098: whatever v is."""
    for _ in range(6):
        account = Account.create()
        message = await challenge(world, account.address)
        long = bytes.fromhex(sign(account, message)[2:])
        s = int.from_bytes(long[32:64], "big") | (long[64] - 27) << 255
        compact = "0x" + (long[:32] + s.to_bytes(32, "big")).hex()
        assert (await send(world, message, compact)).status_code == 200
        wrong = await send(world, await challenge(world, account.address), compact)
        problem(wrong, 422, "chain.wrong_signature")


async def test_a_linked_wallet_is_no_way_in_until_its_owner_adds_it(
    world: World, vault: Vault
) -> None:
    ada, account = await world.person("ada"), Account.create()
    await link(ada, account)
    assert (await sign_in(world, account))["user_id"] != str(ada.id)
    bob, wallet = await world.person("bob"), Account.create()
    await link(bob, wallet)
    added = await add(bob, wallet)
    assert added.status_code == 201, added.text
    assert added.json()["address"] == wallet.address
    assert (await sign_in(world, wallet))["user_id"] == str(bob.id)
    seen = (await bob.get("/v1/events?types=user.identity_added")).json()["items"]
    assert [it["data"]["method"] for it in seen] == ["wallet"]


async def test_nobody_adds_a_wallet_without_a_proof_or_by_a_message_for_else(
    world: World, vault: Vault
) -> None:
    ada, account = await world.person("ada"), Account.create()
    wrong = {"proof": {"kind": "password", "password": "another"}}
    problem(await add(ada, account, **wrong), 403, "accounts.wrong_proof")
    message = (await ada.post("/v1/wallets/challenges", {"address": account.address})).json()
    for_payouts = {"message": message["message"], "signature": sign(account, message["message"])}
    problem(await add(ada, account, **for_payouts), 422, "chain.bad_challenge")
    stranger = await challenge(world, account.address)
    for_sign_in = {"message": stranger, "signature": sign(account, stranger)}
    problem(await add(ada, account, **for_sign_in), 422, "chain.bad_challenge")
    # Nor is what was signed to sign in good for payouts.
    asked = {"address": account.address, "purpose": "sign_in"}
    text = (await ada.post("/v1/wallets/challenges", asked)).json()["message"]
    body = {"message": text, "signature": sign(account, text), "proof": PROOF}
    problem(await ada.post("/v1/wallets", body), 422, "chain.bad_challenge")
    problem(await send(world, text, sign(account, text)), 422, "chain.bad_challenge")


async def test_a_wallet_signs_in_to_one_account(world: World, vault: Vault) -> None:
    ada, bob, account = await world.person("ada"), await world.person("bob"), Account.create()
    assert (await add(ada, account)).status_code == 201
    told = problem(await add(ada, account), 409, "chain.wallet_is_a_way_in")
    assert told["is_yours"] is True
    told = problem(await add(bob, account), 409, "chain.wallet_is_a_way_in")
    assert told["is_yours"] is False


async def test_where_wallets_open_no_account_only_known_ones_sign_in(
    world: World, vault: Vault
) -> None:
    known, unknown = Account.create(), Account.create()
    await sign_in(world, known)
    state, before = world.app.state, world.parts.settings
    state.settings = before.model_copy(update={"wallet_sign_up": False})
    try:
        assert (await sign_in(world, known))["is_new"] is False
        message = await challenge(world, unknown.address)
        refused = await send(world, message, sign(unknown, message))
        problem(refused, 403, "chain.unknown_wallet")
    finally:
        state.settings = before


async def test_a_suspended_user_is_told_why(world: World, vault: Vault) -> None:
    account = Account.create()
    told = await sign_in(world, account)
    async with world.parts.sessions.begin() as tx:
        user = await tx.get_one(User, told["user_id"])
        user.suspended_at, user.suspension_reason = datetime.now(UTC), "Made-up results."
    message = await challenge(world, account.address)
    refused = problem(await send(world, message, sign(account, message)), 403, "accounts.suspended")
    assert refused["why"] == "Made-up results."


async def test_a_contract_signs_in_where_it_says_that_it_signed(world: World, chain: Anvil) -> None:
    address = some_address()
    users = []
    for _ in "12":
        message = await challenge(world, address)
        code_at = contract_that_signs(chain, signed_messages.digest(message))
        chain.call("anvil_setCode", address, chain.call("eth_getCode", code_at, "latest"))
        answer = await send(world, message, "0x00")
        assert answer.status_code == 200, answer.text
        users.append(answer.json()["user_id"])
    assert users[0] == users[1]


@pytest.mark.parametrize(
    "code",
    [
        "0x",  # No contract.
        "0x60006000fd",  # Reverts.
        "0x5b600056",  # Never ends.
        "0xfe",  # No instruction.
        "0x50",  # Takes from an empty stack.
        "0x60016000526001601ff3",  # Answers a byte.
        "0x60ff60005260206000f3",  # Answers another word.
        "0x620f42406000f3",  # Answers a million bytes.
        "0x7f1626ba7e" + "ff" * 28 + "60005260206000f3",  # More than the word.
    ],
)
async def test_a_contract_that_answers_anything_else_is_refused(
    world: World, chain: Anvil, code: str
) -> None:
    address = some_address()
    chain.call("anvil_setCode", address, code)
    message = await challenge(world, address)
    answer = await send(world, message, "0x" + "01" * 65)
    problem(answer, 422, "chain.wrong_signature")
    assert (await world.client.get("/v1/users/me")).status_code == 401


async def test_without_a_node_keys_sign_in_and_contracts_hear_so(
    world: World, vault: Vault
) -> None:
    async with asking(world, "http://127.0.0.1:1"):
        await sign_in(world, Account.create())
        message = await challenge(world, some_address())
        problem(await send(world, message, "0x00"), 503, "chain.away")


@pytest.mark.parametrize(
    "signature", ["", "0x", "0x1", "5b" * 65, "0xzz", None, "0x" + "00" * 5_000]
)
async def test_what_is_no_signature_is_refused(world: World, vault: Vault, signature: Any) -> None:
    body = {"message": "hello", "signature": signature}
    answer = await world.client.post("/v1/sessions/wallet", json=body)
    assert problem(answer, 422, "http.422")["errors"][0]["pointer"] == "/signature"


async def test_where_there_is_no_chain_nobody_signs_in_by_it(world: World) -> None:
    asked = await world.client.post(
        "/v1/sessions/wallet-challenges", json={"address": some_address()}
    )
    problem(asked, 503, "chain.not_connected")


async def test_the_last_wallet_chosen_is_the_primary_one(world: World, vault: Vault) -> None:
    ada, bob = await world.person("ada"), await world.person("bob")
    first, second = await link(ada), await link(ada)
    assert (first["is_primary"], second["is_primary"]) == (True, False)
    path = f"/v1/wallets/{second['id']}/make-primary"
    problem(await bob.post(path, {"proof": PROOF}), 404, "chain.wallet_not_found")
    chosen = await ada.post(path, {"proof": PROOF})
    assert (chosen.status_code, chosen.json()["is_primary"]) == (200, True)
    listed = (await ada.get("/v1/wallets")).json()["items"]
    assert [it["is_primary"] for it in listed] == [False, True]
    assert (await unlink(ada, second["id"])).status_code == 204
    assert (await ada.get(f"/v1/wallets/{first['id']}")).json()["is_primary"] is True
