"""From the event log to deliveries: one worker at a time goes on from where the last one stopped.

The deliveries and the position are written in one transaction: so whatever is killed, no event is
lost and none goes out twice because of it.
"""

from typing import Final

from sqlalchemy import select

from dml.core.context import Context
from dml.core.event_feed import Horizon
from dml.feed.webhooks import queries, service
from dml.feed.webhooks.models import WebhookFanout

EVENTS_AT_ONCE: Final = 200


class Fanning:
    """What a worker does again and again."""

    def __init__(self) -> None:
        self._horizon = Horizon()

    async def fan_out(self, ctx: Context) -> int:
        """Write deliveries for the next events, if no other worker does. Return how many events."""
        up_to = await self._horizon.look(ctx.tx)
        query = select(WebhookFanout).where(WebhookFanout.number < up_to)
        position = await ctx.tx.scalar(query.with_for_update(skip_locked=True))
        if position is None:
            return 0
        end, _ = await queries.end_of_batch(
            ctx.tx, after=position.number, up_to=up_to, limit=EVENTS_AT_ONCE
        )
        rows = await queries.match_all(ctx.tx, after=position.number, up_to=end)
        await service.add_deliveries(ctx, rows, is_replay=False)
        done, position.number = end - position.number, end
        return done
