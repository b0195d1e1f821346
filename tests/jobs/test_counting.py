"""What a result must add up to, without a database."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest
from hypothesis import given, strategies as st

from dml.inference import counting as on_device
from dml.inference.counting import Item
from dml.inference.counts import Counts
from dml.jobs import counting
from dml.jobs.counting import ImplausibleResult, ResultTerms
from dml.jobs.models import UNDATED

TERMS = ResultTerms.of(["cat", "dog"], None, None)
BOUNDED = ResultTerms.of(["cat", "dog"], None, None, max_items=7, max_norm=5)
NOW = datetime(2026, 7, 1, tzinfo=UTC)
GOOD: Counts = {
    "items": 6,
    "labels": {"cat": 3, "dog": 2},
    "uncertain": 1,
    "months": {"2026-03": {"cat": 2}, "2026-04": {"dog": 2}},
    "undated": 1,
}


def changed(result: Counts, changes: Mapping[str, Any]) -> Counts:
    return cast(Counts, {**result, **changes})


def of_march(**changes: Any) -> Counts:
    march = Counts(
        items=2, labels={"cat": 2}, uncertain=0, months={"2026-03": {"cat": 2}}, undated=0
    )
    return changed(march, changes)


def test_a_result_that_adds_up_is_good() -> None:
    counting.check(GOOD, BOUNDED, NOW)
    counting.check(GOOD, TERMS, NOW)
    empty: Counts = {"items": 0, "labels": {}, "uncertain": 0, "months": {}, "undated": 0}
    counting.check(empty, TERMS, NOW)


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"items": 7}, "/items"),
        ({"uncertain": 0}, "/items"),
        ({"undated": 0}, "/undated"),
        ({"undated": 2}, "/undated"),
        ({"labels": {"cat": 3, "fox": 2}}, "/labels"),
        ({"months": {"2026-03": {"fox": 2}, "2026-04": {"dog": 2}}}, "/months/2026-03"),
        ({"months": {"2026-03": {"cat": 4}}}, "/months"),
        ({"months": {"2026-03": {"dog": 4}}}, "/months"),
        ({"labels": {"cat": 5}, "months": {}, "undated": 5}, "/labels"),  # √(5² + 1²) > 5.
    ],
)
def test_what_does_not_add_up_is_named(wrong: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ImplausibleResult) as refused:
        counting.check(changed(GOOD, wrong), BOUNDED, NOW)
    problems: Any = refused.value.facts["problems"]
    assert pointer in {it["pointer"] for it in problems}


@pytest.mark.parametrize(
    ("first", "end", "good"),
    [
        (date(2026, 3, 1), date(2026, 4, 1), True),
        (date(2026, 3, 31), date(2026, 4, 1), True),
        (date(2026, 3, 1), None, True),
        (None, date(2026, 3, 2), True),
        (date(2026, 4, 1), None, False),
        (None, date(2026, 3, 1), False),
    ],
)
def test_a_month_outside_the_period_is_refused(
    first: date | None, end: date | None, good: bool
) -> None:
    terms = ResultTerms.of(["cat"], first, end)
    if good:
        counting.check(of_march(), terms, NOW)
    else:
        with pytest.raises(ImplausibleResult):
            counting.check(of_march(), terms, NOW)


def test_where_there_is_a_period_nothing_is_undated() -> None:
    terms = ResultTerms.of(["cat"], date(2026, 3, 1), None)
    with pytest.raises(ImplausibleResult):
        counting.check(of_march(items=3, labels={"cat": 3}, undated=1), terms, NOW)


def test_equal_results_have_equal_bytes() -> None:
    padded: Counts = {
        **GOOD,
        "labels": {"dog": 2, "cat": 3},
        "months": {"2026-05": {"cat": 0}, "2026-04": {"dog": 2, "cat": 0}, "2026-03": {"cat": 2}},
    }
    assert counting.canonical(padded) == counting.canonical(GOOD)
    assert counting.canonical({**GOOD, "items": 7}) != counting.canonical(GOOD)
    assert json.loads(counting.canonical(GOOD)) == GOOD


def test_a_result_is_spread_over_months_and_labels() -> None:
    march, april = counting.month_number("2026-03"), counting.month_number("2026-04")
    assert counting.cells(GOOD, TERMS) == {(march, 0): 2, (april, 1): 2, (UNDATED, 0): 1}


@given(st.integers(1900, 2199), st.integers(1, 12))
def test_a_month_survives_both_ways_and_is_never_undated(year: int, month: int) -> None:
    name = f"{year}-{month:02}"
    assert counting.month_name(counting.month_number(name)) == name
    assert UNDATED < counting.month_number(name) < 2**15


@given(st.dictionaries(st.sampled_from(["cat", "dog"]), st.integers(0, 50)), st.data())
def test_nothing_that_counts_is_lost_on_the_way_into_the_totals(
    labels: dict[str, int], data: st.DataObject
) -> None:
    months: dict[str, dict[str, int]] = {"2026-03": {}, "2026-04": {}}
    for label, count in labels.items():
        months["2026-03"][label] = data.draw(st.integers(0, count))
        months["2026-04"][label] = data.draw(st.integers(0, count - months["2026-03"][label]))
    dated = sum(sum(it.values()) for it in months.values())
    total = sum(labels.values())
    result: Counts = {
        "items": total,
        "labels": labels,
        "uncertain": 0,
        "months": months,
        "undated": total - dated,
    }
    counting.check(result, TERMS, NOW)
    kept: Counts = json.loads(counting.canonical(result))
    assert sum(counting.cells(kept, TERMS).values()) == total


@given(st.lists(st.sampled_from([0, 1, None]), max_size=60), st.integers(1, 40))
def test_what_a_device_lets_count_is_accepted_and_known_to_be_clipped(
    labels: list[int | None], norm: int
) -> None:
    terms = ResultTerms.of(["cat", "dog"], None, None, max_items=50, max_norm=norm)
    taken = on_device.within([Item(it, None) for it in labels[:50]], norm)
    result = on_device.count(taken, ["cat", "dog"])
    counting.check(result, terms, NOW)
    kept: Counts = json.loads(counting.canonical(result))
    if result["items"] < len(labels):
        assert counting.is_clipped(kept["labels"], kept["uncertain"], terms)


def test_a_result_is_clipped_where_its_most_frequent_label_could_not_have_one_more() -> None:
    terms = ResultTerms.of(["cat", "dog"], None, None, max_items=9, max_norm=6)
    assert not counting.is_clipped({"cat": 4, "dog": 3}, 1, terms)
    assert counting.is_clipped({"cat": 5, "dog": 3}, 0, terms)
    assert counting.is_clipped({"cat": 3, "dog": 3}, 3, terms)
    assert not counting.is_clipped({}, 0, terms)
    assert not counting.is_clipped({"cat": 5, "dog": 3}, 0, ResultTerms.of(["cat"], None, None))


@pytest.mark.parametrize("month", ["1825-12", "2026-08", "2199-12"])
def test_nothing_is_older_than_photography_or_newer_than_tomorrow(month: str) -> None:
    wrong: Counts = {**GOOD, "months": {month: {"cat": 2}}, "undated": 3}
    with pytest.raises(ImplausibleResult):
        counting.check(wrong, TERMS, NOW)


def test_tomorrow_counts_for_clocks_are_wrong() -> None:
    right: Counts = {**GOOD, "months": {"2026-08": {"cat": 2}}, "undated": 3}
    counting.check(right, TERMS, datetime(2026, 7, 31, 12, tzinfo=UTC))


def test_an_answer_has_a_count_for_each_label_and_month_and_undated() -> None:
    period = counting.period_of(date(2026, 1, 1), date(2026, 3, 1), NOW)
    assert period == ("2026-01", "2026-02")
    assert counting.count_cells(1_000, *period) == 3_000
    assert counting.count_cells(2, *counting.period_of(None, None, NOW)) > 4_000
