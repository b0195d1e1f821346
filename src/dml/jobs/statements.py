"""The device path's hot writes: one statement each, over arrays, that may be sent again.

Each answers one outcome for each item, by its number `n` (from 1), and a bad item fails alone.
Nothing waits for a place (SKIP LOCKED), and rows are inserted in the order of their unique key, so
that no two statements wait for each other. `$now` is a parameter that tests may move: null is the
database's clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from dml.core.db import RawConnection
from dml.core.ids import AssignmentId, DeviceId, JobId, UserId
from dml.jobs.rules import TRIES_MAX

# Promises: a device holds at most one assignment of a job, an owner at most the job's share, and
# places go down by exactly what was leased, so that a lost race never leaks one. A device whose
# lease ran out, or that gave its place back, gets the same row again, at most TRIES_MAX times.
_CLAIM: Final = """
WITH want AS MATERIALIZED (
    SELECT u.n, u.id, u.job_id, u.device_id, u.owner_id, j.max_devices_per_owner,
           least(coalesce($5, now()) + $6::interval, j.deadline) AS expires_at,
           j.state = 'open' AND j.starts_at <= coalesce($5, now())
               AND j.deadline > coalesce($5, now()) AS live
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[])
        WITH ORDINALITY AS u (id, job_id, device_id, owner_id, n)
    JOIN jobs j ON j.id = u.job_id
),
held AS MATERIALIZED (
    SELECT w.n, a.id, a.state, a.tries, a.lease_expires_at
    FROM want w JOIN assignments a ON a.job_id = w.job_id AND a.device_id = w.device_id
),
again AS MATERIALIZED (
    SELECT w.n, a.id FROM want w CROSS JOIN LATERAL (
        SELECT id FROM assignments
        WHERE job_id = w.job_id AND device_id = w.device_id
          AND state IN ('expired', 'released') AND tries < $7
        LIMIT 1 FOR UPDATE SKIP LOCKED
    ) a
    WHERE w.live
),
slotted AS MATERIALIZED (
    SELECT w.*, s.slot, row_number() OVER (PARTITION BY w.job_id ORDER BY w.n) AS k
    FROM want w CROSS JOIN LATERAL (
        SELECT slot FROM generate_series(0, w.max_devices_per_owner - 1) AS slot
        WHERE NOT EXISTS (
            SELECT FROM assignments a
            WHERE a.job_id = w.job_id AND a.owner_id = w.owner_id AND a.slot = slot.slot
        ) LIMIT 1
    ) s
    WHERE w.live AND (w.n IN (SELECT n FROM again) OR w.n NOT IN (SELECT n FROM held))
),
room AS MATERIALIZED (
    SELECT p.*, sum(p.open) OVER (PARTITION BY p.job_id ORDER BY p.bucket) AS upto
    FROM (SELECT job_id, count(*) AS need FROM slotted GROUP BY job_id) j CROSS JOIN LATERAL (
        SELECT job_id, bucket, open FROM job_places
        WHERE job_id = j.job_id AND open > 0 AND NOT closed
        LIMIT 1 + j.need / 32 FOR UPDATE SKIP LOCKED
    ) p
),
placed AS MATERIALIZED (
    SELECT s.*, r.bucket FROM slotted s
    JOIN room r ON r.job_id = s.job_id AND s.k <= r.upto AND s.k > r.upto - r.open
),
leased_again AS (
    UPDATE assignments a
    SET state = 'leased', lease_expires_at = p.expires_at, tries = a.tries + 1,
        bucket = p.bucket, slot = p.slot
    FROM placed p JOIN again g ON g.n = p.n
    WHERE a.id = g.id
    RETURNING p.n, a.id, a.job_id, a.bucket, a.lease_expires_at
),
leased_new AS (
    INSERT INTO assignments (id, job_id, device_id, owner_id, bucket, slot, state, tries,
                             lease_expires_at, created_at)
    SELECT id, job_id, device_id, owner_id, bucket, slot, 'leased', 1, expires_at,
           coalesce($5, now())
    FROM placed WHERE n NOT IN (SELECT n FROM again)
    ORDER BY job_id, device_id
    ON CONFLICT DO NOTHING
    RETURNING id, job_id, bucket, lease_expires_at
),
leased AS (
    SELECT n, id, job_id, bucket, lease_expires_at FROM leased_again
    UNION ALL
    SELECT w.n, l.id, l.job_id, l.bucket, l.lease_expires_at
    FROM leased_new l JOIN want w ON w.id = l.id
),
took AS (
    UPDATE job_places p SET open = p.open - t.taken
    FROM (SELECT job_id, bucket, count(*)::int AS taken FROM leased GROUP BY 1, 2) t
    WHERE p.job_id = t.job_id AND p.bucket = t.bucket
)
SELECT n::int, 'leased' AS outcome, id, lease_expires_at FROM leased
UNION ALL
SELECT w.n::int, CASE
    WHEN h.state = 'leased' AND h.lease_expires_at > coalesce($5, now()) THEN 'leased'
    WHEN h.state = 'leased' THEN 'raced'
    WHEN h.state = 'accepted' OR h.tries >= $7 THEN 'done'
    WHEN NOT w.live THEN 'none'
    WHEN s.n IS NULL AND (h.n IS NULL OR w.n IN (SELECT n FROM again)) THEN 'owner_full'
    WHEN EXISTS (SELECT FROM job_places p
                 WHERE p.job_id = w.job_id AND p.open > 0 AND NOT p.closed) THEN 'raced'
    ELSE 'none' END, h.id, h.lease_expires_at
FROM want w LEFT JOIN held h ON h.n = w.n LEFT JOIN slotted s ON s.n = w.n
WHERE w.n NOT IN (SELECT n FROM leased)
"""

# Promises: a live lease of this device becomes `accepted` once, together with the kept body and its
# place in the inbox. The same body again is accepted again, another one never.
_ACCEPT: Final = """
WITH sent AS MATERIALIZED (
    SELECT u.*, row_number() OVER (PARTITION BY id ORDER BY n) AS k
    FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) WITH ORDINALITY AS u (id, device_id, body, n)
),
live AS MATERIALIZED (
    SELECT s.n, s.id, s.body, a.job_id FROM sent s CROSS JOIN LATERAL (
        SELECT job_id FROM assignments
        WHERE id = s.id AND device_id = s.device_id
          AND state = 'leased' AND lease_expires_at > coalesce($4, now())
        LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    ) a
    WHERE s.k = 1
),
accepted AS (
    UPDATE assignments SET state = 'accepted' WHERE id = ANY (ARRAY(SELECT id FROM live))
),
kept AS (
    INSERT INTO results (assignment_id, body, received_at)
    SELECT id, body, coalesce($4, now()) FROM live
),
boxed AS (INSERT INTO result_inbox (assignment_id, job_id) SELECT id, job_id FROM live)
SELECT n::int, 'accepted' AS outcome FROM live
UNION ALL
SELECT s.n::int, CASE
    WHEN a.id IS NULL OR a.device_id <> s.device_id THEN 'not_found'
    WHEN r.body = s.body THEN 'accepted'
    WHEN r.body IS NOT NULL THEN 'other_body'
    WHEN a.state = 'leased' AND a.lease_expires_at > coalesce($4, now()) THEN 'raced'
    ELSE 'not_live' END
FROM sent s LEFT JOIN assignments a ON a.id = s.id LEFT JOIN results r ON r.assignment_id = s.id
WHERE s.n NOT IN (SELECT n FROM live)
"""

# Promises: a live lease of this device is extended, never beyond the deadline and never shortened.
_HEARTBEAT: Final = """
UPDATE assignments a
SET lease_expires_at = greatest(
    a.lease_expires_at, least(coalesce($3, now()) + $4::interval, j.deadline))
FROM jobs j
WHERE a.id = $1 AND a.device_id = $2 AND a.state = 'leased'
  AND a.lease_expires_at > coalesce($3, now()) AND j.id = a.job_id
RETURNING a.lease_expires_at
"""

# Promises: each lease that ran out, or that its device gives back, ends once, and its place is open
# again. Places are locked in one order; a lease that somebody holds just now is left for later.
_END_LEASES: Final = """
WITH over AS MATERIALIZED (
    SELECT id, job_id, bucket FROM assignments
    WHERE state = 'leased' AND {which}
    LIMIT {limit} FOR UPDATE SKIP LOCKED
),
ended AS (
    UPDATE assignments a SET state = '{state}', slot = NULL
    FROM over WHERE a.id = over.id
),
locked AS MATERIALIZED (
    SELECT p.job_id, p.bucket FROM job_places p
    WHERE (p.job_id, p.bucket) IN (SELECT job_id, bucket FROM over)
    ORDER BY p.job_id, p.bucket FOR UPDATE
),
given_back AS (
    UPDATE job_places p SET open = p.open + o.count
    FROM (SELECT job_id, bucket, count(*)::int AS count FROM over GROUP BY 1, 2) o
    JOIN locked l USING (job_id, bucket)
    WHERE p.job_id = o.job_id AND p.bucket = o.bucket
)
SELECT id FROM over
"""
SWEEP_MAX: Final = 1_000
_SWEEP: Final = _END_LEASES.format(
    which="lease_expires_at <= coalesce($1, now())", limit=SWEEP_MAX, state="expired"
)
_RELEASE: Final = _END_LEASES.format(which="id = $1 AND device_id = $2", limit=1, state="released")
_REVOKE: Final = _END_LEASES.format(which="device_id = $1", limit=1_000, state="expired")


class Claimed(StrEnum):
    """What became of one claim."""

    LEASED = "leased"  # Now, or before and still.
    DONE = "done"  # This device had it, or tried too often.
    OWNER_FULL = "owner_full"  # Its owner's other devices have the owner's share.
    NONE = "none"  # No place is open, or the job is.
    RACED = "raced"  # Somebody was faster: ask again.


class Accepted(StrEnum):
    """What became of one result."""

    ACCEPTED = "accepted"
    OTHER_BODY = "other_body"
    NOT_LIVE = "not_live"
    NOT_FOUND = "not_found"
    RACED = "raced"


@dataclass(frozen=True, slots=True)
class Claim:
    """A device that wants a place of a job. `id` becomes the assignment's, if it is a new one."""

    id: AssignmentId
    job_id: JobId
    device_id: DeviceId
    owner_id: UserId


async def claim(
    connection: RawConnection, claims: Sequence[Claim], *, now: datetime | None, lease: timedelta
) -> list[Claimed]:
    """Lease a place for each claim that can have one; say of each what became of it."""
    columns = (
        [it.id for it in claims],
        [it.job_id for it in claims],
        [it.device_id for it in claims],
        [it.owner_id for it in claims],
    )
    rows = await connection.fetch(_CLAIM, *columns, now, lease, TRIES_MAX)
    outcomes = {row["n"]: Claimed(row["outcome"]) for row in rows}
    return [outcomes[n] for n in range(1, len(claims) + 1)]


async def accept(
    connection: RawConnection,
    results: Sequence[tuple[AssignmentId, DeviceId, bytes]],
    *,
    now: datetime | None,
) -> list[Accepted]:
    """Accept each result whose lease lives; say of each what became of it."""
    ids, devices, bodies = (list(column) for column in zip(*results, strict=True))
    rows = await connection.fetch(_ACCEPT, ids, devices, bodies, now)
    outcomes = {row["n"]: Accepted(row["outcome"]) for row in rows}
    return [outcomes[n] for n in range(1, len(results) + 1)]


async def extend(
    connection: RawConnection,
    assignment_id: AssignmentId,
    device_id: DeviceId,
    *,
    now: datetime | None,
    lease: timedelta,
) -> datetime | None:
    """Extend a live lease of this device. Return its new end, or None where none lives."""
    ends: datetime | None = await connection.fetchval(
        _HEARTBEAT, assignment_id, device_id, now, lease
    )
    return ends


async def release(
    connection: RawConnection, assignment_id: AssignmentId, device_id: DeviceId
) -> bool:
    """Give a leased place back. False where this device does not hold it."""
    return await connection.fetchval(_RELEASE, assignment_id, device_id) is not None


async def revoke(connection: RawConnection, device_id: DeviceId) -> int:
    """End every lease of a device. Return how many."""
    return len(await connection.fetch(_REVOKE, device_id))


async def sweep(connection: RawConnection, *, now: datetime | None = None) -> list[UUID]:
    """End at most SWEEP_MAX leases that ran out. Return their assignments."""
    return [row["id"] for row in await connection.fetch(_SWEEP, now)]
