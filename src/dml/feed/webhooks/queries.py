"""Reads of webhooks and deliveries."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.context import Actor
from dml.core.db import PAGE_MAX
from dml.core.event_log import EventRow
from dml.core.ids import DeliveryId, UserId, WebhookId
from dml.feed.webhooks import rules
from dml.feed.webhooks.models import Webhook, WebhookDelivery, WebhookFanout
from dml.feed.webhooks.states import DeliveryState

_LONGEST_TRANSACTION: Final = timedelta(minutes=2)
_LOOKS_MAX: Final = 64

# Which of these events go to which webhooks: those whose owners may see them, and that asked for
# their types. A test goes to the one that it is about.
_MATCH: Final = """
    WITH part AS MATERIALIZED (
        SELECT number, at, type, subject, readers FROM events
        WHERE number > :after AND number <= :up_to
    ), seen AS (
        SELECT part.number, part.at, part.type, part.subject, webhooks.id AS webhook_id
        FROM part CROSS JOIN LATERAL unnest(part.readers) AS reader (name)
        JOIN webhooks ON webhooks.user_id =
            CASE WHEN reader.name LIKE 'user:%' THEN substr(reader.name, 6)::uuid END
        UNION
        SELECT part.number, part.at, part.type, part.subject, webhooks.id
        FROM part CROSS JOIN webhooks WHERE 'everyone' = ANY (part.readers)
        UNION
        SELECT part.number, part.at, part.type, part.subject, webhooks.id
        FROM part CROSS JOIN webhooks JOIN users ON users.id = webhooks.user_id
        WHERE 'moderators' = ANY (part.readers) AND users.role IN ('moderator', 'admin')
    )
    SELECT seen.* FROM seen JOIN webhooks ON webhooks.id = seen.webhook_id
    WHERE webhooks.deleted_at IS NULL AND CASE seen.type
        WHEN 'webhook.test' THEN seen.subject = 'webhook:' || webhooks.id
        ELSE webhooks.types = '{}' OR webhooks.types
            && ARRAY[seen.type, split_part(seen.type, '.', 1) || '.*'] END
"""
_FOR_ALL: Final = text(
    f"{_MATCH} AND webhooks.state <> 'disabled' AND seen.number > webhooks.after_number"
    " ORDER BY seen.number"
)
_FOR_ONE: Final = text(f"{_MATCH} AND webhooks.id = :webhook_id ORDER BY seen.number")


async def get_mine(
    tx: AsyncSession, actor: Actor, webhook_id: WebhookId, *, lock: bool = False
) -> Webhook:
    """Load a webhook of this user, or refuse. `lock=True` holds its row."""
    webhook = await tx.get(Webhook, webhook_id, with_for_update=lock, populate_existing=lock)
    if webhook is None or webhook.user_id != actor.id or webhook.deleted_at is not None:
        raise rules.WebhookNotFound
    return webhook


async def list_mine(tx: AsyncSession, actor: Actor) -> Sequence[Webhook]:
    """Return a user's webhooks, the oldest first."""
    mine = select(Webhook).where(Webhook.user_id == actor.id, Webhook.deleted_at.is_(None))
    return (await tx.scalars(mine.order_by(Webhook.id).limit(rules.WEBHOOKS_MAX))).all()


async def count(tx: AsyncSession, user_id: UserId) -> int:
    query = select(func.count(Webhook.id)).where(
        Webhook.user_id == user_id, Webhook.deleted_at.is_(None)
    )
    return await tx.scalar(query) or 0


async def list_deliveries(
    tx: AsyncSession,
    webhook_id: WebhookId,
    *,
    state: DeliveryState | None,
    after: UUID | None,
    limit: int,
) -> Sequence[WebhookDelivery]:
    """Return a webhook's deliveries, newest first, and one beyond `limit` if more follow."""
    assert 0 < limit <= PAGE_MAX
    query = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    if state is not None:
        query = query.where(WebhookDelivery.state == state)
    if after is not None:
        query = query.where(WebhookDelivery.id < after)
    return (await tx.scalars(query.order_by(WebhookDelivery.id.desc()).limit(limit + 1))).all()


async def get_delivery(
    tx: AsyncSession, webhook_id: WebhookId, delivery_id: DeliveryId
) -> WebhookDelivery:
    delivery = await tx.get(WebhookDelivery, delivery_id)
    if delivery is None or delivery.webhook_id != webhook_id:
        raise rules.DeliveryNotFound
    return delivery


async def count_waiting(tx: AsyncSession, webhook_id: WebhookId, *, limit: int) -> int:
    """Count a webhook's deliveries that wait, up to a limit."""
    some = select(WebhookDelivery.id).where(
        WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.state == DeliveryState.WAITING
    )
    return await tx.scalar(select(func.count()).select_from(some.limit(limit).subquery())) or 0


async def last_number(tx: AsyncSession) -> int:
    """Return the last number of an event that anybody has drawn."""
    drawn = text("SELECT coalesce(pg_sequence_last_value('events_number_seq'), 0)")
    return await tx.scalar(drawn) or 0


async def fanned_out_to(tx: AsyncSession) -> int:
    """Return up to which number deliveries were written."""
    return (await tx.scalars(select(WebhookFanout.number))).one()


async def end_of_batch(tx: AsyncSession, *, after: int, up_to: int, limit: int) -> tuple[int, bool]:
    """Return the number that a batch of events goes up to, and whether more may follow."""
    query = select(EventRow.number).where(EventRow.number > after, EventRow.number <= up_to)
    numbers = (await tx.scalars(query.order_by(EventRow.number).limit(limit))).all()
    return (numbers[-1], True) if len(numbers) == limit else (up_to, False)


async def match_all(tx: AsyncSession, *, after: int, up_to: int) -> Sequence[Row[Any]]:
    """Return what of these events is to be sent to whom, in the events' order."""
    return (await tx.execute(_FOR_ALL, {"after": after, "up_to": up_to})).all()


async def match_one(
    tx: AsyncSession, webhook_id: WebhookId, *, after: int, up_to: int
) -> Sequence[Row[Any]]:
    """Return what of these events one webhook takes, whatever its state."""
    asked = {"after": after, "up_to": up_to, "webhook_id": webhook_id}
    return (await tx.execute(_FOR_ONE, asked)).all()


async def number_before(tx: AsyncSession, moment: datetime, *, up_to: int) -> int:
    """Return a number below which no event happened at that moment or later.

    Numbers follow time, but for transactions that overlap: so it is searched by halving.
    """
    low, high, sought = 0, up_to, moment - _LONGEST_TRANSACTION
    for _ in range(_LOOKS_MAX):
        if low >= high:
            break
        middle = (low + high) // 2
        query = select(EventRow.number, EventRow.at).where(
            EventRow.number > middle, EventRow.number <= high
        )
        found = (await tx.execute(query.order_by(EventRow.number).limit(1))).one_or_none()
        if found is None or found.at >= sought:
            high = middle
        else:
            low = found.number
    return low
