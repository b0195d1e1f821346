"""Quantized models of ONNX's own operators run; what of them can't run is told why."""

from typing import Final

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper

from dml.inference.images import prepare
from dml.inference.runner import Refused, Sandbox
from tests.inference.models import (
    SHARPNESS,
    build,
    grey_image,
    image_classifier,
    image_spec,
    tensor,
    weight,
)

LABELS: Final = 10
SPEC: Final = image_spec(output={"name": "logits", "activation": "softmax"})
STEPS: Final = np.arange(LABELS, dtype=np.float32)
SLOPE: Final = np.repeat((2 * SHARPNESS * 9 / 64 * STEPS)[None], 64, 0).astype(np.float32)
# Seven bits: sums of eight overflow on processors that have no VNNI.
SCALE: Final = np.float32(SLOPE.max() / 63)
ROUNDED: Final = np.round(SLOPE / SCALE).astype(np.int8)

node = helper.make_node
_IN: Final = node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["x_q"])
_DYNAMIC: Final = node("DynamicQuantizeLinear", ["x"], ["x_q", "dx_scale", "dx_zero"])
_LAST: Final = node("Add", ["product", "offset"], ["logits"])
_FROM_INTEGERS: Final = [
    node("Cast", ["integers"], ["floats"], to=TensorProto.FLOAT),
    node("Mul", ["dx_scale", "w_scale"], ["scale"]),
    node("Mul", ["floats", "scale"], ["product"]),
]
_PIXELS: Final = node("Reshape", ["x", "image"], ["pixels"])
_OF_PIXELS: Final = node("QuantizeLinear", ["pixels", "x_scale", "x_zero"], ["x_q"])
_Y: Final = ["y_scale", "y_zero"]
GRAPHS: Final[dict[str, list[NodeProto]]] = {
    "QDQ": [
        _IN,
        node("DequantizeLinear", ["x_q", "x_scale", "x_zero"], ["x_back"]),
        node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["w_back"]),
        node("MatMul", ["x_back", "w_back"], ["product"]),
    ],
    "QLinearMatMul": [
        _IN,
        node("QLinearMatMul", ["x_q", "x_scale", "x_zero", "w", "w_scale", "w_zero", *_Y], ["y"]),
        node("DequantizeLinear", ["y", *_Y], ["product"]),
    ],
    "QLinearConv": [
        _PIXELS,
        _OF_PIXELS,
        node("QLinearConv", ["x_q", "x_scale", "x_zero", "k", "w_scale", "w_zero", *_Y], ["y"]),
        node("DequantizeLinear", ["y", *_Y], ["y_back"]),
        node("Reshape", ["y_back", "flat"], ["product"]),
    ],
    "ConvInteger": [
        _PIXELS,
        _OF_PIXELS,
        node("Identity", ["x_scale"], ["dx_scale"]),
        node("ConvInteger", ["x_q", "k", "x_zero", "w_zero"], ["sums"]),
        node("Reshape", ["sums", "flat"], ["integers"]),
        *_FROM_INTEGERS,
    ],
    "MatMulInteger": [
        _IN,
        node("Identity", ["x_scale"], ["dx_scale"]),
        node("MatMulInteger", ["x_q", "w", "x_zero", "w_zero"], ["integers"]),
        *_FROM_INTEGERS,
    ],
    "DynamicQuantizeLinear": [
        _DYNAMIC,
        node("MatMulInteger", ["x_q", "w", "dx_zero", "w_zero"], ["integers"]),
        *_FROM_INTEGERS,
    ],
}
# A product in eight bits tells the brightest images no more apart.
COARSE: Final = {"QLinearMatMul": 4, "QLinearConv": 4}


def quantized(name: str) -> bytes:
    """A model that tells how bright an image is, as `digits_like_model`, in eight bits."""
    weights = [
        weight("offset", -SHARPNESS * STEPS**2),
        weight("w", ROUNDED),
        weight("k", ROUNDED.T.reshape(LABELS, 1, 8, 8).copy()),
        weight("w_scale", np.array(SCALE)),
        weight("w_zero", np.array(0, np.int8)),
        weight("x_scale", np.array(1 / 255, np.float32)),
        weight("x_zero", np.array(0, np.uint8)),
        weight("y_scale", np.array(SLOPE.max() * 64 / 255, np.float32)),
        weight("y_zero", np.array(0, np.uint8)),
        weight("image", np.array([-1, 1, 8, 8], np.int64)),
        weight("flat", np.array([-1, LABELS], np.int64)),
    ]
    inputs, outputs = [tensor("x", [None, 64])], [tensor("logits", [None, LABELS])]
    return build([*GRAPHS[name], _LAST], weights, inputs, outputs)


def quantized_by_batch(batch: int | None) -> bytes:
    """One whose output is rounded to steps of what the largest of its batch is."""
    nodes, weights = image_classifier(SPEC, LABELS)
    nodes[-1].output[0] = "sums"
    nodes += [
        node("DynamicQuantizeLinear", ["sums"], ["q", "q_scale", "q_zero"]),
        node("DequantizeLinear", ["q", "q_scale", "q_zero"], ["logits"]),
    ]
    inputs, outputs = [tensor("x", [batch, 64])], [tensor("logits", [batch, LABELS])]
    return build(nodes, weights, inputs, outputs)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_quantized_model_is_accepted_and_runs(sandbox: Sandbox, name: str) -> None:
    model = quantized(name)
    sandbox.check(model, SPEC, LABELS)
    items = np.stack([prepare(grey_image(round(i * 255 / 9)), SPEC) for i in range(LABELS)])
    labels, _ = sandbox.predict(model, SPEC, items, LABELS)
    assert labels.tolist()[:6] == [0, 1, 2, 3, 4, 5]
    assert max(abs(labels - np.arange(LABELS))) <= COARSE.get(name, 1)


def test_one_that_takes_its_scale_from_the_batch_is_told_so(sandbox: Sandbox) -> None:
    with pytest.raises(Refused) as refusal:
        sandbox.check(quantized_by_batch(None), SPEC, LABELS)
    assert refusal.value.codes == ("model.quantized_by_batch",)
    assert "fix the batch to 1" in str(refusal.value)
    sandbox.check(quantized_by_batch(1), SPEC, LABELS)


@pytest.mark.parametrize("operator", ["QLinearAdd", "DynamicQuantizeMatMul", "MatMulNBits"])
def test_a_runtimes_own_quantized_operators_are_refused_with_a_way_out(
    sandbox: Sandbox, operator: str
) -> None:
    nodes = [node(operator, ["x"], ["logits"], domain="com.microsoft")]
    inputs, outputs = [tensor("x", [None, 64])], [tensor("logits", [None, LABELS])]
    model = build(nodes, [], inputs, outputs, domains=["com.microsoft"])
    with pytest.raises(Refused, match="in the QDQ format") as refusal:
        sandbox.check(model, SPEC, LABELS)
    assert "model.custom_operator" in refusal.value.codes
