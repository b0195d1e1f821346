"""How much is taken of the body of a request, and files that are read while they come."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from dml.core.errors import Invalid, TooLarge

BODY: Final = "dml.body"  # Where the scope of a request has it.


@dataclass(slots=True)
class Body:
    """How much of a body is taken, which is little unless a route says otherwise of its own."""

    limit: int
    declared: int | None  # By Content-Length; None where it comes in chunks.
    seen: int = 0
    is_whole: bool = False
    is_upload: bool = False  # It only has to make progress, where others have a time.

    @property
    def is_too_large(self) -> bool:
        return self.seen > self.limit or (self.declared or 0) > self.limit

    def is_left(self, most: int) -> bool:
        """Whether more than `most` bytes may still come."""
        if self.is_whole:
            return False
        return self.declared is None or self.declared - self.seen > most


def a_file(examples: Mapping[str, str]) -> dict[str, Any]:
    """Tell OpenAPI that the body is a file of one of these types, each with an example."""
    binary = {"type": "string", "format": "binary"}
    content = {kind: {"schema": binary, "example": it} for kind, it in examples.items()}
    return {"requestBody": {"required": True, "content": content}}


class FileTooLarge(TooLarge):
    code = "edge.file_too_large"
    reason = "The file is larger than allowed."
    remedy = "Send at most `limit_bytes`."
    limit_bytes: int


class FileEmpty(Invalid):
    code = "edge.file_empty"
    reason = "The file is empty."
    remedy = "Send the file itself as the body of the request."


class FileCutOff(Invalid):
    code = "edge.file_cut_off"
    reason = "The file was cut off on its way."
    remedy = "Send it again."


async def stream_file(request: Request, *, limit: int) -> AsyncIterator[bytes]:
    """Yield the body of a request. Raises before its end where it is too large, empty or cut off.

    A blob is kept only where its stream ends well, so a refused file leaves nothing behind.
    """
    length = request.headers.get("content-length", "")
    declared = int(length[:20]) if length.isascii() and length.isdecimal() else 0
    size = 0
    if declared > limit:
        raise FileTooLarge(limit_bytes=limit)
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise FileTooLarge(limit_bytes=limit)
            if chunk:
                yield chunk
    except ClientDisconnect:
        raise FileCutOff from None
    if size == 0:
        raise FileEmpty


async def sha256_of(stream: AsyncIterator[bytes]) -> str:
    """Read a file to its end and keep nothing of it but its digest, as a blob store names it."""
    digest = hashlib.sha256()
    async for chunk in stream:
        digest.update(chunk)
    return digest.hexdigest()
