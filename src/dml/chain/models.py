"""The rows. Columns and constraints only; what may happen to them is in the rules.

Addresses are kept as EIP-55 writes them, hashes as 0x and 64 lower-case digits. Amounts are
micro-tokens, as in the vault. Where a column is called otherwise in its table, it is so that the
release before this one still runs on it.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Sequence,
    UniqueConstraint as Unique,
)
from sqlalchemy.orm import Mapped, mapped_column

from dml.chain.states import ChallengePurpose, DepositState, WalletKind, WithdrawalState
from dml.core.db import Base
from dml.core.ids import BatchId, DepositId, UserId, VaultId, WalletId, WithdrawalId
from dml.core.money import MicroTokens

UNCLAIMED: Final = "unclaimed"  # The ledger account of deposits that name nobody.

# Numbers of withdrawals, as the vault counts them: 256 neighbours share a word of its storage.
WITHDRAWAL_NUMBERS: Final = Sequence("withdrawal_numbers", metadata=Base.metadata)


class Vault(Base):
    """A vault on a chain, how far it was read, and its last known state.

    At most one is current: the one that the settings name.
    """

    __tablename__ = "vaults"
    __table_args__ = (
        Unique("chain_id", "address"),
        CheckConstraint("decimals BETWEEN 6 AND 18", "decimals"),
        Index(
            "vaults_one_is_current_idx", "is_current", unique=True, postgresql_where="is_current"
        ),
    )

    id: Mapped[VaultId] = mapped_column(primary_key=True)
    chain_id: Mapped[int] = mapped_column(BigInteger)
    address: Mapped[str]
    token: Mapped[str]
    token_name: Mapped[str]
    token_symbol: Mapped[str]
    token_version: Mapped[str | None]  # Of its EIP-712 domain; None: it takes no permit.
    decimals: Mapped[int]
    is_current: Mapped[bool]
    registered_at: Mapped[datetime]

    # How far it was read. Up to `final_…` everything is settled, up to deposit `last_ordinal`.
    start_block: Mapped[int] = mapped_column(BigInteger)
    final_number: Mapped[int] = mapped_column(BigInteger)
    final_hash: Mapped[str]
    last_ordinal: Mapped[int] = mapped_column(BigInteger, default=0)
    # The sum of the final deposits up to an ordinal; later ones are added to it.
    deposited: Mapped[MicroTokens] = mapped_column(default=MicroTokens(0), server_default="0")
    deposited_up_to: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    head_number: Mapped[int] = mapped_column(BigInteger, default=0)  # The chain's, not ours.
    chain_final_number: Mapped[int] = mapped_column(BigInteger, default=0)
    read_at: Mapped[datetime | None] = mapped_column(default=None)  # The last pass that went well.
    reading_error: Mapped[str | None] = mapped_column("trouble", default=None)  # Of the last pass.
    halted_at: Mapped[datetime | None] = mapped_column(default=None)

    # The vault's state when it was last asked.
    daily_limit: Mapped[MicroTokens] = mapped_column(default=MicroTokens(0))
    paying_error: Mapped[str | None] = mapped_column("paying_trouble", default=None)
    compared_at: Mapped[datetime | None] = mapped_column(default=None)
    balance: Mapped[MicroTokens | None] = mapped_column(default=None)  # At the last comparison.
    difference: Mapped[str | None] = mapped_column(default=None)  # Between chain and books.
    surplus: Mapped[MicroTokens | None] = mapped_column(default=None)  # Sent to it by no deposit.
    differs_since: Mapped[datetime | None] = mapped_column(default=None)
    # When these rows were restored from a backup, until the chain was compared with them as it is
    # since: nothing is paid out meanwhile (docs/decisions/0078).
    restored_at: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def scale(self) -> int:
        """Units of the token in one micro-token."""
        return int(10 ** (self.decimals - 6))

    @property
    def reference(self) -> str:
        return f"vault:{self.id}"


class Block(Base):
    """A block that was read and can still be dropped; the lowest is the last final one."""

    __tablename__ = "vault_blocks"

    vault_id: Mapped[VaultId] = mapped_column(ForeignKey("vaults.id"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[str]


class Deposit(Base):
    """Tokens that were paid into the vault. `position` counts within its transaction, from 0.

    Transaction and position identify it across reorganisations; `ordinal` may change until final.
    """

    __tablename__ = "deposits"
    __table_args__ = (
        Unique("vault_id", "tx_hash", "position"),
        Index(
            "deposits_each_ordinal_once_idx",
            "vault_id",
            "ordinal",
            unique=True,
            postgresql_where="state IN ('credited', 'unclaimed')",
        ),
        Index(None, "user_id", "id"),
        Index("deposits_seen_idx", "vault_id", "block_number", postgresql_where="state = 'seen'"),
        Index("deposits_unclaimed_idx", "id", postgresql_where="state = 'unclaimed'"),
        CheckConstraint("amount > 0", "positive"),
        CheckConstraint("state <> 'credited' OR user_id IS NOT NULL", "credited_to_somebody"),
        CheckConstraint(
            "(state IN ('credited', 'unclaimed')) = (final_at IS NOT NULL)", "final_or_not"
        ),
    )

    id: Mapped[DepositId] = mapped_column(primary_key=True)
    vault_id: Mapped[VaultId] = mapped_column(ForeignKey("vaults.id"))
    tx_hash: Mapped[str]
    position: Mapped[int]
    ordinal: Mapped[int] = mapped_column(BigInteger)
    block_number: Mapped[int] = mapped_column(BigInteger)
    block_hash: Mapped[str]
    sender: Mapped[str]
    named: Mapped[UUID]  # The 16 bytes that the deposit carries.
    user_id: Mapped[UserId | None] = mapped_column(ForeignKey("users.id"))  # None: no such user.
    amount: Mapped[MicroTokens]
    state: Mapped[DepositState]
    seen_at: Mapped[datetime]
    final_at: Mapped[datetime | None] = mapped_column(default=None)
    orphaned_at: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def reference(self) -> str:
        return f"deposit:{self.id}"


class VaultPayout(Base):
    """The vault's log of a payout: paid, or refused with a reason. Deleted with its block."""

    __tablename__ = "vault_payouts"
    __table_args__ = (
        Index(
            "vault_payouts_each_number_paid_once_idx",
            "vault_id",
            "number",
            unique=True,
            postgresql_where="is_final AND refusal IS NULL",
        ),
        Index(None, "vault_id", "block_number"),
        Index(None, "number"),
    )

    vault_id: Mapped[VaultId] = mapped_column(ForeignKey("vaults.id"), primary_key=True)
    block_hash: Mapped[str] = mapped_column(primary_key=True)
    log_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block_number: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[str]
    number: Mapped[int] = mapped_column(BigInteger)
    recipient: Mapped[str]
    amount: Mapped[MicroTokens]
    refusal: Mapped[bytes | None] = mapped_column(LargeBinary)  # A stranger's bytes, perhaps.
    is_final: Mapped[bool] = mapped_column(default=False)


class BookedPayout(Base):
    """A payout of the vault that fits no withdrawal, and the account an operator took it from.

    Needed after a restored backup, when the vault has paid what the books do not know.
    """

    __tablename__ = "booked_payouts"
    __table_args__ = (CheckConstraint("amount > 0", "positive"),)

    vault_id: Mapped[VaultId] = mapped_column(ForeignKey("vaults.id"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    account: Mapped[str]
    recipient: Mapped[str]
    amount: Mapped[MicroTokens]
    tx_hash: Mapped[str]
    reason: Mapped[str]
    booked_at: Mapped[datetime]

    @property
    def reference(self) -> str:
        return f"vault_payout:{self.vault_id}:{self.number}"


class Wallet(Base):
    """An address that its user has proven to control. One user at a time has it linked."""

    __tablename__ = "wallets"
    __table_args__ = (
        Index(
            "wallets_linked_once_idx",
            "address",
            unique=True,
            postgresql_where="unlinked_at IS NULL",
        ),
        Index(None, "user_id", "id"),
    )

    id: Mapped[WalletId] = mapped_column(primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    address: Mapped[str]
    kind: Mapped[WalletKind]
    linked_at: Mapped[datetime]
    name: Mapped[str | None] = mapped_column(default=None)
    unlinked_at: Mapped[datetime | None] = mapped_column(default=None)
    chosen_at: Mapped[datetime | None] = mapped_column(default=None)  # As the primary one.

    @property
    def reference(self) -> str:
        return f"wallet:{self.id}"


class WalletChallenge(Base):
    """A nonce that a user may sign once, until it expires."""

    __tablename__ = "wallet_challenges"

    nonce: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None] = mapped_column(default=None)
    purpose: Mapped[ChallengePurpose] = mapped_column(
        default=ChallengePurpose.LINK, server_default=ChallengePurpose.LINK.value
    )
    # Under which address of ours it was given, where none may sign it under another.
    origin: Mapped[str | None] = mapped_column(default=None)


class UsedNonce(Base):
    """A nonce by which somebody signed in: it is good once. Until then none is kept."""

    __tablename__ = "used_wallet_nonces"

    nonce: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class DeniedAddress(Base):
    """An address that nothing is paid to."""

    __tablename__ = "denied_addresses"

    address: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    denied_by: Mapped[UserId | None] = mapped_column(ForeignKey("users.id"))
    denied_at: Mapped[datetime]


class Batch(Base):
    """Withdrawals that one transaction pays.

    It is settled once none of the transactions signed for it can be mined any more.
    """

    __tablename__ = "payout_batches"
    __table_args__ = (
        Index("payout_batches_open_idx", "id", postgresql_where="settled_at IS NULL"),
    )

    id: Mapped[BatchId] = mapped_column(primary_key=True)
    vault_id: Mapped[VaultId] = mapped_column(ForeignKey("vaults.id"))
    created_at: Mapped[datetime]
    count: Mapped[int]
    total: Mapped[MicroTokens]
    settled_at: Mapped[datetime | None] = mapped_column(default=None)
    outcome: Mapped[str | None] = mapped_column(default=None)

    @property
    def reference(self) -> str:
        return f"batch:{self.id}"


class SignedTransaction(Base):
    """A transaction that was signed for a batch: kept before it is sent, for it may be mined."""

    __tablename__ = "payout_transactions"
    __table_args__ = (Index(None, "batch_id", "signed_at"),)

    hash: Mapped[str] = mapped_column(primary_key=True)
    batch_id: Mapped[BatchId] = mapped_column(ForeignKey("payout_batches.id"))
    sender: Mapped[str]
    nonce: Mapped[int] = mapped_column(BigInteger)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    gas: Mapped[int] = mapped_column(BigInteger)
    max_fee: Mapped[int] = mapped_column(BigInteger)  # Wei for a unit of gas.
    priority_fee: Mapped[int] = mapped_column(BigInteger)
    signed_at: Mapped[datetime]
    sent_at: Mapped[datetime | None] = mapped_column(default=None)  # The last time.
    send_error: Mapped[str | None] = mapped_column("trouble", default=None)  # The node's answer.


class Withdrawal(Base):
    """Tokens on their way to a wallet. `number` identifies it to the vault; given once."""

    __tablename__ = "withdrawals"
    __table_args__ = (
        CheckConstraint("amount > 0 AND fee >= 0", "amounts"),
        CheckConstraint(
            "(state IN ('authorised', 'paid', 'reversed')) = (number IS NOT NULL)", "numbered"
        ),
        CheckConstraint(
            "(state IN ('paid', 'reversed', 'cancelled')) = (ended_at IS NOT NULL)", "ended"
        ),
        CheckConstraint("(state = 'paid') = (tx_hash IS NOT NULL)", "paid_by_a_transaction"),
        Index(None, "user_id", "id"),
        Index("withdrawals_open_idx", "state", "id", postgresql_where="ended_at IS NULL"),
        Index(None, "batch_id", postgresql_where="batch_id IS NOT NULL"),
    )

    id: Mapped[WithdrawalId] = mapped_column(primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    wallet_id: Mapped[WalletId] = mapped_column(ForeignKey("wallets.id"))
    address: Mapped[str]
    amount: Mapped[MicroTokens]  # What arrives.
    fee: Mapped[MicroTokens]  # What the platform takes besides, once it is paid.
    state: Mapped[WithdrawalState]
    requested_at: Mapped[datetime]
    needs_review: Mapped[bool]
    memo: Mapped[str | None] = mapped_column(default=None)
    reviewed_by: Mapped[UserId | None] = mapped_column(ForeignKey("users.id"), default=None)
    reviewed_at: Mapped[datetime | None] = mapped_column(default=None)
    first_approved_by: Mapped[UserId | None] = mapped_column(ForeignKey("users.id"), default=None)
    first_approved_at: Mapped[datetime | None] = mapped_column(default=None)  # Of two admins.
    number: Mapped[int | None] = mapped_column(BigInteger, unique=True, default=None)
    batch_id: Mapped[BatchId | None] = mapped_column(
        ForeignKey("payout_batches.id"), default=None
    )  # None while it waits for its first batch, or for another.
    authorised_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    end_reason: Mapped[str | None] = mapped_column(default=None)
    tx_hash: Mapped[str | None] = mapped_column(default=None)
    block_number: Mapped[int | None] = mapped_column(BigInteger, default=None)

    @property
    def reference(self) -> str:
        return f"withdrawal:{self.id}"
