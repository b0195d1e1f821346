"""How client, zygote and child talk: a JSON header and raw parts, each as long as was said before.

JSON and bytes only, never pickle: what comes out of a sandbox may be written by whoever broke in.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

HEADER_MAX: Final = 4 << 20  # bytes; the signature of a model with many names is some hundred kB
PART_MAX: Final = 512 << 20

Part = bytes | memoryview


class Broken(EOFError):
    """The other side ended, or said what is no frame."""


class Readable(Protocol):
    def read(self, size: int, /) -> bytes | None: ...


class Writable(Protocol):
    def write(self, data: Part, /) -> int: ...
    def flush(self) -> None: ...


def write(file: Writable, header: Mapping[str, Any], parts: Sequence[Part] = ()) -> None:
    """Write one frame. The file is a buffered one, which writes all that it is given."""
    text = json.dumps({**header, "sizes": [len(part) for part in parts]}).encode()
    file.write(struct.pack(">I", len(text)) + text)
    for part in parts:
        file.write(part)
    file.flush()


def read(file: Readable) -> tuple[dict[str, Any], list[bytes]]:
    """One frame; Broken where there is none, or it breaks a bound."""
    (size,) = struct.unpack(">I", _exactly(file, 4, 4))
    try:
        header = json.loads(_exactly(file, size, HEADER_MAX))
        sizes = header.pop("sizes")
        # A bool or a float is no size, and a sum of hostile ones no bound.
        if not all(type(size) is int and 0 <= size <= PART_MAX for size in sizes):
            raise Broken("a part's size is out of bounds")
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as wrong:
        raise Broken(f"the header is none: {wrong!s:.100}") from wrong
    return header, [_exactly(file, size, PART_MAX) for size in sizes]


def _exactly(file: Readable, size: int, most: int) -> bytes:
    if size > most:
        raise Broken(f"{size} bytes are more than {most}")
    data = file.read(size)
    if data is None or len(data) != size:
        raise Broken("the other side has ended")
    return data
