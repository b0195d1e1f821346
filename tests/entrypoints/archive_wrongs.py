"""What can be wrong with jobs whose devices' work was archived: as in `wrongs`."""

from typing import Final

from tests.entrypoints.complaints import (
    ADD_UP,
    BOTH,
    FOLD,
    FOLDED,
    HALF,
    IN_LINE,
    ITEMS,
    KNOWN,
    LABELLED,
    LOST,
    NOWHERE,
    PLACES,
    TOO_SOON,
    TWICE,
)

ARCHIVE_WRONGS: Final = [
    (
        "INSERT INTO assignments SELECT x.id, f.job_id, device_id, '{archived_owner}', 0, NULL, "
        "'released', 1, now(), now(), NULL FROM archived_assignments x "
        "JOIN job_archives f ON f.id = x.archive_id WHERE device_id = '{archived_device}'",
        [TWICE, BOTH, TOO_SOON],
        "job:{archived}, device {archived_device} has 2",
    ),
    (
        "UPDATE archived_assignments SET archive_id = gen_random_uuid() "
        "WHERE device_id = '{archived_device}'",
        [FOLD, PLACES, FOLDED, NOWHERE, KNOWN],
        "to wallet:{archived_owner}: paid 100000, earned 0",
    ),
    (
        "UPDATE archived_assignments SET fold_id = NULL WHERE device_id = '{archived_device}'",
        [FOLD, LOST, FOLDED],
        "to wallet:{archived_owner}: paid 100000, earned 0",
    ),
    (
        "DELETE FROM archived_assignments WHERE device_id = '{archived_device}'",
        [FOLD, PLACES, FOLDED, KNOWN],
        "to wallet:{archived_owner}: paid 100000, earned 0",
    ),
    (
        "UPDATE job_archives SET assignments = assignments + 1 "
        "WHERE job_id = '{archived}' AND number = 2",
        [KNOWN],
        "job:{archived}, archive 2 has 4 assignments and 3 results, known are 3 and 3",
    ),
    (
        "UPDATE job_archives SET items = items + 1 WHERE job_id = '{archived}' AND number = 2",
        [ITEMS],
        "job:{archived} has 28 and 7, its results 29 and 7",
    ),
    (
        "UPDATE job_archives SET sha256 = repeat('ab', 32) "
        "WHERE job_id = '{archived}' AND number = 1",
        [IN_LINE],
        "job:{archived}, archive 1 is 1 in line",
    ),
    (
        "UPDATE job_archives SET number = 3 WHERE job_id = '{archived}' AND number = 2",
        [IN_LINE],
        "job:{archived}, archive 3 is 2 in line",
    ),
    (
        "UPDATE job_counts SET counted = counted + 1, shown = shown + 1 "
        "WHERE job_id = '{archived}' AND month > 0",
        [ADD_UP, LABELLED],
        "job:{archived} tells 22 items and 7 uncertain ones, of 28",
    ),
    (
        "UPDATE job_counts SET counted = counted + 1 WHERE job_id = '{archived}' AND month > 0",
        [LABELLED],
        "job:{archived} counts 22 of 21",
    ),
    (
        "UPDATE jobs SET archived_at = now() WHERE id = '{done}'",
        [TOO_SOON],
        "job:{done} (completed)",
    ),
    (
        "UPDATE jobs SET archived_at = now() WHERE id = '{open}'",
        [TOO_SOON],
        "job:{open} (open)",
    ),
    (
        "UPDATE jobs SET archived_at = NULL WHERE id = '{archived}';"
        "UPDATE job_archives SET created_at = now() - interval '25 hours' "
        "WHERE job_id = '{archived}'",
        [HALF],
        "job:{archived} ended at",
    ),
    (
        "UPDATE jobs SET archived_at = now() - interval '25 hours' WHERE id = '{archived}'",
        [HALF],
        "job:{done} ended at",
    ),
]
