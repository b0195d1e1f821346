"""What can be wrong with noisy answers and budgets, as SQL, and what `dml doctor` says of it."""

from typing import Final

SHOWN: Final = "A noisy answer tells counts as they are, or an exact one was told with noise"
DRAWN: Final = "A noisy answer that is told was not drawn, or one was drawn and is not told"
STEPS: Final = "A step of a noisy answer holds fewer results than were in before it, or too few"
TOOK: Final = "A lease or result took nothing of its owner's budget, or one that is over keeps some"
SPENT: Final = "An owner's budget has not spent what their leases and results cost"
DAYS: Final = "An owner's days of spending are out of order, or hold more than was spent"

NOISE_WRONGS: Final = [
    (
        "UPDATE job_counts SET shown = 1 WHERE job_id = '{noisy}' AND label = 0",
        [SHOWN],
        "job:{noisy} (noisy)",
    ),
    (
        "INSERT INTO job_releases (job_id, part, number, devices, months, counts, scale, reached, "
        "created_at) VALUES ('{open}', 'labels', 0, 7, '{{}}', '{{}}', 1, '{{}}', now())",
        [SHOWN],
        "job:{open} (exact)",
    ),
    (
        "DELETE FROM job_releases WHERE job_id = '{noisy}'",
        [DRAWN],
        "job:{noisy} (open) tells 5 devices, drawn were 0",
    ),
    (
        "UPDATE job_releases SET number = 2 WHERE job_id = '{noisy}'",
        [STEPS],
        "job:{noisy}, step 2 at 5 after 0",
    ),
    (
        "UPDATE assignments SET charged_day = NULL WHERE job_id = '{noisy}' AND state = 'leased'",
        [TOOK],
        "(leased) took",
    ),
    (
        "UPDATE owner_budgets SET spent_in_all = spent_in_all + 1 WHERE owner_id = '{noisy_owner}'",
        [SPENT],
        "user:{noisy_owner} spent",
    ),
    (
        "UPDATE owner_budgets SET days = days || 1::bigint, spent = spent || 0::bigint "
        "WHERE owner_id = '{noisy_owner}'",
        [DAYS],
        "user:{noisy_owner} spent",
    ),
]
