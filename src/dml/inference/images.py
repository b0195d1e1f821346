"""From a photo to the tensor that a model takes, and from the model's output to probabilities.

Every step is fixed, so that developer, server and device get the same numbers in any language. An
image is turned as EXIF says; made RGB, or grey by (19595 R + 38470 G + 7471 B + 32768) >> 16;
resized; then (value × scale − mean) ÷ std as float32. To resize from w to W: column i is the mean
of the columns from ⌊i·w/W⌋ to before ⌊(i+1)·w/W⌋, of one at least; rows likewise; no image
library's filter, for each has its own rounding. What is transparent lies on white; 16 bits of a
grey are its upper 8, floats go from 0 (black) to 1. `fit` keeps everything, centred on black;
`fill` keeps the largest centred part of the target's proportions; both cut and place at whole
pixels, rounded down. `crop` makes the shorter side `shortest_edge` and the longer one
⌊shortest_edge × longer ÷ shorter⌋, and keeps the centre of that. `bgr` is RGB with its channels
turned around, before anything is computed of them. Of type uint8 are ⌊value + ½⌋.

With `decode: fast` a JPEG is read at 1/s of its size, ⌈side ÷ s⌉ by ⌈side ÷ s⌉ pixels, by the exact
(`islow`) inverse DCT of libjpeg-turbo for that size; all of the above is then done with what was
read. s is the largest of 8, 4 and 2 for which the part of the photo that is resized still has, each
of its sides divided by s and rounded down, twice as many pixels as the tensor takes of it; else 1.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

from dml.inference.spec import InputSpec, input_shape

PIXELS_MAX: Final = 89_478_485  # what PIL too takes for a decompression bomb from here on
WHITE: Final = (255, 255, 255, 255)

# A strip of this many rows of 255 is the most that 16 bits can hold the sum of.
_ROWS_IN_16_BITS: Final = 257
_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0  # Tags of TIFF, and a value of the second.
_CHANNELS: Final[Mapping[str, int]] = {"L": 1, "RGB": 3}
_TURNS: Final[Mapping[int, Image.Transpose]] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_TURNED_OVER: Final = (5, 6, 7, 8)  # Rows become columns.

Floats = NDArray[np.float32]
Items = NDArray[Any]  # of float32, or of uint8, as the spec's `type` says
Sums = NDArray[np.int64]


class Unreadable(ValueError):
    """The file is no photo that can be used; the message says why.

    `is_final` where no other way of reading it would help.
    """

    def __init__(self, why: str, *, is_final: bool = False) -> None:
        super().__init__(why)
        self.is_final = is_final


class _Box(NamedTuple):
    left: int
    top: int
    width: int
    height: int


class _Span(NamedTuple):
    """One side: `kept` of the `whole` length that it is resized to, from `first` on."""

    whole: int
    first: int
    kept: int


class _Plan(NamedTuple):
    """Which part of a photo is resized, to which columns and rows, and where they are placed."""

    source: _Box
    columns: _Span
    rows: _Span
    target: _Box


@dataclass(frozen=True, slots=True)
class Reduced:
    """A photo brought down to the cells of a tensor, from which the tensor follows.

    `width` and `height` are the upright photo's; `sums` (rows, columns, channels) are whole.
    """

    width: int
    height: int
    sums: Sums


def prepare(image: Image.Image, spec: InputSpec) -> Items:
    """One item as the model takes it, without the batch axis: `np.stack` several. Pure.

    Unreadable where its pixels are no shades or colors that are known.
    """
    return finish(reduce(image, spec), spec)


def reduce(image: Image.Image, spec: InputSpec) -> Reduced:
    """What `prepare` begins with, and takes its time for. It depends on `reduction(spec)` alone."""
    turn = _TURNS.get(_orientation(image))
    with _its_own_fault():
        image = _of_8_bits(image)
        if turn is not None:
            image = image.transpose(turn)
    plan = _plan(image.width, image.height, spec)
    mode = "L" if spec.color == "grey" else "RGB"
    return Reduced(image.width, image.height, _all_sums(image, plan, mode))


def finish(reduced: Reduced, spec: InputSpec) -> Items:
    """The tensor of what was reduced by this spec, or by another of the same `reduction`."""
    plan = _plan(reduced.width, reduced.height, spec)
    row_counts, column_counts = (
        _cells(plan.source.height, plan.rows)[1],
        _cells(plan.source.width, plan.columns)[1],
    )
    # Whole sums and one division, so that the order of summing can't matter.
    resized = reduced.sums / (row_counts[:, None, None] * column_counts[:, None])
    if resized.shape[:2] != (spec.height, spec.width):
        placed, resized = resized, np.zeros((spec.height, spec.width, spec.channels))
        left, top = plan.target.left, plan.target.top
        resized[top : top + plan.target.height, left : left + plan.target.width] = placed
    if spec.color == "bgr":
        resized = resized[:, :, ::-1]
    mean, std = np.array(spec.mean, np.float64), np.array(spec.std, np.float64)
    values = (resized * spec.scale - mean) / std
    if spec.layout == "NCHW":
        values = values.transpose(2, 0, 1)
    if spec.type == "uint8":
        return np.ascontiguousarray(np.floor(values + 0.5), np.uint8).reshape(input_shape(spec))
    item: Floats = np.ascontiguousarray(values, np.float32).reshape(input_shape(spec))
    return item


def picture(item: Items, spec: InputSpec) -> Image.Image | None:
    """What a model sees, as a picture: the pixels that give these numbers, upright, within 0 and
    255. None where the spec makes the same number of all pixels.
    """
    if spec.scale == 0:
        return None
    values = np.asarray(item, np.float64)
    if spec.layout == "NCHW":
        values = values.transpose(1, 2, 0)
    values = values.reshape(spec.height, spec.width, spec.channels)
    mean, std = np.array(spec.mean, np.float64), np.array(spec.std, np.float64)
    shades = np.clip(np.rint((values * std + mean) / spec.scale), 0, 255).astype(np.uint8)
    if spec.color == "bgr":
        shades = shades[:, :, ::-1]
    return Image.fromarray(shades[:, :, 0] if spec.channels == 1 else np.ascontiguousarray(shades))


def fast_scale(image: Image.Image, spec: InputSpec) -> int:
    """By what to divide the sides of a JPEG, not decoded yet, when it is read: 8, 4, 2 or 1."""
    width, height = image.size
    if _orientation(image) in _TURNED_OVER:
        width, height = height, width
    plan = _plan(width, height, spec)
    # What is cut off in the end counts, too: `whole` is what the photo is resized to.
    wide, high = 2 * plan.columns.whole, 2 * plan.rows.whole
    source = plan.source
    fits = (s for s in (8, 4, 2) if source.width // s >= wide and source.height // s >= high)
    return next(fits, 1)


def reduced_shape(width: int, height: int, spec: InputSpec) -> tuple[int, int, int]:
    """Of the sums of an upright photo of these sides: rows, columns, channels."""
    plan = _plan(width, height, spec)
    return plan.rows.kept, plan.columns.kept, spec.channels


def probabilities(output: Floats, spec: InputSpec) -> Floats:
    """What the model says, made probabilities: one row for each item, a column for each label."""
    match spec.output.activation:
        case "softmax":
            # The shift keeps exp() from overflowing.
            powers: Floats = np.exp(output - output.max(axis=1, keepdims=True))
            shares: Floats = powers / powers.sum(axis=1, keepdims=True)
            return shares
        case "sigmoid":
            one = np.float32(1)
            squashed: Floats = one / (one + np.exp(-np.clip(output, -80, 80)))
            return squashed
        case "none":
            return output


def _plan(width: int, height: int, spec: InputSpec) -> _Plan:
    if spec.resize == "crop":
        columns, rows = _cropped(width, height, spec)
        return _Plan(_Box(0, 0, width, height), columns, rows, _Box(0, 0, spec.width, spec.height))
    source, target = _boxes(width, height, spec)
    return _Plan(source, _whole(target.width), _whole(target.height), target)


def _boxes(width: int, height: int, spec: InputSpec) -> tuple[_Box, _Box]:
    """Which part of the photo goes to which part of the tensor."""
    source, target = _Box(0, 0, width, height), _Box(0, 0, spec.width, spec.height)
    wider = width * spec.height > height * spec.width  # than the tensor
    if spec.resize == "fit":
        if wider:
            target = _centred(target, spec.width, height * spec.width // width)
        else:
            target = _centred(target, width * spec.height // height, spec.height)
    elif spec.resize == "fill":
        if wider:
            source = _centred(source, height * spec.width // spec.height, height)
        else:
            source = _centred(source, width, width * spec.height // spec.width)
    return source, target


def _centred(outer: _Box, width: int, height: int) -> _Box:
    width, height = max(1, width), max(1, height)
    return _Box((outer.width - width) // 2, (outer.height - height) // 2, width, height)


def _whole(size: int) -> _Span:
    return _Span(size, 0, size)


def _cropped(width: int, height: int, spec: InputSpec) -> tuple[_Span, _Span]:
    """What of the columns, and of the rows, is kept of the photo with a shorter side as told."""
    assert spec.shortest_edge is not None, "`read` has seen to it"
    edge, shorter = spec.shortest_edge, min(width, height)
    wide, high = edge * width // shorter, edge * height // shorter
    return (
        _Span(wide, (wide - spec.width) // 2, spec.width),
        _Span(high, (high - spec.height) // 2, spec.height),
    )


def _all_sums(image: Image.Image, plan: _Plan, mode: str) -> Sums:
    """The sum of each cell, (rows, columns, channels).

    A strip of rows at a time: it stays in the processor's cache, its sums fit into 16 bits, and no
    second copy of the photo is made. 12 megapixels take 20 to 30 ms so, and 400 all at once.
    """
    source = plan.source
    row_starts, row_counts = _cells(source.height, plan.rows)
    column_starts, column_counts = _cells(source.width, plan.columns)
    # Only the columns that are looked at: beyond the last cell nothing is summed.
    left, right = int(column_starts[0]), int(column_starts[-1] + column_counts[-1])
    part = _Box(source.left + left, source.top, right - left, source.height)
    sums: dict[int, Sums] = {}  # where a photo is stretched, starts repeat: each is summed once
    for start, count in zip(row_starts.tolist(), row_counts.tolist(), strict=True):
        if start not in sums:
            sums[start] = _sums(image, part, start, count, column_starts - left, mode)
    return np.stack([sums[start] for start in row_starts.tolist()])


def _cells(old: int, span: _Span) -> tuple[Sums, Sums]:
    """Where each kept cell starts on a side of `old` pixels, and of how many it is the mean."""
    bounds = (span.first + np.arange(span.kept + 1, dtype=np.int64)) * old // span.whole
    counts: Sums = np.maximum(1, np.diff(bounds))
    return bounds[:-1], counts


def _sums(
    image: Image.Image, source: _Box, start: int, count: int, columns: Sums, mode: str
) -> Sums:
    """(columns, channels): the sums of the cells in one row of cells, `count` pixels high."""
    first = source.top + start
    total: Sums = np.zeros((len(columns), _CHANNELS[mode]), np.int64)
    for top in range(first, first + count, _ROWS_IN_16_BITS):
        bottom = min(top + _ROWS_IN_16_BITS, first + count)
        with _its_own_fault():
            strip = image.crop((source.left, top, source.left + source.width, bottom))
            flat = _on_white(strip)
            flat = flat if flat.mode == mode else flat.convert(mode)  # A copy is made in any case.
        pixels = np.asarray(flat).reshape(bottom - top, source.width, _CHANNELS[mode])
        of_rows = np.add.reduce(pixels, axis=0, dtype=np.uint16)
        # Where starts repeat, reduceat gives the column itself: just what is wanted.
        total += np.add.reduceat(of_rows, columns, axis=0, dtype=np.int64)
    return total


def _of_8_bits(image: Image.Image) -> Image.Image:
    """The picture in a mode whose values go from 0 to 255; PIL's own conversion would clip them."""
    if image.mode.startswith("I;16"):
        deep = np.asarray(image).astype(np.uint16)
        shades = deep >> (4 if _tag(image, _BITS) == 12 else 8)
    elif image.mode == "F":
        floats = np.asarray(image)
        if not (np.isfinite(floats).all() and floats.min() >= 0 and floats.max() <= 1):
            raise Unreadable("holds numbers of which nobody knows what is white")
        shades = np.rint(floats * 255)
    elif image.mode == "I":
        raise Unreadable("holds numbers of which nobody knows what is white")
    elif image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        seen = ImageCms.applyTransform(image, ImageCms.buildTransform(lab, srgb, "LAB", "RGB"))
        assert seen is not None, "it is a new picture"
        return seen
    else:
        return image
    if _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO:
        shades = 255 - shades
    return Image.fromarray(shades.astype(np.uint8))


def _tag(image: Image.Image, number: int) -> int | None:
    """A number that a TIFF says about its pixels; None for other kinds of files."""
    value = getattr(image, "tag_v2", {}).get(number)
    return value[0] if isinstance(value, tuple) else value


def _on_white(image: Image.Image) -> Image.Image:
    """The picture as viewers show it: transparent parts let the paper through."""
    if not image.has_transparency_data:
        return image
    seen = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, WHITE), seen).convert("RGB")


@contextmanager
def _its_own_fault() -> Iterator[None]:
    """Whatever PIL raises over a picture is that picture's fault."""
    try:
        yield
    except (Unreadable, MemoryError, AssertionError):
        raise
    except Exception as broken:  # ValueError for a mode that it can't convert, and others
        raise Unreadable("has pixels of a kind that can't be converted") from broken


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged EXIF: the pixels are good all the same, and PIL raises anything
        return 1
