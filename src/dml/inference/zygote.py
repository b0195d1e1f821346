"""The process that forks: clean, without secrets, with everything imported once.

It reads one request after the other from standard input, lets a locked child do it, and writes how
that ended to standard output. What the child says, it only hands on. It ends when standard input
does, and with it a child that is at work.
"""

import gc
import io
import os
from collections.abc import Mapping
from functools import partial
from typing import Any, BinaryIO

import numpy as np
from onnx import TensorProto, helper

from dml.inference import frames, guard, sandbox
from dml.inference.outcome import Ending, Limits, Outcome
from dml.inference.session import Session
from dml.inference.signature import Refused
from dml.inference.spec import input_shape, read, to_dict

WARM_UP_SPEC = read(
    {
        "kind": "image",
        "color": "grey",
        "width": 2,
        "height": 2,
        "resize": "fill",
        "layout": "flat",
        "scale": 1,
        "mean": 0,
        "std": 1,
        "output": {"name": "y", "activation": "softmax"},
    }
)


def main() -> None:
    """Serve until standard input ends. Whatever fails before, the first frame tells."""
    requests, answers = _take_over_standard_streams()
    try:
        warm_up()
        unsafe = sandbox.self_test()
    except BaseException as error:
        frames.write(answers, {"failed": f"{type(error).__name__}: {error!s:.500}"})
        return
    frames.write(answers, {"unsafe": unsafe})
    gc.freeze()  # so that no child's collector copies our pages by touching them
    while True:
        try:
            header, parts = frames.read(requests)
            assert not unsafe, "the client does not ask where the sandbox does not hold"
            outcome = _run(header, parts, requests.fileno())
            del parts  # a model may have 256 MiB
            told = {"ending": outcome.ending, "detail": outcome.detail}
            frames.write(answers, told, [outcome.output])
        except (frames.Broken, BrokenPipeError, sandbox.HungUp):
            return


def warm_up() -> None:
    """Check and run a model of our own, for all that is only imported or filled at first use."""
    model = _tiny_model()
    check(model, to_dict(WARM_UP_SPEC), 2)
    items = np.zeros((1, *input_shape(WARM_UP_SPEC)), np.float32)
    predict(model, to_dict(WARM_UP_SPEC), list(items.shape), items.tobytes())


def check(model: bytes, spec: Mapping[str, Any], label_count: int) -> bytes:
    """In the child: a frame with the signature, or with the reasons against the model."""
    try:
        signature = guard.inspect(model, read(spec), label_count)
    except Refused as refused:
        return _frame({"reasons": refused.reasons})
    return _frame({"signature": signature.to_dict()})


def predict(model: bytes, spec: Mapping[str, Any], shape: list[int], items: bytes) -> bytes:
    """In the child: a frame with labels and probabilities, or with the reasons."""
    array = np.frombuffer(items, "<f4").reshape(shape)
    try:
        shares = Session(model).predict(array, read(spec))
    except Refused as refused:
        return _frame({"reasons": refused.reasons})
    labels = shares.argmax(axis=1)
    best = shares[np.arange(len(shares)), labels]
    return _frame({}, labels.astype("<i4").tobytes(), best.astype("<f4").tobytes())


def _run(header: Mapping[str, Any], parts: list[bytes], hang_up: int) -> Outcome:
    spec, model = header["spec"], parts[0]
    match header["verb"]:
        case "check":
            work = partial(check, model, spec, header["label_count"])
        case "predict":
            work = partial(predict, model, spec, header["shape"], parts[1])
    try:
        return sandbox.run(work, Limits(**header["limits"]), hang_up=hang_up)
    except OSError as error:  # the machine has no process or pipe left
        return Outcome(Ending.RAISED, detail=str(error))


def _frame(header: Mapping[str, Any], *parts: bytes) -> bytes:
    frame = io.BytesIO()
    frames.write(frame, header, parts)
    return frame.getvalue()


def _take_over_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """Where requests come from and answers go; a stray print of a library goes nowhere."""
    requests, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb")


def _tiny_model() -> bytes:
    weight = helper.make_tensor("w", TensorProto.FLOAT, [4, 2], [0.1 * each for each in range(8)])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
        [weight],
    )
    opset = [helper.make_opsetid("", 17)]
    made = helper.make_model(graph, opset_imports=opset, ir_version=9)
    return bytes(made.SerializeToString())
