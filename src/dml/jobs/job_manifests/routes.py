"""REST for manifests of jobs: parse, call one function, shape the answer."""

from typing import Final

from fastapi import APIRouter, Response

from dml.core.ids import JobId
from dml.edge.http import PublicCtx
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.jobs.job_manifests import queries
from dml.jobs.job_manifests.rules import ManifestNotFound
from dml.jobs.job_manifests.schemas import JobManifestOut

router = APIRouter(prefix="/v1/jobs", route_class=StrictRoute)
# It never changes; and it goes, if ever, with its customer's account.
CACHE: Final = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get(
    "/{job_id}/manifest",
    operation_id="jobs.get_manifest",
    response_model=JobManifestOut,
    responses=refusals(ManifestNotFound),
)
async def get_manifest(ctx: PublicCtx, job_id: JobId) -> Response:
    """Get a job's manifest.

    For anybody: all that the job may learn, as a document that never changes. It is canonical JSON
    (RFC 8785); the SHA-256 of these very bytes is the `manifest_sha256` of the job and of each
    assignment. Who ordered the job is not in it.
    """
    body = await queries.get_manifest(ctx.tx, job_id)
    return Response(body, media_type="application/json", headers=CACHE)
