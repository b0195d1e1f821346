"""Models give the predictions that a file would have, or are refused; hostile ones get nowhere."""

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from dml.scoring.names import MetricName
from dml.scoring.reader import Reader, Refused
from dml.scoring.test_set import Ids, TestSet
from tests.inference import hostile
from tests.inference.models import build, tensor, weight
from tests.scoring.files import a_test_set

FEATURES = 4
CLASSES = ("a", "b", "c")
IDS = Ids(numbers=np.arange(3000))
node = helper.make_node
random = np.random.default_rng(0)
X = random.random((300, FEATURES)).astype(np.float32)


def binary(metric: MetricName) -> TestSet:
    return a_test_set(metric, IDS, features=FEATURES)


def linear(columns: int, *last: Any, outputs: Any = None, **more: Any) -> bytes:
    """A model x · w, of which other nodes may make the output "y"."""
    product = "p" if last else "y"
    return build(
        [node("MatMul", ["x", "w"], [product]), *last],
        [weight("w", random.normal(size=(FEATURES, columns)).astype(np.float32)),
         *more.pop("weights", [])],
        [tensor("x", more.pop("shape", [None, FEATURES]))],
        outputs or [tensor("y", [None, columns])],
        **more,
    )  # fmt: skip


def run(reader: Reader, model: bytes, metric: MetricName, test_set: TestSet) -> np.ndarray:
    """Checked, and run twice with one result."""
    count = len(test_set.classes)
    reader.check_model(model, metric=metric, features=FEATURES, classes=count)
    found = reader.run_model(model, metric=metric, test_set=test_set)
    assert reader.run_model(model, metric=metric, test_set=test_set).sha256 == found.sha256
    return found.values


def refusal(
    reader: Reader, model: bytes, metric: MetricName = MetricName.ROC_AUC, classes: int = 2
) -> str:
    with pytest.raises(Refused) as refused:
        reader.check_model(model, metric=metric, features=FEATURES, classes=classes)
    assert len(str(refused.value)) < 1000
    return str(refused.value)


@pytest.mark.parametrize("maker", [LogisticRegression, RandomForestClassifier])
def test_classifiers_of_scikit_learn_score_as_they_do_there(reader: Reader, maker: Any) -> None:
    y = (X[:, 0] > X[:, 1]).astype(int)
    fitted = maker().fit(X, y)
    model = to_onnx(fitted, X[:1], options={"zipmap": False}).SerializeToString()
    for metric in (MetricName.ROC_AUC, MetricName.LOG_LOSS, MetricName.AVERAGE_PRECISION):
        test_set = binary(metric)
        expected = fitted.predict_proba(test_set.features)[:, 1]
        assert run(reader, model, metric, test_set) == pytest.approx(expected, abs=1e-5)
    test_set = binary(MetricName.ACCURACY)
    found = run(reader, model, MetricName.ACCURACY, test_set)
    assert (found == fitted.predict(test_set.features)).mean() > 0.99  # but for halves
    assert found.dtype == np.int32


def test_three_classes(reader: Reader) -> None:
    y = np.digitize(X[:, 0], [0.3, 0.6])
    fitted = LogisticRegression().fit(X, y)
    model = to_onnx(fitted, X[:1], options={"zipmap": False}).SerializeToString()
    test_set = a_test_set(MetricName.LOG_LOSS, IDS, CLASSES, FEATURES)
    found = run(reader, model, MetricName.LOG_LOSS, test_set)
    assert found == pytest.approx(fitted.predict_proba(test_set.features), abs=1e-5)
    found = run(reader, model, MetricName.MACRO_F1, test_set)
    assert (found == fitted.predict(test_set.features)).mean() > 0.99


def test_regressors_of_scikit_learn(reader: Reader) -> None:
    fitted = GradientBoostingRegressor().fit(X, X.sum(axis=1))
    model = to_onnx(fitted, X[:1]).SerializeToString()
    test_set = binary(MetricName.RMSE)
    expected = fitted.predict(test_set.features)
    assert run(reader, model, MetricName.RMSE, test_set) == pytest.approx(expected, abs=1e-4)


FLAT = [node("Squeeze", ["p", "axis"], ["y"])]
AXIS = [weight("axis", [1])]


@pytest.mark.parametrize(
    ("model", "metric"),
    [
        (linear(1), MetricName.ROC_AUC),
        (linear(2), MetricName.ROC_AUC),
        (linear(1, *FLAT, outputs=[tensor("y", [None])], weights=AXIS), MetricName.ROC_AUC),
        (linear(1, *FLAT, outputs=[tensor("y", [None])], weights=AXIS), MetricName.MAE),
        (linear(1), MetricName.MAE),
        (linear(2), MetricName.ACCURACY),
        (linear(2, node("Softmax", ["p"], ["y"], axis=1)), MetricName.LOG_LOSS),
        (linear(1, node("Sigmoid", ["p"], ["y"])), MetricName.LOG_LOSS),
        (linear(1, shape=[1, FEATURES], outputs=[tensor("y", [1, 1])]), MetricName.MAE),
    ],
    ids=range(9),
)
def test_outputs_of_all_allowed_shapes(reader: Reader, model: bytes, metric: MetricName) -> None:
    assert run(reader, model, metric, binary(metric)).shape == (3000,)


def test_of_several_outputs_the_one_that_fits_is_taken(reader: Reader) -> None:
    both = build(
        [node("MatMul", ["x", "w"], ["three"]), node("ReduceMax", ["three"], ["one"], axes=[1])],
        [weight("w", np.ones((FEATURES, 3), np.float32))],
        [tensor("x", [None, FEATURES])],
        [tensor("three", [None, 3]), tensor("one", [None, 1])],
    )
    test_set = binary(MetricName.MAE)
    found = run(reader, both, MetricName.MAE, test_set)
    assert found == pytest.approx(test_set.features.sum(axis=1), abs=1e-5)
    assert run(reader, both, MetricName.ACCURACY, a_test_set(
        MetricName.ACCURACY, IDS, CLASSES, FEATURES)).shape == (3000,)  # fmt: skip


NAN = [node("Div", ["p", "zero"], ["y"])]
ZERO = [weight("zero", np.float32(0))]


@pytest.mark.parametrize(
    ("model", "metric", "code"),
    [
        (linear(3), MetricName.ROC_AUC, "model.output_missing"),
        (linear(1), MetricName.ACCURACY, "model.output_missing"),
        (linear(2), MetricName.MAE, "model.output_missing"),
        (linear(1, *NAN, weights=ZERO), MetricName.MAE, "model.output_not_finite"),
        (linear(1, node("Softmax", ["p"], ["y"], axis=0)), MetricName.MAE, "model.batch_dependent"),
        (linear(1, shape=[None, 5]), MetricName.MAE, "model.input_shape"),
        (linear(1, shape=[FEATURES]), MetricName.MAE, "model.input_shape"),
        (linear(1, shape=[7, FEATURES]), MetricName.MAE, "model.input_shape"),
        (linear(1, node("ReduceMax", ["p"], ["y"], axes=[0])), MetricName.MAE,
         "model.output_shape"),
        (linear(1, node("Dropout", ["p", "half", "true"], ["y"]),
                weights=[weight("half", np.float32(0.5)), weight("true", True)]),
         MetricName.MAE, "model.training_mode"),
        (linear(1, node("RandomNormalLike", ["p"], ["y"])), MetricName.MAE,
         "model.random_operator"),
        (linear(1, node("Cast", ["p"], ["y"], to=TensorProto.DOUBLE),
                outputs=[tensor("y", [None, 1], TensorProto.DOUBLE)]),
         MetricName.MAE, "model.output_missing"),
    ],
    ids=range(12),
)  # fmt: skip
def test_models_that_give_no_predictions_are_refused(
    reader: Reader, model: bytes, metric: MetricName, code: str
) -> None:
    assert code in refusal(reader, model, metric)


@pytest.mark.parametrize("batch", [None, 1])
def test_one_that_takes_its_scale_from_the_batch_is_told_so(
    reader: Reader, batch: int | None
) -> None:
    scaled = [
        node("DynamicQuantizeLinear", ["p"], ["q", "scale", "zero"]),
        node("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
    ]
    model = linear(1, *scaled, shape=[batch, FEATURES], outputs=[tensor("y", [batch, 1])])
    if batch is None:
        assert "model.quantized_by_batch" in refusal(reader, model, MetricName.MAE)
    else:
        reader.check_model(model, metric=MetricName.MAE, features=FEATURES, classes=0)


def test_outputs_that_are_no_probabilities_are_refused_when_run(reader: Reader) -> None:
    for columns in (1, 2):
        with pytest.raises(Refused, match="output_not_probability"):
            reader.run_model(
                linear(columns), metric=MetricName.LOG_LOSS, test_set=binary(MetricName.LOG_LOSS)
            )


def test_a_refusal_tells_nothing_of_hidden_rows(reader: Reader) -> None:
    """A model could make an index, a shape or a number of any of them, and fail with it."""
    secret = 987_654
    test_set = replace(
        binary(MetricName.RMSE), features=np.full((len(IDS), FEATURES), secret, np.float32)
    )
    ends = {
        "an index": [
            node("Cast", ["x"], ["i"], to=TensorProto.INT64),
            node("Gather", ["table", "i"], ["g"]),
            node("ReduceSum", ["g", "axis"], ["y"], keepdims=1),
        ],
        "a shape": [
            node("Cast", ["x"], ["i"], to=TensorProto.INT64),
            node("ReduceMax", ["i"], ["most"], keepdims=0),
            node("Range", ["nought", "most", "one"], ["r"]),
            node("Cast", ["r"], ["y"], to=TensorProto.FLOAT),
        ],
        "a number": [node("ReduceSum", ["x", "axis"], ["y"], keepdims=1)],
    }
    weights = [
        weight("table", np.zeros(2, np.float32)),
        weight("axis", np.array([1], np.int64)),
        weight("nought", np.int64(0)),
        weight("one", np.int64(1)),
    ]
    for end, nodes in ends.items():
        model = build(nodes, weights, [tensor("x", [None, FEATURES])], [tensor("y", None)])
        metric = MetricName.LOG_LOSS if end == "a number" else MetricName.RMSE
        hidden = replace(binary(metric), features=test_set.features)
        with pytest.raises(Refused) as refused:
            reader.run_model(model, metric=metric, test_set=hidden)
        assert str(secret)[:3] not in str(refused.value), end
        assert f"{4.0 * secret:.4g}" not in str(refused.value), end


@pytest.mark.parametrize("name", hostile.FILES | hostile.GRAPHS)
def test_hostile_files_and_graphs_are_refused(reader: Reader, name: str) -> None:
    content, code = (hostile.FILES | hostile.GRAPHS)[name]
    with pytest.raises(Refused) as refused:
        reader.check_model(content, metric=MetricName.ACCURACY, features=64, classes=10)
    assert code in refused.value.codes


@pytest.mark.parametrize(
    "name", ["300 large products", "memory bomb", "a shape that does not add up"]
)
def test_hostile_models_are_ended(reader: Reader, name: str) -> None:
    content, code = hostile.TRIALS[name]
    start = time.monotonic()
    with pytest.raises(Refused) as refused:
        reader.check_model(content, metric=MetricName.ACCURACY, features=64, classes=10)
    assert code in refused.value.codes
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("content", [hostile.endless_loop(), hostile.memory_bomb()], ids=range(2))
def test_a_run_trusts_no_check(reader: Reader, content: bytes) -> None:
    test_set = a_test_set(MetricName.ACCURACY, classes=tuple("0123456789"), features=64)
    with pytest.raises(Refused, match=r"model\.(too_slow|too_much_memory)"):
        reader.run_model(content, metric=MetricName.ACCURACY, test_set=test_set)


def test_a_run_that_is_to_be_quick_has_its_seconds_for_all_pieces_together(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dml.scoring.reader.CHUNK_BYTES", 4 * FEATURES)  # A child for each row.
    test_set = binary(MetricName.MAE)
    with pytest.raises(Refused, match=r"model\.too_slow"):
        reader.run_model(linear(1), metric=MetricName.MAE, test_set=test_set, seconds=0.5)
    few = a_test_set(MetricName.MAE, features=FEATURES)
    assert len(reader.run_model(linear(1), metric=MetricName.MAE, test_set=few).values) == len(few)
