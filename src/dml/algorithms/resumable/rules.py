"""What may happen to an upload. Pure: no session, no clock."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Final

from dml.algorithms.resumable.models import Upload
from dml.core.errors import Conflict, Gone, Invalid, NotFound, TooLarge
from dml.core.ids import VersionId

MEDIA_TYPE: Final = "application/partial-upload"
OFFSET: Final = "Upload-Offset"
# How much is written to the quarantine at once, and so what a cut costs at most.
PART_BYTES: Final = 8 * 1024 * 1024
# Each but the last has as much, or an upload could be a million objects.
PART_BYTES_LEAST: Final = 256 * 1024
DIRECT: Final = "direct"  # The object that is put past the API.
DIRECT_SECONDS: Final = 900  # How long it may take until that begins.


class UploadNotFound(NotFound):
    code = "algorithms.upload_not_found"
    reason = "This algorithm has no such upload, or it was given up."
    remedy = "Look it up in the algorithm's list of uploads, or announce the model again."


class UploadsUnderWay(Conflict):
    code = "algorithms.uploads_under_way"
    reason = "You have announced as many models as may be under way at once."
    remedy = "Finish one of the `uploads`, or `DELETE` it at its path."
    uploads: Sequence[str]


class AlreadyUploaded(Conflict):
    code = "algorithms.already_uploaded"
    reason = "This algorithm has a version with this model and this input spec."
    remedy = "Use that version: `version_id`."
    version_id: VersionId


class WrongOffset(Conflict):
    code = "algorithms.wrong_offset"
    reason = "A part begins where the last one ended."
    remedy = "Send the bytes from `offset` on."
    in_headers: ClassVar[Mapping[str, str]] = {OFFSET: "offset"}
    offset: int


class UploadTakenOver(Conflict):
    code = "algorithms.upload_taken_over"
    reason = "Another request sends parts of this upload, and began later than this one."
    remedy = "Send from one place at a time. How far it is, `GET` of the upload tells."


class UploadCompleted(Conflict):
    code = "algorithms.upload_completed"
    reason = "This upload was completed: it is a version."
    remedy = "Look at that version: `version_id`."
    version_id: VersionId


class UploadIncomplete(Conflict):
    code = "algorithms.upload_incomplete"
    reason = "Not all of the model has come."
    remedy = "Send the bytes from `offset` on, then complete the upload."
    offset: int
    size: int


class UploadTooLarge(TooLarge):
    code = "algorithms.upload_too_large"
    reason = "More bytes come than were announced."
    remedy = "Send `size` bytes in all; or give this upload up, and announce the right size."
    size: int


class PartTooSmall(Invalid):
    code = "algorithms.part_too_small"
    reason = "A part is too small, and is not the last one."
    remedy = "Send `least_bytes` or more at once."
    least_bytes: int


class UploadDiffers(Invalid):
    code = "algorithms.upload_differs"
    pointer = "/sha256"
    reason = "What was sent is not the model that was announced. Nothing of it was kept."
    remedy = "Compare `size` and `sha256` of what was sent with your file, and announce it again."
    size: int
    sha256: str | None = None


class UploadLost(Gone):
    code = "algorithms.upload_lost"
    reason = "What was sent of this upload is not there any more."
    remedy = "Announce the model again, and send it from its start."


def is_current(upload: Upload, now: datetime) -> bool:
    """Whether it was not given up for lack of parts."""
    return now < upload.expires_at


def require_open(upload: Upload) -> None:
    """Refuse to add to what is a version already."""
    if upload.version_id is not None:
        raise UploadCompleted(version_id=upload.version_id)


def require_offset(upload: Upload, offset: int) -> None:
    """Refuse a part that leaves a gap, or repeats what is there."""
    if offset != upload.received:
        raise WrongOffset(offset=upload.received)


def require_same(upload: Upload, *, size: int, sha256: str | None = None) -> None:
    """Refuse what is not the file that was announced, as far as is known of it."""
    if size != upload.size or sha256 not in (None, upload.sha256):
        raise UploadDiffers(size=size, sha256=sha256)


def require_few(under_way: Sequence[Upload], most: int) -> None:
    """Refuse a developer's next model while as many are under way."""
    if len(under_way) >= most:
        paths = [f"/v1/algorithms/{it.algorithm_id}/uploads/{it.id}" for it in under_way]
        raise UploadsUnderWay(uploads=paths)


def part_name(start: int, writer: str) -> str:
    """Name an object: of two requests at one place, neither overwrites what the other wrote."""
    return f"{start:015d}-{writer}"
