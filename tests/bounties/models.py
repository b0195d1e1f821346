"""Tiny models over the two features of `tables.rows`, good ones and hostile ones."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from onnx import NodeProto, TensorProto, helper

from tests.inference.models import build, tensor, weight

FEATURES: Final = 2
node = helper.make_node


def model(slope: float = 4.0) -> bytes:
    """Right about each row where the slope is positive, and wrong where it is negative."""
    return _with_front([node("Identity", ["x"], ["z"])], slope=slope)


def _with_front(
    nodes: Sequence[NodeProto],
    weights: Sequence[TensorProto] = (),
    *,
    slope: float = 4.0,
    **more: Any,
) -> bytes:
    """A model that takes `z`, which these nodes make of its input `x`."""
    sides = weight("sides", np.array([[-slope, slope], [slope, -slope]], np.float32))
    last = [node("MatMul", ["z", "sides"], ["logits"]), node("Softmax", ["logits"], ["p"], axis=1)]
    return build(
        [*nodes, *last],
        [*weights, sides],
        [tensor("x", [None, FEATURES])],
        [tensor("p", [None, 2])],
        **more,
    )


def _adding_nothing(nodes: Sequence[NodeProto], weights: Sequence[TensorProto]) -> bytes:
    """A good model that adds 0 × `s`, a scalar which these nodes make, to its input."""
    last = [node("Mul", ["s", "zero"], ["nothing"]), node("Add", ["x", "nothing"], ["z"])]
    return _with_front([*nodes, *last], [*weights, weight("zero", np.float32(0))])


def endless_loop() -> bytes:
    body = helper.make_graph(
        [node("Identity", ["go"], ["go_on"]), node("Identity", ["v"], ["v_out"])],
        "body",
        [tensor("i", [], TensorProto.INT64), tensor("go", [], TensorProto.BOOL), tensor("v", None)],
        [tensor("go_on", [], TensorProto.BOOL), tensor("v_out", None)],
    )
    loop = node("Loop", ["", "true", "x"], ["z"], body=body)
    return _with_front([loop], [weight("true", True)])


def slow() -> bytes:
    """300 products of two 4096 × 4096 matrices: 41 trillion operations."""
    large = [node("Identity", ["large"], ["side"])]
    return _multiplying(300, large, [weight("large", [4096, 4096])])


def slow_where_negative(products: int = 300) -> bytes:
    """Good and quick over rows from 0 to 1, such as a model is tried out with; else as `slow`."""
    negative = [
        node("ReduceMin", ["x"], ["least"], keepdims=0),
        node("Neg", ["least"], ["above"]),
        node("Relu", ["above"], ["depth"]),
        node("Mul", ["depth", "times"], ["long"]),
        node("Cast", ["long"], ["length"], to=TensorProto.INT64),
        node("Add", ["length", "ones"], ["side"]),
    ]
    weights = [weight("times", np.float32(4096)), weight("ones", [1, 1])]
    return _multiplying(products, negative, weights)


def _multiplying(times: int, nodes: Sequence[NodeProto], weights: Sequence[TensorProto]) -> bytes:
    """A good model that multiplies matrices of zeros with `side`, which these nodes make."""
    chain = [node("MatMul", [f"a{i}", f"a{i}"], [f"a{i + 1}"]) for i in range(times)]
    start = node("ConstantOfShape", ["side"], ["a0"])
    end = node("ReduceSum", [f"a{times}"], ["s"], keepdims=0)
    return _adding_nothing([*nodes, start, *chain, end], weights)


def memory_bomb() -> bytes:
    """Asks for forty gigabytes by a size that only shows when it runs."""
    return _adding_nothing(
        [
            node("Shape", ["x"], ["dims"]),
            node("ReduceProd", ["dims"], ["count"], keepdims=1),
            node("Mul", ["count", "times"], ["many"]),
            node("ReduceMax", ["x"], ["top"], keepdims=0),
            node("Expand", ["top", "many"], ["huge"]),
            node("ReduceMax", ["huge"], ["s"], keepdims=0),
        ],
        [weight("times", [1_000_000_000])],
    )


def reading_a_file() -> bytes:
    inside = weight("one", np.ones(FEATURES, np.float32))
    inside.ClearField("raw_data")
    inside.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "../../etc/passwd"), ("offset", "0"), ("length", "8")):
        entry = inside.external_data.add()
        entry.key, entry.value = key, value
    return _with_front([node("Mul", ["x", "one"], ["z"])], [inside])


def calling_its_own_code() -> bytes:
    return _with_front([node("Evil", ["x"], ["z"], domain="com.evil")], domains=["com.evil"])


def wrong_width() -> bytes:
    x = tensor("x", [None, 3])
    sides = weight("sides", np.ones((3, 2), np.float32))
    return build([node("MatMul", ["x", "sides"], ["p"])], [sides], [x], [tensor("p", [None, 2])])


def not_finite() -> bytes:
    """Gives NaN: 0 ÷ 0 of each row."""
    zeros = [node("Mul", ["x", "zero"], ["o"]), node("Div", ["o", "o"], ["z"])]
    return _with_front(zeros, [weight("zero", np.float32(0))])


HOSTILE: Final[dict[str, tuple[bytes, str]]] = {
    "loops": (endless_loop(), "model.control_flow"),
    "eats memory": (memory_bomb(), "model.too_much_memory"),
    "reads a file": (reading_a_file(), "model.external_data"),
    "calls code of its own": (calling_its_own_code(), "model.custom_operator"),
    "takes other features": (wrong_width(), "model.input_shape"),
    "gives NaN": (not_finite(), "model.output_not_finite"),
    "is a zip": (b"PK\x03\x04" + bytes(500), "model.zip"),
    "is a pickle": (b"\x80\x04cos\nsystem\n(S'id'\ntR.", "model.pickle"),
    "is cut in half": (model()[:100], "model.truncated"),
}
