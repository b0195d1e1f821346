"""The use cases: show a photo, or none."""

from dml.accounts import queries, rules as account_rules
from dml.accounts.events import UserPhotoChanged, UserPhotoRemoved
from dml.accounts.models import User
from dml.accounts.photos import rules
from dml.core import events, kept_files
from dml.core.blobs import Stored
from dml.core.context import Context
from dml.core.ids import UserId


async def change(ctx: Context, photo: Stored, thumbnail: Stored) -> User:
    """Show this photo of the actor from now on. The one before is deleted, unless it is the same.

    The caller has both files kept in this transaction.
    """
    user = await queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    if user.photo_sha256 == photo.sha256:
        return user
    before = user.photo_sha256, user.thumbnail_sha256
    user.photo_sha256, user.thumbnail_sha256 = photo.sha256, thumbnail.sha256
    await ctx.tx.flush()
    await kept_files.give_up(ctx, *before)
    await events.record(ctx, UserPhotoChanged(user.id), [events.user(user.id)])
    return user


async def remove(ctx: Context) -> None:
    """Show no photo of the actor any more, and delete it. Where there is none, all is well too."""
    user = await queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    if user.photo is not None:
        await _remove(ctx, user)


async def remove_as_admin(ctx: Context, user_id: UserId, *, reason: str) -> None:
    """Take a photo off that nobody should see, and delete it. Its user can read the reason."""
    account_rules.require_admin(ctx.actor)
    user = await queries.get_user(ctx.tx, user_id, lock=True)
    if user.photo is None:
        raise rules.PhotoNotFound
    await _remove(ctx, user, reason)


async def _remove(ctx: Context, user: User, reason: str | None = None) -> None:
    before = user.photo_sha256, user.thumbnail_sha256
    user.photo_sha256 = user.thumbnail_sha256 = None
    await ctx.tx.flush()
    await kept_files.give_up(ctx, *before)
    readers = [events.user(user.id)]
    await events.record(ctx, UserPhotoRemoved(user.id), readers, reason=reason)
