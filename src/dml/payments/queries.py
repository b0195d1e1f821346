"""Every SELECT of this domain."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import Select, case, func, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.queries import name_of
from dml.core.db import PAGE_MAX, Shown, raw
from dml.core.ids import CreditId, UserId
from dml.core.money import MicroTokens
from dml.payments.models import (
    CHAIN,
    REVENUE,
    Credit,
    CreditState,
    Key,
    LedgerAccount,
    Movement,
    Transfer,
    TransferCode,
)
from dml.payments.rules import CreditNotFound, wallet

_CREDIT: Final = Credit.__table__.c
_TO_APPROVE: Final = select(
    *_CREDIT,
    name_of(_CREDIT.user_id).label("user_name"),
    name_of(_CREDIT.asked_by).label("asked_by_name"),
)
ACCOUNTS_MAX: Final = 1_000  # Of one user's books.
STATEMENT_ROWS_MAX: Final = 1_000  # Of one part of a statement.

# A cause that moved nothing yet moves all anew: asked first, it spares a look for each movement.
_CAUSES_KNOWN: Final = """
    SELECT EXISTS (
        SELECT FROM unnest($1::text[], $2::text[]) AS cause (code, reference)
        CROSS JOIN LATERAL (
            SELECT FROM ledger_transfers t
            WHERE t.code = cause.code AND t.reference = cause.reference LIMIT 1
        ) known)
"""
_MADE: Final = """
    SELECT asked.*, made.amount
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        AS asked (code, reference, source, target)
    CROSS JOIN LATERAL (
        SELECT amount FROM ledger_transfers t
        WHERE t.code = asked.code AND t.reference = asked.reference
          AND t.source = asked.source AND t.target = asked.target
        LIMIT 1
    ) made
"""
_LOCK: Final = """
    SELECT code, balance FROM ledger_accounts WHERE code = ANY ($1::text[])
    ORDER BY code COLLATE "C" FOR UPDATE
"""


@dataclass(frozen=True, slots=True)
class Balance:
    """What a user has, in micro-tokens: to spend, on its way in, and set aside."""

    available: MicroTokens
    pending: MicroTokens
    reserved: MicroTokens

    @property
    def total(self) -> MicroTokens:
        return MicroTokens(self.available + self.pending + self.reserved)


@dataclass(frozen=True, slots=True)
class UserBooks:
    """What a user has, where it rests, and what moved last."""

    balance: Balance
    accounts: Sequence[LedgerAccount]
    transfers: Sequence[Transfer]


@dataclass(frozen=True, slots=True)
class Books:
    """What rests in each kind of account. The sum is zero, or the books are wrong."""

    sum: MicroTokens
    chain: MicroTokens
    wallets: MicroTokens
    escrows: MicroTokens
    payouts: MicroTokens
    unclaimed: MicroTokens
    revenue: MicroTokens


# What sums up, for a user, tokens that are on their way in. Domains above know of such.
PendingSource: TypeAlias = Callable[[AsyncSession, UserId], Awaitable[MicroTokens]]
_PENDING: Final[list[PendingSource]] = []

# What sums up, for a user, tokens that left an escrow without being told yet. It is part of the
# statement that reads the accounts: two looks would tell a payment that comes between them.
ReservedSource: TypeAlias = Callable[[UserId], Select[int]]
_RESERVED: Final[list[ReservedSource]] = []


def count_as_pending(source: PendingSource) -> None:
    """Count what `source` finds as `pending` in every balance. Called by an entrypoint."""
    if source not in _PENDING:
        _PENDING.append(source)


def count_as_reserved(source: ReservedSource) -> None:
    """Count what `source` selects as `reserved`, too. Called by an entrypoint."""
    if source not in _RESERVED:
        _RESERVED.append(source)


async def lock_accounts(tx: AsyncSession, accounts: Sequence[str]) -> dict[str, MicroTokens]:
    """Hold these accounts until the transaction ends, locked in one order. Return balances."""
    return dict(await (await raw(tx)).fetch(_LOCK, accounts))


async def find_made(tx: AsyncSession, movements: Sequence[Movement]) -> dict[Key, MicroTokens]:
    """Return the amount of each of these movements that was made before."""
    connection = await raw(tx)
    causes = {(it.code, it.reference) for it in movements}
    codes, references = (list(column) for column in zip(*causes, strict=True))
    if not await connection.fetchval(_CAUSES_KNOWN, codes, references):
        return {}
    rows = await connection.fetch(
        _MADE,
        [it.code for it in movements],
        [it.reference for it in movements],
        [it.source for it in movements],
        [it.target for it in movements],
    )
    return {
        (TransferCode(code), reference, source, target): amount
        for code, reference, source, target, amount in rows
    }


async def get_account_balance(tx: AsyncSession, account: str) -> MicroTokens:
    """Return what rests in an account; one that was never opened holds nothing."""
    query = select(LedgerAccount.balance).where(LedgerAccount.code == account)
    return MicroTokens(await tx.scalar(query) or 0)


async def get_account_balances(tx: AsyncSession, accounts: Sequence[str]) -> dict[str, MicroTokens]:
    """Return what rests in each of these accounts; those never opened hold nothing."""
    query = select(LedgerAccount.code, LedgerAccount.balance).where(
        LedgerAccount.code.in_(accounts)
    )
    held = {row.code: row.balance for row in await tx.execute(query)}
    return dict.fromkeys(accounts, MicroTokens(0)) | held


async def get_balance(tx: AsyncSession, user_id: UserId) -> Balance:
    """Return a user's balance. `reserved` is what their other accounts hold, such as escrows."""
    mine = select(LedgerAccount.code, LedgerAccount.balance).where(
        LedgerAccount.owner_id == user_id
    )
    untold = [
        select(literal(f"untold:{number}"), source(user_id).scalar_subquery())
        for number, source in enumerate(_RESERVED)
    ]
    held = {code: int(balance or 0) for code, balance in await tx.execute(union_all(mine, *untold))}
    available = held.pop(wallet(user_id), 0)
    return Balance(
        available=MicroTokens(available),
        pending=MicroTokens(sum([await count(tx, user_id) for count in _PENDING])),
        reserved=MicroTokens(sum(held.values())),
    )


async def list_accounts(tx: AsyncSession, user_id: UserId) -> Sequence[LedgerAccount]:
    """Return the accounts that belong to a user and hold something: the balance, then what is set
    aside for each job, bounty and withdrawal. As many as those, which are bounded.
    """
    mine = select(LedgerAccount).where(LedgerAccount.owner_id == user_id, LedgerAccount.balance > 0)
    by_kind = func.split_part(LedgerAccount.code, ":", 1).desc()
    query = mine.order_by(by_kind, LedgerAccount.code).limit(ACCOUNTS_MAX)
    return (await tx.scalars(query)).all()


async def list_transfers(
    tx: AsyncSession, user_id: UserId, *, after: UUID | None, limit: int
) -> Sequence[Transfer]:
    """Return the transfers of a user's wallet, newest first, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    account = wallet(user_id)
    query = select(Transfer).where(or_(Transfer.source == account, Transfer.target == account))
    if after is not None:
        query = query.where(Transfer.id < after)
    return (await tx.scalars(query.order_by(Transfer.id.desc()).limit(limit + 1))).all()


async def get_wallet_balance_at(
    tx: AsyncSession, user_id: UserId, moment: datetime | None
) -> MicroTokens:
    """Return what a user's wallet held before this moment: the sum of its transfers until then.

    None: before the first of them, when it was empty.
    """
    if moment is None:
        return MicroTokens(0)
    account = wallet(user_id)
    moved = case((Transfer.target == account, Transfer.amount), else_=-Transfer.amount)
    query = select(func.sum(moved)).where(
        or_(Transfer.source == account, Transfer.target == account), Transfer.created_at < moment
    )
    return MicroTokens(int(await tx.scalar(query) or 0))


async def list_statement(
    tx: AsyncSession,
    user_id: UserId,
    *,
    since: datetime | None,
    until: datetime,
    after: UUID | None,
    limit: int,
) -> Sequence[Transfer]:
    """Return transfers of a user's wallet from `since` to before `until`, the oldest first.

    Each side by its own index: a wallet may have hundreds of thousands.
    """
    assert 0 < limit <= STATEMENT_ROWS_MAX
    account, sides = wallet(user_id), []
    for side in (Transfer.source, Transfer.target):
        query = select(Transfer.id).where(side == account, Transfer.created_at < until)
        if since is not None:
            query = query.where(Transfer.created_at >= since)
        if after is not None:
            query = query.where(Transfer.id > after)
        sides.append(query.order_by(Transfer.id).limit(limit).subquery())
    found = union_all(*(select(side.c.id) for side in sides))
    rows = select(Transfer).where(Transfer.id.in_(found)).order_by(Transfer.id).limit(limit)
    return (await tx.scalars(rows)).all()


async def count_statement(
    tx: AsyncSession, user_id: UserId, *, since: datetime | None, until: datetime
) -> int:
    """Return how many transfers a statement has. O(transfers), each side by its own index."""
    account, count = wallet(user_id), 0
    for side in (Transfer.source, Transfer.target):
        query = select(func.count()).where(side == account, Transfer.created_at < until)
        if since is not None:
            query = query.where(Transfer.created_at >= since)
        count += (await tx.scalars(query)).one()
    return count


async def get_credit(tx: AsyncSession, credit_id: CreditId, *, lock: bool = False) -> Credit:
    """Load a credit, or refuse. `lock=True` holds its row."""
    found = await tx.get(Credit, credit_id, with_for_update=lock, populate_existing=True)
    if found is None:
        raise CreditNotFound
    return found


async def sum_credited_lately(
    tx: AsyncSession, admin_id: UserId | None, since: datetime
) -> MicroTokens:
    """Sum up what this admin has credited since then without another one's word."""
    query = select(func.sum(Credit.amount)).where(
        Credit.asked_by == admin_id,
        Credit.asked_at > since,
        Credit.state == CreditState.CREDITED,
        Credit.decided_by.is_(None),
    )
    return MicroTokens(int(await tx.scalar(query) or 0))


async def list_requested_credits(
    tx: AsyncSession, *, since: datetime, after: UUID | None, limit: int
) -> Sequence[Shown]:
    """Return the credits that wait for a second admin, the oldest first, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    query = _TO_APPROVE.where(Credit.state == CreditState.REQUESTED, Credit.asked_at > since)
    if after is not None:
        query = query.where(Credit.id > after)
    return (await tx.execute(query.order_by(Credit.id).limit(limit + 1))).all()


async def get_books(tx: AsyncSession) -> Books:
    """Sum up all accounts by kind: the part of their name before the colon."""
    kind = func.split_part(LedgerAccount.code, ":", 1).label("kind")
    query = select(kind, func.sum(LedgerAccount.balance).label("balance")).group_by(kind)
    sums = {row.kind: MicroTokens(int(row.balance)) for row in await tx.execute(query)}
    nothing = MicroTokens(0)
    return Books(
        sum=MicroTokens(sum(sums.values())),
        chain=sums.get(CHAIN, nothing),
        wallets=sums.get("wallet", nothing),
        escrows=sums.get("escrow", nothing),
        payouts=sums.get("payout", nothing),
        unclaimed=sums.get("unclaimed", nothing),
        revenue=sums.get(REVENUE, nothing),
    )
