"""Sums of accepted results, by label and month. Pure: bytes in, counts out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from dml.core.ids import UserId
from dml.jobs.counting import ResultTerms, month_number
from dml.jobs.models import UNDATED


class Counted(msgspec.Struct, gc=False):
    """An accepted result as it is stored. It was checked when it came in."""

    items: int
    labels: dict[str, int]
    uncertain: int
    months: dict[str, dict[str, int]]
    undated: int


read = msgspec.json.Decoder(Counted).decode
_UNDATED: Final = ""  # The name of the month of items without a date.
_SHORT: Final = 2**63 - 1


def short(owner_id: UserId) -> int:
    """A number for an owner that fits a BIGINT: the random bits of the id.

    Should two owners ever have the same number, they count as one, and results show later.
    """
    return owner_id.int & _SHORT


@dataclass(slots=True)
class Tally:
    """The sum of some results of one job, and up to `least` of the owners who fed each cell.

    A result of somebody who does not count as an owner, such as the customer, is added without one.
    """

    least: int = 0
    devices: int = 0
    items: int = 0
    uncertain: int = 0
    labels: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    months: defaultdict[str, defaultdict[str, int]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(int))
    )
    owners: set[int] = field(default_factory=set)  # Owners who counted at least one item.
    uncertain_owners: set[int] = field(default_factory=set)
    _fed: defaultdict[str, defaultdict[str, set[int]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(set))
    )
    _enough: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, results: Iterable[tuple[Counted, int | None]], *, least: int = 0) -> "Tally":
        made = cls(least)
        for result, owner in results:
            made.add(result, owner)
        return made

    def add(self, result: Counted, owner: int | None = None) -> None:
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
        if owner is not None and result.items:
            self._note(result, owner)

    def cells(self, terms: ResultTerms) -> list[tuple[int, int, int]]:
        """Return the sums as (month, place of the label, count), sorted, without zeros."""
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

    def fed(self, terms: ResultTerms) -> dict[tuple[int, int], set[int]]:
        """Return the owners who fed each cell, by month and place of the label."""
        return {
            (UNDATED if month == _UNDATED else month_number(month), terms.places[label]): owners
            for month, labels in self._fed.items()
            for label, owners in labels.items()
        }

    def _note(self, result: Counted, owner: int) -> None:
        if len(self.owners) < self.least:
            self.owners.add(owner)
        if result.uncertain and len(self.uncertain_owners) < self.least:
            self.uncertain_owners.add(owner)
        for month, counts in result.months.items():
            if not self._enough[month].issuperset(counts):
                self._feed(month, counts, owner)
        if result.undated and not self._enough[_UNDATED].issuperset(result.labels):
            self._feed(_UNDATED, _undated(result), owner)

    def _feed(self, month: str, labels: Iterable[str], owner: int) -> None:
        """Note an owner in each cell with fewer than `least`. A result has no zeros in a month."""
        fed, enough = self._fed[month], self._enough[month]
        for label in labels:
            if label not in enough:
                owners = fed[label]
                owners.add(owner)
                if len(owners) >= self.least:
                    enough.add(label)


def _undated(result: Counted) -> Iterator[str]:
    """Yield the labels that have undated items; stop once all undated items are found."""
    months, left = list(result.months.values()), result.undated
    for label, count in result.labels.items():
        if not left:
            return
        undated = count - sum([counts[label] for counts in months if label in counts])
        if undated:
            left -= undated
            yield label
