"""What PostgreSQL may answer that is not about the statement: one table, for all who wait or retry.

A SQLSTATE has five letters (appendix A of PostgreSQL's manual); fewer name all that begin so. After
each of these nothing was done, unless it was the answer to a commit that was lost. Who asks decides
how long it is worth waiting: a client a second, a device's batch two, a process for good.
"""

from typing import Final

from sqlalchemy.exc import DBAPIError

# Rolled back for another's sake. The connection is good, and the same may well succeed at once.
CONTENDED: Final = (
    "40001",  # serialization_failure: another changed what this one read.
    "40P01",  # deadlock_detected: of two that waited for each other, one had to go.
    "55P03",  # lock_not_available: another held it for longer than `lock_timeout`.
)
# query_canceled: longer than `statement_timeout`. That may be the load, and may be the statement:
# whoever could try for ever counts.
CANCELLED: Final = "57014"
# unique_violation: of a row that another inserted meanwhile. For statements that look first.
INSERTED_MEANWHILE: Final = "23505"

# The connection is lost, or there was none to be had.
AWAY: Final = (
    "08",  # connection_exception
    "57P",  # It stops, crashed, is starting, or ended a session that idled.
)
FULL: Final = "53300"  # too_many_connections: somebody leaves in a moment.
# insufficient_resources: out of disk or memory, too. That takes an operator, whom a process can
# wait for; for a client it is an error of ours.
SHORT: Final = "53"
# idle_in_transaction_session_timeout: this process did not get its turn for 20 seconds.
IDLED: Final = "25P03"

# Not passing at all.
UNREADABLE: Final = "22"  # data_exception: it cannot read a value that it was given, or keeps.
NO_ENTRY: Final = (
    "28",  # invalid_authorization_specification: the role, or its password.
    "3D000",  # invalid_catalog_name: the database does not exist.
    "42501",  # insufficient_privilege
)


def is_one_of(error: BaseException | None, *sqlstates: str) -> bool:
    """Whether PostgreSQL answered one of these, however the drivers and SQLAlchemy dress it."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return (getattr(cause, "sqlstate", None) or "").startswith(sqlstates)
