"""Models as exporters write them: small graphs, each with what makes its kind what it is.

All are made here. Those of `ACCEPTED` tell how bright an image is, as `digits_like_model`, and are
written in one of the ways in which classifiers come; those of `REFUSED` are models that count
nothing for labels, or were exported in a way that has to be mended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper
from onnx.version_converter import convert_version
from onnxruntime.transformers.float16 import (
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


def giving(
    *shape: int | None,
    name: str = "scores",
    declared: bool = True,
    code: str,
    says: tuple[str, ...] = (),
    **spec: Any,
) -> Sample:
    """One that gives numbers of this shape for each photo, where it is another kind of model."""
    how = image_spec(**{"layout": "NCHW", "color": "rgb", **spec}, output={**SOFTMAX, "name": name})
    sizes = [size or 7 for size in shape]
    nodes = [
        node("ReduceMean", ["x"], ["brightness"], axes=[1, 2, 3], keepdims=0),
        node("Reshape", ["brightness", "ones"], ["each"]),
        node("Add", ["each", "steps"], [name]),
    ]
    weights = [
        weight("ones", np.array([-1, *[1] * len(sizes)], np.int64)),
        weight("steps", np.arange(np.prod(sizes), dtype=np.float32).reshape(1, *sizes)),
    ]
    stated = [None, *shape] if declared else [None] * (1 + len(shape))
    model = build(nodes, weights, [tensor("x", [None, *input_shape(how)])], [tensor(name, stated)])
    return Sample(model, how, code=code, says=says)


def of_one_number(activation: str, **more: Any) -> Sample:
    """Tells an age, from 0 to 90 years."""
    spec = image_spec(output={"name": "years", "activation": activation})
    nodes, weights = logits(spec, 1)
    nodes[-1].output[0] = "logits"
    nodes += [node("Mul", ["logits", "ninety"], ["more"]), node("Abs", ["more"], ["much"])]
    nodes += [node("Add", ["much", "ninety"], ["years"])]
    weights.append(weight("ninety", np.float32(90)))
    model = build(nodes, weights, [tensor("x", [None, 64])], [tensor("years", [None, 1])])
    return Sample(model, spec, 2, **more)


def with_inputs(*inputs: ValueInfoProto, outputs: tuple[str, ...] = (), **more: Any) -> Sample:
    """One that takes something else than a photo."""
    named = ("scores", *outputs)
    nodes = [node("Identity", [inputs[0].name], [it]) for it in named]
    made = [tensor(it, [None, LABELS], inputs[0].type.tensor_type.elem_type) for it in named]
    return Sample(build(nodes, [], inputs, made), image_spec(output=SOFTMAX), **more)


def with_boxes() -> Sample:
    """As TensorFlow's detection API exports one, with its boxes chosen within."""
    names = ("detection_boxes", "detection_classes", "num_detections")
    outputs = [tensor(name, [None, 100]) for name in names]
    nodes = [node("Identity", ["x"], [name]) for name in names]
    model = build(nodes, [], [tensor("x", [None, 64])], outputs)
    says = ("detection_boxes", "object detector")
    return Sample(model, image_spec(output=SOFTMAX), code="model.is_detector", says=says)


def cut_off() -> Sample:
    """A network whose last layer was taken away, so that it gives what lies before it."""
    spec = image_spec(layout="NCHW", output=SOFTMAX)
    nodes = [
        node("Conv", ["x", "kernels"], ["maps"]),
        node("GlobalAveragePool", ["maps"], ["pooled"]),
        node("Flatten", ["pooled"], ["scores"]),
    ]
    kernels = weight("kernels", np.ones((512, 1, 3, 3), np.float32))
    outputs = [tensor("scores", [None, 512])]
    model = build(nodes, [kernels], [tensor("x", [None, 1, 8, 8])], outputs)
    return Sample(model, spec, code="model.is_embedding", says=("embedding",))


def in_training() -> Sample:
    spec = image_spec(output=SOFTMAX)
    nodes, weights = logits(spec, LABELS)
    nodes[0].input[0] = "normalized"
    outputs = ["normalized", "mean_out", "var_out"]
    name = "/backbone/bn1/BatchNormalization"
    first = node("BatchNormalization", ["x", *["w"] * 4], outputs, name, training_mode=1)
    nodes.append(node("Identity", ["logits"], ["scores"]))
    model = build(
        [first, *nodes],
        [*weights, weight("w", np.ones(64, np.float32))],
        [tensor("x", [None, 64])],
        [tensor("scores", [None, LABELS])],
        producer_name="pytorch",
    )
    says = (name, "training_mode=1", "model.eval()")
    return Sample(model, spec, code="model.training_mode", says=says)


def badly_quantized() -> Sample:
    """One whose scale was found on pictures of other numbers: all that it sees is one step."""
    spec = image_spec(output=SOFTMAX)
    nodes, weights = logits(spec, LABELS)
    nodes[0].input[0] = "back"
    nodes.append(node("Identity", ["logits"], ["scores"]))
    front = [
        node("QuantizeLinear", ["x", "scale", "zero"], ["whole"]),
        node("DequantizeLinear", ["whole", "scale", "zero"], ["back"]),
    ]
    weights += [weight("scale", np.float32(5)), weight("zero", np.uint8(0))]
    outputs = [tensor("scores", [None, LABELS])]
    model = build([*front, *nodes], weights, [tensor("x", [None, 64])], outputs)
    says = ("scales", "Calibrate")
    return Sample(model, spec, code="model.quantized_scales", says=says)


def exported(by: str, code: str, *says: str, **changes: Any) -> Sample:
    """A good one that this exporter wrote in a way that can't be run."""
    whole = plain()
    made = onnx.load_model_from_string(whole.model)
    made.producer_name = by
    if changes.pop("loops", False):
        of_nothing = helper.make_graph(
            [node("Identity", ["logits"], ["o"])], "g", [], [tensor("o", [None, LABELS])]
        )
        made.graph.node[-1].CopyFrom(
            node(
                "If",
                ["yes"],
                ["scores"],
                "/head/If_3",
                then_branch=of_nothing,
                else_branch=of_nothing,
            )
        )
        made.graph.initializer.append(weight("yes", True))
    if changes.pop("apart", False):
        made.graph.initializer[0].ClearField("raw_data")
        made.graph.initializer[0].data_location = TensorProto.EXTERNAL
        entry = made.graph.initializer[0].external_data.add()
        entry.key, entry.value = "location", "model.onnx.data"
    made.opset_import[0].version = changes.pop("opset", 17)
    return Sample(made.SerializeToString(), whole.spec, code=code, says=says)


INT64: Final = TensorProto.INT64
BOXES: Final = ("object detector", "[?, 84, 2100]")
IN_320: Final[dict[str, Any]] = {"width": 320, "height": 320}
LINE: Final[dict[str, Any]] = {"width": 100, "height": 32}

REFUSED: Final[Mapping[str, Sample]] = {
    "a detector, as YOLOv8 gives boxes": giving(
        84, 2100, code="model.is_detector", says=BOXES, **IN_320
    ),
    "a detector, as YOLOv5 gives boxes": giving(6300, 85, code="model.is_detector", **IN_320),
    "a detector, as YOLOv10 gives boxes": giving(300, 6, code="model.is_detector", **IN_320),
    "a detector whose shape only a run shows": giving(
        84, 2100, declared=False, code="model.is_detector", **IN_320
    ),
    "a detector with its boxes chosen": with_boxes(),
    "segmentation": giving(21, 8, 8, code="model.is_segmentation", says=("segmentation",)),
    "segmentation, of open sides": giving(21, None, None, code="model.is_segmentation"),
    "OCR of a line": giving(26, 37, code="model.is_text_recognition", says=("OCR",), **LINE),
    "an embedding, by its name": giving(512, name="embedding", code="model.is_embedding"),
    "an embedding, by its last layer": cut_off(),
    "the hidden states of a ViT": giving(
        197, 768, name="last_hidden_state", code="model.is_embedding"
    ),
    "a regression": of_one_number(
        "none", code="model.output_not_probability", says=("regression", "sigmoid")
    ),
    "a regression behind a sigmoid": of_one_number("sigmoid", code="model.is_regression"),
    "a model of text": with_inputs(
        tensor("input_ids", [None, None], INT64),
        tensor("attention_mask", [None, None], INT64),
        code="model.is_text",
        says=("input_ids",),
    ),
    "audio with state": with_inputs(
        tensor("input", [None, None]),
        tensor("state", [2, None, 128]),
        tensor("sr", [], INT64),
        outputs=("stateN",),
        code="model.is_audio",
        says=("'state'", "sound"),
    ),
    "a softmax over one column": replace(
        with_head(labels=2), code="model.softmax_of_one", says=("sigmoid",)
    ),
    "a label too few, of a network that ends in a pool": replace(
        cut_off(), labels=511, code="model.output_count", says=()
    ),
    "training mode": in_training(),
    "quantized with scales that break it": badly_quantized(),
    "float16 throughout, by onnxruntime's converter": replace(
        float16(keep_io_types=False), code="model.input_type", says=("keep_io_types=True",)
    ),
    "ZipMap in another order": with_map(
        ["dog", "cat"], 2, code="model.output_order", says=("zipmap", "extract_model")
    ),
    "an If, by PyTorch": exported(
        "pytorch", "model.control_flow", "'If' (node '/head/If_3')", "torch.onnx.export", loops=True
    ),
    "weights beside it, by PyTorch": exported(
        "pytorch", "model.external_data", "external_data=False", apart=True
    ),
    "a new opset, by PyTorch": exported("pytorch", "model.opset", "opset_version=18", opset=27),
    "an old opset, by tf2onnx": exported("tf2onnx", "model.opset", "--opset 17", opset=6),
}
