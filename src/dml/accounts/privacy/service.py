"""The use cases: have one's data exported, and be erased."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import queries as account_queries
from dml.accounts.events import ExportFailed, ExportReady, ExportRequested, UserErased
from dml.accounts.privacy import letters, queries, rules
from dml.accounts.privacy.models import KEPT, DataExport
from dml.accounts.recovery import service as recovery
from dml.accounts.recovery.service import Post
from dml.core import events, kept_files, personal
from dml.core.context import Context, Role
from dml.core.errors import NotSignedIn
from dml.core.ids import ExportId, new_id


async def request_export(ctx: Context) -> DataExport:
    """Note that the actor wants their data. A process makes the file."""
    # Two at once wait for each other here, so that there is one.
    user = await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    kept = await queries.list_exports(ctx.tx, user.id, ctx.now)
    rules.require_none_under_way(kept)
    rules.require_room(kept, ctx.now)
    export = DataExport(id=ExportId(new_id()), user_id=user.id, created_at=ctx.now)
    ctx.tx.add(export)
    requested = ExportRequested(export.id)
    await events.record(ctx, requested, [events.user(user.id)])
    return export


async def finish_export(
    ctx: Context, post: Post, export_id: ExportId, made: tuple[str, int] | None
) -> None:
    """Note that an export's file was made, with its hash and size, or could not be; tell its user.

    Where they are erased meanwhile, the file goes.
    """
    export = await ctx.tx.get(DataExport, export_id, with_for_update=True)
    if export is None:
        await kept_files.give_up(ctx, made and made[0])
        return
    readers = [events.user(export.user_id)]
    if made is None:
        export.failed_at = ctx.now
        await events.record(ctx, ExportFailed(export.id), readers)
        return
    export.ready_at, (export.sha256, export.size) = ctx.now, made
    await events.record(ctx, ExportReady(export.id), readers)
    user = await account_queries.get_user(ctx.tx, export.user_id)
    await recovery.tell(ctx, post, user.email, letters.export_ready())


async def erase_me(ctx: Context, post: Post) -> None:
    """Erase the actor's account, or name all that is in the way. It was proven who asks.

    The user's row and balance are held, so nothing begins for them meanwhile that costs tokens. An
    id is left, which names nobody (docs/decisions/0054).
    """
    await account_queries.lock_admins(ctx.tx)  # Before any user's row, as whoever resigns does.
    try:
        user = await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    except account_queries.UserNotFound:  # They asked twice at once.
        raise NotSignedIn from None
    rules.require_unblocked(await personal.find_blockers(ctx.tx, user.id))
    user_id, email = user.id, user.email or ""
    photo = user.photo_sha256, user.thumbnail_sha256
    await kept_files.give_up(ctx, *photo, *await queries.list_files(ctx.tx, user_id))
    await personal.leave(ctx, user_id)
    await events.record(ctx, UserErased(user_id))
    await personal.erase_rows(ctx, user_id, email)
    await ctx.tx.refresh(user)
    user.erased_at, user.role = ctx.now, Role.MEMBER
    user.revision += 1  # So that nothing kept in memory of them counts.
    await recovery.tell(ctx, post, email or None, letters.erased())


async def forget_expired(tx: AsyncSession, now: datetime) -> None:
    """Delete exports whose week is over. The collector deletes their files."""
    await tx.execute(delete(DataExport).where(DataExport.created_at <= now - KEPT))
