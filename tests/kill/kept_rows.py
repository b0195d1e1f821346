"""What devices saw accepted, against the database, row by row, and what was paid for it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import psycopg

_KEPT: Final = """
    SELECT a.id::text, encode(sha256(r.body), 'hex'), a.fold_id IS NOT NULL, a.owner_id::text
    FROM assignments a LEFT JOIN results r ON r.assignment_id = a.id WHERE a.state = 'accepted'
"""
_PAID: Final = """
    SELECT substr(target, 8), sum(amount) FROM ledger_transfers
    WHERE code = 'device_reward' GROUP BY target
"""
_COUNTED: Final = """
    SELECT j.id::text, t.folded,
           (SELECT count(*) FROM assignments WHERE job_id = j.id AND state = 'accepted'),
           j.max_devices - (SELECT sum(open) FROM job_places WHERE job_id = j.id)
    FROM jobs j JOIN job_totals t ON t.job_id = j.id
"""


class Kept(NamedTuple):
    """An assignment that the database has as accepted."""

    assignment: str
    digest: str | None  # Of its body, where that is kept.
    is_folded: bool
    owner: str


@dataclass
class Comparison:
    """What is missing, and what is there twice."""

    accepted_seen: int = 0
    unsure: int = 0  # Kept, though the answer to whoever sent it was lost.
    kept: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def compare(database_url: str, record: Path) -> Comparison:
    """Compare a simulator's record with the database, once nothing is under way any more.

    All jobs of the database are the simulation's, and pay one reward.
    """
    found = Comparison()
    seen, unsure = _read(record, found)
    with psycopg.connect(database_url) as connection:
        kept = [Kept(*row) for row in connection.execute(_KEPT)]
        paid = {owner: int(amount) for owner, amount in connection.execute(_PAID)}
        counted = connection.execute(_COUNTED).fetchall()
        ((reward,),) = connection.execute("SELECT DISTINCT reward FROM jobs").fetchall()
    compare_rows(found, kept, seen, unsure)
    compare_pay(found, Counter(it.owner for it in kept), paid, reward)
    for job_id, folded, accepted, gone in counted:
        compare_job(found, job_id, folded, accepted, gone)
    return found


def _read(record: Path, found: Comparison) -> tuple[dict[str, str], dict[str, str]]:
    seen: dict[str, str] = {}
    unsure: dict[str, str] = {}
    for line in record.read_text().splitlines():
        assignment, digest, what = line.split()
        if what == "unsure":
            unsure[assignment] = digest
        elif seen.setdefault(assignment, digest) != digest:
            found.twice.append(f"assignment {assignment} was accepted with two bodies")
    found.accepted_seen = len(seen)
    return seen, unsure


def compare_rows(
    found: Comparison, rows: Sequence[Kept], seen: Mapping[str, str], unsure: Mapping[str, str]
) -> None:
    """Each accepted answer is kept with its very body; what more is kept had its answer lost."""
    kept = {it.assignment: it for it in rows}
    found.kept = len(kept)
    for assignment, digest in seen.items():
        if assignment not in kept:
            found.lost.append(f"assignment {assignment} was accepted, and is not kept")
        elif kept[assignment].digest != digest:
            found.lost.append(f"assignment {assignment} is not kept with the body that was sent")
    for it in rows:
        if not it.is_folded:
            found.lost.append(f"assignment {it.assignment} was never counted")
        if it.assignment not in seen:
            found.unsure += 1
            if unsure.get(it.assignment) != it.digest:
                found.wrong.append(f"assignment {it.assignment} is kept, and nobody handed it in")


def compare_pay(
    found: Comparison, earned: Mapping[str, int], paid: Mapping[str, int], reward: int
) -> None:
    """Each owner was paid for as many results as are kept, to the micro-token."""
    for owner in earned.keys() | paid.keys():
        due, got = earned.get(owner, 0) * reward, paid.get(owner, 0)
        if got != due:
            which = found.twice if got > due else found.lost
            which.append(f"owner {owner} was paid {got} micro-tokens, not {due}")


def compare_job(found: Comparison, job_id: str, folded: int, accepted: int, gone: int) -> None:
    """A job counts as many results as it accepted, and lacks as many places."""
    if folded != accepted:
        which = found.twice if folded > accepted else found.lost
        which.append(f"job {job_id} counts {folded} results, and accepted {accepted}")
    if gone != accepted:
        found.wrong.append(f"job {job_id} lacks {gone} places for {accepted} results")
