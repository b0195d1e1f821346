"""Which moves deposits and withdrawals may make, and what is refused for the chain's sake. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from dml.chain.models import Deposit, Withdrawal
from dml.chain.states import DepositState, WithdrawalState
from dml.core.audit import Move
from dml.core.errors import Conflict, NotFound, Unavailable

DEPOSIT_MOVES: Final[Mapping[DepositState, frozenset[DepositState]]] = {
    DepositState.SEEN: frozenset(
        {DepositState.CREDITED, DepositState.UNCLAIMED, DepositState.ORPHANED}
    ),
    DepositState.UNCLAIMED: frozenset({DepositState.CREDITED}),
    DepositState.ORPHANED: frozenset({DepositState.SEEN}),  # Its transaction is in a block again.
    DepositState.CREDITED: frozenset(),
}
WITHDRAWAL_MOVES: Final[Mapping[WithdrawalState, frozenset[WithdrawalState]]] = {
    WithdrawalState.REQUESTED: frozenset({WithdrawalState.AUTHORISED, WithdrawalState.CANCELLED}),
    WithdrawalState.AUTHORISED: frozenset({WithdrawalState.PAID, WithdrawalState.REVERSED}),
    WithdrawalState.PAID: frozenset(),
    WithdrawalState.REVERSED: frozenset(),
    WithdrawalState.CANCELLED: frozenset(),
}
assert DEPOSIT_MOVES.keys() == set(DepositState)
assert WITHDRAWAL_MOVES.keys() == set(WithdrawalState)


class NotConnected(Unavailable):
    code = "chain.not_connected"
    reason = "This marketplace has not reached its chain yet, or has none."
    remedy = "Try again in a minute; an operator sees more in `GET /v1/payments/chain` and its log."


class DepositNotFound(NotFound):
    code = "chain.deposit_not_found"
    reason = "There is no such deposit of yours."
    remedy = "Look it up in the list of your deposits; one just made may take a few blocks."


class WithdrawalNotFound(NotFound):
    code = "chain.withdrawal_not_found"
    reason = "There is no such withdrawal of yours."
    remedy = "Look it up in the list of your withdrawals."


class WrongDepositState(Conflict):
    code = "chain.wrong_deposit_state"
    reason = "In its present state this deposit cannot go there."
    remedy = "See `state` and `allowed`: what is now, and what can follow."
    state: DepositState
    wanted: DepositState
    allowed: Sequence[DepositState]


class WrongWithdrawalState(Conflict):
    code = "chain.wrong_withdrawal_state"
    reason = "In its present state this withdrawal cannot go there."
    remedy = "See `state` and `allowed`: what is now, and what can follow."
    state: WithdrawalState
    wanted: WithdrawalState
    allowed: Sequence[WithdrawalState]


class NotDenied(NotFound):
    code = "chain.not_denied"
    reason = "This address is not on the deny list."
    remedy = "Look it up in the deny list."


def require_unclaimed(deposit: Deposit) -> None:
    """Refuse to assign what is somebody's, or not final: that, the indexer alone may credit."""
    if deposit.state is not DepositState.UNCLAIMED:
        allowed = sorted(DEPOSIT_MOVES[deposit.state])
        raise WrongDepositState(state=deposit.state, wanted=DepositState.CREDITED, allowed=allowed)


def move_deposit(deposit: Deposit, to: DepositState) -> Move:
    """Assign a state that may follow. Return the move, for the audit log."""
    allowed = DEPOSIT_MOVES[deposit.state]
    if to not in allowed:
        raise WrongDepositState(state=deposit.state, wanted=to, allowed=sorted(allowed))
    made = Move(deposit.state, to)
    deposit.state = to
    return made


def move_withdrawal(withdrawal: Withdrawal, to: WithdrawalState) -> Move:
    """Assign a state that may follow. Return the move, for the audit log."""
    allowed = WITHDRAWAL_MOVES[withdrawal.state]
    if to not in allowed:
        raise WrongWithdrawalState(state=withdrawal.state, wanted=to, allowed=sorted(allowed))
    made = Move(withdrawal.state, to)
    withdrawal.state = to
    return made
