"""Which requests are traced, what their spans say, and what they never do."""

import pytest
from opentelemetry.trace import SpanKind

from dml.core import tracing, tracing_exporter
from dml.core.settings import Settings
from dml.core.tracing_exporter import Cutting
from dml.refused import Refused
from tests.traced import PARENT, TRACE, traced


def test_off_it_traces_nothing_and_hands_nothing_on() -> None:
    assert tracing.is_left_out({"type": "http", "path": "/v1/jobs"})
    with tracing.span("it", PARENT):
        assert tracing.traceparent() is None
        assert tracing.trace_id() is None


def test_what_belongs_to_no_trace_begins_none() -> None:
    with traced() as seen, tracing.span("it"):
        assert tracing.traceparent() is None
    assert seen.spans() == ()


def test_a_span_goes_on_with_a_trace_and_hands_it_on() -> None:
    with traced() as seen, tracing.span("outer", PARENT, kind="a"), tracing.span("inner"):
        told = tracing.traceparent()
        assert tracing.trace_id() == TRACE
    assert told is not None
    spans = seen.of()
    assert spans["inner"].parent == spans["outer"].context
    assert told == f"00-{TRACE}-{spans['inner'].context.span_id:016x}-01"
    assert dict(spans["outer"].attributes or {}) == {"dml.kind": "a"}


def test_of_what_fails_a_span_says_which_kind_of_error_and_not_its_text() -> None:
    with traced() as seen:
        with pytest.raises(ValueError, match="canary"), tracing.span("it", PARENT):
            raise ValueError("a canary")
        (span,) = seen.spans()
    assert span.status.description == "ValueError"
    assert span.events == ()


@pytest.mark.parametrize(
    "parent", ["", "00-0-0-01", PARENT.upper(), PARENT + "x"], ids=["none", "short", "case", "long"]
)
def test_a_parent_that_is_none_begins_a_trace_of_its_own(parent: str) -> None:
    with traced() as seen, tracing.span("it", parent):
        pass
    assert not seen.of()
    assert len(seen.spans()) == 1


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_machines_ask_all_day_is_left_out(path: str) -> None:
    with traced():
        assert tracing.is_left_out({"type": "http", "path": path})
        assert tracing.is_left_out({"type": "websocket", "path": "/graphql"})
        assert not tracing.is_left_out({"type": "http", "path": "/v1/jobs"})


def test_the_share_that_is_drawn_is_the_share_that_is_set() -> None:
    try:
        tracing.turn_on(0.25)
        drawn = [tracing.is_left_out({"type": "http", "path": "/"}) for _ in range(4_000)]
        assert 0.7 < sum(drawn) / len(drawn) < 0.8
        tracing.turn_on(0)
        assert tracing.is_left_out({"type": "http", "path": "/"})
    finally:
        tracing.turn_off()


def test_a_query_a_host_and_an_address_in_a_path_are_cut() -> None:
    sent = {
        "url.query": "code=canary&state=canary",
        "url.path": "/v1/users/ada@example.org",
        "server.address": "canary.example.org",
        "http.request.method": "GET",
    }
    taken = Cutting().should_sample(None, 1, "GET", SpanKind.SERVER, sent)
    assert dict(taken.attributes or {}) == {
        "url.path": "/v1/users/[address]",
        "http.request.method": "GET",
    }


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "no address"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://collector", "no address"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "only http/protobuf"),
    ],
    ids=["no_scheme", "other_scheme", "grpc"],
)
def test_what_cannot_be_sent_to_stops_the_start_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Refused, match=said):
        tracing_exporter.start(Settings(), "api")
