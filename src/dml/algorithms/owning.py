"""Nobody judges what is their own."""

from dml.accounts.organisations import queries as organisations
from dml.algorithms import rules
from dml.algorithms.models import Algorithm, Version
from dml.core.context import Context


async def require_not_own(
    ctx: Context, algorithm: Algorithm, version: Version | None = None
) -> None:
    """Refuse to judge what is one's own, or an organisation's that one acts for (decision 64)."""
    owners = rules.owners_of(algorithm, version)
    interested = await organisations.list_interested(ctx.tx, owners, ctx.now)
    rules.require_not_own(interested, ctx.actor)
