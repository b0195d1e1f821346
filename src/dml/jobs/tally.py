"""Sums of accepted results, by label and month. Pure: bytes in, counts out."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from dml.jobs.counting import Terms, month_number
from dml.jobs.models import UNDATED


class Counted(msgspec.Struct, gc=False):
    """A result as it was kept, which was checked when it came in."""

    items: int
    labels: dict[str, int]
    uncertain: int
    months: dict[str, dict[str, int]]


read = msgspec.json.Decoder(Counted).decode


@dataclass(slots=True)
class Tally:
    """The sum of some results of one job."""

    devices: int = 0
    items: int = 0
    uncertain: int = 0
    labels: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    months: defaultdict[str, defaultdict[str, int]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(int))
    )

    @classmethod
    def of(cls, results: Iterable[Counted]) -> "Tally":
        made = cls()
        for result in results:
            made.add(result)
        return made

    def add(self, result: Counted) -> None:
        self.devices += 1
        self.items += result.items
        self.uncertain += result.uncertain
        labels = self.labels
        for label, count in result.labels.items():
            labels[label] += count
        for month, counts in result.months.items():
            sums = self.months[month]
            for label, count in counts.items():
                sums[label] += count

    def cells(self, terms: Terms) -> list[tuple[int, int, int]]:
        """Spread the sums over (month, place of the label, count), in order, without zeros."""
        places = terms.places
        undated = {places[label]: count for label, count in self.labels.items()}
        found = []
        for month, counts in self.months.items():
            number = month_number(month)
            for label, count in counts.items():
                found.append((number, places[label], count))
                undated[places[label]] -= count
        found += [(UNDATED, place, count) for place, count in undated.items()]
        return sorted(it for it in found if it[2])
