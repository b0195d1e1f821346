"""The use cases of webhooks: create, update, delete, rotate, test, replay."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypedDict

from sqlalchemy import Row, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import User
from dml.client.webhooks import new_secret
from dml.core import event_feed, events
from dml.core.context import Context
from dml.core.db import HELD
from dml.core.event_feed import Position
from dml.core.ids import DeliveryId, WebhookId, new_id, new_ids
from dml.core.sealing import Seal
from dml.core.states import Move
from dml.feed import rules as feed_rules
from dml.feed.webhooks import queries, rules
from dml.feed.webhooks.events import (
    WebhookCreated,
    WebhookDeleted,
    WebhookEvent,
    WebhookSecretRotated,
    WebhookTest,
    WebhookUpdated,
)
from dml.feed.webhooks.models import Webhook, WebhookDelivery, WebhookQueue
from dml.feed.webhooks.states import DeliveryState, WebhookState

ROWS_AT_ONCE: Final = 10_000

# Promises: each of these queues is there when this transaction ends. A row that is there is locked,
# so that whoever finds its queue empty at this moment waits, and then finds what was added.
_OPEN: Final = text("""
    INSERT INTO webhook_queues (webhook_id, subject, due_at)
    SELECT DISTINCT webhook_id, subject, CAST(:now AS timestamptz)
    FROM unnest(CAST(:webhook_ids AS uuid[]), CAST(:subjects AS text[])) AS it (webhook_id, subject)
    ORDER BY webhook_id, subject
    ON CONFLICT (webhook_id, subject) DO UPDATE SET due_at = webhook_queues.due_at
""")


class WebhookChange(TypedDict, total=False):
    """What an owner may change."""

    url: str
    types: list[str]
    paused: bool


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many deliveries were written, up to which number of the log, and whether it goes on."""

    deliveries: int
    number: int
    has_more: bool


def purpose(webhook_id: WebhookId) -> str:
    """Say what a webhook's secret is sealed for."""
    return f"webhook:{webhook_id}"


async def require_room(ctx: Context) -> None:
    """Refuse one webhook too many."""
    rules.require_few(await queries.count(ctx.tx, ctx.actor.id))


async def create(
    ctx: Context, seal: Seal, *, url: str, types: Collection[str]
) -> tuple[Webhook, str]:
    """Create a webhook at a URL that was checked. Return it with its secret, the only copy."""
    await ctx.tx.execute(select(User.id).where(User.id == ctx.actor.id).with_for_update(**HELD))
    await require_room(ctx)
    webhook_id, secret = WebhookId(new_id()), new_secret()
    webhook = Webhook(
        id=webhook_id,
        user_id=ctx.actor.id,
        url=url,
        types=sorted(types),
        state=WebhookState.ACTIVE,
        created_at=ctx.now,
        after_number=await queries.last_number(ctx.tx),
        secret=seal.seal(secret.encode(), purpose(webhook_id)),
    )
    ctx.tx.add(webhook)
    await ctx.tx.flush()
    await record(ctx, WebhookCreated, webhook, Move(None, WebhookState.ACTIVE))
    return webhook, secret


async def update_mine(ctx: Context, webhook_id: WebhookId, change: WebhookChange) -> Webhook:
    """Change a webhook; its URL was checked. Not paused, a disabled one is active again."""
    webhook = await queries.get_mine(ctx.tx, ctx.actor, webhook_id, lock=True)
    webhook.url = change.get("url", webhook.url)
    webhook.types = sorted(change.get("types", webhook.types))
    move = None
    if "paused" in change:
        to = WebhookState.PAUSED if change["paused"] else WebhookState.ACTIVE
        move = None if to is webhook.state else rules.MOVES.move(webhook, to)
    await ctx.tx.flush()
    if webhook.state is WebhookState.ACTIVE:
        held = update(WebhookQueue).where(
            WebhookQueue.webhook_id == webhook.id, WebhookQueue.due_at.is_(None)
        )
        await ctx.tx.execute(held.values(due_at=ctx.now))
    await record(ctx, WebhookUpdated, webhook, move)
    return webhook


async def rotate_secret(ctx: Context, seal: Seal, webhook_id: WebhookId) -> tuple[Webhook, str]:
    """Give a webhook another secret. The one it had signs, too, until the overlap is over."""
    webhook = await queries.get_mine(ctx.tx, ctx.actor, webhook_id, lock=True)
    secret = new_secret()
    webhook.previous_secret = webhook.secret
    webhook.previous_secret_until = ctx.now + rules.OVERLAP
    webhook.secret = seal.seal(secret.encode(), purpose(webhook.id))
    await record(ctx, WebhookSecretRotated, webhook)
    return webhook, secret


async def delete_mine(ctx: Context, webhook_id: WebhookId) -> None:
    """Delete a webhook and its secrets. Its deliveries go with time."""
    webhook = await queries.get_mine(ctx.tx, ctx.actor, webhook_id, lock=True)
    webhook.deleted_at = ctx.now
    webhook.secret, webhook.previous_secret, webhook.previous_secret_until = b"", None, None
    await record(ctx, WebhookDeleted, webhook)


async def test(ctx: Context, webhook_id: WebhookId) -> None:
    """Have a test event sent, by the way that all events go."""
    webhook = await queries.get_mine(ctx.tx, ctx.actor, webhook_id)
    rules.require_active(webhook.state)
    await record(ctx, WebhookTest, webhook)


async def replay(
    ctx: Context,
    webhook_id: WebhookId,
    *,
    delivery_id: DeliveryId | None,
    after: Position | None,
    since: datetime | None,
) -> Replayed:
    """Send events once more: that of one delivery, or those after a position or since a moment.

    Of many, it sends the first. What was not fanned out yet comes by itself.
    """
    webhook = await queries.get_mine(ctx.tx, ctx.actor, webhook_id)
    rules.require_few_waiting(
        await queries.count_waiting(ctx.tx, webhook.id, limit=rules.WAITING_MAX)
    )
    if delivery_id is not None:
        return await _replay_one(ctx, webhook, delivery_id)
    up_to = await queries.fanned_out_to(ctx.tx)
    if since is not None:
        start = await queries.number_before(ctx.tx, since, up_to=up_to)
    else:
        log = await event_feed.get_log(ctx.tx)
        feed_rules.require_known(log, after, await queries.last_number(ctx.tx))
        start = log.start_of(after)
    end, has_more = await queries.end_of_batch(
        ctx.tx, after=start, up_to=max(up_to, start), limit=rules.REPLAYED_MAX
    )
    rows = await queries.match_one(ctx.tx, webhook.id, after=start, up_to=end)
    wanted = [it for it in rows if since is None or it.at >= since]
    await add_deliveries(ctx, wanted, is_replay=True)
    return Replayed(len(wanted), end, has_more)


async def _replay_one(ctx: Context, webhook: Webhook, delivery_id: DeliveryId) -> Replayed:
    old = await queries.get_delivery(ctx.tx, webhook.id, delivery_id)
    made = WebhookDelivery(
        id=DeliveryId(new_id()),
        webhook_id=webhook.id,
        number=old.number,
        event_at=old.event_at,
        type=old.type,
        subject=old.subject,
        is_replay=True,
        state=DeliveryState.WAITING,
        created_at=ctx.now,
        next_attempt_at=ctx.now,
    )
    ctx.tx.add(made)
    await ctx.tx.flush()
    await _open_queues(ctx, [made.webhook_id], [made.subject])
    return Replayed(1, old.number, has_more=False)


async def add_deliveries(ctx: Context, rows: Sequence[Row[Any]], *, is_replay: bool) -> None:
    """Write a delivery for each event and webhook that were matched, and open their queues."""
    if not rows:
        return
    made = [
        {
            "id": new,
            "webhook_id": it.webhook_id,
            "number": it.number,
            "event_at": it.at,
            "type": it.type,
            "subject": it.subject,
            "is_replay": is_replay,
            "state": DeliveryState.WAITING,
            "created_at": ctx.now,
            "attempts": 0,
            "next_attempt_at": ctx.now,
        }
        for new, it in zip(new_ids(len(rows)), rows, strict=True)
    ]
    await ctx.tx.execute(insert(WebhookDelivery), made)
    await _open_queues(ctx, [it.webhook_id for it in rows], [it.subject for it in rows])


async def _open_queues(
    ctx: Context, webhook_ids: Sequence[WebhookId], subjects: Sequence[str]
) -> None:
    asked = {"now": ctx.now, "webhook_ids": list(webhook_ids), "subjects": list(subjects)}
    await ctx.tx.execute(_OPEN, asked)


async def record(
    ctx: Context, about: type[WebhookEvent], webhook: Webhook, move: Move | None = None
) -> None:
    """Note what happened to a webhook, for its owner."""
    await events.record(ctx, about(webhook.id), [events.user(webhook.user_id)], move)


async def forget_old(tx: AsyncSession, now: datetime) -> None:
    """Delete deliveries that are no longer kept, whatever became of them."""
    old = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.created_at < now - rules.KEPT)
        .order_by(WebhookDelivery.created_at)
        .limit(ROWS_AT_ONCE)
    )
    await tx.execute(delete(WebhookDelivery).where(WebhookDelivery.id.in_(old)))
