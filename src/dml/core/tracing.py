"""Traces and figures for whoever listens at OTEL_EXPORTER_OTLP_ENDPOINT (docs/decisions/0073).

FastAPI makes the span of a request. Ours are those of a durable process and its steps, and of a
transaction on the chain: all of one trace, since what a traced request sets going keeps its
`traceparent`. Of the requests a share is drawn, by nobody but us: who sends a
traceparent is not traced more often.

Where nobody listens, nothing of this is imported (`core/tracing_exporter.py` is), and a span costs
the look whether anybody does.
"""

import contextlib
import os
import random
import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-01")
_QUIET: Final = ("/healthz", "/readyz", "/metrics")
_NOTHING: Final = contextlib.nullcontext()
_share: float | None = None  # Of the requests that are traced; None: nobody listens.


def is_wanted() -> bool:
    """Whether the environment names who listens."""
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not is_off and any(os.environ.get(it) for it in _ENDPOINTS)


def is_on() -> bool:
    return _share is not None


def turn_on(share: float) -> None:
    """Trace this share of requests from now on. The provider of spans was set."""
    global _share
    _share = share


def turn_off() -> None:
    global _share
    _share = None


def is_left_out(scope: MutableMapping[str, Any]) -> bool:
    """Draw whether this request is traced. A socket is not: it would be one span for hours."""
    return (
        _share is None
        or scope["type"] != "http"
        or scope["path"] in _QUIET
        or random.random() >= _share  # noqa: S311 - it is no secret
    )


def traceparent() -> str | None:
    """Return what continues the trace of what is done just now (W3C); None where there is none."""
    if _share is None:
        return None
    here = trace.get_current_span().get_span_context()
    if not (here.is_valid and here.trace_flags.sampled):
        return None
    return f"00-{here.trace_id:032x}-{here.span_id:016x}-01"


def trace_id() -> str | None:
    """Return the id of the trace of what is done just now."""
    told = traceparent()
    return None if told is None else told.split("-")[1]


def name_request(method: str, route: str) -> None:
    """Say which route answers the request, where it is traced: FastAPI does so for those that its
    own router finds.
    """
    if _share is not None:
        here = trace.get_current_span()
        here.update_name(f"{method} {route}")
        here.set_attribute("http.route", route)


def span(
    name: str, parent: str | None = None, **facts: str | int
) -> AbstractContextManager[object]:
    """Record what is done meanwhile as a part of the trace of `parent`, or of what is under way.

    Without either it does nothing. `facts` are ids and words of ours, and nothing of anybody's.
    """
    if _share is None or (parent is None and traceparent() is None):
        return _NOTHING
    return _recorded(name, parent, facts)


@contextlib.contextmanager
def _recorded(name: str, parent: str | None, facts: Mapping[str, str | int]) -> Iterator[None]:
    context = None
    if parent is not None and (found := _TRACEPARENT.fullmatch(parent)):
        flags = TraceFlags(TraceFlags.SAMPLED)
        ids = SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=flags)
        context = trace.set_span_in_context(NonRecordingSpan(ids))
    with trace.get_tracer("dml").start_as_current_span(
        name,
        context,
        attributes={f"dml.{key}": value for key, value in facts.items()},
        record_exception=False,  # Its text may say what is somebody's.
        set_status_on_exception=False,
    ) as made:
        try:
            yield
        except Exception as error:  # Any: the span says which kind it was, and it goes on.
            made.set_status(StatusCode.ERROR, type(error).__name__)
            raise
