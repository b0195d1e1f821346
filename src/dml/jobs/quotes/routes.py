"""REST of quotes: parse, call one function, shape the answer."""

from typing import Final

from fastapi import APIRouter, Depends

from dml.algorithms.rules import NotListed, VersionNotApproved, VersionNotFound
from dml.core.errors import NotSignedIn
from dml.edge.http import Ctx, Server
from dml.edge.limits import TooManyTries, count_try
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.jobs import rules
from dml.jobs.noise.rules import (
    EpsilonOutOfBounds,
    ExactNotAllowed,
    ExactWithEpsilon,
    ExactWithNorm,
    ItemsOutOfBounds,
    NormOutOfBounds,
)
from dml.jobs.precision import PrecisionOfExact
from dml.jobs.quotes import service
from dml.jobs.quotes.schemas import JobQuoteOut, quoted
from dml.jobs.schemas import JobCreate
from dml.jobs.service import Order

# Why an order has no price, and so can't be created either.
NO_PRICE: Final = (
    VersionNotFound,
    VersionNotApproved,
    NotListed,
    rules.DeadlineNotAhead,
    rules.StartsTooLate,
    rules.PeriodOutOfOrder,
    rules.TooFewDevices,
    rules.CostTooLarge,
    EpsilonOutOfBounds,
    ItemsOutOfBounds,
    NormOutOfBounds,
    ExactWithEpsilon,
    ExactWithNorm,
    ExactNotAllowed,
    PrecisionOfExact,
)
router = APIRouter(prefix="/v1/jobs", route_class=StrictRoute)


async def _some_a_minute(ctx: Ctx, server: Server) -> None:
    """As each tells of a crowd; though asked again within a day, it tells the same."""
    await count_try(server, f"quotes:{ctx.actor.id}", server.settings.quotes_a_minute)


@router.post(
    "/quotes",
    operation_id="job_quotes.create",
    dependencies=[Depends(_some_a_minute)],
    responses=refusals(NotSignedIn, TooManyTries, *NO_PRICE),
)
async def quote(ctx: Ctx, server: Server, body: JobCreate) -> JobQuoteOut:
    """Get the price of a job before you create it.

    For signed-in users, some times a minute: what the same body would cost at `POST /v1/jobs` now,
    about how many owners could take part, when their results should be in, and how precise the
    answer should be. Nothing is stored. Fees may change until you create the job: send the `cost`
    as its `max_total`.
    """
    return quoted(await service.forecast(ctx, Order(**dict(body)), server.settings))
