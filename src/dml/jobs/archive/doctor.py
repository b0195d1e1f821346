"""What must hold of archived jobs, as the database tells it. Reads only, and no file.

A file that is away or changed is found by `dml admin job-results --verify`, which also counts
again by label and month what it holds.
"""

from typing import Final

from dml.core.checks import Check

# Every assignment there is, at hand or archived. An archived one is of its device's owner.
ALL_ASSIGNMENTS: Final = """(
            SELECT id, job_id, device_id, owner_id, state, fold_id FROM assignments
            UNION ALL
            SELECT x.id, f.job_id, x.device_id, d.owner_id, x.state, x.fold_id
            FROM archived_assignments x
            LEFT JOIN job_archives f ON f.id = x.archive_id
            LEFT JOIN devices d ON d.id = x.device_id
        )"""

CHECKS: Final = (
    Check(
        "An assignment is at hand, and archived as well",
        "O(assignments × log archived assignments)",
        """SELECT 'assignment:' || a.id || ' (' || a.state || ')'
        FROM assignments a JOIN archived_assignments x ON x.device_id = a.device_id AND x.id = a.id
        """,
    ),
    Check(
        "An archived assignment is in no archive, or of no device that exists",
        "O(archived assignments)",
        """SELECT 'assignment:' || x.id || ' names archive ' || x.archive_id || ' and device '
            || x.device_id
        FROM archived_assignments x
        LEFT JOIN job_archives f ON f.id = x.archive_id
        LEFT JOIN devices d ON d.id = x.device_id
        WHERE f.id IS NULL OR d.id IS NULL""",
    ),
    Check(
        "An archive does not count what is known of its assignments",
        "O(archived assignments)",
        """SELECT 'job:' || f.job_id || ', archive ' || f.number || ' has ' || f.assignments
            || ' assignments and ' || f.results || ' results, known are '
            || coalesce(x.assignments, 0) || ' and ' || coalesce(x.results, 0)
        FROM job_archives f LEFT JOIN (
            SELECT archive_id, count(*) AS assignments, count(body_sha256) AS results
            FROM archived_assignments GROUP BY archive_id
        ) x ON x.archive_id = f.id
        WHERE f.assignments <> coalesce(x.assignments, 0) OR f.results <> coalesce(x.results, 0)""",
    ),
    Check(
        "A job's archives do not follow one upon the other",
        "O(archives)",
        """SELECT 'job:' || job_id || ', archive ' || number || ' is ' || place
            || ' in line, chain ' || left(chain, 8) || ', not ' || left(due, 8)
        FROM (
            SELECT job_id, number, chain, row_number() OVER in_line AS place,
                   encode(sha256(decode(
                       coalesce(lag(chain) OVER in_line, repeat('00', 32)) || sha256, 'hex'
                   )), 'hex') AS due
            FROM job_archives WINDOW in_line AS (PARTITION BY job_id ORDER BY number)
        ) f WHERE number <> place OR chain <> due""",
    ),
    Check(
        "An archived job's counts do not add up to its labelled items",
        "O(archived jobs × labels × months)",
        """SELECT 'job:' || t.job_id || ' counts ' || coalesce(c.counted, 0) || ' of '
            || t.items - t.uncertain
        FROM job_totals t LEFT JOIN (
            SELECT job_id, sum(counted) AS counted FROM job_counts GROUP BY job_id
        ) c ON c.job_id = t.job_id
        WHERE t.job_id IN (SELECT job_id FROM job_archives)
          AND coalesce(c.counted, 0) <> t.items - t.uncertain""",
    ),
    Check(
        "A job is archived that has not ended, or is archived whole and has assignments at hand",
        "O(archived jobs × log assignments)",
        """SELECT 'job:' || j.id || ' (' || j.state || ')' FROM jobs j
        WHERE j.ended_at IS NULL
              AND (j.archived_at IS NOT NULL OR j.id IN (SELECT job_id FROM job_archives))
           OR j.archived_at IS NOT NULL
              AND EXISTS (SELECT FROM assignments a WHERE a.job_id = j.id)""",
    ),
    Check(
        "An ended job is not archived whole a day after it began, or after later ones were",
        "O(jobs)",
        """SELECT 'job:' || j.id || ' ended at ' || j.ended_at FROM jobs j
        WHERE j.ended_at IS NOT NULL AND j.archived_at IS NULL AND (
            j.ended_at < (SELECT max(ended_at) FROM jobs
                          WHERE archived_at < now() - interval '1 day')
            OR (SELECT min(created_at) FROM job_archives WHERE job_id = j.id)
                < now() - interval '1 day')""",
    ),
)
