"""What must hold of noisy answers: each part is told once, with noise, and when it may be."""

from typing import Final

from dml.core.checks import Check

CHECKS: Final = (
    Check(
        "A noisy answer tells counts as they are, or an exact one was told with noise",
        "O(jobs × labels × months)",
        """SELECT 'job:' || j.id || ' (' || j.answers || ')' FROM jobs j
        WHERE j.answers = 'noisy' AND (
                EXISTS (SELECT FROM job_counts c WHERE c.job_id = j.id AND c.shown <> 0)
                OR EXISTS (
                    SELECT FROM job_totals t WHERE t.job_id = j.id AND t.shown_uncertain <> 0))
            OR j.answers = 'exact'
                AND EXISTS (SELECT FROM job_releases r WHERE r.job_id = j.id)""",
    ),
    Check(
        "A noisy answer that is told was not drawn, or one was drawn and is not told",
        "O(jobs + steps)",
        """SELECT 'job:' || j.id || ' (' || j.state || ') tells ' || t.shown_devices
            || ' devices, drawn were ' || coalesce(r.devices, 0)
        FROM jobs j JOIN job_totals t ON t.job_id = j.id
        LEFT JOIN (
            SELECT job_id, max(devices) AS devices, bool_or(part = 'labels') AS whole
            FROM job_releases GROUP BY job_id
        ) r ON r.job_id = j.id
        WHERE j.answers = 'noisy' AND (
            t.shown_devices <> coalesce(r.devices, 0)
            OR coalesce(r.whole, false) AND j.ended_at IS NULL
            OR j.ended_at IS NOT NULL AND t.shown_devices > 0 AND NOT coalesce(r.whole, false)
                AND j.restored_at IS NULL)""",
    ),
    Check(
        "A step of a noisy answer holds fewer results than were in before it, or too few",
        "O(steps)",
        """SELECT 'job:' || job_id || ', step ' || number || ' at ' || devices || ' after '
            || before
        FROM (
            SELECT r.job_id, r.number, r.devices, j.min_devices AS min_owners,
                   coalesce(lag(r.devices) OVER in_line, 0) AS before,
                   row_number() OVER in_line AS place
            FROM job_releases r JOIN jobs j ON j.id = r.job_id WHERE r.part = 'step'
            WINDOW in_line AS (PARTITION BY r.job_id ORDER BY r.number)
        ) s WHERE devices < 2 * before OR devices - before < min_owners OR number <> place""",
    ),
)
