"""How alike two versions answer the same pictures. Pure.

Agreement is the share of pictures for which both name the same label first. Where both have the
same set of labels, a label is the same by its name, in whatever column it is; where they have as
many labels of other names, by its column. Of another number of labels nothing is compared.
"""

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

AGREEMENT_LEAST: Final = 0.9  # From here on a version is shown as a twin.
# Models that name one label for nearly everything agree by chance. Beyond that, agreement counts
# (Cohen's kappa), or else confidences must be the same but for rounding.
BEYOND_CHANCE_LEAST: Final = 0.5
SAME_CONFIDENCE: Final = 0.01
TWINS_MOST: Final = 5
PROBES_LEAST: Final = 16  # Of fewer pictures nothing can be said.


@dataclass(frozen=True, slots=True)
class Answers:
    """What a version named first for each picture, how sure it was, and what its columns mean."""

    answers: Sequence[int]
    confidences: Sequence[float]
    labels: Sequence[str]


@dataclass(frozen=True, slots=True)
class Likeness:
    """Of `probes` pictures, for how many two name the same label first; and by how much their
    confidences differ there, on average.
    """

    probes: int
    agreeing: int
    confidence_difference: float
    by_chance: float

    @property
    def agreement(self) -> float:
        return self.agreeing / self.probes

    @property
    def is_twin(self) -> bool:
        if self.probes < PROBES_LEAST or self.agreement < AGREEMENT_LEAST:
            return False
        beyond = (self.agreement - self.by_chance) / (1 - self.by_chance or 1)
        return beyond >= BEYOND_CHANCE_LEAST or self.confidence_difference <= SAME_CONFIDENCE


def pack_answers(answers: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(answers)}H", *answers)


def unpack_answers(packed: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(packed) // 2}H", packed)


def pack_confidences(confidences: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(confidences)}e", *confidences)


def unpack_confidences(packed: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(packed) // 2}e", packed)


def ranks(confidences: Sequence[float]) -> list[float]:
    """Return the rank of each confidence among all, from 0 to 1, equal ones the mean of theirs.

    They do not follow from names or order of labels, and hardly from the temperature of a softmax.
    """
    order = sorted(range(len(confidences)), key=confidences.__getitem__)
    found, first = [0.0] * len(confidences), 0
    for _, equal in groupby(order, key=confidences.__getitem__):
        places = list(equal)
        rank = (first + (len(places) - 1) / 2) / max(1, len(confidences) - 1)
        for it in places:
            found[it] = rank
        first += len(places)
    return found


def compare(mine: Answers, other: Answers) -> Likeness | None:
    """Compare two versions by the pictures that both were asked; None where nothing can be."""
    probes = min(len(mine.answers), len(other.answers))
    if len(mine.labels) != len(other.labels) or probes == 0:
        return None
    first, second = mine.answers[:probes], other.answers[:probes]
    if mine.labels != other.labels and set(mine.labels) == set(other.labels):
        place = {label: column for column, label in enumerate(mine.labels)}
        second = [place[other.labels[it]] for it in second]
    agreeing = [number for number in range(probes) if first[number] == second[number]]
    apart = sum(abs(mine.confidences[it] - other.confidences[it]) for it in agreeing)
    times, others = Counter(first), Counter(second)
    by_chance = sum(count * others[label] for label, count in times.items()) / probes**2
    return Likeness(probes, len(agreeing), apart / len(agreeing) if agreeing else 1.0, by_chance)
