"""What the ledger allows. Pure: balances and movements in, changes or a refusal out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from dml.core import money
from dml.core.errors import Conflict, Forbidden, NotFound
from dml.core.ids import UserId
from dml.core.money import AmountText, MicroTokens
from dml.core.states import Move, Moves
from dml.payments.models import CHAIN, Credit, CreditState, Key, Movement

DAY: Final = timedelta(hours=24)
CREDIT_LIFE: Final = timedelta(days=7)  # So long a credit waits for a second admin.
CREDIT_MOVES: Final = Moves(
    {
        CreditState.REQUESTED: {CreditState.CREDITED, CreditState.REFUSED},
        CreditState.CREDITED: (),
        CreditState.REFUSED: (),
    },
    lambda state, to, allowed: WrongCreditState(state=state, wanted=to, allowed=allowed),
)


class InsufficientFunds(Conflict):
    code = "payments.insufficient_funds"
    reason = "The balance does not cover this amount."
    remedy = "Deposit what is missing, then try again."
    account: str
    missing: AmountText


class MoreThanCanExist(Conflict):
    code = "payments.more_than_can_exist"
    reason = "There would be more tokens than can exist."
    remedy = "Choose a smaller amount: `left` is what can still come in."
    left: AmountText


class OwnCredit(Forbidden):
    code = "payments.own_credit"
    reason = "You cannot credit yourself, or approve a credit that you asked for."
    remedy = "Ask another admin."


class NotCovered(Conflict):
    code = "payments.not_covered"
    reason = "The vault does not hold enough tokens to cover this credit."
    remedy = (
        "Send what is missing to the vault's address and wait until vault and books were compared "
        "(a minute after it is final): `left` is what can be credited now."
    )
    left: AmountText


class CreditNotFound(NotFound):
    code = "payments.credit_not_found"
    reason = "There is no such credit."
    remedy = "Take the `id` that the answer gave when it was made, or the list of those that wait."


class WrongCreditState(Conflict):
    code = "payments.wrong_credit_state"
    reason = "This is not possible in the credit's present state."
    remedy = "See `state` and `allowed`: what is now, and what can follow."
    state: CreditState
    wanted: str
    allowed: Sequence[CreditState]


class CreditExpired(Conflict):
    code = "payments.credit_expired"
    reason = "This credit has waited too long for a second admin."
    remedy = "Ask for it anew."
    asked_at: datetime


class MoreThanCredited(Conflict):
    code = "payments.more_than_credited"
    reason = "This is more than what is left of the credit."
    remedy = "Take back at most what `left` says."
    left: AmountText


class SpentAlready(Conflict):
    code = "payments.spent_already"
    reason = "The user's balance no longer holds as many tokens."
    remedy = "Take back at most what `there` says; it can be done in parts."
    there: AmountText


def require_not_own(admin_id: UserId | None, *theirs: UserId | None) -> None:
    """Refuse an admin who would decide about their own tokens, or about their own word."""
    if admin_id is not None and admin_id in theirs:
        raise OwnCredit


def move_credit(credit: Credit, to: CreditState) -> Move:
    return CREDIT_MOVES.move(credit, to)


def require_to_decide(credit: Credit, now: datetime) -> None:
    """Refuse to agree to what was decided, or waits no more."""
    if credit.state is not CreditState.REQUESTED:
        raise CREDIT_MOVES.refusal(credit.state, CreditState.CREDITED)
    if credit.asked_at + CREDIT_LIFE <= now:
        raise CreditExpired(asked_at=credit.asked_at)


def require_reversible(
    credit: Credit, amount: MicroTokens | None, there: MicroTokens
) -> MicroTokens:
    """Return how much is taken back: what was asked for or, without that, all that is left."""
    if credit.state is not CreditState.CREDITED:
        raise WrongCreditState(state=credit.state, wanted="reversed", allowed=[])
    left = MicroTokens(credit.amount - credit.reversed)
    taken = left if amount is None else amount
    if taken > left or taken == 0:
        raise MoreThanCredited(left=money.render(left))
    if taken > there:
        raise SpentAlready(there=money.render(there))
    return taken


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


def can_move_at_once(movements: Sequence[Movement], changes: Mapping[str, int]) -> bool:
    """Tell whether any part of these is covered if all are: no account both gives and gets.

    And whether each change can be written down at all.
    """
    gives_and_gets = {it.source for it in movements} & {it.target for it in movements}
    return not gives_and_gets and all(abs(it) <= money.MAX for it in changes.values())


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
