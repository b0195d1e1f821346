"""What a developer says of a model: `model.yaml`, completed from the model's own graph."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml
from onnx import ModelProto

from dml.client.http import one_line
from dml.inference import fit, graph, guard, spec
from dml.inference.signature import Refused as ModelRefused, Signature, Tensor
from dml.inference.spec import InputSpec
from dml.refused import Refused

FILE: Final = "model.yaml"
NAME_MAX: Final = 255  # What is longer is no name of a file, but a text.
KEYS: Final = (
    *("title", "summary", "model_card", "device_fee", "labels", "tags", "data_kind"),
    "input_spec",
)
# What a photo's pixels are made of where the description does not say: 0 to 1.
_SCALE: Final[Mapping[str, Any]] = {"scale": 1 / 255, "mean": 0, "std": 1, "resize": "fill"}
# Operators that give probabilities, also those of classifiers that were no networks (ai.onnx.ml).
_PROBABILITIES: Final = (
    *("Softmax", "Sigmoid", "HardSigmoid", "Hardmax", "Normalizer"),
    *("LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier"),
)


@dataclass(frozen=True, slots=True)
class About:
    """A model and what is said of it. `proposed`: keys of the spec that came from the graph."""

    model: bytes
    fields: dict[str, Any]
    spec: InputSpec
    labels: list[str]
    proposed: tuple[str, ...]


def read(file: Path, described: Path | None) -> About:
    """A model's file and its description. Refused where either can't be read or makes no sense."""
    try:
        model = file.read_bytes()
    except OSError as error:
        raise Refused(f"cannot read {one_line(str(file))} ({error.strerror})") from None
    fields = _described(described or file.parent / FILE, needed=described is not None)
    wanted = {"kind": "image", **_object(fields.pop("input_spec", {}), "input_spec")}
    signature = _signature(model)
    proposal = propose(signature, model, wanted)
    whole = {**proposal, **wanted}
    try:
        read_spec = spec.read(whole)
    except (ValueError, KeyError) as error:
        raise Refused(
            f"the input spec can't be made: {error}. The graph does not tell all of it: say so in "
            f"{FILE} under input_spec"
        ) from None
    labels = fields.get("labels") or _numbered(signature, model, read_spec.output.name)
    keys = (*spec.KEYS, *spec.DEFAULTS)
    proposed = tuple(key for key in keys if key not in wanted and key in proposal)
    return About(model, fields, read_spec, [str(it) for it in labels], proposed)


def propose(signature: Signature, model: bytes, told: Mapping[str, Any]) -> dict[str, Any]:
    """What a model's graph tells of its input spec; what it can't tell is left as is usual."""
    proposal: dict[str, Any] = dict(_SCALE)
    if len(signature.inputs) == 1:
        proposal |= _picture(signature.inputs[0], told)
    outputs = [it for it in signature.outputs if it.type == "float"]
    parsed = graph.parse(model)
    if outputs:
        # Exporters that give a label and its probabilities name the label first.
        output = next((it for it in outputs if it.shape is None or len(it.shape) == 2), outputs[-1])
        proposal["output"] = {"name": output.name, "activation": _activation(parsed, output)}
    elif maps := [it for it in signature.outputs if graph.map_keys(parsed, it.name) is not None]:
        proposal["output"] = {"name": maps[0].name, "activation": "none"}
    return proposal


def _activation(parsed: ModelProto, output: Tensor) -> str:
    if graph.last_operator(parsed, output.name) in _PROBABILITIES:
        return "none"
    return "sigmoid" if fit.columns_of(output.shape) == 1 else "softmax"


def _picture(taken: Tensor, told: Mapping[str, Any]) -> dict[str, Any]:
    """Layout, colour and size of an input's shape, where it has one that tells."""
    sizes = taken.shape[1:] if taken.shape else ()
    # Pixels as they are: the model does the rest itself.
    whole = {"type": "uint8", "scale": 1} if taken.type == "uint8" else {}
    return whole | _layout(sizes, told)


def _layout(sizes: tuple[int | str | None, ...], told: Mapping[str, Any]) -> dict[str, Any]:
    match sizes:
        case (1 | 3 as channels, height, width):
            found: dict[str, Any] = {"layout": "NCHW"}
        case (height, width, 1 | 3 as channels):
            found = {"layout": "NHWC"}
        case (height, width):
            found, channels = {"layout": "NHW"}, 1
        case (int() as features,):
            return _flat(features, told)
        case _:
            return {}
    found["color"] = "grey" if channels == 1 else "rgb"
    sides = {"height": height, "width": width}
    found |= {name: it for name, it in sides.items() if isinstance(it, int) and it > 0}
    return found


def _flat(features: int, told: Mapping[str, Any]) -> dict[str, Any]:
    """A row of numbers is a square picture where its length is a square, or three times one."""
    for color, channels in (("grey", 1), ("rgb", 3)):
        side = math.isqrt(features // channels)
        if told.get("color", color) == color and side * side * channels == features:
            return {"layout": "flat", "color": color, "width": side, "height": side}
    return {"layout": "flat"}


def _signature(model: bytes) -> Signature:
    """What the graph says. It is the developer's own file, on a machine of theirs."""
    try:
        guard.refuse_at_a_glance(model)
        parsed = graph.parse(model)
        return graph.signature(parsed, graph.Survey(parsed))
    except ModelRefused as refused:
        raise Refused("; ".join(reason.detail for reason in refused.reasons)) from None


def _numbered(signature: Signature, model: bytes, output: str) -> list[str]:
    """Names for the columns of an output whose names nobody told: its map's keys, or numbers."""
    if keys := graph.map_keys(graph.parse(model), output):
        return [str(key) for key in keys]
    shape = next((it.shape for it in signature.outputs if it.name == output), None)
    columns = fit.columns_of(shape)
    if columns is None or columns == fit.TABLES:
        raise Refused(f"name the labels of the output {output!r} in {FILE}, in its order: labels")
    return [str(number) for number in range(columns)]


def _described(path: Path, *, needed: bool) -> dict[str, Any]:
    try:
        told = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        if needed:
            raise Refused(f"{one_line(str(path))} is not there") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"cannot read {one_line(str(path))} ({error})") from None
    except yaml.YAMLError as error:
        raise Refused(f"{one_line(str(path))} is no YAML: {_words(error)}") from None
    fields = _object(told or {}, path.name)
    for key in fields:
        if key not in KEYS:
            near = get_close_matches(str(key), KEYS, n=1)
            hint = f": do you mean `{near[0]}`?" if near else f": it may have {', '.join(KEYS)}"
            raise Refused(f"{path.name} has no key `{key}`{hint}")
    if isinstance(card := fields.get("model_card"), str):
        fields["model_card"] = _card(path.parent, card)
    return fields


def _card(folder: Path, told: str) -> str:
    """The text of a model card: that of the file of this name, where there is one."""
    if "\n" in told or len(told) > NAME_MAX:
        return told
    file = folder / told
    try:
        if not file.is_file():
            return told
    except OSError:  # No file can be called so.
        return told
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"cannot read {one_line(str(file))} ({error})") from None


def _words(error: yaml.YAMLError) -> str:
    """What is wrong and where, in one line: YAML says it in several."""
    return one_line(" ".join(str(error).split()))


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(f"{name} must be keys with values")
    return dict(value)
