"""Requesting and cancelling a withdrawal, and an admin's decision above a threshold.

The transaction that requests it moves the tokens from `wallet:<user>` to `payout:<id>`. They leave
that account when the payout is final (`settling`), or go back.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from dml.accounts import rules as account_rules
from dml.accounts.organisations import queries as organisations
from dml.chain import queries, rules
from dml.chain.events import (
    WithdrawalApproved,
    WithdrawalApprovedByTheFirst,
    WithdrawalCancelled,
    WithdrawalEvent,
    WithdrawalRefused,
    WithdrawalRequested,
    seen_by,
)
from dml.chain.models import Withdrawal
from dml.chain.states import WithdrawalState
from dml.chain.wallets import rules as wallet_rules
from dml.chain.withdrawals import rules as withdrawal_rules
from dml.chain.withdrawals.rules import WithdrawalTerms, payout_account
from dml.core import events
from dml.core.context import Context
from dml.core.db import Shown
from dml.core.ids import UserId, WalletId, WithdrawalId, new_id
from dml.core.money import MicroTokens
from dml.core.states import Move
from dml.payments import service as payments
from dml.payments.models import TransferCode
from dml.payments.rules import wallet as wallet_of

NEEDS_REVIEW: Final = "An admin looks at it first."


async def request(
    ctx: Context,
    terms: WithdrawalTerms,
    *,
    wallet_id: WalletId,
    amount: MicroTokens,
    max_fee: MicroTokens | None = None,
    memo: str | None = None,
) -> Withdrawal:
    """Set the amount and its fee aside, to be paid to the user's wallet; or refuse.

    The caller has had it proven who asks. Requests of one user run one after another, for the
    limits.
    """
    await queries.lock_user(ctx.tx, ctx.actor.id)
    vault = await queries.get_current_vault(ctx.tx)
    wallet = await queries.get_my_wallet(ctx.tx, ctx.actor, wallet_id)
    wallet_rules.require_somebodys(wallet.address, await queries.list_vaults(ctx.tx))
    await queries.require_not_denied(ctx.tx, wallet.address)
    withdrawal_rules.require_fee(terms, max_fee)
    withdrawal_rules.require_amount(terms, vault, amount)
    recent = await queries.get_recent(ctx.tx, ctx.actor.id, ctx.now)
    withdrawal_rules.require_left(terms, recent, amount, ctx.now)
    withdrawal = Withdrawal(
        id=WithdrawalId(new_id()),
        user_id=ctx.actor.id,
        wallet_id=wallet.id,
        address=wallet.address,
        amount=amount,
        fee=terms.fee,
        state=WithdrawalState.REQUESTED,
        requested_at=ctx.now,
        needs_review=withdrawal_rules.needs_review(terms, recent, amount),
        memo=memo,
    )
    await _set_aside(ctx, withdrawal)
    ctx.tx.add(withdrawal)
    reason = NEEDS_REVIEW if withdrawal.needs_review else None
    made = Move(None, WithdrawalState.REQUESTED)
    await _record(ctx, WithdrawalRequested, withdrawal, made, reason)
    return withdrawal


async def cancel(ctx: Context, withdrawal_id: WithdrawalId) -> Withdrawal:
    """Cancel a withdrawal that is in no batch yet: amount and fee go back."""
    withdrawal = await queries.get_my_withdrawal(ctx.tx, ctx.actor, withdrawal_id, lock=True)
    await _call_off(ctx, WithdrawalCancelled, withdrawal, "You cancelled it.")
    return withdrawal


async def call_off_all(ctx: Context, user_id: UserId, reason: str) -> int:
    """Call off all of a user's withdrawals that are in no batch yet: the tokens go back. Return how
    many those were.
    """
    held = await queries.lock_requested(ctx.tx, user_id)
    for withdrawal in held:
        await _call_off(ctx, WithdrawalCancelled, withdrawal, reason)
    return len(held)


async def approve(
    ctx: Context,
    withdrawal_id: WithdrawalId,
    *,
    reason: str | None,
    alone_up_to: MicroTokens | None,
) -> Withdrawal:
    """Approve a withdrawal that waits for review; a large one needs two admins."""
    account_rules.require_admin(ctx.actor)
    withdrawal = await queries.get_withdrawal(ctx.tx, withdrawal_id)
    withdrawal_rules.require_to_review(withdrawal)
    theirs = await organisations.list_interested(ctx.tx, [withdrawal.user_id], ctx.now)
    withdrawal_rules.require_not_own(withdrawal, theirs, ctx.actor.id)
    await queries.require_not_denied(ctx.tx, withdrawal.address)
    recent = await queries.get_recent(ctx.tx, withdrawal.user_id, ctx.now)
    if withdrawal_rules.needs_second(withdrawal, recent.amount, alone_up_to):
        withdrawal.first_approved_by, withdrawal.first_approved_at = ctx.actor.id, ctx.now
        await _record(ctx, WithdrawalApprovedByTheFirst, withdrawal, None, reason)
        return withdrawal
    withdrawal.reviewed_by, withdrawal.reviewed_at = ctx.actor.id, ctx.now
    await _record(ctx, WithdrawalApproved, withdrawal, None, reason)
    return withdrawal


async def refuse(ctx: Context, withdrawal_id: WithdrawalId, *, reason: str) -> Withdrawal:
    """Refuse a withdrawal that waits for review: amount and fee go back, and the user reads why."""
    account_rules.require_admin(ctx.actor)
    withdrawal = await queries.get_withdrawal(ctx.tx, withdrawal_id)
    withdrawal_rules.require_to_review(withdrawal)
    withdrawal.reviewed_by, withdrawal.reviewed_at = ctx.actor.id, ctx.now
    await _call_off(ctx, WithdrawalRefused, withdrawal, reason)
    return withdrawal


async def _set_aside(ctx: Context, withdrawal: Withdrawal) -> None:
    account = payout_account(withdrawal.id)
    await payments.open_reserve(ctx, account, withdrawal.user_id)
    await payments.transfer(
        ctx,
        code=TransferCode.WITHDRAWAL,
        reference=withdrawal.reference,
        source=wallet_of(withdrawal.user_id),
        target=account,
        amount=MicroTokens(withdrawal.amount + withdrawal.fee),
    )


async def _call_off(
    ctx: Context, about: type[WithdrawalEvent], withdrawal: Withdrawal, reason: str
) -> None:
    move = rules.move_withdrawal(withdrawal, WithdrawalState.CANCELLED)
    withdrawal.ended_at, withdrawal.end_reason = ctx.now, reason
    await payments.transfer(
        ctx,
        code=TransferCode.WITHDRAWAL_REVERSAL,
        reference=withdrawal.reference,
        source=payout_account(withdrawal.id),
        target=wallet_of(withdrawal.user_id),
        amount=MicroTokens(withdrawal.amount + withdrawal.fee),
    )
    await _record(ctx, about, withdrawal, move, reason)


async def _record(
    ctx: Context,
    about: type[WithdrawalEvent],
    withdrawal: Withdrawal,
    move: Move | None,
    reason: str | None,
) -> None:
    event = about(withdrawal.id, withdrawal.amount)
    facts = {"address": withdrawal.address}
    await events.record(ctx, event, seen_by(withdrawal), move, reason=reason, facts=facts)


async def list_to_review(ctx: Context, *, after: UUID | None, limit: int) -> Sequence[Shown]:
    """Return, for an admin, what waits for a review: the oldest first, and one beyond `limit`."""
    account_rules.require_admin(ctx.actor)
    return await queries.list_to_review(ctx.tx, after=after, limit=limit)
