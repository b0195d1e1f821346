"""The use cases of admins."""

from collections.abc import Sequence
from uuid import UUID

from dml.accounts import queries, rules, sessions
from dml.accounts.admin import queries as admin_queries
from dml.accounts.events import UserRestored, UserRoleChanged, UserSuspended
from dml.accounts.models import User, UserState
from dml.core import events
from dml.core.context import Context, Role
from dml.core.ids import UserId


async def list_users(
    ctx: Context,
    *,
    text: str | None,
    role: Role | None,
    state: UserState | None,
    after: UUID | None,
    limit: int,
) -> Sequence[User]:
    """Return, for an admin, users with this in their address or name, newest first, and one more
    than `limit`.
    """
    rules.require_admin(ctx.actor)
    return await admin_queries.list_users(
        ctx.tx, text=text, role=role, state=state, after=after, limit=limit
    )


async def get_user(ctx: Context, user_id: UserId) -> User:
    """Return any user, for an admin; of one who was erased, what is left."""
    rules.require_admin(ctx.actor)
    return await queries.get_user_or_erased(ctx.tx, user_id)


async def suspend(ctx: Context, user_id: UserId, *, reason: str) -> User:
    """Keep a user out until they are restored. They can read the reason (decision 0046).

    Their sessions end with this transaction; what runs for them is stopped by handlers.
    """
    admins = await _lock_admins(ctx)
    user = await queries.get_user(ctx.tx, user_id, lock=True)
    rules.require_somebody_else(ctx.actor, user)
    rules.require_active(user)
    rules.require_another_admin(len(set(admins) - {user_id}))
    user.suspended_at, user.suspension_reason = ctx.now, reason
    user.revision += 1  # So that their devices' claims are judged anew.
    await sessions.end_all(ctx, user.id, "suspended")
    await events.record(ctx, UserSuspended(user.id), [events.user(user.id)], reason=reason)
    return user


async def restore(ctx: Context, user_id: UserId, *, reason: str) -> User:
    """Let a suspended user in again. They sign in anew, and resume their jobs themselves."""
    await _lock_admins(ctx)
    user = await queries.get_user(ctx.tx, user_id, lock=True)
    rules.require_suspended(user)
    user.suspended_at = user.suspension_reason = None
    user.revision += 1
    await events.record(ctx, UserRestored(user.id), [events.user(user.id)], reason=reason)
    return user


async def change_role(ctx: Context, user_id: UserId, role: Role) -> User:
    """Make somebody a member, a moderator or an admin. One admin is always left."""
    admins = await _lock_admins(ctx)
    user = await queries.get_user(ctx.tx, user_id, lock=True)
    rules.require_person(user)
    if role is not Role.ADMIN:
        rules.require_another_admin(len(set(admins) - {user_id}))
    changed = UserRoleChanged(user.id, before=user.role, role=role)
    await events.record(ctx, changed, [events.user(user.id)])
    user.role = role
    user.revision += 1
    return user


async def _lock_admins(ctx: Context) -> Sequence[UserId]:
    """Hold the rows of all admins who are not suspended, and refuse who is none of them."""
    rules.require_admin(ctx.actor)
    admins = await queries.lock_admins(ctx.tx)
    rules.require_still_admin(ctx.actor, admins)
    return admins
