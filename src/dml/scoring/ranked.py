"""An entry's result in a ranking. In a file of its own, since ranking needs numpy."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ranked:
    """An entry's place, and the places of the band of ties that it is in (both included)."""

    entry: str
    score: float
    place: int
    tied_from: int
    tied_to: int
    chance_of_first: float
