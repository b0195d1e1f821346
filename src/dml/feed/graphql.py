"""The graph of the event log: what happened, from any position; and of who is called with it."""

from typing import Final

from dml.edge.graphql.graph import Follow, Graph, Read
from dml.feed.schemas import EventOut
from dml.feed.webhooks.schemas import WebhookOut

GRAPH: Final = Graph(
    reads=(
        Read("events", "events.list"),
        Read("webhooks", "webhooks.list"),
        Read("webhook", "webhooks.get"),
        Read("deliveries", "webhook_deliveries.list", on=WebhookOut),
    ),
    follows=(
        Follow(
            "events",
            "events.watch",
            "What happens from now on, of what you may see. To miss nothing when you subscribe "
            "again, send the `id` of the last event as `after`.",
            of=EventOut,
        ),
    ),
    nodes=("webhooks.get",),
)
