"""What is made of a sample: the item that a model takes, and the picture of what it sees."""

import datetime as dt
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dml.inference import trying
from dml.inference.images import picture, prepare
from dml.inference.signature import Refused
from tests.inference.models import image_spec

TODAY = dt.date(2026, 3, 1)


def colourful(width: int = 40, height: int = 30) -> Image.Image:
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    pixels = np.stack([across * 6 % 256, down * 8 % 256, (across + down) * 3 % 256], axis=2)
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"color": "rgb", "layout": "NCHW", "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.4]},
        {"color": "bgr", "layout": "NHWC", "scale": 1, "mean": [104, 117, 123]},
        {"layout": "NHW", "scale": -1, "mean": -255},
        {"color": "rgb", "layout": "NHWC", "scale": 1, "type": "uint8"},
        {"color": "rgb", "resize": "fit", "layout": "NCHW"},
    ],
    ids=str,
)
def test_the_picture_shows_the_pixels_that_the_numbers_are_made_of(changes: Any) -> None:
    spec = image_spec(**changes)
    item = prepare(colourful(), spec)
    image = picture(item, spec)
    assert image is not None
    assert image.size == (spec.width, spec.height)
    plain = image_spec(
        **{it: changes[it] for it in ("resize",) if it in changes},
        color="grey" if spec.channels == 1 else "rgb",
        layout="NHWC",
        scale=1,
    )
    shades = np.rint(prepare(colourful(), plain)).reshape(np.asarray(image).shape)
    assert np.abs(np.asarray(image).astype(int) - shades).max() <= 1


def test_where_all_pixels_are_one_number_there_is_no_picture() -> None:
    spec = image_spec(scale=0)
    item = prepare(colourful(), spec)
    assert picture(item, spec) is None
    assert trying.shown(item, spec) == b""


def test_a_tensor_of_bytes_has_whole_numbers() -> None:
    spec = image_spec(scale=1, type="uint8", width=2, height=1)
    assert trying.read_tensor(b'{"tensor": [0, 255.0]}', spec).dtype == np.uint8
    for wrong in (b"[0.5, 1]", b"[-1, 1]", b"[0, 256]"):
        with pytest.raises(Refused) as refused:
            trying.read_tensor(b'{"tensor": ' + wrong + b"}", spec)
        assert refused.value.codes == (trying.WRONG_TENSOR,)


def test_a_photo_is_read_as_an_agent_reads_it() -> None:
    file, spec = io.BytesIO(), image_spec()
    colourful().save(file, "PNG")
    read = trying.read_photo(file.getvalue(), spec, TODAY)
    assert (read == prepare(colourful(), spec)).all()
    with pytest.raises(Refused) as refused:
        trying.read_photo(b"none", spec, TODAY)
    assert refused.value.codes == (trying.UNREADABLE,)
