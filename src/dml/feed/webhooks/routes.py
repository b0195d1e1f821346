"""REST of webhooks: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from dml.core import event_feed
from dml.core.ids import WebhookId
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.idempotency import IdempotencyKeyReused, Late, Once
from dml.edge.limits import TooManyTries, at_most
from dml.edge.paging import Page, Paging
from dml.edge.problems import refusals
from dml.feed.rules import PositionForgotten, PositionUnknown
from dml.feed.webhooks import queries, requests, rules, service
from dml.feed.webhooks.models import Webhook
from dml.feed.webhooks.requests import SecretOnceRoute, TheResolver
from dml.feed.webhooks.schemas import (
    DeliveriesPaging,
    WebhookCreate,
    WebhookDeliveryOut,
    WebhookOut,
    WebhookReplay,
    WebhookReplayedOut,
    WebhookUpdate,
    WebhookWithSecretOut,
    deliveries_page,
    replay_out,
    with_secret,
)

router = APIRouter(prefix="/v1/webhooks", route_class=SecretOnceRoute)
limit = Depends(at_most("webhooks", lambda settings: settings.sign_ins_a_minute))


@router.post(
    "",
    operation_id="webhooks.create",
    status_code=201,
    dependencies=[limit],
    responses=refusals(
        rules.WebhookUrlRefused, rules.TooManyWebhooks, IdempotencyKeyReused, TooManyTries
    ),
)
async def create(
    begin: SignedInBegin,
    late: Late,
    server: Server,
    resolver: TheResolver,
    body: WebhookCreate,
    response: Response,
) -> WebhookWithSecretOut:
    """Create a webhook.

    From now on its URL is called with each event that you may see and that is of its types: by
    POST, with the event as JSON, signed as Standard Webhooks says. Answer with a status of 2xx
    within 10 seconds; anything else is tried again for three days, after which the webhook is
    disabled. Events about one thing come in their order, and each at least once. The secret is
    shown this once.
    """
    made = with_secret(await requests.create(begin, late, server.seal, resolver, body))
    response.headers["Location"] = f"/v1/webhooks/{made.id}"
    return made


@router.get("", operation_id="webhooks.list")
async def list_mine(ctx: Ctx) -> Page[WebhookOut]:
    """List your webhooks.

    For signed-in users: oldest first. They always fit on one page.
    """
    rows = await queries.list_mine(ctx.tx, ctx.actor)
    return Paging(limit=rules.WEBHOOKS_MAX).page(WebhookOut, rows)


@router.get(
    "/{webhook_id}",
    operation_id="webhooks.get",
    response_model=WebhookOut,
    responses=refusals(rules.WebhookNotFound),
)
async def get(ctx: Ctx, webhook_id: WebhookId) -> Webhook:
    """Get a webhook of yours.

    For the user who created it.
    """
    return await queries.get_mine(ctx.tx, ctx.actor, webhook_id)


@router.patch(
    "/{webhook_id}",
    operation_id="webhooks.update",
    response_model=WebhookOut,
    dependencies=[limit],
    responses=refusals(
        rules.WebhookNotFound, rules.WebhookUrlRefused, rules.WebhookMoveRefused, TooManyTries
    ),
)
async def update(
    begin: SignedInBegin, resolver: TheResolver, webhook_id: WebhookId, body: WebhookUpdate
) -> Webhook:
    """Update a webhook: its URL, its types, whether it is paused.

    For the user who created it. While it is paused, events wait. One that was disabled goes on with
    those that waited; replay what happened meanwhile.
    """
    return await requests.update(begin, resolver, webhook_id, body)


@router.delete(
    "/{webhook_id}",
    operation_id="webhooks.delete",
    status_code=204,
    responses=refusals(rules.WebhookNotFound),
)
async def delete(ctx: Ctx, webhook_id: WebhookId) -> None:
    """Delete a webhook.

    For the user who created it. Nothing more is sent to it.
    """
    await service.delete_mine(ctx, webhook_id)


@router.post(
    "/{webhook_id}/rotate-secret",
    operation_id="webhooks.rotate_secret",
    dependencies=[Once],
    responses=refusals(rules.WebhookNotFound, IdempotencyKeyReused),
)
async def rotate(ctx: Ctx, server: Server, webhook_id: WebhookId) -> WebhookWithSecretOut:
    """Give a webhook a new secret.

    For the user who created it. For 24 hours each call has two signatures, one by the secret
    before: meanwhile, teach your server the new one, which is shown this once.
    """
    return with_secret(await service.rotate_secret(ctx, server.seal, webhook_id))


@router.post(
    "/{webhook_id}/test",
    operation_id="webhooks.test",
    status_code=204,
    dependencies=[Once, limit],
    responses=refusals(
        rules.WebhookNotFound, rules.WebhookNotActive, IdempotencyKeyReused, TooManyTries
    ),
)
async def test(ctx: Ctx, webhook_id: WebhookId) -> None:
    """Send a test event to a webhook.

    For the user who created it. `webhook.test` is sent within seconds, by the way that all events
    go; its deliveries show what came of it.
    """
    await service.test(ctx, webhook_id)


@router.get(
    "/{webhook_id}/deliveries",
    operation_id="webhook_deliveries.list",
    responses=refusals(rules.WebhookNotFound),
)
async def list_deliveries(
    ctx: Ctx, webhook_id: WebhookId, paging: Annotated[DeliveriesPaging, Query()]
) -> Page[WebhookDeliveryOut]:
    """List what was sent to a webhook, and what waits.

    For the user who created it: newest first, each with how its last attempt went. Kept for 30
    days.
    """
    webhook = await queries.get_mine(ctx.tx, ctx.actor, webhook_id)
    rows = await queries.list_deliveries(
        ctx.tx, webhook.id, state=paging.state, after=paging.cursor, limit=paging.limit
    )
    return deliveries_page(paging, await event_feed.get_log(ctx.tx), rows)


@router.post(
    "/{webhook_id}/replay",
    operation_id="webhooks.replay",
    status_code=202,
    dependencies=[Once, limit],
    responses=refusals(
        rules.WebhookNotFound,
        rules.DeliveryNotFound,
        rules.TooManyWaiting,
        PositionForgotten,
        PositionUnknown,
        IdempotencyKeyReused,
        TooManyTries,
    ),
)
async def replay(ctx: Ctx, webhook_id: WebhookId, body: WebhookReplay) -> WebhookReplayedOut:
    """Send events to a webhook once more.

    For the user who created it: the event of one delivery, or all that it takes after a position or
    since a time. A thousand events are looked through at once: go on while `has_more`. Each comes
    with the `webhook-id` that it had.
    """
    done = await service.replay(
        ctx, webhook_id, delivery_id=body.delivery_id, after=body.after, since=body.since
    )
    return replay_out(await event_feed.get_log(ctx.tx), done)
