"""What must hold of jobs: their money, their places, what was counted, and that none is stuck.

Reads only, and of one snapshot: a transaction that is under way is seen as not begun. Whatever
folding writes down as a sum is worked out here anew, from what each device handed in; where that
was archived, from the sums of each file. What is in the files, `dml admin job-results --verify`
reads.
"""

from typing import Final

from dml.core.checks import Check
from dml.jobs import doctor_money
from dml.jobs.archive import doctor as archive_doctor
from dml.jobs.budgets import doctor as budget_doctor
from dml.jobs.history import doctor as history_doctor
from dml.jobs.noise import doctor as noise_doctor

_ALL: Final = archive_doctor.ALL_ASSIGNMENTS

PLACES: Final = (
    Check(
        "A job's open, leased and accepted places are not all that it has",
        "O(jobs + assignments)",
        f"""SELECT 'job:' || j.id || ' has ' || j.max_devices || ' places, but '
            || coalesce(p.open, 0) || ' open, ' || coalesce(a.leased, 0) || ' leased and '
            || coalesce(a.accepted, 0) || ' accepted'
        FROM jobs j
        LEFT JOIN (SELECT job_id, sum(open) AS open FROM job_places GROUP BY job_id) p
            ON p.job_id = j.id
        LEFT JOIN (
            SELECT job_id, count(*) FILTER (WHERE state = 'leased') AS leased,
                   count(*) FILTER (WHERE state = 'accepted') AS accepted
            FROM {_ALL} GROUP BY job_id
        ) a ON a.job_id = j.id
        WHERE coalesce(p.open, 0) + coalesce(a.leased, 0) + coalesce(a.accepted, 0)
            <> j.max_devices""",
    ),
    Check(
        "A bucket of places is below zero",
        "O(jobs)",
        """SELECT 'job:' || job_id || ', bucket ' || bucket || ' has ' || open FROM job_places
        WHERE open < 0""",
    ),
    Check(
        "A bucket of places is closed though its job is open, or the other way round",
        "O(jobs)",
        """SELECT 'job:' || j.id || ' (' || j.state || '), bucket ' || p.bucket
        FROM job_places p JOIN jobs j ON j.id = p.job_id
        WHERE p.closed <> (j.state <> 'open')""",
    ),
    Check(
        "An owner has more places of a job than one may have",
        "O(assignments)",
        f"""SELECT 'job:' || j.id || ', owner ' || a.owner_id || ' has ' || a.count || ' of '
            || j.max_devices_per_owner
        FROM (
            SELECT job_id, owner_id, count(*) AS count FROM {_ALL}
            WHERE state IN ('leased', 'accepted') GROUP BY job_id, owner_id
        ) a JOIN jobs j ON j.id = a.job_id
        WHERE a.count > j.max_devices_per_owner""",
    ),
    Check(
        "An assignment has a place without a slot of its owner, or a slot without a place",
        "O(assignments)",
        """SELECT 'assignment:' || a.id || ' (' || a.state || ') has slot '
            || coalesce(a.slot::text, 'none')
        FROM assignments a JOIN jobs j ON j.id = a.job_id
        WHERE CASE WHEN a.state IN ('leased', 'accepted')
            THEN a.slot IS NULL OR a.slot NOT BETWEEN 0 AND j.max_devices_per_owner - 1
            ELSE a.slot IS NOT NULL END""",
    ),
    Check(
        "A device has more than one assignment of a job",
        "O(assignments)",
        f"""SELECT 'job:' || job_id || ', device ' || device_id || ' has ' || count(*)
        FROM {_ALL} GROUP BY job_id, device_id HAVING count(*) > 1""",
    ),
    Check(
        "An assignment is not of its device's owner, or of no device or job that exists",
        "O(assignments)",
        """SELECT 'assignment:' || a.id || ' names job ' || a.job_id || ', device ' || a.device_id
            || ' and owner ' || a.owner_id
        FROM assignments a
        LEFT JOIN devices d ON d.id = a.device_id
        LEFT JOIN jobs j ON j.id = a.job_id
        WHERE j.id IS NULL OR d.owner_id IS DISTINCT FROM a.owner_id""",
    ),
    Check(
        "A lease outlives its job's deadline, or its try",
        "O(assignments)",
        """SELECT 'assignment:' || a.id || ' until ' || a.lease_expires_at || ', job:' || j.id
            || ' until ' || j.deadline || ', the try until ' || coalesce(a.try_ends_at::text, '-')
        FROM assignments a JOIN jobs j ON j.id = a.job_id
        WHERE a.state = 'leased' AND a.lease_expires_at > least(j.deadline, a.try_ends_at)""",
    ),
)

COUNTS: Final = (
    Check(
        "A result has no accepted assignment, or an accepted assignment has no result",
        "O(assignments)",
        """SELECT 'assignment:' || coalesce(a.id, r.assignment_id) || ' ('
            || coalesce(a.state, 'none') || ') has '
            || CASE WHEN r.assignment_id IS NULL THEN 'no' ELSE 'a' END || ' result'
        FROM assignments a FULL JOIN results r ON r.assignment_id = a.id
        WHERE (a.state IS NOT DISTINCT FROM 'accepted') <> (r.assignment_id IS NOT NULL)""",
    ),
    Check(
        "What waits in the inbox is no accepted result that is still to be folded, once",
        "O(inbox × log assignments)",
        """SELECT 'assignment:' || i.assignment_id || ' of job:' || i.job_id || ' waits '
            || i.count || ' times'
        FROM (
            SELECT assignment_id, job_id, count(*) AS count FROM result_inbox
            GROUP BY assignment_id, job_id
        ) i LEFT JOIN assignments a ON a.id = i.assignment_id
        WHERE i.count > 1 OR a.id IS NULL OR a.job_id <> i.job_id OR a.state <> 'accepted'
           OR a.fold_id IS NOT NULL
           OR NOT EXISTS (SELECT FROM results r WHERE r.assignment_id = i.assignment_id)""",
    ),
    Check(
        "An accepted result is neither folded nor in the inbox",
        "O(assignments)",
        f"""SELECT 'assignment:' || a.id FROM {_ALL} a
        WHERE a.state = 'accepted' AND a.fold_id IS NULL
          AND NOT EXISTS (SELECT FROM result_inbox i WHERE i.assignment_id = a.id)""",
    ),
    Check(
        "Something was folded that was not accepted",
        "O(assignments)",
        f"""SELECT 'assignment:' || id || ' (' || state || ') in fold:' || fold_id FROM {_ALL}
        WHERE fold_id IS NOT NULL AND state <> 'accepted'""",
    ),
    Check(
        "A job's totals do not count as many devices as were folded",
        "O(jobs + assignments)",
        f"""SELECT 'job:' || j.id || ' counts ' || coalesce(t.folded::text, 'nothing')
            || ', folded were ' || coalesce(a.count, 0)
        FROM jobs j
        LEFT JOIN job_totals t ON t.job_id = j.id
        LEFT JOIN (
            SELECT job_id, count(*) AS count FROM {_ALL}
            WHERE fold_id IS NOT NULL GROUP BY job_id
        ) a ON a.job_id = j.id
        WHERE t.folded IS DISTINCT FROM coalesce(a.count, 0)""",
    ),
    Check(
        "A job's items and uncertain items are not the sum of its folded results",
        "O(bytes of results)",
        """SELECT 'job:' || t.job_id || ' has ' || t.items || ' and ' || t.uncertain
            || ', its results ' || coalesce(s.items, 0) || ' and ' || coalesce(s.uncertain, 0)
        FROM job_totals t LEFT JOIN (
            SELECT job_id, sum(items) AS items, sum(uncertain) AS uncertain FROM (
                SELECT a.job_id, (r.said ->> 'items')::bigint AS items,
                       (r.said ->> 'uncertain')::bigint AS uncertain
                FROM assignments a CROSS JOIN LATERAL (
                    SELECT convert_from(body, 'UTF8')::jsonb AS said FROM results
                    WHERE assignment_id = a.id OFFSET 0
                ) r
                WHERE a.fold_id IS NOT NULL
                UNION ALL SELECT job_id, items, uncertain FROM job_archives
            ) said GROUP BY job_id
        ) s ON s.job_id = t.job_id
        WHERE t.items <> coalesce(s.items, 0) OR t.uncertain <> coalesce(s.uncertain, 0)""",
    ),
    Check(
        "A job's count of a label in a month is not the sum of its folded results",
        "O(bytes of results)",
        """WITH said AS (
            SELECT a.job_id, cell.month, cell.label, sum(cell.count) AS count
            FROM assignments a CROSS JOIN LATERAL (
                SELECT convert_from(body, 'UTF8')::jsonb AS said FROM results
                WHERE assignment_id = a.id OFFSET 0
            ) r CROSS JOIN LATERAL (
                SELECT 0 AS month, l.key AS label, l.value::bigint AS count
                FROM jsonb_each_text(r.said -> 'labels') l
                UNION ALL
                SELECT dated.month, l.key, dated.sign * l.value::bigint
                FROM jsonb_each(r.said -> 'months') m
                CROSS JOIN LATERAL jsonb_each_text(m.value) l
                CROSS JOIN LATERAL (VALUES
                    (0, -1), (left(m.key, 4)::int * 12 + right(m.key, 2)::int - 1, 1)
                ) AS dated (month, sign)
            ) cell
            WHERE a.fold_id IS NOT NULL GROUP BY a.job_id, cell.month, cell.label
        ),
        due AS (
            SELECT s.job_id, s.month, s.count,
                   coalesce(array_position(j.labels, s.label) - 1, -1) AS label
            FROM said s JOIN jobs j ON j.id = s.job_id WHERE s.count <> 0
        )
        SELECT 'job:' || job_id || ', month ' || month || ', label ' || label || ' counts '
            || coalesce(c.counted, 0) || ', its results say ' || coalesce(due.count, 0)
        FROM due FULL JOIN job_counts c USING (job_id, month, label)
        WHERE job_id NOT IN (SELECT job_id FROM job_archives)
          AND coalesce(c.counted, 0) <> coalesce(due.count, 0)""",
    ),
    Check(
        "More is shown to a customer than was counted",
        "O(jobs × labels × months)",
        """SELECT 'job:' || job_id || ', month ' || month || ', label ' || label || ' shows '
            || shown || ' of ' || counted
        FROM job_counts WHERE month >= 0 AND shown NOT BETWEEN 0 AND counted
        UNION ALL
        SELECT 'job:' || job_id || ' shows ' || shown_items || ' items of ' || items || ', '
            || shown_uncertain || ' uncertain of ' || uncertain
        FROM job_totals
        WHERE shown_items NOT BETWEEN 0 AND items OR shown_uncertain NOT BETWEEN 0 AND uncertain""",
    ),
    Check(
        "More is told to a customer than was counted in sum, or an item twice",
        "O(jobs × labels × months)",
        """SELECT 'job:' || t.job_id || ' tells ' || c.told || ' items and '
            || t.shown_uncertain || ' uncertain ones, of ' || t.items || ' on '
            || t.shown_devices || ' devices shown'
        FROM job_totals t CROSS JOIN LATERAL (
            SELECT coalesce(sum(shown), 0) AS told FROM job_counts WHERE job_id = t.job_id
        ) c
        WHERE c.told + t.shown_uncertain > t.items
           OR t.shown_devices = 0 AND c.told + t.shown_uncertain > 0
        UNION ALL
        SELECT 'job:' || job_id || ', label ' || label || ' tells ' || sum(shown) || ' of '
            || sum(counted)
        FROM job_counts GROUP BY job_id, label HAVING label >= 0 AND sum(shown) > sum(counted)""",
    ),
    Check(
        "A customer sees a step that holds too few devices, or leaves too few for another one",
        "O(jobs)",
        """SELECT 'job:' || j.id || ' (' || j.state || ') shows ' || t.shown_devices || ' of '
            || t.folded || ' devices, in steps of ' || j.min_devices || '; of '
            || t.held_devices || ' its developer is still to be paid'
        FROM jobs j JOIN job_totals t ON t.job_id = j.id
        WHERE t.shown_devices <> 0 AND t.shown_devices < j.min_devices
           OR t.shown_devices = 0 AND (t.shown_items <> 0 OR t.shown_uncertain <> 0)
           OR t.held_devices NOT BETWEEN 0 AND t.folded - t.shown_devices
           OR j.state NOT IN ('completed', 'cancelled', 'expired') AND j.answers = 'exact'
               AND t.shown_devices <> j.max_devices
               AND t.shown_devices > greatest(0, j.max_devices - j.min_devices)
           OR j.state IN ('completed', 'cancelled', 'expired') AND t.held_devices > 0""",
    ),
    Check(
        "More owners are known to have fed a count than may be, or some of one that is told whole",
        "O(jobs × labels × months)",
        """SELECT 'job:' || c.job_id || ', month ' || c.month || ', label ' || c.label || ' has '
            || cardinality(c.owners) || ' owners of ' || c.counted - c.shown || ' items'
        FROM job_counts c JOIN jobs j ON j.id = c.job_id
        WHERE cardinality(c.owners) > j.min_devices
           OR c.month >= 0 AND cardinality(c.owners) > greatest(0, c.counted - c.shown)
           OR cardinality(c.owners) > 0
               AND (c.month < 0 OR j.state IN ('completed', 'cancelled', 'expired'))
        UNION ALL
        SELECT 'job:' || j.id || ' has ' || cardinality(t.owners) || ' and '
            || cardinality(t.uncertain_owners) || ' owners of ' || t.folded - t.shown_devices
            || ' devices and ' || t.uncertain - t.shown_uncertain || ' uncertain items'
        FROM jobs j JOIN job_totals t ON t.job_id = j.id
        WHERE greatest(cardinality(t.owners), cardinality(t.uncertain_owners)) > j.min_devices
           OR cardinality(t.owners) > greatest(0, t.folded - t.shown_devices)
           OR cardinality(t.uncertain_owners) > greatest(0, t.uncertain - t.shown_uncertain)""",
    ),
)

ENDS: Final = (
    Check(
        "A job's state and the way it ended do not fit",
        "O(jobs)",
        """SELECT 'job:' || j.id || ' is ' || j.state || ', ends as '
            || coalesce(j.end_reason, 'none') || ', has counted ' || t.folded || ' of '
            || j.max_devices
        FROM jobs j JOIN job_totals t ON t.job_id = j.id
        WHERE CASE
            WHEN j.state IN ('open', 'paused')
                THEN j.end_reason IS NOT NULL OR j.ended_at IS NOT NULL
            WHEN j.state = 'settling' THEN j.end_reason IS NULL OR j.ended_at IS NOT NULL
            ELSE j.end_reason IS DISTINCT FROM j.state OR j.ended_at IS NULL
                OR j.state = 'completed' AND j.precision IS NULL AND t.folded <> j.max_devices
        END""",
    ),
    Check(
        "A job is past its deadline, and does not end",
        "O(jobs)",
        """SELECT 'job:' || id || ' (' || state || ') since ' || deadline FROM jobs
        WHERE state IN ('open', 'paused') AND deadline < now() - interval '60 seconds'""",
    ),
    Check(
        "A job has settled for ten minutes after its last lease could end",
        "O(jobs + assignments of those that settle)",
        """SELECT 'job:' || j.id || ' since ' || over.since
        FROM jobs j CROSS JOIN LATERAL (
            SELECT greatest(j.created_at,
                (SELECT max(at) FROM events
                 WHERE subject = 'job:' || j.id AND to_state = 'settling'),
                (SELECT max(lease_expires_at) FROM assignments WHERE job_id = j.id)
            ) AS since
        ) over
        WHERE j.state = 'settling' AND over.since < now() - interval '10 minutes'""",
    ),
    Check(
        "A job has settled for longer than the day that a lease may live at most",
        "O(jobs that settle)",
        """SELECT 'job:' || j.id || ' since ' || began.at
        FROM jobs j CROSS JOIN LATERAL (
            SELECT max(at) AS at FROM events
            WHERE subject = 'job:' || j.id AND to_state = 'settling'
        ) began
        WHERE j.state = 'settling' AND began.at < now() - interval '1 day 10 minutes'""",
    ),
    Check(
        "A result waits to be folded, though a worker is alive",
        "O(inbox × log results)",
        """SELECT 'assignment:' || i.assignment_id || ' since ' || r.received_at
        FROM result_inbox i JOIN results r ON r.assignment_id = i.assignment_id
        WHERE r.received_at < now() - interval '60 seconds' AND EXISTS (
            SELECT FROM nodes WHERE kind = 'worker' AND seen_at > now() - interval '10 seconds')""",
    ),
    Check(
        "A lease ran out and keeps its place, though a worker is alive",
        "O(assignments)",
        """SELECT 'assignment:' || id || ' since ' || lease_expires_at FROM assignments
        WHERE state = 'leased' AND lease_expires_at < now() - interval '60 seconds' AND EXISTS (
            SELECT FROM nodes WHERE kind = 'worker' AND seen_at > now() - interval '10 seconds')""",
    ),
)

CHECKS: Final = (
    *(*doctor_money.CHECKS, *PLACES, *COUNTS, *ENDS),
    *(*noise_doctor.CHECKS, *budget_doctor.CHECKS),
    *(*archive_doctor.CHECKS, *history_doctor.CHECKS),
)
