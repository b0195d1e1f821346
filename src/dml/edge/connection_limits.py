"""How long each step of a connection may take, and how many connections there may be."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

SWEEP_SECONDS: Final = 1.0


class RequestStep(Enum):
    """What a connection waits for."""

    HEAD = auto()  # The head of a request, or for one to begin on a new connection.
    BODY = auto()
    OURS = auto()  # Us; or for the next request, where uvicorn has a limit.
    CLOSING = auto()  # For the client to take what is left of the answer.
    REFUSED = auto()


@dataclass(frozen=True)
class Limits:
    """How long each step may take, and how many connections there may be."""

    head_seconds: float = 10  # Until the last byte of a request's head.
    body_seconds: float = 60  # Until the last byte of its body.
    progress_seconds: float = 20  # Between two bytes of a body, or `upload_bytes` of an upload.
    reading_seconds: float = 30  # Between two bytes that the client takes of our answer.
    connections: int = 10_000
    of_one_address: int = 1_000
    trusted: str = "127.0.0.1"  # Whose many clients share an address: not counted by it.
    upload_bytes: int = 64 * 1024  # What comes of an upload in each `progress_seconds`, at least.

    @property
    def sweep_seconds(self) -> float:
        times = self.head_seconds, self.body_seconds, self.progress_seconds, self.reading_seconds
        return min(SWEEP_SECONDS, *(it / 2 for it in times))
