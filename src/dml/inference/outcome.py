"""What a child may take, and how it ended. Apart from `sandbox`, which only Linux can import."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory_bytes` is beyond what the forking process has; `cpu_seconds` are whole ones."""

    cpu_seconds: int = 30
    wall_seconds: float = 60
    memory_bytes: int = 2 << 30
    output_bytes: int = 64 << 20


class Ending(StrEnum):
    """How a child ended. Only ANSWERED has an output that means anything."""

    ANSWERED = "answered"
    TOO_SLOW = "too_slow"
    TOO_MUCH_MEMORY = "too_much_memory"
    TOO_MUCH_OUTPUT = "too_much_output"
    CRASHED = "crashed"
    # From here on it was not the model: our own code raised, the lock failed, somebody killed it.
    RAISED = "raised"
    NOT_LOCKED = "not_locked"
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Outcome:
    ending: Ending
    output: bytes = b""
    detail: str = ""
