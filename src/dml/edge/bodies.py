"""Files that come as the body of a request, and are read while they come."""

from collections.abc import AsyncIterator

from fastapi import Request
from starlette.requests import ClientDisconnect

from dml.core.errors import Invalid, TooLarge


class FileTooLarge(TooLarge):
    code = "edge.file_too_large"
    reason = "The file is larger than what is taken here."
    remedy = "Send at most `limit_bytes`."


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
