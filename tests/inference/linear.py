"""Classifiers with weights of their own, to be copied, trained on a little, or made anew."""

from collections.abc import Sequence

import numpy as np
from onnx import helper

from tests.inference.models import build, image_spec, scores, tensor, weight

FEATURES = 64  # What `image_spec()` makes of an image.


def weights(seed: int, labels: int = 10) -> np.ndarray:
    """As a trained model has them: `seed` says which."""
    drawn = np.random.default_rng(seed).normal(0, 1, (FEATURES, labels))
    # Hardly any is for bright images as such, and a picture of one color has an answer, too.
    return np.asarray(drawn - 0.95 * drawn.mean(axis=0), np.float32)


def tuned(matrix: np.ndarray, by: float, seed: int = 99) -> np.ndarray:
    """The weights after some more training, which moved each by this share of their spread."""
    moved = np.random.default_rng(seed).normal(0, by * float(matrix.std()), matrix.shape)
    return np.asarray(matrix + moved, np.float32)


def linear_model(
    matrix: np.ndarray, *, columns: Sequence[int] | None = None, producer: str = "a"
) -> bytes:
    """A softmax over `matrix`, with its columns in that order; the exporter is in the file."""
    placed = matrix if columns is None else matrix[:, list(columns)]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    outputs = [scores(image_spec(), placed.shape[1])]
    inputs = [tensor("x", [None, FEATURES])]
    return build(nodes, [weight("w", placed)], inputs, outputs, producer_name=producer)
