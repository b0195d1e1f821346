"""The rows of what was moved into files. Columns and constraints only."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.counts import Count
from dml.core.db import Base
from dml.core.ids import ArchiveId, AssignmentId, DeviceId, FoldId, JobId
from dml.jobs.models import AssignmentState


class JobArchive(Base):
    """A Parquet file in the blob store, with assignments of an ended job and their results."""

    __tablename__ = "job_archives"
    __table_args__ = (
        UniqueConstraint("job_id", "number"),
        CheckConstraint("number > 0 AND assignments > 0", "counts_from_one"),
        CheckConstraint("results BETWEEN 0 AND assignments", "results_have_assignments"),
    )

    id: Mapped[ArchiveId] = mapped_column(primary_key=True)
    job_id: Mapped[JobId] = mapped_column(ForeignKey("jobs.id"))
    number: Mapped[int]  # From 1, for each job.
    sha256: Mapped[str]
    chain: Mapped[str]  # SHA-256 of the chain before this one, and of this file's hash.
    size: Mapped[int]
    assignments: Mapped[int]
    results: Mapped[int]
    items: Mapped[Count]  # Of its results, in sum.
    uncertain: Mapped[Count]
    pages: Mapped[list[int]]  # Where bodies are in the file: start and end of each page.
    created_at: Mapped[datetime]


class ArchivedAssignment(Base):
    """What stays at hand of an archived assignment: what its device may still ask about.

    Rows are written once, and never change: a seventh of what they took in the hot tables.
    """

    __tablename__ = "archived_assignments"
    __table_args__ = (
        CheckConstraint("state <> 'leased'", "over"),
        CheckConstraint("(state = 'accepted') = (body_sha256 IS NOT NULL)", "accepted_has_body"),
    )

    device_id: Mapped[DeviceId] = mapped_column(primary_key=True)
    id: Mapped[AssignmentId] = mapped_column(primary_key=True)
    archive_id: Mapped[ArchiveId]
    fold_id: Mapped[FoldId | None]
    created_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(SmallInteger)
    page: Mapped[int] = mapped_column(SmallInteger)  # Where its body is: one of the archive's.
    state: Mapped[AssignmentState]
    body_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
