"""The input spec: as data, never as code, how what a device has becomes what a model takes.

What each option means, to the pixel, is written in `images`. What an agent of an earlier release
could not do has a later `version`, and is offered to none of those (docs/decisions/0062).
"""

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import Any, Final, Literal, TypeVar

VERSION: Final = 3  # the latest that this code can prepare and read
SIDE_MAX: Final = 2048  # pixels; more than any common image model takes
NUMBER_BOUND: Final = 1e12  # keeps (255 × scale − mean) ÷ std within float32
STD_LEAST: Final = 1e-12
NUMBERS: Final[Mapping[str, str]] = {"float32": "<f4", "uint8": "u1"}  # as they travel
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
    """`mean` and `std` are one number, or one for each channel. Made by `read`, so always valid.

    `shortest_edge` is what `crop` resizes to before it cuts; else None. `decode` says whether JPEGs
    may be read at a part of their size (docs/decisions/0066). `version` is the least that
    an agent must know: 1 where all can do what is asked.
    """

    kind: Literal["image"]
    color: Literal["grey", "rgb", "bgr"]
    width: int
    height: int
    resize: Literal["stretch", "fit", "fill", "crop"]
    layout: Literal["NCHW", "NHWC", "NHW", "flat"]
    scale: float
    mean: Numbers
    std: Numbers
    output: Output
    shortest_edge: int | None = None
    type: Literal["float32", "uint8"] = "float32"
    decode: Literal["whole", "fast"] = "whole"
    version: int = 1

    @property
    def channels(self) -> int:
        return 1 if self.color == "grey" else 3


KEYS: Final = tuple(it.name for it in fields(InputSpec) if it.default is MISSING)
# What is left out is as it was before there was a choice; so is what is written.
DEFAULTS: Final[Mapping[str, Any]] = {
    it.name: it.default for it in fields(InputSpec) if it.default is not MISSING
}
_OUTPUT_KEYS: Final = ("name", "activation")

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
            "enum": ["grey", "rgb", "bgr"],
            "description": "One channel, or three: red, green, blue; or blue, green, red, as "
            "OpenCV has them. `mean` and `std` are in that order.",
        },
        "width": {**_SIDE, "description": "Pixels."},
        "height": {**_SIDE, "description": "Pixels."},
        "resize": {
            "title": "InputResize",
            "type": "string",
            "enum": ["stretch", "fit", "fill", "crop"],
            "description": "stretch forgets proportions; fit keeps everything, centred on black; "
            "fill keeps the largest centred part of the target's proportions; crop resizes the "
            "shorter side to `shortest_edge` and keeps the centre.",
        },
        "layout": {
            "title": "InputLayout",
            "type": "string",
            "enum": ["NCHW", "NHWC", "NHW", "flat"],
            "description": "Order of the tensor's axes; NHW is for grey, without an axis for it; "
            "flat is NHWC in one row for each item.",
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
        "shortest_edge": {
            **_SIDE,
            "description": "Pixels that crop resizes the shorter side to; at least `width` and "
            "`height`. torchvision's default is 256, for 224.",
        },
        "type": {
            "title": "InputType",
            "type": "string",
            "enum": ["float32", "uint8"],
            "default": "float32",
            "description": "Of the tensor's numbers. uint8 takes pixels as they are, rounded: "
            "`scale` and `std` are 1, and `mean` is 0.",
        },
        "decode": {
            "title": "InputDecode",
            "type": "string",
            "enum": ["whole", "fast"],
            "default": "whole",
            "description": "fast reads JPEGs at a half, a quarter or an eighth of their size, as "
            "far as each number of the tensor is still the mean of two pixels by two: in less "
            "time, with slightly other numbers. Then JPEGs of up to 268 megapixels are read, and "
            "else of up to 89.",
        },
        "version": {
            "title": "InputVersion",
            "type": "integer",
            "minimum": 1,
            "maximum": VERSION,
            "default": 1,
            "description": "What an agent must know to run the model: only devices that name it, "
            "or a later one, in `Input-Spec-Version` get its jobs. The least is set by itself.",
        },
    },
    "examples": [dict(EXAMPLE)],
}


def read(data: object) -> InputSpec:
    """The spec in `data` (as JSON gives it); ValueError names the first key that is wrong."""
    values = {**DEFAULTS, **_object(data, "", KEYS, tuple(DEFAULTS))}
    output = _object(values["output"], "output", _OUTPUT_KEYS)
    color: Literal["grey", "rgb", "bgr"] = _choice(values, "color", ("grey", "rgb", "bgr"))
    channels = 1 if color == "grey" else 3
    made = InputSpec(
        kind=_choice(values, "kind", ("image",)),
        color=color,
        width=_side(values, "width"),
        height=_side(values, "height"),
        resize=_choice(values, "resize", ("stretch", "fit", "fill", "crop")),
        layout=_choice(values, "layout", ("NCHW", "NHWC", "NHW", "flat")),
        scale=_number(values["scale"], "scale"),
        mean=_numbers(values["mean"], "mean", channels),
        std=_divisors(values["std"], channels),
        output=Output(
            name=_name(output["name"]),
            activation=_choice(output, "activation", ("none", "softmax", "sigmoid"), "output."),
        ),
        shortest_edge=None if values["shortest_edge"] is None else _side(values, "shortest_edge"),
        type=_choice(values, "type", ("float32", "uint8")),
        decode=_choice(values, "decode", ("whole", "fast")),
    )
    _require_harmony(made)
    return replace(made, version=max(_version(values["version"]), _least_version(made)))


def to_dict(spec: InputSpec) -> dict[str, Any]:
    """What `read` takes back, and JSON can hold."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(spec).items()
        if key not in DEFAULTS or value != DEFAULTS[key]
    }


def raised(data: Mapping[str, Any], version: int) -> dict[str, Any]:
    """A written spec for agents that know this version, at least; others refuse it by the key.

    Those of before there was a version know no such key, so that none misreads an output.
    """
    return to_dict(replace(made := read(dict(data)), version=max(made.version, version)))


def input_shape(spec: InputSpec) -> tuple[int, ...]:
    """The shape of one item, without the batch axis."""
    match spec.layout:
        case "NCHW":
            return spec.channels, spec.height, spec.width
        case "NHWC":
            return spec.height, spec.width, spec.channels
        case "NHW":
            return spec.height, spec.width
        case "flat":
            return (spec.height * spec.width * spec.channels,)


def reduction(spec: InputSpec) -> tuple[str | int | None, ...]:
    """What of a spec says how a photo's pixels are brought down to those of the tensor.

    Specs that differ in other things, such as `scale` or `layout`, begin with the same numbers.
    """
    return (spec.channels, spec.width, spec.height, spec.resize, spec.shortest_edge, spec.decode)


def _require_harmony(spec: InputSpec) -> None:
    """ValueError where two keys do not go together."""
    if spec.resize == "crop" and spec.shortest_edge is None:
        raise ValueError("resize crop needs shortest_edge: what the shorter side is resized to")
    if spec.resize != "crop" and spec.shortest_edge is not None:
        raise ValueError("shortest_edge goes with resize crop alone")
    if spec.shortest_edge is not None and spec.shortest_edge < max(spec.width, spec.height):
        raise ValueError("shortest_edge must be at least width and height: crop only cuts")
    if spec.layout == "NHW" and spec.color != "grey":
        raise ValueError("layout NHW has no axis for colors: it goes with color: grey")
    # A list of ones and one number are the same to the pixel; only the plain form is taken.
    if spec.type == "uint8" and (spec.scale, spec.mean, spec.std) != (1, 0, 1):
        raise ValueError("type uint8 takes pixels as they are: scale 1, mean 0, std 1")


def _least_version(spec: InputSpec) -> int:
    """What an agent must know at least. What came with a later version says so here."""
    if spec.decode == "fast":
        return 3
    plain = (spec.color, spec.layout, spec.resize, spec.type)
    return 2 if {"bgr", "NHW", "crop", "uint8"}.intersection(plain) else 1


def _version(value: object) -> int:
    if type(value) is not int or not 1 <= value <= VERSION:
        raise ValueError(f"version must be a whole number from 1 to {VERSION}")
    return value


def _object(
    data: object, name: str, keys: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Mapping[str, object]:
    what = name or "an input spec"
    if not isinstance(data, dict):
        raise ValueError(f"{what} must be an object with the keys {', '.join(keys)}")
    prefix = f"{name}." if name else ""
    if missing := [key for key in keys if key not in data]:
        raise ValueError(f"{prefix}{missing[0]} is missing: {what} has {', '.join(keys)}")
    if unknown := [key for key in data if key not in (*keys, *optional)]:
        there = ", ".join((*keys, *optional))
        raise ValueError(f"{prefix}{unknown[0]!s:.40} is unknown: {what} has {there}")
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
