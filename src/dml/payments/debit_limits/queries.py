"""Every SELECT of debit limits."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.ids import UserId
from dml.core.money import MicroTokens
from dml.payments.debit_limits import rules
from dml.payments.debit_limits.models import DebitLimit
from dml.payments.debit_limits.rules import Taken
from dml.payments.models import Transfer
from dml.payments.rules import wallet


async def find(tx: AsyncSession, user_id: UserId, *, lock: bool = False) -> DebitLimit | None:
    """Return a user's debit limit, if they ever set one. `lock=True` holds it."""
    return await tx.get(DebitLimit, user_id, with_for_update=lock, populate_existing=lock)


async def list_taken(tx: AsyncSession, user_id: UserId, now: datetime) -> Sequence[Taken]:
    """Return what jobs and bounties took from a user's balance in the last 30 days, in order.

    O(their transfers), for who has a limit: and none is left out, for each counts.
    """
    query = select(Transfer.amount, Transfer.created_at).where(
        Transfer.source == wallet(user_id),
        Transfer.code.in_(rules.LIMITED),
        Transfer.created_at > now - rules.WINDOW,
    )
    rows = await tx.execute(query.order_by(Transfer.created_at, Transfer.id))
    return [Taken(MicroTokens(it.amount), it.created_at) for it in rows]
