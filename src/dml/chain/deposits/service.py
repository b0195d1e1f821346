"""Giving deposits that name nobody to whom they belong, by an admin's word."""

from collections.abc import Sequence
from uuid import UUID

from dml.accounts import queries as account_queries, rules as account_rules
from dml.chain import queries, rules
from dml.chain.models import UNCLAIMED, Deposit, Vault
from dml.chain.states import DepositState
from dml.core import audit
from dml.core.context import Context
from dml.core.ids import DepositId, UserId
from dml.payments import service as payments
from dml.payments.models import TransferCode
from dml.payments.rules import wallet


async def assign(
    ctx: Context, deposit_id: DepositId, user_id: UserId, *, reason: str
) -> tuple[Deposit, Vault]:
    """Credit a user with a deposit that named nobody. Return it, and the vault it went into."""
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
    audit.record(ctx, deposit.reference, "assigned", move, reason=reason, facts=facts)
    return deposit, await queries.get_vault(ctx.tx, deposit.vault_id)


async def list_unclaimed(
    ctx: Context, *, after: UUID | None, limit: int
) -> Sequence[tuple[Deposit, Vault]]:
    """Return, for an admin, the deposits that name nobody: the oldest first, and one more."""
    account_rules.require_admin(ctx.actor)
    return await queries.list_unclaimed(ctx.tx, after=after, limit=limit)
