"""What must hold of owners' budgets: they are what leases reserve and results spent."""

from typing import Final

from dml.core.checks import Check

CHECKS: Final = (
    Check(
        "An owner's budget does not reserve what their leases may cost",
        "O(owners + leases)",
        """SELECT 'user:' || coalesce(b.owner_id, a.owner_id) || ' reserves '
            || coalesce(b.reserved, 0) || ', leases may cost ' || coalesce(a.charged, 0)
        FROM owner_budgets b FULL JOIN (
            SELECT owner_id, sum(charged) AS charged FROM assignments
            WHERE state = 'leased' AND charged > 0 GROUP BY owner_id
        ) a ON a.owner_id = b.owner_id
        WHERE coalesce(b.reserved, 0) <> coalesce(a.charged, 0)""",
    ),
    Check(
        "An owner's budget has not spent what their results cost",
        "O(owners + assignments)",
        """SELECT 'user:' || coalesce(b.owner_id, a.owner_id) || ' spent '
            || coalesce(b.spent_in_all, 0) || ', results cost ' || coalesce(a.charged, 0)
        FROM owner_budgets b FULL JOIN (
            SELECT owner_id, sum(charged) AS charged FROM (
                SELECT owner_id, charged FROM assignments
                WHERE state = 'accepted' AND charged > 0
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
        "An owner's days of spending are out of order, or hold more than was spent",
        "O(owners)",
        """SELECT 'user:' || b.owner_id || ' spent ' || b.spent_in_all || ', on its days ' || s.sum
        FROM owner_budgets b CROSS JOIN LATERAL (
            SELECT coalesce(sum(spent), 0) AS sum, bool_and(spent > 0) AS good,
                   array_agg(day ORDER BY day) AS days, count(DISTINCT day) AS number
            FROM unnest(b.days, b.spent) AS u (day, spent)
        ) s
        WHERE s.sum > b.spent_in_all OR NOT coalesce(s.good, true) OR s.number > 30
           OR s.days IS DISTINCT FROM nullif(b.days, '{}')""",
    ),
)
