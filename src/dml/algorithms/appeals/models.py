"""The rows: a developer's word against what a moderator decided."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import AlgorithmId, AppealId, UserId, VersionId

GONE_WITH: Final = "CASCADE"  # A draft is deleted with its versions, by the release before, too.


class AppealState(StrEnum):
    """How an appeal ended. `open`: it waits for another moderator than the one who decided.

    `upheld`: the decision stays. `overturned`: it was taken back. `settled`: what it was about is
    over, as the version was deleted, or the algorithm archived or resumed.
    """

    OPEN = "open"
    UPHELD = "upheld"
    OVERTURNED = "overturned"
    SETTLED = "settled"


class AppealedDecision(StrEnum):
    """Against what a developer appeals."""

    REJECTION = "rejection"
    RECALL = "recall"
    SUSPENSION = "suspension"


class Appeal(Base):
    """A developer's word against one decision, which is known by its subject and its moment."""

    __tablename__ = "appeals"
    __table_args__ = (
        UniqueConstraint(
            "algorithm_id", "version_id", "decided_at", postgresql_nulls_not_distinct=True
        ),
        CheckConstraint("(state = 'open') = (resolved_at IS NULL)", "resolved_at"),
        CheckConstraint("(version_id IS NULL) = (decision = 'suspension')", "of_a_version"),
        CheckConstraint("resolved_by IS NULL OR resolved_by <> decided_by", "another_decides"),
        Index(None, "state", "id"),
        Index(None, "algorithm_id", "id"),
        Index(None, "version_id"),
    )

    id: Mapped[AppealId] = mapped_column(primary_key=True)
    algorithm_id: Mapped[AlgorithmId] = mapped_column(
        ForeignKey("algorithms.id", ondelete=GONE_WITH)
    )
    version_id: Mapped[VersionId | None] = mapped_column(
        ForeignKey("algorithm_versions.id", ondelete=GONE_WITH)
    )
    decision: Mapped[AppealedDecision]
    # The decision: when, by whom as far as that was kept, and what was said.
    decided_at: Mapped[datetime]
    decided_by: Mapped[UserId | None] = mapped_column(ForeignKey("users.id"))
    decided_reason: Mapped[str | None]
    decided_code: Mapped[str | None]
    text: Mapped[str]
    state: Mapped[AppealState]
    created_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None] = mapped_column(default=None)
    resolved_by: Mapped[UserId | None] = mapped_column(ForeignKey("users.id"), default=None)
    resolution: Mapped[str | None] = mapped_column(default=None)
