"""REST for statistics: parse, call one function, shape the answer."""

from typing import Annotated

from fastapi import APIRouter, Query

from dml.algorithms.rules import AlgorithmNotFound, NotDeveloper
from dml.algorithms.statistics import queries, rules
from dml.algorithms.statistics.schemas import AlgorithmStatisticsOut, StatisticsQuery, shaped
from dml.core.ids import AlgorithmId
from dml.edge.http import Ctx
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/algorithms/{algorithm_id}", route_class=StrictRoute)


@router.get(
    "/statistics",
    operation_id="algorithms.get_statistics",
    responses=refusals(AlgorithmNotFound, NotDeveloper, rules.PeriodNotGood),
)
async def get_statistics(
    ctx: Ctx, algorithm_id: AlgorithmId, query: Annotated[StatisticsQuery, Query()]
) -> AlgorithmStatisticsOut:
    """Get an algorithm's statistics.

    For its developer: devices, earnings and ratings, by version and by day, of at most 366 days.
    They grow in the steps in which customers are shown their answers, as your balance does; what is
    counted and not shown yet is in neither.
    """
    found = await queries.get_statistics(
        ctx.tx,
        ctx.actor,
        algorithm_id,
        period=rules.period_of(query.from_, query.to, ctx.now.date()),
        version_id=query.version_id,
    )
    return shaped(found)
