"""Files of pages that have scripts: sent once, and compressed.

Some weigh more than a megabyte, which is what a page waits for where the network is slow. Each is
compressed when it is first asked for, off the event loop, and kept: a few hundred kilobytes in all.
Compressing on each request would let anybody have this process do it all day.
"""

import asyncio
import gzip
from functools import lru_cache
from os import PathLike, fspath, stat_result
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

KEPT: Final = 128  # There are fewer files than that.
BYTES_MIN: Final = 1_000  # Below, a header costs more than it saves.


class PageFiles(StaticFiles):
    """Static files. A browser asks each time whether they are still the same, as those of another
    release have the same names; unless `kept` says otherwise, as `Cache-Control` says it.
    """

    def __init__(self, *, kept: str = "no-cache", **where: Any) -> None:
        super().__init__(**where)
        self._kept = kept

    def file_response(
        self,
        full_path: str | PathLike[str],
        stat_result: stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        found = super().file_response(full_path, stat_result, scope, status_code)
        found.headers["Cache-Control"] = self._kept
        found.headers["Vary"] = "Accept-Encoding"
        accepted = Headers(scope=scope).get("accept-encoding", "")
        is_short = stat_result.st_size < BYTES_MIN
        if is_short or "gzip" not in accepted or not isinstance(found, FileResponse):
            return found
        return _Compressed(found, fspath(full_path), stat_result.st_mtime_ns)


class _Compressed(Response):
    """The same answer, with its body compressed once it is known that somebody waits for it."""

    def __init__(self, whole: FileResponse, path: str, changed_at: int) -> None:
        super().__init__(status_code=whole.status_code, media_type=whole.media_type)
        self._path, self._changed_at = path, changed_at
        kept = ("last-modified", "etag", "cache-control", "vary")
        self.headers.update({name: whole.headers[name] for name in kept})
        self.headers["Content-Encoding"] = "gzip"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.body = await asyncio.to_thread(_compressed, self._path, self._changed_at)
        self.headers["Content-Length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


@lru_cache(KEPT)
def _compressed(path: str, changed_at: int) -> bytes:
    """Return a file's content, compressed. `changed_at` tells another file of the same name."""
    with open(path, "rb") as file:
        return gzip.compress(file.read())
