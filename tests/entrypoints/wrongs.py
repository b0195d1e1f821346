"""Each thing that can be wrong with a marketplace, as SQL, and what `dml doctor` says of it.

Names in brackets are those of the marketplace in `test_doctor`.
"""

from typing import Final

from tests.entrypoints.algorithm_wrongs import ALGORITHM_WRONGS
from tests.entrypoints.archive_wrongs import ARCHIVE_WRONGS
from tests.entrypoints.bounty_wrongs import BOUNTY_WRONGS
from tests.entrypoints.chain_wrongs import CHAIN_WRONGS
from tests.entrypoints.complaints import (
    ADD_UP,
    BALANCE,
    BELOW,
    CELLS,
    CLOSED,
    COLLECTS,
    END,
    ESCROW,
    FAILED,
    FEES,
    FOLD,
    FOLDED,
    INBOX,
    ITEMS,
    KEPT,
    LATE,
    LEASE,
    LOST,
    MORE,
    NO_JOB,
    NOBODY,
    NOTHING,
    OVERDRAWN,
    OVERDUE,
    OWNER,
    OWNERS,
    PAID,
    PLACES,
    REFUND,
    RESULT,
    SETTLES,
    SETTLES_LONG,
    SLOT,
    STEP,
    SUM,
    TWICE,
    UNACCEPTED,
    UNKNOWN,
    UPLOAD_OVER,
    UPLOADED,
    WAITS,
)
from tests.entrypoints.feed_wrongs import FEED_WRONGS
from tests.entrypoints.moves import moved
from tests.entrypoints.noise_wrongs import NOISE_WRONGS

# The first reward that a fold paid goes to somebody else, with balances to match.
RETARGET: Final = """
    UPDATE ledger_accounts SET balance = balance - 100000 WHERE code = 'wallet:{owner}';
    UPDATE ledger_accounts SET balance = balance + 100000 WHERE code = 'revenue';
    UPDATE ledger_transfers SET target = 'revenue'
    WHERE code = 'device_reward' AND target = 'wallet:{owner}'
"""

# The customer's payment comes from the revenue, with balances to match.
OTHER_PAYER: Final = """
    UPDATE ledger_accounts SET balance = balance + 7 * 121000 WHERE code = 'wallet:{payer}';
    UPDATE ledger_accounts SET balance = balance - 7 * 121000 WHERE code = 'chain';
    UPDATE ledger_transfers SET source = 'chain' WHERE reference = 'job:{done}'
"""

NO_CONSTRAINTS: Final = {
    "overdrawn": "ledger_accounts DROP CONSTRAINT ledger_accounts_not_overdrawn_check",
    "unknown": "ledger_transfers DROP CONSTRAINT ledger_transfers_source_fkey, "
    "DROP CONSTRAINT ledger_transfers_target_fkey",
    "nothing": "ledger_transfers DROP CONSTRAINT ledger_transfers_positive_check",
    "oversold": "job_places DROP CONSTRAINT job_places_never_oversold_check",
    "fewer": "algorithm_statistics DROP CONSTRAINT algorithm_statistics_not_negative_check",
    "twice": "assignments DROP CONSTRAINT assignments_device_id_job_id_key",
}

# What is done, which checks complain, and what the first of them says among others.
WRONGS: Final = [
    (
        "UPDATE ledger_accounts SET balance = balance + 1 WHERE code = 'revenue'",
        [SUM, BALANCE],
        "it is 1",
    ),
    (moved("deposit", "x", "revenue", "chain", 9_000_000), [OVERDRAWN], "revenue holds -8"),
    (
        "UPDATE ledger_accounts SET balance = balance - 1 WHERE code IN ('chain', 'revenue');"
        "UPDATE ledger_accounts SET balance = balance + 2 WHERE code = 'wallet:{customer}'",
        [BALANCE],
        "wallet:{customer} holds",
    ),
    (
        moved("deposit", "x", "wallet:none", "wallet:neither"),
        [UNKNOWN],
        "deposit of x names wallet:none",
    ),
    (moved("deposit", "x", "revenue", "chain", 0), [NOTHING], "deposit of x: 0 from revenue"),
    (
        moved("deposit", "x", "escrow:job:{open}", "revenue"),
        [ESCROW],
        "job:{open} (open) holds 7622999, not 7623000",
    ),
    (
        moved("deposit", "x", "revenue", "escrow:job:{done}"),
        [ESCROW],
        "job:{done} (completed) holds 1, not 0",
    ),
    (OTHER_PAYER, [PAID], "job:{done} costs 847000, into escrow went 847000 from chain"),
    (
        moved("job_escrow", "job:{done}", "chain", "revenue"),
        [PAID],
        "job:{done} costs 847000, into escrow went",
    ),
    (
        moved("job_refund", "job:{cancelled}", "revenue", "chain"),
        [REFUND],
        "job:{cancelled} (cancelled) gave back 121001 in 2, not 121000",
    ),
    (
        moved("job_refund", "job:{paused}", "revenue", "chain"),
        [REFUND],
        "job:{paused} (paused) gave back 1 in 1, not 0",
    ),
    (
        moved("job_escrow", "job:{owner}", "chain", "revenue"),
        [NO_JOB],
        "job_escrow of job:{owner} moved 1",
    ),
    (RETARGET, [FOLD], "to wallet:{owner}: paid 0, earned 100000"),
    (
        moved("platform_fee", "fold:{owner}", "chain", "revenue"),
        [FOLD],
        "platform_fee of fold:{owner} from chain to revenue: paid 1, earned 0",
    ),
    (
        "UPDATE ledger_transfers SET code = 'deposit' WHERE code = 'developer_fee'",
        [FEES],
        "paid 0, for 7 results, 0 of them not yet, at 10000",
    ),
    (
        "UPDATE job_places SET open = open + 1 WHERE job_id = '{open}' AND bucket = 0",
        [PLACES],
        "job:{open} has 70 places, but 61 open, 1 leased and 9 accepted",
    ),
    (
        "UPDATE job_places SET open = open + CASE bucket WHEN 0 THEN -99 ELSE 99 END "
        "WHERE job_id = '{open}'",
        [BELOW],
        "job:{open}, bucket 0 has -",
    ),
    (
        "UPDATE job_places SET closed = true WHERE job_id = '{open}' AND bucket = 1",
        [CLOSED],
        "job:{open} (open), bucket 1",
    ),
    (
        "UPDATE job_places SET closed = false WHERE job_id = '{done}'",
        [CLOSED],
        "job:{done} (completed), bucket 0",
    ),
    (
        "UPDATE jobs SET max_devices_per_owner = 1 WHERE id = '{open}'",
        [OWNER, SLOT],
        "has 2 of 1",
    ),
    (
        "UPDATE assignments SET slot = NULL WHERE id = '{leased}'",
        [SLOT],
        "assignment:{leased} (leased) has slot none",
    ),
    (
        "UPDATE assignments SET slot = 1 WHERE id = '{released}'",
        [SLOT],
        "assignment:{released} (released) has slot 1",
    ),
    (
        "INSERT INTO assignments SELECT gen_random_uuid(), job_id, device_id, owner_id, bucket, "
        "NULL, 'released', 1, now(), now(), NULL FROM assignments WHERE id = '{leased}'",
        [TWICE],
        "job:{open}, device ",
    ),
    (
        "UPDATE devices SET owner_id = '{customer}' WHERE id = '{device}'",
        [NOBODY],
        "device {device} and owner {owner}",
    ),
    (
        "UPDATE assignments SET lease_expires_at = now() + interval '2 days' WHERE id = '{leased}'",
        [LEASE],
        "assignment:{leased} until",
    ),
    (
        "INSERT INTO results VALUES ('{leased}', 'x', now())",
        [RESULT],
        "assignment:{leased} (leased) has a result",
    ),
    (
        "INSERT INTO results VALUES ('{owner}', 'x', now())",
        [RESULT],
        "assignment:{owner} (none) has a result",
    ),
    (
        "DELETE FROM results WHERE assignment_id IN (SELECT assignment_id FROM result_inbox)",
        [RESULT, INBOX],
        "(accepted) has no result",
    ),
    (
        "INSERT INTO result_inbox SELECT * FROM result_inbox LIMIT 1",
        [INBOX],
        "of job:{open} waits 2 times",
    ),
    (
        "INSERT INTO result_inbox SELECT id, job_id FROM assignments "
        "WHERE job_id = '{done}' LIMIT 1",
        [INBOX],
        "of job:{done} waits 1 times",
    ),
    ("DELETE FROM result_inbox", [LOST], "assignment:"),
    (
        "UPDATE assignments SET fold_id = gen_random_uuid() WHERE id = '{leased}'",
        [FOLD, UNACCEPTED, FOLDED],
        "device_reward of fold:",
    ),
    (
        "UPDATE job_totals SET folded = folded + 1 WHERE job_id = '{open}'",
        [ESCROW, FEES, FOLDED],
        "job:{open} (open) holds",
    ),
    ("DELETE FROM job_totals WHERE job_id = '{paused}'", [FOLDED], "job:{paused} counts nothing"),
    (
        "UPDATE job_totals SET items = items + 1 WHERE job_id = '{open}'",
        [ITEMS],
        "job:{open} has 29 and 7, its results 28 and 7",
    ),
    (
        "UPDATE job_counts SET counted = counted + 1 WHERE job_id = '{open}' AND month > 0",
        [CELLS],
        "job:{open}, month 24314, label 0 counts 15, its results say 14",
    ),
    (
        "UPDATE results SET body = replace(convert_from(body, 'UTF8'), '2026-03', '2026-04')"
        "::bytea WHERE assignment_id IN (SELECT id FROM assignments WHERE job_id = '{done}')",
        [CELLS],
        "job:{done}, month 24315, label 0 counts 0, its results say 14",
    ),
    (
        "UPDATE results SET body = '{{' WHERE assignment_id IN "
        "(SELECT id FROM assignments WHERE job_id = '{done}')",
        [f"{ITEMS}, perhaps", f"{CELLS}, perhaps"],
        "what is kept cannot be read",
    ),
    (
        "UPDATE job_counts SET shown = counted + 1 WHERE job_id = '{open}' AND month = 0",
        [MORE, ADD_UP],
        "job:{open}, month 0, label 1 shows 8 of 7",
    ),
    (
        "UPDATE job_totals SET shown_items = items + 1 WHERE job_id = '{paused}'",
        [MORE, STEP],
        "job:{paused} shows 1 items of 0",
    ),
    (
        "UPDATE job_totals SET shown_uncertain = uncertain + 1 WHERE job_id = '{open}'",
        [MORE, ADD_UP],
        "job:{open} shows 28 items of 28, 8 uncertain of 7",
    ),
    (
        "INSERT INTO job_counts VALUES ('{open}', -1, 1, 0, 1)",
        [ADD_UP],
        "job:{open}, label 1 tells 8 of 7",
    ),
    (
        "UPDATE job_counts SET owners = '{{1}}' WHERE job_id = '{done}' AND month = 0",
        [OWNERS],
        "job:{done}, month 0, label 1 has 1 owners of 0 items",
    ),
    (
        "UPDATE job_totals SET owners = '{{1}}' WHERE job_id = '{open}'",
        [OWNERS],
        "job:{open} has 1 and 0 owners of 0 devices",
    ),
    (
        "UPDATE job_totals SET held_devices = 1 WHERE job_id = '{open}'",
        [ESCROW, FEES, STEP],
        "job:{open} (open) holds",
    ),
    (
        "UPDATE assignments SET try_ends_at = now() WHERE id = '{leased}'",
        [LEASE],
        "assignment:{leased} until",
    ),
    (
        "UPDATE jobs SET state = 'settling', end_reason = 'cancelled' WHERE id = '{paused}'; "
        "UPDATE events SET subject = 'job:{paused}', at = now() - interval '2 days' "
        "WHERE subject = 'job:{done}' AND to_state = 'settling'",
        [SETTLES_LONG],
        "job:{paused} since",
    ),
    (
        "UPDATE job_totals SET shown_devices = 4 WHERE job_id = '{open}'",
        [STEP],
        "job:{open} (open) shows 4 of 7 devices, in steps of 5",
    ),
    (
        "UPDATE jobs SET max_devices_per_owner = 2, min_devices = 64 WHERE id = '{open}'",
        [STEP],
        "shows 7 of 7 devices, in steps of 64",
    ),
    (
        "UPDATE jobs SET end_reason = 'expired' WHERE id = '{done}'",
        [END],
        "job:{done} is completed, ends as expired",
    ),
    (
        "UPDATE jobs SET state = 'completed', end_reason = 'completed' WHERE id = '{cancelled}'",
        [END],
        "job:{cancelled} is completed, ends as completed, has counted 6 of 7",
    ),
    (
        "UPDATE jobs SET starts_at = now() - interval '1 hour', "
        "deadline = now() - interval '61 seconds' WHERE id = '{paused}'",
        [OVERDUE],
        "job:{paused} (paused) since",
    ),
    (
        "UPDATE jobs SET state = 'settling', end_reason = 'cancelled', "
        "created_at = now() - interval '11 minutes' WHERE id = '{paused}'",
        [SETTLES],
        "job:{paused} since",
    ),
    (
        "UPDATE results SET received_at = now() - interval '61 seconds' "
        "WHERE assignment_id IN (SELECT assignment_id FROM result_inbox)",
        [WAITS],
        "assignment:",
    ),
    (
        "UPDATE assignments SET lease_expires_at = now() - interval '61 seconds' "
        "WHERE id = '{leased}'",
        [KEPT],
        "assignment:{leased} since",
    ),
    *ARCHIVE_WRONGS,
    *BOUNTY_WRONGS,
    *CHAIN_WRONGS,
    *FEED_WRONGS,
    *NOISE_WRONGS,
    (
        "UPDATE algorithm_versions SET state = 'uploaded', "
        "created_at = now() - interval '16 minutes' WHERE id IN "
        "(SELECT version_id FROM jobs WHERE id = '{open}')",
        [UPLOADED],
        "version:",
    ),
    *ALGORITHM_WRONGS,
    (
        "INSERT INTO algorithm_uploads (id, algorithm_id, input_spec, sha256, size, created_at, "
        "expires_at) SELECT gen_random_uuid(), algorithm_id, '{{}}', '', 1, now(), "
        "now() - interval '3 hours' FROM jobs WHERE id = '{open}'",
        [UPLOAD_OVER],
        "upload:",
    ),
    (
        "UPDATE dbos.workflow_status SET status = 'ERROR' "
        "WHERE workflow_uuid = 'job:{open}:deadline'",
        [FAILED],
        "jobs.deadline.v1 as job:{open}:deadline is ERROR",
    ),
    (
        "UPDATE dbos.workflow_status SET created_at = created_at - 660000, "
        "updated_at = updated_at - 660000, delay_until_epoch_ms = NULL, status = 'ENQUEUED' "
        "WHERE workflow_uuid = 'job:{open}:deadline'",
        [LATE],
        "jobs.deadline.v1 as job:{open}:deadline is ENQUEUED",
    ),
    (
        "UPDATE nodes SET facts = jsonb_build_object('started_at', now() - interval '9 hours', "
        "'collected_at', now() - interval '4 hours') WHERE name = 'worker-1'",
        [COLLECTS],
        "worker-1",
    ),
]
