"""Pictures that are the same everywhere, drawn by whole numbers alone: nobody's photos.

The probes are noise of several sizes, ramps, stripes and shapes in colors: unlike enough that a
model names many of its labels. A picture is 32 pixels high and wide, so that to prepare one takes
well below a millisecond whatever the spec asks. Whoever changes one of them raises `PROBE_SET`.
"""

import base64
import io
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dml.inference.behaviour import PROBES
from dml.inference.images import Items
from dml.inference.spec import InputSpec

SIDE: Final = 32
SAMPLE_SIDES: Final = (240, 160)  # Wider than high, so that one sees what becomes of proportions.
SHOWN_SIDE: Final = 96  # pixels of the longer side of a sample as it is shown
SHOWN_BYTES_MAX: Final = 12 << 10

_Whole = NDArray[np.uint64]


def probe_images() -> Iterator[Image.Image]:
    """The probes, in their order."""
    for number in range(PROBES):
        yield Image.fromarray(_probe(number))


def sample_images() -> Iterator[Image.Image]:
    """The samples, in the order of their names."""
    yield _color_bars()
    yield _figure()
    yield _landscape()
    yield _face()


def shown(item: Items, spec: InputSpec) -> str:
    """A prepared item as a small picture: what the model sees, as a `data:` URI of a PNG."""
    values = np.asarray(item, np.float64)
    if spec.layout == "NCHW":
        values = values.reshape(spec.channels, spec.height, spec.width).transpose(1, 2, 0)
    values = values.reshape(spec.height, spec.width, spec.channels)
    scale = spec.scale or 1.0  # Of 0 nothing is left to be shown.
    pixels = (values * np.array(spec.std, np.float64) + np.array(spec.mean, np.float64)) / scale
    whole = np.rint(np.clip(np.nan_to_num(pixels), 0, 255)).astype(np.uint8)
    image = Image.fromarray(whole[:, :, 0] if spec.channels == 1 else whole)
    side = SHOWN_SIDE
    while True:
        small = image.copy()
        small.thumbnail((side, side))
        file = io.BytesIO()
        small.save(file, "PNG", optimize=True)
        if file.tell() <= SHOWN_BYTES_MAX or side <= 8:
            return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
        side //= 2


def _scattered(values: Any) -> _Whole:
    """Numbers that look random, the same everywhere: the end of SplitMix64."""
    with np.errstate(over="ignore"):
        mixed = np.asarray(values, np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), np.uint64)


def _drawn(number: int, count: int, most: int) -> list[int]:
    """So many numbers below `most`, for the probe of that number."""
    drawn = _scattered(np.arange(count) + (number + 1) * 1_000_003) % np.uint64(most)
    return [int(it) for it in drawn]


def _probe(number: int) -> NDArray[np.uint8]:
    """One probe, (SIDE, SIDE, 3)."""
    row, column = np.indices((SIDE, SIDE))
    one, other = (np.array(_drawn(number + 7_919 * it, 3, 256)) for it in (1, 2))
    a, b, c = _drawn(number + 104_729, 3, SIDE)
    match number % 8:
        case 0 | 1 | 2 | 3 as size:
            cell = (SIDE // 2, SIDE // 4, SIDE // 8, 1)[size]
            place = (row // cell) * SIDE + column // cell
            noise = _scattered(place[:, :, None] * 3 + np.arange(3) + (number + 1) * 1_000_003)
            return np.asarray(noise & np.uint64(255), np.uint8)
        case 4:
            along = (row * a + column * b) % (SIDE * max(1, a + b))
            share, whole = along, SIDE * max(1, a + b)
        case 5:
            share, whole = ((row * (a % 3) + column * (1 + b % 3)) // (1 + c % 6)) % 2, 1
        case 6:
            share, whole = ((row - a) ** 2 + (column - b) ** 2 < (3 + c // 2) ** 2) * 1, 1
        case _:
            inside = (abs(row - a) < 2 + c // 3) & (abs(column - b) < 3 + c // 4)
            share, whole = np.where(inside, SIDE, row), SIDE
    share = share[:, :, None]
    return np.asarray((one * share + other * (whole - share)) // whole, np.uint8)


def _color_bars() -> Image.Image:
    image = Image.new("RGB", SAMPLE_SIDES)
    draw, width = ImageDraw.Draw(image), SAMPLE_SIDES[0] // 8
    colors = ("white", "yellow", "cyan", "lime", "magenta", "red", "blue", "black")
    for place, color in enumerate(colors):
        draw.rectangle((place * width, 0, (place + 1) * width, SAMPLE_SIDES[1]), fill=color)
    return image


def _figure() -> Image.Image:
    """A written seven, white on black."""
    image = Image.new("RGB", SAMPLE_SIDES)
    stroke = [(80, 40), (160, 40), (110, 130)]
    ImageDraw.Draw(image).line(stroke, fill="white", width=16, joint="curve")
    return image


def _landscape() -> Image.Image:
    image = Image.new("RGB", SAMPLE_SIDES, "#7fb6e6")
    draw = ImageDraw.Draw(image)
    draw.ellipse((180, 15, 220, 55), fill="#ffe27a")
    draw.polygon([(0, 110), (60, 40), (110, 100), (150, 60), (240, 115)], fill="#8a8f98")
    draw.rectangle((0, 105, 240, 160), fill="#4f8f3a")
    draw.rectangle((40, 85, 48, 125), fill="#6b4a2b")
    draw.ellipse((22, 50, 66, 95), fill="#2f6b2a")
    return image


def _face() -> Image.Image:
    """A drawn one, nobody's."""
    image = Image.new("RGB", SAMPLE_SIDES, "#d9d4c7")
    draw = ImageDraw.Draw(image)
    draw.ellipse((70, 15, 170, 150), fill="#e0b08c", outline="#6b4a2b", width=3)
    for left in (92, 132):
        draw.ellipse((left, 60, left + 16, 72), fill="white", outline="#333333")
        draw.ellipse((left + 5, 62, left + 11, 70), fill="#333333")
    draw.line([(120, 75), (114, 98), (124, 98)], fill="#8a5a3c", width=3)
    draw.arc((98, 95, 142, 128), 20, 160, fill="#a03030", width=4)
    return image
