"""Linking wallets through HTTP: by a key and by a contract, and each refusal."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from eth_account import Account
from sqlalchemy import select, update

from dml.chain.addresses import ZERO
from dml.chain.models import Vault, Wallet, WalletChallenge
from dml.chain.states import WalletKind
from dml.chain.wallets import service as wallets, signed_messages
from dml.chain.wallets.rules import WALLETS_MAX
from dml.core.context import Role
from dml.core.event_log import EventRow
from dml.core.ids import WalletId, new_id
from dml.edge.origins import UnknownHost, origin_of
from tests.accounts.factors.authenticator import enroll
from tests.chain.anvil import Anvil
from tests.chain.people import (
    PROOF,
    asking,
    challenge,
    contract_that_signs,
    link,
    sign,
    some_address,
    unlink,
)
from tests.world import World, problem


@pytest.fixture
async def chain(world: World, vault: Vault, anvil: Anvil) -> AsyncIterator[Anvil]:
    async with asking(world, anvil.url):
        yield anvil


async def test_a_wallet_is_linked_by_its_signature_listed_and_unlinked(
    world: World, vault: Vault
) -> None:
    ada, account = await world.person("ada"), Account.create()
    message = await challenge(ada, account.address)
    assert message.startswith("test wants you to sign in with your Ethereum account:\n")
    body = {"proof": PROOF, "message": message, "signature": sign(account, message), "name": "cold"}
    linked = await ada.post("/v1/wallets", body)
    assert linked.status_code == 201, linked.text
    wallet = linked.json()
    assert (wallet["address"], wallet["kind"], wallet["name"]) == (account.address, "key", "cold")
    assert (await ada.get(linked.headers["location"])).json() == wallet
    assert (await ada.get("/v1/wallets")).json() == {"items": [wallet], "next_cursor": None}

    assert (await unlink(ada, wallet["id"])).status_code == 204
    assert (await ada.get("/v1/wallets")).json()["items"] == []
    problem(await ada.get(linked.headers["location"]), 404, "chain.wallet_not_found")
    problem(await unlink(ada, wallet["id"]), 404, "chain.wallet_not_found")
    await link(ada, account)  # It is free again.
    async with world.parts.sessions() as tx:
        about_wallets = EventRow.actor_id == ada.id, EventRow.type.startswith("wallet.")
        noted = select(EventRow.type).where(*about_wallets)
        done = (await tx.scalars(noted.order_by(EventRow.number))).all()
    assert list(done) == ["wallet.linked", "wallet.unlinked", "wallet.linked"]


async def test_without_a_proof_no_wallet_is_linked_chosen_or_unlinked(
    world: World, vault: Vault
) -> None:
    ada, account = await world.person("ada"), Account.create()
    wallet = await link(ada)
    message = await challenge(ada, account.address)
    signed = {"message": message, "signature": sign(account, message)}
    of_it = f"/v1/wallets/{wallet['id']}"
    wrong = {"proof": PROOF | {"password": "guessed"}}
    for path, body in (
        ("/v1/wallets", signed),
        (f"{of_it}/make-primary", {}),
        (f"{of_it}/unlink", {}),
    ):
        problem(await ada.post(path, body), 422, "http.422")
        problem(await ada.post(path, {**body, **wrong}), 403, "accounts.wrong_proof")
    assert (await ada.get("/v1/wallets")).json()["items"] == [wallet]
    problem(await ada.ask("DELETE", of_it), 405, "http.405")
    app = await enroll(world, ada)
    problem(await unlink(ada, wallet["id"]), 403, "accounts.factor_proof_needed")
    key = {"Idempotency-Key": str(wallet["id"])}
    by_app = {"proof": await app.proof()}
    for _ in range(2):  # The answer may have been lost, and the code is used up.
        gone = await ada.post(f"{of_it}/unlink", by_app, headers=key)
        assert gone.status_code == 204, gone.text
    by_code = {**signed, "proof": {"kind": "recovery_code", "code": app.recovery_codes[0]}}
    assert (await ada.post("/v1/wallets", by_code)).status_code == 201


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "test.evil.example",
        "test@evil.example",
        "evil.example/test",
        "test:8000",
        "localhost:1",
        "localhost",
        "127.0.0.1.evil.example",
        "test\nevil.example",
        "",
    ],
)
async def test_nobody_signs_for_another_site_s_name(world: World, vault: Vault, host: str) -> None:
    ada, account = await world.person("ada"), Account.create()
    theirs = {"host": host.replace("\n", " ")}
    asked = await ada.post("/v1/wallets/challenges", {"address": account.address}, headers=theirs)
    problem(asked, 422, "edge.unknown_host")
    # Nor is a message taken that was signed for that site, which hands it on.
    message = (await challenge(ada, account.address)).replace("test wants", f"{host} wants")
    body = {"proof": PROOF, "message": message, "signature": sign(account, message)}
    answer = await ada.post("/v1/wallets", body, headers=theirs)
    assert answer.status_code == 422, answer.text
    assert (await ada.get("/v1/wallets")).json()["items"] == []


def test_without_a_public_url_only_our_own_names_are_signed_for() -> None:
    for name in ("localhost", "127.0.0.1", "[::1]", "LocalHost"):
        assert origin_of([f"{name}:8000"], "http", 8000, []) == f"http://{name.lower()}:8000"
        assert origin_of([name], "https", 443, []) == f"https://{name.lower()}"
        for wrong in ([f"{name}:8001"], [name], [f"{name}:8000"] * 2, []):
            with pytest.raises(UnknownHost):
                origin_of(wrong, "http", 8000, [])
    assert origin_of(["API.example.org"], "https", 8000, ["api.example.org"]) == (
        "https://api.example.org"
    )
    public = origin_of(["evil.example"], "http", 8000, [], public_url="https://dml.example/")
    assert public == "https://dml.example"


async def test_where_a_public_url_is_set_it_is_signed_for_whatever_the_host(
    world: World, vault: Vault
) -> None:
    ada, state, before = await world.person("ada"), world.app.state, world.parts.settings
    state.settings = before.model_copy(update={"public_url": "https://dml.example/"})
    try:
        asked = await ada.post(
            "/v1/wallets/challenges", {"address": some_address()}, headers={"host": "evil.example"}
        )
    finally:
        state.settings = before
    assert asked.json()["message"].startswith("dml.example wants you")
    assert "\nURI: https://dml.example\n" in asked.json()["message"]


async def test_a_wallet_of_others_is_not_there(world: World, vault: Vault) -> None:
    ada, bob = await world.person("ada"), await world.person("bob")
    wallet = await link(ada)
    problem(await bob.get(f"/v1/wallets/{wallet['id']}"), 404, "chain.wallet_not_found")
    gone = await unlink(bob, wallet["id"])
    problem(gone, 404, "chain.wallet_not_found")
    assert len((await ada.get("/v1/wallets")).json()["items"]) == 1


async def test_a_challenge_is_good_once_and_for_its_user_alone(world: World, vault: Vault) -> None:
    ada, bob, account = await world.person("ada"), await world.person("bob"), Account.create()
    message = await challenge(ada, account.address)
    body = {"proof": PROOF, "message": message, "signature": sign(account, message)}
    problem(await bob.post("/v1/wallets", body), 422, "chain.bad_challenge")
    stranger = body | {"signature": sign(Account.create(), message)}
    problem(await ada.post("/v1/wallets", stranger), 422, "chain.wrong_signature")
    assert (await ada.post("/v1/wallets", body)).status_code == 201  # Still good until then.
    problem(await ada.post("/v1/wallets", body), 422, "chain.bad_challenge")
    unknown = message.replace("Nonce: ", "Nonce: 0")
    body = {"proof": PROOF, "message": unknown, "signature": sign(account, unknown)}
    problem(await ada.post("/v1/wallets", body), 422, "chain.bad_challenge")


async def test_a_challenge_expires(world: World, vault: Vault) -> None:
    ada, account = await world.person("ada"), Account.create()
    message = await challenge(ada, account.address)
    async with world.parts.sessions.begin() as tx:
        past = datetime.now(UTC) - timedelta(seconds=1)
        await tx.execute(
            update(WalletChallenge).where(WalletChallenge.user_id == ada.id).values(expires_at=past)
        )
    body = {"proof": PROOF, "message": message, "signature": sign(account, message)}
    problem(await ada.post("/v1/wallets", body), 422, "chain.bad_challenge")
    async with world.parts.sessions.begin() as tx:
        await wallets.forget_expired(tx, datetime.now(UTC))
    problem(await ada.post("/v1/wallets", body), 422, "chain.bad_challenge")


async def test_two_who_link_one_wallet_at_once_do_not_both_have_it(
    world: World, vault: Vault
) -> None:
    people, account = [await world.person("ada"), await world.person("bob")], Account.create()
    messages = [await challenge(it, account.address) for it in people]
    bodies = [{"proof": PROOF, "message": it, "signature": sign(account, it)} for it in messages]
    answers = await asyncio.gather(
        *(it.post("/v1/wallets", body) for it, body in zip(people, bodies, strict=True))
    )
    assert sorted(it.status_code for it in answers) == [201, 409]
    (refused,) = [it for it in answers if it.status_code == 409]
    problem(refused, 409, "chain.wallet_taken")


async def test_one_links_a_wallet_once(world: World, vault: Vault) -> None:
    ada, account = await world.person("ada"), Account.create()
    await link(ada, account)
    message = await challenge(ada, account.address)
    body = {"proof": PROOF, "message": message, "signature": sign(account, message)}
    problem(await ada.post("/v1/wallets", body), 409, "chain.wallet_linked_already")


async def test_nobody_links_more_wallets_than_one_may(world: World, vault: Vault) -> None:
    ada, account = await world.person("ada"), Account.create()
    async with world.parts.sessions.begin() as tx:
        tx.add_all(
            Wallet(
                id=WalletId(new_id()),
                user_id=ada.id,
                address=some_address(),
                kind=WalletKind.KEY,
                linked_at=datetime.now(UTC),
            )
            for _ in range(WALLETS_MAX - 1)
        )
    await link(ada)
    message = await challenge(ada, account.address)
    body = {"proof": PROOF, "message": message, "signature": sign(account, message)}
    assert problem(await ada.post("/v1/wallets", body), 409, "chain.too_many_wallets")["limit"] == (
        WALLETS_MAX
    )


async def test_nobody_opens_challenges_without_end(world: World, vault: Vault) -> None:
    ada, address = await world.person("ada"), some_address()
    for _ in range(50):
        await challenge(ada, address)
    answer = await ada.post("/v1/wallets/challenges", {"address": address})
    problem(answer, 429, "chain.too_many_challenges")
    assert answer.headers["retry-after"] == "600"


async def test_addresses_that_nobody_can_have_are_refused(world: World, vault: Vault) -> None:
    ada = await world.person("ada")
    for address in (ZERO, vault.address, vault.token):
        refused = await ada.post("/v1/wallets/challenges", {"address": address})
        problem(refused, 422, "chain.nobodys_address")


@pytest.mark.parametrize(
    "address", ["0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x12", "ada.eth", "", None, 7]
)
async def test_a_wrong_checksum_is_refused(world: World, vault: Vault, address: Any) -> None:
    ada = await world.person("ada")
    answer = await ada.post("/v1/wallets/challenges", {"address": address})
    assert problem(answer, 422, "http.422")["errors"][0]["pointer"] == "/address"


async def test_an_address_that_is_denied_cannot_be_linked(world: World, vault: Vault) -> None:
    ada, admin = await world.person("ada"), await world.person("admin", Role.ADMIN)
    account = Account.create()
    message = await challenge(ada, account.address)
    denied = f"/v1/admin/denied-addresses/{account.address}"
    assert (await admin.put(denied, {"reason": "stolen"})).status_code == 200
    body = {"proof": PROOF, "message": message, "signature": sign(account, message)}
    refused = problem(await ada.post("/v1/wallets", body), 403, "chain.address_denied")
    assert "stolen" not in str(refused)
    again = await ada.post("/v1/wallets/challenges", {"address": account.address})
    problem(again, 403, "chain.address_denied")


async def test_a_message_for_another_chain_or_place_is_refused(world: World, vault: Vault) -> None:
    ada, account = await world.person("ada"), Account.create()
    message = await challenge(ada, account.address)
    for part, other in (("Chain ID: 31337", "Chain ID: 1"), ("test wants", "evil wants")):
        changed = message.replace(part, other)
        body = {"proof": PROOF, "message": changed, "signature": sign(account, changed)}
        problem(await ada.post("/v1/wallets", body), 422, "chain.wrong_message")
    body = {"proof": PROOF, "message": "hello", "signature": sign(account, "hello")}
    problem(await ada.post("/v1/wallets", body), 422, "chain.unreadable_message")


@pytest.mark.parametrize(
    "signature", ["", "0x", "0x1", "5b" * 65, "0xzz", None, "0x" + "00" * 5_000]
)
async def test_what_is_no_signature_is_refused(world: World, vault: Vault, signature: Any) -> None:
    ada = await world.person("ada")
    answer = await ada.post(
        "/v1/wallets", {"proof": PROOF, "message": "hello", "signature": signature}
    )
    assert problem(answer, 422, "http.422")["errors"][0]["pointer"] == "/signature"


async def test_wallets_are_for_who_is_signed_in_and_where_there_is_a_chain(world: World) -> None:
    answer = await world.client.get("/v1/wallets")
    problem(answer, 401, "core.not_signed_in")
    async with world.parts.sessions.begin() as tx:
        await tx.execute(update(Vault).values(is_current=False))
    ada = await world.person("ada")
    answer = await ada.post("/v1/wallets/challenges", {"address": some_address()})
    problem(answer, 503, "chain.not_connected")


async def _link_contract(world: World, anvil: Anvil, *, signs: bool) -> Any:
    """Link a contract that signs this message, or another one."""
    ada, address = await world.person("ada"), some_address()
    message = await challenge(ada, address)
    # The address is in the message, so the contract's own comes first.
    text = message if signs else message + " "
    code_at = contract_that_signs(anvil, signed_messages.digest(text))
    code = anvil.call("eth_getCode", code_at, "latest")
    anvil.call("anvil_setCode", address, code)
    return await ada.post("/v1/wallets", {"proof": PROOF, "message": message, "signature": "0x00"})


async def test_a_contract_is_linked_where_it_says_that_it_signed(
    world: World, chain: Anvil
) -> None:
    linked = await _link_contract(world, chain, signs=True)
    assert linked.status_code == 201, linked.text
    assert linked.json()["kind"] == "contract"


async def test_a_contract_that_signed_another_message_is_refused(
    world: World, chain: Anvil
) -> None:
    refused = await _link_contract(world, chain, signs=False)
    problem(refused, 422, "chain.wrong_signature")


@pytest.mark.parametrize("code", ["0x", "0x60006000fd"])
async def test_what_is_no_wallet_or_reverts_is_refused(
    world: World, chain: Anvil, code: str
) -> None:
    ada, address = await world.person("ada"), some_address()
    chain.call("anvil_setCode", address, code)
    message = await challenge(ada, address)
    answer = await ada.post(
        "/v1/wallets", {"proof": PROOF, "message": message, "signature": "0x" + "01" * 65}
    )
    problem(answer, 422, "chain.wrong_signature")


async def test_a_node_that_is_away_is_told_and_the_challenge_stays_good(
    world: World, chain: Anvil
) -> None:
    ada, address = await world.person("ada"), some_address()
    message = await challenge(ada, address)
    body = {"proof": PROOF, "message": message, "signature": "0x00"}
    async with asking(world, "http://127.0.0.1:1"):
        answer = await ada.post("/v1/wallets", body)
    problem(answer, 503, "chain.away")
    assert answer.headers["retry-after"] == "1"
    account = Account.create()  # A key needs no node.
    async with asking(world, "http://127.0.0.1:1"):
        await link(ada, account)


async def test_no_transaction_is_open_while_a_node_is_asked(world: World, vault: Vault) -> None:
    asked = asyncio.Event()

    async def never_answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.sleep(5)
        writer.close()

    ada, address = await world.person("ada"), some_address()
    body = {"proof": PROOF, "message": await challenge(ada, address), "signature": "0x00"}
    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with asking(world, f"http://127.0.0.1:{port}"):
        for path, sent in (
            ("/v1/wallets", body),
            ("/v1/payments/deposits/instructions", {"amount": "1", "wallet": address}),
        ):
            asked.clear()
            waiting = asyncio.create_task(ada.post(path, sent))
            await asyncio.wait_for(asked.wait(), 5)
            assert world.parts.sessions.kw["bind"].pool.checkedout() == 0
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting
    server.close()
