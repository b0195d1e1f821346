"""Asking a model how it answers the fixed pictures. Sees hostile bytes: in a locked child only."""

import time
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from dml.inference import probes
from dml.inference.behaviour import LABELS_OF_A_SAMPLE, PROBING_SECONDS
from dml.inference.images import Floats, prepare
from dml.inference.serving import frame
from dml.inference.session import BATCH_BYTES, Session
from dml.inference.spec import read

AT_ONCE: Final = 32


def probe(header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    """In the child: a frame with the model's answers, or Refused.

    The samples come first, each alone; then the probes, until time runs out.
    """
    (model,), spec, label_count = parts, read(header["spec"]), header["label_count"]
    session, samples = Session(model), []
    for image in probes.sample_images():
        item = prepare(image, spec)
        samples.append(_surest(session.predict(item[None], spec, label_count)[0]))
    size = max(1, min(AT_ONCE, BATCH_BYTES // item.nbytes))
    images = list(probes.probe_images())
    answers, confidences = list[Any](), list[Any]()
    for start in range(0, len(images), size):
        items = np.stack([prepare(image, spec) for image in images[start : start + size]])
        shares = session.predict(items, spec, label_count)
        answers.append(shares.argmax(axis=1))
        confidences.append(shares.max(axis=1))
        if time.process_time() > PROBING_SECONDS:  # of this child, which does nothing else
            break
    labels = np.concatenate(answers).astype("<u2")
    return frame({"samples": samples}, labels.tobytes(), np.concatenate(confidences).tobytes())


def show(header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    """In a child that is given no model: the samples, as a spec prepares them, as pictures."""
    spec = read(header["spec"])
    pictures = [probes.shown(prepare(it, spec), spec) for it in probes.sample_images()]
    return frame({"pictures": pictures})


def _surest(shares: Floats) -> list[tuple[int, float]]:
    """The most probable labels, the surest first, as places and confidences."""
    order = np.argsort(-shares, kind="stable")[:LABELS_OF_A_SAMPLE]
    return [(int(place), float(shares[place])) for place in order]
