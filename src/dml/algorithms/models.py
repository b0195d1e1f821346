"""The rows. Columns and constraints only; what may happen to them is in rules.py."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import AlgorithmId, UserId, VersionId
from dml.core.money import MicroTokens


class AlgorithmState(StrEnum):
    """Whether an algorithm can be used.

    `draft`: none of its versions was approved yet. `listed`: everybody can use it. `suspended`: a
    moderator took it off the list for now. `archived`: it is off the list for good.
    """

    DRAFT = "draft"
    LISTED = "listed"
    SUSPENDED = "suspended"
    ARCHIVED = "archived"


class AlgorithmKind(StrEnum):
    """What a model takes as input."""

    IMAGE = "image"


class VersionState(StrEnum):
    """How far a version is.

    `uploaded`: its file is being checked. `checked` and `refused`: the file passed its check, or
    did not. `in_review`: it waits for a moderator, who makes it `approved` or `rejected`.
    `recalled`: it was approved, and nobody may run it any more. `deleted`: its file is gone.
    """

    UPLOADED = "uploaded"
    CHECKED = "checked"
    REFUSED = "refused"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    RECALLED = "recalled"
    DELETED = "deleted"


class Algorithm(Base):
    __tablename__ = "algorithms"
    __table_args__ = (
        CheckConstraint("device_fee >= 0", "device_fee_not_negative"),
        Index(None, "state", "id"),
        Index(None, "developer_id", "id"),
    )

    id: Mapped[AlgorithmId] = mapped_column(primary_key=True)
    developer_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str]
    summary: Mapped[str]
    model_card: Mapped[str]
    kind: Mapped[AlgorithmKind]
    tags: Mapped[list[str]]
    data_kind: Mapped[str]
    device_fee: Mapped[MicroTokens]
    labels: Mapped[list[str]]
    state: Mapped[AlgorithmState]
    created_at: Mapped[datetime]

    @property
    def reference(self) -> str:
        """What the audit log calls this algorithm."""
        return f"algorithm:{self.id}"


class Version(Base):
    """A model file with its input spec. The file, the spec and the labels never change, but for the
    spec's `version`, which the check raises to what agents must know to run the file.
    """

    __tablename__ = "algorithm_versions"
    __table_args__ = (
        UniqueConstraint("algorithm_id", "number"),
        CheckConstraint("size >= 0", "size_not_negative"),
        CheckConstraint("(state = 'recalled') = (recalled_at IS NOT NULL)", "recalled_at"),
        Index(None, "state", "id"),
    )

    id: Mapped[VersionId] = mapped_column(primary_key=True)
    algorithm_id: Mapped[AlgorithmId] = mapped_column(ForeignKey("algorithms.id"))
    number: Mapped[int]
    state: Mapped[VersionState]
    input_spec: Mapped[dict[str, Any]]
    sha256: Mapped[str]
    size: Mapped[int]
    created_at: Mapped[datetime]
    # What the check found: the graph's inputs and outputs, or why it was refused.
    signature: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), default=None)
    # And what running it takes, as measured then; NULL for what was checked before that was done.
    passport: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), default=None)
    refusals: Mapped[list[dict[str, Any]]] = mapped_column(default_factory=list)
    checked_at: Mapped[datetime | None] = mapped_column(default=None)
    reviewed_at: Mapped[datetime | None] = mapped_column(default=None)
    reviewed_by: Mapped[UserId | None] = mapped_column(ForeignKey("users.id"), default=None)
    review_reason: Mapped[str | None] = mapped_column(default=None)
    recalled_at: Mapped[datetime | None] = mapped_column(default=None)
    recall_reason: Mapped[str | None] = mapped_column(default=None)
    # Where it was first shown to be good, of a model that was entered into a bounty.
    origin: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), default=None)
    # And then the team that entered it: none of them reviews it.
    author_ids: Mapped[list[UUID]] = mapped_column(default_factory=list, server_default="{}")

    @property
    def reference(self) -> str:
        """What the audit log calls this version."""
        return f"version:{self.id}"
