"""Shapes of the files of a bounty on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from dml.bounties.models import Attachment, AttachmentKind
from dml.core.ids import AttachmentId, BountyId
from dml.core.wire import Parameters, Prose, Text, Wire


class AttachQuery(Parameters):
    kind: AttachmentKind = Field(description="What the file is for.")
    name: Annotated[Text, Field(max_length=200)] = Field(
        description="The file's name, without a folder."
    )
    reason: Annotated[Prose, Field(max_length=2_000)] | None = Field(
        None, description="Why, shown to everybody. Needed once enrollment is open."
    )


class AttachmentOut(Wire):
    """A file of a bounty that everybody who sees the bounty may read."""

    id: AttachmentId
    bounty_id: BountyId = Field(description="The bounty that the file belongs to.")
    kind: AttachmentKind = Field(description="What the file is for.")
    name: str = Field(description="The name of the file.")
    media_type: str = Field(description="The `Content-Type` that it is sent with.")
    sha256: str = Field(description="SHA-256 of the file, in hexadecimal digits.")
    size: int = Field(description="Size of the file, in bytes.")
    url: str = Field(description="Where to download it: a path of this API.")
    created_at: datetime


class AttachmentListOut(Wire):
    """All files of a bounty."""

    items: list[AttachmentOut] = Field(description="Oldest first: 50 at most.")


def attached(attachment: Attachment) -> AttachmentOut:
    return AttachmentOut(
        id=attachment.id,
        bounty_id=attachment.bounty_id,
        kind=attachment.kind,
        name=attachment.name,
        media_type=attachment.media_type,
        sha256=attachment.sha256,
        size=attachment.size,
        url=url_of(attachment.bounty_id, attachment.id),
        created_at=attachment.created_at,
    )


def url_of(bounty_id: BountyId, attachment_id: AttachmentId | str) -> str:
    return f"/v1/bounties/{bounty_id}/attachments/{attachment_id}"
