"""Shapes on the wire. An `Out` is what a client gets; the others are what it may send."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Header
from pydantic import BeforeValidator, Field

from dml.algorithms.resumable.models import Upload
from dml.algorithms.resumable.rules import MEDIA_TYPE, OFFSET, PART_BYTES_LEAST
from dml.algorithms.schemas import SentInputSpec, ShownInputSpec
from dml.core.ids import AlgorithmId, UploadId, VersionId
from dml.core.wire import Body, Text, Wire, example, read_whole
from dml.inference import spec

SIZE_MAX: Final = 2**40
DIGEST: Final = "c2f5e2a1b3d4c5f6a7b8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e"
Digest = Annotated[
    Text, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file, in hexadecimal digits.")
]


class UploadCreate(Body):
    """A model that is to come: what it will be compared with."""

    model_config = example(sha256=DIGEST, size=362_807_296, input_spec=dict(spec.EXAMPLE))

    sha256: Digest
    size: int = Field(ge=1, le=SIZE_MAX, description="Size of the file, in bytes.")
    input_spec: SentInputSpec


class DirectUploadOut(Wire):
    """Where the whole file may be put by one request, past this API."""

    url: str = Field(
        description="Send the file with `PUT`, its `Content-Length`, and no token, in one request. "
        "Whoever has the URL can do that."
    )
    expires_at: datetime = Field(description="When that request must have begun.")


class UploadOut(Wire):
    """A model that comes in parts, and how much of it has come."""

    id: UploadId
    algorithm_id: AlgorithmId = Field(description="The algorithm that gets the version.")
    sha256: str = Field(description="SHA-256 of the whole file, as it was announced.")
    size: int = Field(description="Size of the whole file, in bytes, as it was announced.")
    input_spec: ShownInputSpec
    offset: int = Field(description="How many bytes have come: the next part begins there.")
    created_at: datetime
    expires_at: datetime = Field(
        description="When it is given up, if no part comes before. A part puts that off."
    )
    completed_at: datetime | None = Field(description="When it became a version, if it did.")
    version_id: VersionId | None = Field(description="The version that it became, if it did.")


class UploadDetailsOut(UploadOut):
    """An upload, with where its file may be put past this API."""

    direct: DirectUploadOut | None = Field(
        description="Where the file may be put in one request instead. `null` where this server "
        "keeps its files in a folder, or it was completed: send it in parts."
    )


def shown(upload: Upload, direct: Any) -> UploadDetailsOut:
    """Shape an upload, with where its file may be put."""
    of_row = UploadOut.model_validate(upload)
    return UploadDetailsOut.model_validate(dict(of_row) | {"direct": direct})


def headers_of(upload: Upload) -> dict[str, str]:
    """Tell how far an upload is as the IETF's draft of resumable uploads does."""
    left = max(0, int((upload.expires_at - datetime.now(upload.expires_at.tzinfo)).total_seconds()))
    is_complete = "?1" if upload.version_id is not None else "?0"
    return {
        OFFSET: str(upload.offset),
        "Upload-Length": str(upload.size),
        "Upload-Complete": is_complete,
        "Upload-Limit": f"max-age={left}, min-append-size={PART_BYTES_LEAST}",
    }


UploadOffset = Annotated[
    int,
    BeforeValidator(read_whole),
    Header(
        alias=OFFSET,
        ge=0,
        le=SIZE_MAX,
        description="Where in the file the body begins: the upload's `offset`.",
    ),
]
NEXT_BYTES: Final = {MEDIA_TYPE: "(the next bytes of model.onnx)"}
