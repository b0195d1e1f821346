"""The use cases: show a photo, or none."""

from dml.accounts import queries
from dml.accounts.events import UserPhotoChanged, UserPhotoRemoved
from dml.accounts.models import User
from dml.core import events, kept_files
from dml.core.blobs import Stored
from dml.core.context import Context


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
    await kept_files.give_up(ctx, *(it for it in before if it != thumbnail.sha256))
    await events.record(ctx, UserPhotoChanged(user.id), [events.user(user.id)])
    return user


async def remove(ctx: Context) -> None:
    """Show no photo of the actor any more, and delete it. Where there is none, all is well too."""
    user = await queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    before = user.photo_sha256, user.thumbnail_sha256
    if before == (None, None):
        return
    user.photo_sha256 = user.thumbnail_sha256 = None
    await ctx.tx.flush()
    await kept_files.give_up(ctx, *before)
    await events.record(ctx, UserPhotoRemoved(user.id), [events.user(user.id)])
