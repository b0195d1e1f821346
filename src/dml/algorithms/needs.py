"""What a device must have to run a version, by what its check found. Pure (docs/decisions/0071)."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

# What a device needs beside the model: the agent, its sandbox, a photo that is read.
BESIDE_MIB: Final = 256
MEMORY_FACTOR: Final = (
    1.5  # Another processor and another release of the runtime take other memory.
)
ITEM_MILLISECONDS: Final = 1_000  # What a sandbox grants a model for each item, in the long run.
SPEED_FACTOR: Final = 2  # The passport has the fastest of a few runs.
INTEGER_MAX: Final = 2**31 - 1  # Of a column.


@dataclass(frozen=True, slots=True)
class Needs:
    """What a device must have for a version; None: not known."""

    memory_mib: int | None
    speed: int | None


def needs_of(passport: Mapping[str, Any]) -> Needs:
    """Tell from what was measured what a device must have."""
    memory = BESIDE_MIB + ceil(MEMORY_FACTOR * passport["peak_memory_bytes"] / 2**20)
    if (speed := passport.get("speed")) is None:
        return Needs(min(memory, INTEGER_MAX), None)
    share = passport["milliseconds_for_one"] / ITEM_MILLISECONDS
    return Needs(min(memory, INTEGER_MAX), min(ceil(SPEED_FACTOR * share * speed), INTEGER_MAX))
