"""The rows of statistics. Columns and constraints only."""

from datetime import date

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.counts import Count
from dml.core.db import Base
from dml.core.ids import AlgorithmId, VersionId
from dml.core.money import MicroTokens


class AlgorithmStatistic(Base):
    """What a version did on a day, in UTC. Without foreign keys: each would look for a row that
    others hold, in the middle of a fold.

    `devices` are those that steps have shown, and `earned` what their developer was paid. `ratings`
    and `stars` are of those that were first given that day, as they are now.
    """

    __tablename__ = "algorithm_statistics"
    __table_args__ = (
        CheckConstraint("devices >= 0 AND earned >= 0 AND ratings >= 0", "not_negative"),
        CheckConstraint("stars BETWEEN ratings AND 5 * ratings", "stars"),
        Index(None, "algorithm_id", "day"),
    )

    version_id: Mapped[VersionId] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    algorithm_id: Mapped[AlgorithmId]
    devices: Mapped[Count] = mapped_column(default=Count(0), server_default="0")
    earned: Mapped[MicroTokens] = mapped_column(default=MicroTokens(0), server_default="0")
    ratings: Mapped[Count] = mapped_column(default=Count(0), server_default="0")
    stars: Mapped[Count] = mapped_column(default=Count(0), server_default="0")
