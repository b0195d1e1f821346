"""What running a model takes: the passport of a version. Needs no library."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

BATCH: Final = 32
MEASURING_SECONDS: Final = 6.0  # of processor time that measuring may take
BATCH_SECONDS: Final = 3.0  # what would take longer is not run


@dataclass(frozen=True, slots=True)
class Passport:
    """Measured in the sandbox of the server, on one processor, in a process of its own.

    `peak_memory_bytes` is what loading it and running a batch added, the file included. Times are
    those of the fastest of a few runs; None where a batch would take too long, which then was none
    of those that took memory.
    `speed` is how fast that processor is (`dml.inference.speed`); None where a child did not tell.
    `runs_agree` where another process gave the same output for the same images, to the last bit.
    """

    operators: Mapping[str, int]
    parameters: int
    download_bytes: int
    peak_memory_bytes: int
    milliseconds_for_one: float
    milliseconds_for_32: float | None
    runs_agree: bool
    speed: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {**asdict(self), "operators": dict(self.operators)}
