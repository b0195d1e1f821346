"""`dml chain status`: where the chain is, how far it was read, and who pays."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from dml.chain import queries
from dml.chain.ethereum import checksummed
from dml.chain.models import Vault
from dml.chain.node import contract
from dml.chain.node.rpc import FAULTS, BlockHead, Node
from dml.chain.payer import queries as batch_queries
from dml.chain.rules import NotConnected
from dml.core import money, nodes
from dml.core.settings import Settings
from dml.entrypoints import chain_wiring, fitness, wiring
from dml.refused import Refused

_COIN: Final = 10**18


def run(settings: Settings, *, as_json: bool) -> int:
    """Show the state of chain, vault and payouts. Return the exit code."""
    settings = chain_wiring.with_local_chain(settings)
    if settings.chain_url is None:
        raise Refused("there is no chain: set DML_CHAIN_URL, or let `dml up` start a local one")
    with fitness.asking():
        found = asyncio.run(look(settings))
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        _show(found)
    return 1 if found["trouble"] else 0


async def look(settings: Settings) -> dict[str, Any]:
    """Collect the state from the database and from each node."""
    engine = wiring.make_engine(settings, "dml chain status")
    try:
        async with wiring.make_sessions(engine)() as tx:
            vault, processes = await _vault(tx), await nodes.alive(tx, "chain")
            batches = await _open_batches(tx)
        async with chain_wiring.open_endpoints(settings) as endpoints:
            assert endpoints is not None
            asked = [await _ask(it, vault) for it in endpoints.nodes]
            return _status(vault, processes, asked) | {"open_batches": batches}
    finally:
        await engine.dispose()


async def _vault(tx: AsyncSession) -> Vault | None:
    try:
        return await queries.get_current_vault(tx)
    except NotConnected:
        return None


async def _open_batches(tx: AsyncSession) -> list[str]:
    """Describe open batches, also of former vaults: each signed transaction by its nonce."""
    lines = []
    for vault in reversed(await queries.list_vaults(tx)):
        for it in await batch_queries.list_open(tx, vault.id):
            signed = sorted({f"{tx.sender} nonce {tx.nonce}" for tx in it.transactions})
            what = f"{len(it.waiting)} of {it.batch.count} withdrawals from {vault.address}"
            lines.append(f"{it.batch.id}: {what}; {', '.join(signed) or 'nothing signed'}")
    return lines


async def _ask(node: Node, vault: Vault | None) -> dict[str, Any]:
    try:
        chain_id, head = await node.chain_id(), await node.block("latest")
        facts = {"node": node.name, "chain_id": chain_id, "head": _number(head), "trouble": None}
        facts["final"] = _number(await node.block("finalized"))
        if vault is not None:
            answer = await node.call(vault.address, contract.call("payoutKey()"))
            payer = checksummed(contract.read(["address"], answer)[0])
            facts |= {"payer": payer, "payer_wei": str(await node.coins(payer))}
    except FAULTS as error:
        return {"node": node.name, "trouble": str(error)}
    return facts


def _number(block: BlockHead | None) -> int | None:
    return None if block is None else block.number


def _status(
    vault: Vault | None, processes: list[nodes.Node], asked: list[dict[str, Any]]
) -> dict[str, Any]:
    problems = [f"{it['node']}: {it['trouble']}" for it in asked if it["trouble"]]
    if not any(it.facts.get("works") for it in processes):
        problems.append("no process reads the chain: start `dml chain run`")
    status: dict[str, Any] = {"nodes": asked, "processes": [it.name for it in processes]}
    if vault is None:
        problems.append("the vault was not reached yet")
    else:
        halted = "halted" if vault.halted_at else "reading has stopped"
        for what, why in (
            (halted, vault.reading_error),
            ("nothing is paid out", vault.paying_error),
            ("chain and books differ", vault.difference),
        ):
            if why is not None:
                problems.append(f"{what}: {why}")
        status |= {
            "vault": vault.address,
            "token": vault.token,
            "symbol": vault.token_symbol,
            "daily_limit": money.render(vault.daily_limit),
            "balance": None if vault.balance is None else money.render(vault.balance),
            "compared_at": _time(vault.compared_at),
            "read_up_to": vault.final_number,
            "final_lag": max(0, vault.chain_final_number - vault.final_number),
            "deposits": vault.last_ordinal,
            "read_at": _time(vault.read_at),
        }
    return {**status, "trouble": problems}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


def _show(found: dict[str, Any]) -> None:
    table = Table("what", "how it is", show_header=False)
    for node in found["nodes"]:
        said = node["trouble"] or (
            f"chain {node['chain_id']}, head {node['head']}, final {node['final']}"
        )
        table.add_row(f"node {node['node']}", said)
    if "vault" in found:
        table.add_row("vault", found["vault"])
        table.add_row("token", f"{found['token']} ({found['symbol']})")
        table.add_row("read up to block", f"{found['read_up_to']}, {found['final_lag']} to go")
        table.add_row("deposits", str(found["deposits"]))
        compared = f"{found['balance']}, compared {found['compared_at']}"
        table.add_row("balance", compared if found["compared_at"] else "not compared yet")
        table.add_row("limit a day", found["daily_limit"])
    payer = next((it for it in found["nodes"] if "payer" in it), None)
    if payer is not None:
        coins = int(payer["payer_wei"]) / _COIN
        table.add_row("payer", f"{payer['payer']}, {coins:.6f} coins for gas")
    table.add_row("open batches", "\n".join(found["open_batches"]) or "none")
    table.add_row("processes", "\n".join(found["processes"]) or "none")
    table.add_row("trouble", "\n".join(found["trouble"]) or "none")
    Console().print(table)
