"""What is counted, in this process and over all of this machine.

To count is an addition in memory. Each process writes what it counted into a file once a second,
and whoever asks gets the sum of all files, in Prometheus's text format. What a process that has
ended counted stays counted; what it had of something at the moment (a queue) goes with it. Why not
prometheus-client: docs/decisions/0009.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from dml.core.release import release

log = logging.getLogger(__name__)
EVERY_SECONDS: Final = 1.0
FRESH_SECONDS: Final = 5.0  # A process that has not written for so long has nothing any more.
_GONE: Final = "gone.json"
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ITEMS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

Labels = tuple[str, ...]
# Of each metric, by its labels: a number, or, of a histogram, its buckets and last the sum.
Snapshot = dict[str, list[tuple[Labels, list[float]]]]


class Metric:
    """Something with a name and labels. The labels' values come from short fixed lists."""

    kind: Literal["counter", "gauge", "histogram"]

    def __init__(self, name: str, help: str, *labels: str) -> None:
        assert name not in _ALL, f"two metrics have the name {name}"
        self.name, self.help, self.labels = name, help, labels
        self.values: defaultdict[Labels, list[float]] = defaultdict(lambda: [0.0])
        _ALL[name] = self

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


_ALL: Final[dict[str, Metric]] = {}
_written: Final[dict[Path, bytes]] = {}  # What this process wrote last.

REQUESTS = Counter(
    "dml_requests_total", "Requests answered, other than devices'.", "method", "route", "status"
)
REQUEST_SECONDS = Histogram(
    "dml_request_seconds", "How long their answers took.", "method", "route", buckets=_SECONDS
)
DEVICE_REQUESTS = Counter(
    "dml_device_requests_total", "What devices asked for, by how it ended.", "verb", "outcome"
)
DEVICE_SECONDS = Histogram(
    "dml_device_request_seconds", "How long devices waited for answers.", "verb", buckets=_SECONDS
)
BATCH_ITEMS = Histogram(
    "dml_device_batch_items", "Requests that shared a statement.", "verb", buckets=_ITEMS
)
QUEUE_LENGTH = Gauge("dml_device_queue_length", "Requests that wait for a statement.", "verb")
REFUSED_FOR_OVERLOAD = Counter(
    "dml_refused_for_overload_total", "What was refused since there was too much.", "what"
)
SHARED_ANSWERS = Counter(
    "dml_shared_answers_total", "Public lists answered: those kept, and those read anew.", "how"
)
COUNTED_ALONE = Counter(
    "dml_limits_without_valkey_total", "Tries that a process counted by itself: Valkey was away."
)
RESULTS_FOLDED = Counter("dml_results_folded_total", "Results that were counted and paid.")
INBOX_LENGTH = Gauge(
    "dml_inbox_length", "Accepted results that wait to be folded.", of_several="max"
)
INBOX_AGE = Gauge(
    "dml_inbox_oldest_seconds", "How long the oldest of them has waited.", of_several="max"
)
REVIEWS_WAITING = Gauge(
    "dml_reviews_waiting", "Versions that wait for a moderator.", of_several="max"
)
REVIEWS_AGE = Gauge(
    "dml_reviews_oldest_seconds", "How long the oldest of them has waited.", of_several="max"
)
APPEALS_WAITING = Gauge(
    "dml_appeals_waiting", "Appeals that wait for a moderator.", of_several="max"
)
APPEALS_AGE = Gauge(
    "dml_appeals_oldest_seconds", "How long the oldest of them has waited.", of_several="max"
)
DEPOSITS_CREDITED = Counter("dml_deposits_credited_total", "Deposits whose block became final.")
CHAIN_LAG = Gauge(
    "dml_chain_lag_blocks", "Final blocks of the chain not read yet.", of_several="max"
)
CHAIN_HALTED = Gauge(
    "dml_chain_halted", "1: a final block changed, so no deposit is credited.", of_several="max"
)
CHAIN_DIFFERS = Gauge(
    "dml_chain_differs", "1: vault and books differ, so payouts stop.", of_several="max"
)
PROCESSES = Gauge("dml_processes", "Processes that run.", "kind")
BUILD = Gauge("dml_build_info", "1: processes of this release run.", "release", of_several="max")


def write(folder: Path, kind: str) -> None:
    """Write down what this process has counted, for whoever sums up."""
    PROCESSES.set(1, kind)
    BUILD.set(1, release())
    snapshot = {name: list(metric.values.items()) for name, metric in _ALL.items()}
    path, content = folder / f"{kind}-{os.getpid()}.json", msgspec.json.encode(snapshot)
    if _written.get(path) == content and path.exists():
        os.utime(path)  # It is as fresh as if it were written anew.
        return
    _replace(path, content)
    _written[path] = content


async def keep_writing(folder: Path, kind: str) -> None:
    """Write it down once a second, until cancelled, and then for the last time."""
    try:
        bury(folder)
        while True:
            with contextlib.suppress(OSError):  # A disk that is full now may not be so soon.
                write(folder, kind)
            await asyncio.sleep(EVERY_SECONDS)
    finally:
        with contextlib.suppress(OSError):
            write(folder, kind)


def bury(folder: Path) -> None:
    """Sum up the files of processes that are gone, so that they do not become ever more."""
    with _locked(folder):
        gone = [path for path in folder.glob("*-*.json") if not _runs(_pid(path))]
        total = _sum([(it, False) for it in _read([folder / _GONE, *gone])])
        kept = {name: list(values.items()) for name, values in total.items()}
        _replace(folder / _GONE, msgspec.json.encode(kept))
        for path in gone:
            path.unlink()


def render(folder: Path) -> str:
    """The sum over all processes of this machine, in Prometheus's text format."""
    with _locked(folder):
        paths = list(folder.glob("*.json"))
        now = time.time()
        ages = [now - path.stat().st_mtime for path in paths]
        total = _sum(
            [
                (snapshot, path.name != _GONE and age < FRESH_SECONDS)
                for snapshot, path, age in zip(_read(paths), paths, ages, strict=True)
            ]
        )
    lines = list[str]()
    for name, metric in _ALL.items():
        lines += [f"# HELP {name} {metric.help}", f"# TYPE {name} {metric.kind}"]
        for labels, values in sorted(total.get(name, {}).items()):
            lines += metric.lines(labels, values)
    return "\n".join(lines) + "\n"


def _sum(snapshots: Sequence[tuple[Snapshot, bool]]) -> dict[str, dict[Labels, list[float]]]:
    """Add snapshots up; gauges only of those that are fresh. What is no metric now is forgotten."""
    total = dict[str, dict[Labels, list[float]]]()
    for snapshot, is_fresh in snapshots:
        for name, entries in snapshot.items():
            metric = _ALL.get(name)
            if metric is None or (isinstance(metric, Gauge) and not is_fresh):
                continue
            by_labels = total.setdefault(name, {})
            for labels, values in entries:
                key = tuple(labels)
                known = by_labels.get(key, [0.0] * len(values))
                most = isinstance(metric, Gauge) and metric.of_several == "max"
                # Not strict: a process of another version may have other buckets.
                pairs = zip(known, values, strict=False)
                by_labels[key] = [max(a, b) if most else a + b for a, b in pairs]
    return total


def _read(paths: Sequence[Path]) -> list[Snapshot]:
    found = list[Snapshot]()
    for path in paths:
        try:
            found.append(msgspec.json.decode(path.read_bytes()))
        except (OSError, ValueError):  # It went meanwhile, or is of another version.
            found.append({})
    return found


def _replace(path: Path, content: bytes) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content)
    new.rename(path)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _pid(path: Path) -> int:
    pid = path.stem.rpartition("-")[2]
    return int(pid) if pid.isdigit() else 0


def _runs(pid: int) -> bool:
    if pid == 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _write(names: Labels, values: Labels) -> str:
    if not names:
        return ""
    escaped = [
        value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for value in values
    ]
    pairs = zip(names, escaped, strict=True)
    return "{" + ",".join(f'{name}="{value}"' for name, value in pairs) + "}"
