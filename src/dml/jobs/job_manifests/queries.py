"""Reading manifests."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.ids import JobId
from dml.jobs.job_manifests.models import JobManifest
from dml.jobs.job_manifests.rules import ManifestNotFound


async def get_manifest(tx: AsyncSession, job_id: JobId) -> bytes:
    """Return the manifest of a job, or refuse."""
    found = await tx.scalar(select(JobManifest.body).where(JobManifest.job_id == job_id))
    if found is None:
        raise ManifestNotFound
    return found
