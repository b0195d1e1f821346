"""How many parts of a parted table each hot statement asks. `test_parted.py` runs it so."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from dml.core.db import RawConnection, connect_hot
from dml.core.ids import new_id
from dml.jobs.device_path import ended_leases, statements
from dml.jobs.folding import inbox, statements as folding
from dml.jobs.rules import TRIES_MAX
from tests.jobs import parting
from tests.jobs.factories import claim_of, hand_in, make_device, make_job, result
from tests.world import World

ALL: Final = parting.PARTS
_STAMP: Final = """
    SELECT d.revision + o.revision + coalesce(
        (SELECT revision FROM owner_limits WHERE owner_id = o.id), 0)
    FROM devices d, users o WHERE d.id = $1 AND o.id = $2
"""
_WAITS: Final = "SELECT ctid FROM result_inbox WHERE assignment_id = $1"
LEASE: Final = timedelta(minutes=10)
LONGEST: Final = timedelta(hours=2)
RICH: Final = 10**12  # A budget that covers whatever a job costs.
# An assignment is named by its id and its device, neither of which tells the job: it is looked for
# by one probe of an index in every part. So is a place that is counted up or down, as its job comes
# in an array that PostgreSQL does not know when it plans. The rest names its key, and asks one.
ASKED: Final = {
    "claim": {"assignments": ALL, "job_places": ALL},
    "heartbeat": {"assignments": ALL},
    "accept": {"assignments": ALL},
    "release": {"assignments": ALL, "job_places": ALL},
    "take": {"assignments": ALL, "results": 1},
    "lock totals": {"job_totals": 1},
    "sweep": {"assignments": ALL},
}
TABLES: Final = tuple(parting.KEYS)


def walk(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for it in plan.get("Plans", ()):
        yield from walk(it)


async def asked(connection: RawConnection, query: str, values: Sequence[Any]) -> dict[str, int]:
    """How many parts of each table a statement reads, as it is run and undone again."""
    turn = connection.transaction()
    await turn.start()
    try:
        told = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", *values)
    finally:
        await turn.rollback()
    parts = {
        it["Relation Name"]
        for it in walk(json.loads(told)[0]["Plan"])
        if it.get("Actual Loops") and "Scan" in it["Node Type"] and "Relation Name" in it
    }
    found = {name: len({it for it in parts if it.startswith(f"{name}_part_")}) for name in TABLES}
    return {name: count for name, count in found.items() if count}


async def test_which_statements_ask_one_part_and_which_ask_all(
    world: World, database_url: str
) -> None:
    job, other = await make_job(world), await make_device(world)
    (accepted,) = await claim_of(other, job)
    assert (await hand_in(other, accepted)).status_code == 200
    device, newcomer = await make_device(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    connection = await connect_hot(database_url, name="test")
    try:
        stamp = await connection.fetchval(_STAMP, newcomer.id, newcomer.owner.id)
        claim = [[new_id()], [job.id], [newcomer.id], [newcomer.owner.id], [stamp], [1]]
        sent = [[UUID(lease["id"])], [device.id], [device.owner.id]]
        place = await connection.fetchval(_WAITS, UUID(accepted["id"]))
        sent_with_body = [*sent, [json.dumps(result()).encode()]]
        runs: dict[str, tuple[str, list[Any]]] = {
            "claim": (statements._CLAIM, [*claim, LEASE, TRIES_MAX, LONGEST, RICH, RICH]),
            "heartbeat": (statements._HEARTBEAT, [*sent, LEASE, LONGEST]),
            "accept": (statements._ACCEPT, sent_with_body),
            "release": (statements._RELEASE, sent),
            "take": (inbox._TAKE, [[place], inbox.BATCH_BYTES, new_id()]),
            "lock totals": (folding.LOCK, [[job.id]]),
            "sweep": (ended_leases._SWEEP, []),
        }
        found = {name: await asked(connection, *it) for name, it in runs.items()}
        assert found == ASKED
    finally:
        await connection.close()
