"""Which results a device handed in, with what a receipt says of each."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.db import PAGE_MAX
from dml.core.ids import AssignmentId, DeviceId
from dml.jobs.models import AssignmentState
from dml.jobs.queries import Kept, Work

# As what a device did (`jobs.queries`): of the tables and the archives in one statement.
_ACCEPTED: Final = text("""
    WITH done AS (
        (SELECT id, job_id, tries, created_at, fold_id,
                NULL::uuid AS archive_id, NULL::int AS page, NULL::bytea AS body_sha256
         FROM assignments WHERE device_id = :device_id AND id < :before AND state = 'accepted'
         ORDER BY id DESC LIMIT :limit)
        UNION ALL
        (SELECT id, NULL, tries, created_at, fold_id, archive_id, page, body_sha256
         FROM archived_assignments
         WHERE device_id = :device_id AND id < :before AND state = 'accepted'
         ORDER BY id DESC LIMIT :limit)
        ORDER BY id DESC LIMIT :limit
    )
    SELECT d.id, j.id AS job_id, j.title, j.labels, j.reward, d.tries, d.created_at, d.fold_id,
           r.body, f.sha256 AS file, d.body_sha256,
           f.pages[2 * d.page + 1] AS start, f.pages[2 * d.page + 2] AS end,
           j.manifest_sha256, j.rho, j.max_devices_per_owner, (
               SELECT step FROM job_folds WHERE job_id = j.id AND fold_id = d.fold_id LIMIT 1
           ) AS step
    FROM done d
    LEFT JOIN results r ON r.assignment_id = d.id AND d.archive_id IS NULL
    LEFT JOIN job_archives f ON f.id = d.archive_id
    JOIN jobs j ON j.id = coalesce(d.job_id, f.job_id)
    ORDER BY d.id DESC
""")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A result that was accepted, and the terms of its job. `step`: None where none is known."""

    work: Work
    manifest_sha256: str | None
    rho: int
    max_devices_per_owner: int
    step: int | None

    @property
    def id(self) -> AssignmentId:
        return self.work.id


async def list_accepted(
    tx: AsyncSession, device_id: DeviceId, *, after: UUID | None, limit: int
) -> list[Accepted]:
    """Return what a device handed in, newest first, and one beyond `limit` if more follows.

    Bodies that were archived are still to be read: `archive.reading.read_bodies`.
    """
    assert 0 < limit <= PAGE_MAX
    values = {"device_id": device_id, "before": after or UUID(int=2**128 - 1), "limit": limit + 1}
    return [
        Accepted(
            work=Work(
                id=row.id,
                job_id=row.job_id,
                job_title=row.title,
                labels=row.labels,
                state=AssignmentState.ACCEPTED,
                tries=row.tries,
                created_at=row.created_at,
                reward=row.reward if row.fold_id else None,
                body=row.body,
                kept=Kept(row.file, row.start, row.end, row.body_sha256)
                if row.body_sha256
                else None,
            ),
            manifest_sha256=row.manifest_sha256,
            rho=row.rho,
            max_devices_per_owner=row.max_devices_per_owner,
            step=row.step,
        )
        for row in await tx.execute(_ACCEPTED, values)
    ]
