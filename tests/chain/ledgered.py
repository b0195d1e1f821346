"""A vault on anvil beside a database that commits: where tokens come in and go out.

Blocks are final when two more lie on them. A reorganisation is a snapshot gone back to, and other
blocks from there: `remember`, `forget`.
"""

import itertools
from dataclasses import dataclass, field
from typing import Any, Final, cast

import httpx2
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from web3.types import TxReceipt

from dml.chain.node.endpoints import Endpoints
from dml.core.ids import UserId
from dml.core.money import MicroTokens
from tests.chain.anvil import Anvil
from tests.chain.deployed import Deployed
from tests.world import make_user

CONFIRMATIONS: Final = 2
CHAIN_ID: Final = 31337
# The keys that every anvil has, of its accounts in their order: owner, payer, guardian, Alice.
KEYS: Final = (
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
)
_names = itertools.count()


@dataclass
class Ledgered:
    """The chain with its contracts, a database, and a client for its nodes."""

    anvil: Anvil
    on: Deployed
    sessions: async_sessionmaker[AsyncSession]
    client: httpx2.AsyncClient
    before: list[str] = field(default_factory=list)

    @property
    def vault(self) -> ChecksumAddress:
        address: ChecksumAddress = self.on.vault.address
        return address

    @property
    def payer_key(self) -> str:
        return KEYS[1]

    @property
    def height(self) -> int:
        return int(self.anvil.call("eth_blockNumber"), 16)

    def endpoints(
        self, *urls: str, confirmations: int | None = CONFIRMATIONS, seconds: float = 10
    ) -> Endpoints:
        """Ask these URLs; without any, this chain itself."""
        return Endpoints(
            urls or (self.anvil.url,),
            self.client,
            chain_id=CHAIN_ID,
            confirmations=confirmations,
            timeout_seconds=seconds,
            look_seconds=min(seconds, 4),
        )

    async def user(self, name: str = "user") -> UserId:
        async with self.sessions.begin() as tx:
            return (await make_user(tx, f"{name}-{next(_names)}")).id

    def deposit(self, user_id: UserId, amount: int = 1_000_000) -> TxReceipt:
        """Alice deposits for a user, in a block of its own."""
        return self.on.send(self.on.vault.functions.deposit(amount, user_id.bytes), self.on.alice)

    def signed_deposit(self, user_id: UserId, amount: int = 1_000_000, nonce: int = 0) -> str:
        """The same as a signed transaction, to send as often as wanted; `nonce` more than now."""
        alice: LocalAccount = Account.from_key(KEYS[3])
        call = self.on.vault.functions.deposit(amount, user_id.bytes)
        there = self.on.web3.eth.get_transaction_count(self.on.alice)
        made: Any = {
            "from": self.on.alice,
            "nonce": there + nonce,
            "gas": 200_000,
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 10**9,
        }
        signed = alice.sign_transaction(cast(dict[str, Any], call.build_transaction(made)))
        return "0x" + signed.raw_transaction.hex().removeprefix("0x")

    def send(self, *signed: str) -> list[str]:
        """Mine these signed transactions, all in one block. Return their hashes."""
        self.anvil.call("evm_setAutomine", False)
        hashes = [str(self.anvil.call("eth_sendRawTransaction", it)) for it in signed]
        self.mine()
        self.anvil.call("evm_setAutomine", True)
        return hashes

    def mine(self, count: int = 1) -> None:
        self.anvil.call("anvil_mine", hex(count))

    def make_final(self) -> None:
        """Lay so many empty blocks on all there is that it is final."""
        self.mine(CONFIRMATIONS)

    def remember(self) -> None:
        """Note the chain as it is, for `forget`."""
        self.before.append(str(self.anvil.call("evm_snapshot")))

    def forget(self) -> None:
        """Drop all blocks since `remember`. What is mined from there has other hashes."""
        assert self.anvil.call("evm_revert", self.before.pop())
        # Else a block of the same content at the same second would be the same block.
        self.anvil.call("evm_increaseTime", hex(1_000))

    async def held(self, user_id: UserId) -> MicroTokens:
        """What a user can spend."""
        return await self.balance(f"wallet:{user_id}")

    async def balance(self, account: str) -> MicroTokens:
        query = "SELECT balance FROM ledger_accounts WHERE code = :code"
        async with self.sessions() as tx:
            return MicroTokens(await tx.scalar(text(query), {"code": account}) or 0)

    async def rows(self, query: str, **names: Any) -> list[Any]:
        """What a query finds: a value for each row of one column, else a tuple."""
        async with self.sessions() as tx:
            found = (await tx.execute(text(query), names)).all()
        return [it[0] if len(it) == 1 else tuple(it) for it in found]
