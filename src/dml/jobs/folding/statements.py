"""Statements of folding: what it locks and reads, and what of an exact answer is shown with a step
and when its job ends (docs/decisions/0017).
"""

from typing import Final

from dml.accounts.organisations.rules import IS_INTERESTED

# Locks the totals, in the order of their jobs, before anything is read of these: so what is read is
# of after the last raise, and stays so until this commits (docs/decisions/0081).
LOCK: Final = """
    SELECT FROM job_totals WHERE job_id = ANY ($1::uuid[]) ORDER BY job_id FOR UPDATE
"""
# `members` are who acts for their customer or developer, or did lately (docs/decisions/0064).
JOBS: Final = f"""
    SELECT j.id, j.labels, j.max_devices, j.max_devices_per_owner, j.min_devices AS min_owners,
           j.reward, j.device_fee, j.platform_fee, j.customer_id, j.developer_id, j.answers, j.rho,
           j.max_items, j.max_norm, j.precision, j.restored_at, j.date_from, j.date_to,
           j.deadline, (
               SELECT reviewed_by FROM algorithm_versions WHERE id = j.version_id LIMIT 1
           ) AS reviewed_by,
           ARRAY(
               SELECT m.user_id FROM memberships m
               WHERE m.organisation_id = ANY (ARRAY[j.customer_id, j.developer_id])
                 AND {IS_INTERESTED}
           ) AS members,
           t.folded, t.shown_devices, t.held_devices, t.owners, t.uncertain_owners, t.version
    FROM job_totals t CROSS JOIN LATERAL (SELECT * FROM jobs WHERE id = t.job_id LIMIT 1) j
    WHERE t.job_id = ANY ($1::uuid[]) ORDER BY t.job_id
"""  # noqa: S608 - a constant

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
