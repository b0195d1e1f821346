"""What must never happen to versions, uploads, ratings and statistics. Reads only."""

from typing import Final

from dml.core.checks import Check

CHECKS: Final = (
    Check(
        "A version waits for its check, and was not given up in time",
        "O(versions)",
        """SELECT 'version:' || id || ' since ' || created_at FROM algorithm_versions
        WHERE state = 'uploaded' AND created_at < now() - interval '15 minutes'""",
    ),
    Check(
        "An algorithm does not count the ratings that are shown, and their stars",
        "O(algorithms + ratings)",
        """SELECT 'algorithm:' || a.id || ' counts ' || a.rating_count || ' with ' || a.rating_sum
            || ' stars, shown are ' || coalesce(r.ratings, 0) || ' with ' || coalesce(r.stars, 0)
        FROM algorithms a LEFT JOIN (
            SELECT algorithm_id, count(*) AS ratings, sum(stars) AS stars FROM algorithm_ratings
            WHERE hidden_at IS NULL GROUP BY algorithm_id
        ) r ON r.algorithm_id = a.id
        WHERE (a.rating_count, a.rating_sum)
            IS DISTINCT FROM (coalesce(r.ratings, 0), coalesce(r.stars, 0))""",
    ),
    Check(
        "The statistics of a version do not count its ratings of a day",
        "O(statistics + ratings)",
        """SELECT 'version:' || version_id || ' on ' || day || ' counts '
            || coalesce(s.ratings, 0) || ' with ' || coalesce(s.stars, 0) || ' stars, shown are '
            || coalesce(r.ratings, 0) || ' with ' || coalesce(r.stars, 0)
        FROM algorithm_statistics s FULL JOIN (
            SELECT version_id, (created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS ratings,
                   sum(stars) AS stars
            FROM algorithm_ratings WHERE hidden_at IS NULL GROUP BY 1, 2
        ) r USING (version_id, day)
        WHERE (coalesce(s.ratings, 0), coalesce(s.stars, 0))
            IS DISTINCT FROM (coalesce(r.ratings, 0), coalesce(r.stars, 0))""",
    ),
    Check(
        "An upload is over, and its room was not freed in time",
        "O(uploads)",
        """SELECT 'upload:' || id || ' since ' || expires_at FROM algorithm_uploads
        WHERE expires_at < now() - interval '2 hours'""",
    ),
)
