"""Counting owners, as they are: nobody sees this before noise is on it."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dml.jobs.crowds.models import EVERYWHERE, Crowd
from dml.jobs.crowds.rules import SEEN

# An owner is counted once for each kind: in the country of that device which was seen last, of
# those that may process it. 1,000,000 devices take some ten seconds.
_COUNT: Final = text("""
    SELECT kind, country, agreed, age, count(*) FROM (
        SELECT DISTINCT ON (d.owner_id, k.kind) k.kind, d.country,
               coalesce(l.allows_exact, false) AS agreed,
               width_bucket(extract(epoch FROM :now - d.last_seen_at)::float8,
                            CAST(:ages AS float8[])) AS age
        FROM devices d JOIN users u ON u.id = d.owner_id
        LEFT JOIN owner_limits l ON l.owner_id = d.owner_id
        CROSS JOIN LATERAL unnest(d.kinds) AS k (kind)
        WHERE d.revoked_at IS NULL AND d.last_seen_at > :since AND u.suspended_at IS NULL
          AND k.kind = ANY (u.permitted_kinds)
          AND (d.permitted_kinds IS NULL OR k.kind = ANY (d.permitted_kinds))
        ORDER BY d.owner_id, k.kind, d.last_seen_at DESC
    ) owners GROUP BY kind, country, agreed, age
""")
_ALLOW_LONG: Final = text("SET LOCAL statement_timeout = '50s'")  # A worker may hang for a minute.
_ALLOW_MEMORY: Final = text("SET LOCAL work_mem = '64MB'")
# One worker counts at a time. Nobody waits: who comes second has nothing to do.
_TAKE_TURN: Final = text("SELECT pg_try_advisory_xact_lock(hashtextextended('crowds', 0))")


async def take_turn(tx: AsyncSession) -> bool:
    """Keep others from counting until the transaction ends, or say that one does so."""
    return bool(await tx.scalar(_TAKE_TURN))


async def count(tx: AsyncSession, now: datetime) -> dict[tuple[str, str], list[int]]:
    """Count the owners of each crowd, by kind and country, in the groups that a row keeps.

    O(devices).
    """
    await tx.execute(_ALLOW_LONG)
    await tx.execute(_ALLOW_MEMORY)
    values = {
        "now": now,
        "since": now - SEEN[-1],
        "ages": [it.total_seconds() for it in SEEN[:-1]],
    }
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for kind, country, agreed, age, owners in await tx.execute(_COUNT, values):
        everywhere = found.setdefault((kind, EVERYWHERE), [0] * 2 * len(SEEN))
        everywhere[len(SEEN) * agreed + age] += owners
        if country is not None:
            found[kind, country][agreed] += owners
    return dict(found)


async def replace(
    tx: AsyncSession, drawn: Mapping[tuple[str, str], list[int]], now: datetime
) -> None:
    """Keep these crowds, and no others."""
    await tx.execute(text("DELETE FROM crowds"))
    rows = [
        {"kind": kind, "country": country, "owners": owners, "drawn_at": now}
        for (kind, country), owners in sorted(drawn.items())
    ]
    if rows:
        await tx.execute(insert(Crowd), rows)
