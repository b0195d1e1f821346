"""What others may hear from this domain, and its parts from each other."""

from dataclasses import dataclass

from dml.core.events import Event
from dml.core.ids import BountyId


@dataclass(frozen=True, slots=True)
class SubmissionsClosed(Event):
    """Nothing more comes in: what was submitted is to be ranked. Told again at a second chance."""

    bounty_id: BountyId


@dataclass(frozen=True, slots=True)
class BountyEnded(Event):
    """It is finished or cancelled."""

    bounty_id: BountyId
