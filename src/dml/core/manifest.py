"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.core",
    events=("kept_files",),
    tables=("event_log", "nodes"),
    personal=("own_holdings:PERSONAL",),
)
