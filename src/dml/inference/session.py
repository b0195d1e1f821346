"""Running a model. To be called in a locked child alone; nothing else imports onnxruntime."""

import os
import re
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Final

os.environ["ORT_DISABLE_TELEMETRY"] = (
    "1"  # the wheel reports home otherwise; only before its import
)

import numpy as np
import onnxruntime

from dml.inference import heads, kinds
from dml.inference.images import Floats, Items, probabilities
from dml.inference.signature import Reason, Refused, quoted
from dml.inference.spec import InputSpec

BATCH_MAX: Final = 256
BATCH_BYTES: Final = (
    8 << 20
)  # of input; what a network holds in between is often fifty times as much
TOLERANCE: Final = 1e-3  # how far rounding may take a probability outside of 0 to 1

_NO_MEMORY: Final = re.compile("bad_alloc|[Ff]ailed to allocate|[Oo]ut of memory|BFCArena")


class Session:
    """A loaded model. Refused where it can't be loaded; MemoryError where that takes too much."""

    def __init__(self, model: bytes, batch_max: int = BATCH_MAX) -> None:
        self._batch_max = batch_max
        self.is_plain = True  # as far as it was run: agents of every release read what it gave
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = (
            1  # a child can't start threads
        )
        options.enable_cpu_mem_arena = False  # the arena asks for more than it needs
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
            self._input = self._session.get_inputs()[0]
        except Exception as error:  # onnxruntime has a dozen kinds, RuntimeError too
            raise _fault("model.does_not_load", error) from error

    def run(self, items: Items, spec: InputSpec) -> Floats:
        """(items, columns): the output that the spec names, before the activation."""
        return self._in_batches(items, spec.output.name, self._label_rows)

    def rows(self, items: Floats, name: str, dimensions: Collection[int] = (2,)) -> Floats:
        """That output for all items, of so many dimensions; it has a row for each item."""
        return self._in_batches(items, name, partial(_exact_rows, dimensions))

    def _label_rows(self, output: Any, count: int, name: str) -> Floats:
        self.is_plain &= heads.is_plain(output)
        return heads.rows(output, count, name)

    def _in_batches(
        self, items: Items, name: str, read: Callable[[Any, int, str], Floats]
    ) -> Floats:
        size, outputs = self.batch_size(items), []
        for start in range(0, len(items), size):
            batch = items[start : start + size]
            outputs.append(read(self._run_batch(batch, name), len(batch), name))
        if len({output.shape[1:] for output in outputs}) != 1:
            raise Refused([Reason("model.output_shape", "The number of columns varies.")])
        return np.concatenate(outputs)

    def outputs(self) -> list[tuple[str, str, tuple[int | str | None, ...]]]:
        """Name, type (such as `tensor(float)`) and shape of each, as the runtime names them."""
        return [(each.name, each.type, tuple(each.shape)) for each in self._session.get_outputs()]

    def batch_size(self, items: Items) -> int:
        """How many items go in at once: one, where the graph says so or they are large."""
        if self._input.shape[:1] == [1]:
            return 1
        return max(1, min(self._batch_max, BATCH_BYTES // int(items[0].nbytes)))

    def predict(self, items: Items, spec: InputSpec, label_count: int | None = None) -> Floats:
        """(items, labels): probabilities, each within 0 and 1."""
        return heads.by_label(as_probabilities(self.run(items, spec), spec), label_count)

    def _run_batch(self, batch: Items, name: str) -> Any:
        try:
            return self._session.run([name], {self._input.name: batch})[0]
        except Exception as error:  # likewise
            raise _fault("model.does_not_run", error) from error


def _exact_rows(dimensions: Collection[int], output: Any, count: int, name: str) -> Floats:
    if not isinstance(output, np.ndarray) or output.dtype != np.float32:
        raise Refused([Reason("model.output_type", f"{quoted(name)} must be of float32.")])
    whole = output.ndim in dimensions and len(output) == count
    if not whole or (output.ndim > 1 and not output.shape[1]):
        raise heads.WrongShape(name, output.shape, count)
    return output


def as_probabilities(output: Floats, spec: InputSpec) -> Floats:
    """The output after its activation; Refused where that gives no probabilities."""
    name = quoted(spec.output.name)
    if not np.isfinite(output).all():
        detail = f"{name} holds NaN or infinity. Look for a division by zero, a log of 0, overflow."
        raise Refused([Reason("model.output_not_finite", detail)])
    shares = probabilities(output, spec)
    if shares.min() < -TOLERANCE or shares.max() > 1 + TOLERANCE:
        low, high = float(output.min()), float(output.max())
        detail = (
            f"{name} goes from {low:.4g} to {high:.4g}, so these are no probabilities. Set the "
            "input spec's output.activation to softmax (each item has one label) or sigmoid (it "
            "may have several), or end the model with one of these."
        )
        if output.shape[1] == 1:
            detail = kinds.one_number(spec.output.name, low, high)
        raise Refused([Reason("model.output_not_probability", detail)])
    bounded: Floats = np.clip(shares, 0, 1)
    return bounded


def _fault(code: str, error: Exception) -> Exception:
    """MemoryError or Refused: the runtime says what went wrong in its message only."""
    message = str(error)
    if isinstance(error, MemoryError) or _NO_MEMORY.search(message):
        return MemoryError()
    what = "load" if code == "model.does_not_load" else "run"
    said = message.encode("ascii", "backslashreplace").decode()[:300]
    return Refused([Reason(code, f"The runtime could not {what} it: {said}")])
