"""What is traced in this process while a test looks: all of it, kept in memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dml.core import tracing
from dml.core.tracing_exporter import Cutting

TRACE: str = "0af7651916cd43dd8448eb211c80319c"
PARENT: str = f"00-{TRACE}-b7ad6b7169203331-01"


@cache
def _kept() -> InMemorySpanExporter:
    """A process has one provider, for good."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(Cutting(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


class Traced:
    """The spans that ended meanwhile."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    def of(self, trace_id: str = TRACE) -> dict[str, ReadableSpan]:
        """Those of one trace, by name."""
        return {it.name: it for it in self.spans() if f"{it.context.trace_id:032x}" == trace_id}


@contextmanager
def traced() -> Iterator[Traced]:
    exporter = _kept()
    exporter.clear()
    tracing.turn_on(1.0)
    try:
        yield Traced(exporter)
    finally:
        tracing.turn_off()
