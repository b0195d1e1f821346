"""Whether a graph fits its input spec and its labels. Pure."""

from collections.abc import Iterator
from typing import Final

from dml.inference.signature import Reason, Signature, Tensor, quoted
from dml.inference.spec import InputSpec, input_shape

PORTS_MAX: Final = 16
_SHOWN: Final = 8


def misfits(signature: Signature, spec: InputSpec, label_count: int) -> Iterator[Reason]:
    """Each reason why what the spec makes can't go in, or a row of labels can't come out."""
    yield from _input(signature.inputs, spec)
    yield from _output(signature.outputs, spec, label_count)


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
    if taken.type != "float":
        yield Reason(
            "model.input_type",
            f"Its input {quoted(taken.name)} is of {taken.type}; the spec makes float32. "
            "Put a Cast in front of it.",
        )
    if not _takes(taken.shape, expected):
        yield Reason(
            "model.input_shape",
            f"Its input {quoted(taken.name)} has the shape {_shown(taken.shape)}; the spec makes "
            f"{_shown(('batch', *expected))}. The batch must be dynamic, or 1; of the spec, look "
            "at color, width, height and layout.",
        )


def _takes(shape: tuple[int | str | None, ...] | None, expected: tuple[int, ...]) -> bool:
    if shape is None or len(shape) != 1 + len(expected):
        return False
    fixed = zip(shape, (1, *expected), strict=True)
    return all(size == want for size, want in fixed if isinstance(size, int))


def _output(outputs: tuple[Tensor, ...], spec: InputSpec, label_count: int) -> Iterator[Reason]:
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
    if output.type != "float":
        hint = "Export with zipmap=False." if output.type == "sequence" else "Put a Cast behind it."
        yield Reason(
            "model.output_type",
            f"Its output {quoted(output.name)} is of {output.type}; it must be float32. {hint}",
        )
        return
    if label_count == 1 and spec.output.activation == "softmax":
        yield Reason(
            "model.softmax_of_one",
            "Over one column, softmax is 1 for every image. Set output.activation to sigmoid, or "
            "give the model a column for each of two labels.",
        )
    if output.shape is None:
        return  # the trial run sees what comes out
    if len(output.shape) != 2:
        yield Reason(
            "model.output_shape",
            f"Its output {quoted(output.name)} has the shape {_shown(output.shape)}; it must be "
            "[batch, number of labels].",
        )
    elif isinstance(output.shape[1], int) and output.shape[1] != label_count:
        yield wrong_label_count(output.name, output.shape[1], label_count)


def wrong_label_count(name: str, columns: int, label_count: int) -> Reason:
    """Said of the graph, and of what the trial run gave where the graph does not say."""
    return Reason(
        "model.output_count",
        f"Its output {quoted(name)} has {columns} columns and there are {label_count} labels: "
        "there must be one for each, in the same order.",
    )


def _shown(shape: tuple[int | str | None, ...] | None) -> str:
    if shape is None:
        return "nowhere stated"
    sizes = [
        quoted(each)[1:-1] if isinstance(each, str) else "?" if each is None else str(each)
        for each in shape[:_SHOWN]
    ]
    return f"[{', '.join(sizes)}{', …' if len(shape) > _SHOWN else ''}]"
