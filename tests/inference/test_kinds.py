"""What a model is, by its names and shapes alone; and what shows nothing of the kind."""

import pytest

from dml.inference.kinds import Model, recognize
from dml.inference.signature import Signature, Tensor
from tests.inference.models import image_spec

SPEC = image_spec(width=224, height=224, color="rgb", layout="NCHW")
PHOTO = Tensor("x", "float", (None, 3, 224, 224))


def kind(
    *inputs: Tensor, outputs: tuple[Tensor, ...] = (), last: str | None = None, labels: int = 10
) -> str | None:
    """The code that is told of a model of these ports, which does not fit."""
    given = outputs or (Tensor("y", "float", (None, 11)),)
    signature = Signature(inputs or (PHOTO,), given, {"ai.onnx": 17}, 9, {}, 1)
    found = recognize(Model(signature, SPEC, last, labels))
    return None if found is None else found.code


def output(name: str, *shape: int | str | None) -> tuple[Tensor, ...]:
    return (Tensor(name, "float", (None, *shape)),)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("pred_boxes", "model.is_detector"),
        ("num_dets", "model.is_detector"),
        ("mailbox", None),
        ("lesion_detection", None),
        ("image_embedding", "model.is_embedding"),
        ("embed", "model.is_embedding"),
        ("embedded", None),
        ("probabilities", None),
    ],
)
def test_an_outputs_name_is_read_by_words(name: str, code: str | None) -> None:
    assert kind(outputs=output(name, 512)) == code


@pytest.mark.parametrize(
    ("taken", "code"),
    [
        (Tensor("input_ids", "int64", (None, None)), "model.is_text"),
        (Tensor("ids", "int64", (None, 128)), "model.is_text"),
        (Tensor("x", "string", (None,)), "model.is_text"),
        (Tensor("waveform", "float", (None, 16000)), "model.is_audio"),
        (Tensor("mel", "float", (None, 80, None)), "model.is_audio"),
        (Tensor("ultrasound", "float", (None, 224, 224)), None),
        (Tensor("melanoma", "float", (None, 224, 224)), None),
        (Tensor("x", "int32", (None, 3, 224, 224)), None),
        (Tensor("x", "uint8", (None, 224, 224, 3)), None),
    ],
    ids=str,
)
def test_an_input_is_text_or_sound_only_where_it_shows(taken: Tensor, code: str | None) -> None:
    assert kind(taken) == code


def test_a_state_is_one_of_several_inputs() -> None:
    state = Tensor("h", "float", (1, None, 128))
    assert kind(PHOTO, state) == "model.is_stream"
    assert kind(PHOTO, state, outputs=output("speech_probs", 1)) == "model.is_audio"
    assert kind(PHOTO, Tensor("mask", "float", (None, 1))) is None


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        ((84, 1029), "model.is_detector"),  # 28² + 14² + 7² places
        ((3087, 85), "model.is_detector"),
        ((300, 6), "model.is_detector"),
        ((21, 224, 224), "model.is_segmentation"),
        ((224, 224, 21), "model.is_segmentation"),
        ((3, 28, 28, 85), "model.is_segmentation"),
        ((10, 1, 1), None),
        (("a", "b", "c"), None),  # a run tells
        ((10, None), None),
        ((11,), None),
        ((), None),
    ],
    ids=str,
)
def test_a_shape_shows_boxes_and_maps(shape: tuple[int | str | None, ...], code: str) -> None:
    assert kind(outputs=output("y", *shape)) == code


def test_several_maps_are_a_detectors() -> None:
    maps = [output(f"y{side}", 3, side, side, 85)[0] for side in (28, 14, 7)]
    assert kind(outputs=tuple(maps)) == "model.is_detector"


def test_features_are_many_more_than_labels_or_called_so() -> None:
    assert kind(outputs=output("y", 512), last="GlobalAveragePool") == "model.is_embedding"
    assert kind(outputs=output("y", 1000), last="GlobalAveragePool", labels=999) is None
    assert kind(outputs=output("features", 10)) is None
    assert kind(outputs=output("y", 128), last="LpNormalization") == "model.is_embedding"


def test_a_quantity_is_one_column_called_so_or_made_by_a_regressor() -> None:
    assert kind(outputs=output("age", 1)) == "model.is_regression"
    assert kind(outputs=output("age", 8)) is None
    assert kind(outputs=output("page", 1)) is None
    assert kind(outputs=output("y", 1), last="TreeEnsembleRegressor") == "model.is_regression"
