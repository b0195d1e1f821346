"""Compares vault and books. While they differ nothing is paid out, and operators are alerted.

Both are compared as of one moment: the last final block that was read, up to which deposits are
credited and payouts settled. A node that does not answer counts as no difference.

Books that were restored from a backup know less than the vault. They wait for a comparison at what
is final now, with nothing of the payer's on its way: then all that was ever paid is known to them.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.chain.comparison import queries as comparison_queries
from dml.chain.ethereum import checksummed
from dml.chain.events import VaultAgreesAgain, VaultDiffers
from dml.chain.indexer import statements
from dml.chain.models import Vault
from dml.chain.node import contract
from dml.chain.node.contract import Totals
from dml.chain.node.endpoints import Chosen, Endpoints, NoNode
from dml.chain.node.rpc import FAULTS, Node
from dml.chain.payer.payout_facts import RESTORED
from dml.core import events, metrics
from dml.core.context import SYSTEM, Context
from dml.core.ids import VaultId
from dml.core.money import MicroTokens, render

log = logging.getLogger(__name__)

TRIES: Final = 3  # The books may move to a later block while the node is asked.


@dataclass(frozen=True, slots=True)
class Held:
    """What the chain says of a vault at a block."""

    number: int
    totals: Totals
    balance: MicroTokens
    daily_limit: MicroTokens
    is_all: bool = False  # Nothing is final above this block, nor on its way. Asked when needed.


async def compare(
    sessions: async_sessionmaker[AsyncSession], endpoints: Endpoints, vault_id: VaultId
) -> str | None:
    """Return how vault and books differ, and record it; None if they agree.

    If no node can be asked now, the last answer is returned.
    """
    for _ in range(TRIES):
        async with sessions() as tx:
            vault = await statements.get_vault(tx, vault_id)
        held = await _ask(endpoints, vault)
        if held is None:
            return vault.difference
        async with sessions.begin() as tx:
            ctx = Context(tx, SYSTEM, datetime.now(UTC))
            locked = await statements.get_vault(tx, vault_id, lock=True)
            settled = await statements.get_last_settled(tx, locked)
            if locked.final_number == held.number == settled:
                difference = "; ".join(await _differences(ctx, locked, held)) or None
                await _write_down(ctx, locked, held, difference)
                return difference
    return vault.difference


async def _ask(endpoints: Endpoints, vault: Vault) -> Held | None:
    """Return the vault's state at the last final block that was read; None if it can't be asked."""
    node: Node | None = None
    number = vault.final_number
    try:
        chosen = await endpoints.choose(at_least=number, known=(number, vault.final_hash))
        node = chosen.node
        answer = await _call(node, vault.address, "totals()", number)
        if not answer and not await node.code(vault.address, number):
            return None  # Its deployment is not final yet: there is nothing to compare.
        totals = contract.read_totals(answer)
        limit = await _call(node, vault.address, "limit()", number)
        daily, _, _ = contract.read(["uint64", "uint128", "uint64"], limit)
        asked = contract.call("balanceOf(address)", vault.address)
        (units,) = contract.read(["uint256"], await node.call(vault.token, asked, at=number))
        is_all = vault.restored_at is not None and await _is_all(endpoints, chosen, vault)
    except NoNode as error:
        log.warning("vault and books were not compared: %s", error.reason)
        return None
    except FAULTS as error:
        assert node
        endpoints.failed(node, str(error))
        return None
    balance = contract.bounded(units // vault.scale)
    limited = MicroTokens(contract.bounded(daily))
    return Held(number, totals, MicroTokens(balance), limited, is_all)


async def _is_all(endpoints: Endpoints, chosen: Chosen, vault: Vault) -> bool:
    """Whether nothing was paid, nor can be any more, that a comparison at this block does not see.

    What was sent before the books were restored is in none of them: so no node that answers may
    know of a transaction of the payer's that is not final.
    """
    number = vault.final_number
    if chosen.final.number > number:
        return False  # It is still read.
    answer = await _call(chosen.node, vault.address, "payoutKey()", number)
    payer = checksummed(contract.read(["address"], answer)[0])
    final = await chosen.node.nonce(payer, number)
    if await chosen.node.nonce(payer, "pending") != final:
        return False
    for other in endpoints.nodes:
        with suppress(*FAULTS):  # It is away.
            if other is not chosen.node and await other.nonce(payer, "pending") > final:
                return False
    return True


async def _call(node: Node, address: str, signature: str, at: int) -> bytes:
    return await node.call(address, contract.call(signature), at=at)


async def _differences(ctx: Context, vault: Vault, held: Held) -> list[str]:
    found = list[str]()
    read, totals = await statements.sums(ctx.tx, vault.id, held.number), held.totals
    if totals.deposits != read.deposits:
        found.append(f"the vault counts {totals.deposits} deposits, the books {read.deposits}")
    if totals.deposited != read.deposited:
        found.append(
            f"deposited were {_say(totals.deposited)}, in the books {_say(read.deposited)}"
        )
    if totals.payouts != read.payouts:
        found.append(f"the vault counts {totals.payouts} payouts, the books {read.payouts}")
    if totals.paid_out != read.paid_out:
        found.append(f"paid out were {_say(totals.paid_out)}, in the books {_say(read.paid_out)}")
    own = totals.deposited - totals.paid_out
    if held.balance < own:
        found.append(f"the vault holds {_say(held.balance)}, by its own count {_say(own)}")
    if here := await comparison_queries.name_paid_by_vault_alone(ctx.tx, vault.id):
        found.append(f"the vault paid what the books did not: {here}")
    if there := await comparison_queries.name_paid_by_books_alone(ctx.tx):
        found.append(f"the books paid what no vault did: {there}")
    if uncovered := await _uncovered(ctx, vault, held):
        found.append(uncovered)
    return found


async def _uncovered(ctx: Context, vault: Vault, held: Held) -> str:
    """Say how much more is owed than held, and what of it admins credited; "" if nothing is."""
    owed = await comparison_queries.get_owed(ctx.tx, vault.id)
    missing = owed.owed - held.balance - owed.elsewhere
    if missing <= 0:
        return ""
    text = f"the books owe {_say(owed.owed)}, {_say(missing)} more than the vault holds"
    if not owed.credits:
        return text
    named = await comparison_queries.name_credits(ctx.tx)
    return f"{text}; admins credited {_say(owed.credits)} that nobody paid in: {named}"


async def _write_down(ctx: Context, vault: Vault, held: Held, difference: str | None) -> None:
    before = vault.difference
    vault.balance, vault.daily_limit, vault.compared_at = held.balance, held.daily_limit, ctx.now
    own = held.totals.deposited - held.totals.paid_out
    vault.surplus = MicroTokens(max(0, held.balance - own))
    vault.difference = difference
    if vault.is_current:
        metrics.CHAIN_DIFFERS.set(difference is not None)
    if difference is None:
        vault.differs_since = None
        if held.is_all and vault.restored_at is not None:
            vault.restored_at, before = None, before or RESTORED
        if before is not None:
            await events.record(ctx, VaultAgreesAgain(vault.id), reason=before)
            log.warning("vault and books agree again")
        return
    if before is None:
        vault.differs_since = ctx.now
    if difference != before:
        await events.record(ctx, VaultDiffers(vault.id), reason=difference)
        log.critical("vault and books differ, so nothing is paid out: %s", difference)


def _say(amount: int) -> str:
    return render(MicroTokens(amount))
