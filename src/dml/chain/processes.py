"""What happens by itself to the withdrawals of a user who was suspended."""

from typing import Final

from dml.accounts import queries as account_queries
from dml.accounts.events import UserSuspended
from dml.accounts.models import UserState
from dml.chain.withdrawals import service
from dml.core.context import Context
from dml.core.events import on

WHY: Final = "Your account was suspended."


@on(UserSuspended, name="chain.call_off_of_suspended.v1")
async def call_off_of_suspended(ctx: Context, event: UserSuspended) -> None:
    """Call off what a suspended user asked for, and is in no batch yet (docs/decisions/0046)."""
    user = await account_queries.get_user(ctx.tx, event.user_id, lock=True)
    while user.state is UserState.SUSPENDED and await service.call_off_all(ctx, user.id, WHY):
        pass
