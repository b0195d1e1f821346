"""What must never happen to a version, or to a model that comes in parts: that either is waited for
in vain. Reads only.
"""

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
        "An upload is over, and its room was not freed in time",
        "O(uploads)",
        """SELECT 'upload:' || id || ' since ' || expires_at FROM algorithm_uploads
        WHERE expires_at < now() - interval '2 hours'""",
    ),
)
