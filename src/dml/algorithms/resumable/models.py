"""The rows. Columns and constraints only; what may happen to them is in rules.py."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.counts import Count
from dml.core.db import Base
from dml.core.ids import AlgorithmId, UploadId, VersionId


class Upload(Base):
    """A model that was announced, and how much of it has come."""

    __tablename__ = "algorithm_uploads"
    __table_args__ = (
        CheckConstraint("size > 0", "size_positive"),
        CheckConstraint("received BETWEEN 0 AND size", "received_within_size"),
        CheckConstraint("(version_id IS NULL) = (completed_at IS NULL)", "completed_at"),
        Index(None, "algorithm_id", "id"),
        Index(None, "version_id"),
        Index(None, "expires_at"),
    )

    id: Mapped[UploadId] = mapped_column(primary_key=True)
    algorithm_id: Mapped[AlgorithmId] = mapped_column(
        ForeignKey("algorithms.id", ondelete="CASCADE")
    )
    input_spec: Mapped[dict[str, Any]]
    sha256: Mapped[str]
    size: Mapped[Count]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    received: Mapped[Count] = mapped_column(default=Count(0), server_default="0")
    # The objects in quarantine that hold what was received, in their order.
    parts: Mapped[list[str]] = mapped_column(default_factory=list, server_default="{}")
    # The request that may add to them: the last one that began.
    writer: Mapped[str | None] = mapped_column(default=None)
    version_id: Mapped[VersionId | None] = mapped_column(
        ForeignKey("algorithm_versions.id", ondelete="CASCADE"), default=None
    )
    completed_at: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def offset(self) -> int:
        """Where the next part begins."""
        return self.received
