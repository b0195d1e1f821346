"""The inbox of accepted results: reading what waits in it, and taking some out.

It has no key and no index, since maintaining one would make every accepted result dearer. To learn
which jobs have results waiting, all of it is read: 0.1 µs for each result, where folding one costs
100 (docs/decisions/0008).
"""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from asyncpg import Record

from dml.core.db import RawConnection
from dml.core.ids import FoldId
from dml.jobs.folding.turns import SHARE_MIN, Turns

BATCH_BYTES: Final = (
    4 * 1024 * 1024
)  # In one fold, or a single larger result: 1,000 of the largest fill 1 GB.
LOOK_MAX: Final = 1_000_000  # Results that a look reads; a later look sees the others.
PLACES_MAX: Final = 16_000  # Places that a look keeps, of all jobs; at least SHARE_MIN of each.

_LOOK: Final = """
    SELECT job_id, places[1 : greatest($3, $2 / count(*) OVER ())]
    FROM (
        SELECT job_id, array_agg(ctid) AS places
        FROM (SELECT job_id, ctid FROM result_inbox LIMIT $1) seen GROUP BY job_id
    ) jobs
"""

# Promises: each result is taken by one fold, which commits it together with all that it earns, or
# leaves it where it was. Two folds at once take different ones. A place may be empty by now, or
# hold another result: then that one is taken. At most $2 bytes are taken, and always one result.
_TAKE: Final = """
WITH held AS MATERIALIZED (
    SELECT asked.n, box.* FROM unnest($1::tid[]) WITH ORDINALITY AS asked (place, n)
    CROSS JOIN LATERAL (
        SELECT ctid AS place, assignment_id FROM result_inbox WHERE ctid = asked.place
        LIMIT 1 FOR UPDATE SKIP LOCKED
    ) box
),
sized AS MATERIALIZED (
    SELECT held.place, held.assignment_id, result.body,
           sum(octet_length(result.body)) OVER (
               ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
    FROM held CROSS JOIN LATERAL (
        SELECT body FROM results WHERE assignment_id = held.assignment_id LIMIT 1
    ) result
),
fitting AS MATERIALIZED (SELECT * FROM sized WHERE coalesce(bytes_before, 0) < $2),
taken AS (DELETE FROM result_inbox WHERE ctid = ANY (ARRAY(SELECT place FROM fitting)))
UPDATE assignments a SET fold_id = $3
FROM fitting
WHERE a.id = ANY (ARRAY(SELECT assignment_id FROM fitting)) AND a.id = fitting.assignment_id
RETURNING a.job_id, a.owner_id, fitting.body
"""


async def take(
    connection: RawConnection, turns: Turns, now: datetime, fold_id: FoldId, *, limit: int
) -> Sequence[Record]:
    """Take out at most `limit` results, job by job in turn. Each row has job_id, owner_id, body.

    Empty where nothing waits except what other workers are folding.
    """
    looked = turns.must_look(now)
    if looked:
        await _look(connection, turns, now)
    rows = await _take(connection, turns, fold_id, limit)
    if not rows and not looked:  # Other workers took all that the last look saw.
        await _look(connection, turns, now)
        rows = await _take(connection, turns, fold_id, limit)
    turns.served({row["job_id"] for row in rows})
    return rows


async def _look(connection: RawConnection, turns: Turns, now: datetime) -> None:
    began = time.perf_counter()
    rows = await connection.fetch(_LOOK, LOOK_MAX, PLACES_MAX, SHARE_MIN)
    turns.saw(dict(rows), now=now, seconds=time.perf_counter() - began)


async def _take(
    connection: RawConnection, turns: Turns, fold_id: FoldId, limit: int
) -> Sequence[Record]:
    places = turns.choose(limit)
    return await connection.fetch(_TAKE, places, BATCH_BYTES, fold_id) if places else []
