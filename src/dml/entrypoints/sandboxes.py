"""Counts what sandboxes do: how long files were at work in them, and which were killed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dml.core import metrics
from dml.inference.behaviour import Behaviour
from dml.inference.passport import Passport
from dml.inference.runner import Sandbox
from dml.inference.signature import Refused, Signature
from dml.inference.spec import InputSpec

# What a child that was killed, or broke down, is refused for: the end of the reason's code.
_KILLED: Final = ("too_slow", "too_much_memory", "crashed")


class MeasuredSandbox:
    """What tries models in a worker (`core.worker.Sandbox`)."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def examine(
        self,
        model: bytes | memoryview,
        spec: InputSpec,
        label_count: int,
        *,
        seconds: float | None = None,
    ) -> tuple[Signature, Passport | None]:
        with measured("model"):
            return self._sandbox.examine(model, spec, label_count, seconds=seconds)

    def probe(
        self, model: bytes | memoryview, spec: InputSpec, label_count: int
    ) -> Behaviour | None:
        with measured("probes"):
            return self._sandbox.probe(model, spec, label_count)

    def close(self) -> None:
        self._sandbox.close()


@contextmanager
def measured(kind: str) -> Iterator[None]:
    """Count a run of a sandbox, and what became of it. Any thread may."""
    began, outcome = time.perf_counter(), "failed"
    try:
        yield
        outcome = "ok"
    except Refused as refused:
        outcome = next(
            (it for it in _KILLED if any(code.endswith(it) for code in refused.codes)), "refused"
        )
        raise
    finally:
        metrics.SANDBOX_SECONDS.inc(kind, by=time.perf_counter() - began)
        metrics.SANDBOX_RUNS.inc(kind, outcome)
