"""What leaves a device adds up, whatever the photos are."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, strategies as st

from dml.inference.counting import Item, Period, certain, count, within

LABELS = ["cat", "dog", "elk"]
MAY, JUNE = dt.date(2024, 5, 31), dt.date(2024, 6, 1)


def test_each_item_counts_once() -> None:
    items = [Item(0, MAY), Item(0, JUNE), Item(1, JUNE), Item(1, None), Item(None, MAY)]
    items.append(Item(None, None))
    assert count(items, LABELS) == {
        "items": 6,
        "labels": {"cat": 2, "dog": 2},
        "uncertain": 2,
        "months": {"2024-05": {"cat": 1}, "2024-06": {"cat": 1, "dog": 1}},
        "undated": 1,
    }


def test_nothing_gives_nothing() -> None:
    nothing = {"items": 0, "labels": {}, "uncertain": 0, "months": {}, "undated": 0}
    assert count([], LABELS) == nothing
    assert count([Item(0, None), Item(None, None)], LABELS, Period(None, None)) == nothing


def test_items_count_until_one_would_make_the_norm_too_large() -> None:
    cat, dog, unsure = Item(0, MAY), Item(1, JUNE), Item(None, None)
    assert list(within([cat, dog, cat, unsure, cat], 3)) == [cat, dog, cat, unsure]
    # √(3² + 1) is more than 3, and nothing counts from there on, though it would fit.
    assert list(within([cat, dog, cat, cat, unsure, dog], 3)) == [cat, dog, cat]
    assert list(within([unsure] * 9, 5)) == [unsure] * 5
    assert list(within([], 5)) == []


@pytest.mark.parametrize(
    ("period", "items"),
    [
        (Period(MAY, JUNE), 1),
        (Period(JUNE, None), 1),
        (Period(None, JUNE), 1),
        (Period(None, MAY), 0),
        (Period(MAY, None), 2),
        (Period(None, None), 2),
        (Period(JUNE, MAY), 0),
        (None, 3),
    ],
)
def test_a_period_is_half_open_and_leaves_out_the_undated(
    period: Period | None, items: int
) -> None:
    counted = count([Item(0, MAY), Item(None, JUNE), Item(1, None)], LABELS, period)
    assert counted["items"] == items


def test_a_label_is_certain_from_the_bound_on() -> None:
    labels = np.array([2, 0, 1], np.int32)
    sure = np.array([0.9, 0.89999, 1], np.float32)
    assert certain(labels, sure, 0.9) == [2, None, 1]  # as float32, 0.9 is less than 0.9
    assert certain(labels, sure, 0) == [2, 0, 1]
    assert certain(labels[:0], sure[:0], 0.5) == []


days = st.none() | st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31))
items = st.builds(Item, st.none() | st.integers(0, 2), days)


@given(st.lists(items), st.none() | st.builds(Period, days, days))
def test_labels_and_uncertain_are_items_and_months_and_undated_are_labels(
    items: list[Item], period: Period | None
) -> None:
    result = count(items, LABELS, period)
    labelled = sum(result["labels"].values())
    by_month = sum(sum(counts.values()) for counts in result["months"].values())
    assert labelled + result["uncertain"] == result["items"] <= len(items)
    assert by_month + result["undated"] == labelled
    assert all(result["labels"].values())
    assert all(counts and all(counts.values()) for counts in result["months"].values())
    if period is not None:
        assert result["undated"] == 0
