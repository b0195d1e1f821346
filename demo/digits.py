"""What a developer brings: a classifier of handwritten digits, as ONNX, with its input spec.

The digits come with scikit-learn (8 × 8 pixels, values from 0 to 16), so nothing is downloaded.
Half of them train the classifier. It never sees the other half: those become people's photos.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from demo.made import Classifier

SIDE: Final = 8
GREY_OF_ONE: Final = 15  # So much of a photo's grey is one of the digits' sixteen steps.
LABELS: Final = tuple(f"digit-{number}" for number in range(10))
OPSET: Final = 17
IR_VERSION: Final = 9

INPUT_SPEC: Final[Mapping[str, Any]] = {
    "kind": "image",
    "color": "grey",
    "width": SIDE,
    "height": SIDE,
    "resize": "stretch",
    "layout": "flat",
    "scale": 1 / GREY_OF_ONE,
    "mean": 0,
    "std": 1,
    "output": {"name": "probabilities", "activation": "none"},
}

Pixels = NDArray[np.float32]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Digits:
    """Pictures (a row of 64 values each) and which digit each one shows."""

    pixels: Pixels
    numbers: Numbers


@dataclass(frozen=True)
class Halves:
    """For the developer to learn from, and for people to have photographed."""

    known: Digits
    unseen: Digits


def halve(seed: int) -> Halves:
    """Split the digits in two, each with as many of a kind."""
    pixels, numbers = load_digits(return_X_y=True)
    known, unseen, known_numbers, unseen_numbers = train_test_split(
        pixels.astype(np.float32), numbers, test_size=0.5, random_state=seed, stratify=numbers
    )
    return Halves(Digits(known, known_numbers), Digits(unseen, unseen_numbers))


def train(halves: Halves, seed: int) -> Classifier:
    """Learn from one half, measure on the other, and export."""
    network = MLPClassifier((64,), max_iter=300, random_state=seed)
    classifier = make_pipeline(StandardScaler(), network)
    classifier.fit(halves.known.pixels, halves.known.numbers)
    accuracy = classifier.score(halves.unseen.pixels, halves.unseen.numbers)
    model = to_onnx(
        classifier,
        initial_types=[("x", FloatTensorType([None, SIDE * SIDE]))],
        options={"zipmap": False},
        target_opset=OPSET,
    )
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return Classifier(model.SerializeToString(), LABELS, INPUT_SPEC, float(accuracy))
