"""The process that forks the children which try a model on one sample.

Who reads a photo never sees a model, and who runs the model never sees the photo's file: so whoever
takes one of the two children over, by a photo or by a model, can lie about their own part alone.
The photo is read by the very code of agents, to show what a model sees of it on a device.
"""

import datetime as dt
import importlib
import io
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import numpy as np
from PIL import ExifTags, Image, MpoImagePlugin, features

from dml.inference import lockdown, photo_files, running, serving
from dml.inference.images import Items, Unreadable, picture, prepare
from dml.inference.serving import Verb, frame
from dml.inference.session import Session
from dml.inference.signature import Reason, Refused
from dml.inference.spec import NUMBERS, InputSpec, input_shape, read

NICENESS: Final = 10  # Requests come first: a trial can wait a moment.
UNREADABLE: Final = "sample.unreadable"
WRONG_TENSOR: Final = "sample.wrong_tensor"
_PLUGINS: Final = (MpoImagePlugin,)  # Which PIL imports when a file asks for it: there, too late.


def main() -> None:
    """Try models until standard input ends."""
    os.nice(NICENESS)
    threads = lockdown.lock_but_for_threads  # Without which no HEIF or AVIF is decoded.
    verbs = {
        "photo": Verb(_photo, threads),
        "tensor": Verb(_tensor),
        "shares": Verb(_shares),
    }
    serving.serve(verbs, warm_up)


def warm_up() -> None:
    """Do everything once, for all that is only imported at first use: a child can open no file."""
    with suppress(ImportError):  # What it reads is refused without it, as on a device.
        importlib.import_module("pillow_heif").register_heif_opener()
    Image.init()
    spec = running.WARM_UP_SPEC
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"):
        if kind not in Image.SAVE or (kind == "AVIF" and not features.check("avif")):
            continue
        for mode in ("RGB", "L", "P"):
            image, file = Image.new("RGB", (16, 16)).convert(mode), io.BytesIO()
            exif = image.getexif()
            exif[ExifTags.Base.Orientation] = 6
            with suppress(OSError, ValueError):  # Not each kind has each mode.
                image.save(file, kind, exif=exif)
                read_photo(file.getvalue(), spec, dt.date(2000, 1, 1))
    made = prepare(Image.new("RGBA", (3, 3)), spec)
    shown(made, spec)
    read_tensor(b'{"tensor": [0, 0, 0, 0]}', spec)
    running.warm_up()


def read_photo(content: bytes, spec: InputSpec, today: dt.date) -> Items:
    """One item of a photo's file, without the batch axis. Refused where it is none."""
    try:
        return prepare(photo_files.decode_photo(content, "", today, spec).image, spec)
    except Unreadable as unreadable:
        raise Refused([Reason(UNREADABLE, f"The file {unreadable}.")]) from None


def read_tensor(content: bytes, spec: InputSpec) -> Items:
    """One item of `{"tensor": […]}`, of numbers in the item's shape. Refused for anything else."""
    try:
        sent = json.loads(content)
    except (ValueError, RecursionError):
        raise _wrong("It is no JSON.") from None
    if not isinstance(sent, dict) or sent.keys() != {"tensor"}:
        raise _wrong('It must be {"tensor": […]}, and nothing else.')
    shape = input_shape(spec)
    try:
        array = np.array(sent["tensor"])
    except (ValueError, OverflowError, RecursionError):
        raise _wrong("Its lists differ in length.") from None
    if array.dtype.kind not in "iuf":
        raise _wrong("It must hold numbers alone, in lists of equal length.")
    if array.shape != shape:
        raise _wrong(f"Its shape is {list(array.shape)[:8]}, and must be {list(shape)}.")
    if not np.isfinite(array).all():
        raise _wrong("It holds NaN or infinity.")
    if spec.type == "uint8":
        if not (array == np.floor(array)).all() or array.min() < 0 or array.max() > 255:
            raise _wrong("It must hold whole numbers from 0 to 255.")
        return array.astype(np.uint8)
    with np.errstate(over="ignore"):
        item = array.astype(np.float32)
    if not np.isfinite(item).all():
        raise _wrong("It holds a number that float32 can't.")
    return item


def shown(item: Items, spec: InputSpec) -> bytes:
    """A PNG of what the model sees; empty where it can't be shown."""
    image, file = picture(item, spec), io.BytesIO()
    if image is not None:
        image.save(file, "PNG")
    return file.getvalue()


def _photo(header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    spec = read(header["spec"])
    return _item(read_photo(parts[0], spec, dt.date.fromisoformat(header["today"])), spec)


def _tensor(header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    spec = read(header["spec"])
    return _item(read_tensor(parts[0], spec), spec)


def _item(item: Items, spec: InputSpec) -> bytes:
    return frame({}, np.ascontiguousarray(item, NUMBERS[spec.type]).tobytes(), shown(item, spec))


def _shares(header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    """In the child: the probability of each label, for one item."""
    model, item = parts
    spec, labels = read(header["spec"]), header["label_count"]
    array = np.frombuffer(item, NUMBERS[spec.type]).reshape((1, *input_shape(spec)))
    shares = Session(model).predict(array, spec, labels)
    if shares.shape[1] != labels:
        detail = f"It gives {shares.shape[1]} numbers, and has {labels} labels."
        raise Refused([Reason("model.output_count", detail)])
    return frame({}, shares[0].astype("<f4").tobytes())


def _wrong(detail: str) -> Refused:
    return Refused([Reason(WRONG_TENSOR, detail)])
