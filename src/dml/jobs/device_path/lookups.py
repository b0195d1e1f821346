"""What the device path reads: one statement each, over arrays, so that requests share them.

Each answers in the order of what it was asked, as the hot writes do, and over the same connections.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from dml.core.db import RawConnection
from dml.core.ids import AssignmentId, DeviceId, JobId, UserId, VersionId
from dml.jobs.models import Answers

# The jobs that give out places now, in the order of their ids. One row, for there may be thousands.
_OPEN_JOBS: Final = """
SELECT array_agg(id ORDER BY id) FROM jobs
WHERE state = 'open' AND starts_at <= now() AND deadline > now()
  AND (SELECT state FROM algorithm_versions WHERE id = jobs.version_id LIMIT 1) = 'approved'
  AND (SELECT state FROM algorithms WHERE id = jobs.algorithm_id LIMIT 1) <> 'suspended'
  AND (SELECT true FROM job_places
       WHERE job_id = jobs.id AND open > 0 AND NOT closed LIMIT 1)
"""

_OFFERS: Final = """
SELECT j.id, j.version_id, j.developer_id, j.data_kind, j.countries,
       j.needs_agreement, j.epsilon,
       coalesce((j.input_spec ->> 'version')::int, 1) AS spec_version,
       coalesce(v.least_memory_mib, 0) AS least_memory_mib,
       coalesce(v.least_speed, 0) AS least_speed
FROM unnest($1::uuid[]) AS u (id) CROSS JOIN LATERAL (
    SELECT * FROM jobs WHERE id = u.id LIMIT 1
) j CROSS JOIN LATERAL (
    SELECT least_memory_mib, least_speed FROM algorithm_versions WHERE id = j.version_id LIMIT 1
) v
"""

# Versions have up to a thousand labels, and hundreds of jobs: those are read once for each version.
_MODELS: Final = """
SELECT v.id, (SELECT labels FROM algorithms WHERE id = v.algorithm_id LIMIT 1), v.input_spec::text,
       v.sha256, v.size
FROM unnest($1::uuid[]) AS u (id) CROSS JOIN LATERAL (
    SELECT * FROM algorithm_versions WHERE id = u.id LIMIT 1
) v
"""

_FACTS: Final = """
SELECT j.id, j.version_id, j.date_from, j.date_to, j.min_confidence,
       j.max_items / j.max_devices_per_owner AS max_items,
       j.max_norm / j.max_devices_per_owner AS max_norm, j.answers, j.epsilon,
       j.manifest_sha256
FROM unnest($1::uuid[]) AS u (id) CROSS JOIN LATERAL (
    SELECT * FROM jobs WHERE id = u.id LIMIT 1
) j
"""

_JOBS_OF: Final = """
SELECT u.n::int, a.job_id
FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS u (id, device_id, n)
CROSS JOIN LATERAL (
    SELECT job_id FROM assignments WHERE id = u.id AND device_id = u.device_id
    UNION ALL
    SELECT (SELECT job_id FROM job_archives WHERE id = x.archive_id LIMIT 1)
    FROM archived_assignments x WHERE x.device_id = u.device_id AND x.id = u.id
    LIMIT 1
) a
"""


@dataclass(frozen=True, slots=True)
class Offer:
    """What of an open job decides which devices may run it."""

    id: JobId
    version_id: VersionId
    developer_id: UserId
    data_kind: str
    countries: Sequence[str]
    needs_agreement: bool  # Without noise: for devices whose owner agreed to that.
    epsilon: float | None
    spec_version: int  # What an agent must know (docs/decisions/0062).
    least_memory_mib: int  # What a device must have (docs/decisions/0071); 0 where not known.
    least_speed: int
    labels: Set[str]  # One for all jobs of a version.


@dataclass(frozen=True, slots=True)
class Model:
    """What all jobs of a version have in common. It never changes."""

    version_id: VersionId
    labels: Sequence[str]
    input_spec: str  # As JSON.
    sha256: str
    size: int
    places: Mapping[str, int]  # Label → its place in the labels.


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What of a job alone its devices must know. It never changes."""

    job_id: JobId
    version_id: VersionId
    date_from: date | None
    date_to: date | None
    min_confidence: float
    max_items: int | None  # Of this device alone, as is `max_norm`.
    max_norm: int | None
    answers: Answers
    epsilon: float | None
    manifest_sha256: str | None


@dataclass(frozen=True, slots=True)
class LeaseFacts:
    """What of a job its devices must know."""

    job: JobFacts
    model: Model


async def list_open_jobs(connection: RawConnection) -> list[UUID]:
    """Return the jobs that have a place to give just now, the oldest first."""
    return await connection.fetchval(_OPEN_JOBS) or []


async def list_offers(
    connection: RawConnection, job_ids: Sequence[UUID], known: Mapping[VersionId, Set[str]]
) -> list[Offer]:
    """Return what of these jobs matters for matching. `known` are labels that need no reading."""
    rows = await connection.fetch(_OFFERS, job_ids)
    new = {row["version_id"] for row in rows} - known.keys()
    read = await find_models(connection, list(new)) if new else []
    labels = {**known, **{it.version_id: it.places.keys() for it in read if it is not None}}
    return [Offer(**row, labels=labels[row["version_id"]]) for row in rows]


async def find_facts(connection: RawConnection, job_ids: Sequence[JobId]) -> list[JobFacts | None]:
    """Return of each job what its devices must know of it; None where there is no such job."""
    found = {row["id"]: JobFacts(*row) for row in await connection.fetch(_FACTS, job_ids)}
    return [found.get(job_id) for job_id in job_ids]


async def find_models(
    connection: RawConnection, version_ids: Sequence[VersionId]
) -> list[Model | None]:
    """Return of each version what its devices must know; None where there is no such version."""
    found: dict[VersionId, Model] = {}
    for version_id, labels, spec, sha256, size in await connection.fetch(_MODELS, version_ids):
        places = {label: place for place, label in enumerate(labels)}
        # The keys are these very strings, so that each label is in memory once.
        found[version_id] = Model(version_id, tuple(places), spec, sha256, size, places)
    return [found.get(version_id) for version_id in version_ids]


async def find_jobs_of(
    connection: RawConnection, asked: Sequence[tuple[AssignmentId, DeviceId]]
) -> list[JobId | None]:
    """Return the job of each assignment, archived or not; None where its device has no such one."""
    found: list[JobId | None] = [None] * len(asked)
    ids, devices = zip(*asked, strict=True)
    for n, job_id in await connection.fetch(_JOBS_OF, ids, devices):
        found[n - 1] = job_id
    return found
