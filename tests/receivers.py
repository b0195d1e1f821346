"""Servers that take what a process tells of itself: bugs by Sentry's protocol, traces by OTLP."""

import contextlib
import gzip
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """What came, and what it says."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.came = list[Received]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def dsn(self) -> str:
        return f"http://a-key@127.0.0.1:{self.port}/7"

    def whole(self) -> bytes:
        """All bytes that came, to look for what must not."""
        return b"\n".join(it.path.encode() + it.body for it in self.came)

    def events(self) -> list[dict[str, Any]]:
        """The bugs that were reported: of each envelope, the items that are events."""
        found = list[dict[str, Any]]()
        for it in self.came:
            if it.path != "/api/7/envelope/":
                continue
            lines = it.body.split(b"\n")
            for head, payload in zip(lines[1::2], lines[2::2], strict=False):
                if json.loads(head)["type"] == "event":
                    found.append(json.loads(payload))
        return found

    def spans(self) -> list[Span]:
        return [
            span
            for it in self.came
            if it.path == "/v1/traces"
            for resource in ExportTraceServiceRequest.FromString(it.body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def figures(self) -> dict[str, Any]:
        """The metrics that came last, by name."""
        return {
            metric.name: metric
            for it in self.came
            if it.path == "/v1/metrics"
            for resource in ExportMetricsServiceRequest.FromString(it.body).resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


def attributes(span: Span) -> dict[str, Any]:
    def read(it: KeyValue) -> Any:
        return getattr(it.value, it.value.WhichOneof("value") or "string_value")

    return {it.key: read(it) for it in span.attributes}


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    """Take what is sent, and answer that all is well."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.came.append(Received(self.path, dict(self.headers), body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def hanging() -> Iterator[Receiver]:
    """Take connections, and never answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield Receiver(server.getsockname()[1])
