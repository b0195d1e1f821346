"""How fast a machine runs models: one number, by the same small work on servers and devices."""

import time
from typing import Final

import numpy as np

SIDE: Final = 48  # So small that no library shares it among cores.
RUNS: Final = 20
ROUND: Final = 50
_MULTIPLICATIONS: Final = ROUND * SIDE**3


def measure() -> int:
    """Return how many million numbers one core multiplies and adds in a second, at its best.

    Takes some milliseconds. Other work of the machine can only make a round slower.
    """
    ones = np.full((SIDE, SIDE), 1 / SIDE, np.float32)
    product = ones
    best = float("inf")
    for _ in range(RUNS):
        began = time.perf_counter()
        for _ in range(ROUND):
            product = product @ ones
        best = min(best, time.perf_counter() - began)
    return max(1, round(_MULTIPLICATIONS / best / 1e6))
