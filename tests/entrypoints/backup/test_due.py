"""When the next backup of each night is due."""

from datetime import UTC, datetime

import pytest

from dml.entrypoints.backup import due


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        (datetime(2026, 5, 4, 3, 0, tzinfo=UTC), datetime(2026, 5, 4, 3, tzinfo=UTC)),
        (datetime(2026, 5, 4, 2, 59, tzinfo=UTC), datetime(2026, 5, 3, 3, tzinfo=UTC)),
        (datetime(2026, 5, 4, 23, 59, tzinfo=UTC), datetime(2026, 5, 4, 3, tzinfo=UTC)),
    ],
    ids=["on the hour", "before it", "after it"],
)
def test_a_backup_is_due_at_its_hour(now: datetime, begins: datetime) -> None:
    assert due.last_due(now, 3) == begins
