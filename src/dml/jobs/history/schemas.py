"""Shapes of what ended jobs tell others."""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from dml.algorithms.schemas import RATING, RATING_COUNT, RUNS
from dml.core.counts import Count
from dml.core.db import Shown
from dml.core.ids import AlgorithmId, JobId, PublicationId, VersionId
from dml.core.wire import Body, Line, Prose, Wire, example
from dml.jobs.history.queries import Usage


class JobPublication(Body):
    """What a published answer is called."""

    model_config = example(title="What people photographed in Portugal")

    title: Line | None = Field(
        None, max_length=200, description="Everybody can read it. Without it: the job's title."
    )


class JobUnpublishing(Body):
    """Why an answer is no longer public."""

    model_config = example(reason="Its title insults somebody.")

    reason: Prose | None = Field(
        None,
        max_length=2_000,
        description="Why. Moderators who remove another's answer need one: its customer reads it.",
    )


class PublishedJobOut(Wire):
    """An ended job's answer that its customer made public."""

    id: PublicationId
    job_id: JobId = Field(description="The job.")
    title: str = Field(description="What its customer calls it.")
    algorithm_id: AlgorithmId = Field(description="The algorithm that devices ran.")
    algorithm_title: str = Field(description="The title of the algorithm.")
    version_id: VersionId = Field(description="The version of it.")
    version_number: int = Field(description="Versions of an algorithm are numbered from 1 on.")
    devices: int = Field(description="How many devices' results the counts sum up.")
    items: Count = Field(description="How many items were counted.")
    labels: dict[str, Count] = Field(description="How many items have each label.")
    uncertain: Count = Field(
        description="How many items had no label of the probability `min_confidence` or more."
    )
    other: Count = Field(description="How many items have a label that too few owners had.")
    min_confidence: float = Field(
        description="An item whose best label had a lower probability counted as `uncertain`."
    )
    countries: list[str] = Field(
        description="Only devices in these countries took part (ISO 3166-1 alpha-2). Empty: in any."
    )
    date_from: date | None = Field(description="Only items from this day on were counted.")
    date_to: date | None = Field(description="Only items before this day were counted.")
    ended_at: datetime = Field(description="When the job ended.")
    published_at: datetime = Field(description="When its customer made the answer public.")
    results_url: str = Field(description="Where all of the counts are: a path of this API.")


def published(row: Shown) -> PublishedJobOut:
    """A published answer as everybody sees it."""
    fields: dict[str, Any] = row._asdict()
    named = {it: fields[it] for it in PublishedJobOut.model_fields if it in fields}
    counts = dict(zip(fields["labels"], fields["counts"], strict=True))
    url = f"/v1/published-jobs/{row.id}/results"
    return PublishedJobOut(**{**named, "labels": counts, "results_url": url})


class AlgorithmUsageOut(Wire):
    """How much an algorithm is used."""

    algorithm_id: AlgorithmId = Field(description="The algorithm.")
    runs: int = Field(description=RUNS)
    jobs: str = Field(
        description="How many jobs of it have ended, in bands: `0`, `1-9`, `10-99`, `100-999` or "
        "`1000+`.",
        examples=["10-99"],
    )
    rating: float | None = Field(description=RATING)
    rating_count: int = Field(description=RATING_COUNT)


def usage(found: Usage) -> AlgorithmUsageOut:
    its = found.algorithm
    return AlgorithmUsageOut(
        algorithm_id=its.id,
        runs=its.runs,
        jobs=found.jobs,
        rating=its.rating,
        rating_count=its.rating_count,
    )
