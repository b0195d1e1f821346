"""The model that the developer brings."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # Its wheel reports home otherwise.

import numpy as np
import onnx
import onnxruntime
import pytest

from demo import digits
from demo.digits import IR_VERSION, LABELS, OPSET, Halves
from demo.made import Classifier


@pytest.fixture(scope="module")
def halves() -> Halves:
    return digits.halve(0)


@pytest.fixture(scope="module")
def classifier(halves: Halves) -> Classifier:
    return digits.train(halves, 0)


def test_no_digit_is_in_both_halves(halves: Halves) -> None:
    known, unseen = ({it.tobytes() for it in half.pixels} for half in (halves.known, halves.unseen))
    assert not known & unseen
    assert abs(len(halves.known.numbers) - len(halves.unseen.numbers)) <= 1
    assert set(halves.unseen.numbers) == set(range(len(LABELS)))


def test_the_export_is_as_the_marketplace_wants_it(classifier: Classifier) -> None:
    model = onnx.load_from_string(classifier.onnx)
    assert model.ir_version == IR_VERSION
    assert {it.domain: it.version for it in model.opset_import}[""] == OPSET
    assert not [node for node in model.graph.node if node.op_type == "ZipMap"]


def test_the_export_predicts_what_was_learnt(halves: Halves, classifier: Classifier) -> None:
    session = onnxruntime.InferenceSession(classifier.onnx, providers=["CPUExecutionProvider"])
    output = classifier.input_spec["output"]["name"]
    (shares,) = session.run([output], {session.get_inputs()[0].name: halves.unseen.pixels})
    assert shares.shape == (len(halves.unseen.numbers), len(classifier.labels))
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-4)
    right = float(np.mean(shares.argmax(axis=1) == halves.unseen.numbers))
    assert right == pytest.approx(classifier.accuracy, abs=0.002)
    assert right > 0.9
