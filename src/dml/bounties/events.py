"""The events of this domain, for others and between its own parts."""

from dataclasses import dataclass

from dml.core.events import Event
from dml.core.ids import BountyId


@dataclass(frozen=True, slots=True)
class SubmissionsClosed(Event):
    """Submissions have closed, so ranking begins. Published again for the second chance."""

    bounty_id: BountyId


@dataclass(frozen=True, slots=True)
class BountyEnded(Event):
    """It is finished or cancelled."""

    bounty_id: BountyId
