"""What a worker measures for all, by asking the database: queues, processes, payouts, invariants.

Never at a scrape: what costs more is asked more seldom. Each worker asks, so whoever lives tells;
of what several found, `/metrics` shows the most.
"""

import logging
import time
from collections.abc import Mapping
from typing import Final

from sqlalchemy import text

from dml.algorithms.moderation import queries as moderation_queries
from dml.core import checks, metrics
from dml.core.checks import Check
from dml.core.context import Context
from dml.core.processes import (
    CHECKS,
    LONG_CHECKS,
    LONG_EVALUATIONS,
    QUEUE,
    RANKINGS,
    SCORES,
    SLOW_QUEUE,
    VALIDATIONS,
)
from dml.entrypoints import domains
from dml.jobs import queries as job_queries

log = logging.getLogger(__name__)
_QUEUES: Final = (
    *(QUEUE, CHECKS, VALIDATIONS, SCORES, LONG_CHECKS, LONG_EVALUATIONS, RANKINGS, SLOW_QUEUE),
)

# Since when a process could be begun: it was started, its time came, or another node lost it.
_WAITING: Final = text("""
    SELECT queue, held.depth, held.oldest_seconds
    FROM unnest(CAST(:queues AS text[])) AS queue CROSS JOIN LATERAL (
        SELECT count(*) AS depth, coalesce(extract(epoch FROM clock_timestamp())
            - min(greatest(created_at, updated_at, delay_until_epoch_ms)) / 1000.0, 0)
            AS oldest_seconds
        FROM (
            SELECT created_at, updated_at, delay_until_epoch_ms FROM dbos.workflow_status
            WHERE queue_name = queue AND status = 'ENQUEUED'
            ORDER BY priority, created_at LIMIT 10000
        ) AS waiting
    ) AS held
    UNION ALL
    SELECT 'mails', count(*), coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0)
    FROM (
        SELECT due_at FROM mails WHERE state = 'waiting' AND due_at <= now()
        ORDER BY due_at LIMIT 10000
    ) AS waiting
    UNION ALL
    SELECT 'webhooks', count(*), coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0)
    FROM (SELECT due_at FROM webhook_queues WHERE due_at <= now() LIMIT 10000) AS waiting
    UNION ALL
    SELECT 'events', count(*), coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)
    FROM webhook_fanout CROSS JOIN LATERAL (
        SELECT at FROM events WHERE events.number > webhook_fanout.number
        ORDER BY events.number LIMIT 10000
    ) AS waiting
""")

_STATES: Final = text("""
    SELECT state, (
        SELECT count(*) FROM dbos.workflow_status WHERE status = state
    ) FROM unnest(ARRAY['DELAYED', 'ENQUEUED', 'PENDING', 'ERROR',
        'MAX_RECOVERY_ATTEMPTS_EXCEEDED']) AS state
""")
_SHOWN: Final[Mapping[str, str]] = {
    "DELAYED": "waits_for_its_time",
    "ENQUEUED": "queued",
    "PENDING": "running",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "given_up",
}

_WITHDRAWALS: Final = text("""
    SELECT it.state, count(w.id), coalesce(extract(epoch FROM now() - min(
        CASE WHEN w.state = 'authorised' THEN w.authorised_at
             WHEN w.needs_review AND w.reviewed_at IS NULL THEN NULL
             ELSE coalesce(w.reviewed_at, w.requested_at) END)), 0)
    FROM unnest(ARRAY['requested', 'authorised']) AS it (state)
    LEFT JOIN withdrawals w ON w.state = it.state AND w.ended_at IS NULL
    GROUP BY it.state
""")

_SUM: Final = text("SELECT coalesce(sum(balance), 0) FROM ledger_accounts")
# They read whole tables.
_HAVE_PATIENCE: Final = text("""
    SELECT set_config('enable_seqscan', 'on', true), set_config('statement_timeout', '60s', true)
""")

# Of the checks that `dml doctor` makes, those of money and privacy that cost no more than a look
# at all accounts or all jobs; by the words that it complains in.
INVARIANTS: Final[Mapping[str, str]] = {
    "ledger_sum": "The sum over all ledger accounts is not zero",
    "no_account_below_zero": "An account other than `chain` is below zero",
    "places_not_below_zero": "A bucket of places is below zero",
    "job_escrow": "A job's escrow is not what its open places may still cost and its developer is "
    "still to be paid with the next step, or not zero though it ended",
    "bounty_escrow": "A bounty's escrow does not hold its prizes, or holds anything though it "
    "ended",
    "shown_in_whole_steps": "A customer sees a step that holds too few devices, or leaves too few "
    "for another one",
    "vault_covers_books": "Vault and books differ, so that nothing is paid out",
}


def invariants() -> Mapping[str, Check]:
    """Return each invariant's check."""
    known = {it.wrong: it for it in domains.load_checks()}
    return {name: known[wrong] for name, wrong in INVARIANTS.items()}


async def measure_queues(ctx: Context) -> int:
    """Look how much waits in each queue, and how long the first of it has. Every few seconds."""
    waiting = await job_queries.waiting(ctx.tx)
    metrics.INBOX_LENGTH.set(waiting.results)
    metrics.INBOX_AGE.set(waiting.oldest_seconds)
    for queue, depth, seconds in await ctx.tx.execute(_WAITING, {"queues": list(_QUEUES)}):
        metrics.QUEUE_DEPTH.set(depth, queue)
        metrics.QUEUE_AGE.set(max(0.0, float(seconds)), queue)
    moderators = await moderation_queries.count_waiting(ctx.tx, ctx.now)
    metrics.QUEUE_DEPTH.set(moderators.versions, "reviews")
    metrics.QUEUE_AGE.set(moderators.oldest_version_seconds, "reviews")
    metrics.QUEUE_DEPTH.set(moderators.appeals, "appeals")
    metrics.QUEUE_AGE.set(moderators.oldest_appeal_seconds, "appeals")
    return 0


async def measure_states(ctx: Context) -> int:
    """Look how many processes and withdrawals are in each state. Once a minute."""
    for state, number in await ctx.tx.execute(_STATES):
        metrics.DURABLE.set(number, _SHOWN[state])
    for state, number, seconds in await ctx.tx.execute(_WITHDRAWALS):
        metrics.WITHDRAWALS_OPEN.set(number, state)
        metrics.WITHDRAWALS_AGE.set(max(0.0, float(seconds)), state)
    return 0


async def measure_invariants(ctx: Context) -> int:
    """Look whether what must always hold of money and privacy does. Every five minutes."""
    await ctx.tx.execute(_HAVE_PATIENCE)
    metrics.LEDGER_DIFFERENCE.set(float(await ctx.tx.scalar(_SUM) or 0))
    for name, check in invariants().items():
        found = await checks.count(ctx.tx, check)
        metrics.VIOLATIONS.set(found, name)
        if found:
            log.error("what must always hold is broken %d times: %s: ask dml doctor", found, name)
    metrics.CHECKED_AT.set(time.time())
    return 0
