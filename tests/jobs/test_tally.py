"""Sums of results, against what one result spreads over."""

import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dml.jobs import counting, tally
from dml.jobs.counting import Terms
from dml.jobs.tally import Tally

LABELS = ["cat", "dog", "ünï"]
TERMS = Terms.of(LABELS, None, None)
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
    sums = Tally.of(tally.read(body) for body in kept)
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
