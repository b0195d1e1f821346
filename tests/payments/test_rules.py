"""The law of the ledger, without a database."""

import pytest

from dml.core.money import MAX, MicroTokens
from dml.payments import rules
from dml.payments.models import CHAIN, Movement, TransferCode


def movement(source: str, target: str, amount: int) -> Movement:
    return Movement(TransferCode.DEVICE_REWARD, "test", source, target, MicroTokens(amount))


def test_a_movement_made_before_is_left_out() -> None:
    done, new = movement("a", "b", 1), movement("a", "c", 2)
    assert rules.still_to_make([done, new, new], {done.key: done.amount}) == [new]


@pytest.mark.parametrize(
    "again", [movement("a", "b", 2), movement("a", "c", 0), movement("a", "a", 1)]
)
def test_another_amount_none_or_one_account_is_a_bug(again: Movement) -> None:
    with pytest.raises(AssertionError):
        rules.still_to_make([movement("a", "b", 1), again], {})


def test_changes_add_up_to_zero() -> None:
    changes = rules.changes_of([movement("a", "b", 3), movement("b", "c", 2)])
    assert changes == {"a": -3, "b": 1, "c": 2}


@pytest.mark.parametrize("account", ["wallet:x", "escrow:bounty:x", "chain:deposits"])
def test_only_the_chain_may_be_overdrawn(account: str) -> None:
    rules.require_covered({CHAIN: MicroTokens(0)}, {CHAIN: -1})
    rules.require_covered({account: MicroTokens(1)}, {account: -1})
    with pytest.raises(rules.InsufficientFunds) as refused:
        rules.require_covered({account: MicroTokens(1)}, {account: -3})
    assert refused.value.facts == {"account": account, "missing": "0.000002"}


def test_no_more_comes_in_than_can_exist() -> None:
    balances = {CHAIN: MicroTokens(2 - MAX), "wallet:x": MicroTokens(1)}
    rules.require_room(balances, {CHAIN: -2, "wallet:x": 2})
    rules.require_room({"wallet:x": MicroTokens(MAX)}, {"wallet:x": -1})
    with pytest.raises(rules.MoreThanCanExist) as refused:
        rules.require_room(balances, {CHAIN: -3, "wallet:x": 3})
    assert refused.value.facts == {"left": "0.000002"}
