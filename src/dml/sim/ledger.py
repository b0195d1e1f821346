"""Reads the simulation's jobs and the books from the database, as its operator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.ids import JobId
from dml.core.money import MicroTokens
from dml.payments import queries as payment_queries
from dml.sim.outcome import Pay
from dml.sim.truth import Bounds

_COUNTED: Final = text("""
    SELECT (SELECT coalesce(sum(folded), 0) FROM job_totals WHERE job_id = ANY (:jobs)),
           (SELECT count(*) FROM result_inbox WHERE job_id = ANY (:jobs))
""")
_BOUNDS: Final = text("""
    SELECT max_items / max_devices_per_owner, max_norm / max_devices_per_owner
    FROM jobs WHERE id = :job AND max_norm IS NOT NULL
""")
_PAY: Final = text("""
    SELECT max(j.reward),
           sum((SELECT coalesce(sum(amount), 0) FROM ledger_transfers
                WHERE source = 'escrow:job:' || j.id AND code = 'device_reward')),
           sum((SELECT balance FROM ledger_accounts WHERE code = 'escrow:job:' || j.id)),
           sum(CASE WHEN j.state IN ('completed', 'cancelled', 'expired') THEN 0
                    ELSE (j.max_devices - t.folded) * (j.reward + j.device_fee + j.platform_fee)
                        + t.held_devices * j.device_fee
               END)
    FROM jobs j JOIN job_totals t ON t.job_id = j.id WHERE j.id = ANY (:jobs)
""")


@dataclass(frozen=True, slots=True)
class Counted:
    folded: int
    waiting: int


async def count(tx: AsyncSession, jobs: Sequence[JobId]) -> Counted:
    """Return how many results of these jobs were counted, and how many wait for it."""
    folded, waiting = (await tx.execute(_COUNTED, {"jobs": list(jobs)})).one()
    return Counted(int(folded), waiting)


async def find_bounds(tx: AsyncSession, job_id: JobId) -> Bounds | None:
    """Return what one device may add to a job. None if the job is exact."""
    row = (await tx.execute(_BOUNDS, {"job": job_id})).one_or_none()
    return None if row is None else Bounds(*row)


async def read_pay(tx: AsyncSession, jobs: Sequence[JobId]) -> Pay:
    """Return what these jobs, of one reward, paid and hold, and the books. O(their transfers)."""
    row = (await tx.execute(_PAY, {"jobs": list(jobs)})).one()
    reward, rewarded, left, right = (MicroTokens(int(it)) for it in row)
    return Pay(reward, rewarded, left, right, await payment_queries.get_books(tx))
