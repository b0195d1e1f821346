"""A backlog of accepted results that nobody folded yet: a database as the device path leaves it.

People, devices, leases and results are written in bulk; the jobs are ordered by the use cases, so
that their escrow is covered by real transfers. `dml doctor` finds nothing wrong with any of it.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.accounts import service as accounts
from dml.accounts.models import DataKind, User
from dml.algorithms import service as algorithms
from dml.algorithms.models import AlgorithmKind, Version, VersionState
from dml.algorithms.rules import Finding
from dml.core.context import NOBODY, SYSTEM, Actor, Context, Role
from dml.core.db import RawConnection, connect, raw
from dml.core.ids import JobId, VersionId, new_id, new_ids
from dml.core.money import MicroTokens, parse
from dml.inference.counts import Counts
from dml.jobs import counting, rules
from dml.jobs.models import Answers
from dml.jobs.service import Order, create
from dml.payments import credits

LABELS: Final = [f"label {place}" for place in range(10)]
MONTHS: Final = [f"2026-{month:02}" for month in range(1, 13)]
OPEN_PLACES: Final = 100  # Of each job, unless told otherwise: folding all that waits ends none.
CHUNK: Final = 20_000  # Rows that one COPY writes.
BODIES: Final = 500  # Different ones; about 900 bytes each.
PRICES: Final = {"reward": "0.1", "device_fee": "0.01"}


@dataclass(frozen=True)
class Backlog:
    """What waits, and what folding it has to come to."""

    jobs: Sequence[JobId]
    results: int
    items: int
    by_label: Sequence[int]


async def prepare(
    database_url: str, shares: Sequence[int], *, open_places: int = OPEN_PLACES
) -> Backlog:
    """Fill a migrated, empty database with a job for each share, of so many accepted results.

    Each result is of another owner. The inbox stays empty until `fill`, so that what folds can be
    started first.
    """
    chance, sent = random.Random(7), Counter[int]()
    bodies = [_result(chance) for _ in range(BODIES)]
    engine = connect(database_url, name="benchmark", statement_timeout="5min")
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    try:
        customer, version_id = await _people(sessions)
        jobs = []
        for share in shares:
            places = share + open_places
            jobs.append(await _order(sessions, customer, version_id, max_devices=places))
            for first in range(0, share, CHUNK):
                numbers = range(first, min(first + CHUNK, share))
                sent.update(number % BODIES for number in numbers)
                async with sessions.begin() as tx:
                    await _hand_in(await raw(tx), jobs[-1], places, bodies, numbers)
        async with sessions.begin() as tx:
            await tx.execute(text(_PLACES_TAKEN))
    finally:
        await engine.dispose()
    return Backlog(
        jobs=jobs,
        results=sum(shares),
        items=sum(bodies[which]["items"] * count for which, count in sent.items()),
        by_label=[
            sum(bodies[which]["labels"][label] * count for which, count in sent.items())
            for label in LABELS
        ],
    )


async def fill(database_url: str, jobs: Sequence[JobId]) -> None:
    """Put all results of these jobs into the inbox, in one transaction."""
    engine = connect(database_url, name="benchmark", statement_timeout="5min")
    async with engine.begin() as connection:
        await connection.execute(text(_FILL), {"jobs": list(jobs)})
    await engine.dispose()


_FILL: Final = """
    INSERT INTO result_inbox (assignment_id, job_id)
    SELECT id, job_id FROM assignments WHERE job_id = ANY (CAST(:jobs AS uuid[])) ORDER BY id
"""
# What is accepted is no open place, and the buckets of a job are all alike.
_PLACES_TAKEN: Final = """
    UPDATE job_places p SET open = open - taken.count
    FROM (SELECT job_id, bucket, count(*)::int AS count FROM assignments GROUP BY 1, 2) taken
    WHERE p.job_id = taken.job_id AND p.bucket = taken.bucket
"""


async def _people(sessions: async_sessionmaker[AsyncSession]) -> tuple[User, VersionId]:
    """Make a customer who can pay, and a developer with an approved model."""
    now = datetime.now(UTC)
    async with sessions.begin() as tx:
        customer, developer, moderator = [
            await accounts.register(
                Context(tx, NOBODY, now), email=f"{name}@example.org", password_hash="-", role=role
            )
            for name, role in [
                ("customer", Role.MEMBER),
                ("developer", Role.MEMBER),
                ("moderator", Role.MODERATOR),
            ]
        ]
        await credits.credit(
            Context(tx, SYSTEM, now),
            customer.id,
            parse("10000000"),
            reason="for a benchmark",
            alone_up_to=None,
        )
        ctx = Context(tx, Actor(developer.id), now)
        new = algorithms.NewAlgorithm(
            title="Ten labels",
            summary="Tells ten things apart.",
            model_card="# Ten labels",
            kind=AlgorithmKind.IMAGE,
            tags=[],
            data_kind=DataKind.PHOTO,
            device_fee=parse(PRICES["device_fee"]),
            labels=LABELS,
        )
        algorithm = await algorithms.create(ctx, new)
        version = Version(
            id=VersionId(new_id()),
            algorithm_id=algorithm.id,
            number=1,
            state=VersionState.UPLOADED,
            input_spec={},
            sha256="0" * 64,
            size=1,
            created_at=now,
        )
        tx.add_all([algorithm, version])
        await tx.flush()
        await algorithms.conclude_check(ctx, version.id, Finding({}, []))
        await algorithms.submit(ctx, algorithm.id, version.id)
        reviewing = Context(tx, Actor(moderator.id, Role.MODERATOR), now)
        await algorithms.approve(reviewing, algorithm.id, version.id, reason=None)
    return customer, version.id


async def _order(
    sessions: async_sessionmaker[AsyncSession],
    customer: User,
    version_id: VersionId,
    *,
    max_devices: int,
) -> JobId:
    async with sessions.begin() as tx:
        ctx = Context(tx, Actor(customer.id), datetime.now(UTC))
        order = Order(
            version_id=version_id,
            title="How many of each?",
            max_devices=max_devices,
            max_devices_per_owner=1,
            reward=MicroTokens(parse(PRICES["reward"])),
            countries=[],
            date_from=None,
            date_to=None,
            min_confidence=0.5,
            starts_at=None,
            deadline=ctx.now + timedelta(days=1),
            max_total=None,
            answers=Answers.EXACT,
        )
        job = await create(ctx, order, platform_fee_bps=1_000, min_owners=5)
    return job.id


def _result(chance: random.Random) -> Counts:
    """Counts of some hundred items over ten labels and twelve months, as one person has them."""
    months = {
        month: {label: chance.randrange(10) for label in LABELS if chance.random() < 0.5}
        for month in MONTHS
    }
    labels = {label: sum(counts.get(label, 0) for counts in months.values()) for label in LABELS}
    undated, uncertain = chance.randrange(20), chance.randrange(40)
    labels[LABELS[0]] += undated
    return {
        "items": sum(labels.values()) + uncertain,
        "labels": labels,
        "uncertain": uncertain,
        "months": months,
        "undated": undated,
    }


async def _hand_in(
    connection: RawConnection,
    job_id: JobId,
    places: int,
    bodies: Sequence[Counts],
    numbers: range,
) -> None:
    """Write owners, their devices, and what each of these handed in."""
    now, buckets = datetime.now(UTC), len(rules.places_by_bucket(places))
    kept = [counting.canonical(body) for body in bodies]
    rows = list(zip(numbers, *(new_ids(len(numbers)) for _ in range(3)), strict=True))
    tables: dict[str, tuple[str, Callable[[int, UUID, UUID, UUID], tuple[Any, ...]]]] = {
        "users": (
            "id email password_hash role created_at revision permitted_kinds",
            lambda n, o, d, a: (o, f"owner-{o}@example.org", "-", "member", now, 1, ["photo"]),
        ),
        "devices": (
            "id owner_id public_key name platform kinds created_at revision",
            lambda n, o, d, a: (d, o, o.bytes + d.bytes, "", "linux", ["photo"], now, 1),
        ),
        "assignments": (
            "id job_id device_id owner_id bucket slot state tries lease_expires_at created_at",
            lambda n, o, d, a: (a, job_id, d, o, n % buckets, 0, "accepted", 1, now, now),
        ),
        "results": (
            "assignment_id body received_at",
            lambda n, o, d, a: (a, kept[n % BODIES], now),
        ),
    }
    for table, (columns, row) in tables.items():
        await connection.copy_records_to_table(
            table, columns=columns.split(), records=[row(*it) for it in rows]
        )
