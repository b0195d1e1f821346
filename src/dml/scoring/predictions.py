"""Predictions in their canonical form, which is kept, hashed and at the end published."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dml.scoring import arrays


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """A row for each row of the test set, in the order of sorted ids.

    `values` is int32 (n,), codes of the test set's classes; or float64 (n,): probabilities of the
    positive class, scores or values; or float64 (n, classes), probabilities.
    """

    values: NDArray[Any]

    def __len__(self) -> int:
        return len(self.values)

    def to_bytes(self) -> bytes:
        """Return the canonical form: equal predictions have equal bytes."""
        values = self.values
        if values.dtype == np.float64:
            values = values + 0.0  # -0.0 becomes 0.0
        return arrays.to_bytes({"predictions": values})

    @staticmethod
    def from_bytes(data: bytes) -> "Predictions":
        """The predictions that `to_bytes` gave; ValueError for anything else."""
        kept, _ = arrays.from_bytes(data)
        if kept.keys() != {"predictions"}:
            raise ValueError("these are no predictions")
        return Predictions(kept["predictions"])

    @property
    def sha256(self) -> str:
        """SHA-256 of the canonical form, in hexadecimal digits."""
        return hashlib.sha256(self.to_bytes()).hexdigest()
