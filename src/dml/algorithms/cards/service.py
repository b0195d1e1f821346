"""The use cases: keep a card's HTML when the card is written, and find it for its page."""

import asyncio
import hashlib

from sqlalchemy.dialects.postgresql import insert

from dml.algorithms.cards import queries, rendering
from dml.algorithms.cards.models import RenderedCard
from dml.core.context import Context
from dml.core.ids import AlgorithmId


async def keep(ctx: Context, algorithm_id: AlgorithmId, card: str) -> str:
    """Render a card, keep the HTML for its algorithm, which is in the database, and return it."""
    # In a thread: the worst of 20 kB takes longer than other requests should wait.
    html = await asyncio.to_thread(rendering.render, card)
    row = {"renderer": rendering.RENDERER, "card_sha256": _digest(card), "html": html}
    kept = insert(RenderedCard).values(algorithm_id=algorithm_id, **row)
    await ctx.tx.execute(kept.on_conflict_do_update(index_elements=["algorithm_id"], set_=row))
    return html


async def get_html(ctx: Context, algorithm_id: AlgorithmId, card: str) -> str:
    """Return the HTML of this card of an algorithm, and keep it where it was not."""
    known = await queries.find_html(
        ctx.tx, algorithm_id, renderer=rendering.RENDERER, card_sha256=_digest(card)
    )
    return await keep(ctx, algorithm_id, card) if known is None else known


def _digest(card: str) -> bytes:
    return hashlib.sha256(card.encode()).digest()
