"""What a model is that counts nothing for labels: told by its inputs, outputs and operators. Pure.

A remedy for one number of a shape would send its developer the wrong way, where it is a detector.
So this is asked where a model does not fit, and answers only where the graph shows what it is
(docs/decisions/0063).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from dml.inference.signature import Reason, Signature, Tensor, quoted, shown
from dml.inference.spec import InputSpec, input_shape


def _words(*words: str) -> re.Pattern[str]:
    """What finds one of them in a name, and not within another word: no sound in ultrasound."""
    return re.compile(rf"(?<![a-z])({'|'.join(words)})(?![a-z])", re.IGNORECASE)


_TOKENS: Final = _words(
    "input_ids?",
    "token(_?type)?(_?id)?s?",
    "attention_mask",
    "position_ids",
    r"decoder_\w+",
    "segment_ids",
    "texts?",
    "sentences?",
)
_SOUND: Final = _words(
    "audio",
    "wav(e|eform)?s?",
    "mel",
    r"mels?pec\w*",
    "spectrograms?",
    "speech",
    "sounds?",
    "input_values",
    "input_features",
    "sr",
    "sample_rate",
)
_STATE: Final = _words(
    "(hidden_?|cell_?)?state(in|n|s)?", "hidden", "cell", "cache", r"past(_\w+)?", "[hc]_?n?"
)
_BOXES: Final = _words(
    "b?box(es)?",
    "anchors?",
    "nms",
    "proposals?",
    "keypoints?",
    "num_det(ection)?s",
    "detection_(boxes|scores|classes)",
)
_FEATURES: Final = _words(
    "embed(ding)?s?",
    "features?",
    "descriptors?",
    "pooler",
    "hidden_states?",
    "latents?",
    "vectors?",
)
_QUANTITY: Final = _words(
    "age", "price", "value", "regress(ion|or)?", "depth", "distance", "quality", "rating"
)
# What a network ends in whose last layer was taken away; but some classifiers do, too (SqueezeNet).
_POOLS: Final = frozenset({"GlobalAveragePool", "AveragePool", "ReduceMean"})
_MANY_MORE: Final = 2  # times as many columns as labels are no miscount
_REGRESSORS: Final = frozenset({"LinearRegressor", "SVMRegressor", "TreeEnsembleRegressor"})
_WHOLE: Final = frozenset({"int64", "int32", "string"})
_MAP_SIDE: Final = 4  # pixels; a map of values is larger, and what is left of axes is not
_STRIDES: Final = (8, 16, 32)  # at which detectors place their boxes
_ROWS_OF_BOXES: Final = range(5, 8)  # four corners, a score, a class
_BOXES_MIN: Final = 10
_STEPS: Final = range(10, 200)  # of a line of text, from left to right
_LETTERS_MIN: Final = 30
INSTEAD: Final = (
    "What can be offered are models that give each photo a probability for each of a list of labels"
)


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of one. `last` is the operator that makes the output which the spec names."""

    signature: Signature
    spec: InputSpec
    last: str | None
    label_count: int

    @property
    def output(self) -> Tensor | None:
        """What the spec names; else the only output there is."""
        outputs = self.signature.outputs
        named = [each for each in outputs if each.name == self.spec.output.name]
        return (named or outputs or (None,))[0]


def recognize(model: Model) -> Reason | None:
    """What a model is that does not fit, if its graph shows it."""
    found = _by_input(model) or _by_outputs(model)
    if found is None and model.output is not None and model.output.type == "float":
        found = by_shape(model, model.output.shape)
    return found


def is_regression(model: Model) -> Reason | None:
    """Whether it gives a quantity, as its last operator says."""
    if model.output is None or model.last not in _REGRESSORS:
        return None
    why = f"Its output {quoted(model.output.name)} is made by {model.last}"
    return _is("regression", why, "a quantity")


def one_number(name: str, low: float, high: float) -> str:
    """What is said of one column that is no probability, where nothing shows what it is."""
    return (
        f"{quoted(name)} is one number for each photo, here from {low:.4g} to {high:.4g}, and no "
        "probability. Where it is the logit of a classifier, set the input spec's "
        "output.activation to sigmoid. Where it is a quantity, such as an age or a price, this is "
        f"a regression. {INSTEAD}."
    )


def saturated(name: str, low: float, high: float) -> Reason:
    """What is said where the sigmoid of one column is the same for every photo, and it is not."""
    why = f"{quoted(name)} goes from {low:.4g} to {high:.4g}, so its sigmoid never changes"
    return _is("regression", why, "a quantity, such as an age or a price")


def by_shape(model: Model, shape: tuple[int | str | None, ...] | None) -> Reason | None:
    """What an output of this shape shows, as it is stated or as a run gave it."""
    assert model.output is not None, "what has a shape is there"
    name = f"Its output {quoted(model.output.name)} has the shape {shown(shape)}"
    sizes = [size if isinstance(size, int) and size > 0 else None for size in shape or ()]
    match sizes:
        case [_, *rest] if len(rest) in (3, 4) and _is_map(rest):
            if len(model.signature.outputs) > 1:
                return _is("detector", f"{name}, one of several maps", "boxes")
            return _is("segmentation", name, "a value for each pixel, as of depth or of segments")
        case [int(steps), None | 1, int(letters)] if _is_line(steps, letters):
            return _is("text_recognition", name, "a letter for each step of a line of text")
        case [_, int(first), int(second)]:
            return _by_rows(model, name, first, second)
        case [_] | [_, 1] if _QUANTITY.search(model.output.name):
            return _is("regression", f"{name} and is named as one", "a quantity")
        case [_, int(columns)] if columns != model.label_count and (
            _gives_features(model)
            or (model.last in _POOLS and columns > _MANY_MORE * model.label_count)
        ):
            return _is("embedding", name, "features, which another model or a search compares")
    return None


def _by_input(model: Model) -> Reason | None:
    signature = model.signature
    for taken in signature.inputs:
        rank = 2 if taken.shape is None else len(taken.shape)
        pixels = taken.shape is not None and taken.shape[1:] == input_shape(model.spec)
        whole = taken.type in _WHOLE and rank <= 2 and not pixels
        if whole and not _SOUND.search(taken.name):
            what = f"Its input {quoted(taken.name)} is of {taken.type}, {shown(taken.shape)}"
            return _is("text", what, "tokens of text to read", takes=True)
        if _TOKENS.search(taken.name) and rank <= 2:
            return _is("text", f"Its input is called {quoted(taken.name)}", "text", takes=True)
    kept = next((it for it in signature.inputs if _STATE.search(it.name)), None)
    if len(signature.inputs) > 1 and kept is not None:
        what = f"Its input {quoted(kept.name)} is what it gave for the piece before"
        ports = (*signature.inputs, *signature.outputs)
        sound = any(_SOUND.search(it.name) for it in ports)
        return _is("audio" if sound else "stream", what, "a stream piece by piece", takes=True)
    for taken in signature.inputs:
        if _SOUND.search(taken.name) and (taken.shape is None or len(taken.shape) < 4):
            return _is("audio", f"Its input is called {quoted(taken.name)}", "sound", takes=True)
    return None


def _by_outputs(model: Model) -> Reason | None:
    signature = model.signature
    if "NonMaxSuppression" in signature.operators:
        return _is("detector", "It holds NonMaxSuppression", "boxes")
    boxes = next((it for it in signature.outputs if _BOXES.search(it.name)), None)
    if boxes is not None:
        return _is("detector", f"It has an output {quoted(boxes.name)}", "boxes")
    return is_regression(model)


def _by_rows(model: Model, name: str, first: int, second: int) -> Reason | None:
    """Of an output with two axes behind that of the batch, neither of them one."""
    if 1 in (first, second):
        return None
    boxes = _boxes_of(model)
    few_values = second in _ROWS_OF_BOXES and first >= _BOXES_MIN
    if boxes.intersection((first, second)) or few_values:
        return _is("detector", name, "boxes, each with a score for each class")
    reads_along = {"LSTM", "GRU"}.intersection(model.signature.operators)
    if _is_line(first, second) and (reads_along or model.spec.width >= 2 * model.spec.height):
        return _is("text_recognition", name, "a letter for each step of a line of text")
    if _gives_features(model) or model.output is None:
        return _is("embedding", name, "features for each part of a photo")
    if max(first, second) > 40 * min(first, second):
        return _is("detector", name, "boxes, each with a score for each class")
    return None


def _boxes_of(model: Model) -> set[int]:
    """How many boxes detectors give for that size: one or three at each place of each stride."""
    sides = [model.spec.height, model.spec.width]
    for taken in model.signature.inputs[:1]:
        stated = [size for size in (taken.shape or ())[1:] if isinstance(size, int) and size > 3]
        sides = stated if len(stated) == len(sides) else sides
    places = sum((sides[0] // stride) * (sides[1] // stride) for stride in _STRIDES)
    return {places, 3 * places} - {0}


def _is_map(sizes: Collection[int | None]) -> bool:
    """Whether two axes are those of a picture. Of what is left open a run tells."""
    return sum(size is not None and size >= _MAP_SIDE for size in sizes) >= 2


def _is_line(steps: int, letters: int) -> bool:
    return steps in _STEPS and letters >= _LETTERS_MIN


def _gives_features(model: Model) -> bool:
    output = model.output
    named = output is not None and _FEATURES.search(output.name)
    divided = model.last == "Div" and "ReduceL2" in model.signature.operators
    scaled = divided or model.last == "LpNormalization"
    return bool(named) or scaled


_NAMES: Final = {
    "detector": "an object detector",
    "segmentation": "a model of segmentation or of another map",
    "text_recognition": "a model that reads text (OCR)",
    "embedding": "an embedding, without the layer that makes labels of it",
    "regression": "a regression",
    "text": "a model of text",
    "audio": "a model of sound",
    "stream": "a model that keeps state from one call to the next",
}


def _is(kind: str, why: str, gives: str, *, takes: bool = False) -> Reason:
    how = "takes" if takes else "gives"
    return Reason(
        f"model.is_{kind}", f"{why}: it {how} {gives}. So it is {_NAMES[kind]}. {INSTEAD}."
    )
