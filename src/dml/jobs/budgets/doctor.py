"""What must hold of owners' budgets: what is spent is what leases and results cost."""

from typing import Final

from dml.core.checks import Check

CHECKS: Final = (
    Check(
        "An owner's budget has not spent what their leases and results cost",
        "O(owners + assignments)",
        """SELECT 'user:' || coalesce(b.owner_id, a.owner_id) || ' spent '
            || coalesce(b.spent_in_all, 0) || ', leases and results cost ' || coalesce(a.charged, 0)
        FROM owner_budgets b FULL JOIN (
            SELECT owner_id, sum(charged) AS charged FROM (
                SELECT owner_id, charged FROM assignments WHERE charged > 0
                UNION ALL
                SELECT d.owner_id,
                       (j.rho + j.max_devices_per_owner - 1) / j.max_devices_per_owner
                FROM archived_assignments x
                JOIN job_archives f ON f.id = x.archive_id
                JOIN jobs j ON j.id = f.job_id
                JOIN devices d ON d.id = x.device_id
                WHERE x.state = 'accepted' AND j.rho > 0
            ) each GROUP BY owner_id
        ) a ON a.owner_id = b.owner_id
        WHERE coalesce(b.spent_in_all, 0) <> coalesce(a.charged, 0)""",
    ),
    Check(
        "A lease or result took nothing of its owner's budget, or one that is over keeps some",
        "O(assignments)",
        """SELECT 'assignment:' || a.id || ' (' || a.state || ') took ' || coalesce(a.charged, 0)
        FROM assignments a JOIN jobs j ON j.id = a.job_id
        WHERE a.state NOT IN ('leased', 'accepted') AND a.charged IS NOT NULL
           OR a.charged IS NOT NULL AND a.charged
               <> (j.rho + j.max_devices_per_owner - 1) / j.max_devices_per_owner
           OR (a.charged IS NULL) <> (a.charged_day IS NULL)""",
    ),
    Check(
        "An owner's days of spending are out of order, or hold more than was spent",
        "O(owners)",
        """SELECT 'user:' || b.owner_id || ' spent ' || b.spent_in_all || ', on its days ' || s.sum
        FROM owner_budgets b CROSS JOIN LATERAL (
            SELECT coalesce(sum(spent), 0) AS sum, bool_and(spent >= 0) AS good,
                   array_agg(day ORDER BY day) AS days, count(DISTINCT day) AS number
            FROM unnest(b.days, b.spent) AS u (day, spent)
        ) s
        WHERE s.sum > b.spent_in_all OR NOT coalesce(s.good, true) OR s.number > 30
           OR s.days IS DISTINCT FROM nullif(b.days, '{}')""",
    ),
)
