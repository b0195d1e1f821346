"""What a manifest says. Pure.

The document may get more members. What there is of them keeps its name and meaning, or `manifest`,
the number of its form, grows.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from dml.core.errors import NotFound
from dml.inference import canonical_json
from dml.inference.counts import Counts
from dml.jobs.models import Job
from dml.jobs.noise.rules import DELTA, GROWTH

FORM: Final = 1


class ManifestNotFound(NotFound):
    code = "jobs.manifest_not_found"
    reason = "There is no such job, it has no manifest, or its customer erased their account."
    remedy = "Check the id. Jobs that were ordered before there were manifests have none."


@dataclass(frozen=True, slots=True)
class Written:
    """A manifest as it is kept and sent, and its SHA-256 in hexadecimal digits."""

    body: bytes
    sha256: str


def write(job: Job) -> Written:
    """Write the manifest of a job that is being ordered."""
    body = canonical_json.encode(document(job))
    return Written(body, hashlib.sha256(body).hexdigest())


def document(job: Job) -> dict[str, Any]:
    """Say all that a job may learn: nothing that changes while it runs, and not whose it is."""
    return {
        "manifest": FORM,
        "job_id": str(job.id),
        "purpose": job.title,
        "created_at": _moment(job.created_at),
        "model": {
            "algorithm_id": str(job.algorithm_id),
            "version_id": str(job.version_id),
            "developer_id": str(job.developer_id),
            "sha256": job.model_sha256,
            "size": job.model_size,
        },
        "input_sha256": canonical_json.digest(job.input_spec),
        "leaves": sorted(Counts.__annotations__),
        "labels": job.labels,
        "min_confidence": job.min_confidence,
        "period": _period(job),
        "max_items": job.max_items,
        "max_norm": job.max_norm,
        "max_devices_per_owner": job.max_devices_per_owner,
        "answer": _answer(job),
        "target": {"kind": job.data_kind, "countries": job.countries},
    }


def _answer(job: Job) -> dict[str, Any]:
    """What becomes of the counts: how they are told, and how much noise hides of one owner."""
    return {
        "answers": job.answers.value,
        "min_owners": job.min_owners,
        "step_growth": GROWTH if job.is_noisy else None,
        "epsilon": job.epsilon,
        "delta": DELTA if job.is_noisy else None,
        "rho_billionths": job.rho,
    }


def _period(job: Job) -> dict[str, str | None] | None:
    if job.date_from is None and job.date_to is None:
        return None
    return {
        "from": None if job.date_from is None else job.date_from.isoformat(),
        "to": None if job.date_to is None else job.date_to.isoformat(),
    }


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
