"""Facts about algorithms that others may hear."""

from dataclasses import dataclass

from dml.core.events import Event
from dml.core.ids import UserId, VersionId


@dataclass(frozen=True, slots=True)
class VersionRecalled(Event):
    """Nobody may run it any more: what runs of it ends, and its jobs with it."""

    version_id: VersionId
    recalled_by: UserId
