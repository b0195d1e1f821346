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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from dml.core.metric_kinds import ALL, Counter, Gauge, Histogram, Labels, Metric, Snapshot
from dml.release import release

log = logging.getLogger(__name__)
EVERY_SECONDS: Final = 1.0
FRESH_SECONDS: Final = 5.0  # A process that has not written for so long has nothing any more.
Totals = dict[str, dict[Labels, list[float]]]  # Of each metric, by its labels.
_GONE: Final = "gone.json"
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ITEMS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

_written: Final[dict[Path, bytes]] = {}  # What this process wrote last.
_looks: Final[list[Callable[[], None]]] = []  # At what is not counted, but is there: pools.

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
LOG_LINES_DROPPED = Counter(
    "dml_log_lines_dropped_total", "Lines of logs that were dropped: what reads them took none."
)
BUGS_REPORTED = Counter(
    "dml_bugs_reported_total", "Bugs that were handed to what sends them to DML_SENTRY_DSN."
)
RESULTS_FOLDED = Counter("dml_results_folded_total", "Results that were counted and paid.")
INBOX_LENGTH = Gauge(
    "dml_inbox_length", "Accepted results that wait to be folded.", of_several="max"
)
INBOX_AGE = Gauge(
    "dml_inbox_oldest_seconds", "How long the oldest of them has waited.", of_several="max"
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
CHAIN_HEAD = Gauge("dml_chain_head_block", "The newest block of the chain.", of_several="max")
WITHDRAWALS_OPEN = Gauge(
    "dml_withdrawals_open",
    "Withdrawals that have not ended: requested ones wait, authorised ones are in a batch.",
    "state",
    of_several="max",
)
WITHDRAWALS_AGE = Gauge(
    "dml_withdrawals_oldest_seconds",
    "How long the oldest of them has been in that state, reviews of admins left out.",
    "state",
    of_several="max",
)
QUEUE_DEPTH = Gauge(
    "dml_queue_depth",
    "What waits in a queue and could be begun: 10,000 stand for as many or more.",
    "queue",
    of_several="max",
)
QUEUE_AGE = Gauge(
    "dml_queue_oldest_seconds",
    "How long the oldest of it has waited since it could be begun.",
    "queue",
    of_several="max",
)
DURABLE = Gauge(
    "dml_durable_processes",
    "Durable processes by their state; of those that ended well, none are counted.",
    "state",
    of_several="max",
)
NODES_LOST = Counter("dml_nodes_lost_total", "Workers that were found dead, and taken over from.")
TAKEOVERS = Counter("dml_takeovers_total", "Durable processes that went on elsewhere since.")
STEP_SECONDS = Histogram(
    "dml_step_seconds",
    "How long steps of durable processes took: ok, refused or failed.",
    "step",
    "outcome",
    buckets=_SECONDS,
)
LOOP_SECONDS = Histogram(
    "dml_loop_seconds",
    "How long a round of a worker's loop took, without its pause.",
    "loop",
    "outcome",
    buckets=_SECONDS,
)
OPERATION_SECONDS = Histogram(
    "dml_graph_operation_seconds",
    "How long operations took that fields of the graph ran.",
    "operation",
    "outcome",
    buckets=_SECONDS,
)
SANDBOX_SECONDS = Counter(
    "dml_sandbox_seconds_total", "How long files were at work in sandboxes.", "kind"
)
SANDBOX_RUNS = Counter(
    "dml_sandbox_runs_total",
    "What became of them: ok, refused, failed by our fault, or killed for what it took.",
    "kind",
    "outcome",
)
POOL = Gauge("dml_pool_connections", "Connections to PostgreSQL of the pools.", "process", "state")
POOL_WAITING = Gauge("dml_pool_waiting", "Who waits for a connection of the pools.", "process")
POOL_WAITED = Gauge(
    "dml_pool_waited_seconds",
    "How long the first of them has waited.",
    "process",
    of_several="max",
)
LOOP_LAG = Histogram(
    "dml_event_loop_lag_seconds",
    "How much later than asked for a process's event loop went on, once a second.",
    "process",
    buckets=_SECONDS,
)
CACHE = Counter(
    "dml_cache_requests_total",
    "Look-ups in what processes keep in memory, all that were asked and those that missed.",
    "cache",
    "outcome",
)
VIOLATIONS = Gauge(
    "dml_invariant_violations",
    "How often it is broken what must always hold, looked at every five minutes: 0.",
    "invariant",
    of_several="max",
)
CHECKED_AT = Gauge(
    "dml_invariants_checked_timestamp_seconds",
    "When that was last looked at, in Unix time.",
    of_several="max",
)
LEDGER_DIFFERENCE = Gauge(
    "dml_ledger_difference_microtokens", "The sum over all accounts: 0.", of_several="max"
)
PROCESSES = Gauge("dml_processes", "Processes that run.", "kind")
BUILD = Gauge("dml_build_info", "1: processes of this release run.", "release", of_several="max")


def everything() -> Sequence[Metric]:
    """Return all metrics there are, by name."""
    return [ALL[name] for name in sorted(ALL)]


@contextlib.contextmanager
def looking(look: Callable[[], None]) -> Iterator[None]:
    """Meanwhile, have this called once a second: it sets gauges, and costs next to nothing."""
    _looks.append(look)
    try:
        yield
    finally:
        _looks.remove(look)


def write(folder: Path, kind: str) -> None:
    """Write down what this process has counted, for whoever sums up."""
    PROCESSES.set(1, kind)
    BUILD.set(1, release())
    for look in _looks:
        look()
    snapshot = {name: list(metric.values.items()) for name, metric in ALL.items()}
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
            due = time.monotonic() + EVERY_SECONDS
            await asyncio.sleep(EVERY_SECONDS)
            LOOP_LAG.observe(max(0.0, time.monotonic() - due), kind)
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


def totals(folder: Path) -> Totals:
    """The sum over all processes of this machine."""
    with _locked(folder):
        paths = list(folder.glob("*.json"))
        now = time.time()
        ages = [now - path.stat().st_mtime for path in paths]
        return _sum(
            [
                (snapshot, path.name != _GONE and age < FRESH_SECONDS)
                for snapshot, path, age in zip(_read(paths), paths, ages, strict=True)
            ]
        )


def render(folder: Path) -> str:
    """The same in Prometheus's text format."""
    total = totals(folder)
    lines = list[str]()
    for name, metric in ALL.items():
        lines += [f"# HELP {name} {metric.help}", f"# TYPE {name} {metric.kind}"]
        for labels, values in sorted(total.get(name, {}).items()):
            lines += metric.lines(labels, values)
    return "\n".join(lines) + "\n"


def _sum(snapshots: Sequence[tuple[Snapshot, bool]]) -> Totals:
    """Add snapshots up; gauges only of those that are fresh. What is no metric now is forgotten."""
    total: Totals = {}
    for snapshot, is_fresh in snapshots:
        for name, entries in snapshot.items():
            metric = ALL.get(name)
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
