"""From an event to its mail: a process that starts where the event is recorded."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from dml.accounts.notices import service
from dml.accounts.notices.kinds import Notice
from dml.accounts.notices.service import Happened
from dml.accounts.recovery.service import Post
from dml.core import events, processes, worker
from dml.core.context import Context
from dml.core.events import Record
from dml.core.processes import Steps, process

_notices: Final[dict[str, Notice]] = {}
_USER: Final = "user:"


def know(notices: Iterable[Notice]) -> None:
    """Have these told from now on."""
    for it in notices:
        _notices[it.event.TYPE] = it
        events.follow(it.event, start)


def known() -> list[Notice]:
    return list(_notices.values())


@process("accounts.tell.v1")
async def tell(steps: Steps, happened: Happened) -> None:
    await steps.change(write, happened)


async def write(ctx: Context, happened: Happened) -> None:
    parts = worker.parts()
    notice = _notices[happened.type]
    await service.write(ctx, Post(parts.opener, parts.settings), notice, happened)


async def start(ctx: Context, record: Record) -> None:
    """Have the users told who may see this event, where it is news to them.

    Two events of one type, moment and subject are told by one mail.
    """
    event, actor = record.event, ctx.actor
    notice = _notices[event.TYPE]
    if not notice.is_news(event):
        return
    for reader in sorted(it for it in record.readers if it.startswith(_USER)):
        user_id = UUID(reader.removeprefix(_USER))
        if notice.by_others and user_id == actor.user_id:
            continue
        happened = Happened(
            type=event.TYPE,
            subject=event.subject,
            at=ctx.now,
            user_id=user_id,
            session_id=actor.session_id if actor.user_id == user_id else None,
            is_by_token=actor.user_id == user_id and actor.scopes is not None,
        )
        process_id = f"tell:{event.TYPE}:{event.subject}:{ctx.now.isoformat()}:{user_id}"
        await processes.start(ctx, process_id, tell, happened)
