"""What of an exact answer is shown with a step, and when its job ends: docs/decisions/0017."""

from typing import Final

# Promises: every count that at least `least` owners fed is shown.
SHOW: Final = """
    UPDATE job_counts c SET shown = c.counted, owners = '{}'
    FROM unnest($1::uuid[], $2::int[]) AS a (job_id, least)
    WHERE c.job_id = ANY ($1::uuid[]) AND c.job_id = a.job_id
      AND c.shown <> c.counted AND cardinality(c.owners) >= a.least
"""

# Promises: what is left of a label is shown without its months, if at least $2 owners fed it.
SHOW_ELSEWHERE: Final = """
    INSERT INTO job_counts (job_id, month, label, counted, shown, owners)
    SELECT $1::uuid, $3::smallint, label, 0, sum(c.counted - c.shown), '{}'
    FROM job_counts c WHERE c.job_id = $1 AND c.month <> $3 AND c.shown <> c.counted
    GROUP BY label
    HAVING $2::int <= (
        SELECT count(DISTINCT owner) FROM job_counts o CROSS JOIN unnest(o.owners) AS owner
        WHERE o.job_id = $1 AND o.month <> $3 AND o.label = c.label)
"""

# Promises: what is still left is shown as one number; $4 uncertain items of owners $5 belong to it.
SHOW_OTHER: Final = """
    WITH left_over AS (
        SELECT counted - shown AS count, owners FROM job_counts c
        WHERE job_id = $1::uuid AND month <> $3::smallint AND shown <> counted AND NOT EXISTS (
            SELECT FROM job_counts WHERE job_id = $1 AND month = $3 AND label = c.label)
        UNION ALL SELECT $4::bigint, $5::bigint[]
    )
    INSERT INTO job_counts (job_id, month, label, counted, shown, owners)
    SELECT $1, $3, $6::smallint, 0, (SELECT sum(count) FROM left_over), '{}'
    WHERE $2::int <= (
        SELECT count(DISTINCT owner) FROM left_over CROSS JOIN unnest(owners) AS owner)
"""
FORGET_OWNERS: Final = """
    UPDATE job_counts SET owners = '{}' WHERE job_id = $1 AND owners <> '{}'
"""

# With which step ($3) of each job ($1) the results of a fold are told.
ADD_FOLDS: Final = """
    INSERT INTO job_folds (job_id, fold_id, step)
    SELECT job_id, $2, step FROM unnest($1::uuid[], $3::int[]) AS a (job_id, step)
"""
