"""The rows of published answers. Columns and constraints only."""

from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.counts import Count
from dml.core.db import Base
from dml.core.ids import AlgorithmId, JobId, PublicationId, UserId


class PublishedJob(Base):
    """An ended job's answer that its customer made public. `counts` are in the order of the job's
    labels: of each, how many items were shown.
    """

    __tablename__ = "published_jobs"
    __table_args__ = (
        UniqueConstraint("job_id"),
        CheckConstraint("removal_reason IS NULL OR removed_at IS NOT NULL", "removal_reason"),
        Index(None, "algorithm_id", "id"),
        Index(None, "customer_id"),
    )

    id: Mapped[PublicationId] = mapped_column(primary_key=True)
    job_id: Mapped[JobId] = mapped_column(ForeignKey("jobs.id"))
    algorithm_id: Mapped[AlgorithmId] = mapped_column(ForeignKey("algorithms.id"))
    customer_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str]
    devices: Mapped[int]
    items: Mapped[Count]
    counts: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    uncertain: Mapped[Count]
    other: Mapped[Count]
    published_at: Mapped[datetime]
    # By a moderator, who says why.
    removed_at: Mapped[datetime | None] = mapped_column(default=None)
    removal_reason: Mapped[str | None] = mapped_column(default=None)
