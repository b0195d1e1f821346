"""Sums of results, against what one result spreads over."""

import json
from collections import Counter, defaultdict
from typing import Any

from hypothesis import given, strategies as st

from dml.core.ids import UserId, new_id
from dml.inference.counts import Counts
from dml.jobs import counting
from dml.jobs.counting import ResultTerms
from dml.jobs.folding import tally
from dml.jobs.folding.tally import Tally

LABELS = ["cat", "dog", "ünï"]
TERMS = ResultTerms.of(LABELS, None, None)
HAND_MADE: Counts = {
    "items": 3,
    "labels": {"cat": 2},
    "uncertain": 1,
    "months": {"2026-01": {"cat": 1}},
    "undated": 1,
}
COUNTS = st.dictionaries(st.sampled_from(LABELS), st.integers(0, 9))


@st.composite
def results(draw: st.DrawFn) -> dict[str, Any]:
    months = draw(st.dictionaries(st.sampled_from(["2025-12", "2026-01", "2026-02"]), COUNTS))
    undated, uncertain = draw(COUNTS), draw(st.integers(0, 9))
    labels = Counter[str](undated)
    for counts in months.values():
        labels.update(counts)
    return {
        "items": labels.total() + uncertain,
        "labels": dict(labels),
        "uncertain": uncertain,
        "months": months,
        "undated": sum(undated.values()),
    }


@given(st.lists(results(), max_size=6))
def test_a_tally_is_the_sum_of_what_each_result_spreads_over(handed_in: list[Any]) -> None:
    kept = [counting.canonical(it) for it in handed_in]
    sums = Tally.of((tally.read(body), None) for body in kept)
    cells = Counter[tuple[int, int]]()
    for body in kept:
        cells.update(counting.cells(json.loads(body), TERMS))
    assert {(month, label): count for month, label, count in sums.cells(TERMS)} == cells
    assert (sums.devices, sums.items, sums.uncertain) == (
        len(handed_in),
        sum(it["items"] for it in handed_in),
        sum(it["uncertain"] for it in handed_in),
    )
    assert sums.cells(TERMS) == sorted(sums.cells(TERMS))


@given(st.lists(st.tuples(results(), st.integers(1, 5)), max_size=12), st.integers(2, 4))
def test_a_tally_knows_who_fed_each_cell_until_they_are_enough(
    handed_in: list[Any], least: int
) -> None:
    kept = [(counting.canonical(it), owner) for it, owner in handed_in]
    sums = Tally.of(((tally.read(body), owner) for body, owner in kept), least=least)
    fed = defaultdict[Any, set[int]](set)
    for body, owner in kept:
        said = json.loads(body)
        for cell in counting.cells(said, TERMS):
            fed[cell].add(owner)
        if said["items"]:
            fed["all"].add(owner)
        if said["uncertain"]:
            fed["uncertain"].add(owner)
    known: dict[Any, set[int]] = {
        **sums.fed(TERMS),
        "all": sums.owners,
        "uncertain": sums.uncertain_owners,
    }
    for cell in known.keys() | fed.keys():
        noted = known.get(cell, set())
        assert noted <= fed[cell]
        assert len(noted) == min(len(fed[cell]), least)


def test_an_owner_is_noted_by_a_number_that_fits_and_nobody_is_noted_without_one() -> None:
    owners = [UserId(new_id()) for _ in range(1_000)]
    assert len({tally.short(it) for it in owners}) == len(owners)
    assert all(0 <= tally.short(it) < 2**63 for it in owners)
    body = counting.canonical(HAND_MADE)
    sums = Tally.of([(tally.read(body), None)], least=2)
    assert (sums.items, sums.owners, sums.fed(TERMS)) == (3, set(), {})
