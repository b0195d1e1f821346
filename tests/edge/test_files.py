"""Files on their way out: whole, in part, and not again to who has them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import Request
from fastapi.responses import StreamingResponse

from dml.core.blobs import Blobs
from dml.edge.files import send_file


async def ask(folder: Path, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    async def once() -> AsyncIterator[bytes]:
        yield b"0123456789"

    blobs = Blobs.in_folder(folder)
    stored = await blobs.put(once(), limit=10)
    sent = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    request = Request({"type": "http", "method": "GET", "headers": sent})
    answer = await send_file(request, blobs, stored.sha256)
    body = bytes(answer.body) if not isinstance(answer, StreamingResponse) else b""
    if isinstance(answer, StreamingResponse):
        body = b"".join([bytes(it) async for it in answer.body_iterator])  # type: ignore[arg-type]  # We gave it bytes.
    return answer.status_code, body, dict(answer.headers)


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=4-", 206, b"456789"),
        ("bytes=-3", 206, b"789"),
        ("bytes=-30", 206, b"0123456789"),
        ("bytes=9-99", 206, b"9"),
        ("bytes=3-2", 200, b"0123456789"),
        ("bytes=0-1,4-5", 200, b"0123456789"),
        ("bytes=-", 200, b"0123456789"),
        ("lines=0-1", 200, b"0123456789"),
    ],
)
async def test_one_part_is_given_and_else_the_whole(
    tmp_path: Path, asked: str, status: int, body: bytes
) -> None:
    code, got, headers = await ask(tmp_path, range=asked)
    assert (code, got) == (status, body)
    assert headers["content-length"] == str(len(body))
    assert headers["accept-ranges"] == "bytes"
    assert ("content-range" in headers) == (status == 206)


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-20", "bytes=-0"])
async def test_a_part_that_is_not_there_is_refused(tmp_path: Path, asked: str) -> None:
    code, _, headers = await ask(tmp_path, range=asked)
    assert (code, headers["content-range"]) == (416, "bytes */10")


async def test_who_has_the_file_does_not_get_it_again(tmp_path: Path) -> None:
    _, _, headers = await ask(tmp_path)
    etag = headers["etag"]
    assert (await ask(tmp_path, if_none_match=etag))[:2] == (304, b"")
    assert (await ask(tmp_path, range="bytes=0-1", if_range=etag))[0] == 206
    assert (await ask(tmp_path, range="bytes=0-1", if_range='"other"'))[0] == 200
