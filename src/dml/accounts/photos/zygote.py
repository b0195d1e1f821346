"""The process that forks the children which read photos: it knows PIL, and nothing of the rest."""

import io
import os
from collections.abc import Mapping
from typing import Any, Final

from PIL import ExifTags, Image, ImageCms, MpoImagePlugin

from dml.accounts.photos import pictures
from dml.accounts.photos.rules import THUMBNAIL_SIDE
from dml.inference import serving
from dml.inference.serving import Verb, frame

# Requests come first: a photo can wait a moment.
NICENESS: Final = 10
_PLUGINS: Final = (MpoImagePlugin,)  # Which PIL imports when a file asks for it: there, too late.


def main() -> None:
    """Make pictures until standard input ends."""
    os.nice(NICENESS)
    serving.serve({"make": Verb(_make)}, warm_up)


def warm_up() -> None:
    """Do everything once, for all that PIL imports only at first use: a child can open no file."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name in pictures.FORMATS:
        for mode in ("RGB", "L"):
            image = Image.new(mode, (THUMBNAIL_SIDE + 8, THUMBNAIL_SIDE))
            exif, file = image.getexif(), io.BytesIO()
            exif[ExifTags.Base.Orientation] = 6
            image.save(file, name, exif=exif, icc_profile=profile if mode == "RGB" else None)
            pictures.make(file.getvalue())


def _make(_: Mapping[str, Any], parts: list[bytes]) -> bytes:
    return frame({}, *pictures.make(parts[0]))
