"""What the database holds in the end, against what the clients were told."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, cast

import psycopg

from dml.inference.counts import Counts
from dml.jobs import counting
from dml.jobs.counting import ResultTerms
from tests.jobs.factories import LABELS
from tests.kill.crowd import Handed, Job, Record

_ASSIGNMENTS = """
    SELECT a.id::text, a.job_id::text, a.owner_id, a.fold_id, r.body
    FROM assignments a LEFT JOIN results r ON r.assignment_id = a.id WHERE a.state = 'accepted'
"""
_JOBS = """
    SELECT j.id::text, j.state, t.folded, t.items, t.uncertain, t.shown_devices,
           (SELECT sum(open) FROM job_places WHERE job_id = j.id),
           (SELECT balance FROM ledger_accounts WHERE code = 'escrow:job:' || j.id)
    FROM jobs j JOIN job_totals t ON t.job_id = j.id
"""
_COUNTS = "SELECT job_id::text, month, label, counted FROM job_counts WHERE counted <> 0"
_WALLETS = "SELECT code, balance FROM ledger_accounts"


def check(database_url: str, record: Record, jobs: Sequence[Job]) -> int:
    """See that all that was accepted is kept, counted and paid, each once, and nothing else is.

    Return how many results are kept of which no device could see that they were accepted.
    """
    with psycopg.connect(database_url) as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query).fetchall()

        by_job = _check_kept(rows(_ASSIGNMENTS), record)
        assert {id for id, *_ in rows(_JOBS)} == {str(it.id) for it in jobs}
        _check_counted(rows(_JOBS), rows(_COUNTS), by_job, jobs)
        _check_paid(dict(rows(_WALLETS)), by_job, jobs)
        assert rows("SELECT count(*) FROM result_inbox") == [(0,)]
        return sum(len(handed) for handed in by_job.values()) - len(record.accepted)


def _check_kept(rows: Sequence[tuple[Any, ...]], record: Record) -> defaultdict[str, list[Handed]]:
    """Each accepted answer is there with its very body; what more is there had an answer lost."""
    kept = {id: (job_id, body, fold_id) for id, job_id, _, fold_id, body in rows}
    assert all(fold_id is not None for _, _, fold_id in kept.values())
    for id, handed in record.accepted.items():
        assert id in kept, f"{id} was accepted, and is not kept"
        assert kept[id][:2] == (handed.job_id, counting.canonical(cast(Counts, handed.result))), id
    assert kept.keys() - record.accepted.keys() <= record.unsure
    by_job = defaultdict[str, list[Handed]](list)
    for _, job_id, owner_id, _, body in rows:
        by_job[job_id].append(Handed(job_id, owner_id, json.loads(body)))
    return by_job


def _check_counted(
    rows: Sequence[tuple[Any, ...]],
    counts: Sequence[tuple[Any, ...]],
    by_job: defaultdict[str, list[Handed]],
    jobs: Sequence[Job],
) -> None:
    """Each job's totals are the sum of its results, no place is lost, and its escrow is empty."""
    terms, cells = ResultTerms.of(LABELS, None, None), Counter[tuple[str, int, int]]()
    for job_id, all_handed in by_job.items():
        for handed in all_handed:
            for (month, label), count in counting.cells(cast(Counts, handed.result), terms).items():
                cells[job_id, month, label] += count
    assert {(id, month, label): count for id, month, label, count in counts} == cells
    ordered = {str(it.id): it for it in jobs}
    for id, state, folded, items, uncertain, shown, open_places, escrow in rows:
        job, results = ordered[id], [it.result for it in by_job[id]]
        assert state == job.end, f"{job.path} is {state}, not {job.end}"
        assert folded == len(results) == job.max_devices - open_places
        assert items == sum(it["items"] for it in results)
        assert uncertain == sum(it["uncertain"] for it in results)
        assert shown == folded if folded >= 5 and state == "completed" else shown <= folded
        assert escrow == 0


def _check_paid(
    balances: dict[str, int], by_job: defaultdict[str, list[Handed]], jobs: Sequence[Job]
) -> None:
    """Each owner, developer and the platform has what the results earned, to the micro-token."""
    earned = Counter[str]()
    for job in jobs:
        for handed in by_job[str(job.id)]:
            earned[f"wallet:{handed.owner_id}"] += job.reward
            earned[f"wallet:{job.developer_id}"] += job.device_fee
            earned["revenue"] += job.platform_fee
    for account, amount in earned.items():
        assert balances[account] == amount, f"{account} holds {balances[account]}, not {amount}"
    customers = {f"wallet:{it.customer.id}" for it in jobs}
    spent = sum(it.cost_of_one * len(by_job[str(it.id)]) for it in jobs)
    assert spent == sum(earned.values())
    assert sum(balances[it] for it in customers) == -balances["chain"] - spent
    assert sum(balances.values()) == 0
    others = balances.keys() - earned.keys() - customers - {"chain"}
    assert all(balances[it] == 0 for it in others)
