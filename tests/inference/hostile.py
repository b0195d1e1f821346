"""Hostile and mistaken files, each a valid model but for its one sin, and the code that names it.

All are made for `image_spec()` and ten labels. A file with two sins would be refused for the first,
and a test of the second would show nothing.
"""

import gzip
import io
import os
import pickle
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper

from tests.inference.models import (
    build,
    digits_like_model,
    image_classifier,
    image_spec,
    scores,
    tensor,
    weight,
)

LABELS = 10
GOOD = digits_like_model(LABELS)
SPEC = image_spec()

node = helper.make_node


class Touch:
    """Unpickled, it would leave a file behind."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/dml-was-unpickled",)


def with_front(
    nodes: Sequence[NodeProto], weights: Sequence[TensorProto] = (), **more: Any
) -> bytes:
    """A good model that takes "z", which these nodes make of its input "x"."""
    behind, its_weights = image_classifier(SPEC, LABELS)
    behind[0].input[0] = "z"
    return build(
        [*nodes, *behind],
        [*weights, *its_weights],
        [tensor("x", [None, 64])],
        [scores(SPEC, LABELS)],
        **more,
    )


def with_end(nodes: Sequence[NodeProto], weights: Sequence[TensorProto] = (), **more: Any) -> bytes:
    """A good model, of whose probabilities "p" these nodes make the output "probabilities"."""
    before, its_weights = image_classifier(SPEC, LABELS)
    before[-1].output[0] = "p"
    outputs = more.pop("outputs", [scores(SPEC, LABELS)])
    return build(
        [*before, *nodes],
        [*its_weights, *weights],
        more.pop("inputs", [tensor("x", [None, 64])]),
        outputs,
        **more,
    )


def adding_nothing(nodes: Sequence[NodeProto], weights: Sequence[TensorProto] = ()) -> bytes:
    """A good model that adds 0 × "s", a scalar which these nodes make, to its input."""
    last = [node("Mul", ["s", "zero"], ["nothing"]), node("Add", ["x", "nothing"], ["z"])]
    return with_front([*nodes, *last], [*weights, weight("zero", np.float32(0))])


def external(location: str) -> bytes:
    inside = weight("one", np.ones(64, np.float32))
    inside.ClearField("raw_data")
    inside.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "256")):
        entry = inside.external_data.add()
        entry.key, entry.value = key, value
    return with_front([node("Mul", ["x", "one"], ["z"])], [inside])


def endless_loop() -> bytes:
    body = helper.make_graph(
        [node("Identity", ["go"], ["go_on"]), node("Identity", ["v"], ["v_out"])],
        "body",
        [tensor("i", [], TensorProto.INT64), tensor("go", [], TensorProto.BOOL), tensor("v", None)],
        [tensor("go_on", [], TensorProto.BOOL), tensor("v_out", None)],
    )
    return with_front([node("Loop", ["", "true", "x"], ["z"], body=body)], [weight("true", True)])


def branch(depth: int) -> bytes:
    def inner(left: int) -> GraphProto:
        nodes = [node("Identity", ["x"], ["o"])]
        if left:
            nodes = [node("If", ["true"], ["o"], then_branch=inner(left - 1), else_branch=inner(0))]
        return helper.make_graph(nodes, f"level{left}", [], [tensor("o", [None, 64])])

    return with_front(
        [node("If", ["true"], ["z"], then_branch=inner(depth), else_branch=inner(0))],
        [weight("true", True)],
    )


def scan() -> bytes:
    body = helper.make_graph(
        [node("Identity", ["row"], ["row_out"])],
        "body",
        [tensor("row", [64])],
        [tensor("row_out", [64])],
    )
    return with_front([node("Scan", ["x"], ["z"], body=body, num_scan_inputs=1)])


def function_bomb(doublings: int = 30) -> bytes:
    """Functions that call one another twice: two to the thirtieth nodes, once unfolded."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    functions = []
    for level in range(doublings):
        name, domain = ("Identity", "") if level == 0 else (f"F{level - 1}", "own")
        twice = [node(name, [a], [b], domain=domain) for a, b in (("a", "t"), ("t", "b"))]
        functions.append(helper.make_function("own", f"F{level}", ["a"], ["b"], twice, opsets))
    last = node(f"F{doublings - 1}", ["x"], ["z"], domain="own")
    return with_front([last], domains=["own"], functions=functions)


def slow() -> bytes:
    """300 products of two 4096 × 4096 matrices: 41 trillion operations."""
    chain = [node("MatMul", [f"a{i}", f"a{i}"], [f"a{i + 1}"]) for i in range(300)]
    return adding_nothing(
        [
            node("ConstantOfShape", ["side"], ["a0"]),
            *chain,
            node("ReduceSum", ["a300"], ["s"], keepdims=0),
        ],
        [weight("side", [4096, 4096])],
    )


def memory_bomb(times: int = 5_000_000) -> bytes:
    """Asks for four gigabytes by a size that only shows when it runs."""
    return adding_nothing(
        [
            node("Shape", ["x"], ["dims"]),
            node("ReduceProd", ["dims"], ["count"], keepdims=1),
            node("Mul", ["count", "times"], ["many"]),
            node("ReduceMax", ["x"], ["top"], keepdims=0),
            node("Expand", ["top", "many"], ["huge"]),
            node("ReduceMax", ["huge"], ["s"], keepdims=0),
        ],
        [weight("times", [times])],
    )


def stated_giant() -> bytes:
    return adding_nothing(
        [node("ConstantOfShape", ["size"], ["c"]), node("ReduceSum", ["c"], ["s"], keepdims=0)],
        [weight("size", [10**11])],
    )


def nested_protobuf(depth: int = 1000) -> bytes:
    """graph.node.attribute.g, which is a graph again: the parser would recurse."""

    def field(tag: int, content: bytes) -> bytes:
        size, head = len(content), bytearray([tag])
        while size > 127:
            head.append(size & 127 | 128)
            size >>= 7
        return bytes(head) + bytes([size]) + content

    inner = b""
    for _ in range(depth):
        inner = field(0x0A, field(0x2A, field(0x32, inner)))
    return GOOD + field(0x3A, inner)


def changed(**fields: Any) -> ModelProto:
    model = ModelProto()
    model.ParseFromString(GOOD)
    for name, value in fields.items():
        setattr(model, name, value)
    return model


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model.onnx", GOOD)
    return file.getvalue()


def random_front(operator: str) -> bytes:
    return with_front([node(operator, ["x"], ["r"]), node("Add", ["x", "r"], ["z"])])


def sparse() -> bytes:
    values = weight("values", np.ones(1, np.float32))
    tensor_ = helper.make_sparse_tensor(values, weight("at", [[0]]), [1, 64])
    constant = node("Constant", [], ["one"], sparse_value=tensor_)
    return with_front([constant, node("Add", ["x", "one"], ["z"])])


def training() -> bytes:
    model = changed()
    model.training_info.add().algorithm.name = "steps"
    return bytes(model.SerializeToString())


def metadata() -> bytes:
    model = changed()
    entry = model.metadata_props.add()
    entry.key, entry.value = "story", "x" * 70_000
    return bytes(model.SerializeToString())


def not_utf8() -> bytes:
    named = with_end(
        [node("Identity", ["p"], ["probabilities"]), node("Identity", ["p"], ["a second one"])],
        outputs=[scores(SPEC, LABELS), tensor("a second one", [None, LABELS])],
    )
    return named.replace(b"a second one", b"a second \xff\xfe\xfd")


PLAIN_OUTPUT = [node("Identity", ["p"], ["probabilities"])]

# What its bytes alone give away.
FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "model.empty"),
    "pickle": (pickle.dumps(Touch()), "model.pickle"),
    "old pickle": (pickle.dumps(Touch(), 0), "model.not_onnx"),
    "zip": (zipped(), "model.zip"),
    "gzip": (gzip.compress(GOOD), "model.gzip"),
    "Keras": (b"\x89HDF\r\n\x1a\n" + bytes(100), "model.not_onnx"),
    "TensorFlow Lite": (b"\x1c\0\0\0TFL3" + bytes(100), "model.not_onnx"),
    "ORT format": (b"\x1c\0\0\0ORTM" + bytes(100), "model.not_onnx"),
    "garbage": (b"\xff" * 5000, "model.not_onnx"),
    "a page of HTML": (b"<!DOCTYPE html><html>", "model.not_onnx"),
    "JSON": (b'{"model": 1}', "model.not_onnx"),
    "no graph": (changed().SerializeToString()[:2], "model.not_onnx"),
    "cut in half": (GOOD[: len(GOOD) // 2], "model.truncated"),
    "cut by a byte": (GOOD[:-1], "model.truncated"),
    "deep protobuf nesting": (nested_protobuf(), "model.unparsable"),
    "text that is no UTF-8": (not_utf8(), "model.invalid"),
}

# What its graph shows.
GRAPHS: dict[str, tuple[bytes, str]] = {
    "external data elsewhere": (external("../../../../etc/passwd"), "model.external_data"),
    "external data beside it": (external("weights.bin"), "model.external_data"),
    "custom operator": (
        with_front([node("Evil", ["x"], ["z"], domain="com.evil")], domains=["com.evil"]),
        "model.custom_operator",
    ),
    "com.microsoft operator": (
        with_front([node("Gelu", ["x"], ["z"], domain="com.microsoft")], domains=["com.microsoft"]),
        "model.custom_operator",
    ),
    "endless loop": (endless_loop(), "model.control_flow"),
    "branch": (branch(0), "model.control_flow"),
    "scan": (scan(), "model.control_flow"),
    "function bomb": (function_bomb(1), "model.local_function"),
    "50,000 nodes": (
        with_front(
            [node("Identity", [f"v{i}" if i else "x"], [f"v{i + 1}"]) for i in range(50_000)]
            + [node("Identity", ["v50000"], ["z"])]
        ),
        "model.too_many_nodes",
    ),
    "12,000 weights": (
        with_front(
            [node("Identity", ["x"], ["z"])],
            [weight(f"w{i}", np.float32(0)) for i in range(12_000)],
        ),
        "model.too_many_weights",
    ),
    "a giant that its shapes state": (stated_giant(), "model.too_large_tensor"),
    "opset of tomorrow": (
        with_front([node("Identity", ["x"], ["z"])], opset=28),
        "model.opset",
    ),
    "IR of tomorrow": (changed(ir_version=14).SerializeToString(), "model.ir_version"),
    "random numbers": (random_front("RandomNormalLike"), "model.random_operator"),
    "sparse weight": (sparse(), "model.sparse_weight"),
    "training information": (training(), "model.training"),
    "dropout in training": (
        with_front(
            [node("Dropout", ["x", "half", "true"], ["z"])],
            [weight("half", np.float32(0.5)), weight("true", True)],
        ),
        "model.training_mode",
    ),
    "dropout in training by a constant node": (
        with_front(
            [
                node("Constant", [], ["yes"], value=weight("yes", True)),
                node("Dropout", ["x", "half", "yes"], ["z"]),
            ],
            [weight("half", np.float32(0.5))],
        ),
        "model.training_mode",
    ),
    "batch normalization in training": (
        with_front(
            [node("BatchNormalization", ["x", *["w"] * 4], ["z", "m", "v"], training_mode=1)],
            [weight("w", np.ones(64, np.float32))],
        ),
        "model.training_mode",
    ),
    "much metadata": (metadata(), "model.metadata"),
    "unknown operator": (with_front([node("Nothing", ["x"], ["z"])]), "model.invalid"),
    "a value that nobody makes": (with_front([node("Add", ["x", "gone"], ["z"])]), "model.invalid"),
}

# What only running it shows.
TRIALS: dict[str, tuple[bytes, str]] = {
    "NaN": (
        with_end(
            [node("Div", ["p", "p0"], ["q"]), node("Mul", ["q", "p0"], ["probabilities"])],
            [weight("p0", np.float32(0))],
        ),
        "model.output_not_finite",
    ),
    "logits": (
        with_end([node("Identity", ["logits"], ["probabilities"])]),
        "model.output_not_probability",
    ),
    "the same for every image": (
        with_end(
            [node("Mul", ["p", "zero"], ["q"]), node("Add", ["q", "tenth"], ["probabilities"])],
            [weight("zero", np.float32(0)), weight("tenth", np.float32(0.1))],
        ),
        "model.constant",
    ),
    "300 large products": (slow(), "model.too_slow"),
    "memory bomb": (memory_bomb(), "model.too_much_memory"),
    "softmax over the batch": (
        with_end([node("Softmax", ["logits"], ["probabilities"], axis=0)]),
        "model.batch_dependent",
    ),
    "one row for the whole batch": (
        with_end([node("ReduceMax", ["p"], ["probabilities"], axes=[0], keepdims=1)]),
        "model.output_shape",
    ),
    "fewer columns than it says": (
        with_end(
            [node("Slice", ["p", "a", "b", "axis"], ["probabilities"])],
            [weight("a", [0]), weight("b", [9]), weight("axis", [1])],
            outputs=[tensor("probabilities", [None, None])],
        ),
        "model.output_count",
    ),
    "a shape that does not add up": (
        with_front(
            [
                node("Shape", ["x"], ["dims"]),
                node("Add", ["dims", "one"], ["wrong"]),
                node("Reshape", ["x", "wrong"], ["z"]),
            ],
            [weight("one", [1, 1])],
        ),
        "model.does_not_run",
    ),
}
