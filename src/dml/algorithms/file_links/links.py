"""Making links, and opening them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from dml.algorithms import queries, rules as algorithm_rules
from dml.algorithms.file_links import rules
from dml.algorithms.models import Version
from dml.core import base64url
from dml.core.context import SYSTEM, Context
from dml.core.ids import AlgorithmId, VersionId
from dml.edge.http import Parts, read

HEADERS: Final = {
    # Whoever finds the link in a cache, or behind it as a referrer, would have the file.
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class FileLink:
    """The path of a file for whoever has it, and until when."""

    url: str
    expires_at: datetime


async def make(
    server: Parts, ctx: Context, algorithm_id: AlgorithmId, version_id: VersionId
) -> FileLink:
    """Return a link to a version's file, for its developer or a moderator."""
    version, _ = await queries.get_managed_version(ctx.tx, ctx.actor, algorithm_id, version_id)
    _require_kept(server, version, ctx.now)
    expires_at = (ctx.now + timedelta(seconds=server.settings.file_link_seconds)).replace(
        microsecond=0
    )
    expires = int(expires_at.timestamp())
    mac = server.keys.mac(rules.PURPOSE, rules.said(algorithm_id, version_id, expires))
    path = f"/v1/algorithms/{algorithm_id}/versions/{version_id}/linked-file"
    query = f"expires={expires}&signature={base64url.encode(mac)}"
    return FileLink(f"{path}?{query}", expires_at)


async def open_link(
    server: Parts,
    algorithm_id: AlgorithmId,
    version_id: VersionId,
    *,
    expires: int,
    signature: str,
) -> Version:
    """Return the version whose file a link opens."""
    said = rules.said(algorithm_id, version_id, expires)
    is_ours = server.keys.is_mac(_bytes_of(signature), rules.PURPOSE, said)
    rules.require_good(is_ours=is_ours, expires=expires, now=datetime.now(UTC))
    async with read(server, None) as ctx:
        version, _ = await queries.get_version(ctx.tx, SYSTEM, algorithm_id, version_id)
        _require_kept(server, version, ctx.now)
        return version


def _bytes_of(signature: str) -> bytes:
    try:
        return base64url.decode(signature)
    except ValueError:
        return b""  # Which proves nothing.


def _require_kept(server: Parts, version: Version, now: datetime) -> None:
    kept = timedelta(days=server.settings.keep_refused_versions_days)
    algorithm_rules.require_file_kept(version, now - kept)
