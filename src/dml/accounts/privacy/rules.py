"""How often an export is made, and what keeps a user from being erased. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, TypedDict

from dml.accounts.privacy.models import DataExport
from dml.core.errors import Conflict, NotFound
from dml.core.personal import Blocker

EXPORTS_A_DAY: Final = 3
SIZE_MAX: Final = 4 * 2**30


class ErasureBlocker(TypedDict):
    """What keeps an account from being erased: what it is, how many of it, and what to do."""

    code: str
    count: int
    reason: str
    remedy: str


class ErasureBlocked(Conflict):
    code = "accounts.erasure_blocked"
    reason = "Your account cannot be erased yet."
    remedy = "Do what each of `blockers` says, then ask again."
    blockers: Sequence[ErasureBlocker]


class ExportUnderWay(Conflict):
    code = "accounts.export_under_way"
    reason = "An export of your data is being made already."
    remedy = "Wait for it: `GET /v1/users/me/exports` tells when it is ready."


class TooManyExports(Conflict):
    code = "accounts.too_many_exports"
    reason = f"You have asked for {EXPORTS_A_DAY} exports within a day."
    remedy = "Download the last one, or ask again tomorrow."


class ExportNotFound(NotFound):
    code = "accounts.export_not_found"
    reason = "You have no such export, or its week is over."
    remedy = "Ask for a new one (`POST /v1/users/me/exports`)."


class ExportNotReady(Conflict):
    code = "accounts.export_not_ready"
    reason = "This export has no file yet, or never will."
    remedy = "Look at its `state`: wait until it is `ready`, or ask for another where it `failed`."


def require_unblocked(
    found: Sequence[tuple[Blocker, int]], refusal: type[Conflict] = ErasureBlocked
) -> None:
    """Refuse to erase, and name at once all that is in the way."""
    blockers = [
        ErasureBlocker(code=it.code, count=count, reason=it.reason, remedy=it.remedy)
        for it, count in found
    ]
    if blockers:
        raise refusal(blockers=blockers)


def require_none_under_way(exports: Sequence[DataExport]) -> None:
    if any(it.ready_at is None and it.failed_at is None for it in exports):
        raise ExportUnderWay


def require_room(exports: Sequence[DataExport], now: datetime) -> None:
    """Refuse more exports than a day may have. One that failed does not count."""
    since = now - timedelta(days=1)
    if sum(it.failed_at is None and it.created_at > since for it in exports) >= EXPORTS_A_DAY:
        raise TooManyExports


def require_file(export: DataExport) -> str:
    """Return the hash of an export's file, or refuse where there is none."""
    if export.sha256 is None:
        raise ExportNotReady
    return export.sha256
