"""What requests about webhooks need beside the database: names looked up between two transactions,
and answers that are repeated without the secret that they showed.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from dml.core.context import BeginFunction, Context
from dml.core.ids import WebhookId
from dml.core.sealing import Seal
from dml.core.wire import sent
from dml.edge.idempotency import IdempotentAnswer, IdempotentRoute, LateTransaction
from dml.feed.webhooks import queries, service
from dml.feed.webhooks.models import Webhook
from dml.feed.webhooks.reaching import Resolver
from dml.feed.webhooks.schemas import WebhookCreate, WebhookUpdate
from dml.feed.webhooks.service import WebhookChange


async def create(
    begin: BeginFunction,
    late: LateTransaction,
    seal: Seal,
    resolver: Resolver,
    body: WebhookCreate,
) -> tuple[Webhook, str]:
    """Create a webhook. No transaction is open while its name is looked up."""
    asked = (body.url, *body.types)
    actor, _, found = await late.begin(begin, _found_room)
    if found is None:
        await late.repeat(begin(), actor, *asked)
    await resolver.check(body.url)
    ctx = await late.open(begin(), actor, *asked)
    return await service.create(ctx, seal, url=body.url, types=body.types)


async def _found_room(ctx: Context) -> bool:
    await service.require_room(ctx)
    return True


async def update(
    begin: BeginFunction, resolver: Resolver, webhook_id: WebhookId, body: WebhookUpdate
) -> Webhook:
    """Change a webhook of the caller's. A new URL is looked up first, as with a new webhook."""
    change = sent(body, WebhookChange)
    async with begin() as ctx:
        await queries.get_mine(ctx.tx, ctx.actor, webhook_id)
    if "url" in change:
        await resolver.check(change["url"])
    async with begin() as ctx:
        return await service.update_mine(ctx, webhook_id, change)


class SecretOnceRoute(IdempotentRoute):
    """A route that stores its answer without the secret in it: secrets are kept sealed alone."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_once(request: Request) -> Response:
            response = await handle(request)
            answer: IdempotentAnswer | None = getattr(request.state, "idempotent", None)
            if answer is not None and answer.body:
                shown = json.loads(answer.body)
                if "secret" in shown:
                    answer.body = json.dumps(shown | {"secret": None}).encode()
                    await request.state.ctx.tx.flush()
            return response

        return handle_once


async def _resolver(request: Request) -> Resolver:
    resolver: Resolver = request.app.state.webhook_resolver
    return resolver


TheResolver = Annotated[Resolver, Depends(_resolver)]
