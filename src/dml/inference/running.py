"""The process that forks the children which run models and check none: all that a device needs.

A check takes the package onnx, 30 MB that devices do without. What they run was checked by the
server, runs in the same locked child, and is refused there where it does not do as it should.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from dml.inference import serving
from dml.inference.serving import Verb, frame
from dml.inference.session import Session
from dml.inference.spec import NUMBERS, input_shape, read, to_dict
from dml.inference.tiny import TINY_MODEL

WARM_UP_SPEC: Final = read(
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
    """Run models until standard input ends."""
    serving.serve({"predict": PREDICT}, warm_up)


def warm_up() -> None:
    """Run a model of our own, for all that is only imported or filled at first use."""
    items = np.zeros((1, *input_shape(WARM_UP_SPEC)), np.float32)
    about = {"spec": to_dict(WARM_UP_SPEC), "shape": items.shape, "label_count": None}
    predict(about, [TINY_MODEL, items.tobytes()])


def predict(header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    """In the child: a frame with labels and probabilities, or Refused."""
    (model, items), how = parts, read(header["spec"])
    array = np.frombuffer(items, NUMBERS[how.type]).reshape(header["shape"])
    shares = Session(model).predict(array, how, header["label_count"])
    labels = shares.argmax(axis=1)
    best = shares[np.arange(len(shares)), labels]
    return frame({}, labels.astype("<i4").tobytes(), best.astype("<f4").tobytes())


PREDICT: Final = Verb(predict)
