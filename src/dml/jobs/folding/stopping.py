"""Whether a job's answer is as precise as was asked for, by what its steps told of it."""

import math
from typing import Final

from asyncpg import Record

from dml.core.db import RawConnection
from dml.jobs.counting import possible_months
from dml.jobs.noise.rules import BILLION, scale_of, shares_of
from dml.jobs.precision import is_reached, looks_of

_STEPS: Final = """
    SELECT counts, scale FROM job_releases WHERE job_id = $1 AND part = 'step' ORDER BY number
"""


async def is_precise_enough(connection: RawConnection, job: Record) -> bool:
    """Tell whether a job that has just told a step may end. O(its steps × labels).

    It looks at nothing but what its customer sees: so that it ends tells nobody anything.
    """
    if job["precision"] is None:
        return False
    steps = await connection.fetch(_STEPS, job["id"])
    months = possible_months(job["date_from"], job["date_to"], job["deadline"])
    of_labels = shares_of(len(months)).labels * job["rho"] / BILLION
    return is_reached(
        job["precision"],
        [sum(counts) for counts in zip(*(it["counts"] for it in steps), strict=True)],
        math.hypot(*(it["scale"] for it in steps)),
        final=scale_of(job["max_norm"] or job["max_items"], of_labels),
        looks=looks_of(job["min_owners"]),
    )
