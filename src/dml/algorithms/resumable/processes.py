"""What happens by itself when an upload is over: what lies in quarantine is deleted."""

from dml.algorithms.resumable.events import UploadCompleted, UploadEnded, UploadEvent
from dml.core import worker
from dml.core.context import Context
from dml.core.events import on


@on(UploadCompleted, UploadEnded, name="algorithms.empty_quarantine.v1")
async def empty_quarantine(_: Context, event: UploadEvent) -> None:
    """Delete what came of an upload. What comes later, past the API, the collector deletes."""
    await worker.parts().blobs.quarantine.forget(event.upload_id)
