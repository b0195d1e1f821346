"""What a model gives, made a row for each item: exporters write the same answer in several ways.

Only what can be read in one way alone is read. Devices read outputs by this, too, and agents of
before version 2 of the input spec read none but the plain one: see `is_plain` (decision 62).
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from dml.inference.images import Floats
from dml.inference.signature import Reason, Refused, quoted

SHOWN: Final = 8


class WrongShape(Refused):
    """The output has no row of labels for each item. `shape` is what it has for `count` items."""

    def __init__(self, name: str, shape: tuple[int, ...], count: int) -> None:
        self.shape, self.count = shape, count
        detail = (
            f"For {count} items {quoted(name)} has the shape {list(shape)[:SHOWN]}; "
            f"it must be [{count}, number of labels], so one row for each item."
        )
        super().__init__([Reason("model.output_shape", detail)])


def is_plain(output: Any) -> bool:
    """Whether agents of every release read it: a table of float32."""
    return isinstance(output, np.ndarray) and output.ndim == 2


def rows(output: Any, count: int, name: str) -> Floats:
    """(count, columns): an output of a batch of `count`. Refused where it is no such thing.

    Axes of one are left out, as in the [N, L, 1, 1] that ends in a pooling; [N] is one column. A
    list of maps, as ZipMap makes it, has its columns in the order of the keys.
    """
    if isinstance(output, list) and output and all(isinstance(it, Mapping) for it in output):
        return _of_maps(output, count, name)
    if not isinstance(output, np.ndarray) or output.dtype != np.float32:
        raise Refused([Reason("model.output_type", f"{quoted(name)} must be of float32.")])
    shape = output.shape
    if count == 1 and len(shape) == 1:  # the axis of the batch was squeezed away with the others
        shape = (1, *shape)
    whole = len(shape) > 0 and shape[0] == count and output.size > 0
    if not whole or sum(size != 1 for size in shape[1:]) > 1:
        raise WrongShape(name, output.shape, count)
    return output.reshape(count, -1)


def by_label(shares: Floats, label_count: int | None) -> Floats:
    """The probabilities with a column for each label: one column is the second of two labels'."""
    if label_count != 2 or shares.shape[1] != 1:
        return shares
    return np.concatenate([np.float32(1) - shares, shares], axis=1)


def digest(output: Floats) -> str:
    """What two runs have in common only if they gave the same numbers, to the last bit."""
    return hashlib.sha256(np.ascontiguousarray(output, "<f4").tobytes()).hexdigest()


def _of_maps(maps: list[Any], count: int, name: str) -> Floats:
    keys = sorted(maps[0])
    if len(maps) != count or not keys or any(it.keys() != maps[0].keys() for it in maps):
        raise WrongShape(name, (len(maps), len(keys)), count)
    return np.array([[it[key] for key in keys] for it in maps], np.float32)
