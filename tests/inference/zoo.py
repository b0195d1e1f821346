"""Models as exporters write them: small graphs, each with what makes its kind what it is.

All are made here. Those of `ACCEPTED` tell how bright an image is, as `digits_like_model`, and are
written in one of the ways in which classifiers come; those of `REFUSED` are models that count
nothing for labels, or were exported in a way that has to be mended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper
from onnx.version_converter import convert_version
from onnxruntime.transformers.float16 import (  # type: ignore[import-untyped]
    convert_float_to_float16,
)

from dml.inference.spec import InputSpec, input_shape
from tests.inference.models import build, image_classifier, image_spec, tensor, weight

LABELS: Final = 10
NONE: Final = {"name": "scores", "activation": "none"}
SOFTMAX: Final = {"name": "scores", "activation": "softmax"}
SIGMOID: Final = {"name": "scores", "activation": "sigmoid"}

node = helper.make_node


@dataclass(frozen=True)
class Sample:
    """A model, its spec and how many labels it has. `version`: what an agent must know to run it.

    `code` is what it is refused by, `says` what the reason names; None for one that is accepted.
    """

    model: bytes
    spec: InputSpec
    labels: int = LABELS
    version: int = 1
    code: str | None = None
    says: tuple[str, ...] = field(default=())


def logits(spec: InputSpec, labels: int) -> tuple[list[NodeProto], list[TensorProto]]:
    """A classifier from "x" to "logits", whatever the spec's activation is."""
    nodes, weights = image_classifier(spec, labels)
    if spec.output.activation == "none":
        nodes = nodes[:-1]
    else:
        nodes[-1].output[0] = "logits"
    return nodes, weights


def ending(
    *behind: NodeProto,
    spec: InputSpec,
    output: ValueInfoProto,
    labels: int = LABELS,
    weights: tuple[TensorProto, ...] = (),
    batch: int | str | None = None,
    **more: Any,
) -> bytes:
    """That classifier with these nodes behind its "logits"."""
    nodes, its_weights = logits(spec, labels)
    x = more.pop("x", None) or tensor("x", [batch, *input_shape(spec)], _TYPES[spec.type])
    return build([*nodes, *behind], [*its_weights, *weights], [x], [output], **more)


def with_head(*shape: int, activation: str = "softmax", labels: int = LABELS) -> Sample:
    """One whose output has this shape behind the axis of the batch."""
    spec = image_spec(output={"name": "scores", "activation": activation})
    columns = int(np.prod(shape))
    head = weight("head", np.array([-1, *shape], np.int64))
    last = node("Reshape", ["logits", "head"], ["scores"])
    output = tensor("scores", [None, *shape])
    model = ending(last, spec=spec, output=output, labels=columns, weights=(head,))
    return Sample(model, spec, labels, version=2)


def with_map(keys: list[int] | list[str], labels: int = LABELS, **more: Any) -> Sample:
    """One that ends in a ZipMap, as CatBoost and scikit-learn write it."""
    spec = image_spec(output=NONE)
    kind = "int64s" if isinstance(keys[0], int) else "strings"
    attribute: dict[str, Any] = {f"classlabels_{kind}": keys}
    nodes = [
        node("Softmax", ["logits"], ["p"], axis=1),
        node("ZipMap", ["p"], ["scores"], domain="ai.onnx.ml", **attribute),
    ]
    key = TensorProto.INT64 if kind == "int64s" else TensorProto.STRING
    of_floats = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    maps = helper.make_sequence_type_proto(helper.make_map_type_proto(key, of_floats))
    output = helper.make_value_info("scores", maps)
    model = ending(*nodes, spec=spec, output=output, labels=len(keys), domains=["ai.onnx.ml"])
    return Sample(model, spec, labels, version=2, **more)


def prepared(**changes: Any) -> Sample:
    """One for an input that only later agents can make."""
    spec = image_spec(**changes, output=NONE)
    nodes, weights = image_classifier(spec, LABELS)
    x = tensor("x", [None, *input_shape(spec)], _TYPES[spec.type])
    if spec.type == "uint8":
        nodes[0].input[0] = "floats"
        nodes.insert(0, node("Cast", ["x"], ["floats"], to=TensorProto.FLOAT))
    return Sample(
        build(nodes, weights, [x], [tensor("scores", [None, LABELS])]), spec, LABELS, spec.version
    )


def in_one_column() -> Sample:
    """Of all that came with version 2 the most: uint8, cropped, NHW, and one column for two."""
    spec = image_spec(
        **{"type": "uint8", "scale": 1, "layout": "NHW", "resize": "crop", "shortest_edge": 9},
        output=SIGMOID,
    )
    nodes, weights = logits(spec, 1)
    nodes[0].input[0] = "floats"
    nodes.insert(0, node("Cast", ["x"], ["floats"], to=TensorProto.FLOAT))
    nodes.append(node("Identity", ["logits"], ["scores"]))
    x = tensor("x", [None, 8, 8], TensorProto.UINT8)
    model = build(nodes, weights, [x], [tensor("scores", [None, 1])])
    return Sample(model, spec, 2, version=2)


def plain(labels: int = LABELS, **more: Any) -> Sample:
    """A classifier that ends in a table of logits."""
    version, spec = more.pop("version", 1), image_spec(output=SOFTMAX)
    last = node("Identity", ["logits"], ["scores"])
    output = tensor("scores", [more.get("batch"), labels])
    model = ending(last, spec=spec, output=output, labels=labels, **more)
    return Sample(model, spec, labels, version)


def float16(**options: Any) -> Sample:
    """What onnxruntime's own converter makes of one, with its nodes in no order."""
    whole = plain()
    made = convert_float_to_float16(onnx.load_model_from_string(whole.model), **options)
    return Sample(made.SerializeToString(), whole.spec)


def opset_26() -> Sample:
    whole = plain()
    made = convert_version(onnx.load_model_from_string(whole.model), 26)
    return Sample(made.SerializeToString(), whole.spec, version=2)


_TYPES: Final = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8}

ACCEPTED: Final[Mapping[str, Sample]] = {
    "a table of logits": plain(),
    "a batch of -1, as Paddle writes it": plain(batch=-1),
    "[N, L, 1, 1], as DenseNet ends": with_head(10, 1, 1),
    "[N, 1, 1, L], as TensorFlow's hub ends": with_head(1, 1, 10),
    "one column for two labels, as a sigmoid": with_head(1, activation="sigmoid", labels=2),
    "[N] for two labels": with_head(activation="sigmoid", labels=2),
    "ZipMap with numbers, as CatBoost ends": with_map(list(range(10))),
    "ZipMap with names in order, as Custom Vision ended": with_map(["cat", "dog"], 2),
    "float16 within, by onnxruntime's converter": float16(keep_io_types=True),
    "BGR, as OpenCV reads": prepared(color="bgr", layout="NCHW", mean=[0.1, 0.2, 0.3]),
    "NHW, without an axis for its one channel": prepared(layout="NHW"),
    "uint8, as TensorFlow's detectors and OpenVINO take it": prepared(
        type="uint8", scale=1, color="rgb", layout="NHWC"
    ),
    "resize 256, crop 224, as torchvision": prepared(
        resize="crop", shortest_edge=10, color="rgb", layout="NCHW"
    ),
    "all of it at once": in_one_column(),
    "1,001 labels, with TensorFlow's background": plain(1001),
    "opset 26": opset_26(),
    "IR version 13": plain(ir_version=13, version=2),
}
