"""Who takes part in a bounty does not join the organisation whose it is (docs/decisions/0064)."""

from dml.bounties.enrollments import queries
from dml.core.context import Context
from dml.core.ids import UserId


async def takes_part(ctx: Context, user_id: UserId, organisation_id: UserId) -> bool:
    """Whether a user is in an entrant of a bounty of this organisation's that has not ended."""
    return await queries.is_in_a_bounty_of(ctx.tx, user_id, organisation_id)
