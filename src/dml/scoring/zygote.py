"""The process that forks the children which read strangers' files and run their models.

They see targets only in the owner's own file (docs/decisions/0012).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from dml.inference import lockdown, serving
from dml.inference.serving import Verb, frame
from dml.inference.tiny import COLUMNS, FEATURES, TINY_MODEL
from dml.scoring import arrays, contents, models
from dml.scoring.names import MetricName
from dml.scoring.test_set import Ids


def main() -> None:
    """Read files and run models until standard input ends."""
    threaded = lockdown.lock_but_for_threads  # Arrow reads CSV in a thread
    verbs = {
        "read_test_set": Verb(_read_test_set, threaded),
        "read_predictions": Verb(_read_predictions, threaded),
        "check_model": Verb(_check_model),
        "run_model": Verb(_run_model),
    }
    serving.serve(verbs, warm_up)


def warm_up() -> None:
    """Do everything once but CSV, which starts a thread: a process that forks must have none."""
    pa.enable_signal_handlers(False)  # they would open a pipe
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    sink = pa.BufferOutputStream()
    rows = 50
    half = pa.array(["no", "yes"] * (rows // 2))
    table = pa.table({"id": pa.array(np.arange(rows)), "target": half, "x": half})
    pa.parquet.write_table(table.select(["id", "target"]), sink)
    content = sink.getvalue().to_pybytes()
    metric = MetricName.ACCURACY
    found, _ = contents.test_set(
        content, "parquet", metric=metric, id_column="id", target_column="target"
    )
    sink = pa.BufferOutputStream()
    renamed = table.select(["id", "target"]).rename_columns(["id", "prediction"])
    pa.parquet.write_table(renamed.take(pa.array(np.arange(rows)[::-1])), sink)
    contents.predictions(
        sink.getvalue().to_pybytes(),
        "parquet",
        metric=metric,
        classes=("no", "yes"),
        id_column="id",
        ids=Ids.from_arrays(found),
    )
    models.check(TINY_MODEL, MetricName.ROC_AUC, FEATURES, COLUMNS)
    models.run(TINY_MODEL, MetricName.ROC_AUC, COLUMNS, models.trial_rows(FEATURES))


def _read_test_set(header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    found, facts = contents.test_set(
        parts[0],
        header["format"],
        metric=MetricName(header["metric"]),
        id_column=header["id_column"],
        target_column=header["target_column"],
    )
    return arrays.to_bytes(found, **facts)


def _read_predictions(header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    values = contents.predictions(
        parts[0],
        header["format"],
        metric=MetricName(header["metric"]),
        classes=tuple(header["classes"]),
        id_column=header["id_column"],
        ids=_ids(header, parts[1:]),
    )
    return arrays.to_bytes({"values": values})


def _ids(header: Mapping[str, Any], parts: list[bytes]) -> Ids:
    match parts:
        case []:
            first = header["first_id"]
            return Ids(numbers=np.arange(first, first + header["rows"]))
        case [numbers]:
            return Ids(numbers=np.frombuffer(numbers, "<i8"))
        case _:
            offsets, text = parts
            return Ids(offsets=np.frombuffer(offsets, "<i8"), text=np.frombuffer(text, np.uint8))


def _check_model(header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    metric = MetricName(header["metric"])
    signature = models.check(parts[0], metric, header["features"], header["classes"])
    return frame({"signature": signature.to_dict()})


def _run_model(header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    rows = np.frombuffer(parts[1], "<f4").reshape(-1, header["features"])
    values = models.run(parts[0], MetricName(header["metric"]), header["classes"], rows)
    return arrays.to_bytes({"values": values})
