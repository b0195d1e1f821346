"""What must hold of what ended jobs tell others. Reads only."""

from typing import Final

from dml.core.checks import Check

CHECKS: Final = (
    Check(
        "The statistics of a version are not what its jobs have shown and paid its developer",
        "O(jobs + statistics)",
        """SELECT 'version:' || version_id || ' shows ' || coalesce(s.devices, 0) || ' devices and '
            || coalesce(s.earned, 0) || ' earned, its jobs ' || coalesce(j.devices, 0) || ' and '
            || coalesce(j.earned, 0)
        FROM (
            SELECT version_id, sum(devices) AS devices, sum(earned) AS earned
            FROM algorithm_statistics GROUP BY version_id
        ) s FULL JOIN (
            SELECT j.version_id, sum(t.shown_devices) AS devices,
                   sum((t.folded - t.held_devices) * j.device_fee) AS earned
            FROM jobs j JOIN job_totals t ON t.job_id = j.id GROUP BY j.version_id
        ) j USING (version_id)
        WHERE (coalesce(s.devices, 0), coalesce(s.earned, 0))
            IS DISTINCT FROM (coalesce(j.devices, 0), coalesce(j.earned, 0))""",
    ),
    Check(
        "A published answer is not what its job has shown, or its job has not ended",
        "O(published jobs × counts)",
        """SELECT 'job:' || p.job_id || ' (' || j.state || ') published ' || p.items || ' items of '
            || p.devices || ' devices, shown are ' || c.items + t.shown_uncertain || ' of '
            || t.shown_devices
        FROM published_jobs p JOIN jobs j ON j.id = p.job_id
        JOIN job_totals t ON t.job_id = p.job_id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(shown), 0) AS items FROM job_counts WHERE job_id = p.job_id
        ) c
        WHERE j.ended_at IS NULL OR p.devices <> t.shown_devices
           OR p.items <> c.items + t.shown_uncertain""",
    ),
)
