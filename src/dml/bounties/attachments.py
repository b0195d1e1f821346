"""Files that the owner adds to a bounty for everybody who sees it: data, images, a cover.

An image is what its first bytes say: no other is taken, so that a browser is never given a page.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from fastapi import Request

from dml.bounties import attachment_rules, edit_rules, queries, rules
from dml.bounties.models import Attachment, AttachmentKind, Bounty
from dml.core import audit, kept_files
from dml.core.blobs import Stored
from dml.core.context import Context
from dml.core.ids import AttachmentId, BountyId, new_id
from dml.core.kept_files import FileQuota, Room
from dml.edge.bodies import sha256_of, stream_file
from dml.edge.http import BeginFunction, Parts
from dml.edge.idempotency import LateTransaction
from dml.edge.uploads import uploading

DATA: Final = "application/octet-stream"
HEAD_BYTES: Final = 12  # What an image is known by.
SINGLE: Final = (AttachmentKind.THUMBNAIL, AttachmentKind.COVER)


@dataclass(frozen=True, slots=True)
class Upload:
    """What the owner says of a file; why, once the bounty is open."""

    kind: AttachmentKind
    name: str
    reason: str | None


class _Checked:
    """A stream whose first bytes are looked at on their way: an image that is none ends it."""

    def __init__(self, stream: AsyncIterator[bytes], kind: AttachmentKind) -> None:
        self._stream = stream
        self._kind = kind
        self.media_type = DATA

    async def chunks(self) -> AsyncIterator[bytes]:
        head, known = b"", False
        async for chunk in self._stream:
            if not known:
                head += chunk
                if len(head) < HEAD_BYTES:
                    continue
                chunk, known = head, True
                self._look(head)
            yield chunk
        if not known:
            self._look(head)
            yield head

    def _look(self, head: bytes) -> None:
        if self._kind is not AttachmentKind.DATA:
            self.media_type = attachment_rules.require_image(head)


async def attach(
    server: Parts,
    begin: BeginFunction,
    late: LateTransaction,
    bounty_id: BountyId,
    upload: Upload,
    request: Request,
) -> Attachment:
    """Take a file in for the bounty's owner. No transaction is open while it comes."""

    async def find_room(ctx: Context) -> Room:
        rules.require_signed_in(ctx.actor)
        await _require_may_add(ctx, bounty_id, upload, lock=False)
        return await server.quota.find_room(ctx)

    actor, began, room = await late.begin(begin, find_room)
    limit = server.settings.attachment_limit_bytes
    async with uploading(server, actor, request, limit=limit):
        checked = _Checked(stream_file(request, limit=limit), upload.kind)
        if room is None:
            sha256 = await sha256_of(checked.chunks())
            await late.repeat(begin(since=began), actor, sha256)
        stored = await server.blobs.take_in(room.within(checked.chunks()), limit=limit)
    async with server.blobs.unless_kept(stored):
        ctx = await late.open(begin(since=began), actor, stored.sha256)
        made = await add(ctx, bounty_id, upload, stored, checked.media_type, server.quota)
        await kept_files.keep(ctx, server.blobs, stored)
    return made


async def add(
    ctx: Context,
    bounty_id: BountyId,
    upload: Upload,
    stored: Stored,
    media_type: str,
    quota: FileQuota,
) -> Attachment:
    """Record a stored file. The same one under the same name again is the same attachment.

    A new thumbnail or cover takes the place of the old one; before the bounty opens, a file takes
    that of its name's.
    """
    bounty = await _require_may_add(ctx, bounty_id, upload, lock=True)
    there = await queries.list_attachments(ctx.tx, bounty_id)
    named = [it for it in there if it.kind is upload.kind and it.name == upload.name]
    if named and named[0].sha256 == stored.sha256:
        return named[0]
    replaced = [it for it in there if it.kind is upload.kind] if upload.kind in SINGLE else named
    if upload.kind not in SINGLE:
        attachment_rules.require_replaceable(bounty, named)
    attachment_rules.require_room_for_attachment(len(there) - len(replaced))
    for it in replaced:
        await ctx.tx.delete(it)
    await ctx.tx.flush()
    await kept_files.give_up(ctx, *(it.sha256 for it in replaced))
    await quota.require_room(ctx, stored)
    made = Attachment(
        id=AttachmentId(new_id()),
        bounty_id=bounty_id,
        kind=upload.kind,
        name=upload.name,
        media_type=media_type,
        sha256=stored.sha256,
        size=stored.size,
        created_at=ctx.now,
    )
    ctx.tx.add(made)
    _note(ctx, bounty, upload, [it.name for it in replaced], [upload.name])
    return made


async def remove(ctx: Context, bounty_id: BountyId, attachment_id: AttachmentId) -> None:
    """Take a file away, before the bounty opens: later somebody may rely on it.

    Of a draft that was given up nobody does.
    """
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id, lock=True)
    rules.require_owner(bounty, ctx.actor)
    attachment = await queries.get_attachment(ctx.tx, ctx.actor, bounty_id, attachment_id)
    if not rules.is_given_up_draft(bounty):
        rules.require_state(bounty, *rules.BEFORE_OPENING)
    await ctx.tx.delete(attachment)
    await kept_files.give_up(ctx, attachment.sha256)
    gone = Upload(attachment.kind, attachment.name, None)
    _note(ctx, bounty, gone, [attachment.name], [])


def headers_of(attachment: Attachment) -> dict[str, str]:
    """How a browser is to take the file: data to keep, an image to show, and neither to run."""
    how = "attachment" if attachment.kind is AttachmentKind.DATA else "inline"
    return {
        "Content-Disposition": f"{how}; filename*=UTF-8''{quote(attachment.name, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }


async def _require_may_add(
    ctx: Context, bounty_id: BountyId, upload: Upload, *, lock: bool
) -> Bounty:
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id, lock=lock)
    rules.require_owner(bounty, ctx.actor)
    rules.require_not_ended(bounty)
    attachment_rules.require_file_name(upload.name)
    edit_rules.require_reason(bounty, upload.reason)
    edit_rules.require_few_edits(len(await queries.list_changes(ctx.tx, bounty)))
    return bounty


def _note(
    ctx: Context, bounty: Bounty, upload: Upload, before: list[str], after: list[str]
) -> None:
    """Keep it among the edits of the bounty, which everybody sees once it is funded."""
    told = {f"attachments.{upload.kind}": {"before": before, "after": after}}
    audit.record(ctx, bounty.reference, "edited", reason=upload.reason, facts={"changes": told})
