"""REST for demos: parse, call one function, shape the answer. No `if`, no SQL, no `try`.

They change nothing, so that no Idempotency-Key is of use: whoever misses the answer asks again.
"""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request

from dml.accounts.sandbox_time import SandboxTimeUsed, TooManyTimeouts
from dml.algorithms import rules as algorithm_rules
from dml.algorithms.demos import rules, trying
from dml.algorithms.demos.schemas import TENSOR_SCHEMA, DemoOut, DemoQuery, shaped
from dml.core.errors import NotSignedIn
from dml.core.ids import AlgorithmId
from dml.edge.bodies import FileCutOff, FileEmpty, FileTooLarge, a_file
from dml.edge.http import Server, SignedInBegin
from dml.edge.limits import TooManyTries
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.edge.uploads import TooManyUploads, UploadsBusy

router = APIRouter(prefix="/v1/algorithms/{algorithm_id}", route_class=StrictRoute)

A_PHOTO: Final = a_file(
    dict.fromkeys(
        ("image/jpeg", "image/png", "image/webp", "application/octet-stream"),
        "(the bytes of a photo)",
    )
)
A_TENSOR: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": TENSOR_SCHEMA, "example": {"tensor": [[[0.0, 1.0]]]}}
        },
    }
}
REFUSALS: Final = (
    NotSignedIn,
    algorithm_rules.AlgorithmNotFound,
    algorithm_rules.VersionNotFound,
    algorithm_rules.VersionNotApproved,
    algorithm_rules.NotListed,
    algorithm_rules.FileForgotten,
    rules.VersionNotTriable,
    rules.NothingToTry,
    rules.SampleUnreadable,
    rules.ModelFailed,
    rules.DemosBusy,
    rules.DemosOff,
    SandboxTimeUsed,
    TooManyTimeouts,
    TooManyTries,
    TooManyUploads,
    UploadsBusy,
    FileTooLarge,
    FileEmpty,
    FileCutOff,
)


def _asked(algorithm_id: AlgorithmId, query: DemoQuery) -> trying.Asked:
    return trying.Asked(algorithm_id, query.version_id, query.labels, query.min_confidence)


@router.post(
    "/demo",
    operation_id="demos.create",
    openapi_extra=A_PHOTO,
    responses=refusals(*REFUSALS),
)
async def try_on_photo(
    server: Server,
    begin: SignedInBegin,
    request: Request,
    algorithm_id: AlgorithmId,
    query: Annotated[DemoQuery, Query()],
) -> DemoOut:
    """Try an algorithm on a photo.

    For signed-in users, some times a minute. The body is a photo of at most 16 MiB of any kind that
    agents read; what it is, its bytes say. It is prepared as on a device and run in a sandbox, and
    nothing of it is kept. Its developer may try versions that only passed their check.
    """
    demo = await trying.try_on(server, begin, request, _asked(algorithm_id, query), trying.PHOTO)
    return await asyncio.to_thread(shaped, demo)


@router.post(
    "/demo/tensor",
    operation_id="demos.create_by_tensor",
    openapi_extra=A_TENSOR,
    responses=refusals(*REFUSALS, rules.BadTensor),
)
async def try_on_tensor(
    server: Server,
    begin: SignedInBegin,
    request: Request,
    algorithm_id: AlgorithmId,
    query: Annotated[DemoQuery, Query()],
) -> DemoOut:
    """Try an algorithm on a tensor.

    As with a photo, and for developers: the body is one item as the model takes it, of at most 16
    MiB. To see whether a photo is prepared as you expect, compare.
    """
    demo = await trying.try_on(server, begin, request, _asked(algorithm_id, query), trying.TENSOR)
    return await asyncio.to_thread(shaped, demo)
