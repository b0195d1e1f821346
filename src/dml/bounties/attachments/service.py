"""Files that the owner adds to a bounty for everybody who sees it: data, images, a cover."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from dml.bounties import queries, rules
from dml.bounties.attachments import rules as attachment_rules
from dml.bounties.editing import rules as edit_rules
from dml.bounties.events import BountyEdited, seen_by
from dml.bounties.models import Attachment, AttachmentKind, Bounty
from dml.core import events, kept_files
from dml.core.blobs import Stored
from dml.core.context import Context
from dml.core.ids import AttachmentId, BountyId, new_id
from dml.core.kept_files import FileQuota

SINGLE: Final = (AttachmentKind.THUMBNAIL, AttachmentKind.COVER)


@dataclass(frozen=True, slots=True)
class Upload:
    """What the owner says of a file, and once the bounty is open the reason for adding it."""

    kind: AttachmentKind
    name: str
    reason: str | None


async def require_may_add(
    ctx: Context, bounty_id: BountyId, upload: Upload, *, lock: bool
) -> Bounty:
    """Load the bounty, if the caller may add this file to it now."""
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id, lock=lock)
    rules.require_owner(bounty, ctx.actor)
    rules.require_not_ended(bounty)
    attachment_rules.require_file_name(upload.name)
    edit_rules.require_reason(bounty, upload.reason)
    edit_rules.require_few_edits(len(await queries.list_changes(ctx.tx, bounty)))
    return bounty


async def add(
    ctx: Context,
    bounty_id: BountyId,
    upload: Upload,
    stored: Stored,
    media_type: str,
    quota: FileQuota,
) -> Attachment:
    """Record a stored file. The same one under the same name again is the same attachment.

    A new thumbnail or cover replaces the old one; before the bounty opens, a file replaces the one
    of its kind and name.
    """
    bounty = await require_may_add(ctx, bounty_id, upload, lock=True)
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
    await _note(ctx, bounty, upload, [it.name for it in replaced], [upload.name])
    return made


async def remove(ctx: Context, bounty_id: BountyId, attachment_id: AttachmentId) -> None:
    """Delete a file before the bounty opens; later, somebody may rely on it.

    Files of a cancelled draft may be deleted, too.
    """
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id, lock=True)
    rules.require_owner(bounty, ctx.actor)
    attachment = await queries.get_attachment(ctx.tx, ctx.actor, bounty_id, attachment_id)
    if not rules.is_given_up_draft(bounty):
        rules.require_state(bounty, *rules.BEFORE_OPENING)
    await ctx.tx.delete(attachment)
    await kept_files.give_up(ctx, attachment.sha256)
    gone = Upload(attachment.kind, attachment.name, None)
    await _note(ctx, bounty, gone, [attachment.name], [])


def headers_of(attachment: Attachment) -> dict[str, str]:
    """Return headers with which a browser saves data, shows an image, and runs neither."""
    how = "attachment" if attachment.kind is AttachmentKind.DATA else "inline"
    return {
        "Content-Disposition": f"{how}; filename*=UTF-8''{quote(attachment.name, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }


async def _note(
    ctx: Context, bounty: Bounty, upload: Upload, before: list[str], after: list[str]
) -> None:
    """Record it as an edit of the bounty; everybody sees these once it is funded."""
    change_facts = {f"attachments.{upload.kind}": {"before": before, "after": after}}
    edited, facts = BountyEdited(bounty.id), {"changes": change_facts}
    await events.record(ctx, edited, seen_by(bounty), reason=upload.reason, facts=facts)
