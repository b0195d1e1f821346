"""What other domains may hear from this one."""

from dataclasses import dataclass

from dml.core.events import Event
from dml.core.ids import JobId


@dataclass(frozen=True, slots=True)
class JobEnded(Event):
    job_id: JobId
