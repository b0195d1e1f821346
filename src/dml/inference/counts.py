"""The shape of what is counted: the one thing that leaves a device. Needs no library."""

from collections.abc import Mapping
from typing import TypedDict


class Counts(TypedDict):
    """How many items a device holds. labels + uncertain = items, and months + undated = labels.

    A device writes no zeros; what it sends is read, checked, kept and summed up in other places,
    each with a type of its own: tests/jobs/test_shapes.py names them all.
    """

    items: int
    labels: Mapping[str, int]
    uncertain: int
    months: Mapping[str, Mapping[str, int]]  # By `YYYY-MM`.
    undated: int
