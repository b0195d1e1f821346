"""`dml login --wallet`, `dml account add-wallet` and `dml wallet primary`, signed by keys."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from tests.agent.conftest import listening, market
from tests.agent.market import Market
from tests.chain.people import forget_vaults, set_vault, sign
from tests.client.test_marketplace import ALONE, dml
from tests.world import PASSWORD

__all__ = ["listening", "market"]


@pytest.fixture
async def at(market: Market, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """Where a marketplace with a chain is, and a home to keep sign-ins in."""
    await set_vault(market.world)
    yield {"DML_SERVER": market.url, "XDG_CONFIG_HOME": str(tmp_path)}
    await forget_vaults(market.world)


async def typed(at: dict[str, str], *words: str, signed_by: list[LocalAccount]) -> Any:
    """Type a command, and sign each message that it shows with the next key."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dml.entrypoints.cli", *words, "--json"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **ALONE, **at},
    )
    assert process.stdin
    assert process.stderr
    for account in signed_by:
        lines = [(await process.stderr.readline()).decode().rstrip("\n")]
        while not lines[-1].startswith("Expiration Time: "):
            lines.append((await process.stderr.readline()).decode().rstrip("\n"))
            assert len(lines) < 20, lines
        await process.stderr.readline()  # A blank one.
        process.stdin.write(sign(account, "\n".join(lines)).encode() + b"\n")
        await process.stdin.drain()
    out, err = await process.communicate()
    assert process.returncode == 0, err
    return json.loads(out)


async def test_a_wallet_signs_in_adds_another_and_both_are_one_account(at: dict[str, str]) -> None:
    first, second = Account.create(), Account.create()
    opened = await typed(at, "login", "--wallet", first.address, signed_by=[first])
    assert opened["email"] == first.address
    added = await typed(at, "account", "add-wallet", second.address, signed_by=[first, second])
    assert (added["kind"], added["address"]) == ("wallet", second.address)
    again = await typed(at, "login", "--wallet", second.address, signed_by=[second])
    assert again["id"] == opened["id"]
    listed = await typed(at, "account", "identities", "list", signed_by=[])
    assert [it["address"] for it in listed] == [first.address, second.address]
    shown = await dml("whoami", DML_SERVER=at["DML_SERVER"], XDG_CONFIG_HOME=at["XDG_CONFIG_HOME"])
    assert opened["id"] in shown.out, shown


async def test_the_primary_wallet_is_the_one_that_was_chosen(
    market: Market, at: dict[str, str]
) -> None:
    ada, one, other = await market.world.person("ada"), Account.create(), Account.create()
    at = at | {"DML_TOKEN": ada.token, "DML_PASSWORD": PASSWORD}
    for account in (one, other):
        await typed(at, "wallet", "link", account.address, signed_by=[account])
    chosen = await typed(at, "wallet", "primary", other.address, signed_by=[])
    assert chosen["is_primary"] is True
    listed = await typed(at, "wallet", "list", signed_by=[])
    assert [(it["address"], it["is_primary"]) for it in listed] == [
        (one.address, False),
        (other.address, True),
    ]
    await typed(at, "wallet", "unlink", other.address, "--yes", signed_by=[])
    (left,) = await typed(at, "wallet", "list", signed_by=[])
    assert (left["address"], left["is_primary"]) == (one.address, True)
