"""What there is before anybody comes to the marketplace. How it is made: digits, photos.

Apart from these, because what they import takes a second, in which the servers can start already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.outcome import Truth


@dataclass(frozen=True)
class Classifier:
    """A model (ONNX) as a developer uploads it, and its accuracy on what it never saw."""

    onnx: bytes
    labels: Sequence[str]
    input_spec: Mapping[str, Any]
    accuracy: float


@dataclass(frozen=True)
class Album:
    """The photos on all devices, a folder for each, and what they show."""

    folders: Sequence[Path]
    truth: Truth
