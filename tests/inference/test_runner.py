"""What the sandbox answers: labels, probabilities, refusals; and photos become counts."""

import datetime as dt
import io
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from dml.inference.counting import Item, certain, count
from dml.inference.images import prepare, probabilities
from dml.inference.photo_files import decode_photo
from dml.inference.runner import Refused, Sandbox
from tests.inference.models import (
    build,
    digits_like_model,
    grey_image,
    image_classifier,
    image_spec,
    tensor,
    tiny_image_model,
)

SOURCE = Path(__file__).parents[2] / "src"
SPEC, MODEL = image_spec(), digits_like_model()
ITEMS = np.stack([prepare(grey_image(round(i * 255 / 9)), SPEC) for i in range(10)])


def test_each_item_gets_its_label_and_its_probability(sandbox: Sandbox) -> None:
    labels, sure = sandbox.predict(MODEL, SPEC, ITEMS)
    assert labels.tolist() == list(range(10))
    assert labels.dtype == np.int32
    assert sure.dtype == np.float32
    assert ((sure > 0.9) & (sure <= 1)).all()


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_the_activation_is_applied(sandbox: Sandbox, activation: str) -> None:
    spec = image_spec(output={"name": "logits", "activation": activation})
    labels, sure = sandbox.predict(tiny_image_model(spec, 3), spec, ITEMS[:1])
    # The logits of black are 0, −4 and −16.
    expected = probabilities(np.array([[0, -4, -16]], np.float32), spec)
    assert labels.tolist() == [0]
    assert np.allclose(sure, expected[:, 0])


def test_a_label_that_is_none_is_refused_where_their_number_is_told(sandbox: Sandbox) -> None:
    assert sandbox.predict(MODEL, SPEC, ITEMS, label_count=10)[0].max() == 9
    with pytest.raises(Refused, match=r"model\.output_count"):
        sandbox.predict(MODEL, SPEC, ITEMS, label_count=9)


def test_no_items_give_no_labels(sandbox: Sandbox) -> None:
    labels, sure = sandbox.predict(MODEL, SPEC, ITEMS[:0])
    assert (len(labels), len(sure)) == (0, 0)


def test_items_of_another_shape_are_a_bug_of_the_caller(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="shape"):
        sandbox.predict(MODEL, SPEC, ITEMS[:, :63])


def test_a_model_that_takes_one_item_at_a_time_gets_one_at_a_time(sandbox: Sandbox) -> None:
    nodes, weights = image_classifier(SPEC, 10)
    single = build(nodes, weights, [tensor("x", [1, 64])], [tensor("probabilities", [1, 10])])
    assert sandbox.check(single, SPEC, 10).inputs[0].shape == (1, 64)
    assert sandbox.predict(single, SPEC, ITEMS)[0].tolist() == list(range(10))


def test_threads_share_a_sandbox(sandbox: Sandbox) -> None:
    def label(i: int) -> int:
        return int(sandbox.predict(MODEL, SPEC, ITEMS[i : i + 1])[0][0])

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(label, [*range(10)] * 4)) == [*range(10)] * 4


def photo(brightness: int, taken: str | None) -> bytes:
    file, exif = io.BytesIO(), Image.Exif()
    if taken:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken
    Image.new("RGB", (64, 48), (brightness,) * 3).save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_photos_become_counts(sandbox: Sandbox) -> None:
    photos = [
        decode_photo(photo(brightness, taken), "a.jpg", dt.date(2026, 1, 1))
        for brightness, taken in (
            (0, "2024:01:31 12:00:00"),
            (255, "2024:01:01 12:00:00"),
            (255, "2024:02:01 12:00:00"),
            (255, None),
            (64, "2024:02:02 12:00:00"),  # between the labels
        )
    ]
    labels = ["dark", "grey", "light"]
    model = tiny_image_model(SPEC, len(labels))
    sandbox.check(model, SPEC, len(labels))
    items = np.stack([prepare(each.image, SPEC) for each in photos])
    found = certain(*sandbox.predict(model, SPEC, items), min_confidence=0.9)
    dates = [each.taken for each in photos]
    assert count(map(Item, found, dates), labels) == {
        "items": 5,
        "labels": {"dark": 1, "light": 3},
        "uncertain": 1,
        "months": {"2024-01": {"dark": 1, "light": 1}, "2024-02": {"light": 1}},
        "undated": 1,
    }


def test_a_check_and_a_run_take_milliseconds(sandbox: Sandbox) -> None:
    sandbox.check(MODEL, SPEC, 10)
    times = []
    for _ in range(10):
        start = time.perf_counter()
        sandbox.check(MODEL, SPEC, 10)
        sandbox.predict(MODEL, SPEC, ITEMS)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.2  # 0.02 where nothing else runs
