"""The device path's hot writes: one statement each, over arrays, that may be sent again.

Each answers one outcome for each item, by its number `n` (from 1), and a bad item fails alone.
Nothing waits for a place or a lease (SKIP LOCKED), and rows are inserted in the order of their
unique key, so that no two statements wait for each other. Times are the database's.

The plans are made once and kept (`core.db.connect_hot`), perhaps while a table is empty: each table
is reached by an index, through LATERAL … LIMIT 1 without an order, or = ANY (ARRAY(…)), never by a
join or EXISTS that could become a scan (docs/decisions/0007).
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from dml.accounts.organisations.rules import IS_INTERESTED
from dml.core.batching import RACED, Raced
from dml.core.db import RawConnection
from dml.jobs.budgets.rules import BudgetBounds
from dml.jobs.budgets.statements import CHARGE, charge
from dml.jobs.device_path.ended_leases import MAY_RUN, RECALLED, end_leases
from dml.jobs.device_path.outcomes import (
    Answered,
    AssignmentOutcome,
    Claim,
    Claimed,
    ClaimVerdict,
    Leased,
    Sent,
)
from dml.jobs.models import AssignmentState
from dml.jobs.rules import ASSIGNMENT_MOVES, TRIES_MAX

# Promises: a device holds at most one assignment of a job, an owner at most the job's share, and
# places go down by exactly what was leased, so that a lost race never leaks one. A device whose
# lease ran out, or that gave its place back, gets the same row again, at most TRIES_MAX times.
# Nobody revoked, and nobody whose profile has changed since it was matched, gets anything; nor does
# anybody get what a moderator stopped, nor a device of the job's customer or developer, or of who
# approved the version, or acts for one of them, or did lately: they would know what the others are
# (0017, 0064). What a job learns of an owner is taken of their budget, which covers it (0075).
_CLAIM: Final = ASSIGNMENT_MOVES.writes(
    f"""
WITH want AS MATERIALIZED (
    SELECT u.*, row_number() OVER (PARTITION BY u.device_id ORDER BY u.n) AS turn,
           d.revoked_at IS NOT NULL AS revoked,
           d.revision + o.revision + coalesce(l.revision, 0) AS stamp_now
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::smallint[])
        WITH ORDINALITY AS u (id, job_id, device_id, owner_id, stamp, most, n)
    LEFT JOIN LATERAL (
        SELECT revision, revoked_at FROM devices
        WHERE id = u.device_id AND owner_id = u.owner_id LIMIT 1
    ) d ON true
    LEFT JOIN LATERAL (SELECT revision FROM users WHERE id = u.owner_id LIMIT 1) o ON true
    LEFT JOIN LATERAL (
        SELECT revision FROM owner_limits WHERE owner_id = u.owner_id LIMIT 1
    ) l ON true
),
mine AS MATERIALIZED (
    SELECT w.n, a.* FROM want w CROSS JOIN LATERAL (
        SELECT id, job_id, state, tries, lease_expires_at,
               coalesce(try_ends_at, created_at + $9::interval) AS try_ends_at,
               state = 'leased' AND lease_expires_at > now() AS live,
               job_id IS NOT DISTINCT FROM w.job_id AS wanted
        FROM assignments
        WHERE device_id = w.device_id
          AND (job_id = w.job_id OR state = 'leased' AND lease_expires_at > now())
        LIMIT 100
    ) a
),
holds AS MATERIALIZED (SELECT n, count(*) AS count FROM mine WHERE live GROUP BY n),
able AS MATERIALIZED (
    SELECT w.n, w.id, w.job_id, w.device_id, w.owner_id, j.max_devices_per_owner, j.cost,
           w.owner_id IN (j.customer_id, j.developer_id)
               OR coalesce(w.owner_id = j.reviewed_by, false)
               OR coalesce((
                   SELECT true FROM memberships m
                   WHERE m.user_id = w.owner_id
                     AND m.organisation_id = ANY (ARRAY[j.customer_id, j.developer_id])
                     AND {IS_INTERESTED} LIMIT 1
               ), false) AS own,
           least(now() + $7::interval, now() + $9::interval, j.deadline) AS expires_at,
           least(now() + $9::interval, j.deadline) AS try_ends_at
    FROM want w LEFT JOIN holds h ON h.n = w.n CROSS JOIN LATERAL (
        SELECT max_devices_per_owner, deadline, customer_id, developer_id,
               (rho + max_devices_per_owner - 1) / max_devices_per_owner AS cost, (
            SELECT reviewed_by FROM algorithm_versions WHERE id = jobs.version_id LIMIT 1
        ) AS reviewed_by
        FROM jobs
        WHERE id = w.job_id AND state = 'open' AND starts_at <= now() AND deadline > now()
          AND {MAY_RUN}
        LIMIT 1
    ) j
    WHERE w.turn = 1 AND NOT w.revoked AND w.stamp = w.stamp_now AND w.most > coalesce(h.count, 0)
),
prior AS MATERIALIZED (
    SELECT m.n, m.id, m.state, m.tries FROM mine m JOIN able a ON a.n = m.n
    WHERE m.wanted AND NOT a.own
),
again AS MATERIALIZED (
    SELECT p.n, a.id FROM prior p CROSS JOIN LATERAL (
        SELECT id FROM assignments
        WHERE id = p.id AND state IN ('expired', 'released') AND tries < $8
        LIMIT 1 FOR UPDATE SKIP LOCKED
    ) a
),
slotted AS MATERIALIZED (
    SELECT w.*, s.slot, row_number() OVER (PARTITION BY w.job_id ORDER BY w.n) AS k
    FROM (
        SELECT a.*, g.id AS old_id,
               row_number() OVER (PARTITION BY a.job_id, a.owner_id ORDER BY a.n) AS nth
        FROM able a LEFT JOIN prior p ON p.n = a.n LEFT JOIN again g ON g.n = a.n
        WHERE NOT a.own AND (p.n IS NULL OR g.n IS NOT NULL)
    ) w
    CROSS JOIN LATERAL (
        SELECT slot FROM generate_series(0, w.max_devices_per_owner - 1) AS slot
        WHERE NOT EXISTS (
            SELECT FROM assignments a
            WHERE a.job_id = w.job_id AND a.owner_id = w.owner_id AND a.slot = slot.slot
        )
        ORDER BY slot OFFSET w.nth - 1 LIMIT 1
    ) s
),
{charge("slotted", usual="$10::bigint", most="$11::bigint")},
room AS MATERIALIZED (
    SELECT p.*, sum(p.open) OVER (PARTITION BY p.job_id ORDER BY p.bucket) AS upto
    FROM (SELECT job_id, count(*) AS need FROM slotted GROUP BY job_id) j CROSS JOIN LATERAL (
        SELECT job_id, bucket, open FROM job_places
        WHERE job_id = j.job_id AND open > 0 AND NOT closed
        LIMIT 1 + j.need / 32 FOR UPDATE SKIP LOCKED
    ) p
),
placed AS MATERIALIZED (
    SELECT s.*, r.bucket, c.day FROM slotted s
    JOIN room r ON r.job_id = s.job_id AND s.k <= r.upto AND s.k > r.upto - r.open
    LEFT JOIN charged c ON c.n = s.n
    WHERE s.cost = 0 OR c.covers
),
leased_again AS (
    UPDATE assignments a
    SET state = 'leased', lease_expires_at = p.expires_at, tries = a.tries + 1,
        bucket = p.bucket, slot = p.slot, try_ends_at = p.try_ends_at,
        charged = nullif(p.cost, 0), charged_day = p.day
    FROM placed p
    WHERE a.id = p.old_id AND a.id = ANY (ARRAY(SELECT old_id FROM placed))
    RETURNING p.n, a.id, a.job_id, a.bucket, a.lease_expires_at, a.try_ends_at
),
leased_new AS (
    INSERT INTO assignments (id, job_id, device_id, owner_id, bucket, slot, state, tries,
                             lease_expires_at, created_at, try_ends_at, charged,
                             charged_day)
    SELECT id, job_id, device_id, owner_id, bucket, slot, 'leased', 1, expires_at, now(),
           try_ends_at, nullif(cost, 0), day
    FROM placed WHERE old_id IS NULL
    ORDER BY device_id, job_id
    ON CONFLICT DO NOTHING
    RETURNING id, job_id, bucket, lease_expires_at, try_ends_at
),
leased AS (
    SELECT n, id, job_id, bucket, lease_expires_at, try_ends_at FROM leased_again
    UNION ALL
    SELECT p.n, l.id, l.job_id, l.bucket, l.lease_expires_at, l.try_ends_at
    FROM leased_new l JOIN placed p ON p.id = l.id
),
took AS (
    UPDATE job_places p SET open = p.open - t.taken
    FROM (SELECT job_id, bucket, count(*)::int AS taken FROM leased GROUP BY 1, 2) t
    WHERE p.job_id = ANY (ARRAY(SELECT job_id FROM room))
      AND p.bucket = ANY (ARRAY(SELECT bucket FROM room))
      AND p.job_id = t.job_id AND p.bucket = t.bucket
),
{CHARGE}
SELECT n::int, NULL AS verdict, id, job_id, lease_expires_at,
       floor(extract(epoch FROM lease_expires_at - now()))::int AS seconds,
       floor(extract(epoch FROM greatest(lease_expires_at, try_ends_at) - now()))::int
FROM mine WHERE live
UNION ALL
SELECT n::int, 'leased', id, job_id, lease_expires_at,
       floor(extract(epoch FROM lease_expires_at - now()))::int,
       floor(extract(epoch FROM try_ends_at - now()))::int FROM leased
UNION ALL
SELECT w.n::int, CASE
    WHEN w.stamp_now IS NULL THEN 'unknown'
    WHEN w.revoked THEN 'revoked'
    WHEN w.stamp <> w.stamp_now THEN 'stale'
    WHEN w.job_id IS NULL OR h.count >= w.most THEN 'asked'
    WHEN w.turn > 1 THEN 'raced'
    WHEN a.n IS NULL THEN 'none'
    WHEN a.own THEN 'done'
    WHEN p.state = 'accepted' OR p.tries >= $8 THEN 'done'
    WHEN p.state = 'leased' OR s.n IS NULL AND (p.n IS NULL OR g.n IS NOT NULL) THEN 'not_now'
    WHEN p.n IS NOT NULL AND g.n IS NULL THEN 'raced'
    WHEN c.covers IS FALSE THEN 'spent'
    WHEN c.n IS NOT NULL AND c.covers IS NULL THEN 'raced'
    WHEN (SELECT true FROM job_places b
          WHERE b.job_id = w.job_id AND b.open > 0 AND NOT b.closed LIMIT 1) THEN 'raced'
    ELSE 'none' END, NULL, NULL, NULL, NULL, NULL
FROM want w
LEFT JOIN able a ON a.n = w.n LEFT JOIN prior p ON p.n = w.n LEFT JOIN again g ON g.n = w.n
LEFT JOIN slotted s ON s.n = w.n LEFT JOIN holds h ON h.n = w.n LEFT JOIN charged c ON c.n = w.n
WHERE w.n NOT IN (SELECT n FROM leased)
""",
    (AssignmentState.RELEASED, AssignmentState.LEASED),
    (AssignmentState.EXPIRED, AssignmentState.LEASED),
)

# What a device sends about one of its assignments: `k` lets the first of several through.
_SENT: Final = """
sent AS MATERIALIZED (
    SELECT u.*, d.id IS NULL AS unknown, d.revoked_at IS NOT NULL AS revoked,
           row_number() OVER (PARTITION BY u.id ORDER BY u.n) AS k
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]{more_arrays})
        WITH ORDINALITY AS u (id, device_id, owner_id{more_columns}, n)
    LEFT JOIN LATERAL (
        SELECT id, revoked_at FROM devices
        WHERE id = u.device_id AND owner_id = u.owner_id LIMIT 1
    ) d ON true
)"""

# What is known of one of its assignments, archived or not, where no lease lives that it could use.
_KNOWN: Final = f"""
LEFT JOIN LATERAL (
    SELECT state, state = 'leased' AND lease_expires_at > now() AS live, NULL::bytea AS sha256,
           {RECALLED} AS recalled
    FROM assignments WHERE id = s.id AND device_id = s.device_id
    UNION ALL
    SELECT state, false, body_sha256, false FROM archived_assignments
    WHERE device_id = s.device_id AND id = s.id
    LIMIT 1
) a ON true"""

# Promises: a live lease of this device becomes `accepted` once, together with the kept body and its
# place in the inbox. The same body again is accepted again, another one never, and so also when the
# job has ended and was archived.
_ACCEPT: Final = ASSIGNMENT_MOVES.writes(
    f"""
WITH {_SENT.format(more_arrays=", $4::bytea[]", more_columns=", body")},
live AS MATERIALIZED (
    SELECT s.n, s.id, s.body, a.job_id FROM sent s CROSS JOIN LATERAL (
        SELECT job_id FROM assignments
        WHERE id = s.id AND device_id = s.device_id
          AND state = 'leased' AND lease_expires_at > now() AND NOT {RECALLED}
        LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    ) a
    WHERE s.k = 1 AND NOT s.unknown AND NOT s.revoked
),
accepted AS (
    UPDATE assignments SET state = 'accepted' WHERE id = ANY (ARRAY(SELECT id FROM live))
),
kept AS (
    INSERT INTO results (assignment_id, body, received_at) SELECT id, body, now() FROM live
),
boxed AS (INSERT INTO result_inbox (assignment_id, job_id) SELECT id, job_id FROM live)
SELECT n::int, 'accepted' AS outcome, NULL AS state FROM live
UNION ALL
SELECT s.n::int, CASE
    WHEN s.unknown THEN 'unknown'
    WHEN s.revoked THEN 'revoked'
    WHEN a.state IS NULL THEN 'not_found'
    WHEN r.body = s.body THEN 'accepted'
    WHEN a.sha256 = sha256(s.body) THEN 'accepted'
    WHEN coalesce(r.body, a.sha256) IS NOT NULL THEN 'other_body'
    WHEN a.recalled THEN 'recalled'
    WHEN a.live THEN 'raced'
    ELSE 'not_live' END, a.state
FROM sent s {_KNOWN}
LEFT JOIN LATERAL (SELECT body FROM results WHERE assignment_id = s.id LIMIT 1) r ON true
WHERE s.n NOT IN (SELECT n FROM live)
""",
    (AssignmentState.LEASED, AssignmentState.ACCEPTED),
)

# Promises: a live lease of this device is extended, never beyond the deadline or the end of its
# try, and never shortened. One of a job that ends already stays as it is.
_HEARTBEAT: Final = f"""
WITH {_SENT.format(more_arrays="", more_columns="")},
live AS MATERIALIZED (
    SELECT s.n, s.id, a.expires_at FROM sent s CROSS JOIN LATERAL (
        SELECT greatest(lease_expires_at, (
            SELECT least(now() + $4::interval, deadline,
                         coalesce(try_ends_at, assignments.created_at + $5::interval))
            FROM jobs WHERE id = job_id AND state IN ('open', 'paused') LIMIT 1)) AS expires_at
        FROM assignments
        WHERE id = s.id AND device_id = s.device_id
          AND state = 'leased' AND lease_expires_at > now() AND NOT {RECALLED}
        LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    ) a
    WHERE s.k = 1 AND NOT s.unknown AND NOT s.revoked
),
extended AS (
    UPDATE assignments a SET lease_expires_at = l.expires_at FROM live l
    WHERE a.id = l.id AND a.id = ANY (ARRAY(SELECT id FROM live))
)
SELECT n::int, 'extended' AS outcome, NULL AS state, expires_at,
       floor(extract(epoch FROM expires_at - now()))::int AS seconds FROM live
UNION ALL
SELECT s.n::int, CASE
    WHEN s.unknown THEN 'unknown'
    WHEN s.revoked THEN 'revoked'
    WHEN a.state IS NULL THEN 'not_found'
    WHEN a.recalled THEN 'recalled'
    WHEN a.live THEN 'raced'
    ELSE 'not_live' END, a.state, NULL, NULL
FROM sent s {_KNOWN}
WHERE s.n NOT IN (SELECT n FROM live)
"""

_SENT_BACK: Final = """
    SELECT s.n, a.* FROM sent s CROSS JOIN LATERAL (
        SELECT id, job_id, bucket, owner_id, charged, charged_day FROM assignments
        WHERE id = s.id AND device_id = s.device_id AND state = 'leased'
        LIMIT 1 FOR UPDATE SKIP LOCKED
    ) a
    WHERE s.k = 1 AND NOT s.unknown AND NOT s.revoked"""
_RELEASE: Final = f"""
WITH {_SENT.format(more_arrays="", more_columns="")},
{end_leases(_SENT_BACK, AssignmentState.RELEASED)}
SELECT n::int, 'released' AS outcome, NULL AS state FROM over
UNION ALL
SELECT s.n::int, CASE
    WHEN s.unknown THEN 'unknown'
    WHEN s.revoked THEN 'revoked'
    WHEN a.state IS NULL THEN 'not_found'
    WHEN a.state = 'leased' THEN 'raced'
    WHEN a.state = 'accepted' THEN 'accepted'
    ELSE 'released' END, a.state
FROM sent s {_KNOWN}
WHERE s.n NOT IN (SELECT n FROM over)
"""


async def claim(
    connection: RawConnection,
    claims: Sequence[Claim],
    *,
    lease: timedelta,
    longest: timedelta,
    budget: BudgetBounds,
) -> list[Claimed | Raced]:
    """Lease a place for each claim that can have one, with heartbeats for `longest` at most; say of
    each what became of it.
    """
    columns = (
        [it.id for it in claims],
        [it.job_id for it in claims],
        [it.device_id for it in claims],
        [it.owner_id for it in claims],
        [it.stamp for it in claims],
        [it.most for it in claims],
    )
    found: list[Claimed | Raced] = [Claimed(ClaimVerdict.ASKED) for _ in claims]
    terms = (lease, TRIES_MAX, longest, budget.usual, budget.most)
    for n, verdict, *leased in await connection.fetch(_CLAIM, *columns, *terms):
        claimed = found[n - 1]
        if verdict == "raced" or isinstance(claimed, Raced):
            found[n - 1] = RACED
            continue
        if verdict is not None:
            claimed.verdict = ClaimVerdict(verdict)
        if leased[0] is not None:
            claimed.leases.append(Leased(*leased))
    for it in found:
        if isinstance(it, Claimed):
            it.leases.sort(key=lambda leased: leased.id)
    return found


async def accept(connection: RawConnection, results: Sequence[Sent]) -> list[Answered | Raced]:
    """Accept each result whose lease lives; say of each what became of it."""
    bodies = [it.body for it in results]
    return _in_order(await connection.fetch(_ACCEPT, *_columns(results), bodies))


async def extend(
    connection: RawConnection, beats: Sequence[Sent], *, lease: timedelta, longest: timedelta
) -> list[Answered | Raced]:
    """Extend each live lease; say of each until when, or why not."""
    return _in_order(await connection.fetch(_HEARTBEAT, *_columns(beats), lease, longest))


async def release(connection: RawConnection, places: Sequence[Sent]) -> list[Answered | Raced]:
    """Give leased places back, or say of each why not. One that was given back is so already."""
    return _in_order(await connection.fetch(_RELEASE, *_columns(places)))


def _columns(sent: Sequence[Sent]) -> tuple[list[UUID], list[UUID], list[UUID]]:
    return [it.id for it in sent], [it.device_id for it in sent], [it.owner_id for it in sent]


def _in_order(rows: Sequence[Any]) -> list[Answered | Raced]:
    """Sort the answers by their `n`, of which each has one."""
    answers: list[Answered | Raced] = [RACED] * len(rows)
    for n, outcome, state, *until in rows:
        if outcome != "raced":
            known = None if state is None else AssignmentState(state)
            answers[n - 1] = Answered(AssignmentOutcome(outcome), known, *until)
    return answers
