"""Shapes of statistics on the wire."""

from datetime import date, timedelta
from typing import Final

from pydantic import Field

from dml.algorithms.statistics.queries import Statistics
from dml.core.ids import AlgorithmId, VersionId
from dml.core.money import AmountOut
from dml.core.wire import Day, Parameters, Wire

DEVICES: Final = "How many devices' results were shown to customers."
EARNED: Final = "What the developer was paid for them, in tokens."
RATINGS: Final = "How many ratings were first given then that are shown now."
MEAN: Final = "The mean of those ratings' stars; `null` where there is none."


class StatisticsQuery(Parameters):
    from_: Day | None = Field(
        None,
        alias="from",
        description="The first day, in UTC. Default: 30 days before `to`.",
    )
    to: Day | None = Field(
        None,
        description="The first day that is left out, at most 366 days later. Default: tomorrow.",
    )
    version_id: VersionId | None = Field(None, description="Only what this version did.")


class StatisticsTotalOut(Wire):
    """What became of an algorithm in some days."""

    devices: int = Field(description=DEVICES)
    earned: AmountOut = Field(description=EARNED)
    rating_count: int = Field(description=RATINGS)
    rating: float | None = Field(description=MEAN)


class VersionStatisticsOut(StatisticsTotalOut):
    """The same of one version."""

    version_id: VersionId = Field(description="The version.")
    number: int = Field(description="Versions of an algorithm are numbered from 1 on.")


class DayStatisticsOut(StatisticsTotalOut):
    """The same of one day."""

    day: date = Field(description="The day, in UTC.")


class AlgorithmStatisticsOut(Wire):
    """What became of an algorithm, by version and by day, in the steps of its jobs."""

    algorithm_id: AlgorithmId = Field(description="The algorithm.")
    first_day: date = Field(description="The first day of which it tells.")
    last_day: date = Field(description="The last one.")
    total: StatisticsTotalOut = Field(description="Of all these days.")
    versions: list[VersionStatisticsOut] = Field(
        description="By version, the newest first; those of which there is nothing are left out."
    )
    days: list[DayStatisticsOut] = Field(
        description="By day, the earliest first; those of which there is nothing are left out."
    )


def shaped(found: Statistics) -> AlgorithmStatisticsOut:
    return AlgorithmStatisticsOut.model_validate(
        {
            "algorithm_id": found.algorithm_id,
            "first_day": found.period.first,
            "last_day": found.period.until - timedelta(days=1),
            "total": found.total,
            "versions": found.versions,
            "days": found.days,
        }
    )
