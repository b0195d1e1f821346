"""A spec is whole and within bounds, or the refusal names the key."""

import json
from typing import Any

import pytest

from dml.inference.spec import (
    DEFAULTS,
    EXAMPLE,
    JSON_SCHEMA,
    VERSION,
    InputSpec,
    input_shape,
    read,
    to_dict,
)
from tests.inference.models import IMAGE_SPEC, image_spec


def test_what_is_read_is_written_again_and_json_can_hold_it() -> None:
    for data in (IMAGE_SPEC, EXAMPLE):
        assert to_dict(read(dict(data))) == data
        assert read(json.loads(json.dumps(to_dict(read(dict(data)))))) == read(dict(data))


@pytest.mark.parametrize(
    ("layout", "color", "shape"),
    [
        ("NCHW", "rgb", (3, 2, 5)),
        ("NHWC", "rgb", (2, 5, 3)),
        ("flat", "rgb", (30,)),
        ("NCHW", "grey", (1, 2, 5)),
        ("NHWC", "grey", (2, 5, 1)),
        ("flat", "grey", (10,)),
        ("NCHW", "bgr", (3, 2, 5)),
        ("NHW", "grey", (2, 5)),
    ],
)
def test_the_shape_follows_layout_and_color(layout: str, color: str, shape: Any) -> None:
    assert input_shape(image_spec(layout=layout, color=color, width=5, height=2)) == shape


@pytest.mark.parametrize(
    "changes",
    [
        {"color": "bgr"},
        {"layout": "NHW"},
        {"resize": "crop", "shortest_edge": 10},
        {"type": "uint8", "scale": 1},
        {"decode": "fast"},
    ],
    ids=str,
)
def test_what_earlier_agents_cannot_do_has_a_version_that_they_refuse(changes: Any) -> None:
    assert "version" not in to_dict(read(IMAGE_SPEC | {"decode": "whole"}))
    version = 3 if "decode" in changes else 2
    assert to_dict(image_spec(**changes)) == IMAGE_SPEC | changes | {"version": version}
    assert image_spec(**changes, version=1) == image_spec(**changes)
    assert image_spec(version=2).version == 2


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"color": "cmyk"}, "color"),
        ({"kind": "code"}, "kind"),
        ({"kind": ["image"]}, "kind"),
        ({"resize": "crop"}, "resize"),
        ({"layout": "CHW"}, "layout"),
        ({"layout": None}, "layout"),
        ({"layout": "NHW", "color": "bgr"}, "layout"),
        ({"shortest_edge": 8}, "shortest_edge"),
        ({"resize": "crop", "shortest_edge": 7}, "shortest_edge"),
        ({"type": "uint8"}, "type"),
        ({"type": "int64"}, "type"),
        ({"version": 4}, "version"),
        ({"version": True}, "version"),
        ({"width": 0}, "width"),
        ({"height": 2049}, "height"),
        ({"height": 10**400}, "height"),
        ({"width": 2.0}, "width"),
        ({"width": True}, "width"),
        ({"std": 0}, "std"),
        ({"std": [1, 1]}, "std"),
        ({"std": [0]}, "std"),
        ({"std": 1e-13}, "std"),
        ({"mean": [0, 0, 0]}, "mean"),
        ({"mean": []}, "mean"),
        ({"mean": "0"}, "mean"),
        ({"mean": None}, "mean"),
        ({"mean": [float("nan")]}, "mean"),
        ({"scale": float("nan")}, "scale"),
        ({"scale": float("inf")}, "scale"),
        ({"scale": float("-inf")}, "scale"),
        ({"scale": [1]}, "scale"),
        ({"scale": True}, "scale"),
        ({"scale": 1e300}, "scale"),
        ({"scale": 10**400}, "scale"),
        ({"output": "p"}, "output"),
        ({"output": {"name": "p"}}, "output.activation"),
        ({"output": {"name": "p", "activation": "relu"}}, "output.activation"),
        ({"output": {"name": "p", "activation": "none", "index": 0}}, "output.index"),
        ({"output": {"name": "", "activation": "none"}}, "output.name"),
        ({"output": {"name": 1, "activation": "none"}}, "output.name"),
        ({"output": {"name": "x" * 201, "activation": "none"}}, "output.name"),
        ({"output": {"name": "a\0b", "activation": "none"}}, "output.name"),
        ({"output": {"name": "\ud800", "activation": "none"}}, "output.name"),
        ({"python": "import os"}, "python"),
    ],
)
def test_a_wrong_spec_is_refused_by_the_name_of_its_key(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key} "):
        image_spec(**changes)


@pytest.mark.parametrize("key", sorted(IMAGE_SPEC))
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key} is missing"):
        read({name: value for name, value in IMAGE_SPEC.items() if name != key})


@pytest.mark.parametrize("data", [None, [], "spec", 1, {}, {1: 2}])
def test_what_is_no_object_or_has_other_keys_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match="kind"):
        read(data)


def test_a_mean_for_each_channel_may_be_given_and_numbers_at_the_bounds() -> None:
    spec = image_spec(color="rgb", mean=[0, 1, -2.5], std=[1e-12, -1, 9e11], width=2048, height=1)
    assert (spec.mean, spec.std) == ((0, 1, -2.5), (1e-12, -1, 9e11))


def test_the_schema_has_the_same_keys_and_choices_as_the_reader() -> None:
    properties = JSON_SCHEMA["properties"]
    assert set(properties) == set(InputSpec.__dataclass_fields__)
    assert set(JSON_SCHEMA["required"]) == set(properties) - set(DEFAULTS)
    assert properties["version"]["maximum"] == VERSION
    needs = {"crop": {"shortest_edge": 8}}
    for key in ("kind", "color", "resize", "layout"):
        for choice in properties[key]["enum"]:
            changes = {key: choice, **needs.get(choice, {})}
            assert to_dict(image_spec(**changes))[key] == choice
    for activation in properties["output"]["properties"]["activation"]["enum"]:
        image_spec(output={"name": "p", "activation": activation})
    json.dumps(JSON_SCHEMA, allow_nan=False)
