"""A bucket to test with: moto's S3, asked over HTTP by the client that asks a real one.

moto's own server needs Flask; this is the few lines of it that S3 takes. It checks no signature.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from moto.core.request import Request
from moto.s3.models import s3_backends
from moto.s3.responses import S3Response

BUCKET: Final = "models"
CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_REGION": "eu-central-1",
}
# A variable of the machine that would have the client ask elsewhere, or as somebody else.
OTHERS: Final = ("AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name: it for name, it in self.headers.items() if name.lower() != "host"}
        request = Request.from_primitives(
            self.command, f"http://localhost{self.path}", headers, body
        )
        is_object = len(urlsplit(self.path).path.strip("/").split("/")) > 1
        dispatch: Any = S3Response.key_dispatch if is_object else S3Response.ambiguous_dispatch
        status, told, content = dispatch(request, request.raw_url, request.headers)
        content = content.encode() if isinstance(content, str) else bytes(content)
        self.send_response(status)
        names = {name.lower() for name in told}
        for name, value in told.items():
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, str(value))
        if "content-length" not in names:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Bucket:
    """Where it is, as settings say it."""

    endpoint: str

    @property
    def url(self) -> str:
        return f"s3://{BUCKET}/of-tests"

    def names(self) -> set[str]:
        """The name of each object that is there."""
        backend: Any = s3_backends["123456789012"]["aws"]
        return set(backend.buckets[BUCKET].keys)


@contextmanager
def bucket() -> Iterator[Bucket]:
    """Serve an empty bucket, and be somebody to it."""
    backend: Any = s3_backends["123456789012"]["aws"]
    backend.reset()
    backend.create_bucket(BUCKET, "eu-central-1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        for name in OTHERS:
            patch.delenv(name, raising=False)
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        yield Bucket(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
