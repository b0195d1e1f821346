"""The rows. Columns and constraints only; what may happen to them is in rules.py."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, Unmapped, mapped_column, unmapped_column

from dml.core.counts import Count
from dml.core.db import Base
from dml.core.ids import AlgorithmId, UserId, VersionId
from dml.core.money import MicroTokens

# What others may type for an algorithm, in words and in PostgreSQL's own wording.
_NAMES: Final = (
    "setweight(to_tsvector('english'::regconfig,"
    " ((words_of(title) || ' '::text) || words_of(tags))), 'A'::\"char\")"
)
_SLUG: Final = (
    "((COALESCE(NULLIF(TRIM(BOTH '-'::text FROM \"left\"(regexp_replace(lower(words_of(title)),"
    " '[^a-z0-9]+'::text, '-'::text, 'g'::text), 60)), ''::text), 'algorithm'::text) || '-'::text)"
    ' || "right"((id)::text, 12))'
)
_BRIEF: Final = (
    f"({_NAMES} || setweight(to_tsvector('english'::regconfig, words_of(summary)), 'B'::\"char\"))"
)
# What a list sorts by: the mean of all ratings and of five more of three stars, in thousandths.
_WEIGHTED_RATING: Final = "(((rating_sum + 15) * 1000) / (rating_count + 5))"
_WORDS: Final = (
    f"({_BRIEF} || setweight(to_tsvector('english'::regconfig, words_of(model_card)),"
    " 'D'::\"char\"))"
)

# Since when a version waits for a moderator, as an index has it.
WAITING_SINCE: Final = "COALESCE(submitted_at, checked_at, created_at)"


class AlgorithmState(StrEnum):
    """Whether an algorithm can be used.

    `draft`: none of its versions was approved yet. `announced`: neither, and everybody can see that
    it is coming. `listed`: everybody can use it. `suspended`: its developer or a moderator took it
    off the list for now. `archived`: it is off the list for good.
    """

    DRAFT = "draft"
    ANNOUNCED = "announced"
    LISTED = "listed"
    SUSPENDED = "suspended"
    ARCHIVED = "archived"


class SuspendedBy(StrEnum):
    """Who took an algorithm off the list for now, and so may list it again."""

    DEVELOPER = "developer"
    MODERATOR = "moderator"


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
        Index(None, "state", "created_at", "id"),
        Index(None, "state", "device_fee", "id"),
        CheckConstraint("rating_count >= 0", "rating_count_not_negative"),
        CheckConstraint("rating_sum BETWEEN rating_count AND 5 * rating_count", "rating_sum"),
        Index(None, "state", "runs", "id"),
        Index(None, "state", "weighted_rating", "id"),
        Index(None, "tags", postgresql_using="gin"),
        Index(None, "words", postgresql_using="gin"),
        Index(None, "brief_words", postgresql_using="gin"),
        Index("algorithms_slug_end_idx", text('"right"(slug, 12)')),
        Index(
            "algorithms_announced_idx",
            "created_at",
            "id",
            postgresql_where=text("state = 'draft' AND announced_at IS NOT NULL"),
        ),
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
    # As the column has it: an announced one is kept as a draft, which is what it is to the release
    # before, which knows no other word for it (docs/decisions/0068).
    kept_state: Mapped[AlgorithmState] = mapped_column("state")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revision: Mapped[int] = mapped_column(default=1, server_default="1")
    # While it is suspended. NULL: by a moderator, before it was written down.
    suspended_by: Mapped[SuspendedBy | None] = mapped_column(default=None)
    suspended_at: Mapped[datetime | None] = mapped_column(default=None)
    suspended_by_id: Mapped[UserId | None] = mapped_column(ForeignKey("users.id"), default=None)
    suspension_reason: Mapped[str | None] = mapped_column(default=None)
    suspension_code: Mapped[str | None] = mapped_column(default=None)
    # Of a draft: since when everybody can see that it is coming.
    announced_at: Mapped[datetime | None] = mapped_column(default=None)
    # The devices in the answers of the jobs of it that have ended, as far as those were shown.
    runs: Mapped[Count] = mapped_column(default=Count(0), server_default="0")
    # Of the ratings that are shown: how many, and all their stars together.
    rating_count: Mapped[Count] = mapped_column(default=Count(0), server_default="0")
    rating_sum: Mapped[Count] = mapped_column(default=Count(0), server_default="0")
    weighted_rating: Mapped[Count] = mapped_column(
        Computed(_WEIGHTED_RATING, persisted=True), init=False
    )
    # How a path names it. It follows the title; its end, by which it is found, never changes.
    slug: Mapped[str] = mapped_column(Computed(_SLUG, persisted=True), init=False)
    # Nobody reads these of a row: they are as long as its model card.
    words: Unmapped[str] = unmapped_column(TSVECTOR, Computed(_WORDS, persisted=True))
    brief_words: Unmapped[str] = unmapped_column(TSVECTOR, Computed(_BRIEF, persisted=True))

    @property
    def state(self) -> AlgorithmState:
        if self.kept_state is AlgorithmState.DRAFT and self.announced_at is not None:
            return AlgorithmState.ANNOUNCED
        return self.kept_state

    @state.setter
    def state(self, to: AlgorithmState) -> None:
        """For `rules.move_algorithm` alone, which says since when it is announced, too."""
        self.kept_state = AlgorithmState.DRAFT if to is AlgorithmState.ANNOUNCED else to

    @property
    def reference(self) -> str:
        """What the audit log calls this algorithm."""
        return f"algorithm:{self.id}"


class SpeltWord(Base):
    """A word of a listed algorithm, by which what is misspelt is put right."""

    __tablename__ = "algorithm_words"
    __table_args__ = (
        Index(None, "word", postgresql_using="gin", postgresql_ops={"word": "gin_trgm_ops"}),
    )

    word: Mapped[str] = mapped_column(primary_key=True)


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
        Index("algorithm_versions_waiting_idx", "state", text(WAITING_SINCE), "id"),
        Index(None, "sha256"),
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
    # What a device needs to run it, by that; NULL: not known, so any device is offered it.
    least_memory_mib: Mapped[int | None] = mapped_column(default=None)
    least_speed: Mapped[int | None] = mapped_column(default=None)
    refusals: Mapped[list[dict[str, Any]]] = mapped_column(default_factory=list)
    checked_at: Mapped[datetime | None] = mapped_column(default=None)
    reviewed_at: Mapped[datetime | None] = mapped_column(default=None)
    reviewed_by: Mapped[UserId | None] = mapped_column(ForeignKey("users.id"), default=None)
    review_reason: Mapped[str | None] = mapped_column(default=None)
    review_code: Mapped[str | None] = mapped_column(default=None)  # Of a ready reason.
    recalled_at: Mapped[datetime | None] = mapped_column(default=None)
    recalled_by: Mapped[UserId | None] = mapped_column(ForeignKey("users.id"), default=None)
    recall_reason: Mapped[str | None] = mapped_column(default=None)
    recall_code: Mapped[str | None] = mapped_column(default=None)
    # While it is in review: since when. NULL, where the release before took it in.
    submitted_at: Mapped[datetime | None] = mapped_column(default=None)
    # Where it was first shown to be good, of a model that was entered into a bounty.
    origin: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), default=None)
    # And then the team that entered it: none of them reviews it.
    author_ids: Mapped[list[UUID]] = mapped_column(default_factory=list, server_default="{}")

    @property
    def reference(self) -> str:
        """What the audit log calls this version."""
        return f"version:{self.id}"
