"""How long a loop rests that looks for work: longer and longer where there was none for a while.

Each look is a transaction, and what looks several times a second is most of what an idle
marketplace costs (docs/decisions/0048).
"""

from dataclasses import dataclass, field
from typing import Final

_GROWTH: Final = 1.05  # So it takes some sixteen seconds from a fifth of a second to one.


@dataclass
class Pauses:
    """The pauses of one loop, from `seconds` where there was work up to `quiet_seconds`."""

    seconds: float
    quiet_seconds: float = 0.0
    _next: float = field(init=False)

    def __post_init__(self) -> None:
        self._next = self.seconds

    def after(self, done: int) -> float:
        """How long to rest after a look that found so much."""
        pause = self.seconds if done else self._next
        grown = max(self.seconds, min(pause * _GROWTH, self.quiet_seconds))
        self._next = self.seconds if done else grown
        return pause
