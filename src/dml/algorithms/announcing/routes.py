"""REST for announcing: parse, call one function, shape the answer."""

from fastapi import APIRouter

from dml.algorithms import queries, rules as algorithm_rules
from dml.algorithms.announcing import rules, service
from dml.algorithms.schemas import AlgorithmOut
from dml.core.db import Shown
from dml.core.ids import AlgorithmId
from dml.edge.http import Ctx
from dml.edge.idempotency import IdempotentRoute, Once
from dml.edge.problems import refusals

router = APIRouter(prefix="/v1/algorithms", route_class=IdempotentRoute)


@router.post(
    "/{algorithm_id}/announce",
    operation_id="algorithms.announce",
    dependencies=[Once],
    response_model=AlgorithmOut,
    responses=refusals(
        algorithm_rules.AlgorithmNotFound,
        algorithm_rules.NotDeveloper,
        algorithm_rules.WrongState,
        rules.AlreadyAnnounced,
        rules.TooManyAnnounced,
    ),
)
async def announce(ctx: Ctx, algorithm_id: AlgorithmId) -> Shown:
    """Announce a draft.

    Everybody can see then that it is coming: by its id or slug, and in lists with
    `state=announced`. Nobody can order it before one of its versions is approved, which lists it.
    For its developer, who may have 20 announced algorithms.
    """
    await service.announce(ctx, algorithm_id)
    await ctx.tx.flush()
    return await queries.get_listing(ctx.tx, ctx.actor, algorithm_id)


@router.post(
    "/{algorithm_id}/withdraw",
    operation_id="algorithms.withdraw",
    dependencies=[Once],
    response_model=AlgorithmOut,
    responses=refusals(
        algorithm_rules.AlgorithmNotFound, algorithm_rules.NotDeveloper, rules.NotAnnounced
    ),
)
async def withdraw(ctx: Ctx, algorithm_id: AlgorithmId) -> Shown:
    """Take an announcement back.

    The algorithm is a draft again, which only its developer and moderators see. For its developer.
    """
    await service.withdraw(ctx, algorithm_id)
    await ctx.tx.flush()
    return await queries.get_listing(ctx.tx, ctx.actor, algorithm_id)
