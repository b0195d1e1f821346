"""Checking and running a submitted model. Only in a locked child that can start no thread."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dml.inference import checker, graph, guard
from dml.inference.session import Session
from dml.inference.signature import Reason, Refused, Signature, Tensor, quoted
from dml.scoring.glance import refused
from dml.scoring.names import Form, MetricName, form

TRIAL_ROWS: Final = 6
BATCH_MAX: Final = 4096
# How much one row's output may depend on other rows of the batch, for outputs of size 1.
NEIGHBOURS_TOLERANCE: Final = 1e-3
PORTS_MAX: Final = 16
OVER_HIDDEN_ROWS: Final = (
    "This came about over the rows of the test set, so no more is told of it. Try the model on "
    "rows like them: with the same columns, and values as large and as small."
)
_FLOAT: Final = "tensor(float)"

Rows = NDArray[np.float32]


def check(model: bytes, metric: MetricName, features: int, classes: int) -> Signature:
    """Return the signature of a model that is safe and predicts from rows, or Refused."""
    guard.refuse_at_a_glance(model)
    parsed = graph.parse(model)
    survey = graph.Survey(parsed)
    signature = graph.signature(parsed, survey)
    if survey.reasons:
        raise Refused(survey.reasons)
    _require_input(signature.inputs, features)
    if not 1 <= len(signature.outputs) <= PORTS_MAX:
        detail = f"It has {len(signature.outputs)} outputs; 1 to {PORTS_MAX} are allowed."
        raise refused("model.too_many_outputs", detail)
    if reasons := checker.check_by_the_book(model, parsed):
        raise Refused(reasons)
    del parsed
    scaled_by_batch = graph.SCALES_BY_BATCH in survey.operators
    _try_out(Session(model, BATCH_MAX), metric, features, classes, scaled_by_batch=scaled_by_batch)
    return signature


def run(model: bytes, metric: MetricName, classes: int, rows: Rows) -> NDArray[Any]:
    """Return the output for all rows, (rows,) or (rows, columns), finite; or Refused.

    The rows are secret: messages of the runtime about values and shapes, into which a model could
    put them, are not repeated.
    """
    session = Session(model, BATCH_MAX)
    name = _chosen(session, metric, classes)
    try:
        output = _output(session, name, metric, classes, rows)
        head = rows[: session.batch_size(rows)]
        if not np.array_equal(output[: len(head)], _output(session, name, metric, classes, head)):
            raise _not_deterministic()
    except Refused as refused:
        raise Refused([Reason(each.code, OVER_HIDDEN_ROWS) for each in refused.reasons]) from None
    return output


def widths(metric: MetricName, classes: int) -> tuple[int, ...]:
    """Return how many numbers a row of output may have; 1 also allows a 1-dimensional output."""
    match form(metric):
        case Form.LABEL:
            return (classes,)
        case Form.PROBABILITY:
            return (2, 1) if classes == 2 else (classes,)
        case Form.SCORE:
            return (2, 1)
        case Form.VALUE:
            return (1,)


def _require_input(inputs: tuple[Tensor, ...], features: int) -> None:
    if len(inputs) != 1:
        detail = f"It takes {len(inputs)} inputs; rows of features are one."
        raise refused("model.input_count", f"{detail} Export it with one FloatTensorType.")
    taken = inputs[0]
    if taken.type != "float":
        detail = f"Its input {quoted(taken.name)} is of {quoted(taken.type)}; rows are of float32."
        raise refused("model.input_type", detail)
    shape = taken.shape
    fits = shape is not None and len(shape) == 2
    if shape is None or not fits or not (_is(shape[0], 1) and _is(shape[1], features)):
        detail = f"Its input {quoted(taken.name)} must have the shape [batch, {features}]."
        raise refused("model.input_shape", detail)


def _chosen(session: Session, metric: MetricName, classes: int) -> str:
    """Return the output that fits; of several, the one whose declared shape fits best."""
    allowed = widths(metric, classes)
    fitting: list[tuple[int, str]] = []
    for name, kind, shape in session.outputs():
        if kind != _FLOAT:
            continue
        if len(shape) == 2:
            for rank, width in enumerate(allowed):
                if shape[1] == width:
                    fitting.append((rank, name))
        if not isinstance(shape[1] if len(shape) == 2 else None, int) and (
            len(shape) in (0, 2) or (len(shape) == 1 and 1 in allowed)
        ):
            fitting.append((len(allowed), name))
    if not fitting:
        shapes = " or ".join(f"[batch, {width}]" for width in allowed)
        there = ", ".join(f"{quoted(name)} {kind[:40]}" for name, kind, _ in session.outputs()[:8])
        detail = f"None of its outputs is float32 {shapes}: {there}. Export with zipmap=False."
        raise refused("model.output_missing", detail)
    return min(fitting, key=lambda each: each[0])[1]


def _output(
    session: Session, name: str, metric: MetricName, classes: int, rows: Rows
) -> NDArray[Any]:
    output = session.rows(rows, name, (1, 2))
    allowed = widths(metric, classes)
    width = 1 if output.ndim == 1 else output.shape[1]
    if width not in allowed:
        shapes = " or ".join(f"[batch, {each}]" for each in allowed)
        detail = f"Its output {quoted(name)} has {width} columns; it must have the shape {shapes}."
        raise refused("model.output_shape", detail)
    if not np.isfinite(output).all():
        detail = f"{quoted(name)} holds NaN or infinity. Look for a division by zero, or overflow."
        raise refused("model.output_not_finite", detail)
    return output


def _try_out(
    session: Session, metric: MetricName, features: int, classes: int, *, scaled_by_batch: bool
) -> None:
    rows = trial_rows(features)
    name = _chosen(session, metric, classes)
    output = _output(session, name, metric, classes, rows)
    if not np.array_equal(output, _output(session, name, metric, classes, rows)):
        raise _not_deterministic()
    if session.batch_size(rows) == 1:
        return
    single = [_output(session, name, metric, classes, rows[i : i + 1]) for i in range(len(rows))]
    alone = np.concatenate(single)
    if (np.abs(alone - output) > NEIGHBOURS_TOLERANCE * (1 + np.abs(output))).any():
        if scaled_by_batch:
            raise Refused([guard.QUANTIZED_BY_BATCH])
        detail = (
            "A row's output depends on the other rows in its batch: a softmax over the wrong "
            "axis, or a layer in training mode. Mend that, or fix the batch to 1."
        )
        raise refused("model.batch_dependent", detail)


def trial_rows(features: int) -> Rows:
    """Return rows of zeros, ones and scattered numbers from 0 to 1, always the same."""
    ramp = np.arange(TRIAL_ROWS * features, dtype=np.int64).reshape(TRIAL_ROWS, features)
    # Multiplying by a large odd number and taking the middle bits scatters them.
    rows = ((ramp * 2654435761 >> 13) & 255).astype(np.float32) / np.float32(255)
    rows[0], rows[1] = 0, 1
    return rows


def _not_deterministic() -> Refused:
    detail = "The same rows gave another output. Export in evaluation mode, without dropout."
    return refused("model.not_deterministic", detail)


def _is(dimension: int | str | None, size: int) -> bool:
    return not isinstance(dimension, int) or dimension == size
