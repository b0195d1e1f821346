"""Each option of the input spec against arrays worked out by hand."""

import io
import time
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from dml.inference.images import PIXELS_MAX, Unreadable, prepare, probabilities
from dml.inference.spec import InputSpec, read

SPEC = {
    "kind": "image",
    "color": "grey",
    "width": 2,
    "height": 2,
    "resize": "stretch",
    "layout": "NHWC",
    "scale": 1,
    "mean": 0,
    "std": 1,
    "output": {"name": "p", "activation": "none"},
}
RGB = Image.fromarray(
    np.array([[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [100, 110, 120]]], np.uint8)
)


def spec(**changes: Any) -> InputSpec:
    return read(SPEC | changes)


def grey(rows: list[list[int]]) -> Image.Image:
    return Image.fromarray(np.array(rows, np.uint8))


def flat(image: Image.Image, **changes: Any) -> list[float]:
    values: list[float] = prepare(image, spec(layout="flat", **changes)).tolist()
    return values


def test_layouts() -> None:
    assert prepare(RGB, spec(color="rgb", layout="NHWC")).tolist() == [
        [[10, 20, 30], [40, 50, 60]],
        [[70, 80, 90], [100, 110, 120]],
    ]
    assert prepare(RGB, spec(color="rgb", layout="NCHW")).tolist() == [
        [[10, 40], [70, 100]],
        [[20, 50], [80, 110]],
        [[30, 60], [90, 120]],
    ]
    assert flat(RGB, color="rgb") == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]
    assert prepare(RGB, spec(layout="NCHW")).shape == (1, 2, 2)
    assert prepare(RGB, spec()).shape == (2, 2, 1)
    assert prepare(RGB, spec()).dtype == np.float32


def test_bgr_turns_the_channels_around_before_its_means() -> None:
    assert flat(RGB, color="bgr", mean=[30, 20, 10])[:6] == [0, 0, 0, 30, 30, 30]


def test_nhw_has_no_axis_for_its_one_channel() -> None:
    assert prepare(grey([[1, 2], [3, 4]]), spec(layout="NHW")).tolist() == [[1, 2], [3, 4]]


def test_uint8_is_the_nearest_whole_number_and_half_goes_up() -> None:
    item = prepare(grey([[0, 1, 1, 1], [0, 1, 254, 255]]), spec(layout="flat", type="uint8"))
    assert item.dtype == np.uint8
    assert item.tolist() == [1, 1, 1, 255]
    item = prepare(grey([[0, 1], [254, 255]]), spec(type="uint8", width=1, height=2))
    assert item.reshape(-1).tolist() == [1, 255]


def test_crop_is_the_centre_of_the_picture_made_so_small() -> None:
    rows = np.arange(6 * 9, dtype=np.uint8).reshape(6, 9)
    cropped = prepare(Image.fromarray(rows), spec(resize="crop", shortest_edge=4))
    whole = prepare(Image.fromarray(rows), spec(width=6, height=4))
    assert cropped.tolist() == whole[1:3, 2:4].tolist()
    tall = prepare(Image.fromarray(rows.T), spec(resize="crop", shortest_edge=4))
    assert tall[..., 0].T.tolist() == cropped[..., 0].tolist()
    # Nothing is made smaller, and a strip makes no giant.
    assert flat(grey([[1, 2], [3, 4]]), resize="crop", shortest_edge=2) == [1, 2, 3, 4]
    strip = Image.new("L", (60_000, 1), 7)
    assert flat(strip, resize="crop", shortest_edge=2048) == [7, 7, 7, 7]


def test_grey_is_luma() -> None:
    colors = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
    values = [flat(Image.new("RGB", (1, 1), color), width=1, height=1)[0] for color in colors]
    assert values == [76, 150, 29, 255]  # 255 × .299, .587, .114


def test_a_grey_picture_as_rgb_has_three_equal_channels() -> None:
    item = prepare(grey([[7]]), spec(color="rgb", width=1, height=1))
    assert item.tolist() == [[[7, 7, 7]]]


@pytest.mark.parametrize(
    ("image", "value"),
    [
        (Image.new("RGBA", (1, 1), (0, 0, 0, 0)), 255),  # on white
        (Image.new("RGBA", (1, 1), (0, 0, 0, 255)), 0),
        (Image.new("LA", (1, 1), (9, 0)), 255),
        (Image.new("PA", (1, 1), (0, 0)), 255),
        (Image.new("1", (1, 1), 1), 255),
        (Image.new("CMYK", (1, 1), (0, 0, 0, 0)), 255),
        (Image.new("RGB", (1, 1), (5, 5, 5)).convert("P"), 0),  # the web palette has no 5
    ],
)
def test_other_modes_of_pictures(image: Image.Image, value: int) -> None:
    assert flat(image, width=1, height=1) == [value]


def deep(shade: int, kind: str = "<u2") -> Image.Image:
    mode = {"<u2": "I;16", ">u2": "I;16B", "<i4": "I", "<f4": "F"}[kind]
    return Image.frombytes(mode, (2, 1), np.full((1, 2), shade, kind).tobytes())


@pytest.mark.parametrize("kind", ["<u2", ">u2"])
@pytest.mark.parametrize(("shade", "value"), [(0, 0), (191 * 257, 191), (65535, 255), (255, 0)])
def test_16_bits_of_grey_are_their_upper_8(kind: str, shade: int, value: int) -> None:
    assert flat(deep(shade, kind), width=1, height=1) == [value]
    item = prepare(deep(shade, kind), spec(color="rgb", width=1, height=1))
    assert item.tolist() == [[[value] * 3]]


def test_floats_go_from_black_to_white_and_others_are_unreadable() -> None:
    def floats(*values: float) -> Image.Image:
        return Image.fromarray(np.array([values], np.float32))

    assert flat(floats(0, 0.749, 1), width=3, height=1) == [0, 191, 255]
    for wrong in (floats(0, 255), floats(-1, 0), floats(0, np.nan), floats(np.inf, 0)):
        with pytest.raises(Unreadable, match="nobody knows what is white"):
            flat(wrong)
    with pytest.raises(Unreadable, match="nobody knows what is white"):
        flat(deep(70_000, "<i4"))


def test_a_deep_picture_is_turned_too() -> None:
    picture = Image.fromarray(np.array([[256, 512], [768, 1024]], np.uint16))
    picture.getexif()[ExifTags.Base.Orientation] = 3
    assert flat(picture) == [4, 3, 2, 1]


def test_cielab_is_seen_as_it_looks() -> None:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    to_lab = ImageCms.buildTransform(srgb, lab, "RGB", "LAB")
    scan = ImageCms.applyTransform(Image.new("RGB", (2, 2), (200, 100, 50)), to_lab)
    assert scan is not None
    item = prepare(scan, spec(color="rgb", width=1, height=1, layout="flat"))
    assert np.allclose(item, [200, 100, 50], atol=3)


def test_what_pillow_raises_over_a_picture_is_that_pictures_fault() -> None:
    file = io.BytesIO()
    Image.new("L", (64, 64), 9).save(file, "PNG")
    lazy = Image.open(io.BytesIO(file.getvalue()[:60]))  # nothing of it was decoded so far
    with pytest.raises(Unreadable, match="can't be converted"):
        flat(lazy)


def test_stretch_averages_areas_and_forgets_proportions() -> None:
    rows = [[0, 10, 20, 30], [2, 12, 22, 32], [100, 110, 120, 130], [102, 112, 122, 132]]
    assert flat(grey(rows)) == [6, 26, 106, 126]
    assert flat(grey([[0, 100, 200, 40]])) == [50, 120, 50, 120]


def test_stretching_to_more_pixels_repeats_them() -> None:
    assert flat(grey([[1, 2]]), width=4, height=1) == [1, 1, 2, 2]
    assert flat(grey([[1], [2]]), width=1, height=3) == [1, 1, 2]


def test_fit_centres_on_black() -> None:
    wide = grey([[10, 10, 50, 50], [10, 10, 50, 50]])  # into 4 × 4: black above and below
    assert prepare(wide, spec(width=4, height=4, resize="fit"))[..., 0].tolist() == [
        [0, 0, 0, 0],
        [10, 10, 50, 50],
        [10, 10, 50, 50],
        [0, 0, 0, 0],
    ]
    assert flat(wide, resize="fit") == [10, 50, 0, 0]  # 2 × 1 inside 2 × 2: the odd row goes below
    tall = grey([[10], [20], [30], [40]])  # 1 × 4 into 2 × 2: less than a pixel wide is one pixel
    assert flat(tall, resize="fit") == [15, 0, 35, 0]


def test_fit_of_equal_proportions_is_stretch() -> None:
    picture = grey([[0, 10, 20, 30]] * 4)
    assert flat(picture, resize="fit") == flat(picture) == [5, 25, 5, 25]


def test_the_black_around_a_fitted_picture_is_normalised_too() -> None:
    assert flat(grey([[10, 10]]), resize="fit", mean=4, std=2) == [3, 3, -2, -2]


def test_fill_cuts_what_is_outside_of_the_targets_proportions() -> None:
    assert flat(grey([[99, 1, 2, 99], [99, 3, 4, 99]]), resize="fill") == [1, 2, 3, 4]
    assert flat(grey([[99, 99], [1, 2], [3, 4], [99, 99]]), resize="fill") == [1, 2, 3, 4]
    wide = grey([[99, 10, 20, 40, 99]] * 2)
    assert flat(wide, resize="fill") == [10, 20, 10, 20]  # (5 − 2) ÷ 2, rounded down


def test_sizes_that_do_not_divide() -> None:
    five = grey([[0, 10, 20, 30, 40]])
    assert flat(five, width=2, height=1) == [5, 30]  # columns 0–1 and 2–4
    assert flat(five, width=3, height=1) == [0, 15, 35]
    assert flat(grey([[1, 2, 3]]), width=5, height=1) == [1, 1, 2, 2, 3]
    # Not rounded between the two directions.
    assert flat(grey([[1, 2], [3, 5]]), width=1, height=1) == [2.75]


def test_scale_mean_and_std() -> None:
    pair = grey([[0, 255]])
    assert flat(pair, height=1, scale=1 / 255) == [0, 1]
    assert flat(pair, height=1, scale=1 / 255, mean=0.5, std=0.5) == [-1, 1]
    assert flat(grey([[10, 20]]), height=1, scale=2, mean=4, std=8) == [2, 4.5]
    one = Image.new("RGB", (1, 1), (10, 20, 30))
    each = spec(color="rgb", width=1, height=1, layout="NCHW", mean=[10, 10, 10], std=[1, 2, 4])
    assert prepare(one, each).ravel().tolist() == [0, 5, 5]


@pytest.mark.parametrize(
    ("orientation", "values"),
    [
        (1, [1, 2, 3, 4]),
        (2, [2, 1, 4, 3]),
        (3, [4, 3, 2, 1]),
        (4, [3, 4, 1, 2]),
        (5, [1, 3, 2, 4]),
        (6, [3, 1, 4, 2]),
        (7, [4, 2, 3, 1]),
        (8, [2, 4, 1, 3]),
        (9, [1, 2, 3, 4]),
    ],
)
def test_a_picture_is_turned_as_exif_says(orientation: int, values: list[int]) -> None:
    picture = grey([[1, 2], [3, 4]])
    picture.getexif()[ExifTags.Base.Orientation] = orientation
    assert flat(picture) == values


def test_a_strip_higher_than_16_bits_can_sum_is_exact() -> None:
    assert flat(Image.new("L", (3, 5000), 255), width=1, height=1) == [255]
    ramp = grey([[row % 251] for row in range(5000)])
    exact = sum(row % 251 for row in range(5000)) / 5000
    assert flat(ramp, width=1, height=1) == [np.float32(exact)]


def test_any_picture_is_the_mean_of_its_cells_as_the_definition_says() -> None:
    random = np.random.default_rng(7)
    for _ in range(60):
        width, height, new_width, new_height = (int(n) for n in random.integers(1, 40, 4))
        pixels = random.integers(0, 256, (height, width, 3), np.uint8)
        want = np.empty((new_height, new_width, 3))
        for row in range(new_height):
            top = row * height // new_height
            bottom = max(top + 1, (row + 1) * height // new_height)
            for column in range(new_width):
                left = column * width // new_width
                right = max(left + 1, (column + 1) * width // new_width)
                want[row, column] = pixels[top:bottom, left:right].astype(float).mean((0, 1))
        got = prepare(
            Image.fromarray(pixels), spec(color="rgb", width=new_width, height=new_height)
        )
        assert np.allclose(got, want, rtol=1e-6)


def test_the_picture_itself_is_left_as_it_was() -> None:
    picture = grey([[1, 2], [3, 4]])
    picture.getexif()[ExifTags.Base.Orientation] = 6
    prepare(picture, spec())
    assert picture.getexif()[ExifTags.Base.Orientation] == 6
    assert np.asarray(picture).tolist() == [[1, 2], [3, 4]]


def test_12_megapixels_take_a_fraction_of_a_second() -> None:
    photo = Image.new("RGB", (4000, 3000), (1, 2, 3))
    start = time.process_time()
    prepare(photo, spec(color="rgb", width=224, height=224, resize="fill", layout="NCHW"))
    assert time.process_time() - start < 0.3  # 0.02 where nothing else runs


def test_activations() -> None:
    def of(activation: str, rows: list[list[float]]) -> np.ndarray:
        output = {"name": "p", "activation": activation}
        return probabilities(np.array(rows, np.float32), spec(output=output))

    assert of("none", [[0.25, 0.75]]).tolist() == [[0.25, 0.75]]
    assert np.allclose(of("softmax", [[0, np.log(3)], [1000, 1000]]), [[0.25, 0.75], [0.5, 0.5]])
    assert np.allclose(of("sigmoid", [[0, np.log(3), -1000]]), [[0.5, 0.75, 0]])
    assert of("sigmoid", [[1]]).dtype == of("softmax", [[1]]).dtype == np.float32


def test_the_longest_line_that_may_be_read_is_stretched_without_unfolding_it() -> None:
    line = Image.new("L", (PIXELS_MAX // 4, 1), 9)
    assert set(flat(line, width=2, height=2048)) == {9}
