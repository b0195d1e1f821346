"""Who has which place, and so which prize, while the order can still change.

The caller holds the bounty's row.
"""

from collections.abc import Sequence

from dml.bounties import board
from dml.bounties import judging_rules as rules
from dml.bounties.judging_rules import Band
from dml.bounties.models import Bounty, BountyState, Enrollment, EnrollmentState, Ties
from dml.core.context import Context


def give_places(
    bounty: Bounty, entrants: Sequence[Enrollment], bands: Sequence[Band], ties: Ties
) -> None:
    """Give each of these entrants the place of its band, and the prize that belongs to it."""
    prizes = rules.share_prizes(bounty.prizes, bands, ties)
    for entrant, band, prize in zip(entrants, bands, prizes, strict=True):
        entrant.place, entrant.tied_from, entrant.tied_to = band.place, band.tied_from, band.tied_to
        entrant.prize = prize


def take_place(entrant: Enrollment) -> None:
    """Let an entrant have neither place nor prize."""
    entrant.place = entrant.tied_from = entrant.tied_to = entrant.prize = None


async def place_again(ctx: Context, bounty: Bounty) -> None:
    """Close the ranks where somebody was disqualified, and let in who was reinstated.

    As ranked, where the owner changed nothing; else in the order that there is: whoever came back
    has no place of it then, until the owner gives one.
    """
    if bounty.state is not BountyState.DISPUTING:
        return
    await ctx.tx.flush()
    ranking = await board.get_ranking(ctx.tx, bounty.id)
    placed = await board.lock_placed(ctx.tx, bounty.id)
    for entrant in placed:
        if entrant.state is not EnrollmentState.ENROLLED:
            take_place(entrant)
    if ranking is None or bounty.order_changes > 0:
        left = [it for it in placed if it.state is EnrollmentState.ENROLLED]
        give_places(bounty, left, rules.by_order(len(left)), Ties.ORDER)
        return
    found = await board.find_entrants(
        ctx.tx, [rules.entrant_of(it) for it in ranking.entries], lock=True
    )
    ranked = [
        (found[rules.entrant_of(it)], Band(it["place"], it["tied_from"], it["tied_to"]))
        for it in ranking.entries
        if found[rules.entrant_of(it)].state is EnrollmentState.ENROLLED
    ]
    bands = rules.close_ranks([band for _, band in ranked])
    give_places(bounty, [entrant for entrant, _ in ranked], bands, bounty.ties)
