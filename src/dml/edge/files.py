"""Kept files on their way out: whole, in part (RFC 9110, 14), or not again to who has them."""

import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Annotated, Final, Protocol

from fastapi import Depends, Request, Response
from fastapi.responses import StreamingResponse

from dml.core.blobs import Blobs
from dml.edge.etags import is_known
from dml.edge.http import Server
from dml.edge.problems import explained

DATA: Final = "application/octet-stream"
_RANGE: Final = re.compile(r"bytes=([0-9]{1,18})?-([0-9]{1,18})?")


async def send_file(
    request: Request,
    blobs: Blobs,
    sha256: str,
    *,
    headers: Mapping[str, str] | None = None,
    media_type: str = DATA,
) -> Response:
    """Answer with a file, whose `ETag` is its hash, or with the one part of it that is asked for.

    More parts at once than one, or what is no range, get the whole file, as RFC 9110 allows.
    """
    size, etag = await blobs.get_size(sha256), f'"{sha256}"'
    own_headers = {**(headers or {}), "ETag": etag, "Accept-Ranges": "bytes"}
    if is_known(etag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=own_headers)
    asked = request.headers.get("range")
    if asked is None or request.headers.get("if-range", etag) != etag:
        asked = ""
    part = _find_part(asked, size)
    if part is None:
        own_headers["Content-Length"] = str(size)
        return StreamingResponse(
            await blobs.stream(sha256), headers=own_headers, media_type=media_type
        )
    start, end = part
    if start >= end:
        return explained(416, {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"})
    own_headers |= {
        "Content-Length": str(end - start),
        "Content-Range": f"bytes {start}-{end - 1}/{size}",
    }
    chunks = await blobs.stream(sha256, part)
    return StreamingResponse(chunks, 206, headers=own_headers, media_type=media_type)


def _find_part(asked: str, size: int) -> tuple[int, int] | None:
    """Return from which byte to before which; None for all, and an empty part where none is."""
    found = _RANGE.fullmatch(asked.replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None
    if found[1] is None:
        return max(0, size - int(found[2])), size if int(found[2]) else 0
    start = int(found[1])
    if found[2] is None:
        return start, size
    if int(found[2]) < start:
        return None
    return start, min(size, int(found[2]) + 1)


class FileSender(Protocol):
    async def __call__(
        self, sha256: str, *, headers: Mapping[str, str] | None = None, media_type: str = DATA
    ) -> Response: ...


async def file_sender(request: Request, server: Server) -> FileSender:
    """For a route that answers with a kept file: sends it, and OpenAPI tells what may be asked."""
    return partial(send_file, request, server.blobs)


class ExportSender(Protocol):
    def __call__(self, lines: AsyncIterator[str], *, version: str, name: str) -> Response: ...


async def export_sender(request: Request) -> ExportSender:
    """For a route that answers with what is made as it is sent: no part of it can be asked for.

    Its ETag is made of a `version`, which differs whenever what is made does.
    """

    def send(lines: AsyncIterator[str], *, version: str, name: str) -> Response:
        etag = f'"{hashlib.sha256(version.encode()).hexdigest()}"'
        if is_known(etag, request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers={"ETag": etag})
        headers = {"ETag": etag, "Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(lines, media_type="text/csv", headers=headers)

    return send


async def digest_of(lines: AsyncIterator[str]) -> str:
    """Make an export to its end, and keep nothing of it but what names its content."""
    digest = hashlib.sha256()
    async for it in lines:
        digest.update(it.encode())
    return digest.hexdigest()


SendFile = Annotated[FileSender, Depends(file_sender)]
SendExport = Annotated[ExportSender, Depends(export_sender)]
