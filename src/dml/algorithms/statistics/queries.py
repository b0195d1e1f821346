"""Every SELECT of statistics. None goes over jobs or ratings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.algorithms import rules as algorithm_rules
from dml.algorithms.models import Version
from dml.algorithms.queries import get_algorithm, mean_of
from dml.algorithms.statistics import rules
from dml.algorithms.statistics.models import AlgorithmStatistic
from dml.algorithms.statistics.rules import Period
from dml.core.context import Actor
from dml.core.db import PAGE_MAX, Shown
from dml.core.ids import AlgorithmId, VersionId

_STATISTIC: Final = AlgorithmStatistic.__table__.c


def _sum(name: str) -> Any:
    return cast(func.coalesce(func.sum(_STATISTIC[name]), 0), BigInteger)


_SUMS: Final = (
    _sum("devices").label("devices"),
    _sum("earned").label("earned"),
    _sum("ratings").label("rating_count"),
    mean_of(_sum("stars"), _sum("ratings")).label("rating"),
)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of an algorithm, or one of its versions, in a period: all of it, by version, by day."""

    algorithm_id: AlgorithmId
    period: Period
    total: Shown
    versions: Sequence[Shown]
    days: Sequence[Shown]


async def get_statistics(
    tx: AsyncSession,
    actor: Actor,
    algorithm_id: AlgorithmId,
    *,
    period: Period,
    version_id: VersionId | None = None,
) -> Statistics:
    """Return what became of an algorithm, for its developer. Versions and days of which there is
    nothing to tell are left out; of versions, the newest 100 are told. O(versions × days).
    """
    algorithm = await get_algorithm(tx, actor, algorithm_id)
    algorithm_rules.require_developer(algorithm, actor)
    asked = [
        _STATISTIC.algorithm_id == algorithm_id,
        _STATISTIC.day >= period.first,
        _STATISTIC.day < period.until,
    ]
    if version_id is not None:
        asked.append(_STATISTIC.version_id == version_id)
    total = (await tx.execute(select(*_SUMS).where(*asked))).one()
    by_version = (
        select(_STATISTIC.version_id, Version.number, *_SUMS)
        .join(Version, Version.id == _STATISTIC.version_id)
        .where(*asked)
        .group_by(_STATISTIC.version_id, Version.number)
        .order_by(Version.number.desc())
        .limit(PAGE_MAX)
    )
    by_day = select(_STATISTIC.day, *_SUMS).where(*asked).group_by(_STATISTIC.day)
    return Statistics(
        algorithm_id=algorithm_id,
        period=period,
        total=total,
        versions=(await tx.execute(by_version)).all(),
        days=(await tx.execute(by_day.order_by(_STATISTIC.day).limit(rules.DAYS_MAX))).all(),
    )
