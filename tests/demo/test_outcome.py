"""What must be true in the end: each way to be wrong is found, and what is right passes."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from demo.outcome import Answer, Money, Outcome, Price, Truth, faults
from demo.report import tokens

RIGHT = Outcome(
    devices=5,
    truth=Truth(
        photos=100,
        labels={"digit-0": 60, "digit-1": 40},
        months={"2025-01": 50, "2025-02": 45},
        undated=5,
    ),
    answer=Answer(
        state="completed",
        accepted=5,
        shown=5,
        items=100,
        labels={"digit-0": 59, "digit-1": 39},
        uncertain=2,
        months={
            "2025-01": {"digit-0": 30, "digit-1": 19},
            "2025-02": {"digit-0": 25, "digit-1": 20},
        },
        undated=4,
        other_months={},
        other=0,
    ),
    price=Price(Decimal("1"), Decimal("0.25"), Decimal("0.125")),
    money=Money(
        credited=Decimal(25),
        customer=Decimal("18.125"),
        owners=[Decimal(1)] * 5,
        developer=Decimal("1.25"),
        books={
            "sum": Decimal(0),
            "chain": Decimal(-25),
            "wallets": Decimal("24.375"),
            "escrows": Decimal(0),
            "revenue": Decimal("0.625"),
        },
    ),
)


def with_answer(**changes: Any) -> Outcome:
    return replace(RIGHT, answer=replace(RIGHT.answer, **changes))


def with_money(**changes: Any) -> Outcome:
    return replace(RIGHT, money=replace(RIGHT.money, **changes))


def with_books(**changes: str) -> Outcome:
    books = {name: Decimal(amount) for name, amount in changes.items()}
    return with_money(books={**RIGHT.money.books, **books})


def test_what_is_right_has_no_faults() -> None:
    assert faults(RIGHT) == []


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (with_answer(state="expired"), "not completed"),
        (with_answer(accepted=4), "accepted results: 4"),
        (with_answer(shown=4), "results in the counts: 4"),
        (with_answer(items=99), "items: 99"),
        (with_answer(items=94), "items: 94 are told"),
        (with_answer(items=101), "items: 101 are told"),
        (with_answer(uncertain=1), "labels + uncertain: 99"),
        (with_answer(undated=3), "months + undated: 97"),
        (with_answer(undated=6), "undated photos"),
        (with_answer(labels={"digit-0": 59, "cat": 39}), "cat"),
        (with_answer(months={"2024-12": {"digit-0": 94}}), "2024-12"),
        (with_answer(labels={"digit-0": 39, "digit-1": 59}), "the error is 40.00 %"),
        (with_answer(items=0, labels={}, months={}, uncertain=0, undated=0), "items: 0"),
    ],
)
def test_wrong_counts_are_found(wrong: Outcome, found: str) -> None:
    assert found in "\n".join(faults(wrong))


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (with_books(sum="0.000001"), "the sum of the ledger: 0.000001"),
        (with_books(escrows="1.375"), "left in escrow: 1.375"),
        (with_books(revenue="0.624999"), "the platform earned: 0.624999"),
        (with_books(chain="-24"), "the chain: -24"),
        (with_books(wallets="24.375001"), "all wallets: 24.375001"),
        (with_money(customer=Decimal("18.125001")), "the customer paid: 6.874999"),
        (with_money(customer=Decimal("16.75")), "the customer paid: 8.25"),
        (with_money(developer=Decimal("1.5")), "the developer earned: 1.5"),
        (with_money(owners=[Decimal(1)] * 4), "the owners earned: 4"),
        (with_money(owners=[Decimal(1)] * 6), "the owners earned: 6"),
    ],
)
def test_wrong_books_are_found(wrong: Outcome, found: str) -> None:
    assert found in "\n".join(faults(wrong))


def test_an_owner_paid_twice_at_the_cost_of_another_is_found() -> None:
    wrong = with_money(owners=[Decimal(2), Decimal(0), *[Decimal(1)] * 3])
    assert [it.partition(":")[0] for it in faults(wrong)] == [
        "what owner 1 earned",
        "what owner 2 earned",
    ]


def test_the_error_is_the_sum_of_all_differences() -> None:
    assert RIGHT.error_percent == Decimal("2.00")
    more = replace(RIGHT.truth, photos=300)  # Of 200, the label is kept back.
    assert replace(RIGHT, truth=more).error_percent == Decimal("0.00")


def test_an_answer_without_counts_is_read_as_none() -> None:
    answer = Answer.read(
        {
            "state": "open",
            "devices_done": 4,
            "devices_shown": 0,
            "items": None,
            "labels": None,
            "uncertain": None,
            "months": None,
            "undated": None,
            "other_months": None,
            "other": None,
        }
    )
    assert (answer.accepted, answer.items, answer.labels, answer.months) == (4, 0, {}, {})


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0"),
        ("0.000000", "0"),
        ("100", "100"),
        ("2.500", "2.5"),
        ("-0.000001", "-0.000001"),
        ("1E+2", "100"),
    ],
)
def test_amounts_are_written_plainly(amount: str, text: str) -> None:
    as_text: Callable[[Decimal], str] = tokens
    assert as_text(Decimal(amount)) == text
