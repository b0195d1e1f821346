"""Each question about a withdrawal has one answer, in Python as in SQL."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from dml.chain.models import Withdrawal
from dml.chain.states import WithdrawalState
from dml.chain.withdrawals import rules as withdrawal_rules
from dml.core.ids import new_id
from tests.conditions import compare, instance
from tests.conftest import NOW

ENDED = {WithdrawalState.PAID, WithdrawalState.REVERSED, WithdrawalState.CANCELLED}
ROWS: list[dict[str, Any]] = [
    {
        "state": state,
        "needs_review": needs_review,
        "reviewed_at": reviewed_at,
        "first_approved_at": first_approved_at,
        "batch_id": batch_id,
        "ended_at": NOW if state in ENDED else None,
    }
    for state, needs_review, reviewed_at, first_approved_at, batch_id in product(
        WithdrawalState, (True, False), (None, NOW), (None, NOW), (None, new_id())
    )
]


@pytest.mark.parametrize(
    ("ask", "condition"),
    [
        (withdrawal_rules.waits_for_review, withdrawal_rules.WAITS_FOR_REVIEW),
        (withdrawal_rules.may_go, withdrawal_rules.MAY_GO),
        (withdrawal_rules.may_go_again, withdrawal_rules.MAY_GO_AGAIN),
    ],
    ids=["waits for review", "may go", "may go again"],
)
async def test_sql_says_what_python_says(
    tx: AsyncSession, ask: Callable[[Withdrawal], bool], condition: str
) -> None:
    await compare(tx, Withdrawal, ask, condition, ROWS)


def test_nothing_goes_that_waits_for_a_review() -> None:
    """An approval by the first of two admins is none."""
    for row in ROWS:
        asked = instance(Withdrawal, row)
        answers = [
            withdrawal_rules.waits_for_review(asked),
            withdrawal_rules.may_go(asked),
            withdrawal_rules.may_go_again(asked),
        ]
        assert answers.count(True) <= 1
