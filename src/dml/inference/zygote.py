"""The process that forks the children which check and run models."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dml.inference import guard, serving
from dml.inference.serving import Verb, frame
from dml.inference.session import Session
from dml.inference.spec import input_shape, read, to_dict
from dml.inference.tiny import tiny_model

WARM_UP_SPEC = read(
    {
        "kind": "image",
        "color": "grey",
        "width": 2,
        "height": 2,
        "resize": "fill",
        "layout": "flat",
        "scale": 1,
        "mean": 0,
        "std": 1,
        "output": {"name": "y", "activation": "softmax"},
    }
)


def main() -> None:
    """Check and run models until standard input ends."""
    serving.serve({"check": Verb(_check), "predict": Verb(_predict)}, warm_up)


def warm_up() -> None:
    """Check and run a model of our own, for all that is only imported or filled at first use."""
    model = tiny_model()
    check(model, to_dict(WARM_UP_SPEC), 2)
    items = np.zeros((1, *input_shape(WARM_UP_SPEC)), np.float32)
    predict(model, to_dict(WARM_UP_SPEC), list(items.shape), items.tobytes())


def check(model: bytes, spec: Mapping[str, Any], label_count: int) -> bytes:
    """In the child: a frame with the signature, or Refused."""
    return frame({"signature": guard.inspect(model, read(spec), label_count).to_dict()})


def predict(model: bytes, spec: Mapping[str, Any], shape: list[int], items: bytes) -> bytes:
    """In the child: a frame with labels and probabilities, or Refused."""
    array = np.frombuffer(items, "<f4").reshape(shape)
    shares = Session(model).predict(array, read(spec))
    labels = shares.argmax(axis=1)
    best = shares[np.arange(len(shares)), labels]
    return frame({}, labels.astype("<i4").tobytes(), best.astype("<f4").tobytes())


def _check(header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    return check(parts[0], header["spec"], header["label_count"])


def _predict(header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    return predict(parts[0], header["spec"], header["shape"], parts[1])
