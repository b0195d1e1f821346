"""Scoring submitted files: a million rows against reading them alone; the sandbox's own cost."""

import io
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from benchmarks.device_path import Say
from benchmarks.figures import Figure, absolute, compared, only_told
from dml.scoring import ladder
from dml.scoring.names import MetricName, TableLayout
from dml.scoring.predictions import Predictions
from dml.scoring.reader import Reader
from dml.scoring.test_set import TestSet

ROWS: Final = 1_000_000
FEW: Final = 1_000
SALT: Final = bytes(32)
METRIC: Final = MetricName.ROC_AUC


def scoring(rounds: int, say: Say) -> list[Figure]:
    """From a file's bytes to its step on the Ladder, in turn with pyarrow's reading on one core."""
    random = np.random.default_rng(0)
    with Reader() as reader:
        test_set = _test_set(reader, ROWS)
        figures = []
        for name, read, file in _files(random):
            ours, alone = [], []
            for _ in range(rounds):
                alone.append(_seconds(partial(read, file)))
                ours.append(_seconds(partial(_score, reader, test_set, file, name)))
            say(f"{name}: {median(ours):.3f} s, read in {median(alone):.3f} s")
            goal = "≤ 3" if name == "csv" else ""
            figures.append(
                compared(f"scoring_{name}_vs_reading", median(ours), median(alone), goal, "s")
            )
        return [*figures, *_against_best(test_set, rounds), *_evaluations(reader, rounds, say)]


def _test_set(reader: Reader, rows: int) -> TestSet:
    random = np.random.default_rng(1)
    ids = random.permutation(rows)
    table = pa.table({"id": ids, "target": random.integers(0, 2, rows)})
    return reader.read_test_set(
        _parquet(table), TableLayout("parquet", "id", "target"), metric=METRIC, salt=SALT
    )


def _files(
    random: np.random.Generator,
) -> list[tuple[str, Callable[[bytes], pa.Table], bytes]]:
    """The same predictions as CSV and as Parquet, in an order of their own."""
    table = pa.table({"id": random.permutation(ROWS), "prediction": random.random(ROWS)})
    return [("csv", _read_csv, _csv(table)), ("parquet", _read_parquet, _parquet(table))]


def _read_csv(file: bytes) -> pa.Table:
    return pc.read_csv(pa.BufferReader(file), read_options=pc.ReadOptions(use_threads=False))


def _read_parquet(file: bytes) -> pa.Table:
    return pq.read_table(pa.BufferReader(file), use_threads=False)


def _csv(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pc.write_csv(table, file)
    return file.getvalue()


def _parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def _score(reader: Reader, test_set: TestSet, file: bytes, format: str) -> None:
    found = reader.read_predictions(file, format, metric=METRIC, test_set=test_set)
    ladder.step(METRIC, test_set, None, found)


def _against_best(test_set: TestSet, rounds: int) -> list[Figure]:
    """The Ladder's step from one submission to another, of a metric that is no mean of rows."""
    random = np.random.default_rng(3)
    best, new = (Predictions(random.random(ROWS)) for _ in range(2))
    seconds = [_seconds(partial(ladder.step, METRIC, test_set, best, new)) for _ in range(rounds)]
    return [only_told("ladder_against_best", median(seconds), "s")]


def _evaluations(reader: Reader, rounds: int, say: Say) -> list[Figure]:
    """Small files, one after the other: what the locked child costs beside the work itself."""
    test_set, random = _test_set(reader, FEW), np.random.default_rng(2)
    file = _csv(pa.table({"id": np.arange(FEW), "prediction": random.random(FEW)}))
    locked, inside = [], []
    for _ in range(20 * rounds):
        locked.append(_seconds(partial(_score, reader, test_set, file, "csv")))
        inside.append(_seconds(partial(_read_csv, file)))
    overhead = (median(locked) - median(inside)) * 1e3
    say(f"a small file: {median(locked) * 1e3:.1f} ms")
    return [
        only_told("evaluations_per_second", 1 / median(locked), "files/s"),
        absolute("sandbox_overhead_ms", overhead, "≤ 40", "ms"),
    ]


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
