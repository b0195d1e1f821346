"""Each hostile file is refused for what is wrong with it, and the next one is served."""

import json
import os
import time
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto

from dml.inference.runner import Allowance, Refused, Sandbox
from dml.inference.signature import MODEL_BYTES_MAX, Tensor, from_dict
from dml.inference.spec import input_shape
from tests.inference import hostile
from tests.inference.models import (
    build,
    digits_like_model,
    image_classifier,
    image_spec,
    scores,
    tensor,
    tiny_image_model,
    weight,
)

ALL = {**hostile.FILES, **hostile.GRAPHS, **hostile.TRIALS}
RGB = {"color": "rgb", "width": 6, "height": 4, "layout": "NCHW"}


def codes(sandbox: Sandbox, model: bytes, labels: int = 10, **spec: Any) -> tuple[str, ...]:
    """The codes of the refusal; none where the model is accepted."""
    try:
        sandbox.check(model, image_spec(**spec), labels)
    except Refused as refused:
        return refused.codes
    return ()


def taking(shape: list[int | str | None], **spec: Any) -> bytes:
    """A model whose input states this shape, whatever the spec would make."""
    nodes, weights = image_classifier(image_spec(**spec), 10)
    return build(nodes, weights, [tensor("x", shape)], [scores(image_spec(), 10)])


@pytest.mark.parametrize("name", ALL)
def test_a_hostile_file_is_refused_for_its_one_sin(sandbox: Sandbox, name: str) -> None:
    model, code = ALL[name]
    with pytest.raises(Refused) as refusal:
        sandbox.check(model, hostile.SPEC, hostile.LABELS)
    assert refusal.value.codes == (code,), str(refusal.value)
    assert codes(sandbox, hostile.GOOD) == ()
    assert not os.path.exists("/tmp/dml-was-unpickled")


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("300 large products", {"model.too_slow"}),
        ("memory bomb", {"model.too_much_memory"}),
        ("a giant that its shapes state", {"model.too_much_memory", "model.does_not_run"}),
        ("endless loop", {"model.too_slow"}),
        ("external data elsewhere", {"model.does_not_load"}),
        ("external data beside it", {"model.does_not_load"}),
        ("custom operator", {"model.does_not_load"}),
        ("deep protobuf nesting", {"model.does_not_load"}),
        ("garbage", {"model.does_not_load"}),
        ("empty", {"model.does_not_load"}),
        ("NaN", {"model.output_not_finite"}),
        ("logits", {"model.output_not_probability"}),
        ("one row for the whole batch", {"model.output_shape"}),
    ],
)
def test_what_the_guard_would_stop_the_limits_behind_it_stop_too(
    name: str, allowed: set[str], sandbox: Sandbox
) -> None:
    items = np.linspace(0, 1, 3 * 64, dtype=np.float32).reshape(3, 64)
    with pytest.raises(Refused) as refusal:  # a run trusts no check
        sandbox.predict(ALL[name][0], hostile.SPEC, items)
    assert set(refusal.value.codes) <= allowed, str(refusal.value)


def test_a_bomb_of_functions_explodes_within_the_limits() -> None:
    with Sandbox(Allowance(seconds=1, memory_bytes=512 << 20)) as sandbox:
        bomb = hostile.function_bomb(30)
        assert codes(sandbox, bomb) == ("model.local_function",)
        with pytest.raises(Refused) as refusal:
            sandbox.predict(bomb, hostile.SPEC, np.zeros((1, 64), np.float32))
        stopped = {"model.too_slow", "model.too_much_memory", "model.crashed"}
        assert set(refusal.value.codes) <= stopped
        assert codes(sandbox, hostile.GOOD) == ()


def test_what_is_too_large_is_refused_before_it_is_copied(sandbox: Sandbox) -> None:
    huge = bytes(1 << 30)  # pages that nobody touches
    start = time.perf_counter()
    assert codes(sandbox, huge) == ("model.too_large",)
    with pytest.raises(Refused, match=r"model\.too_large"):
        sandbox.predict(huge, hostile.SPEC, np.zeros((1, 64), np.float32))
    assert time.perf_counter() - start < 0.1
    assert codes(sandbox, huge[: MODEL_BYTES_MAX + 1]) == ("model.too_large",)


@pytest.mark.slow
def test_a_model_of_almost_the_largest_size_is_checked_and_run() -> None:
    columns = (MODEL_BYTES_MAX - (1 << 20)) // (64 * 4)
    small = hostile.adding_nothing(
        [
            hostile.node("MatMul", ["x", "wide"], ["w"]),
            hostile.node("ReduceMax", ["w"], ["s"], keepdims=0),
        ],
        [weight("wide", np.zeros((64, 1), np.float32))],
    )
    large = ModelProto()
    large.ParseFromString(small)
    wide = large.graph.initializer[0]
    wide.dims[1] = columns
    wide.raw_data = bytes(4 * 64 * columns)
    model = large.SerializeToString()
    with Sandbox() as patient:
        assert patient.check(model, hostile.SPEC, 10).parameters > 64 * columns
        labels, _ = patient.predict(model, hostile.SPEC, np.ones((1, 64), np.float32))
    assert labels.tolist() == [9]


@pytest.mark.parametrize(
    ("shape", "spec"),
    [
        ([None, 3, 6, 4], RGB),  # height and width the other way round
        ([None, 4, 6, 3], RGB),  # NHWC
        ([None, 1, 4, 6], RGB),  # grey
        ([None, 3, 4, 7], RGB),
        ([None, 72], RGB),
        ([2, 3, 4, 6], RGB),  # a fixed batch that is not 1
        ([0, 3, 4, 6], RGB),
        ([], RGB),
        ([None, 63], {}),
        ([None, 8, 8], {}),
    ],
)
def test_an_input_that_the_spec_does_not_make_is_refused(
    sandbox: Sandbox, shape: list[int | str | None], spec: dict[str, Any]
) -> None:
    assert codes(sandbox, taking(shape, **spec), **spec) == ("model.input_shape",)


@pytest.mark.parametrize(
    ("shape", "spec"),
    [
        (["batch", 3, 4, 6], RGB),
        ([1, 3, 4, 6], RGB),
        ([None, 3, "height", "width"], RGB),
        ([None, None, None, None], RGB),
        ([None, 4, 6, 3], RGB | {"layout": "NHWC"}),
        ([None, 72], RGB | {"layout": "flat"}),
        ([None, "pixels"], {}),
    ],
)
def test_an_input_that_the_spec_makes_is_accepted(
    sandbox: Sandbox, shape: list[int | str | None], spec: dict[str, Any]
) -> None:
    assert codes(sandbox, taking(shape, **spec), **spec) == ()


def with_outputs(*outputs: Any, **more: Any) -> bytes:
    nodes = [
        hostile.node("Identity", ["p"], ["probabilities"]),
        hostile.node("ArgMax", ["p"], ["label"], axis=1, keepdims=0),
        hostile.node("Cast", ["p"], ["double"], to=TensorProto.DOUBLE),
        hostile.node("Reshape", ["p", "pairs"], ["cube"]),
        hostile.node("SequenceConstruct", ["p"], ["sequence"]),
    ]
    return hostile.with_end(nodes, [weight("pairs", [-1, 5, 2])], outputs=outputs, **more)


P = tensor("probabilities", [None, 10])
LABEL = tensor("label", [None], TensorProto.INT64)


def named(output: str) -> dict[str, Any]:
    return {"output": {"name": output, "activation": "none"}}


@pytest.mark.parametrize(
    ("model", "labels", "spec", "code"),
    [
        (with_outputs(LABEL), 10, {}, "model.output_missing"),
        (with_outputs(P), 10, named("logits"), "model.output_missing"),
        (with_outputs(P), 9, {}, "model.output_count"),
        (with_outputs(P), 11, {}, "model.output_count"),
        (with_outputs(tensor("probabilities", [None, None])), 11, {}, "model.output_count"),
        (with_outputs(LABEL, P), 10, named("label"), "model.output_type"),
        (
            with_outputs(tensor("double", [None, 10], TensorProto.DOUBLE)),
            10,
            named("double"),
            "model.output_type",
        ),
        (with_outputs(tensor("cube", [None, 5, 2])), 10, named("cube"), "model.output_shape"),
    ],
)
def test_an_output_that_cannot_be_counted_is_refused(
    sandbox: Sandbox, model: bytes, labels: int, spec: dict[str, Any], code: str
) -> None:
    assert codes(sandbox, model, labels, **spec) == (code,)


def test_other_outputs_do_no_harm_nor_does_an_import_that_nobody_uses(sandbox: Sandbox) -> None:
    assert codes(sandbox, with_outputs(LABEL, P, domains=["com.microsoft"])) == ()


def test_a_second_input_is_refused_unless_it_is_a_weight(sandbox: Sandbox) -> None:
    nodes, weights = image_classifier(image_spec(), 10)
    x, slope = tensor("x", [None, 64]), tensor("slope", [1, 10])
    listed = build(nodes, weights, [x, slope], [P])
    assert codes(sandbox, listed) == ()
    assert sandbox.check(listed, image_spec(), 10).inputs == (Tensor("x", "float", (None, 64)),)
    free = [each for each in weights if each.name != "slope"]
    assert codes(sandbox, build(nodes, free, [x, slope], [P])) == ("model.input_count",)


def test_an_input_of_bytes_is_refused(sandbox: Sandbox) -> None:
    nodes = [
        hostile.node("Cast", ["b"], ["x"], to=TensorProto.FLOAT),
        hostile.node("Identity", ["p"], ["probabilities"]),
    ]
    before, weights = image_classifier(image_spec(), 10)
    before[-1].output[0] = "p"
    bytes_in = tensor("b", [None, 64], TensorProto.UINT8)
    model = build([nodes[0], *before, nodes[1]], weights, [bytes_in], [P])
    assert codes(sandbox, model) == ("model.input_type",)


def test_all_reasons_are_told_at_once(sandbox: Sandbox) -> None:
    behind = [
        hostile.node("RandomNormalLike", ["x"], ["r"]),
        hostile.node("Evil", ["r"], ["z"], domain="com.evil"),
    ]
    model = hostile.with_front(behind, domains=["com.evil"], opset=6)
    told = codes(sandbox, model, 7, **RGB, **named("q"))
    assert set(told) == {
        "model.opset",
        "model.custom_operator",
        "model.random_operator",
        "model.input_shape",
        "model.output_missing",
    }


def test_a_thousand_reasons_and_endless_names_are_cut_short(sandbox: Sandbox) -> None:
    name = "\u202e" * 5000  # turns the direction of writing around
    nodes = [hostile.node(f"{name}{i}", [], [f"y{i}"], domain="com.evil") for i in range(1000)]
    sins = [weight(f"{i}{'w' * 600}", np.float32(0)) for i in range(1000)]
    model = hostile.with_front([*nodes, hostile.node("Identity", ["x"], ["z"])], sins)
    with pytest.raises(Refused) as refusal:
        sandbox.check(model, hostile.SPEC, 10)
    assert refusal.value.codes == (*["model.invalid"] * 3, "model.custom_operator")
    assert str(refusal.value).isascii()
    assert len(str(refusal.value)) < 10_000


@pytest.mark.parametrize("activation", ["none", "softmax", "sigmoid"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC", "flat"])
@pytest.mark.parametrize("color", ["grey", "rgb"])
def test_a_good_model_is_accepted_for_any_spec(
    sandbox: Sandbox, activation: str, layout: str, color: str
) -> None:
    output = {"name": "scores", "activation": activation}
    spec = image_spec(layout=layout, color=color, width=5, height=7, mean=0.5, output=output)
    signature = sandbox.check(tiny_image_model(spec, 4), spec, 4)
    assert signature.inputs == (Tensor("x", "float", (None, *input_shape(spec))),)
    assert signature.outputs == (Tensor("scores", "float", (None, 4)),)


def test_the_signature_tells_what_the_graph_holds_and_json_can_hold_it(sandbox: Sandbox) -> None:
    signature = sandbox.check(digits_like_model(), image_spec(), 10)
    assert signature.opset == {"ai.onnx": 17}
    assert signature.ir_version == 9
    assert signature.operators["Reshape"] == 2
    assert signature.parameters == 28
    assert from_dict(json.loads(json.dumps(signature.to_dict()))) == signature


@pytest.mark.slow
def test_the_largest_image_and_the_most_labels_pass_the_trial() -> None:
    spec = image_spec(color="rgb", width=2048, height=2048, layout="NHWC")
    with Sandbox() as patient:
        assert patient.check(tiny_image_model(spec, 1000), spec, 1000).parameters > 2000


def test_the_smallest_image_and_a_single_label_pass_the_trial(sandbox: Sandbox) -> None:
    spec = image_spec(width=1, height=1)
    assert sandbox.check(tiny_image_model(spec, 1), spec, 1).parameters > 0


def ending(*behind: Any, name: str = "scores", **more: Any) -> bytes:
    """The classifier whose logits go through these nodes, from "logits" to "scores"."""
    before, weights = image_classifier(image_spec(), 10)
    before = before[:-1]
    outputs = [tensor(name, [None, more.pop("columns", 10)])]
    x = [tensor("x", [None, 64])]
    return build([*before, *behind], [*weights, *more.pop("weights", [])], x, outputs, **more)


SOFTMAX = hostile.node("Softmax", ["logits"], ["p"], axis=1)
SIGMOID = hostile.node("Sigmoid", ["logits"], ["p"])
AS_IT_IS = hostile.node("Identity", ["p"], ["scores"])
TENS = [weight("tens", np.array([-1, 10], np.int64))]


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize(
    "model",
    [
        ending(hostile.node("Softmax", ["logits"], ["scores"], axis=1)),
        ending(hostile.node("Sigmoid", ["logits"], ["scores"])),
        ending(SOFTMAX, AS_IT_IS),
        ending(SIGMOID, hostile.node("Reshape", ["p", "tens"], ["scores"]), weights=TENS),
        ending(
            SOFTMAX,
            hostile.node("Cast", ["p"], ["d"], to=TensorProto.DOUBLE),
            hostile.node("Cast", ["d"], ["scores"], to=TensorProto.FLOAT),
        ),
        ending(SOFTMAX, hostile.node("Dropout", ["p"], ["scores"])),
        # By hand, which only the trial sees.
        ending(
            hostile.node("ReduceMax", ["logits"], ["high"], axes=[1], keepdims=1),
            hostile.node("Sub", ["logits", "high"], ["low"]),
            hostile.node("Exp", ["low"], ["e"]),
            hostile.node("ReduceSum", ["e", "axis"], ["sum"], keepdims=1),
            hostile.node("Div", ["e", "sum"], ["scores"]),
            weights=[weight("axis", [1])],
        ),
        ending(SOFTMAX, hostile.node("Mul", ["p", "p"], ["scores"])),
    ],
    ids=range(8),
)
def test_an_activation_over_probabilities_is_refused(
    sandbox: Sandbox, model: bytes, activation: str
) -> None:
    output = {"name": "scores", "activation": activation}
    assert codes(sandbox, model, output=output) == ("model.activated_twice",)
    none = {"name": "scores", "activation": "none"}
    assert codes(sandbox, model, output=none) == ()


def test_a_softmax_over_its_own_logarithm_is_that_softmax_and_a_sigmoid_is_not(
    sandbox: Sandbox,
) -> None:
    model = ending(hostile.node("LogSoftmax", ["logits"], ["scores"], axis=1))
    for activation, refused in (("softmax", ()), ("sigmoid", ("model.activated_twice",))):
        output = {"name": "scores", "activation": activation}
        assert codes(sandbox, model, output=output) == refused


def test_one_column_is_for_sigmoid_alone(sandbox: Sandbox) -> None:
    output = {"name": "scores", "activation": "softmax"}
    model = tiny_image_model(image_spec(output=output), 1)
    assert codes(sandbox, model, 1, output=output) == ("model.softmax_of_one",)
    output = {"name": "scores", "activation": "sigmoid"}
    assert codes(sandbox, model, 1, output=output) == ()


def test_layers_that_only_could_train_are_accepted(sandbox: Sandbox) -> None:
    nodes = [
        hostile.node("Dropout", ["x", "half", "no"], ["a"]),
        hostile.node("BatchNormalization", ["a", *["w"] * 4], ["z"], training_mode=0),
    ]
    weights = [weight("half", np.float32(0.5)), weight("no", False)]
    weights.append(weight("w", np.ones(64, np.float32)))
    assert codes(sandbox, hostile.with_front(nodes, weights)) == ()
