"""Whether a stranger's model may run. It sees hostile bytes: call it in a locked child only.

First what stands in the file (`graph`) and whether it fits (`fit`), every reason at once; then a
trial run on images made here, for what a file does not tell.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from PIL import Image

from dml.inference import checker, fit, graph, heads, kinds
from dml.inference.images import Floats, Items, prepare
from dml.inference.session import TOLERANCE, Session, as_probabilities
from dml.inference.signature import (
    MODEL_BYTES_BEFORE,
    MODEL_BYTES_MAX,
    Reason,
    Refused,
    Signature,
    too_large,
)
from dml.inference.spec import InputSpec

# How far one item's probability may depend on its neighbours in the batch. Rounding is a
# thousandth of it; a softmax over the wrong axis, or BatchNormalization in training, far more.
NEIGHBOURS_TOLERANCE: Final = 0.05
QUANTIZED_BY_BATCH: Final = Reason(
    "model.quantized_by_batch",
    "It is quantized dynamically, with one scale for a whole batch, so that each output depends on "
    "what else is in its batch. Quantize it statically, or fix the batch to 1.",
)
# What a quantized model does where its scales do not fit what the spec makes.
_BY_SCALES: Final = frozenset({"model.constant", "model.output_not_finite"})
SAME: Final = 1e-6  # so little may probabilities differ, by rounding, where nothing is looked at
TRIAL_SIDES: Final = (1, 1.5, 0.6, 1, 1)  # widths of the images, in that of the spec
FIELDS_MAX: Final = 10_000  # a model has a dozen, and some for metadata
FIELD_NUMBER_MAX: Final = 100  # ONNX is at 26

_PICKLES: Final = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
_ZIPS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_MAGICS: Final = (
    (0, _PICKLES, "model.pickle", "a Python pickle, which can hold any program"),
    (0, _ZIPS, "model.zip", "a zip archive, as PyTorch and Keras write it"),
    (0, (b"\x1f\x8b",), "model.gzip", "compressed by gzip"),
    (0, (b"\x89HDF",), "model.not_onnx", "an HDF5 file, as Keras writes it"),
    (4, (b"TFL3",), "model.not_onnx", "a TensorFlow Lite model"),
    (4, (b"ORTM",), "model.not_onnx", "in onnxruntime's own format"),
)


def inspect(model: bytes, spec: InputSpec, label_count: int) -> tuple[Signature, str]:
    """The signature of a model that is safe, fits the spec and gives probabilities, or Refused.

    And the digest of what it gave for the trial images, to compare with another process's.
    """
    refuse_at_a_glance(model)
    parsed = graph.parse(model)
    survey = graph.Survey(parsed)
    signature = graph.signature(parsed, survey)
    operator = graph.last_operator(parsed, spec.output.name)
    keys = graph.map_keys(parsed, spec.output.name)
    misfits = (*fit.misfits(signature, spec, label_count, keys), *fit.twice(spec, operator))
    known = kinds.Model(signature, spec, operator, label_count)
    if kind := kinds.recognize(known) if misfits else kinds.is_regression(known):
        raise Refused([kind])  # to mend a shape, or an operator, would help nobody
    if reasons := [*survey.reasons, *misfits]:
        raise Refused(reasons)
    if reasons := checker.check_by_the_book(model, parsed):
        raise Refused(reasons)
    del parsed  # the runtime will need the memory
    session = Session(model)
    try:
        scaled_by_batch = graph.SCALES_BY_BATCH in survey.operators
        output = try_out(session, spec, label_count, scaled_by_batch=scaled_by_batch)
    except heads.WrongShape as wrong:
        if kind := kinds.by_shape(known, wrong.shape):
            raise Refused([kind]) from wrong
        raise
    except Refused as refused:
        if _BY_SCALES.intersection(refused.codes) and graph.is_quantized(survey.operators):
            raise Refused([_bad_scales(refused)]) from refused
        raise
    is_as_before = session.is_plain and output.shape[1] == label_count
    is_small = len(model) <= MODEL_BYTES_BEFORE
    if not (is_as_before and is_small and graph.is_for_all(signature)):
        signature = replace(signature, spec_version=2)
    return signature, heads.digest(output)


def refuse_at_a_glance(model: bytes) -> None:
    """Refuse what its size or first bytes give away, and what was cut off."""
    if not model:
        raise Refused([Reason("model.empty", "The file is empty. Upload it again.")])
    if len(model) > MODEL_BYTES_MAX:
        raise Refused([too_large(len(model))])
    for offset, magics, code, what in _MAGICS:
        if model.startswith(magics, offset):
            raise Refused([Reason(code, f"This is {what}. Export the model as ONNX.")])
    try:
        _walk_fields(model)
    except EOFError as cut:
        detail = "The file ends in the middle: it was cut off. Upload it again."
        raise Refused([Reason("model.truncated", detail)]) from cut
    except ValueError as wrong:
        detail = "This is no ONNX file. Export the model as ONNX, to a file of its own."
        raise Refused([Reason("model.not_onnx", detail)]) from wrong


def try_out(
    session: Session, spec: InputSpec, label_count: int, *, scaled_by_batch: bool = False
) -> Floats:
    """Run images through the model; Refused where the outputs are not what counting needs.

    What it gave for them, (images, columns), before the activation.
    """
    items = trial_items(spec)
    output = session.run(items, spec)
    if not fit.columns_fit(output.shape[1], label_count):
        raise Refused([fit.wrong_label_count(spec.output.name, output.shape[1], label_count)])
    if output.shape[1] == 1 and spec.output.activation == "softmax":
        raise Refused([fit.SOFTMAX_OF_ONE])
    shares = as_probabilities(output, spec)
    if not np.array_equal(output, session.run(items, spec)):
        detail = "The same images gave another output. Export in evaluation mode, without dropout."
        raise Refused([Reason("model.not_deterministic", detail)])
    _require_meaning(output, shares, spec)
    if session.batch_size(items) == 1:
        return output
    alone = np.concatenate([session.run(items[i : i + 1], spec) for i in range(len(items))])
    if np.abs(as_probabilities(alone, spec) - shares).max() > NEIGHBOURS_TOLERANCE:
        if scaled_by_batch:
            raise Refused([QUANTIZED_BY_BATCH])
        detail = (
            "An image's output depends on the other images in its batch: a softmax over the wrong "
            "axis, or a layer in training mode. Mend that, or fix the batch to 1."
        )
        raise Refused([Reason("model.batch_dependent", detail)])
    return output


def _bad_scales(refused: Refused) -> Reason:
    return Reason(
        "model.quantized_scales",
        f"It is quantized, with scales that break it: {refused.reasons[0].detail} Calibrate it "
        "on photos that are prepared as the input spec says: quantize_static takes them by its "
        "calibration_data_reader. Where the model without quantization fails, too, mend that.",
    )


def _require_meaning(output: Floats, shares: Floats, spec: InputSpec) -> None:
    """Refuse what can be told of outputs alone: the same for all images, or activated twice."""
    if np.abs(shares - shares[0]).max() < SAME:
        if shares.shape[1] == 1 and np.abs(output - output[0]).max() >= SAME:
            said = kinds.saturated(spec.output.name, float(output.min()), float(output.max()))
            raise Refused([said])
        detail = (
            f"{len(shares)} very different images gave the same output: it does not look at them. "
            "Look for weights that are all zero, or an input that is cut off."
        )
        raise Refused([Reason("model.constant", detail)])
    if spec.output.activation == "none" or output.min() < 0 or output.max() > 1:
        return
    # Between 0 and 1 for so many images and labels, or with a sum of 1 for each, by no chance.
    columns, sums = output.shape[1], output.sum(axis=1)
    if columns > 2 or (columns == 2 and np.abs(sums - 1).max() < TOLERANCE):
        raise Refused([fit.activated_twice(spec, "lies between 0 and 1 for every trial image")])


def trial_items(spec: InputSpec) -> Items:
    """What the model takes of images that are the same everywhere."""
    return np.stack([prepare(image, spec) for image in _trial_images(spec)])


def _trial_images(spec: InputSpec) -> list[Image.Image]:
    """Black, a ramp, noise, white and large colored squares, some of other proportions than the
    spec's: the same ones everywhere.
    """
    images = []
    for number, side in enumerate(TRIAL_SIDES):
        shape = spec.height, max(1, int(spec.width * side)), 3
        ramp = np.arange(np.prod(shape), dtype=np.int64).reshape(shape)
        # To multiply by a large odd number and take the middle bits scatters them.
        row, column, channel = np.indices(shape)
        square = 3 * (4 * row // shape[0] + 5 * (4 * column // shape[1])) + channel
        values = (
            ramp * 0,
            ramp * 255 // ramp.size,
            ramp * 2654435761 >> 13,
            ramp * 0 + 255,
            square * 2654435761 >> 13,
        )[number]
        images.append(Image.fromarray((values & 255).astype(np.uint8)))
    return images


def _walk_fields(model: bytes) -> None:
    """Walk a protobuf message's outermost fields; EOFError if cut off, ValueError if none."""
    position = 0
    for _ in range(FIELDS_MAX):
        if position == len(model):
            return
        tag, position = _number_at(model, position)
        kind = tag & 7
        if not 0 < tag >> 3 <= FIELD_NUMBER_MAX or kind not in (0, 1, 2, 5):
            raise ValueError("no such field")
        if kind == 0:
            _, position = _number_at(model, position)
        elif kind == 2:
            length, position = _number_at(model, position)
            position += length
        else:
            position += 8 if kind == 1 else 4
        if position > len(model):
            raise EOFError


def _number_at(model: bytes, position: int) -> tuple[int, int]:
    """The variable-length number that starts there, and where it ends."""
    value = 0
    for place, byte in enumerate(model[position : position + 10]):
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, position + place + 1
    if position + 10 > len(model):
        raise EOFError
    raise ValueError("no number is longer than ten bytes")
