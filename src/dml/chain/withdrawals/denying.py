"""Addresses that nothing is paid to."""

from collections.abc import Sequence

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert

from dml.accounts import rules as account_rules
from dml.chain import queries, rules
from dml.chain.events import AddressAllowed, AddressDenied
from dml.chain.models import DeniedAddress, Withdrawal
from dml.chain.states import WithdrawalState
from dml.core import events
from dml.core.context import Context


async def deny(ctx: Context, address: str, *, reason: str) -> DeniedAddress:
    """Put an address on the deny list. Withdrawals to it that are in no batch go to review."""
    account_rules.require_admin(ctx.actor)
    row = {"reason": reason, "denied_by": ctx.actor.id, "denied_at": ctx.now}
    added = insert(DeniedAddress).values(address=address, **row)
    denied: DeniedAddress | None = await ctx.tx.scalar(
        added.on_conflict_do_update(index_elements=["address"], set_=row).returning(DeniedAddress),
        execution_options={"populate_existing": True},
    )
    assert denied is not None
    await ctx.tx.execute(
        update(Withdrawal)
        .where(Withdrawal.state == WithdrawalState.REQUESTED, Withdrawal.address == address)
        .values(
            needs_review=True,
            reviewed_at=None,
            reviewed_by=None,
            first_approved_by=None,
            first_approved_at=None,
        )
    )
    await events.record(ctx, AddressDenied(address), reason=reason)
    return denied


async def allow(ctx: Context, address: str) -> None:
    """Take an address off the deny list, or refuse where it is not on it."""
    account_rules.require_admin(ctx.actor)
    gone = delete(DeniedAddress).where(DeniedAddress.address == address)
    if (await ctx.tx.scalar(gone.returning(DeniedAddress.address))) is None:
        raise rules.NotDenied
    await events.record(ctx, AddressAllowed(address))


async def list_denied(ctx: Context, *, after: str | None, limit: int) -> Sequence[DeniedAddress]:
    """Return, for an admin, the deny list by address, and one beyond `limit`."""
    account_rules.require_admin(ctx.actor)
    return await queries.list_denied(ctx.tx, after=after, limit=limit)
