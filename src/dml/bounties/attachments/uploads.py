"""How an attachment is uploaded: streamed into the blob store, and checked on the way.

An image is accepted only if its first bytes say so: a browser is never given a page instead.
"""

from collections.abc import AsyncIterator
from typing import Final

from fastapi import Request

from dml.bounties import rules
from dml.bounties.attachments import rules as attachment_rules, service
from dml.bounties.attachments.service import Upload
from dml.bounties.models import Attachment, AttachmentKind
from dml.core.context import BeginFunction, Context
from dml.core.ids import BountyId
from dml.edge.bodies import stream_file
from dml.edge.http import Parts
from dml.edge.idempotency import LateTransaction
from dml.edge.uploads import Admitted, Incoming

DATA: Final = "application/octet-stream"
HEAD_BYTES: Final = 12  # What an image is known by.


class _Checked:
    """A stream whose first bytes are checked: it ends with a refusal if an image is none."""

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
    """Take in the file that the bounty's owner uploads."""
    limit = server.settings.attachment_limit_bytes
    checked = _Checked(stream_file(request, limit=limit), upload.kind)

    async def admit(ctx: Context) -> Admitted:
        rules.require_signed_in(ctx.actor)
        await service.require_may_add(ctx, bounty_id, upload, lock=False)
        return Admitted(await server.quota.find_room(ctx), limit)

    incoming = Incoming(server, begin, late, request)
    async with incoming.stored(admit, lambda _: checked.chunks(), limit=limit) as (ctx, _, stored):
        return await service.add(ctx, bounty_id, upload, stored, checked.media_type, server.quota)
