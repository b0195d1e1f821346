"""What the device path's statements are asked, and what they answer.

Tuples, where there are several of them for each request: made in a fifth of a dataclass's time.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from dml.core.ids import AssignmentId, DeviceId, JobId, UserId
from dml.jobs.models import AssignmentState


class ClaimVerdict(StrEnum):
    """What became of one claim, beside the leases that the device has."""

    LEASED = "leased"
    ASKED = "asked"  # For no job: only for what the device holds.
    DONE = "done"  # This device had it, or tried too often.
    NOT_NOW = "not_now"  # It, or others of its owner, have what they may have, for the moment.
    SPENT = "spent"  # Its owner's budget does not cover what the job would learn of them.
    NONE = "none"  # No place is open, or the job is.
    STALE = "stale"  # The device's profile is another one by now.
    UNKNOWN = "unknown"  # No such device of this owner.
    REVOKED = "revoked"


class AssignmentOutcome(StrEnum):
    """What became of something that a device sent about an assignment."""

    ACCEPTED = "accepted"
    EXTENDED = "extended"
    RELEASED = "released"
    OTHER_BODY = "other_body"
    NOT_LIVE = "not_live"
    RECALLED = "recalled"  # Nobody may run its version any more.
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"
    REVOKED = "revoked"


class Claim(NamedTuple):
    """A device that wants a place of a job (None: of none), if it holds fewer than `most` leases.

    `id` becomes the assignment's, if it is a new one. `stamp` tells of which profile the job is
    a match.
    """

    id: AssignmentId
    job_id: JobId | None
    device_id: DeviceId
    owner_id: UserId
    stamp: int
    most: int


class Leased(NamedTuple):
    """A live lease."""

    id: AssignmentId
    job_id: JobId
    expires_at: datetime
    seconds: int
    try_seconds: int  # Heartbeats keep it alive for so long at most.


@dataclass(slots=True)
class Claimed:
    """The live leases of a device after its claim, the oldest first, and what became of it."""

    verdict: ClaimVerdict
    leases: list[Leased] = field(default_factory=list)


class Sent(NamedTuple):
    """Something that a device sends about one of its assignments: a result has a body."""

    id: AssignmentId
    device_id: DeviceId
    owner_id: UserId
    body: bytes = b""


class Answered(NamedTuple):
    """What became of it, and in which state the assignment is where that is in the way."""

    outcome: AssignmentOutcome
    state: AssignmentState | None = None
    expires_at: datetime | None = None
    seconds: int = 0
