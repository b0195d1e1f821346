"""`dml chain book-payout`, `give-up-nonce` and `accept-history`: an operator's repairs, audited.

Each first does everything in a transaction that is rolled back, to say what it would do, and then
again once that is confirmed. It may be killed at any moment.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeAlias

import typer
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.accounts import queries as account_queries
from dml.chain import addresses, queries
from dml.chain.ethereum import checksummed
from dml.chain.indexer import rereading
from dml.chain.models import Vault
from dml.chain.node import contract
from dml.chain.node.endpoints import Endpoints, NoNode
from dml.chain.node.rpc import FAULTS, Tag
from dml.chain.payer import operating, payout_facts
from dml.core.context import SYSTEM, Context
from dml.core.errors import DmlError
from dml.core.ids import VaultId
from dml.core.settings import Settings
from dml.entrypoints import chain_wiring, fitness, wiring
from dml.refused import Refused

Sessions: TypeAlias = async_sessionmaker[AsyncSession]
Act: TypeAlias = Callable[[Context], Awaitable[str]]


def book_payout(
    settings: Settings,
    number: int,
    *,
    user: str | None,
    from_revenue: bool,
    reason: str,
    yes: bool,
) -> int:
    """Book a payout that the chain has and the books lack. Return the exit code."""
    if user is not None and from_revenue:
        raise Refused("name a user, or let the platform bear it: not both")

    async def act(ctx: Context) -> str:
        missing = await operating.find_missing(ctx, number)
        user_id = None
        if user is not None:
            found = await account_queries.find_user(ctx.tx, user.lower())
            if found is None:
                raise Refused(f"there is no account with the address {user}")
            user_id = found.id
        account = await operating.find_payer(
            ctx, missing, user_id=user_id, from_revenue=from_revenue
        )
        return await operating.book_payout(ctx, missing, account, reason=reason)

    async def prepare(_: Sessions, __: Endpoints) -> Act:
        return act

    return _run(settings, yes, prepare)


def give_up_nonce(settings: Settings, sender: str, nonce: int, *, reason: str, yes: bool) -> int:
    """Put off batches signed by a retired key that are never mined. Return the exit code."""
    try:
        sender = addresses.parse(sender)
    except ValueError as error:
        raise Refused(f"{sender}: {error}") from error

    async def prepare(sessions: Sessions, endpoints: Endpoints) -> Act:
        async with sessions() as tx:
            found = await operating.find_by_nonce(_context(tx), sender, nonce)
            vaults = {it.batch.id: await queries.get_vault(tx, it.batch.vault_id) for it in found}
        paid = dict[object, frozenset[int]]()
        for it in found:
            vault = vaults[it.batch.id]
            keys, paid[it.batch.id] = await _ask_all(endpoints, vault, it.numbers)
            operating.require_retired(it, keys)

        async def act(ctx: Context) -> str:
            lines = []
            for it in found:
                batch_id = it.batch.id
                count = await operating.give_up(
                    ctx, batch_id, it.hashes, paid[batch_id], reason=reason
                )
                lines.append(f"{it.batch.reference} is given up; {count} withdrawals wait again")
            return "\n".join(lines)

        return act

    return _run(settings, yes, prepare)


def accept_history(settings: Settings, *, reason: str, yes: bool) -> int:
    """Accept another history than the one that was final. Return the exit code."""

    async def prepare(sessions: Sessions, endpoints: Endpoints) -> Act:
        async with sessions() as tx:
            vault = await queries.find_current_vault(tx)
        if vault is None:
            raise Refused("the vault was not reached yet: there is no history to change")
        read = await rereading.read(endpoints, vault)
        async with sessions() as tx:
            lost = await rereading.find_lost_payouts(tx, vault.id, read)
        if lost:
            sent = await rereading.send_again(sessions, endpoints, vault, lost)
            raise Refused(
                f"the new history lacks the payouts {lost}: {sent} signed transactions were sent "
                "again. Come back when they are final; nothing was changed"
            )
        vault_id: VaultId = vault.id

        async def act(ctx: Context) -> str:
            return await rereading.accept(ctx, vault_id, read, reason=reason)

        return act

    return _run(settings, yes, prepare)


def _run(
    settings: Settings, yes: bool, prepare: Callable[[Sessions, Endpoints], Awaitable[Act]]
) -> int:
    settings = chain_wiring.with_local_chain(settings)
    try:
        with fitness.asking():
            return asyncio.run(_decide(settings, yes, prepare))
    except DmlError as refusal:
        facts = ", ".join(f"{name}: {value}" for name, value in refusal.facts.items())
        detail = f"{refusal.reason} {refusal.remedy}" + (f" ({facts})" if facts else "")
        raise Refused(detail) from refusal
    except NoNode as error:
        raise Refused(f"the chain cannot be asked: {error.reason}") from error
    except FAULTS as error:
        raise Refused(f"the chain cannot be asked: {error}") from error


async def _decide(
    settings: Settings, yes: bool, prepare: Callable[[Sessions, Endpoints], Awaitable[Act]]
) -> int:
    engine = wiring.make_engine(settings, "dml chain repair")
    sessions = wiring.make_sessions(engine)
    try:
        async with _endpoints(settings) as endpoints:
            act = await prepare(sessions, endpoints)
        async with sessions() as tx:
            outcome = await act(_context(tx))  # Rolled back at the end.
        sys.stdout.write(f"{outcome}\n")
        if not yes and not await asyncio.to_thread(typer.confirm, "Is this to be done?"):
            sys.stdout.write("Nothing was changed.\n")
            return 1
        async with sessions.begin() as tx:
            await act(_context(tx))
        sys.stdout.write("Done.\n")
        return 0
    finally:
        await engine.dispose()


@asynccontextmanager
async def _endpoints(settings: Settings) -> AsyncIterator[Endpoints]:
    async with chain_wiring.open_endpoints(settings) as endpoints:
        if endpoints is None:
            raise Refused("there is no chain: set DML_CHAIN_URL, or let `dml up` start a local one")
        yield endpoints


def _context(tx: AsyncSession) -> Context:
    return Context(tx, SYSTEM, datetime.now(UTC))


async def _ask_all(
    endpoints: Endpoints, vault: Vault, numbers: Sequence[int]
) -> tuple[set[str], frozenset[int]]:
    """Ask every node that answers: who may pay from the vault, and which numbers it has paid.

    As of the last final block that was read; for the key also as of the head.
    """
    chosen = await endpoints.choose(
        at_least=vault.final_number, known=(vault.final_number, vault.final_hash)
    )
    head: Tag = "latest"
    keys, paid = set[str](), frozenset[int]()
    for node in endpoints.nodes:
        try:
            for at in (vault.final_number, head):
                call = contract.call("payoutKey()")
                answer = await node.call(vault.address, call, at=at)
                keys.add(checksummed(contract.read(["address"], answer)[0]))
            paid |= await payout_facts.find_paid(node, vault, numbers, at=vault.final_number)
        except FAULTS:
            if node is chosen.node:
                raise
    return keys, paid
