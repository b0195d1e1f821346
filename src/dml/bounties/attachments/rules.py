"""Which files may be added to a bounty, and when. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from dml.bounties import rules
from dml.bounties.models import Attachment, Bounty
from dml.core.errors import Conflict, Invalid, NotFound

ATTACHMENTS_MAX: Final = 50
IMAGES: Final[Mapping[str, re.Pattern[bytes]]] = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "image/gif": re.compile(rb"GIF8[79]a"),
}


class AttachmentNotFound(NotFound):
    code = "bounties.attachment_not_found"
    reason = "This bounty has no such file."
    remedy = "Look it up in the list of its attachments."


class BadFileName(Invalid):
    code = "bounties.bad_file_name"
    pointer = "/name"
    reason = "This is no plain name of a file."
    remedy = "Send a `name` without slashes, control characters or a dot in front."


class NotAnImage(Invalid):
    code = "bounties.not_an_image"
    reason = "The file is none of the images that are taken here."
    remedy = "Send a PNG, JPEG, WebP or GIF, or attach it as `data`."


class AttachmentExists(Conflict):
    code = "bounties.attachment_exists"
    reason = "There is another file of this name, and people may rely on it."
    remedy = "Choose another `name`."


class TooManyAttachments(Conflict):
    code = "bounties.too_many_attachments"
    reason = "The bounty has as many files as one may have."
    remedy = "Pack some of them together."
    most: int


def require_file_name(name: str) -> None:
    if not name.isprintable() or name.startswith(".") or "/" in name or "\\" in name:
        raise BadFileName


def require_image(head: bytes) -> str:
    """Return the media type of the image that begins like this, or refuse."""
    for media_type, pattern in IMAGES.items():
        if pattern.match(head):
            return media_type
    raise NotAnImage


def require_replaceable(bounty: Bounty, named: Sequence[Attachment]) -> None:
    """Refuse to put another file in the place of one that people may rely on."""
    if named and rules.has_opened(bounty):
        raise AttachmentExists


def require_room_for_attachment(others: int) -> None:
    if others >= ATTACHMENTS_MAX:
        raise TooManyAttachments(most=ATTACHMENTS_MAX)
