"""The shape of a manifest on the wire. What is sent is the bytes that were kept."""

from datetime import date, datetime
from typing import Final, Literal

from pydantic import ConfigDict, Field

from dml.accounts.models import DataKind
from dml.core.ids import AlgorithmId, JobId, UserId, VersionId
from dml.core.wire import Wire
from dml.jobs.models import Answers
from dml.jobs.noise.schemas import EPSILON, MAX_ITEMS, MAX_NORM

MANIFEST_SHA256: Final = (
    "SHA-256, in hexadecimal digits, of what `GET /v1/jobs/{id}/manifest` answers; `null`: the job "
    "is from before there were manifests."
)


class _Part(Wire):
    model_config = ConfigDict(extra="ignore")  # A later form may say more.


class ManifestModelOut(_Part):
    """Which model it runs, and whose it is."""

    algorithm_id: AlgorithmId = Field(description="The algorithm that devices run.")
    version_id: VersionId = Field(description="The version of the algorithm that devices run.")
    developer_id: UserId = Field(description="The user who made it.")
    sha256: str = Field(description="SHA-256 of its file, in hexadecimal digits.")
    size: int = Field(description="Size of the file, in bytes.")


class ManifestPeriodOut(_Part):
    """Which items count, by their dates."""

    from_: date | None = Field(alias="from", description="The first day that counts.")
    to: date | None = Field(description="The first day that no longer counts.")


class ManifestAnswerOut(_Part):
    """What becomes of the counts."""

    answers: Answers = Field(description="Whether the answer carries noise.")
    min_owners: int = Field(description="Results are told in steps, each of so many owners.")
    step_growth: int | None = Field(
        description="How many times as many results as the last step tells the next one, at least; "
        "`null` for an exact answer."
    )
    epsilon: float | None = Field(description=f"{EPSILON} `null` for an exact answer.")
    delta: float | None = Field(description="How often `epsilon` may not hold.")
    rho_billionths: int = Field(
        description="What it takes of the privacy budget of an owner, with all devices: billionths "
        "of rho, in which jobs add up. 0 for an exact answer."
    )


class ManifestTargetOut(_Part):
    """Whose devices it asks for."""

    kind: DataKind = Field(description="The kind of data.")
    countries: list[str] = Field(
        description="Only devices in these countries (ISO 3166-1 alpha-2). Empty: in any."
    )


class JobManifestOut(_Part):
    """All that a job may learn. It never changes."""

    manifest: Literal[1] = Field(description="The number of this form.")
    job_id: JobId = Field(description="The job.")
    purpose: str = Field(description="What it is for, in its customer's words.")
    created_at: datetime
    model: ManifestModelOut
    input_sha256: str = Field(
        description="SHA-256 of the input spec, as the assignment has it, in canonical JSON (RFC "
        "8785)."
    )
    leaves: list[str] = Field(
        description="What leaves a device: these members of `ResultCreate`, and nothing else."
    )
    labels: list[str] = Field(description="The labels that items are counted by.")
    min_confidence: float = Field(
        description="An item whose best label has a lower probability is counted as `uncertain`."
    )
    period: ManifestPeriodOut | None = Field(description="Only items of these days; `null`: all.")
    max_items: int | None = Field(description=f"{MAX_ITEMS} `null`: any number.")
    max_norm: int | None = Field(description=f"{MAX_NORM} `null`: as `max_items` bounds it.")
    max_devices_per_owner: int = Field(
        description="How many devices of one owner may take part; each has an equal part of "
        "`max_items` and of `max_norm`."
    )
    answer: ManifestAnswerOut
    target: ManifestTargetOut
