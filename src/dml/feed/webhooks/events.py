"""What happens to webhooks."""

from dataclasses import dataclass

from dml.core.events import Event
from dml.core.ids import WebhookId


@dataclass(frozen=True)
class WebhookEvent(Event, kind="webhook"):
    """Seen by the webhook's owner."""

    webhook_id: WebhookId


class WebhookCreated(WebhookEvent, heard=True):
    """A webhook was created: events are sent to its URL from now on."""


class WebhookUpdated(WebhookEvent):
    """Its owner changed a webhook's URL, types or state."""


class WebhookSecretRotated(WebhookEvent):
    """A webhook got a new secret; the old one signs, too, for another day."""


class WebhookDeleted(WebhookEvent):
    """A webhook was deleted: nothing more is sent to it."""


class WebhookDisabled(WebhookEvent):
    """A webhook failed for three days, or answered 410: nothing more is sent to it."""


class WebhookTest(WebhookEvent):
    """Its owner asked for a test. It is sent to this one webhook, whatever types that asked for."""
