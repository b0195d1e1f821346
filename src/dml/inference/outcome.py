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
    # Whose fault these are is not known: our own code raised at what it was given, or the machine
    # ran out of memory. What does so again elsewhere is at fault itself.
    RAISED = "raised"
    KILLED = "killed"
    # From here on it was not the model: the lock failed, or the machine has no process left.
    NOT_LOCKED = "not_locked"
    NOT_STARTED = "not_started"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in what it was given a child broke down. `row` counts from 1, without a header."""

    phase: str
    column: str | None = None
    row: int | None = None


class BrokeDown(Exception):
    """An error that nobody foresaw, and where it came about."""

    def __init__(self, error: Exception, place: Place) -> None:
        super().__init__(f"{type(error).__name__}: {error!s:.500}")
        self.error, self.place = error, place


@dataclass(frozen=True, slots=True)
class RunOutcome:
    ending: Ending
    output: bytes = b""
    detail: str = ""
