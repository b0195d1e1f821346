"""Tokens that an admin brings in by hand, and takes back where that was a mistake.

Where a vault holds the tokens, no more is credited than lies in it beyond the books: what nobody
covers would stop all payouts. Above a bound two admins have to agree, and nobody credits oneself.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import queries as account_queries, rules as account_rules
from dml.accounts.organisations import queries as organisations
from dml.core import events, money
from dml.core.context import Context
from dml.core.db import Shown
from dml.core.ids import CreditId, UserId, new_id
from dml.core.money import MicroTokens
from dml.core.states import Move
from dml.payments import queries, rules, service
from dml.payments.events import CreditCredited, CreditRefused, CreditRequested, CreditReversed
from dml.payments.models import CHAIN, Credit, CreditState, TransferCode

# What tells how much more may be credited; None where no vault holds the tokens. It is called while
# the account `chain` is held, so that nothing comes or goes meanwhile. The domain above knows.
Cover: TypeAlias = Callable[[AsyncSession], Awaitable[MicroTokens | None]]
_COVERS: Final[list[Cover]] = []


def cover_by(cover: Cover) -> None:
    """Credit no more than this says. Called by an entrypoint."""
    if cover not in _COVERS:
        _COVERS.append(cover)


async def credit(
    ctx: Context,
    user_id: UserId,
    amount: MicroTokens,
    *,
    reason: str,
    alone_up_to: MicroTokens | None,
) -> Credit:
    """Credit a user, or ask another admin to agree where it is more than one may alone.

    What this admin credited in the last 24 hours counts, too. None: there is no such bound.
    """
    account_rules.require_admin(ctx.actor)
    theirs = await organisations.list_interested(ctx.tx, [user_id], ctx.now)
    rules.require_not_own(ctx.actor.user_id, *theirs)
    user = await account_queries.get_user(ctx.tx, user_id)
    await _hold_chain(ctx)  # One credit at a time: they are summed up.
    made = Credit(
        id=CreditId(new_id()),
        user_id=user.id,
        amount=amount,
        reason=reason,
        state=CreditState.REQUESTED,
        asked_by=ctx.actor.user_id,
        asked_at=ctx.now,
    )
    lately = await queries.sum_credited_lately(ctx.tx, ctx.actor.user_id, ctx.now - rules.DAY)
    ctx.tx.add(made)
    requested = CreditRequested(made.id, user.id, amount)
    await events.record(ctx, requested, (), Move(None, CreditState.REQUESTED), reason=reason)
    if alone_up_to is None or lately + amount <= alone_up_to:
        await _bring_in(ctx, made)
    else:
        await _require_covered(ctx, amount)
    await ctx.tx.flush()
    return made


async def approve(ctx: Context, credit_id: CreditId) -> Credit:
    """Agree to what another admin asked for: it is credited."""
    account_rules.require_admin(ctx.actor)
    await _hold_chain(ctx)
    found = await queries.get_credit(ctx.tx, credit_id, lock=True)
    rules.require_to_decide(found, ctx.now)
    theirs = await organisations.list_interested(ctx.tx, [found.user_id], ctx.now)
    rules.require_not_own(ctx.actor.user_id, *theirs, found.asked_by)
    found.decided_by, found.decided_at = ctx.actor.user_id, ctx.now
    await _bring_in(ctx, found)
    return found


async def refuse(ctx: Context, credit_id: CreditId, *, reason: str) -> Credit:
    """Call off a credit that waits for a second admin; who asked for it may, too."""
    account_rules.require_admin(ctx.actor)
    found = await queries.get_credit(ctx.tx, credit_id, lock=True)
    move = rules.move_credit(found, CreditState.REFUSED)
    found.decided_by, found.decided_at = ctx.actor.user_id, ctx.now
    refused = CreditRefused(found.id, found.user_id, found.amount)
    await events.record(ctx, refused, (), move, reason=reason)
    return found


async def reverse(
    ctx: Context, credit_id: CreditId, amount: MicroTokens | None, *, reason: str
) -> Credit:
    """Take a credit back, whole or in part, as far as its user still has it; or refuse."""
    account_rules.require_admin(ctx.actor)
    await _hold_chain(ctx)
    found = await queries.get_credit(ctx.tx, credit_id, lock=True)
    wallet = rules.wallet(found.user_id)
    there = (await queries.lock_accounts(ctx.tx, [wallet])).get(wallet, MicroTokens(0))
    amount_back = rules.require_reversible(found, amount, there)
    found.reversals += 1
    found.reversed = MicroTokens(found.reversed + amount_back)
    await service.transfer(
        ctx,
        code=TransferCode.CREDIT_REVERSAL,
        reference=f"{found.reference}/{found.reversals}",
        source=wallet,
        target=CHAIN,
        amount=amount_back,
    )
    reversed_ = CreditReversed(found.id, found.user_id, amount_back)
    await events.record(ctx, reversed_, [events.user(found.user_id)], reason=reason)
    return found


async def list_requested(ctx: Context, *, after: UUID | None, limit: int) -> Sequence[Shown]:
    """Return, for an admin, what waits for a second one: the oldest first, and one more."""
    account_rules.require_admin(ctx.actor)
    return await queries.list_requested_credits(
        ctx.tx, since=ctx.now - rules.CREDIT_LIFE, after=after, limit=limit
    )


async def get(ctx: Context, credit_id: CreditId) -> Credit:
    """Return a credit, for an admin."""
    account_rules.require_admin(ctx.actor)
    return await queries.get_credit(ctx.tx, credit_id)


async def _hold_chain(ctx: Context) -> None:
    """Let nothing come in or go out until this transaction ends."""
    await service.open_account(ctx, CHAIN)
    await queries.lock_accounts(ctx.tx, [CHAIN])


async def _require_covered(ctx: Context, amount: MicroTokens) -> None:
    """Refuse what no vault holds; the system's own credits are an operator's, at the machine."""
    if ctx.actor.user_id is None:
        return
    for cover in _COVERS:
        left = await cover(ctx.tx)
        if left is not None and amount > left:
            raise rules.NotCovered(left=money.render(left))


async def _bring_in(ctx: Context, found: Credit) -> None:
    await _require_covered(ctx, found.amount)
    move = rules.move_credit(found, CreditState.CREDITED)
    await service.transfer(
        ctx,
        code=TransferCode.DEPOSIT,
        reference=found.reference,
        source=CHAIN,
        target=rules.wallet(found.user_id),
        amount=found.amount,
    )
    credited = CreditCredited(found.id, found.user_id, found.amount)
    readers = [events.user(found.user_id)]
    await events.record(ctx, credited, readers, move, reason=found.reason)
