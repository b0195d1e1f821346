"""What an order would cost, and what is expected of it."""

from dataclasses import dataclass, replace

from dml.core.context import Context
from dml.core.money import MicroTokens
from dml.core.settings import Settings
from dml.jobs import counting, service
from dml.jobs.crowds import queries as crowds, rules as crowd_rules
from dml.jobs.crowds.rules import Counted
from dml.jobs.models import Answers
from dml.jobs.noise.rules import EpsilonOutOfBounds, Privacy
from dml.jobs.quotes import rules
from dml.jobs.quotes.rules import Arrival, Precision
from dml.jobs.service import Order, Quote


@dataclass(frozen=True, slots=True)
class Forecast:
    """The price of an order, and what is expected of it."""

    priced: Quote
    least_reward: MicroTokens
    crowd: Counted
    is_target: bool
    least_owners: int
    half: Arrival
    most: Arrival
    precision: Precision | None


async def forecast(ctx: Context, order: Order, settings: Settings) -> Forecast:
    """Tell what an order would cost and bring, or refuse it where it has no price."""
    priced = await service.quote(
        ctx,
        order,
        platform_fee_bps=settings.platform_fee_bps,
        min_owners=settings.min_owners,
        bounds=service.bounds_of(settings),
    )
    crowd = await crowds.get_crowd(
        ctx.tx,
        priced.algorithm.data_kind,
        order.countries,
        is_exact=priced.answers is Answers.EXACT and settings.exact_answers != "anybody",
    )
    starts_at = max(ctx.now, order.starts_at or ctx.now)
    half, most = (
        rules.arrival(
            crowd, part, devices=order.max_devices, starts_at=starts_at, deadline=order.deadline
        )
        for part in (rules.HALF, rules.MOST)
    )
    least = settings.target_owners
    return Forecast(
        priced=priced,
        least_reward=settings.least_reward,
        crowd=crowd,
        is_target=crowd_rules.is_target(crowd, order.countries, least=least),
        least_owners=least if order.countries else 0,
        half=half,
        most=most,
        precision=rules.expect_precision(
            priced.privacy,
            _twice_as_open(order, settings, priced),
            labels=len(priced.algorithm.labels),
            months=counting.possible_months(order.date_from, order.date_to, order.deadline),
            devices=order.max_devices,
            max_devices_per_owner=order.max_devices_per_owner,
        ),
    )


def _twice_as_open(order: Order, settings: Settings, priced: Quote) -> Privacy | None:
    if priced.epsilon is None:
        return None
    bounds, labels = service.bounds_of(settings), len(priced.algorithm.labels)
    try:
        return replace(order, epsilon=2 * priced.epsilon).privacy(bounds, labels=labels)
    except EpsilonOutOfBounds:  # No job may learn so much here.
        return None
