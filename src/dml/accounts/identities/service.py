"""The use cases of identities: add one, which each kind proves in its own way, and revoke one."""

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert

from dml.accounts import queries as account_queries
from dml.accounts.events import UserIdentityAdded, UserIdentityRevoked
from dml.accounts.identities import queries, rules
from dml.accounts.identities.models import Identity, IdentityKind
from dml.accounts.models import NO_PASSWORD, User
from dml.core import events
from dml.core.context import Context
from dml.core.events import Record
from dml.core.ids import IdentityId, UserId, new_id


async def add(ctx: Context, user_id: UserId, kind: IdentityKind, subject: str) -> Identity | None:
    """Let a user sign in by this, too. None: somebody does already, perhaps since a moment ago."""
    row = {
        "id": IdentityId(new_id()),
        "user_id": user_id,
        "kind": kind,
        "subject": subject,
        "created_at": ctx.now,
    }
    added = insert(Identity).values(row).on_conflict_do_nothing(constraint="identities_kind_key")
    identity: Identity | None = await ctx.tx.scalar(added.returning(Identity))
    return identity


async def add_mine(ctx: Context, kind: IdentityKind, subject: str) -> Identity | None:
    """As `add`, for the actor, whose row is held, and who has fewer than one may have."""
    mine = await queries.list_identities(ctx.tx, ctx.actor.id)
    rules.require_few(len(mine), queries.IDENTITIES_MAX)
    identity = await add(ctx, ctx.actor.id, kind, subject)
    if identity is not None:
        added = UserIdentityAdded(ctx.actor.id, kind.value)
        await events.record(ctx, added, [events.user(ctx.actor.id)])
    return identity


async def revoke_mine(ctx: Context, identity_id: IdentityId) -> tuple[User, IdentityKind]:
    """Take one of the user's ways to sign in, and never the last. Return whose, and of what kind.

    The caller had it proven who asks. Two who revoke at once wait for each other: the user's row is
    held.
    """
    user = await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    mine = await queries.list_identities(ctx.tx, user.id)
    found = next((it for it in mine if it.id == identity_id), None)
    if found is None:
        raise rules.IdentityNotFound
    rules.require_another(len(mine))
    if found.kind is IdentityKind.PASSWORD:
        without = update(User).where(User.id == user.id).values(password_hash=NO_PASSWORD)
        await ctx.tx.execute(without)
    await ctx.tx.execute(delete(Identity).where(Identity.id == identity_id))
    removed = UserIdentityRevoked(user.id, found.kind.value)
    await events.record(ctx, removed, [events.user(user.id)])
    return user, found.kind


async def revoke_others(ctx: Context, user_id: UserId) -> None:
    """Leave a user, whose row is held, their password as the only way to sign in."""
    others = Identity.user_id == user_id, Identity.kind != IdentityKind.PASSWORD
    gone = await ctx.tx.scalars(delete(Identity).where(*others).returning(Identity.kind))
    readers = [events.user(user_id)]
    revoked = [UserIdentityRevoked(user_id, kind.value) for kind in gone]
    await events.record_many(ctx, [Record(it, readers) for it in revoked])
