"""A payer beside an indexer on a chain that mines by hand, and what is true once both are done."""

import itertools
from dataclasses import dataclass, field
from typing import Any, Final

from eth_typing import ChecksumAddress

from dml.chain.indexer.indexing import Indexer
from dml.chain.models import Withdrawal
from dml.chain.payer.batches import BatchTerms
from dml.chain.payer.paying import Payer
from dml.chain.payer.signers import KeySigner, Signer
from dml.core.ids import UserId, VaultId, WithdrawalId
from dml.core.money import MicroTokens
from tests.chain.deployed import payee
from tests.chain.ledgered import CONFIRMATIONS, KEYS, Ledgered
from tests.chain.rows import make_withdrawal

GWEI: Final = 10**9
FUNDS: Final = 100_000_000
ROUNDS_MAX: Final = 12
_payees = itertools.count(1_000)


def key_signer(number: int = 1) -> KeySigner:
    """By the key of one of anvil's accounts: the payer's."""
    return KeySigner(bytes.fromhex(KEYS[number][2:]))


def terms(**changes: Any) -> BatchTerms:
    """Each withdrawal goes at once, and nothing is ever stuck."""
    usual: dict[str, Any] = {
        "count": 100,
        "seconds": 0,
        "total": MicroTokens(10**12),
        "stuck_seconds": 1_000,
        "max_fee": 500 * GWEI,
    }
    return BatchTerms(**usual | changes)


@dataclass
class Paying:
    """A user with funds, who withdraws to wallets that nobody else has."""

    it: Ledgered
    indexer: Indexer
    vault_id: VaultId
    user_id: UserId
    wallets: dict[WithdrawalId, ChecksumAddress] = field(default_factory=dict)

    def payer(
        self,
        *,
        signer: Signer | None = None,
        sessions: Any = None,
        nodes: Any = None,
        begins: bool = True,
        **its: Any,
    ) -> Payer:
        return Payer(
            sessions or self.it.sessions,
            nodes or self.it.endpoints(),
            self.vault_id,
            signer or key_signer(),
            terms(**its),
            begins=begins,
        )

    def wallet(self) -> ChecksumAddress:
        return payee(self.it.on.web3, next(_payees))

    async def ask(
        self, amount: int = 1_000_000, *, fee: int = 0, address: ChecksumAddress | None = None
    ) -> WithdrawalId:
        address = address or self.wallet()
        async with self.it.sessions.begin() as tx:
            made = await make_withdrawal(tx, self.user_id, address=address, amount=amount, fee=fee)
        self.wallets[made.id] = address
        return made.id

    async def get(self, withdrawal_id: WithdrawalId) -> Withdrawal:
        async with self.it.sessions() as tx:
            return await tx.get_one(Withdrawal, withdrawal_id)

    async def states(self) -> list[str]:
        return await self.it.rows("SELECT state FROM withdrawals ORDER BY id")

    async def trouble(self) -> str | None:
        (found,) = await self.it.rows("SELECT paying_trouble FROM vaults")
        return None if found is None else str(found)

    async def transactions(self) -> list[tuple[str, int, int]]:
        """What was signed: hash, nonce and fee, in that order."""
        query = "SELECT hash, nonce, max_fee FROM payout_transactions ORDER BY signed_at, max_fee"
        return await self.it.rows(query)

    async def raw(self, tx_hash: str) -> str:
        query = "SELECT raw FROM payout_transactions WHERE hash = :hash"
        (found,) = await self.it.rows(query, hash=tx_hash)
        return "0x" + bytes(found).hex()

    async def open_batches(self) -> int:
        query = "SELECT count(*) FROM payout_batches WHERE settled_at IS NULL"
        return int((await self.it.rows(query))[0])

    async def open_withdrawals(self) -> int:
        query = "SELECT count(*) FROM withdrawals WHERE ended_at IS NULL"
        return int((await self.it.rows(query))[0])

    async def round(self, payer: Payer, blocks: int = 1) -> None:
        """What the process does, while the chain goes on: with three blocks, the first is final."""
        await payer.step()
        self.it.mine(blocks)
        await self.indexer.run_pass()

    async def finish(self, payer: Payer | None = None) -> None:
        """Go on until nothing is open, and look at the books."""
        payer = payer or self.payer()
        for _ in range(ROUNDS_MAX):
            await self.round(payer, blocks=CONFIRMATIONS + 1)
            if not await self.open_withdrawals() and not await self.open_batches():
                break
        await self.check()

    async def check(self) -> None:
        """Everybody has what they are owed, once; and the books say what the chain says."""
        assert await self.open_withdrawals() == 0
        assert await self.open_batches() == 0
        paid = set(await self.it.rows("SELECT id FROM withdrawals WHERE state = 'paid'"))
        for withdrawal_id, address in self.wallets.items():
            if address != self.it.vault:
                amount = (await self.get(withdrawal_id)).amount
                assert self.it.on.held(address) == (amount if withdrawal_id in paid else 0)
        assert await self.it.balance("chain") == -self.it.on.held(self.it.vault)
        assert await self.it.rows("SELECT sum(balance) FROM ledger_accounts") == [0]
        stray = "SELECT code FROM ledger_accounts WHERE code LIKE 'payout:%' AND balance <> 0"
        assert await self.it.rows(stray) == []


async def make_paying(it: Ledgered) -> Paying:
    indexer = Indexer(it.sessions, it.endpoints(), vault=it.vault, start_block=it.height)
    vault_id = await indexer.register()
    user_id = await it.user()
    it.deposit(user_id, FUNDS)
    it.make_final()
    report = await indexer.run_pass()
    assert await it.held(user_id) == FUNDS, report
    it.anvil.call("evm_setAutomine", False)
    return Paying(it, indexer, vault_id, user_id)
