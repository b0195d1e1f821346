"""What must hold of jobs' money: what went into escrow, came back, and was paid. Reads only."""

from typing import Final

from dml.core.checks import Check
from dml.jobs.archive.doctor import ALL_ASSIGNMENTS

# The references of what a job put into escrow: when it was created, and with each raise.
_OF_JOB: Final = """ARRAY(
    SELECT 'job:' || j.id || CASE WHEN n = 1 THEN '' ELSE ':raise:' || n END
    FROM generate_series(1, j.revision) AS n)"""

CHECKS: Final = (
    Check(
        "A job's escrow is not what its open places may still cost and its developer is still to "
        "be paid with the next step, or not zero though it ended",
        "O(jobs)",
        """SELECT 'job:' || j.id || ' (' || j.state || ') holds ' || coalesce(a.balance, 0)
            || ', not ' || due.amount
        FROM jobs j
        JOIN job_totals t ON t.job_id = j.id
        LEFT JOIN ledger_accounts a ON a.code = 'escrow:job:' || j.id
        CROSS JOIN LATERAL (SELECT CASE
            WHEN j.state IN ('completed', 'cancelled', 'expired') THEN 0
            ELSE (j.max_devices - t.folded) * (j.reward + j.device_fee + j.platform_fee)
                + t.held_devices * j.device_fee
        END AS amount) due
        WHERE coalesce(a.balance, 0) <> due.amount""",
    ),
    Check(
        "A job's cost did not go into its escrow, once and whole, from its customer",
        "O(jobs × log transfers)",
        f"""SELECT 'job:' || j.id || ' costs '
            || j.max_devices * (j.reward + j.device_fee + j.platform_fee)
            || ', into escrow went ' || coalesce(t.moves, 'nothing')
        FROM jobs j CROSS JOIN LATERAL (
            SELECT string_agg(t.amount || ' from ' || t.source, ' and ') AS moves,
                   count(*) FILTER (WHERE t.reference = 'job:' || j.id) = 1
                   AND sum(t.amount) = j.max_devices * (j.reward + j.device_fee + j.platform_fee)
                   AND bool_and(
                       t.source = 'wallet:' || j.customer_id AND t.target = 'escrow:job:' || j.id
                   ) AS as_due
            FROM ledger_transfers t WHERE t.code = 'job_escrow' AND t.reference = ANY ({_OF_JOB})
        ) t
        WHERE NOT t.as_due""",
    ),
    Check(
        "A job's refund is not once what its results left of its cost",
        "O(jobs × log transfers)",
        """SELECT 'job:' || j.id || ' (' || j.state || ') gave back ' || t.sum || ' in ' || t.count
            || ', not ' || due.amount
        FROM jobs j
        JOIN job_totals n ON n.job_id = j.id
        CROSS JOIN LATERAL (SELECT CASE
            WHEN j.state NOT IN ('completed', 'cancelled', 'expired') THEN 0
            ELSE (j.max_devices - n.folded) * (j.reward + j.device_fee + j.platform_fee)
        END AS amount) due
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(t.amount), 0) AS sum, count(*) AS count,
                   bool_and(t.source = 'escrow:job:' || j.id
                       AND t.target = 'wallet:' || j.customer_id) AS right_way
            FROM ledger_transfers t WHERE t.code = 'job_refund' AND t.reference = 'job:' || j.id
        ) t
        WHERE t.sum <> due.amount OR t.count > 1 OR NOT t.right_way""",
    ),
    Check(
        "A transfer puts into escrow, or gives back, what belongs to no job",
        "O(jobs + transfers)",
        """SELECT t.code || ' of ' || t.reference || ' moved ' || t.amount
        FROM ledger_transfers t
        LEFT JOIN jobs j ON split_part(t.reference, ':raise:', 1) = 'job:' || j.id
        WHERE t.code IN ('job_escrow', 'job_refund') AND j.id IS NULL""",
    ),
    Check(
        "A fold did not pay what its results earned",
        "O(assignments + transfers)",
        # Of a job that was raised, all folds together, with what each raise paid for earlier ones.
        f"""WITH folded AS (
            SELECT CASE WHEN j.revision = 1 THEN 'fold:' || a.fold_id ELSE 'raised' END AS fold,
                   j.id AS job_id, a.owner_id, j.reward, j.platform_fee, count(*) AS count
            FROM {ALL_ASSIGNMENTS} a JOIN jobs j ON j.id = a.job_id
            WHERE a.fold_id IS NOT NULL GROUP BY fold, j.id, a.owner_id
        ),
        due AS (
            SELECT 'device_reward' AS code, fold AS reference, 'escrow:job:' || job_id AS source,
                   'wallet:' || owner_id AS target, count * reward AS amount
            FROM folded
            UNION ALL
            SELECT 'platform_fee', fold, 'escrow:job:' || job_id, 'revenue',
                   sum(count) * platform_fee
            FROM folded WHERE platform_fee > 0 GROUP BY fold, job_id, platform_fee
        ),
        paid AS (
            SELECT t.code, CASE WHEN j.revision > 1 THEN 'raised' ELSE t.reference END AS reference,
                   t.source, t.target, sum(t.amount) AS amount
            FROM ledger_transfers t LEFT JOIN jobs j ON t.source = 'escrow:job:' || j.id
            WHERE t.code IN ('device_reward', 'platform_fee') GROUP BY 1, 2, 3, 4
        )
        SELECT code || ' of ' || reference || ' from ' || source || ' to ' || target || ': paid '
            || coalesce(paid.amount, 0) || ', earned ' || coalesce(due.amount, 0)
        FROM due FULL JOIN paid USING (code, reference, source, target)
        WHERE due.amount IS DISTINCT FROM paid.amount""",
    ),
    Check(
        "A developer was not paid for the results of a job, but for those that the next step pays",
        "O(jobs + transfers of theirs)",
        """SELECT 'job:' || j.id || ' paid ' || paid.amount || ', for ' || t.folded || ' results, '
            || t.held_devices || ' of them not yet, at ' || j.device_fee
        FROM jobs j JOIN job_totals t ON t.job_id = j.id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount), 0) AS amount,
                   coalesce(bool_and(target = 'wallet:' || j.developer_id), true) AS right_way
            FROM ledger_transfers
            WHERE source = 'escrow:job:' || j.id AND code = 'developer_fee'
        ) paid
        WHERE paid.amount <> (t.folded - t.held_devices) * j.device_fee OR NOT paid.right_way
        UNION ALL
        SELECT 'developer_fee of ' || t.reference || ' from ' || t.source
        FROM ledger_transfers t LEFT JOIN jobs j ON t.source = 'escrow:job:' || j.id
        WHERE t.code = 'developer_fee' AND j.id IS NULL""",
    ),
)
