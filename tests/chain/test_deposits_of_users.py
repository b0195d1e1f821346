"""What users see of deposits, and how their wallets make one: checked on a chain by a wallet's own
library.
"""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from sqlalchemy import update

from dml.chain.models import Vault
from dml.chain.states import DepositState
from dml.core.context import Role
from dml.core.ids import new_id
from tests.chain.anvil import Anvil
from tests.chain.deployed import Deployed
from tests.chain.people import add_deposit, asking, set_vault, some_address
from tests.world import Person, World, problem

PATH = "/v1/payments/deposits"
pytestmark = pytest.mark.usefixtures("vault")


@pytest.fixture
async def chain(world: World, anvil: Anvil, on: Deployed) -> AsyncIterator[Deployed]:
    """The API's vault is the one on anvil."""
    await set_vault(world, address=on.vault.address, token=on.token.address)
    async with asking(world, anvil.url):
        yield on


async def _deposit(world: World, vault: Vault, person: Person, amount: str, **fields: Any) -> str:
    async with world.parts.sessions.begin() as tx:
        return str((await add_deposit(tx, vault, person.id, amount, **fields)).id)


async def test_a_deposit_is_pending_until_it_is_final(world: World, vault: Vault) -> None:
    ada = await world.rich("ada", "1")
    seen = await _deposit(world, vault, ada, "12.5")
    final = {"state": DepositState.CREDITED, "final_at": datetime.now(UTC)}
    credited = await _deposit(world, vault, ada, "3", **final)
    orphan = {"state": DepositState.ORPHANED, "orphaned_at": datetime.now(UTC)}
    orphaned = await _deposit(world, vault, ada, "4", **orphan)
    balance = (await ada.get("/v1/payments/balance")).json()
    assert balance == {"available": "1", "pending": "12.5", "reserved": "0", "total": "13.5"}

    page = (await ada.get(PATH)).json()
    assert [it["id"] for it in page["items"]] == [orphaned, credited, seen]
    assert [it["confirmations"] for it in page["items"]] == [None, 3, 3]
    shown = (await ada.get(f"{PATH}/{seen}")).json()
    assert shown == page["items"][2]
    assert (shown["state"], shown["amount"], shown["final_at"]) == ("seen", "12.5", None)
    assert (shown["chain_id"], shown["vault"]) == (31337, vault.address)
    for state, there in (("seen", [seen]), ("credited", [credited]), ("unclaimed", [])):
        items = (await ada.get(f"{PATH}?state={state}")).json()["items"]
        assert [it["id"] for it in items] == there


async def test_pages_of_deposits_show_each_once(world: World, vault: Vault) -> None:
    ada = await world.person("ada")
    made = [await _deposit(world, vault, ada, "1") for _ in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = (await ada.get(f"{PATH}?limit=2{cursor}")).json()
        seen += [it["id"] for it in page["items"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert seen == made[::-1]


async def test_a_deposit_of_others_is_not_there(world: World, vault: Vault) -> None:
    ada, bob = await world.person("ada"), await world.person("bob", Role.ADMIN)
    deposit = await _deposit(world, vault, ada, "1")
    problem(await bob.get(f"{PATH}/{deposit}"), 404, "chain.deposit_not_found")
    assert (await bob.get(PATH)).json()["items"] == []
    assert (await bob.get("/v1/payments/balance")).json()["pending"] == "0"


async def test_instructions_name_contracts_units_and_the_user(world: World) -> None:
    vault = await set_vault(world, decimals=18, token_version=None)
    ada = await world.person("ada")
    body = {"amount": "12.5", "wallet": some_address()}
    told = (await ada.post(f"{PATH}/instructions", body)).json()
    units = 125 * 10**17
    assert (told["chain_id"], told["vault"], told["units"]) == (31337, vault.address, str(units))
    assert told["token"]["decimals"] == 18
    assert told["user_id"] == "0x" + ada.id.hex
    assert told["permit"] is None  # This token takes none.
    assert told["deposit_with_permit"] is None
    assert (told["approve"]["to"], told["deposit"]["to"]) == (vault.token, vault.address)
    link = f"ethereum:{vault.token}@31337/approve?address={vault.address}&uint256={units}"
    assert told["approve_link"] == link
    link = f"ethereum:{vault.address}@31337/deposit?uint256={units}&bytes16=0x{ada.id.hex}"
    assert told["deposit_link"] == link


def _send(on: Deployed, account: LocalAccount, step: dict[str, str]) -> Any:
    """Send a step as it was told, by an account that anvil does not know."""
    asked: dict[str, Any] = {
        "to": step["to"],
        "data": step["data"],
        "value": int(step["value"], 16),
        "nonce": on.web3.eth.get_transaction_count(account.address),
        "gas": 300_000,
        "gasPrice": 2 * 10**9,
        "chainId": on.web3.eth.chain_id,
    }
    signed = account.sign_transaction(asked)
    sent = on.web3.eth.send_raw_transaction(signed.raw_transaction)
    receipt = on.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.005)
    assert receipt["status"] == 1
    return receipt


def _carol(on: Deployed) -> LocalAccount:
    carol: LocalAccount = Account.create()
    on.give_ether(carol.address)
    on.send(on.token.functions.transfer(carol.address, 20_000_000), on.alice)
    return carol


async def test_a_wallet_approves_and_deposits_by_the_instructions(
    world: World, chain: Deployed
) -> None:
    ada, carol = await world.person("ada"), _carol(chain)
    told = (await ada.post(f"{PATH}/instructions", {"amount": "12.5"})).json()
    assert told["permit"] is None
    _send(chain, carol, told["approve"])
    (event,) = chain.events("Deposited", _send(chain, carol, told["deposit"]))
    assert event["userId"] == ada.id.bytes
    assert (event["from"], event["amount"]) == (carol.address, 12_500_000)


@pytest.mark.parametrize("lower_v", [0, 27])
async def test_a_wallet_signs_the_permit_and_deposits_by_one_transaction(
    world: World, chain: Deployed, lower_v: int
) -> None:
    ada, carol = await world.person("ada"), _carol(chain)
    for nonce, amount in enumerate(("12.5", "7.5")):  # The second permit needs the next nonce.
        body = {"amount": amount, "wallet": carol.address}
        answer = await ada.post(f"{PATH}/instructions", body)
        assert answer.status_code == 200, answer.text
        typed = answer.json()["permit"]
        assert typed["message"]["nonce"] == str(nonce)
        signed = bytes(carol.sign_typed_data(full_message=typed).signature)
        signature = signed[:64] + bytes([signed[64] - lower_v])
        permit = {"deadline": typed["message"]["deadline"], "signature": "0x" + signature.hex()}
        used = {"amount": body["amount"], "permit": permit}
        step = (await ada.post(f"{PATH}/instructions", used)).json()["deposit_with_permit"]
        if lower_v == 0:  # As it was signed.
            assert step["data"].count(signed[:32].hex()) == 1
        (event,) = chain.events("Deposited", _send(chain, carol, step))
        assert event["userId"] == ada.id.bytes
    assert chain.held(carol.address) == 0


async def test_a_permit_needs_the_chain(world: World, vault: Vault) -> None:
    ada = await world.person("ada")
    body = {"amount": "1", "wallet": some_address()}
    problem(await ada.post(f"{PATH}/instructions", body), 503, "chain.away")
    async with asking(world, "http://127.0.0.1:1"):
        problem(await ada.post(f"{PATH}/instructions", body), 503, "chain.away")


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0"},
        {"amount": "1.0000001"},
        {"wallet": "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"},
        {"permit": {"deadline": 1}},
        {"permit": {"deadline": -1, "signature": "0x" + "1b" * 65}},
        {"permit": {"deadline": 1, "signature": "0x" + "1d" * 65}},
        {"permit": {"deadline": 1, "signature": "0x" + "1b" * 64}},
    ],
)
async def test_what_is_no_wish_for_instructions_is_refused(
    world: World, vault: Vault, wrong: dict[str, Any]
) -> None:
    ada = await world.person("ada")
    assert (await ada.post(f"{PATH}/instructions", {"amount": "1"} | wrong)).status_code == 422


async def test_a_link_is_drawn_as_a_qr_code(world: World, vault: Vault) -> None:
    ada = await world.person("ada")
    drawn = await ada.get(f"{PATH}/qr.svg?amount=12.5&step=approve")
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert re.match(r"<svg [^>]*>.*</svg>\s*$", drawn.text, re.DOTALL)
    assert drawn.text != (await ada.get(f"{PATH}/qr.svg?amount=12.5&step=deposit")).text
    assert (await ada.get(f"{PATH}/qr.svg?amount=0")).status_code == 422
    assert (await ada.get(f"{PATH}/qr.svg?amount=1&step=both")).status_code == 422


# The chain itself.


async def _chain(client: httpx2.AsyncClient) -> Any:
    answer = await client.get("/v1/payments/chain")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_everybody_sees_the_chain_and_how_far_it_is_read(world: World) -> None:
    vault = await set_vault(world)
    told = await _chain(world.client)
    assert (told["chain_id"], told["vault"]) == (31337, vault.address)
    assert told["token"]["address"] == vault.token
    blocks = [told[it] for it in ("head_block", "final_block", "indexed_block", "lag_blocks")]
    assert blocks == [100, 95, 90, 5]
    assert told["readable"]
    assert (told["halted_at"], told["payouts_paused_reason"]) == (None, None)
    assert told["comparison"]["agrees"] is None


async def test_a_chain_that_nobody_reads_any_more_is_told(world: World) -> None:
    await set_vault(world, read_at=datetime.now(UTC) - timedelta(minutes=6))
    told = await _chain(world.client)
    assert told["payouts_paused_reason"] == "The chain was not read for a while."


async def test_what_an_operator_is_told_is_for_admins_alone(world: World) -> None:
    now = datetime.now(UTC)
    fields = {
        "reading_error": "node-7.internal:8545 is away",
        "difference": "5 less",
        "paying_error": "no coins",
        "compared_at": now,
    }
    await set_vault(world, **fields, halted_at=now)
    admin = await world.person("admin", Role.ADMIN)
    told = (await admin.get("/v1/payments/chain")).json()
    assert told["faults"] == {
        "reading": fields["reading_error"],
        "difference": "5 less",
        "paying": "no coins",
    }
    public = await _chain(world.client)
    assert public["faults"] is None
    assert "internal" not in str(public)
    assert "5 less" not in str(public)
    assert (public["readable"], public["comparison"]["agrees"]) == (False, False)
    assert public["halted_at"] is not None
    assert public["payouts_paused_reason"].startswith("The chain changed")


async def test_without_a_chain_that_is_said(world: World) -> None:
    async with world.parts.sessions.begin() as tx:
        await tx.execute(update(Vault).values(is_current=False))
    ada = await world.person("ada")
    for path in ("/v1/payments/chain", "/v1/payments/withdrawals/terms", f"{PATH}/qr.svg?amount=1"):
        problem(await ada.get(path), 503, "chain.not_connected")
    problem(await ada.post(f"{PATH}/instructions", {"amount": "1"}), 503, "chain.not_connected")
    body = {"amount": "1", "wallet_id": str(new_id()), "password": "a password"}
    problem(await ada.post("/v1/payments/withdrawals", body), 503, "chain.not_connected")
