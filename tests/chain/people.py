"""What people need around a vault in tests: the vault itself, wallets, and a chain to ask."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import httpx2
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from dml.chain.addresses import parse
from dml.chain.models import Deposit, Vault
from dml.chain.node.endpoints import Endpoints
from dml.chain.states import DepositState
from dml.core.ids import DepositId, UserId, VaultId, new_id
from dml.core.money import MicroTokens, parse as tokens
from tests.chain.anvil import Anvil
from tests.world import PASSWORD, Person, World

CHAIN_ID: Final = 31337
PROOF: Final = {"kind": "password", "password": PASSWORD}
DAILY: Final = tokens("100000")


def some_address() -> str:
    """An address that nobody has used."""
    return parse("0x" + new_id().hex + "00" * 4)


def some_hash() -> str:
    return "0x" + new_id().hex + new_id().hex


def make_vault(**fields: Any) -> Vault:
    row: dict[str, Any] = {
        "id": VaultId(new_id()),
        "chain_id": CHAIN_ID,
        "address": some_address(),
        "token": some_address(),
        "token_name": "DML Development Token",
        "token_symbol": "DML",
        "token_version": "1",
        "decimals": 6,
        "is_current": True,
        "registered_at": datetime.now(UTC),
        "start_block": 0,
        "final_number": 90,
        "final_hash": some_hash(),
        "head_number": 100,
        "chain_final_number": 95,
        "read_at": datetime.now(UTC),
        "daily_limit": DAILY,
        "surplus": tokens("1000000000"),  # Admins may credit what tests need.
    }
    return Vault(**row | fields)


async def add_vault(tx: AsyncSession, **fields: Any) -> Vault:
    """Make a vault the current one, as registering does."""
    await tx.execute(update(Vault).values(is_current=False))
    known = select(Vault).where(Vault.address == fields.get("address"))  # Of an earlier test.
    vault = await tx.scalar(known)
    if vault is None:
        vault = make_vault(**fields)
        tx.add(vault)
    vault.is_current = True
    await tx.flush()
    return vault


async def set_vault(world: World, **fields: Any) -> Vault:
    async with world.parts.sessions.begin() as tx:
        return await add_vault(tx, **fields)


async def forget_vaults(world: World) -> None:
    """Leave the world without a chain, as it begins."""
    async with world.parts.sessions.begin() as tx:
        await tx.execute(update(Vault).values(is_current=False))


async def add_deposit(
    tx: AsyncSession, vault: Vault, user_id: UserId | None, amount: str, **fields: Any
) -> Deposit:
    """A deposit as the indexer first writes it down."""
    row: dict[str, Any] = {
        "id": DepositId(new_id()),
        "vault_id": vault.id,
        "tx_hash": some_hash(),
        "position": 0,
        "ordinal": new_id().int & 0xFFFFFFFF,
        "block_number": 98,
        "block_hash": some_hash(),
        "sender": some_address(),
        "named": user_id or new_id(),
        "user_id": user_id,
        "amount": MicroTokens(tokens(amount)),
        "state": DepositState.SEEN,
        "seen_at": datetime.now(UTC),
    }
    deposit = Deposit(**row | fields)
    tx.add(deposit)
    await tx.flush()
    return deposit


@asynccontextmanager
async def asking(world: World, url: str) -> AsyncIterator[None]:
    """Let the API ask the node at this URL for as long as the `with` lasts."""
    async with httpx2.AsyncClient() as client:
        endpoints = Endpoints([url], client, chain_id=CHAIN_ID, confirmations=0)
        before, world.app.state.chain = world.app.state.chain, lambda: endpoints
        yield
        world.app.state.chain = before


def sign(account: LocalAccount, message: str) -> str:
    """Sign as wallets do by `personal_sign`."""
    signed = account.sign_message(encode_defunct(text=message))
    return "0x" + bytes(signed.signature).hex()


async def challenge(person: Person, address: str) -> str:
    """Get a message to sign."""
    answer = await person.post("/v1/wallets/challenges", {"address": address})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["message"])


async def link(
    person: Person, account: LocalAccount | None = None, proof: Any = PROOF
) -> dict[str, Any]:
    """Link a wallet by its signature, as the API shows it then."""
    account = account or Account.create()
    message = await challenge(person, account.address)
    body = {"message": message, "signature": sign(account, message), "proof": proof}
    answer = await person.post("/v1/wallets", body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def unlink(person: Person, wallet_id: str, proof: Any = PROOF) -> httpx2.Response:
    return await person.post(f"/v1/wallets/{wallet_id}/unlink", {"proof": proof})


def contract_that_signs(anvil: Anvil, digest: bytes) -> str:
    """Put a contract on the chain that calls one text signed, whatever the signature (EIP-1271)."""
    address = some_address()
    # Push the digest, load the call's first argument, compare; times the magic word; return that.
    code = f"7f{digest.hex()}60043514631626ba7e0260e01b60005260206000f3"
    anvil.call("anvil_setCode", address, "0x" + code)
    return address
