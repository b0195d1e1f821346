"""Photos, and what pretends to be one."""

import io
import struct
import zlib
from typing import Any, Final

from PIL import ExifTags, Image

SECRET: Final = "Xplace-and-camera"  # In every kind of metadata.


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def plain(color: str = "red", size: tuple[int, int] = (300, 200), kind: str = "PNG") -> bytes:
    return saved(Image.new("RGB", size, color), kind)


def telling_photo() -> bytes:
    """A JPEG of a phone: lying on its side, with a place in its EXIF, XMP and a comment.

    Upright, it is 600 x 800, red at the top and blue below.
    """
    image = Image.new("RGB", (800, 600), "blue")
    image.paste("red", (0, 0, 400, 600))
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = 6  # To be turned right.
    exif[ExifTags.Base.Model] = SECRET
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSMapDatum] = SECRET
    return saved(image, "JPEG", exif=exif, xmp=SECRET.encode(), comment=SECRET.encode())


def claiming_png(width: int, height: int) -> bytes:
    """A PNG of some thousand bytes that says that it has so many pixels, and has a few rows."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def claiming_webp(width: int, height: int) -> bytes:
    canvas = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas
    small = plain(size=(100, 100), kind="WEBP")[12:]
    return b"RIFF" + struct.pack("<I", 4 + len(chunk + small)) + b"WEBP" + chunk + small


def animated(kind: str, frames: int) -> bytes:
    first, *rest = (
        Image.new("RGB", (100, 100), (number * 99 % 256, 0, 0)) for number in range(frames)
    )
    return saved(first, kind, save_all=True, append_images=rest, duration=10)


def gif(frames: int) -> bytes:
    """A GIF of so many frames of one pixel."""
    head = b"GIF89a" + struct.pack("<HHBBB", 100, 100, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b"\x3b"


SVG: Final = b"""<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>"""
