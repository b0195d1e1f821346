"""What webhooks keep of people."""

from typing import Final

from dml.core.context import Context
from dml.core.ids import UserId
from dml.core.personal import EMPTY, NONE_OF_THEM, NULL, Columns, Holding, Personal
from dml.feed.webhooks import queries, service

_MINE: Final = "webhook_id IN (SELECT id FROM webhooks WHERE user_id = :user_id)"
_THIRTY_DAYS: Final = "30 days"


async def leave(ctx: Context, user_id: UserId) -> None:
    """Delete the user's webhooks: nothing more is sent to them."""
    assert ctx.actor.id == user_id
    for it in await queries.list_mine(ctx.tx, ctx.actor):
        await service.delete_mine(ctx, it.id)


PERSONAL: Final = Personal(
    holdings=(
        Holding(
            "webhook_queues",
            "What waits to be sent to a webhook.",
            "until it is sent",
            (Columns("webhook_id subject due_at lease_id", "About what, and when it is next."),),
            whose=_MINE,
            is_deleted=True,
        ),
        Holding(
            "webhook_deliveries",
            "What was sent to your webhooks, and how they answered.",
            _THIRTY_DAYS,
            (
                Columns("id webhook_id number event_at type subject", "Which event."),
                Columns("is_replay state created_at attempts attempted_at", "When."),
                Columns("next_attempt_at status latency_ms", "How your server answered."),
                Columns("answer error", "What it said.", NULL),
            ),
            whose=_MINE,
            deleted_where=f"state = 'waiting' AND {_MINE}",
        ),
        Holding(
            "webhooks",
            "URLs of yours that are called with what happens.",
            "until you delete them: then only that there was one",
            (
                Columns("id user_id state created_at after_number deleted_at", "Since when."),
                Columns("url", "The URL.", EMPTY),
                Columns("types", "Of which events.", NONE_OF_THEM),
                Columns("secret", "What signs calls, sealed for workers.", EMPTY, is_secret=True),
                Columns(
                    "previous_secret previous_secret_until", "The one before.", NULL, is_secret=True
                ),
            ),
            whose="user_id = :user_id",
        ),
        Holding(
            "webhook_fanout",
            "How far events were read for all webhooks.",
            "always",
            (Columns("id number", "No personal data."),),
        ),
    ),
    leave=leave,
)
