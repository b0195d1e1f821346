"""Pictures that are the same everywhere, and how a model answers them."""

import base64
import hashlib
import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from dml.inference import probes
from dml.inference.behaviour import LABELS_OF_A_SAMPLE, PROBES, SAMPLES
from dml.inference.images import prepare
from dml.inference.runner import Sandbox
from tests.inference.linear import linear_model, weights
from tests.inference.models import digits_like_model, image_spec

# Whoever changes a probe makes this another one, and raises `PROBE_SET`.
DIGEST = "7243442ff8d293955c6d762e1ff0f14c06fbf86ba037e583f17f1632aa5834ba"


def test_the_probes_are_the_same_everywhere_and_no_two_alike() -> None:
    drawn = [np.asarray(it).tobytes() for it in probes.probe_images()]
    assert len(set(drawn)) == len(drawn) == PROBES
    assert hashlib.sha256(b"".join(drawn)).hexdigest() == DIGEST


@pytest.mark.parametrize(
    "changes",
    [
        {"color": "rgb", "layout": "NCHW", "mean": [0.485, 0.456, 0.406], "std": [0.2, 0.2, 0.2]},
        {"color": "bgr", "layout": "NHWC"},
        {"layout": "NHW", "resize": "fit"},
        {"type": "uint8", "scale": 1},
    ],
    ids=lambda it: "-".join(map(str, it)),
)
def test_a_sample_is_shown_as_the_model_sees_it(changes: dict[str, object]) -> None:
    spec = image_spec(width=48, height=32, **changes)
    red = Image.new("RGB", (96, 64), (200, 30, 10))
    uri = probes.shown(prepare(red, spec), spec)
    head, _, data = uri.partition(",")
    assert head == "data:image/png;base64"
    seen = Image.open(io.BytesIO(base64.b64decode(data)))
    assert seen.size == (48, 32)
    middle = seen.convert("RGB").getpixel((24, 16))
    expected = {"rgb": (200, 30, 10), "bgr": (10, 30, 200), "grey": (79, 79, 79)}[spec.color]
    assert isinstance(middle, tuple)
    assert max(abs(a - b) for a, b in zip(middle, expected, strict=True)) <= 1


def test_a_shown_sample_is_small() -> None:
    spec = image_spec(color="rgb", width=512, height=512, layout="NCHW")
    for image in probes.sample_images():
        assert len(probes.shown(prepare(image, spec), spec)) < 20_000


def test_a_model_answers_all_pictures_the_same_each_time(sandbox: Sandbox) -> None:
    model = linear_model(weights(1))
    first, second = (sandbox.probe(model, image_spec(), 10) for _ in range(2))
    assert first == second
    assert first is not None
    assert first.is_complete
    assert len(set(first.answers)) >= 8  # Of ten labels: the probes tell models apart.
    assert [it.name for it in first.samples] == list(SAMPLES)
    for sample in first.samples:
        assert len(sample.labels) == LABELS_OF_A_SAMPLE
        assert all(a[1] >= b[1] for a, b in pairwise(sample.labels))


def test_what_takes_a_batch_of_one_is_asked_too(sandbox: Sandbox) -> None:
    found = sandbox.probe(digits_like_model(2), image_spec(), 2)
    assert found is not None
    assert set(found.answers) == {0, 1}


def test_a_file_that_does_not_run_has_no_behaviour(sandbox: Sandbox) -> None:
    assert sandbox.probe(b"no model", image_spec(), 10) is None
