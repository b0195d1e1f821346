"""Pauses between attempts: longer each time, and spread. Pure."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

JITTER: Final = 0.2  # So that what failed at the same time is not attempted at the same time again.


def pause_after(attempts: int, pauses: Sequence[timedelta], draw: float) -> timedelta:
    """Return the pause after that many failed attempts: the last of them after all beyond.

    `draw` is a random number from 0 to 1, by which the pause is up to a fifth shorter or longer.
    """
    pause = pauses[min(attempts, len(pauses)) - 1]
    return pause * (1 + JITTER * (2 * draw - 1))
