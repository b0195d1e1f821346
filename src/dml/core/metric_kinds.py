"""The kinds of metrics: counters, gauges and histograms, as numbers in memory.

What is counted is listed in `core/metrics.py`.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

Labels = tuple[str, ...]
# Of each metric, by its labels: a number, or, of a histogram, its buckets and last the sum.
Snapshot = dict[str, list[tuple[Labels, list[float]]]]


class Metric:
    """Something with a name and labels. The labels' values come from short fixed lists."""

    kind: Literal["counter", "gauge", "histogram"]

    def __init__(self, name: str, help: str, *labels: str) -> None:
        assert name not in ALL, f"two metrics have the name {name}"
        self.name, self.help, self.labels = name, help, labels
        self.values: defaultdict[Labels, list[float]] = defaultdict(lambda: [0.0])
        ALL[name] = self

    def _require_all(self, labels: Labels) -> None:
        """A row with too few labels could never be written, and would be kept for good."""
        assert len(labels) == len(self.labels), f"{self.name} has the labels {self.labels}"

    def lines(self, labels: Labels, values: Sequence[float]) -> Iterator[str]:
        yield f"{self.name}{_write(self.labels, labels)} {values[0]:.15g}"


class Counter(Metric):
    """Only ever grows. One `inc` a batch is as good as one an item, and cheaper."""

    kind = "counter"

    def inc(self, *labels: str, by: float = 1) -> None:
        self._require_all(labels)
        self.values[labels][0] += by


class Gauge(Metric):
    """How it is now: of several processes, the sum or the most."""

    kind = "gauge"

    def __init__(
        self, name: str, help: str, *labels: str, of_several: Literal["sum", "max"] = "sum"
    ) -> None:
        super().__init__(name, help, *labels)
        self.of_several = of_several

    def set(self, value: float, *labels: str) -> None:
        self._require_all(labels)
        self.values[labels][0] = value

    def set_all(self, values: Mapping[Labels, float]) -> None:
        """Set what there is at the moment, and forget all else."""
        self.values.clear()
        for labels, value in values.items():
            self.set(value, *labels)


class Histogram(Metric):
    """How often it was at most so much."""

    kind = "histogram"

    def __init__(self, name: str, help: str, *labels: str, buckets: Sequence[float]) -> None:
        super().__init__(name, help, *labels)
        self.buckets = buckets
        self.values = defaultdict(lambda: [0.0] * (len(buckets) + 2))

    def observe(self, value: float, *labels: str) -> None:
        self._require_all(labels)
        values = self.values[labels]
        values[bisect_left(self.buckets, value)] += 1
        values[-1] += value

    def lines(self, labels: Labels, values: Sequence[float]) -> Iterator[str]:
        names, count = (*self.labels, "le"), 0.0
        for bound, value in zip((*self.buckets, "+Inf"), values[:-1], strict=True):
            count += value
            bucket = _write(names, (*labels, f"{bound}"))
            yield f"{self.name}_bucket{bucket} {count:.15g}"
        yield f"{self.name}_sum{_write(self.labels, labels)} {values[-1]:.15g}"
        yield f"{self.name}_count{_write(self.labels, labels)} {count:.15g}"


ALL: Final[dict[str, Metric]] = {}


def _write(names: Labels, values: Labels) -> str:
    if not names:
        return ""
    escaped = [
        value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for value in values
    ]
    pairs = zip(names, escaped, strict=True)
    return "{" + ",".join(f'{name}="{value}"' for name, value in pairs) + "}"
