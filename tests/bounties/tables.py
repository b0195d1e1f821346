"""A little test set that can be looked through: 397 rows, whether a flower is tall."""

import random
from collections.abc import Iterable, Sequence
from typing import Final

ROWS: Final = 397
CLASSES: Final = ("short", "tall")
Row = tuple[int, str, float, float]


def rows(count: int = ROWS, seed: int = 7) -> list[Row]:
    """An id, its class, and two features: the class is whether the first is above the second."""
    draw = random.Random(seed)
    made = []
    for number in range(1, count + 1):
        a, b = round(draw.uniform(-1, 1), 3), round(draw.uniform(-1, 1), 3)
        made.append((number, CLASSES[a > b], a, b))
    return made


def hidden(made: Iterable[Row] | None = None) -> bytes:
    """The file that an owner uploads."""
    lines = [f"{number},{label},{a},{b}" for number, label, a, b in made or rows()]
    return "\n".join(["id,target,a,b", *lines, ""]).encode()


def guesses(made: Sequence[Row], right: float, seed: int = 1) -> dict[int, str]:
    """A class for each row, of which about so large a part is right."""
    draw = random.Random(seed)
    told = {}
    for number, label, _, _ in made:
        other = CLASSES[1 - CLASSES.index(label)]
        told[number] = label if draw.random() < right else other
    return told


def predictions(right: float = 0.8, seed: int = 1, made: Sequence[Row] | None = None) -> bytes:
    """A file of predictions, as an entrant submits it."""
    return table(guesses(made or rows(), right, seed).items())


def table(lines: Iterable[tuple[object, object]], header: str = "id,prediction") -> bytes:
    return "\n".join([header, *(f"{number},{told}" for number, told in lines), ""]).encode()
