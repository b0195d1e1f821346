"""The input spec: as data, never as code, how what a device has becomes what a model takes.

What each option means, to the pixel, is written in `images`.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeVar

SIDE_MAX: Final = 2048  # pixels; more than any common image model takes
NUMBER_BOUND: Final = 1e12  # keeps (255 × scale − mean) ÷ std within float32
STD_LEAST: Final = 1e-12
NAME_MAX: Final = 200

Numbers = float | tuple[float, ...]
Chosen = TypeVar("Chosen", bound=str)


@dataclass(frozen=True, slots=True)
class Output:
    """Which of the model's outputs is meant, and what makes probabilities of it."""

    name: str
    activation: Literal["none", "softmax", "sigmoid"]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """`mean` and `std` are one number, or one for each channel. Made by `read`, so always valid."""

    kind: Literal["image"]
    color: Literal["grey", "rgb"]
    width: int
    height: int
    resize: Literal["stretch", "fit", "fill"]
    layout: Literal["NCHW", "NHWC", "flat"]
    scale: float
    mean: Numbers
    std: Numbers
    output: Output

    @property
    def channels(self) -> int:
        return 1 if self.color == "grey" else 3


KEYS: Final = tuple(InputSpec.__dataclass_fields__)

EXAMPLE: Final[Mapping[str, Any]] = {
    "kind": "image",
    "color": "rgb",
    "width": 224,
    "height": 224,
    "resize": "fill",
    "layout": "NCHW",
    "scale": 1 / 255,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "output": {"name": "logits", "activation": "softmax"},
}

_SIDE: Final = {"type": "integer", "minimum": 1, "maximum": SIDE_MAX}
_NUMBER: Final = {
    "type": "number",
    "exclusiveMinimum": -NUMBER_BOUND,
    "exclusiveMaximum": NUMBER_BOUND,
}
_NUMBERS: Final = {
    "oneOf": [_NUMBER, {"type": "array", "items": _NUMBER, "minItems": 1, "maxItems": 3}]
}

JSON_SCHEMA: Final[Mapping[str, Any]] = {
    "title": "InputSpec",
    "description": "How an item on a device becomes the tensor that the model takes.",
    "type": "object",
    "additionalProperties": False,
    "required": list(KEYS),
    "properties": {
        "kind": {
            "title": "AlgorithmKind",
            "type": "string",
            "enum": ["image"],
            "description": "What a model takes as input.",
        },
        "color": {
            "title": "InputColor",
            "type": "string",
            "enum": ["grey", "rgb"],
            "description": "One channel, or three: red, green, blue.",
        },
        "width": {**_SIDE, "description": "Pixels."},
        "height": {**_SIDE, "description": "Pixels."},
        "resize": {
            "title": "InputResize",
            "type": "string",
            "enum": ["stretch", "fit", "fill"],
            "description": "stretch forgets proportions; fit keeps everything, centred on black; "
            "fill keeps the largest centred part of the target's proportions.",
        },
        "layout": {
            "title": "InputLayout",
            "type": "string",
            "enum": ["NCHW", "NHWC", "flat"],
            "description": "Order of the tensor's axes; flat is NHWC in one row for each item.",
        },
        "scale": {
            **_NUMBER,
            "description": "A value is (pixel × scale − mean) ÷ std, pixels from 0 to 255.",
        },
        "mean": {**_NUMBERS, "description": "A number, or one for each channel."},
        "std": {**_NUMBERS, "description": "A number, or one for each channel; not zero."},
        "output": {
            "description": "Which of the model's outputs is used, and how.",
            "type": "object",
            "additionalProperties": False,
            "required": ["name", "activation"],
            "properties": {
                "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": NAME_MAX,
                    "description": "The model's output with a column for each label.",
                },
                "activation": {
                    "title": "OutputActivation",
                    "type": "string",
                    "enum": ["none", "softmax", "sigmoid"],
                    "description": "What turns that output into probabilities: none where it holds "
                    "them already, as where the model ends in Softmax or Sigmoid.",
                },
            },
        },
    },
    "examples": [dict(EXAMPLE)],
}


def read(data: object) -> InputSpec:
    """The spec in `data` (as JSON gives it); ValueError names the first key that is wrong."""
    values = _object(data, "", KEYS)
    output = _object(values["output"], "output", ("name", "activation"))
    color: Literal["grey", "rgb"] = _choice(values, "color", ("grey", "rgb"))
    channels = 1 if color == "grey" else 3
    return InputSpec(
        kind=_choice(values, "kind", ("image",)),
        color=color,
        width=_side(values, "width"),
        height=_side(values, "height"),
        resize=_choice(values, "resize", ("stretch", "fit", "fill")),
        layout=_choice(values, "layout", ("NCHW", "NHWC", "flat")),
        scale=_number(values["scale"], "scale"),
        mean=_numbers(values["mean"], "mean", channels),
        std=_divisors(values["std"], channels),
        output=Output(
            name=_name(output["name"]),
            activation=_choice(output, "activation", ("none", "softmax", "sigmoid"), "output."),
        ),
    )


def to_dict(spec: InputSpec) -> dict[str, Any]:
    """What `read` takes back, and JSON can hold."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(spec).items()
    }


def input_shape(spec: InputSpec) -> tuple[int, ...]:
    """The shape of one item, without the batch axis."""
    match spec.layout:
        case "NCHW":
            return spec.channels, spec.height, spec.width
        case "NHWC":
            return spec.height, spec.width, spec.channels
        case "flat":
            return (spec.height * spec.width * spec.channels,)


def _object(data: object, name: str, keys: tuple[str, ...]) -> Mapping[str, object]:
    what = name or "an input spec"
    if not isinstance(data, dict):
        raise ValueError(f"{what} must be an object with the keys {', '.join(keys)}")
    prefix = f"{name}." if name else ""
    if missing := [key for key in keys if key not in data]:
        raise ValueError(f"{prefix}{missing[0]} is missing: {what} has {', '.join(keys)}")
    if unknown := [key for key in data if key not in keys]:
        raise ValueError(f"{prefix}{unknown[0]!s:.40} is unknown: {what} has {', '.join(keys)}")
    return data


def _choice(
    values: Mapping[str, object], key: str, allowed: tuple[Chosen, ...], prefix: str = ""
) -> Chosen:
    for choice in allowed:
        if values[key] == choice:
            return choice
    raise ValueError(f"{prefix}{key} must be one of {', '.join(allowed)}")


def _side(values: Mapping[str, object], key: str) -> int:
    value = values[key]
    if type(value) is not int or not 1 <= value <= SIDE_MAX:  # True is an int to isinstance
        raise ValueError(f"{key} must be a whole number from 1 to {SIDE_MAX}")
    return value


def _number(value: object, key: str) -> float:
    # Compared before it becomes a float: a huge int does not fit into one.
    if type(value) not in (int, float) or not -NUMBER_BOUND < value < NUMBER_BOUND:  # type: ignore[operator]
        raise ValueError(f"{key} must be a number between -1e12 and 1e12")
    number = float(value)  # type: ignore[arg-type]
    assert math.isfinite(number)
    return number


def _numbers(value: object, key: str, channels: int) -> Numbers:
    if not isinstance(value, list):
        return _number(value, key)
    if len(value) not in (1, channels):
        raise ValueError(f"{key} must be a number or a list of {channels}, one for each channel")
    return tuple(_number(item, key) for item in value)


def _divisors(value: object, channels: int) -> Numbers:
    std = _numbers(value, "std", channels)
    if any(abs(each) < STD_LEAST for each in (std if isinstance(std, tuple) else (std,))):
        raise ValueError("std must not be zero: values are divided by it")
    return std


def _name(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= NAME_MAX:
        raise ValueError(f"output.name must be a text of 1 to {NAME_MAX} characters")
    # PostgreSQL stores neither NUL nor a lone surrogate, and no model has either in a name.
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("output.name must not contain NUL or lone surrogates")
    return value
