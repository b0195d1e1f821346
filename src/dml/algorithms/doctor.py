"""What must never happen to a version: that its check is waited for in vain. Reads only."""

from typing import Final

from dml.core.checks import Check

CHECKS: Final = (
    Check(
        "A version waits for its check, and was not given up in time",
        "O(versions)",
        """SELECT 'version:' || id || ' since ' || created_at FROM algorithm_versions
        WHERE state = 'uploaded' AND created_at < now() - interval '15 minutes'""",
    ),
)
