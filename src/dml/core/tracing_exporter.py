"""Sends spans and figures by OTLP over HTTP. Imported only where somebody listens: it takes 0.2 s.

A server that hangs holds up nobody: threads of their own send, each try ends after two seconds,
queues are bounded, and a process that ends waits as long as it is told to.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge as GaugeData,
    Histogram as HistogramData,
    HistogramDataPoint,
    Metric as MetricData,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import Attributes

from dml.core import metrics, nodes, tracing
from dml.core.metric_kinds import Gauge, Histogram, Metric
from dml.core.redacting import redact
from dml.core.settings import Settings
from dml.refused import Refused

PROTOCOL: Final = "http/protobuf"
TRY_SECONDS: Final = 2.0
FIGURES_SECONDS: Final = 60.0
SPANS_SECONDS: Final = 5.0
TEXT_MAX: Final = 300  # Characters of what a client sent: a path, a host.
# Codes and states of OAuth, searches, cursors: what is somebody's, and opens something.
_CUT: Final = ("url.query", "http.request.method_original", "server.address", "server.port")


class Cutting(Sampler):
    """Takes every span, for FastAPI asks only of what was drawn, without what is in its query."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes | None = None,
        *_: Any,
        **__: Any,
    ) -> SamplingResult:
        kept = {key: it for key, it in (attributes or {}).items() if key not in _CUT}
        if isinstance(path := kept.get("url.path"), str):
            kept["url.path"] = redact(path)
        return SamplingResult(Decision.RECORD_AND_SAMPLE, kept)

    def get_description(self) -> str:
        return "Cutting"


def start(settings: Settings, process: str) -> Callable[[float], None]:
    """Send what this process traces and counts from now on. The answer ends it, within seconds."""
    _require_http()
    for name in ("opentelemetry", "urllib3"):  # They would log each try that fails, with its URL.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    resource = Resource.create(
        {
            "service.name": "dml",
            "service.version": version("dml"),
            "service.instance.id": nodes.new_name(process),
            "dml.process": process,
        }
    )
    provider = TracerProvider(
        Cutting(),
        resource,
        shutdown_on_exit=False,
        span_limits=SpanLimits(max_span_attributes=32, max_span_attribute_length=TEXT_MAX),
    )
    sending = BatchSpanProcessor(
        OTLPSpanExporter(timeout=TRY_SECONDS),
        max_queue_size=2_048,
        max_export_batch_size=512,
        schedule_delay_millis=SPANS_SECONDS * 1_000,
    )
    provider.add_span_processor(sending)
    trace.set_tracer_provider(provider)
    figures = _Figures(resource)
    figures.start()
    tracing.turn_on(settings.trace_share)

    def stop(_: float) -> None:
        tracing.turn_off()
        sending.shutdown()  # type: ignore[no-untyped-call]  # the SDK says no types here
        figures.stop()

    return stop


def _require_http() -> None:
    """Refuse what the exporter would fail at each time, unheard."""
    for name, value in os.environ.items():
        if not name.startswith("OTEL_EXPORTER_OTLP_") or not value:
            continue
        if name.endswith("_PROTOCOL") and value != PROTOCOL:
            raise Refused(f"{name} is {value}: only {PROTOCOL} is spoken here")
        if name.endswith("_ENDPOINT") and not value.startswith(("http://", "https://")):
            raise Refused(f"{name} is no address: write it as http://HOST:4318")


class _Figures(threading.Thread):
    """Sends what this process has counted, once a minute, and when it ends."""

    def __init__(self, resource: Resource) -> None:
        super().__init__(name="figures", daemon=True)
        self._resource = resource
        self._exporter = OTLPMetricExporter(timeout=TRY_SECONDS)
        self._since = time.time_ns()
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(FIGURES_SECONDS):
            self._send()

    def stop(self) -> None:
        self._stopping.set()
        self._send()

    def _send(self) -> None:
        with contextlib.suppress(Exception):  # Whatever it is: the next minute has all of it.
            self._exporter.export(figures_of(self._resource, self._since))


def figures_of(resource: Resource, since: int) -> MetricsData:
    """Return all that this process has counted `since`, in nanoseconds of Unix time."""
    now = time.time_ns()
    told = [
        MetricData(it.name, it.help, "s" if "_seconds" in it.name else "1", _data(it, since, now))
        for it in metrics.everything()
        if it.values
    ]
    scope = ScopeMetrics(InstrumentationScope("dml"), told, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _data(metric: Metric, since: int, now: int) -> Any:
    rows = [
        (dict(zip(metric.labels, labels, strict=True)), list(values))
        for labels, values in list(metric.values.items())
    ]
    if isinstance(metric, Histogram):
        points = [_histogram(metric, it, values, (since, now)) for it, values in rows]
        return HistogramData(points, AggregationTemporality.CUMULATIVE)
    numbers: Iterable[NumberDataPoint] = (
        NumberDataPoint(it, since, now, values[0]) for it, values in rows
    )
    if isinstance(metric, Gauge):
        return GaugeData(list(numbers))
    return Sum(list(numbers), AggregationTemporality.CUMULATIVE, is_monotonic=True)


def _histogram(
    metric: Histogram, labels: dict[str, str], values: list[float], span: tuple[int, int]
) -> HistogramDataPoint:
    counts = [int(it) for it in values[:-1]]
    return HistogramDataPoint(
        attributes=labels,
        start_time_unix_nano=span[0],
        time_unix_nano=span[1],
        count=sum(counts),
        sum=values[-1],
        bucket_counts=counts,
        explicit_bounds=list(metric.buckets),
        min=None,  # type: ignore[arg-type]  # Not known; what encodes it leaves it out.
        max=None,  # type: ignore[arg-type]  # As that.
    )
