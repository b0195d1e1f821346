"""The rows, and the movement that one of them records."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import CreditId, TransferId, UserId
from dml.core.money import MicroTokens

CHAIN: Final = "chain"
REVENUE: Final = "revenue"


class TransferCode(StrEnum):
    """Why tokens moved.

    `deposit`: paid in, or credited by an admin; `deposit_claim`: an unclaimed deposit was assigned
    to its user. `job_escrow`, `bounty_escrow`: set aside for a job or a bounty; `job_refund`,
    `bounty_refund`: what was left returned. `device_reward`, `developer_fee`, `platform_fee`: paid
    for results of a job. `enrollment_fee`, `prize`: paid to enter a bounty, and to its winners.
    `withdrawal`: set aside to be paid out, and paid out; `withdrawal_fee`: what that costs;
    `withdrawal_reversal`: both returned. `deposit_reversal`, `credit_reversal`: taken back.
    `contribution`, `distribution`: put into an organisation by a member, taken out by an owner.
    `payout_booking`: booked by an operator, for a payout that no withdrawal explains.
    """

    DEPOSIT = "deposit"
    JOB_ESCROW = "job_escrow"
    DEVICE_REWARD = "device_reward"
    DEVELOPER_FEE = "developer_fee"
    PLATFORM_FEE = "platform_fee"
    JOB_REFUND = "job_refund"
    BOUNTY_ESCROW = "bounty_escrow"
    ENROLLMENT_FEE = "enrollment_fee"
    PRIZE = "prize"
    BOUNTY_REFUND = "bounty_refund"
    DEPOSIT_CLAIM = "deposit_claim"
    DEPOSIT_REVERSAL = "deposit_reversal"
    CREDIT_REVERSAL = "credit_reversal"
    CONTRIBUTION = "contribution"
    DISTRIBUTION = "distribution"
    PAYOUT_BOOKING = "payout_booking"
    WITHDRAWAL = "withdrawal"
    WITHDRAWAL_FEE = "withdrawal_fee"
    WITHDRAWAL_REVERSAL = "withdrawal_reversal"


Key: TypeAlias = tuple[TransferCode, str, str, str]


@dataclass(frozen=True, slots=True)
class Movement:
    """An amount to move. `reference` names what caused it: `job:<id>`, `fold:<id>`."""

    code: TransferCode
    reference: str
    source: str
    target: str
    amount: MicroTokens

    @property
    def key(self) -> Key:
        """What makes it one movement, however often it is asked for."""
        return (self.code, self.reference, self.source, self.target)


class CreditState(StrEnum):
    """`requested`: waits for a second admin; `credited`: in the user's balance; `refused`: nothing
    moved.
    """

    REQUESTED = "requested"  # More than one admin may credit alone: another has to agree.
    CREDITED = "credited"
    REFUSED = "refused"


class LedgerAccount(Base):
    """A place where tokens rest. `chain` alone may be negative: it stands for all others."""

    __tablename__ = "ledger_accounts"
    __table_args__ = (
        CheckConstraint("balance >= 0 OR code = 'chain'", "not_overdrawn"),
        Index(None, "owner_id", postgresql_where="owner_id IS NOT NULL"),
        {"postgresql_with": {"fillfactor": "50"}},  # A balance changes within its page.
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    balance: Mapped[MicroTokens]
    owner_id: Mapped[UserId | None] = mapped_column(default=None)


class Transfer(Base):
    """One debit and one credit of one amount: balanced by construction. Never updated."""

    __tablename__ = "ledger_transfers"
    __table_args__ = (
        CheckConstraint("amount > 0", "positive"),
        CheckConstraint("source <> target", "between_two"),
        UniqueConstraint("code", "reference", "source", "target"),
        Index(None, "source", "id"),
        Index(None, "target", "id"),
    )

    id: Mapped[TransferId] = mapped_column(primary_key=True)
    code: Mapped[TransferCode]
    reference: Mapped[str]
    source: Mapped[str] = mapped_column(ForeignKey("ledger_accounts.code"))
    target: Mapped[str] = mapped_column(ForeignKey("ledger_accounts.code"))
    amount: Mapped[MicroTokens]
    created_at: Mapped[datetime]


class Credit(Base):
    """Tokens from outside that an admin brings in by hand, and what of them was taken back."""

    __tablename__ = "credits"
    __table_args__ = (
        CheckConstraint("amount > 0", "positive"),
        CheckConstraint("reversed BETWEEN 0 AND amount", "reversed_at_most_whole"),
        CheckConstraint("state = 'credited' OR reversed = 0", "reversed_what_was_credited"),
        Index(None, "asked_by", "asked_at"),
        Index("credits_requested_idx", "id", postgresql_where="state = 'requested'"),
    )

    id: Mapped[CreditId] = mapped_column(primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    amount: Mapped[MicroTokens]
    reason: Mapped[str]
    state: Mapped[CreditState]
    asked_by: Mapped[UserId | None] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime]
    decided_by: Mapped[UserId | None] = mapped_column(ForeignKey("users.id"), default=None)
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
    reversed: Mapped[MicroTokens] = mapped_column(default=MicroTokens(0))
    reversals: Mapped[int] = mapped_column(default=0)

    @property
    def reference(self) -> str:
        return f"credit:{self.id}"
