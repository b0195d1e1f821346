"""What size and first bytes reveal of a file, and how its errors are worded. Pure."""

from typing import Final

from dml.inference.signature import Reason, Refused, quoted

FORMATS: Final = ("csv", "parquet")

_MAGICS: Final = (
    ((b"PK\x03\x04", b"PK\x05\x06"), "a zip archive, as Excel writes it too"),
    ((b"\x1f\x8b",), "compressed by gzip"),
    ((b"BZh",), "compressed by bzip2"),
    ((b"\xfd7zXZ",), "compressed by xz"),
    ((b"\x28\xb5\x2f\xfd",), "compressed by zstd"),
    (tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6)), "a Python pickle"),
    ((b"\xd0\xcf\x11\xe0",), "an old Excel file"),
    ((b"ARROW1", b"FEA1"), "an Arrow file"),
    ((b"\x93NUMPY",), "a NumPy file"),
    ((b"SQLite format 3",), "an SQLite database"),
    ((b"<!DOCTYPE", b"<html", b"<?xml"), "HTML or XML"),
)
_PARQUET: Final = b"PAR1"
_WIDE_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


def refuse_at_a_glance(content: bytes, format: str, most: int) -> None:
    """Refuse a file by its size or its first bytes."""
    if not content:
        raise refused("file.empty", "The file is empty. Upload it again.")
    if len(content) > most:
        detail = f"It has {len(content) >> 20} MiB; {most >> 20} are allowed. Take Parquet."
        raise refused("file.too_large", detail)
    kind = next((what for magics, what in _MAGICS if content.startswith(magics)), None)
    if kind:
        raise refused("file.format", f"This is {kind}. Send a CSV or Parquet file as it is.")
    if format == "parquet":
        if not content.startswith(_PARQUET):
            raise refused("file.not_parquet", "This is no Parquet file: it must begin with PAR1.")
        if len(content) < 12 or not content.endswith(_PARQUET):
            raise refused("file.truncated", "The file is cut off: it must end with PAR1.")
        return
    if content.startswith(_PARQUET):
        raise refused("file.format", "This is a Parquet file. Send it with the type of one.")
    if content.startswith(_WIDE_MARKS):
        raise refused("file.encoding", "This is UTF-16. Save it as UTF-8.")
    if (at := content.find(b"\0")) >= 0:
        row = content.count(b"\n", 0, at)
        raise refused("file.nul", f"Row {row} holds a NUL byte, so this is no CSV file in UTF-8.")


def refused(code: str, detail: str) -> Refused:
    return Refused([Reason(code, detail)])


def cell(row: int, column: str, code: str, what: str) -> Refused:
    """Return a refusal about a cell. `row` counts from 0; its text from 1, without the header."""
    return refused(code, f"Row {row + 1}, column {quoted(column)}: {what}")


__all__ = ["FORMATS", "cell", "quoted", "refuse_at_a_glance", "refused"]
