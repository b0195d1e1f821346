"""What must hold of webhooks. Reads only."""

from typing import Final

from dml.core.checks import Check

_A_WORKER_LIVES: Final = (
    "EXISTS (SELECT FROM nodes WHERE kind = 'worker' AND seen_at > now() - interval '10 seconds')"
)

CHECKS: Final = (
    Check(
        "Events of five minutes ago have not been handed to webhooks, though a worker is alive",
        "O(log events)",
        f"""SELECT 'those after number ' || webhook_fanout.number
        FROM webhook_fanout CROSS JOIN LATERAL (
            SELECT at FROM events WHERE events.number > webhook_fanout.number
            ORDER BY events.number LIMIT 1
        ) next
        WHERE next.at < now() - interval '5 minutes' AND {_A_WORKER_LIVES}""",
    ),
    Check(
        "Deliveries to a webhook were due ten minutes ago, though a worker is alive",
        "O(queues that are due)",
        f"""SELECT 'webhook:' || webhook_queues.webhook_id || ', ' || count(*) || ' queues'
        FROM webhook_queues WHERE due_at < now() - interval '10 minutes' AND {_A_WORKER_LIVES}
        GROUP BY webhook_queues.webhook_id""",
    ),
    Check(
        "A delivery waits in no queue, so that nobody sends it",
        "O(deliveries that wait)",
        """SELECT 'delivery:' || it.id || ' of webhook:' || it.webhook_id
        FROM webhook_deliveries it JOIN webhooks ON webhooks.id = it.webhook_id
        WHERE it.state = 'waiting' AND webhooks.deleted_at IS NULL AND NOT EXISTS (
            SELECT FROM webhook_queues
            WHERE webhook_queues.webhook_id = it.webhook_id
              AND webhook_queues.subject = it.subject)""",
    ),
)
