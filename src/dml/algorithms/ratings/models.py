"""The rows of ratings. Columns and constraints only."""

from datetime import UTC, date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import AlgorithmId, RatingId, UserId, VersionId


class Rating(Base):
    """What one customer thinks of an algorithm. `version_id` is what their last job of it ran when
    they first rated it.
    """

    __tablename__ = "algorithm_ratings"
    __table_args__ = (
        UniqueConstraint("algorithm_id", "user_id"),
        CheckConstraint("stars BETWEEN 1 AND 5", "stars"),
        CheckConstraint("hidden_reason IS NULL OR hidden_at IS NOT NULL", "hidden_reason"),
        Index(None, "algorithm_id", "id"),
        Index(None, "user_id"),
    )

    id: Mapped[RatingId] = mapped_column(primary_key=True)
    algorithm_id: Mapped[AlgorithmId] = mapped_column(ForeignKey("algorithms.id"))
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    version_id: Mapped[VersionId] = mapped_column(ForeignKey("algorithm_versions.id"))
    stars: Mapped[int] = mapped_column(SmallInteger)
    text: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    hidden_at: Mapped[datetime | None] = mapped_column(default=None)
    hidden_reason: Mapped[str | None] = mapped_column(default=None)

    @property
    def day(self) -> date:
        """The day under which it is counted: that on which it was first given, in UTC."""
        return self.created_at.astimezone(UTC).date()


class RatingReply(Base):
    """What the developer says to a rating."""

    __tablename__ = "rating_replies"

    rating_id: Mapped[RatingId] = mapped_column(
        ForeignKey("algorithm_ratings.id", ondelete="CASCADE"), primary_key=True
    )
    text: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
