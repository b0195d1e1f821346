"""Whether a graph fits its input spec and its labels. Pure."""

from collections.abc import Iterator
from typing import Final

from dml.inference.signature import Reason, Signature, Tensor, quoted, shown
from dml.inference.spec import InputSpec, input_shape

PORTS_MAX: Final = 16
SOFTMAX_OF_ONE: Final = Reason(
    "model.softmax_of_one",
    "Over one column, softmax is 1 for every image. Set output.activation to sigmoid, or "
    "give the model a column for each of two labels.",
)
_SHOWN: Final = 8
_NAMES: Final = {"float32": "float", "uint8": "uint8"}  # as graphs call what the spec makes
_KEEP: Final = (
    "Convert it with convert_float_to_float16(model, keep_io_types=True), so that only what is "
    "within becomes float16."
)
_TYPE_REMEDIES: Final = {
    "float": "Leave `type` out of the input spec.",
    "uint8": "Set the input spec's type to uint8, with scale 1, mean 0 and std 1.",
    "float16": _KEEP,
}


def misfits(
    signature: Signature, spec: InputSpec, label_count: int, keys: tuple[int | str, ...] | None
) -> Iterator[Reason]:
    """Each reason why what the spec makes can't go in, or a row of labels can't come out.

    `keys` are those of the ZipMap that makes the output, in the order of its columns, if one does.
    """
    yield from _input(signature.inputs, spec)
    yield from _output(signature.outputs, spec, label_count, keys)


def columns_fit(columns: int, label_count: int) -> bool:
    """Whether there is a column for each label; of two labels one may have both."""
    return columns == label_count or (columns, label_count) == (1, 2)


def twice(spec: InputSpec, operator: str | None) -> Iterator[Reason]:
    """The reason why an activation over what that operator makes gives no probabilities."""
    activation = spec.output.activation
    # A softmax over a logarithm of one is the same softmax again, and so does no harm.
    done = {"Softmax", "Sigmoid", "HardSigmoid", "Hardmax"}
    if activation == "sigmoid":
        done |= {"LogSoftmax"}
    if activation != "none" and operator in done:
        yield activated_twice(spec, f"ends in {operator}")


def activated_twice(spec: InputSpec, why: str) -> Reason:
    """Said of the graph, and of what the trial run gave where the graph does not show it."""
    activation = spec.output.activation
    return Reason(
        "model.activated_twice",
        f"Its output {quoted(spec.output.name)} {why}, so it holds probabilities already: "
        f"{activation} over them would level them all. Set the input spec's output.activation to "
        "none, or name an output with logits.",
    )


def _input(inputs: tuple[Tensor, ...], spec: InputSpec) -> Iterator[Reason]:
    if len(inputs) != 1:
        names = ", ".join(quoted(each.name) for each in inputs[:_SHOWN]) or "none"
        yield Reason(
            "model.input_count",
            f"It takes {len(inputs)} inputs ({names}); the spec makes exactly one. "
            "Make constants of the others.",
        )
        return
    taken, expected = inputs[0], input_shape(spec)
    if taken.type != _NAMES[spec.type]:
        yield Reason(
            "model.input_type",
            f"Its input {quoted(taken.name)} is of {taken.type}; the spec makes {spec.type}. "
            f"{_TYPE_REMEDIES.get(taken.type, 'Put a Cast in front of it.')}",
        )
    if not _takes(taken.shape, expected):
        yield Reason(
            "model.input_shape",
            f"Its input {quoted(taken.name)} has the shape {shown(taken.shape)}; the spec makes "
            f"{shown(('batch', *expected))}. The batch must be dynamic, or 1; of the spec, look "
            "at color, width, height and layout.",
        )


def _takes(shape: tuple[int | str | None, ...] | None, expected: tuple[int, ...]) -> bool:
    if shape is None or len(shape) != 1 + len(expected):
        return False
    fixed = zip(shape, (1, *expected), strict=True)
    # Paddle writes -1 where others leave a dimension open.
    return all(size == want for size, want in fixed if isinstance(size, int) and size >= 0)


def _output(
    outputs: tuple[Tensor, ...],
    spec: InputSpec,
    label_count: int,
    keys: tuple[int | str, ...] | None,
) -> Iterator[Reason]:
    if not 1 <= len(outputs) <= PORTS_MAX:
        yield Reason(
            "model.too_many_outputs",
            f"It has {len(outputs)} outputs; 1 to {PORTS_MAX} are allowed.",
        )
        return
    named = [each for each in outputs if each.name == spec.output.name]
    if not named:
        names = ", ".join(quoted(each.name) for each in outputs[:_SHOWN])
        yield Reason(
            "model.output_missing",
            f"It has no output {quoted(spec.output.name)}; set output.name of the spec to one "
            f"of {names}.",
        )
        return
    output = named[0]
    if keys is not None:
        yield from _map(output, keys, label_count)
        return
    if output.type != "float":
        hint = {"float16": _KEEP, "sequence": "Export with zipmap=False."}
        yield Reason(
            "model.output_type",
            f"Its output {quoted(output.name)} is of {output.type}; it must be float32. "
            f"{hint.get(output.type, 'Put a Cast behind it.')}",
        )
        return
    columns = columns_of(output.shape)
    if spec.output.activation == "softmax" and 1 in (columns, label_count):
        yield SOFTMAX_OF_ONE
        return
    if columns == TABLES:
        yield Reason(
            "model.output_shape",
            f"Its output {quoted(output.name)} has the shape {shown(output.shape)}; it must be "
            "[batch, number of labels].",
        )
    elif columns is not None and not columns_fit(columns, label_count):
        yield wrong_label_count(output.name, columns, label_count)


TABLES: Final = -1


def columns_of(shape: tuple[int | str | None, ...] | None) -> int | None:
    """How many there are for each item; None where only a run can tell, or TABLES for more axes.

    Axes of one count for nothing, as in a head of [N, L, 1, 1]; [N] is one column.
    """
    if shape is None or (len(shape) == 1 and shape[0] != 1):
        return None  # of a batch of one, [L] may be all labels
    if not shape:
        return TABLES
    open_axes = sum(not isinstance(size, int) or size < 0 for size in shape[1:])
    sizes = [size for size in shape[1:] if isinstance(size, int) and size >= 0 and size != 1]
    if len(sizes) > 1:
        return TABLES
    if open_axes:
        return None
    return sizes[0] if sizes else 1


def _map(output: Tensor, keys: tuple[int | str, ...], label_count: int) -> Iterator[Reason]:
    """A ZipMap gives a map for each item, which runtimes hand on in the order of its keys."""
    if list(keys) != sorted(set(keys), key=lambda key: (isinstance(key, str), key)):
        yield Reason(
            "model.output_order",
            f"The ZipMap behind {quoted(output.name)} names its columns in another order than that "
            "of its keys, which is all that comes out. Take the node out, so that the output is a "
            'table: export with options={id(model): {"zipmap": False}} (skl2onnx), or name the '
            "node's input as the output instead, with onnx.utils.extract_model.",
        )
    elif len(keys) != label_count:
        yield wrong_label_count(output.name, len(keys), label_count)


def wrong_label_count(name: str, columns: int, label_count: int) -> Reason:
    """Said of the graph, and of what the trial run gave where the graph does not say."""
    return Reason(
        "model.output_count",
        f"Its output {quoted(name)} has {columns} columns and there are {label_count} labels: "
        "there must be one for each, in the same order.",
    )
