"""Which links are good. Pure: no session, no clock."""

from datetime import datetime
from typing import Final

from dml.core.errors import Forbidden
from dml.core.ids import AlgorithmId, VersionId

PURPOSE: Final = "file link"
SIGNATURE_CHARACTERS: Final = 43  # 32 bytes in base64url.


class BadFileLink(Forbidden):
    code = "algorithms.bad_file_link"
    reason = "This link is not one of ours for this file, or its time is over."
    remedy = "Make another one (`POST` to the version's `file-links`), and use it as it is."


def said(algorithm_id: AlgorithmId, version_id: VersionId, expires: int) -> bytes:
    """Return what a link's signature signs: the one file, and until when."""
    return f"{algorithm_id}/{version_id}/{expires}".encode()


def require_good(*, is_ours: bool, expires: int, now: datetime) -> None:
    """Refuse what we did not sign, or not for now. Both are told alike."""
    if not is_ours or now.timestamp() >= expires:
        raise BadFileLink
