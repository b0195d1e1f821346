"""The states that webhooks and their deliveries can be in."""

from enum import StrEnum


class WebhookState(StrEnum):
    """`active`: events are sent; `paused`: they wait; `disabled`: it failed for too long, or
    answered 410, and events are neither sent nor kept for it.
    """

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class DeliveryState(StrEnum):
    """`waiting`: for its turn or its next attempt; `delivered`: the URL took it; `failed`: it was
    given up.
    """

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
