"""Pays withdrawals: signs batches, sends them until one is mined, and closes them when final.

Nothing is kept in memory between steps, so the process may die anywhere: each step reads the books
and the chain, and does what is missing. A transaction is in the books before it is sent, so
everything that may be mined is known. It does not matter which of several is mined, or how often:
the vault pays each number only once. The indexer settles what the vault has paid; here a batch is
closed once none of its transactions can be mined any more. See docs/decisions/0015 and 0016.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.chain.ethereum import keccak
from dml.chain.indexer import statements
from dml.chain.models import SignedTransaction, Vault
from dml.chain.node import contract
from dml.chain.node.contract import Payout
from dml.chain.node.endpoints import Chosen, Endpoints, NoNode
from dml.chain.node.rpc import FAULTS, Node, NodeRefused
from dml.chain.payer import batches, fees, payout_facts, queries as batch_queries
from dml.chain.payer.batches import BatchTerms, Ended
from dml.chain.payer.fees import Fees
from dml.chain.payer.payout_facts import BatchOutcome, VaultFacts
from dml.chain.payer.queries import OpenBatch
from dml.chain.payer.signers import Signer, SignerAway, Transaction
from dml.core import tracing
from dml.core.context import SYSTEM, Context
from dml.core.ids import BatchId, VaultId

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 15.0  # How often the vault is read while there is nothing to pay.
REASON_MAX: Final = 500  # Characters that are kept of a problem's text.
GAS_MIN: Final = fees.gas_limit(100_000)  # Of a batch of one.
# What nodes answer to a transaction that they know, or that is mined: this is no problem.
_FINE: Final = ("already known", "already imported", "known transaction", "nonce too low")


@dataclass(slots=True)
class _Sight:
    """What one step sees. `problems`: why something was not done."""

    chosen: Chosen
    vault: Vault
    facts: VaultFacts
    fees: Fees | None  # At the market; None where the base fee is above the cap.
    hindrance: str | None
    signed: list[int] = field(default_factory=list)  # Our nonces that can still be mined.
    final_nonces: dict[str, int] = field(default_factory=dict)  # By sender: how many are final.
    problems: list[str] = field(default_factory=list)

    @property
    def node(self) -> Node:
        return self.chosen.node

    @property
    def next_nonce(self) -> int:
        """The first nonce that neither the chain nor a transaction of ours has used.

        Pending transactions that others have sent with our key are not counted: the higher fee
        wins, and if ours loses it is signed again.
        """
        return max([self.facts.nonce, *(it + 1 for it in self.signed)])


class Payer:
    """Pays from one vault. Several at once are safe, but waste gas."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        endpoints: Endpoints,
        vault_id: VaultId,
        signer: Signer,
        terms: BatchTerms,
        *,
        begins: bool = True,
    ) -> None:
        """Without `begins` it only ends open batches, as those of a former vault."""
        self._begins = begins
        self._sessions, self._endpoints = sessions, endpoints
        self._vault_id, self._signer, self._terms = vault_id, signer, terms
        self._asked_at = float("-inf")

    async def step(self) -> Literal["idle"] | None:
        """Do what can be done now, and record why the rest can't be. `idle`: there is nothing."""
        async with self._sessions() as tx:
            is_idle = await batch_queries.is_idle(tx, self._vault_id)
            if is_idle and self._asked_lately():
                return "idle"
            vault = await statements.get_vault(tx, self._vault_id)
        chosen: Chosen | None = None
        try:
            known = (vault.final_number, vault.final_hash)
            chosen = await self._endpoints.choose(at_least=vault.final_number, known=known)
            problem = await self._pass(vault, chosen)
        except NoNode as error:
            problem = error.reason
        except SignerAway as error:
            problem = str(error)
        except FAULTS as error:
            assert chosen
            problem = f"{chosen.node.name}: {error}"
            self._endpoints.failed(chosen.node, str(error))
        await self._note(vault, problem and problem[:REASON_MAX])
        return "idle" if is_idle else None

    def _asked_lately(self) -> bool:
        """Whether a vault with nothing to pay was asked a short while ago."""
        if time.monotonic() - self._asked_at < IDLE_SECONDS:
            return True
        self._asked_at = time.monotonic()
        return False

    async def _pass(self, vault: Vault, chosen: Chosen) -> str | None:
        facts = await payout_facts.ask(chosen, vault, self._signer.address)
        sight = _Sight(
            chosen,
            vault,
            facts,
            fees.at_market(chosen.head.base_fee, facts.tip, self._terms.max_fee),
            facts.hindrance(vault, self._signer.address),
        )
        await self._note_limit(sight)
        async with self._sessions() as tx:
            found = await batch_queries.list_open(tx, vault.id)
        sight.signed = [tx.nonce for it in found for tx in self._alive(sight, it)]
        waits, still_open = False, list[BatchId]()
        for it in found:
            if await self._conclude(sight, it):
                continue
            still_open.append(it.batch.id)
            is_mined = await self._is_mined(sight, it)
            waits = waits or not is_mined
            if sight.hindrance is None:
                await self._push(sight, it, is_mined=is_mined)
        if self._begins and not waits and sight.hindrance is None:
            await self._begin(sight, still_open)
        found_wrong = ([sight.hindrance] if sight.hindrance else []) + sight.problems
        return "; ".join(dict.fromkeys(found_wrong)) or None

    # --- A batch under way -----------------------------------------------------------------------

    def _alive(self, sight: _Sight, it: OpenBatch) -> list[SignedTransaction]:
        """Return the transactions that can still be mined, by the chain's head."""
        mine = self._signer.address
        return [tx for tx in it.transactions if tx.sender == mine and tx.nonce >= sight.facts.nonce]

    async def _is_mined(self, sight: _Sight, it: OpenBatch) -> bool:
        alive = self._alive(sight, it)
        for tx in it.transactions:
            if tx not in alive and await sight.node.receipt(tx.hash) is not None:
                return True
        return False

    async def _push(self, sight: _Sight, it: OpenBatch, *, is_mined: bool) -> None:
        """Make sure that some signed transaction of the batch can be mined."""
        newest = {tx.nonce: tx for tx in self._alive(sight, it)}  # The last of each nonce.
        if not newest:
            if not is_mined:  # None was signed, or others used the nonces.
                await self._sign(sight, it, sight.next_nonce)
            return
        first = newest[min(newest)]
        if self._is_stuck(first):
            if sight.facts.nonce not in sight.signed:
                # A lower nonce is unused, so this can't be mined: a block was dropped.
                await self._sign(sight, it, sight.facts.nonce)
                return
            if first.nonce == sight.facts.nonce and await self._replace(sight, it, first):
                return
        for tx in newest.values():
            if not await payout_facts.is_known(sight.node, tx.hash):
                await self._send(sight, tx)

    def _is_stuck(self, tx: SignedTransaction) -> bool:
        if tx.send_error is not None and "underpriced" in tx.send_error:
            return True
        return _now() - tx.signed_at >= timedelta(seconds=self._terms.stuck_seconds)

    async def _replace(self, sight: _Sight, it: OpenBatch, before: SignedTransaction) -> bool:
        """Sign the batch again with the same nonce and higher fees. Return whether it was."""
        offered = Fees(before.max_fee, before.priority_fee)
        market = sight.fees and fees.raised(offered, sight.fees, self._terms.max_fee)
        if market is None:
            sight.problems.append("a transaction is stuck, and gas costs more than is allowed")
            return False
        return await self._sign(sight, it, before.nonce, market)

    async def _sign(
        self, sight: _Sight, it: OpenBatch, nonce: int, offer: Fees | None = None
    ) -> bool:
        """Sign what is not paid yet of a batch, keep and send it. Return whether it was signed."""
        offer = offer or sight.fees
        if offer is None:
            sight.problems.append("gas costs more than is allowed")
            return False
        if not it.transactions and await self._renumber(sight, it):
            return False
        data = contract.pay_out(_payouts(it))
        try:
            estimate = await sight.node.estimate_gas(
                self._signer.address, sight.vault.address, data
            )
        except NodeRefused as error:
            if not error.data and "gas" in error.message.lower() and await self._halve(it):
                return False
            why = contract.explain(error.data) if error.data else str(error)
            sight.problems.append(f"the batch cannot be sent: {why}")
            return False
        gas = fees.gas_limit(estimate)
        if gas > fees.TRANSACTION_GAS_MAX and await self._halve(it):
            return False
        if gas * offer.max_fee > sight.facts.coins:
            sight.problems.append(_poor(self._signer.address, gas * offer.max_fee))
            return False
        raw = await self._signer.sign(
            Transaction(
                chain_id=sight.vault.chain_id,
                nonce=nonce,
                to=sight.vault.address,
                data=data,
                gas=gas,
                max_fee=offer.max_fee,
                priority_fee=offer.priority_fee,
            )
        )
        signed = SignedTransaction(
            hash="0x" + keccak(raw).hex(),
            batch_id=it.batch.id,
            sender=self._signer.address,
            nonce=nonce,
            raw=raw,
            gas=gas,
            max_fee=offer.max_fee,
            priority_fee=offer.priority_fee,
            signed_at=_now(),
        )
        async with self._sessions.begin() as tx:
            kept = await batches.keep_signed(_system(tx), it, signed)
        if kept:
            sight.signed.append(nonce)
            with tracing.span("chain transaction", await self._trace(it), hash=signed.hash):
                await self._send(sight, signed)
        return kept

    async def _trace(self, it: OpenBatch) -> str | None:
        """Return the trace of a request that the batch pays, where one of them was traced."""
        if not tracing.is_on():
            return None
        async with self._sessions() as tx:
            return await batch_queries.find_trace(tx, it.waiting)

    async def _halve(self, it: OpenBatch) -> bool:
        """Halve a batch that needs too much gas for any block. Return whether it was."""
        if it.transactions or len(it.waiting) < 2:
            return False
        log.warning("a batch of %d needs too much gas, and is halved", len(it.waiting))
        async with self._sessions.begin() as tx:
            await batches.halve(_system(tx), it.batch.id)
        return True

    async def _renumber(self, sight: _Sight, it: OpenBatch) -> bool:
        """Replace numbers never signed that the chain shows as paid. Return whether any was."""
        numbers = {fresh.number for fresh in batches.fresh_ones(it) if fresh.number is not None}
        at = sight.chosen.head.number
        if not await payout_facts.find_paid(sight.node, sight.vault, numbers, at=at):
            return False
        log.critical("the vault has paid numbers that were not given yet: was a backup restored?")
        async with self._sessions.begin() as tx:
            await batches.renumber(_system(tx), it.batch.id)
        return True

    async def _send(self, sight: _Sight, signed: SignedTransaction) -> None:
        """Send a transaction, and record the node's answer."""
        problem = None
        try:
            await sight.node.send(signed.raw)
        except NodeRefused as error:
            if not any(it in error.message.lower() for it in _FINE):
                problem = str(error)[:REASON_MAX]
                sight.problems.append(f"the node does not take a transaction: {problem}")
        async with self._sessions.begin() as tx:
            kept = await tx.get_one(SignedTransaction, signed.hash)
            kept.sent_at, kept.send_error = _now(), problem

    # --- The end of a batch, and the next one ----------------------------------------------------

    async def _conclude(self, sight: _Sight, it: OpenBatch) -> bool:
        """Close a batch of which nothing can be mined any more. Return whether it was closed."""
        vault, hashes = sight.vault, it.hashes
        if vault.halted_at is not None or vault.difference is not None:
            return False  # Where the books are restored, `batches.conclude` does nothing either.
        # Up to this block all payouts are settled: what is unpaid here was not paid.
        at = vault.final_number
        paid, reverted = frozenset[int](), None
        if it.waiting:
            outcome = await self._ended(sight, it, at)
            if outcome is None:
                return False
            paid = outcome.paid
            reverted = await payout_facts.find_reverted(
                sight.node, vault, it.transactions, _payouts(it), up_to=at
            )
        ended = Ended(at, hashes, paid, reverted)
        async with self._sessions.begin() as tx:
            return await batches.conclude(_system(tx), vault.id, it.batch.id, ended)

    async def _ended(self, sight: _Sight, it: OpenBatch, at: int) -> BatchOutcome | None:
        """Return what a final block says of a batch; None while something of it can be mined.

        Tokens are given back because of this, so every node that answers has to agree.
        """
        highest = dict[str, int]()
        for tx in it.transactions:
            highest[tx.sender] = max(tx.nonce, highest.get(tx.sender, -1))
        for sender in highest.keys() - sight.final_nonces.keys():
            sight.final_nonces[sender] = await sight.node.nonce(sender, at)
        if not highest or any(sight.final_nonces[it] <= highest[it] for it in highest):
            return None
        asked = (sight.vault, it.numbers, sorted(highest))
        outcome = await payout_facts.ask_outcome(sight.node, *asked, at=at)
        for other in self._endpoints.nodes:
            if other is sight.node:
                continue
            try:
                answer = await payout_facts.ask_outcome(other, *asked, at=at)
            except FAULTS:
                continue  # It is away, or behind.
            if answer != outcome:
                sight.problems.append(
                    f"{sight.node.name} and {other.name} say different things of block {at}"
                )
                return None
        return outcome

    async def _begin(self, sight: _Sight, open_ids: Sequence[BatchId]) -> None:
        """Make the next batch, if one is due and can be paid for."""
        if sight.fees is None:
            sight.problems.append("gas costs more than is allowed")
            return
        if sight.facts.coins < GAS_MIN * sight.fees.max_fee:
            needed = GAS_MIN * sight.fees.max_fee
            sight.problems.append(_poor(self._signer.address, needed))
            return
        async with self._sessions.begin() as tx:
            made = await batches.gather(
                _system(tx), sight.vault, self._terms, sight.facts.available, open_ids
            )
        if made is None:
            return
        async with self._sessions() as tx:
            found = await batch_queries.list_open(tx, sight.vault.id)
        (batch,) = (it for it in found if it.batch.id == made)
        await self._sign(sight, batch, sight.next_nonce)

    # --- What is written down --------------------------------------------------------------------

    async def _note_limit(self, sight: _Sight) -> None:
        if sight.vault.daily_limit == sight.facts.daily:
            return
        async with self._sessions.begin() as tx:
            (await statements.get_vault(tx, self._vault_id)).daily_limit = sight.facts.daily

    async def _note(self, vault: Vault, problem: str | None) -> None:
        if vault.paying_error == problem:
            return
        log.warning("payouts: %s", problem or "they go on")
        async with self._sessions.begin() as tx:
            (await statements.get_vault(tx, vault.id)).paying_error = problem


def _payouts(it: OpenBatch) -> list[Payout]:
    return [
        Payout(number, found.address, found.amount)
        for number, found in zip(it.numbers, it.waiting, strict=True)
    ]


def _poor(address: str, needed: int) -> str:
    return f"{address} has too few coins for gas: it needs {needed / 10**18:.6f}"


def _now() -> datetime:
    return datetime.now(UTC)


def _system(tx: AsyncSession) -> Context:
    return Context(tx, SYSTEM, _now())
