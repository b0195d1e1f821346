"""What takes longer than a request: an export's file, and the event log of who is erased."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from dml.accounts.privacy import archive, service
from dml.accounts.privacy.models import DataExport
from dml.accounts.recovery.service import Post
from dml.core import event_erasing, personal, processes, worker
from dml.core.context import Actor, Context
from dml.core.ids import ExportId, UserId
from dml.core.processes import StepFailed, Steps, process

LATER: Final = timedelta(minutes=1)  # By then no request goes on that began before the erasure.


@process("accounts.export.v1")
async def export(steps: Steps, export_id: UUID, user_id: UUID) -> str:
    """Make an export's file, and say so; or that it could not be made."""
    try:
        made = await steps.call(make_file, user_id)
    except StepFailed:
        await steps.change(finish, export_id, None)
        return "failed"
    await steps.change(finish, export_id, made)
    return "ready"


async def make_file(user_id: UUID) -> tuple[str, int]:
    parts = worker.parts()
    refused_since = datetime.now(UTC) - timedelta(days=parts.settings.keep_refused_versions_days)
    stored = await archive.make(
        parts.sessions, parts.blobs, UserId(user_id), refused_since=refused_since
    )
    return stored.sha256, stored.size


async def finish(ctx: Context, export_id: UUID, made: tuple[str, int] | None) -> None:
    parts = worker.parts()
    post = Post(parts.opener, parts.settings)
    await service.finish_export(ctx, post, ExportId(export_id), made)


@process("accounts.erase.v1")
async def erase(steps: Steps, user_id: UUID) -> None:
    """Erase what requests that were under way have added, and then the event log, bit by bit."""
    await steps.change(erase_late_rows, user_id)
    first: int | None = 0
    while first is not None:
        first = await steps.change(erase_events, user_id, first)
    while await steps.change(forget_readers, user_id):
        pass


async def erase_late_rows(ctx: Context, user_id: UUID) -> None:
    as_user = replace(ctx, actor=Actor(UserId(user_id)))
    await personal.leave(as_user, UserId(user_id))
    await personal.erase_rows(ctx, UserId(user_id), "")


async def erase_events(ctx: Context, user_id: UUID, first: int) -> int | None:
    return await event_erasing.erase_some(ctx.tx, UserId(user_id), first)


async def forget_readers(ctx: Context, user_id: UUID) -> bool:
    return await event_erasing.forget_some_readers(ctx.tx, UserId(user_id))


async def request_export(ctx: Context) -> DataExport:
    """Have the actor's data exported."""
    made = await service.request_export(ctx)
    await processes.start(ctx, f"export:{made.id}", export, made.id, made.user_id)
    return made


async def erase_me(ctx: Context, post: Post) -> None:
    """Erase the actor's account now, and soon what is left in the event log."""
    user_id = ctx.actor.id
    await service.erase_me(ctx, post)
    await processes.at(ctx, ctx.now + LATER, f"erase:{user_id}", erase, user_id)
