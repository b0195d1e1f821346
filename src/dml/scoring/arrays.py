"""Named arrays as bytes, equal for equal arrays: a JSON header and the raw parts.

The header's length comes first, in four bytes, big-endian; numbers are little-endian. Unlike a
pickle, reading them executes nothing.
"""

import io
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dml.inference import frames

_TYPES: Final = frozenset({"|u1", "|b1", "<i4", "<i8", "<f4", "<f8"})

Array = NDArray[Any]


def to_bytes(arrays: Mapping[str, Array], **facts: Any) -> bytes:
    """Write arrays by name, and facts that JSON can hold."""
    kept = {name: np.ascontiguousarray(each) for name, each in arrays.items()}
    types = {name: each.dtype.newbyteorder("<").str for name, each in kept.items()}
    assert set(types.values()) <= _TYPES
    shapes = {name: list(each.shape) for name, each in kept.items()}
    header = {"facts": facts, "types": types, "shapes": shapes}
    parts = [bytes_of(each.astype(types[name], copy=False)) for name, each in kept.items()]
    file = io.BytesIO()
    frames.write(file, header, parts)
    return file.getvalue()


def bytes_of(array: Array) -> memoryview:
    """Return the array's own memory if it is contiguous, also if it is empty."""
    flat: NDArray[np.uint8] = array.reshape(-1).view(np.uint8)
    return flat.data


def from_bytes(data: bytes) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and facts that `to_bytes` kept; ValueError for anything else."""
    try:
        return from_frame(*frames.read(io.BytesIO(data)))
    except frames.Broken as broken:
        raise ValueError("these bytes hold no arrays") from broken


def from_frame(
    header: Mapping[str, Any], parts: list[bytes]
) -> tuple[dict[str, Array], dict[str, Any]]:
    """As `from_bytes`, from a frame that a child sent: everything in it is checked."""
    try:
        types, shapes, facts = dict(header["types"]), dict(header["shapes"]), dict(header["facts"])
        if not (len(types) == len(shapes) == len(parts) and set(types.values()) <= _TYPES):
            raise ValueError("types and parts do not match")
        arrays = {
            name: np.frombuffer(part, np.dtype(types[name])).reshape(shapes[name])
            for name, part in zip(types, parts, strict=True)
        }
    except (KeyError, TypeError, ValueError) as wrong:
        raise ValueError(f"these bytes hold no arrays: {wrong!s:.100}") from wrong
    return arrays, facts
