"""Taking what is due, and noting how it went: what a worker does in the database for deliveries.

A queue that is taken has a lease: `due_at` is when it ends, so what a killed worker had in hand is
due again by itself. Nobody waits for anybody else's queue, and none reads what is not due.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, exists, select, text, update

from dml.core import event_feed
from dml.core.context import Context
from dml.core.event_log import EventRow
from dml.core.ids import DeliveryId, LeaseId, WebhookId, new_id
from dml.feed.schemas import event_out
from dml.feed.webhooks import rules, service
from dml.feed.webhooks.events import WebhookDisabled
from dml.feed.webhooks.models import Webhook, WebhookDelivery, WebhookQueue
from dml.feed.webhooks.rules import Verdict
from dml.feed.webhooks.states import DeliveryState, WebhookState

NOT_KEPT: Final = "The event is not kept any more."

# Promises: no queue is taken twice, of each webhook no more than `each`, and of each owner no more
# than `of_owner`, counting those that this worker has in hand. It steps from webhook to webhook by
# the index on (webhook_id, due_at), O(webhooks with queues × log queues): however many wait for a
# slow one, the others cost the same.
_TAKE: Final = text("""
    WITH RECURSIVE holders (webhook_id) AS (
        (SELECT webhook_id FROM webhook_queues WHERE due_at IS NOT NULL
         ORDER BY webhook_id LIMIT 1)
        UNION ALL
        SELECT (SELECT next.webhook_id FROM webhook_queues next
                WHERE next.due_at IS NOT NULL AND next.webhook_id > holders.webhook_id
                ORDER BY next.webhook_id LIMIT 1)
        FROM holders WHERE holders.webhook_id IS NOT NULL
    ), busy AS (
        SELECT * FROM unnest(CAST(:busy AS uuid[]), CAST(:counts AS int[])) AS it (id, count)
    ), busy_owners AS (
        SELECT webhooks.user_id AS id, sum(busy.count) AS count
        FROM busy JOIN webhooks ON webhooks.id = busy.id GROUP BY webhooks.user_id
    ), found AS (
        SELECT it.*, coalesce(theirs.count, 0)
            + row_number() OVER (PARTITION BY webhooks.user_id ORDER BY it.due_at) AS of_owner
        FROM holders JOIN webhooks ON webhooks.id = holders.webhook_id
        LEFT JOIN busy ON busy.id = holders.webhook_id
        LEFT JOIN busy_owners theirs ON theirs.id = webhooks.user_id
        CROSS JOIN LATERAL (
            SELECT webhook_id, subject, due_at FROM webhook_queues
            WHERE webhook_id = holders.webhook_id AND due_at <= :now
            ORDER BY due_at LIMIT greatest(:each - coalesce(busy.count, 0), 0)
            FOR UPDATE SKIP LOCKED
        ) it
    ), due AS (
        SELECT webhook_id, subject FROM found WHERE of_owner <= :of_owner
        ORDER BY due_at LIMIT :most
    )
    UPDATE webhook_queues SET due_at = :until, lease_id = :lease FROM due
    WHERE webhook_queues.webhook_id = due.webhook_id AND webhook_queues.subject = due.subject
    RETURNING webhook_queues.webhook_id, webhook_queues.subject
""")
_FIRST: Final = text("""
    SELECT it.webhook_id, it.subject, first.id, first.number, first.event_at, first.attempts
    FROM unnest(CAST(:webhook_ids AS uuid[]), CAST(:subjects AS text[])) AS it (webhook_id, subject)
    LEFT JOIN LATERAL (
        SELECT id, number, event_at, attempts FROM webhook_deliveries
        WHERE webhook_id = it.webhook_id AND subject = it.subject AND state = 'waiting'
        ORDER BY number, id LIMIT 1
    ) first ON true
""")


@dataclass(frozen=True, slots=True)
class Errand:
    """A delivery that a worker has in hand."""

    delivery_id: DeliveryId
    webhook_id: WebhookId
    subject: str
    lease_id: LeaseId
    url: str
    secrets: tuple[bytes, ...]  # Sealed, the newest first.
    event_id: str
    body: bytes  # JSON


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt went. No status: there was no whole answer, and `error` says why."""

    at: datetime
    latency_ms: int
    status: int | None = None
    answer: str | None = None
    error: str | None = None


async def take(
    ctx: Context, busy: Mapping[WebhookId, int], *, each: int, of_owner: int, most: int
) -> list[Errand]:
    """Take at most `most` queues that are due, and return the first delivery of each.

    Of one webhook there are at most `each` under way, of all of one owner `of_owner`; `busy` says
    how many this worker has in hand of each webhook.

    What can't be sent is put aside: the queues of webhooks that are not active, and empty ones.
    """
    lease = LeaseId(new_id())
    taken = (
        await ctx.tx.execute(
            _TAKE,
            {
                "busy": list(busy),
                "counts": list(busy.values()),
                "now": ctx.now,
                "until": ctx.now + rules.LEASE,
                "lease": lease,
                "each": each,
                "of_owner": of_owner,
                "most": most,
            },
        )
    ).all()
    if not taken:
        return []
    webhooks = await _load_webhooks(ctx, {it.webhook_id for it in taken})
    firsts = await ctx.tx.execute(
        _FIRST,
        {"webhook_ids": [it.webhook_id for it in taken], "subjects": [it.subject for it in taken]},
    )
    found = list[Row[Any]]()
    for it in firsts.all():
        if it.id is None or webhooks[it.webhook_id].deleted_at is not None:
            await ctx.tx.execute(delete(WebhookQueue).where(*_queue(it.webhook_id, it.subject)))
        elif webhooks[it.webhook_id].state is WebhookState.ACTIVE:
            found.append(it)
        else:
            held = update(WebhookQueue).where(*_queue(it.webhook_id, it.subject))
            await ctx.tx.execute(held.values(due_at=None, lease_id=None))
    return await _make_errands(ctx, found, webhooks, lease)


async def _load_webhooks(ctx: Context, ids: set[WebhookId]) -> dict[WebhookId, Webhook]:
    """Load these. Those that are not active are held, so that none becomes so unnoticed."""
    query = select(Webhook).where(Webhook.id.in_(ids)).execution_options(populate_existing=True)
    found = {it.id: it for it in (await ctx.tx.scalars(query)).all()}
    idle = sorted(it.id for it in found.values() if it.state is not WebhookState.ACTIVE)
    if idle:
        held = query.where(Webhook.id.in_(idle)).order_by(Webhook.id).with_for_update(read=True)
        found |= {it.id: it for it in (await ctx.tx.scalars(held)).all()}
    return found


async def _make_errands(
    ctx: Context, rows: Sequence[Row[Any]], webhooks: Mapping[WebhookId, Webhook], lease: LeaseId
) -> list[Errand]:
    if not rows:
        return []
    log = await event_feed.get_log(ctx.tx)
    query = select(EventRow).where(
        EventRow.number.in_({it.number for it in rows}),
        EventRow.at.between(min(it.event_at for it in rows), max(it.event_at for it in rows)),
    )
    events = {it.number: it for it in (await ctx.tx.scalars(query)).all()}
    made = []
    for it in rows:
        event, webhook = events.get(it.number), webhooks[it.webhook_id]
        if event is None:
            await _give_up(ctx, it)
            continue
        shown = event_out(log, event)
        still = webhook.previous_secret_until
        previous = webhook.previous_secret if still is not None and ctx.now < still else None
        secrets = (webhook.secret,) if previous is None else (webhook.secret, previous)
        made.append(
            Errand(
                delivery_id=it.id,
                webhook_id=it.webhook_id,
                subject=it.subject,
                lease_id=lease,
                url=webhook.url,
                secrets=secrets,
                event_id=shown.id,
                body=shown.model_dump_json().encode(),
            )
        )
    return made


async def _give_up(ctx: Context, row: Row[Any]) -> None:
    """The event was forgotten while its delivery waited: go on with the next."""
    lost = update(WebhookDelivery).where(WebhookDelivery.id == row.id)
    await ctx.tx.execute(
        lost.values(state=DeliveryState.FAILED, error=NOT_KEPT, next_attempt_at=None)
    )
    again = update(WebhookQueue).where(*_queue(row.webhook_id, row.subject))
    await ctx.tx.execute(again.values(due_at=ctx.now, lease_id=None))


async def note(ctx: Context, errand: Errand, outcome: Outcome, draw: float) -> bool:
    """Note how it went, and free the queue. False if another worker has taken it meanwhile.

    `draw` is a random number from 0 to 1, by which attempts spread.
    """
    mine = (*_queue(errand.webhook_id, errand.subject), WebhookQueue.lease_id == errand.lease_id)
    if await ctx.tx.scalar(select(WebhookQueue.subject).where(*mine).with_for_update()) is None:
        return False
    delivery = await ctx.tx.get(WebhookDelivery, errand.delivery_id, with_for_update=True)
    next_at: datetime | None = outcome.at
    if delivery is not None:
        next_at = await _note_attempt(ctx, delivery, outcome, draw)
    if next_at is None:
        more = exists().where(
            WebhookDelivery.webhook_id == errand.webhook_id,
            WebhookDelivery.subject == errand.subject,
            WebhookDelivery.state == DeliveryState.WAITING,
        )
        if not await ctx.tx.scalar(select(more)):
            await ctx.tx.execute(delete(WebhookQueue).where(*mine))
            return True
        next_at = outcome.at
    await ctx.tx.execute(update(WebhookQueue).where(*mine).values(due_at=next_at, lease_id=None))
    return True


async def _note_attempt(
    ctx: Context, delivery: WebhookDelivery, outcome: Outcome, draw: float
) -> datetime | None:
    """Note an attempt in its delivery. Return when there is another; None if there is none."""
    delivery.attempts += 1
    delivery.attempted_at, delivery.latency_ms = outcome.at, outcome.latency_ms
    delivery.status, delivery.answer = outcome.status, outcome.answer
    delivery.error, delivery.next_attempt_at = outcome.error, None
    verdict = rules.judge(outcome.status, delivery.attempts)
    if verdict is Verdict.AGAIN:
        delivery.next_attempt_at = outcome.at + rules.delay_after(delivery.attempts, draw)
    else:
        taken = verdict is Verdict.TAKEN
        rules.DELIVERY_MOVES.move(
            delivery, DeliveryState.DELIVERED if taken else DeliveryState.FAILED
        )
    await ctx.tx.flush()
    if verdict is Verdict.DISABLE:
        await _disable(ctx, delivery.webhook_id)
    return delivery.next_attempt_at


async def _disable(ctx: Context, webhook_id: WebhookId) -> None:
    webhook = await ctx.tx.get(Webhook, webhook_id, with_for_update=True, populate_existing=True)
    if webhook is None or webhook.deleted_at or webhook.state is WebhookState.DISABLED:
        return
    move = rules.MOVES.move(webhook, WebhookState.DISABLED)
    await service.record(ctx, WebhookDisabled, webhook, move)


def _queue(webhook_id: WebhookId, subject: str) -> tuple[Any, Any]:
    return WebhookQueue.webhook_id == webhook_id, WebhookQueue.subject == subject
