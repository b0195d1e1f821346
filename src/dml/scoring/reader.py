"""Reads strangers' files and runs their models, for a worker. Blocking, thread-safe.

Starting takes a second or two: keep one `Reader` while the process lives. The worker itself parses
no file: it gets arrays, which it checks.
"""

import math
import time
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dml.inference import frames
from dml.inference.client import ChildFailed, Client, Faults, SandboxFailed, Unsafe
from dml.inference.outcome import Limits
from dml.inference.runner import FAULTS as MODEL_FAULTS, WALL_PER_CPU_SECOND
from dml.inference.signature import (
    MODEL_BYTES_MAX,
    Reason,
    Refused,
    Signature,
    from_dict,
    too_large,
)
from dml.scoring import arrays, names
from dml.scoring.limits import (
    FILE_BYTES_MAX,
    NUMBER_MOST,
    PART_ROWS_LEAST,
    TEST_SET_BYTES_MAX,
)
from dml.scoring.names import Form, MetricName, TableLayout
from dml.scoring.predictions import Predictions
from dml.scoring.test_set import Ids, TestSet, split

__all__ = ["ChildFailed", "Reader", "Refused", "SandboxFailed", "Unsafe"]

CHUNK_BYTES: Final = 64 << 20  # of features sent to one child
SECONDS: Final = 20
SECONDS_PER_MEBIBYTE: Final = 0.5  # of a file
SECONDS_PER_ROW: Final = 0.0001  # of a model: 500 trees take half of it
SPLIT_SECONDS_PER_ROW: Final = 0.000_003  # of a test set, in the worker itself
MEMORY: Final = 1 << 30
MEMORY_PER_BYTE: Final = 8  # of a file
MEMORY_PER_ROW: Final = 200  # of a row, and as much for each probability in it
TEST_SET_ROWS: Final = 15_000_000  # assumed for the limits, since features take memory too
MEMORY_PER_MODEL_BYTE: Final = 5
MEMORY_PER_FEATURE_BYTE: Final = 4
OUTPUT_BYTES_PER_ROW: Final = 4000  # float32 for 1,000 classes
BYTES_PER_NUMBER: Final = 8
SUM_TOLERANCE: Final = 1e-3
SUM_ROUNDING: Final = 1e-9  # after division by the sum

FAULTS: Final = Faults(
    too_slow=Reason("file.too_slow", "It took too long to read. Take Parquet, or fewer columns."),
    too_much_memory=Reason(
        "file.too_much_memory", "It takes too much memory to read: it unfolds to far more."
    ),
    crashed="file.crashed",
)
_ENVIRONMENT: Final = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # other pools reserve gigabytes of address space
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # a process that forks must have no threads
    "MALLOC_ARENA_MAX": "1",
}

Array = NDArray[Any]


class Reader(Client):
    """Reads strangers' files and runs their models, in children that can do nothing else.

    With `seconds`, what takes longer is refused as too slow. Raises Refused (the file's or the
    model's fault), Unsafe or SandboxFailed.
    """

    def __init__(self, seconds: float = SECONDS, *, at_once: int = 1) -> None:
        """Each child has `seconds` of processor time, and more by the size of its input."""
        super().__init__("dml.scoring.zygote", _ENVIRONMENT, at_once=at_once)
        self._seconds = seconds

    def read_test_set(
        self,
        content: bytes,
        layout: TableLayout,
        *,
        metric: MetricName,
        salt: bytes,
        seconds: float | None = None,
    ) -> TestSet:
        """Return the owner's own file, checked and split by the salt."""
        _refuse_large_file(content, TEST_SET_BYTES_MAX)
        header = {
            "verb": "read_test_set",
            "format": layout.format,
            "metric": metric,
            "id_column": layout.id_column,
            "target_column": layout.target_column,
        }
        limits = self._file_limits(
            len(content), TEST_SET_ROWS, output_bytes=frames.PART_MAX, most=seconds
        )
        found, facts = _arrays(*self.ask(header, [content], limits, FAULTS))
        try:
            ids, classes = Ids.from_arrays(found), tuple(map(str, facts["classes"]))
            if seconds is not None and SPLIT_SECONDS_PER_ROW * len(ids) > seconds:
                raise Refused([FAULTS.too_slow])  # the split itself could not be cut off
            public, blocks = split(salt, ids)
            test_set = TestSet(
                id_column=layout.id_column,
                ids=ids,
                target=found["target"],
                classes=classes,
                public=public,
                blocks=blocks,
                features=found["features"],
                feature_names=tuple(map(str, facts["feature_names"])),
            )
        except (KeyError, TypeError, ValueError, AssertionError) as error:
            raise _senseless() from error
        _require_whole(test_set, metric)
        _require_parts(test_set)
        return test_set

    def read_predictions(
        self,
        content: bytes,
        format: str,
        *,
        metric: MetricName,
        test_set: TestSet,
        seconds: float | None = None,
    ) -> Predictions:
        """Return a file's prediction for each row of the test set. The targets stay here."""
        _refuse_large_file(content, FILE_BYTES_MAX)
        header: dict[str, Any] = {
            "verb": "read_predictions",
            "format": format,
            "metric": metric,
            "classes": test_set.classes,
            "id_column": test_set.id_column,
        }
        ids = [arrays.bytes_of(each) for each in test_set.ids.arrays().values()]
        if (first := test_set.ids.first_of_a_run) is not None:
            header |= {"first_id": first, "rows": len(test_set)}
            ids = []  # A third less to send.
        width = max(1, len(test_set.classes)) if metric is MetricName.LOG_LOSS else 1
        size = BYTES_PER_NUMBER * width * len(test_set)
        limits = self._file_limits(
            len(content), width * len(test_set), output_bytes=size + (1 << 20), most=seconds
        )
        found, _ = _arrays(*self.ask(header, [content, *ids], limits, FAULTS))
        return _checked(found.get("values"), metric, test_set)

    def check_model(
        self,
        model: bytes,
        *,
        metric: MetricName,
        features: int,
        classes: int,
        seconds: float | None = None,
    ) -> Signature:
        """Return the signature of a model that may run and predicts from rows of features."""
        _refuse_large_model(model)
        header = {
            "verb": "check_model",
            "metric": metric,
            "features": features,
            "classes": classes,
        }
        limits = self._model_limits(len(model), 0, 0, most=seconds)
        answer, _ = self.ask(header, [model], limits, MODEL_FAULTS)
        try:
            return from_dict(answer["signature"])
        except (KeyError, TypeError, ValueError) as error:
            raise SandboxFailed("The child gave no signature.") from error

    def run_model(
        self, model: bytes, *, metric: MetricName, test_set: TestSet, seconds: float | None = None
    ) -> Predictions:
        """Return a model's prediction for each row of the test set; it sees only the features."""
        _refuse_large_model(model)
        rows, classes = test_set.features, len(test_set.classes)
        size = max(1, CHUNK_BYTES // max(1, 4 * rows.shape[1]))
        began, outputs = time.monotonic(), list[Array]()
        for start in range(0, len(rows), size):
            left = None if seconds is None else began + seconds - time.monotonic()
            if left is not None and left <= 0:  # the limit is for all chunks together
                raise Refused([MODEL_FAULTS.too_slow])
            chunk = rows[start : start + size]
            outputs.append(self._run_chunk(model, chunk, metric, classes, left))
        if len({output.shape[1:] for output in outputs}) != 1:
            raise Refused([Reason("model.output_shape", "The number of columns varies.")])
        return _checked(
            _predicted(np.concatenate(outputs), metric, test_set.classes), metric, test_set
        )

    def _run_chunk(
        self,
        model: bytes,
        rows: NDArray[np.float32],
        metric: MetricName,
        classes: int,
        most: float | None,
    ) -> Array:
        header = {
            "verb": "run_model",
            "metric": metric,
            "features": rows.shape[1],
            "classes": classes,
        }
        data = np.ascontiguousarray(rows, "<f4")
        limits = self._model_limits(len(model), data.nbytes, len(data), most=most)
        found, _ = _arrays(*self.ask(header, [model, arrays.bytes_of(data)], limits, MODEL_FAULTS))
        values: Array | None = found.get("values")
        if values is None or len(values) != len(rows) or values.dtype != np.float32:
            raise _senseless()
        return values

    def _file_limits(
        self, size: int, rows: int, *, output_bytes: int, most: float | None
    ) -> Limits:
        seconds = _whole_seconds(self._seconds + SECONDS_PER_MEBIBYTE * (size >> 20), most)
        memory = MEMORY + MEMORY_PER_BYTE * size + MEMORY_PER_ROW * rows
        return Limits(seconds, seconds * WALL_PER_CPU_SECOND, memory, output_bytes)

    def _model_limits(
        self, model_bytes: int, feature_bytes: int, rows: int, *, most: float | None
    ) -> Limits:
        seconds = _whole_seconds(self._seconds + SECONDS_PER_ROW * rows, most)
        needed = MEMORY_PER_MODEL_BYTE * model_bytes + MEMORY_PER_FEATURE_BYTE * feature_bytes
        output_bytes = (1 << 20) + OUTPUT_BYTES_PER_ROW * rows
        return Limits(seconds, seconds * WALL_PER_CPU_SECOND, MEMORY + needed, output_bytes)


def _whole_seconds(allowed: float, most: float | None) -> int:
    return math.ceil(allowed if most is None else min(allowed, most))


def _predicted(output: Array, metric: MetricName, classes: tuple[str, ...]) -> Array:
    """Turn a model's output into the form of `Predictions`."""
    kind = names.form(metric)
    if kind is Form.LABEL:
        if output.shape != (len(output), len(classes)):
            raise _senseless()
        best: Array = output.argmax(axis=1).astype(np.int32)
        return best
    values: Array = output.astype(np.float64)
    if kind is Form.PROBABILITY and values.ndim == 2 and values.shape[1] > 1:
        values = _normalised(values)
        return values[:, -1].copy() if len(classes) == 2 else values
    if kind is Form.PROBABILITY:
        _require_probabilities(values)
        values = np.clip(values, 0, 1)
    return values if values.ndim == 1 else values[:, -1].copy()


def _normalised(values: Array) -> Array:
    _require_probabilities(values)
    values = np.clip(values, 0, 1)
    sums = values.sum(axis=1, keepdims=True)
    if (np.abs(sums - 1) > SUM_TOLERANCE).any():
        detail = "Its probabilities of a row are not 1 in all. End it with a softmax."
        raise Refused([Reason("model.output_not_probability", detail)])
    normalised: Array = values / sums
    return normalised


def _require_probabilities(values: Array) -> None:
    if not ((values >= -SUM_TOLERANCE) & (values <= 1 + SUM_TOLERANCE)).all():
        detail = (
            "Its output goes below 0 or beyond 1, so these are no probabilities. End it with a "
            "sigmoid or a softmax."
        )
        raise Refused([Reason("model.output_not_probability", detail)])


def _checked(values: Array | None, metric: MetricName, test_set: TestSet) -> Predictions:
    """Check the array that a child sent: the child may be compromised."""
    kind, count, classes = names.form(metric), len(test_set), len(test_set.classes)
    label, many = kind is Form.LABEL, kind is Form.PROBABILITY and classes > 2
    if values is None or values.shape != ((count, classes) if many else (count,)):
        raise _senseless()
    if values.dtype != (np.int32 if label else np.float64):
        raise _senseless()
    if label or kind is Form.PROBABILITY:
        whole = values.min() >= 0 and values.max() <= (classes - 1 if label else 1)
    else:
        whole = np.isfinite(values).all() and np.abs(values).max() <= NUMBER_MOST
    if many:  # Else a row could give each class a probability of 1.
        whole = whole and (np.abs(values.sum(axis=1) - 1) <= SUM_ROUNDING).all()
    if not whole:
        raise _senseless()
    return Predictions(values)


def _require_whole(test_set: TestSet, metric: MetricName) -> None:
    """Require that what the child sent is a valid test set."""
    count, target, classes = len(test_set.ids), test_set.target, len(test_set.classes)
    shape = (count, len(test_set.feature_names))
    right = target.shape == (count,) and test_set.features.shape == shape
    right = right and test_set.features.dtype == np.float32
    if not right:
        raise _senseless()
    if not names.is_classification(metric):
        right = target.dtype == np.float64 and not classes
    else:
        right = target.dtype == np.int32 and target.min() >= 0 and target.max() < classes
    if not right:
        raise _senseless()


def _require_parts(test_set: TestSet) -> None:
    """Refuse a test set with a part that can't be scored: too few rows, or a class missing."""
    for part, rows in (("public", test_set.public), ("private", ~test_set.public)):
        target = test_set.target[rows]
        if len(target) < PART_ROWS_LEAST:
            detail = f"Its {part} part has {len(target)} rows; {PART_ROWS_LEAST} are the least."
            raise Refused([Reason("test_set.too_few_rows", f"{detail} Give it more rows.")])
        if test_set.classes:
            there = np.bincount(target, minlength=len(test_set.classes))
            if not there.all():
                missing = ascii(test_set.classes[int(there.argmin())])[:80]
                detail = f"Its {part} part has no row of class {missing}. Give it more such rows."
                raise Refused([Reason("test_set.class_missing", detail)])
        elif target.min() == target.max():
            detail = f"All targets of its {part} part are equal."
            raise Refused([Reason("test_set.target_constant", detail)])


def _arrays(header: dict[str, Any], parts: list[bytes]) -> tuple[dict[str, Array], dict[str, Any]]:
    try:
        return arrays.from_frame(header, parts)
    except ValueError as error:
        raise _senseless() from error


def _senseless() -> SandboxFailed:
    return SandboxFailed("The child's answer makes no sense.")


def _refuse_large_file(content: bytes, most: int) -> None:
    if len(content) > most:  # before it is copied
        detail = f"It has {len(content) >> 20} MiB; {most >> 20} are allowed. Take Parquet."
        raise Refused([Reason("file.too_large", detail)])


def _refuse_large_model(model: bytes) -> None:
    if len(model) > MODEL_BYTES_MAX:
        raise Refused([too_large(len(model))])
