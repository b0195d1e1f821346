"""Reads the chain: what the vault logged, in which block, and what of it is final.

A pass asks one node only. Up to the final block it reads ranges; above it, block by block, with
logs by block hash, so that header and logs are of one branch. After a reorganisation it rolls back
to the block where both branches meet. Then it credits and settles what is final, once the vault's
own totals show that no log was hidden or made up. No node is asked inside a transaction, and each
transaction checks, under the lock on the vault's row, that nobody else wrote meanwhile. See
docs/decisions/0016.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.chain.events import VaultHalted, VaultResumed
from dml.chain.indexer import crediting, registering, statements
from dml.chain.indexer.crediting import Distrusted, Overtaken
from dml.chain.indexer.statements import Found
from dml.chain.models import Block, Vault
from dml.chain.node import contract
from dml.chain.node.contract import Deposited, Garbled, Log, PaidOut, PayoutRefused, Totals
from dml.chain.node.endpoints import LOOK_SECONDS, Chosen, Endpoints, FinalBlockChanged, NoNode
from dml.chain.node.rpc import FAULTS, BlockHead, Node, NodeAway, NodeRefused
from dml.core import events, metrics
from dml.core.context import SYSTEM, Context
from dml.core.ids import VaultId
from dml.core.money import MicroTokens

log = logging.getLogger(__name__)

SPAN_START: Final = 2_000  # Blocks asked for at once, below the final one.
SPAN_MAX: Final = 10_000
LOGS_AIM: Final = 2_000  # If an answer has more, the next request is for fewer blocks.
AWAY_MAX: Final = 2  # How often fewer blocks are tried when a node does not answer.
AHEAD: Final = 16  # Blocks above the final one that are asked for together.
READ_AT_EVERY: Final = timedelta(seconds=5)  # How old `read_at` may become while all is well.

BookingStep: TypeAlias = Callable[[Context, VaultId, int, int], Awaitable[int]]


class Reorganised(Exception):
    """The chain changed during the pass. The next one rolls back."""


class Halted(Exception):
    """Something that was settled is no longer on the chain."""


@dataclass(slots=True)
class PassReport:
    """What a pass found. `error`: why it failed."""

    head: int = 0
    final: int = 0
    seen: int = 0
    orphaned: int = 0
    credited: int = 0
    settled: int = 0
    error: str | None = None
    is_whole: bool = False  # Whether it came to its end.


@dataclass(slots=True)
class Part:
    """What some blocks hold: their logs in order, and the blocks kept to compare with later."""

    blocks: Sequence[BlockHead]
    deposits: list[Found] = field(default_factory=list)
    payouts: list[tuple[Log, PaidOut | PayoutRefused]] = field(default_factory=list)


class Indexer:
    """Reads one vault. Several at once are safe, and no faster."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        endpoints: Endpoints,
        *,
        vault: str,
        start_block: int,
        vault_id: VaultId | None = None,
    ) -> None:
        """Without a `vault_id`, call `register` first: it makes the vault the current one."""
        self._sessions, self._endpoints = sessions, endpoints
        self._address, self._start_block = vault, start_block
        self._vault_id = vault_id
        self._span = SPAN_START

    async def register(self) -> VaultId:
        """Learn what the vault and its token are, and make it the current one.

        NoNode where no node can be asked, or there is no vault at the address.
        """
        chosen = await self._endpoints.choose()
        try:
            facts = await registering.ask(chosen, self._address, self._start_block)
        except FAULTS as error:
            self._endpoints.failed(chosen.node, str(error))
            raise NoNode(f"{chosen.node.name}: {error}") from error
        async with self._sessions.begin() as tx:
            self._vault_id = await registering.keep(
                tx, self._address, self._start_block, facts, datetime.now(UTC)
            )
        return self._vault_id

    async def run_pass(self) -> PassReport:
        """Read what is new, credit what is final, and record how it went."""
        async with self._sessions() as tx:
            vault = await statements.get_vault(tx, self._id)
        report = PassReport()
        node: Node | None = None
        try:
            known = (vault.final_number, vault.final_hash)
            chosen = await self._endpoints.choose(at_least=vault.final_number, known=known)
            node, report.head = chosen.node, chosen.head.number
            report.final = chosen.final.number
            await self._pass(vault, chosen, report)
            report.is_whole = True
        except (FinalBlockChanged, Halted) as error:
            report.error = str(error)
            await self._halt(report.error)
        except NoNode as error:
            report.error = error.reason
        except Distrusted as error:
            assert node
            report.error = f"{node.name} cannot be believed: {error}"
            self._endpoints.failed(node, str(error))
            await self._forget(report)
        except FAULTS as error:
            assert node
            report.error = f"{node.name}: {error}"
            self._endpoints.failed(node, str(error))
        except (Reorganised, Overtaken) as error:
            log.info("the pass ended early: %s", type(error).__name__)
        await self._note(report)
        return report

    @property
    def _id(self) -> VaultId:
        assert self._vault_id, "register() first"
        return self._vault_id

    async def _pass(self, vault: Vault, chosen: Chosen, report: PassReport) -> None:
        top = await self._roll_back(vault, chosen, report)
        await self._resume(vault)
        while top.number < chosen.final.number:
            part = await self._read_range(chosen, top)
            top = await self._store(top, part, report)
        while top.number < chosen.head.number:
            part = await self._read_ahead(chosen, top)
            top = await self._store(top, part, report)
        await self._finalise(vault, chosen, report)

    # --- Where two branches meet -----------------------------------------------------------------

    async def _roll_back(self, vault: Vault, chosen: Chosen, report: PassReport) -> Block:
        """Drop what is no longer on the chain. Return the highest block that is kept."""
        async with self._sessions() as tx:
            blocks = await statements.list_blocks(tx, vault.id)
        if blocks[0].number != vault.final_number:
            raise Overtaken
        # A node that is behind us says nothing of the blocks above its head.
        reported = [it for it in blocks if it.number <= chosen.head.number]
        if not reported or await self._has(chosen.node, reported[-1]):
            return blocks[-1]
        # The final block is there: `choose` saw it. Search by halves for the last one that is.
        there, gone = 0, len(reported) - 1
        while gone - there > 1:
            middle = (there + gone) // 2
            is_there = await self._has(chosen.node, reported[middle])
            there, gone = (middle, gone) if is_there else (there, middle)
        base = reported[there]
        async with self._holding(blocks[-1]) as ctx:
            if await statements.get_last_settled(ctx.tx, vault) > base.number:
                raise Halted(f"blocks above {base.number} were settled, and are gone")
            reason = f"reorganisation of {blocks[-1].number - base.number} blocks"
            dropped = await statements.drop_above(ctx, vault.id, base.number, reason=reason)
            report.orphaned += dropped
        log.warning("%s above block %d: %d deposits", reason, base.number, report.orphaned)
        return base

    async def _has(self, node: Node, block: Block) -> bool:
        found = await node.block(block.number)
        return found is not None and found.hash == block.hash

    async def _forget(self, report: PassReport) -> None:
        """Drop everything that is not settled, to read it again, perhaps from another node."""
        async with self._sessions.begin() as tx:
            vault = await statements.get_vault(tx, self._id, lock=True)
            settled = await statements.get_last_settled(tx, vault)
            ctx = Context(tx, SYSTEM, datetime.now(UTC))
            gone = await statements.drop_above(ctx, vault.id, settled, reason="read again")
            report.orphaned += gone

    # --- Reading ---------------------------------------------------------------------------------

    async def _read_range(self, chosen: Chosen, top: Block) -> Part:
        """Ask for as many final blocks as the node can answer for at once."""
        away = 0
        while True:
            last = min(top.number + self._span, chosen.final.number)
            try:
                logs = await chosen.node.logs(
                    self._address, contract.topics(), first=top.number + 1, last=last
                )
            except (NodeRefused, NodeAway) as error:
                away += isinstance(error, NodeAway)
                if last == top.number + 1 or away > AWAY_MAX:
                    raise
                self._span = max(1, (last - top.number) // 2)
                continue
            if len(logs) > LOGS_AIM:
                self._span = max(1, self._span // 2)
            elif len(logs) < LOGS_AIM // 4:
                self._span = min(SPAN_MAX, self._span * 2)
            end = chosen.final
            if last < end.number:
                found = await chosen.node.block(last)
                if found is None:
                    raise Garbled(f"has no block {last}")
                end = found
            if any(it.block_number == end.number and it.block_hash != end.hash for it in logs):
                raise Garbled(f"logs of another block {last}")
            return read_part([end], logs)

    async def _read_ahead(self, chosen: Chosen, top: Block) -> Part:
        """Ask for some blocks that are not final, each the child of the one before."""
        numbers = range(top.number + 1, min(top.number + AHEAD, chosen.head.number) + 1)
        found = await asyncio.gather(*(chosen.node.block(it) for it in numbers))
        blocks, parent = list[BlockHead](), top.hash
        for it in found:
            if it is None or it.parent_hash != parent:
                raise Reorganised
            blocks.append(it)
            parent = it.hash
        topics = contract.topics()
        logs = await asyncio.gather(
            *(chosen.node.logs(self._address, topics, block_hash=it.hash) for it in blocks)
        )
        for block, its in zip(blocks, logs, strict=True):
            if any(it.block_number != block.number for it in its):
                raise Garbled(f"logs of block {block.number} with another number")
        return read_part(blocks, [it for its in logs for it in its])

    async def _store(self, top: Block, part: Part, report: PassReport) -> Block:
        """Keep a part in one transaction. Distrusted where its deposits are not the next ones."""
        async with self._holding(top) as ctx:
            vault = await statements.get_vault(ctx.tx, self._id)
            newest = await statements.newest_ordinal(ctx.tx, vault)
            ordinals = [it.event.ordinal for it in part.deposits]
            if ordinals != list(range(newest + 1, newest + 1 + len(ordinals))):
                hint = "" if newest else " (is the start block above the first deposit?)"
                detail = f"deposits {ordinals[:5]} do not follow upon number {newest}{hint}"
                raise Distrusted(detail)
            seen = await statements.see(ctx, vault.id, part.deposits)
            if seen != len(part.deposits):
                raise Distrusted("a deposit is in two blocks")
            await statements.note_payouts(ctx.tx, vault.id, part.payouts)
            kept = [Block(vault_id=vault.id, number=it.number, hash=it.hash) for it in part.blocks]
            ctx.tx.add_all(kept)
        report.seen += seen
        return kept[-1]

    @asynccontextmanager
    async def _holding(self, top: Block) -> AsyncIterator[Context]:
        """Open a transaction if this is still the highest block that was read; else Overtaken."""
        async with self._sessions.begin() as tx:
            vault = await statements.get_vault(tx, self._id, lock=True)
            there = await statements.top(tx, vault.id)
            if (there.number, there.hash) != (top.number, top.hash):
                raise Overtaken
            yield Context(tx, SYSTEM, datetime.now(UTC))

    # --- What is final ---------------------------------------------------------------------------

    async def _finalise(self, vault: Vault, chosen: Chosen, report: PassReport) -> None:
        async with self._sessions() as tx:
            blocks = await statements.list_blocks(tx, vault.id)
        final = max(
            (it for it in blocks if it.number <= chosen.final.number),
            key=lambda it: it.number,
            default=blocks[0],
        )
        base = vault.final_number
        if final.number <= base:
            return
        if final.number == chosen.final.number and final.hash != chosen.final.hash:
            raise Reorganised
        totals = await self._totals(chosen.node, final.number)
        async with self._sessions() as tx:
            read = await statements.sums(tx, vault.id, final.number)
        crediting.require_added_up(
            (totals.deposits, totals.deposited, totals.payouts, totals.paid_out), read, final.number
        )
        await self._require_no_other_totals(chosen.node, final, totals)
        while credited := await self._step(crediting.credit_next, base, final):
            report.credited += credited
            metrics.DEPOSITS_CREDITED.inc(by=credited)
        while settled := await self._step(crediting.settle_next_payouts, base, final):
            report.settled += settled
        async with self._sessions.begin() as tx:
            ctx = Context(tx, SYSTEM, datetime.now(UTC))
            await crediting.move_cursor(ctx, vault.id, base, final)

    async def _totals(self, node: Node, at: int) -> Totals:
        """Ask for the vault's totals at a block: zeros where it was not deployed yet."""
        answer = await node.call(self._address, contract.call("totals()"), at=at)
        if not answer and not await node.code(self._address, at):
            return Totals(0, MicroTokens(0), 0, MicroTokens(0))
        return contract.read_totals(answer)

    async def _require_no_other_totals(self, asked: Node, final: Block, totals: Totals) -> None:
        """Ask the other nodes, too: who makes up logs may make up totals. NoNode if they differ."""
        others = [it for it in self._endpoints.nodes if it is not asked]
        found = await asyncio.gather(*(self._totals_elsewhere(it, final) for it in others))
        for node, there in zip(others, found, strict=True):
            if there not in (None, totals):
                names = f"{asked.name} and {node.name}"
                raise NoNode(f"{names} tell different totals of the vault at block {final.number}")

    async def _totals_elsewhere(self, node: Node, final: Block) -> Totals | None:
        """Return another node's totals at this very block; None where it does not answer."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                known = await self._has(node, final)
                return await self._totals(node, final.number) if known else None
        except (*FAULTS, TimeoutError):
            return None  # It is away, keeps no old states, or is behind.

    async def _step(self, step: BookingStep, base: int, final: Block) -> int:
        async with self._sessions.begin() as tx:
            ctx = Context(tx, SYSTEM, datetime.now(UTC))
            return await step(ctx, self._id, base, final.number)

    # --- How it went -----------------------------------------------------------------------------

    async def _halt(self, reason: str) -> None:
        async with self._sessions.begin() as tx:
            vault = await statements.get_vault(tx, self._id, lock=True)
            if vault.halted_at is not None:
                return
            ctx = Context(tx, SYSTEM, datetime.now(UTC))
            vault.halted_at = ctx.now
            await events.record(ctx, VaultHalted(vault.id), reason=reason)
        log.critical("the chain is not read any further: %s", reason)

    async def _resume(self, vault: Vault) -> None:
        """Go on after a halt: the chain has everything again that was settled."""
        if vault.halted_at is None:
            return
        async with self._sessions.begin() as tx:
            vault = await statements.get_vault(tx, self._id, lock=True)
            vault.halted_at = None
            ctx = Context(tx, SYSTEM, datetime.now(UTC))
            await events.record(ctx, VaultResumed(vault.id))
        log.warning("the chain is read again: its final blocks are what they were")

    async def _note(self, report: PassReport) -> None:
        """Record where the chain is and how the pass went, if that has changed."""
        now = datetime.now(UTC)
        async with self._sessions.begin() as tx:
            vault = await statements.get_vault(tx, self._id)
            heads = (report.head or vault.head_number, report.final or vault.chain_final_number)
            is_news = (vault.reading_error, vault.head_number, vault.chain_final_number) != (
                report.error,
                *heads,
            )
            is_old = vault.read_at is None or now - vault.read_at >= READ_AT_EVERY
            if is_news or (is_old and report.is_whole):
                vault.reading_error, (vault.head_number, vault.chain_final_number) = (
                    report.error,
                    heads,
                )
                if report.is_whole:
                    vault.read_at = now
            if vault.is_current:
                metrics.CHAIN_HEAD.set(heads[0])
                metrics.CHAIN_LAG.set(max(0, heads[1] - vault.final_number))
                metrics.CHAIN_HALTED.set(vault.halted_at is not None)


def read_part(blocks: Sequence[BlockHead], logs: Sequence[Log]) -> Part:
    """Read logs, and count the deposits of each transaction from 0."""
    part, counts = Part(blocks), Counter[str]()
    for it in logs:
        event = contract.read_event(it)
        if isinstance(event, Deposited):
            part.deposits.append(Found(it, counts[it.tx_hash], event))
            counts[it.tx_hash] += 1
        else:
            part.payouts.append((it, event))
    return part
