"""What happens to models that come in parts."""

from dataclasses import dataclass

from dml.core.events import Event
from dml.core.ids import AlgorithmId, UploadId


@dataclass(frozen=True)
class UploadEvent(Event, kind="upload"):
    """Seen by the algorithm's developer."""

    upload_id: UploadId
    algorithm_id: AlgorithmId


class UploadAnnounced(UploadEvent):
    """A developer announced a model that comes in parts."""


class UploadCompleted(UploadEvent, heard=True):
    """All of the model has come, as it was announced: it is a version, and is being checked."""


class UploadEnded(UploadEvent, heard=True):
    """Nothing became of it, and what had come of it is gone; the reason says why."""
