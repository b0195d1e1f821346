"""What can be wrong with ratings, statistics and published answers; see `wrongs`."""

from typing import Final

from tests.entrypoints.complaints import PUBLISHED, RATED, RATED_BY_DAY, STATISTICS

ALGORITHM_WRONGS: Final = (
    (
        "UPDATE algorithms SET rating_count = rating_count + 1, rating_sum = rating_sum + 4 "
        "WHERE id = (SELECT algorithm_id FROM jobs WHERE id = '{done}')",
        [RATED],
        "counts 2 with 9 stars, shown are 1 with 5",
    ),
    (
        "UPDATE algorithm_ratings SET stars = 1 "
        "WHERE algorithm_id = (SELECT algorithm_id FROM jobs WHERE id = '{done}')",
        [RATED, RATED_BY_DAY],
        "counts 1 with 5 stars, shown are 1 with 1",
    ),
    (
        "UPDATE algorithm_statistics SET ratings = ratings + 1, stars = stars + 2 "
        "WHERE version_id = (SELECT version_id FROM jobs WHERE id = '{done}')",
        [RATED_BY_DAY],
        "counts 2 with 7 stars, shown are 1 with 5",
    ),
    (
        "UPDATE algorithm_statistics SET devices = devices - 1, earned = earned + 1 "
        "WHERE version_id = (SELECT version_id FROM jobs WHERE id = '{done}')",
        [STATISTICS],
        "shows 6 devices and 70001 earned, its jobs 7 and 70000",
    ),
    (
        "UPDATE published_jobs SET items = items - 1 WHERE job_id = '{done}'",
        [PUBLISHED],
        "job:{done} (completed) published 27 items of 7 devices, shown are 28 of 7",
    ),
)
