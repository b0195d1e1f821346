"""Files and test sets, made here."""

import io
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from dml.scoring.names import MetricName, is_classification
from dml.scoring.test_set import Ids, TestSet, split

SALT: Final = b"s" * 32
ROWS: Final = 60


def csv(header: str, *rows: Sequence[Any] | str) -> bytes:
    lines = [header, *(row if isinstance(row, str) else ",".join(map(str, row)) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), sink, **options)
    return sink.getvalue()


def a_test_set(
    metric: MetricName,
    ids: Ids | None = None,
    classes: tuple[str, ...] = ("no", "yes"),
    features: int = 0,
) -> TestSet:
    ids = ids or Ids(numbers=np.arange(ROWS))
    count, named = len(ids), is_classification(metric)
    public, blocks = split(SALT, ids)
    return TestSet(
        id_column="id",
        ids=ids,
        target=(np.arange(count, dtype=np.int32) % len(classes)) if named else np.arange(count) / 7,
        classes=classes if named else (),
        public=public,
        blocks=blocks,
        features=np.random.default_rng(0).random((count, features), np.float32),
        feature_names=tuple(f"x{i}" for i in range(features)),
    )
