"""What the ledger allows. Pure: balances and movements in, changes or a refusal out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from dml.core import money
from dml.core.errors import Conflict
from dml.core.ids import UserId
from dml.core.money import MicroTokens
from dml.payments.models import CHAIN, Key, Movement


class InsufficientFunds(Conflict):
    code = "payments.insufficient_funds"
    reason = "The balance does not cover this amount."
    remedy = "Deposit what is missing, then try again."


class MoreThanCanExist(Conflict):
    code = "payments.more_than_can_exist"
    reason = "There would be more tokens than can exist."
    remedy = "Choose a smaller amount: `left` is what can still come in."


def still_to_make(movements: Sequence[Movement], made: Mapping[Key, MicroTokens]) -> list[Movement]:
    """Leave out what was made before. The same movement with another amount is a bug: crash."""
    amounts = dict(made)
    fresh = []
    for it in movements:
        assert it.amount > 0, it
        assert it.source != it.target, it
        if it.key not in amounts:
            amounts[it.key] = it.amount
            fresh.append(it)
        assert amounts[it.key] == it.amount, it
    return fresh


def changes_of(movements: Sequence[Movement]) -> dict[str, int]:
    """Sum what each account gains or, below zero, gives."""
    changes: defaultdict[str, int] = defaultdict(int)
    for it in movements:
        changes[it.source] -= it.amount
        changes[it.target] += it.amount
    return dict(changes)


def require_covered(balances: Mapping[str, int], changes: Mapping[str, int]) -> None:
    for account, change in changes.items():
        after = balances[account] + change
        if after < 0 and account != CHAIN:
            raise InsufficientFunds(account=account, missing=money.render(MicroTokens(-after)))


def require_room(balances: Mapping[str, int], changes: Mapping[str, int]) -> None:
    """Refuse what the ledger cannot hold: the chain owes all there is, so it is full first."""
    after = balances.get(CHAIN, 0) + changes.get(CHAIN, 0)
    if after < -money.MAX:
        raise MoreThanCanExist(left=money.render(MicroTokens(money.MAX + balances[CHAIN])))


def wallet(user_id: UserId) -> str:
    """Name the account that a user can spend from."""
    return f"wallet:{user_id}"


def owner_of(account: str) -> str | None:
    """Tell the id of the user whose wallet this is; None for every other account."""
    kind, _, rest = account.partition(":")
    return rest if kind == "wallet" else None
