"""Counting crowds, with noise that is drawn once and kept with them."""

import asyncio
from datetime import timedelta
from typing import Final

from dml.core.context import Context
from dml.jobs.crowds import queries, rules, statements
from dml.jobs.noise import drawing

# One owner adds one to each number that they are in; in rho it costs them so much for each.
RHO: Final = 1 / (2 * rules.DEVIATION**2)


async def count_if_due(ctx: Context, *, every: timedelta) -> int:
    """Count all crowds anew, if the last count is as long ago. Return 0: there is no more to do.

    What was drawn and what was counted are of one transaction: nobody sees one without the other.
    """
    if not rules.is_due(await queries.find_counted_at(ctx.tx), ctx.now, every):
        return 0
    if not await statements.take_turn(ctx.tx):
        return 0
    if not rules.is_due(await queries.find_counted_at(ctx.tx), ctx.now, every):
        return 0  # Another worker did so meanwhile.
    crowds = await statements.count(ctx.tx, ctx.now)
    counts = [number for groups in crowds.values() for number in groups]
    if not counts:
        return 0
    drawn = iter(
        (await asyncio.to_thread(drawing.draw, counts, norm=1, rho=RHO * (1 + 1e-6))).counts
    )
    told = {crowd: [next(drawn) for _ in groups] for crowd, groups in crowds.items()}
    await statements.replace(ctx.tx, told, ctx.now)
    return 0
