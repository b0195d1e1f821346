"""The form of an upload, read while it comes: a model, and its input spec.

Starlette's parser would write the whole model to a temporary file, to be read and stored once more;
so python-multipart's push parser is fed here, and each piece of the file goes on to the blob store
at once. The rest of the form is read by the same stream *before* it ends: a blob is kept only where
its stream ends well, so that a form which is wrong in any part leaves nothing behind.
"""

from collections.abc import AsyncIterator
from typing import Final

from fastapi import HTTPException, Request
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from dml.algorithms.rules import BadForm, BadInputSpec, FileEmpty, FileTooLarge
from dml.core import strict_json
from dml.inference import spec
from dml.inference.spec import InputSpec

MEDIA_TYPE: Final = "multipart/form-data"
SPEC, FILE = "input_spec", "file"
SPEC_BYTES_MAX: Final = 16 * 1024
AROUND_BYTES_MAX: Final = 64 * 1024  # What a form has beside the file: the spec, headers, bounds.


class UploadForm:
    """One form. Read `file()` to its end, which refuses what is wrong; then `input_spec` is set."""

    input_spec: InputSpec

    def __init__(self, request: Request, *, limit: int) -> None:
        """Refuse at once what its headers give away: another type, or too many bytes."""
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != MEDIA_TYPE.encode():
            raise HTTPException(415, f"Send {MEDIA_TYPE} with the parts {SPEC} and {FILE}.")
        self._request, self._limit = request, limit
        if _declared_bytes(request) > limit + AROUND_BYTES_MAX:
            raise self._too_large()
        self._parts = _Parts(options.get(b"boundary", b""))

    async def file(self) -> AsyncIterator[bytes]:
        """Yield the bytes of the part `file`. Raises before its end if the form is not right."""
        form_bytes, file_bytes = 0, 0
        async for chunk in self._chunks():
            form_bytes += len(chunk)
            if form_bytes > self._limit + AROUND_BYTES_MAX:
                raise self._too_large()
            for piece in self._parts.feed(chunk):
                file_bytes += len(piece)
                if file_bytes > self._limit:
                    raise self._too_large()
                yield piece
        self._parts.require_whole()
        if file_bytes == 0:
            raise FileEmpty
        self.input_spec = _read_spec(bytes(self._parts.spec))

    async def _chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._request.stream():
                yield chunk
        except ClientDisconnect:
            raise _bad("", "it was cut off: send it again") from None

    def _too_large(self) -> FileTooLarge:
        return FileTooLarge(limit_bytes=self._limit)


class _Parts:
    """What a push parser calls: it keeps the spec, and each piece of the file until it is taken."""

    def __init__(self, boundary: bytes) -> None:
        if not boundary:
            raise _bad("", "its Content-Type names no boundary")
        self.spec = bytearray()
        self._pieces: list[bytes] = []
        self._seen: set[str] = set()
        self._part = ""
        self._header, self._value, self._disposition = b"", b"", b""
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._add_to_header,
                    "on_header_value": self._add_to_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._name_part,
                    "on_part_data": self._add_data,
                    "on_end": self._end,
                },
            )
        except FormParserError:
            raise _bad("", "its boundary is too long") from None

    def feed(self, chunk: bytes) -> list[bytes]:
        """Read on, and return what of it belongs to the file."""
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise _bad("", f"it is no {MEDIA_TYPE} (RFC 7578)") from None
        pieces, self._pieces = self._pieces, []
        return pieces

    def require_whole(self) -> None:
        if not self._ended:
            raise _bad("", "it ends before its closing boundary: it was cut off")
        missing = [name for name in (SPEC, FILE) if name not in self._seen]
        if missing:
            raise BadForm(errors=[{"pointer": f"/{it}", "detail": "is missing"} for it in missing])

    def _begin_part(self) -> None:
        self._disposition = b""

    def _add_to_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _name_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._part = options.get(b"name", b"").decode(errors="replace")[:100]
        if self._part not in (SPEC, FILE):
            raise _bad(self._part, "is no part of this form")
        if self._part in self._seen:
            raise _bad(self._part, "is there twice")
        self._seen.add(self._part)

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._part == FILE:
            self._pieces.append(data[start:end])
            return
        if len(self.spec) + end - start > SPEC_BYTES_MAX:
            raise _bad(SPEC, f"must have at most {SPEC_BYTES_MAX} bytes")
        self.spec += data[start:end]

    def _end(self) -> None:
        self._ended = True


def _declared_bytes(request: Request) -> int:
    """Return the length that the client says its body has. It is counted all the same."""
    length = request.headers.get("content-length", "")
    return int(length[:20]) if length.isascii() and length.isdecimal() else 0


def _read_spec(text: bytes) -> InputSpec:
    try:
        return spec.read(strict_json.read(text))
    except strict_json.NotStrict as error:
        detail = error.msg
    except ValueError as error:
        detail = str(error)
    raise BadInputSpec(errors=[{"pointer": f"/{SPEC}", "detail": detail}])


def _bad(part: str, detail: str) -> BadForm:
    """Refuse a part by its name, as a JSON pointer (RFC 6901), or with "" the form itself."""
    pointer = "/" + part.replace("~", "~0").replace("/", "~1") if part else ""
    return BadForm(errors=[{"pointer": pointer, "detail": detail}])
