"""Every SELECT of what users and admins see of the chain."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import User
from dml.accounts.queries import name_of
from dml.chain.models import (
    Batch,
    DeniedAddress,
    Deposit,
    SignedTransaction,
    Vault,
    VaultPayout,
    Wallet,
    WalletChallenge,
    Withdrawal,
)
from dml.chain.rules import DepositNotFound, NotConnected, WithdrawalNotFound
from dml.chain.states import DepositState, WithdrawalState
from dml.chain.wallets import rules as wallet_rules
from dml.chain.withdrawals.rules import DAY, WAITS_FOR_REVIEW, Recent
from dml.core.context import Actor
from dml.core.db import HELD, PAGE_MAX, Shown
from dml.core.ids import DepositId, UserId, VaultId, WalletId, WithdrawalId
from dml.core.money import MicroTokens

REQUESTED_AT_ONCE: Final = 100  # Withdrawals of one user that are held at once.
TRANSACTIONS_MAX: Final = 20  # How many of one batch are shown: the newest.


@dataclass(frozen=True, slots=True)
class Way:
    """How far a withdrawal is on the chain: its batch, what was sent for it, and what was seen."""

    batch: Batch | None = None
    transactions: Sequence[SignedTransaction] = ()
    seen: VaultPayout | None = None  # The vault's newest log on it.
    head_number: int = 0


async def get_current_vault(tx: AsyncSession) -> Vault:
    """Return the vault that the settings name. NotConnected where none was ever reached."""
    vault = await find_current_vault(tx)
    if vault is None:
        raise NotConnected
    return vault


async def find_current_vault(tx: AsyncSession) -> Vault | None:
    """Return the vault that the settings name, if one was ever reached."""
    return await tx.scalar(select(Vault).where(Vault.is_current))


async def get_vault(tx: AsyncSession, vault_id: VaultId) -> Vault:
    """Load a vault that is known to be there."""
    return await tx.get_one(Vault, vault_id)


async def list_vaults(tx: AsyncSession) -> Sequence[Vault]:
    """Return all vaults, former ones too, the newest first: a handful."""
    return (await tx.scalars(select(Vault).order_by(Vault.id.desc()).limit(PAGE_MAX))).all()


async def list_former(tx: AsyncSession) -> Sequence[Vault]:
    """Return the vaults that were current before, on the chain of the one that is now."""
    current = select(Vault.chain_id).where(Vault.is_current).scalar_subquery()
    query = select(Vault).where(~Vault.is_current, Vault.chain_id == current).order_by(Vault.id)
    return (await tx.scalars(query.limit(PAGE_MAX))).all()


async def lock_user(tx: AsyncSession, user_id: UserId) -> None:
    """Serialise what is counted for a user. Inserting rows that name the user is not blocked."""
    await tx.execute(select(User.id).where(User.id == user_id).with_for_update(**HELD))


# Wallets.


async def find_challenge(tx: AsyncSession, nonce: str) -> WalletChallenge | None:
    """Return a challenge, and hold its row."""
    return await tx.get(WalletChallenge, nonce, with_for_update=True, populate_existing=True)


async def count_challenges(tx: AsyncSession, user_id: UserId) -> int:
    """Count what this user was given and has not signed; the expired ones are deleted before."""
    query = select(func.count()).where(
        WalletChallenge.user_id == user_id, WalletChallenge.used_at.is_(None)
    )
    return await tx.scalar(query) or 0


def _linked() -> Select[Wallet]:
    return select(Wallet).where(Wallet.unlinked_at.is_(None))


async def list_wallets(tx: AsyncSession, user_id: UserId) -> Sequence[Wallet]:
    """Return a user's linked wallets, the oldest first."""
    query = _linked().where(Wallet.user_id == user_id).order_by(Wallet.id)
    return (await tx.scalars(query.limit(wallet_rules.WALLETS_MAX))).all()


async def count_wallets(tx: AsyncSession, user_id: UserId) -> int:
    linked = _linked().where(Wallet.user_id == user_id)
    return await tx.scalar(select(func.count()).select_from(linked.subquery())) or 0


async def find_holder(tx: AsyncSession, address: str) -> UserId | None:
    """Return who has linked this address."""
    wallet = await tx.scalar(_linked().where(Wallet.address == address))
    return None if wallet is None else wallet.user_id


async def get_my_wallet(
    tx: AsyncSession, actor: Actor, wallet_id: WalletId, *, lock: bool = False
) -> Wallet:
    """Load a linked wallet of this user, or refuse. `lock=True` holds its row."""
    wallet = await tx.get(Wallet, wallet_id, with_for_update=lock, populate_existing=lock)
    if wallet is None or wallet.user_id != actor.id or wallet.unlinked_at is not None:
        raise wallet_rules.WalletNotFound
    return wallet


async def require_not_denied(tx: AsyncSession, address: str) -> None:
    """Refuse an address on the deny list. The admins' reason is not shown."""
    if await tx.get(DeniedAddress, address, populate_existing=True) is not None:
        raise wallet_rules.AddressDenied(address=address)


async def list_denied(
    tx: AsyncSession, *, after: str | None, limit: int
) -> Sequence[DeniedAddress]:
    """Return the deny list by address, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    query = select(DeniedAddress).order_by(DeniedAddress.address).limit(limit + 1)
    if after is not None:
        query = query.where(DeniedAddress.address > after)
    return (await tx.scalars(query)).all()


# Deposits.


def _with_vaults() -> Select[Deposit, Vault]:
    return select(Deposit, Vault).join(Vault, Vault.id == Deposit.vault_id)


async def get_my_deposit(
    tx: AsyncSession, actor: Actor, deposit_id: DepositId
) -> tuple[Deposit, Vault]:
    """Load a deposit of this user with the vault that it went into, or refuse."""
    query = _with_vaults().where(Deposit.id == deposit_id, Deposit.user_id == actor.id)
    found = (await tx.execute(query)).one_or_none()
    if found is None:
        raise DepositNotFound
    return found.Deposit, found.Vault


async def get_deposit(tx: AsyncSession, deposit_id: DepositId) -> Deposit:
    """Load any user's deposit and lock its row; or refuse."""
    deposit = await tx.get(Deposit, deposit_id, with_for_update=True, populate_existing=True)
    if deposit is None:
        raise DepositNotFound
    return deposit


async def list_deposits(
    tx: AsyncSession,
    user_id: UserId,
    *,
    state: DepositState | None,
    after: UUID | None,
    limit: int,
) -> Sequence[tuple[Deposit, Vault]]:
    """Return a user's deposits with their vaults, newest first, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    query = (
        _with_vaults()
        .where(Deposit.user_id == user_id)
        .order_by(Deposit.id.desc())
        .limit(limit + 1)
    )
    if state is not None:
        query = query.where(Deposit.state == state)
    if after is not None:
        query = query.where(Deposit.id < after)
    return [(row.Deposit, row.Vault) for row in await tx.execute(query)]


async def list_unclaimed(
    tx: AsyncSession, *, after: UUID | None, limit: int
) -> Sequence[tuple[Deposit, Vault]]:
    """Return final deposits that name nobody, with their vaults, the oldest first, and one more."""
    assert 0 < limit <= PAGE_MAX
    query = (
        _with_vaults()
        .where(Deposit.state == DepositState.UNCLAIMED)
        .order_by(Deposit.id)
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(Deposit.id > after)
    return [(row.Deposit, row.Vault) for row in await tx.execute(query)]


async def sum_seen(tx: AsyncSession, user_id: UserId) -> MicroTokens:
    """Sum up what is coming in for a user, and is not final yet."""
    query = select(func.sum(Deposit.amount)).where(
        Deposit.user_id == user_id, Deposit.state == DepositState.SEEN
    )
    return MicroTokens(int(await tx.scalar(query) or 0))


# What all vaults hold beyond their own totals, and how much of it admins have credited already:
# that is what the books owe beyond final deposits less payouts. What was sent to a vault stays in
# it, so the last comparison gives a lower bound. The caller has locked the account `chain`.
_COVER: Final = """
    SELECT bool_or(v.is_current) AS has_vault,
        bool_or(v.is_current AND v.halted_at IS NOT NULL) AS halted,
        coalesce(sum(v.surplus), 0)::bigint AS surplus,
        coalesce(sum(v.deposited + came.sum - went.sum), 0)::bigint AS counted,
        coalesce((SELECT -balance FROM ledger_accounts WHERE code = 'chain'), 0)::bigint AS owed
    FROM vaults v
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount), 0) AS sum FROM deposits
        WHERE vault_id = v.id AND state IN ('credited', 'unclaimed') AND ordinal > v.deposited_up_to
    ) came
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount), 0) AS sum FROM vault_payouts
        WHERE vault_id = v.id AND is_final AND refusal IS NULL
    ) went
"""


async def find_cover(tx: AsyncSession) -> MicroTokens | None:
    """Return how much may be credited by hand; None if no vault was ever reached."""
    row = (await tx.execute(text(_COVER))).one()
    if not row.has_vault:
        return None
    left = 0 if row.halted else row.surplus + row.counted - row.owed
    return MicroTokens(max(0, left))


# Withdrawals.

_WITHDRAWAL: Final = Withdrawal.__table__.c
_TO_REVIEW: Final = select(
    *_WITHDRAWAL,
    name_of(_WITHDRAWAL.user_id).label("user_name"),
    name_of(_WITHDRAWAL.first_approved_by).label("first_approved_by_name"),
)


async def get_my_withdrawal(
    tx: AsyncSession, actor: Actor, withdrawal_id: WithdrawalId, *, lock: bool = False
) -> Withdrawal:
    """Load a withdrawal of this user, or refuse. `lock=True` holds its row."""
    found = await tx.get(Withdrawal, withdrawal_id, with_for_update=lock, populate_existing=lock)
    if found is None or found.user_id != actor.id:
        raise WithdrawalNotFound
    return found


async def get_withdrawal(tx: AsyncSession, withdrawal_id: WithdrawalId) -> Withdrawal:
    """Load any user's withdrawal and lock its row; or refuse."""
    found = await tx.get(Withdrawal, withdrawal_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise WithdrawalNotFound
    return found


async def lock_requested(tx: AsyncSession, user_id: UserId) -> Sequence[Withdrawal]:
    """Hold the withdrawals of a user that are in no batch yet, in the order of their ids."""
    query = (
        select(Withdrawal)
        .where(Withdrawal.user_id == user_id, Withdrawal.state == WithdrawalState.REQUESTED)
        .order_by(Withdrawal.id)
        .limit(REQUESTED_AT_ONCE)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await tx.scalars(query)).all()


async def list_withdrawals(
    tx: AsyncSession,
    user_id: UserId,
    *,
    state: WithdrawalState | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Withdrawal]:
    """Return a user's withdrawals, newest first, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    query = select(Withdrawal).where(Withdrawal.user_id == user_id)
    if state is not None:
        query = query.where(Withdrawal.state == state)
    if after is not None:
        query = query.where(Withdrawal.id < after)
    return (await tx.scalars(query.order_by(Withdrawal.id.desc()).limit(limit + 1))).all()


async def list_to_review(tx: AsyncSession, *, after: UUID | None, limit: int) -> Sequence[Shown]:
    """Return the withdrawals that wait for an admin, the oldest first, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    query = _TO_REVIEW.where(text(WAITS_FOR_REVIEW))
    if after is not None:
        query = query.where(Withdrawal.id > after)
    return (await tx.execute(query.order_by(Withdrawal.id).limit(limit + 1))).all()


async def get_recent(tx: AsyncSession, user_id: UserId, now: datetime) -> Recent:
    """Sum up a user's last 24 hours, without what failed through no fault of theirs.

    Exact while the user is locked.
    """
    kept = Withdrawal.state != WithdrawalState.CANCELLED
    query = select(
        func.count(),
        func.sum(Withdrawal.amount).filter(kept),
        func.min(Withdrawal.requested_at),
    ).where(
        Withdrawal.user_id == user_id,
        Withdrawal.state != WithdrawalState.REVERSED,
        Withdrawal.requested_at > now - DAY,
    )
    count, amount, first_at = (await tx.execute(query)).one()
    return Recent(count, MicroTokens(int(amount or 0)), first_at)


async def get_way(tx: AsyncSession, withdrawal: Withdrawal) -> Way:
    """Read how far a withdrawal is on the chain."""
    if withdrawal.number is None:
        return Way()
    said = (
        select(VaultPayout, Vault.head_number)
        .join(Vault, Vault.id == VaultPayout.vault_id)
        .where(VaultPayout.number == withdrawal.number)
        .order_by(VaultPayout.block_number.desc(), VaultPayout.log_index.desc())
        .limit(1)
    )
    seen = (await tx.execute(said)).one_or_none()
    payout, head_number = (None, 0) if seen is None else (seen.VaultPayout, seen.head_number)
    if withdrawal.batch_id is None:
        return Way(seen=payout, head_number=head_number)
    sent = (
        select(SignedTransaction)
        .where(
            SignedTransaction.batch_id == withdrawal.batch_id,
            SignedTransaction.sent_at.is_not(None),
        )
        .order_by(SignedTransaction.signed_at.desc())
        .limit(TRANSACTIONS_MAX)
    )
    batch = await tx.get(Batch, withdrawal.batch_id, populate_existing=True)
    return Way(batch, (await tx.scalars(sent)).all(), payout, head_number)
