"""What is told of a model: its description, and what its own graph says."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dml.inference import graph
from dml.inference.spec import Output
from dml.refused import Refused
from dml.tool import about, checking
from tests.inference import zoo
from tests.inference.models import image_spec, tiny_image_model

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits"


def write(folder: Path, model: bytes, **described: Any) -> Path:
    file = folder / "some.onnx"
    file.write_bytes(model)
    (folder / "model.yaml").write_text(yaml.safe_dump(described))
    return file


@pytest.mark.parametrize("color", ["grey", "rgb"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC", "flat"])
@pytest.mark.parametrize("activation", ["none", "softmax"])
def test_the_graph_tells_most_of_the_input_spec(
    tmp_path: Path, color: str, layout: str, activation: str
) -> None:
    output = {"name": "probabilities", "activation": activation}
    channels = {"mean": 0.0, "std": 1.0}
    spec = image_spec(color=color, layout=layout, width=12, height=12, output=output, **channels)
    model = tiny_image_model(spec, 4)
    told = about.read(write(tmp_path, model, labels=["a", "b", "c", "d"]), None)
    assert told.spec.layout == layout
    assert (told.spec.color, told.spec.width, told.spec.height) == (color, 12, 12)
    assert told.spec.output.activation == activation
    assert "layout" in told.proposed


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("NHW, without an axis for its one channel", {"layout": "NHW", "color": "grey"}),
        ("uint8, as TensorFlow's detectors and OpenVINO take it", {"type": "uint8", "scale": 1.0}),
        ("a batch of -1, as Paddle writes it", {"layout": "flat", "width": 8}),
        ("ZipMap with numbers, as CatBoost ends", {"output": Output("scores", "none")}),
        ("one column for two labels, as a sigmoid", {"output": Output("scores", "sigmoid")}),
    ],
)
def test_the_graph_tells_how_exporters_write_it(
    tmp_path: Path, name: str, told: dict[str, Any]
) -> None:
    sample = zoo.ACCEPTED[name]
    labels = {} if sample.labels > 2 else {"labels": ["cat", "dog"]}
    found = checking.check(write(tmp_path, sample.model, **labels), None, [])
    assert found.passes, found.reasons
    assert found.as_json()["input_spec"].get("version", 1) == sample.version
    assert {key: getattr(found.told.spec, key) for key in told} == told
    assert len(found.told.labels) == sample.labels


def test_what_is_described_is_not_proposed(tmp_path: Path) -> None:
    model = tiny_image_model(image_spec(), 4)
    told = about.read(
        write(tmp_path, model, input_spec={"scale": 0.5, "resize": "fit"}, labels=list("abcd")),
        None,
    )
    assert (told.spec.scale, told.spec.resize) == (0.5, "fit")
    assert not {"scale", "resize"} & set(told.proposed)


def test_labels_that_nobody_named_are_numbered(tmp_path: Path) -> None:
    told = about.read(write(tmp_path, tiny_image_model(image_spec(), 4)), None)
    assert told.labels == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ({"titel": "x"}, "has no key `titel`: do you mean `title`?"),
        ({"input_spec": {"colour": "rgb"}}, "colour"),
        ({"input_spec": []}, "input_spec must be keys with values"),
        ({"input_spec": {"width": "wide"}}, "width"),
    ],
)
def test_a_wrong_description_is_said_in_one_line(
    tmp_path: Path, described: dict[str, Any], said: str
) -> None:
    file = write(tmp_path, tiny_image_model(image_spec(), 4), **described)
    with pytest.raises(Refused) as refused:
        about.read(file, None)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["a" * 256, "word " * 2_000, "é" * 200, "a/" * 2_500, "a\0b"])
def test_a_card_that_can_be_no_name_of_a_file_is_the_text_itself(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, tiny_image_model(image_spec(), 4), model_card=text)
    assert about.read(file, None).fields["model_card"] == text


def test_a_card_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "card.md").write_bytes(b"\xff\xfe")
    file = write(tmp_path, tiny_image_model(image_spec(), 4), model_card="card.md")
    with pytest.raises(Refused, match=r"cannot read .*card\.md"):
        about.read(file, None)


def test_what_is_no_yaml_is_said_in_words_that_can_be_read(tmp_path: Path) -> None:
    file = write(tmp_path, tiny_image_model(image_spec(), 4))
    (tmp_path / "model.yaml").write_text("title: a\ntags: [b\nsummary: c\n")
    with pytest.raises(
        Refused, match=r"model\.yaml is no YAML: while parsing .* line 2"
    ) as refused:
        about.read(file, None)
    assert not {"\n", "\N{REPLACEMENT CHARACTER}"} & set(str(refused.value))


@pytest.mark.parametrize("content", [b"", b"no model", b"\x80\x04pickle"])
def test_a_file_that_is_no_model_is_said_in_one_line(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Refused):
        about.read(write(tmp_path, content), None)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot read"):
        about.read(tmp_path / "none.onnx", None)
    with pytest.raises(Refused, match="is not there"):
        about.read(write(tmp_path, tiny_image_model(image_spec(), 4)), tmp_path / "none.yaml")


def test_the_example_passes_the_check_and_reads_its_photos() -> None:
    photos = sorted((EXAMPLE / "photos" / "ana").iterdir())[:10]
    found = checking.check(EXAMPLE / "digits.onnx", None, photos)
    assert found.passes, found.reasons
    assert len(found.photos) == 10
    assert sum(share > 0.5 for _, _, share in found.photos) >= 8
    assert "Its file would pass the check." in found.as_text()
    assert found.as_json()["refusals"] == []


def test_what_would_be_refused_is_said_with_every_reason(tmp_path: Path) -> None:
    file = write(tmp_path, tiny_image_model(image_spec(), 4), labels=["a", "b"])
    found = checking.check(file, None, [])
    assert not found.passes
    assert "model.output_count" in found.as_text()


def test_the_last_operators_of_the_example_give_probabilities() -> None:
    model = graph.parse((EXAMPLE / "digits.onnx").read_bytes())
    assert graph.last_operator(model, "probabilities") is not None
