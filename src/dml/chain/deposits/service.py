"""Assigning deposits that name no user, by an admin's decision."""

from collections.abc import Sequence
from uuid import UUID

from dml.accounts import queries as account_queries, rules as account_rules
from dml.chain import queries, rules
from dml.chain.events import DepositAssigned
from dml.chain.models import UNCLAIMED, Deposit, Vault
from dml.chain.states import DepositState
from dml.core import events
from dml.core.context import Context
from dml.core.ids import DepositId, UserId
from dml.payments import service as payments
from dml.payments.models import TransferCode
from dml.payments.rules import wallet


async def assign(
    ctx: Context, deposit_id: DepositId, user_id: UserId, *, reason: str
) -> tuple[Deposit, Vault]:
    """Credit a user with a deposit that names no user. Return it and its vault."""
    account_rules.require_admin(ctx.actor)
    deposit = await queries.get_deposit(ctx.tx, deposit_id)
    user = await account_queries.get_user(ctx.tx, user_id)
    rules.require_unclaimed(deposit)
    deposit.user_id = user.id
    move = rules.move_deposit(deposit, DepositState.CREDITED)
    await payments.transfer(
        ctx,
        code=TransferCode.DEPOSIT_CLAIM,
        reference=deposit.reference,
        source=UNCLAIMED,
        target=wallet(user.id),
        amount=deposit.amount,
    )
    facts = {"user_id": str(user.id), "named": str(deposit.named)}
    assigned = DepositAssigned(deposit.id, deposit.amount)
    await events.record(ctx, assigned, [events.user(user.id)], move, reason=reason, facts=facts)
    return deposit, await queries.get_vault(ctx.tx, deposit.vault_id)


async def list_unclaimed(
    ctx: Context, *, after: UUID | None, limit: int
) -> Sequence[tuple[Deposit, Vault]]:
    """Return, for an admin, deposits that name no user, oldest first, one beyond the limit."""
    account_rules.require_admin(ctx.actor)
    return await queries.list_unclaimed(ctx.tx, after=after, limit=limit)
