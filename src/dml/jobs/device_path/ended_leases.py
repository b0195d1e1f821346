"""Leases that end without a word from who holds them: statements as those of the device path.

Each is sent again until it finds nothing more, and may be at work beside the others.
"""

from typing import Final
from uuid import UUID

from dml.core.db import RawConnection
from dml.core.ids import DeviceId, UserId, VersionId
from dml.jobs.budgets.statements import GIVE_BACK
from dml.jobs.models import AssignmentState
from dml.jobs.rules import ASSIGNMENT_MOVES

# What no moderator stopped. It holds from the moment that a recall is committed, whatever is done
# about the jobs afterwards.
MAY_RUN: Final = """
    (SELECT state FROM algorithm_versions WHERE id = jobs.version_id LIMIT 1) = 'approved'
    AND (SELECT state FROM algorithms WHERE id = jobs.algorithm_id LIMIT 1) <> 'suspended'"""
RECALLED: Final = """(SELECT (
        SELECT state = 'recalled' FROM algorithm_versions WHERE id = jobs.version_id LIMIT 1
    ) FROM jobs WHERE id = assignments.job_id LIMIT 1)"""

SWEEP_MAX: Final = 1_000
_LEASED_NOW: Final = """
    SELECT id, job_id, bucket, owner_id, charged, charged_day FROM assignments
    WHERE state = 'leased' AND {which} LIMIT {limit} FOR UPDATE SKIP LOCKED"""
_RAN_OUT: Final = _LEASED_NOW.format(which="lease_expires_at <= now()", limit=SWEEP_MAX)
_OF_DEVICE: Final = _LEASED_NOW.format(which="device_id = $1", limit=1_000)
_OF_VERSION: Final = _LEASED_NOW.format(
    which="job_id = ANY (ARRAY(SELECT id FROM jobs WHERE version_id = $1 AND ended_at IS NULL))",
    limit=SWEEP_MAX,
)


def end_leases(over: str, state: AssignmentState) -> str:
    """Write the parts of a statement that end the leases which `over` selects (id, job_id, bucket,
    owner_id, charged, charged_day).

    Each ends once, its place is open again, and its owner's budget has what it took. Places are
    locked in one order; `over` leaves for later what somebody else holds just now.
    """
    return ASSIGNMENT_MOVES.writes(
        f"""
over AS MATERIALIZED ({over}),
ended AS (
    UPDATE assignments SET state = '{state.value}', slot = NULL, charged = NULL,
        charged_day = NULL
    WHERE id = ANY (ARRAY(SELECT id FROM over))
),
locked AS MATERIALIZED (
    SELECT p.job_id, p.bucket, o.count FROM (
        SELECT job_id, bucket, count(*)::int AS count FROM over
        GROUP BY job_id, bucket ORDER BY job_id, bucket
    ) o CROSS JOIN LATERAL (
        SELECT job_id, bucket FROM job_places
        WHERE job_id = o.job_id AND bucket = o.bucket LIMIT 1 FOR UPDATE
    ) p
),
given_back AS (
    UPDATE job_places p SET open = p.open + l.count FROM locked l
    WHERE p.job_id = ANY (ARRAY(SELECT job_id FROM locked))
      AND p.job_id = l.job_id AND p.bucket = l.bucket
),
{GIVE_BACK}""",
        (AssignmentState.LEASED, state),
    )


_OF_OWNER: Final = _LEASED_NOW.format(
    which="device_id = ANY (ARRAY(SELECT id FROM devices WHERE owner_id = $1))", limit=SWEEP_MAX
)
_EXPIRE: Final = "WITH {} SELECT id FROM over"
_SWEEP: Final = _EXPIRE.format(end_leases(_RAN_OUT, AssignmentState.EXPIRED))
_RECALL: Final = _EXPIRE.format(end_leases(_OF_VERSION, AssignmentState.EXPIRED))
_REVOKE: Final = _EXPIRE.format(end_leases(_OF_DEVICE, AssignmentState.EXPIRED))

_SUSPEND: Final = _EXPIRE.format(end_leases(_OF_OWNER, AssignmentState.EXPIRED))


async def suspend(connection: RawConnection, owner_id: UserId) -> int:
    """End at most SWEEP_MAX leases that devices of this owner hold. Return how many."""
    return len(await connection.fetch(_SUSPEND, owner_id))


async def revoke(connection: RawConnection, device_id: DeviceId) -> int:
    """End every lease of a device. Return how many."""
    return len(await connection.fetch(_REVOKE, device_id))


async def recall(connection: RawConnection, version_id: VersionId) -> int:
    """End at most SWEEP_MAX leases of jobs that run this version. Return how many."""
    return len(await connection.fetch(_RECALL, version_id))


async def sweep(connection: RawConnection) -> list[UUID]:
    """End at most SWEEP_MAX leases that ran out. Return their assignments."""
    return [row["id"] for row in await connection.fetch(_SWEEP)]
