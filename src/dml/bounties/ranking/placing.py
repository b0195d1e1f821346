"""Places and prizes of entrants while the order can still change, and the decisions about them.

The caller has locked the bounty's row.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dml.bounties.judging import rules
from dml.bounties.judging.rules import Band
from dml.bounties.models import (
    Bounty,
    BountyState,
    Decision,
    Enrollment,
    Judging,
    Ties,
)
from dml.bounties.ranking import queries as ranking_queries
from dml.core.context import Context
from dml.core.ids import DecisionId, EnrollmentId, new_id


def decide(
    ctx: Context, bounty: Bounty, action: str, entrants: Sequence[EnrollmentId], reason: str
) -> None:
    """Record a decision about these entrants; everybody sees it."""
    ctx.tx.add(
        Decision(
            id=DecisionId(new_id()),
            bounty_id=bounty.id,
            actor_id=ctx.actor.id,
            action=action,
            winners=[str(it) for it in entrants],
            reason=reason,
            created_at=ctx.now,
        )
    )


def give_places(
    bounty: Bounty, entrants: Sequence[Enrollment], bands: Sequence[Band], ties: Ties
) -> None:
    """Give each of these entrants the place of its band, and the prize that belongs to it."""
    prizes = rules.share_prizes(bounty.prizes, bands, ties)
    for entrant, band, prize in zip(entrants, bands, prizes, strict=True):
        entrant.place, entrant.tied_from, entrant.tied_to = band.place, band.tied_from, band.tied_to
        entrant.prize = prize


def take_place(entrant: Enrollment) -> None:
    """Take place and prize from an entrant."""
    entrant.place = entrant.tied_from = entrant.tied_to = entrant.prize = None


async def place_again(ctx: Context, bounty: Bounty) -> None:
    """Assign all places again after somebody was disqualified or reinstated.

    By the ranking, then the owner's orders: a reinstated entrant is back where it would be
    otherwise.
    """
    if bounty.state is not BountyState.DISPUTING:
        return
    await ctx.tx.flush()
    ranking = await ranking_queries.get_ranking(ctx.tx, bounty.id)
    ranked = [(rules.entrant_of(it), band_of(it)) for it in (ranking.entries if ranking else ())]
    orders = await ranking_queries.list_orders(ctx.tx, bounty.id)
    known = {it for it, _ in ranked}.union(*orders)
    found = await ranking_queries.find_entrants(ctx.tx, list(known), lock=True)
    for entrant in found.values():
        take_place(entrant)
    out = {it for it in known if not found[it].competes}
    by_hand = bounty.judging is Judging.MANUAL
    placed = rules.order_now(ranked, orders, out, by_hand=by_hand)
    ties = Ties.ORDER if orders else bounty.ties
    give_places(bounty, [found[it] for it, _ in placed], [band for _, band in placed], ties)


def band_of(entry: Mapping[str, Any]) -> Band:
    """Return the place, and tie, of an entry of a ranking."""
    return Band(entry["place"], entry["tied_from"], entry["tied_to"])
