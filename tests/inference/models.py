"""Tiny ONNX models that are made here, so that tests need no file and no training."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from PIL import Image

from dml.inference.spec import InputSpec, input_shape, read

SHARPNESS: Final = 4.0  # the probability of a brightness just between two labels' is a half each

IMAGE_SPEC: Final[dict[str, Any]] = {
    "kind": "image",
    "color": "grey",
    "width": 8,
    "height": 8,
    "resize": "stretch",
    "layout": "flat",
    "scale": 1 / 255,
    "mean": 0,
    "std": 1,
    "output": {"name": "probabilities", "activation": "none"},
}


def image_spec(**changes: Any) -> InputSpec:
    """The spec of `digits_like_model`, but for the changes."""
    return read(IMAGE_SPEC | changes)


def digits_like_model(labels: int = 10) -> bytes:
    """Takes what `image_spec()` makes, 64 greys in a row, and tells how bright the image is."""
    return tiny_image_model(image_spec(), labels)


def tiny_image_model(spec: InputSpec, labels: int) -> bytes:
    """A valid classifier for that spec: label i is for a mean pixel near 255 · i ÷ (labels − 1).

    It ends in a softmax where the spec has the activation none, and in logits otherwise. A single
    label is for bright images, by a sigmoid.
    """
    nodes, weights = image_classifier(spec, labels)
    return build(nodes, weights, [tensor("x", [None, *input_shape(spec)])], [scores(spec, labels)])


def grey_image(brightness: int, side: int = 16) -> Image.Image:
    """One that `tiny_image_model` gives the label next to brightness · (labels − 1) ÷ 255."""
    return Image.new("L", (side, side), brightness)


def image_classifier(spec: InputSpec, labels: int) -> tuple[list[NodeProto], list[TensorProto]]:
    """The nodes of `tiny_image_model`, from "x" to the output, for tests that add to them."""
    each_channel = (-1, 1, 1) if spec.layout == "NCHW" else (-1,)
    steps = np.arange(labels, dtype=np.float32) if labels > 1 else np.ones(1, np.float32)

    def channels(numbers: float | tuple[float, ...], factor: float = 1) -> np.ndarray:
        values = np.broadcast_to(np.array(numbers, np.float32), spec.channels)
        return (values * factor).astype(np.float32).reshape(each_channel)

    to_steps = max(1, labels - 1) / 255 / spec.scale
    weights = [
        weight("shape", np.array(_axes(spec), np.int64)),
        weight("std", channels(spec.std, to_steps)),
        weight("mean", channels(spec.mean, to_steps)),
        weight("column", np.array([-1, 1], np.int64)),
        weight("slope", (2 * SHARPNESS * steps).reshape(1, -1)),
        weight("offset", (-SHARPNESS * steps**2).reshape(1, -1)),
    ]
    last = "logits" if spec.output.activation == "none" else spec.output.name
    nodes = [
        helper.make_node("Reshape", ["x", "shape"], ["image"]),
        helper.make_node("Mul", ["image", "std"], ["scaled"]),
        helper.make_node("Add", ["scaled", "mean"], ["pixels"]),
        helper.make_node("ReduceMean", ["pixels"], ["brightness"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Reshape", ["brightness", "column"], ["in_column"]),
        helper.make_node("MatMul", ["in_column", "slope"], ["products"]),
        helper.make_node("Add", ["products", "offset"], [last]),
    ]
    if spec.output.activation == "none":
        last_node = helper.make_node("Softmax", ["logits"], [spec.output.name], axis=1)
        if labels == 1:
            last_node = helper.make_node("Sigmoid", ["logits"], [spec.output.name])
        nodes.append(last_node)
    return nodes, weights


def build(
    nodes: Sequence[NodeProto],
    weights: Sequence[TensorProto],
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
    *,
    opset: int = 17,
    ir_version: int = 9,
    domains: Iterable[str] = (),
    **more: Any,
) -> bytes:
    """The bytes of a model of this one graph; `domains` are imported besides ONNX's own."""
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, weights)
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(each, 1) for each in domains)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=ir_version, **more)
    return bytes(model.SerializeToString())


def tensor(
    name: str, shape: Sequence[int | str | None] | None, type_: int = TensorProto.FLOAT
) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, type_, shape)


def scores(spec: InputSpec, labels: int) -> ValueInfoProto:
    return tensor(spec.output.name, [None, labels])


def weight(name: str, values: Any) -> TensorProto:
    return numpy_helper.from_array(np.array(values), name)


def _axes(spec: InputSpec) -> tuple[int, ...]:
    """Those of the image within, of four axes."""
    if spec.layout == "NCHW":
        return -1, spec.channels, spec.height, spec.width
    return -1, spec.height, spec.width, spec.channels
