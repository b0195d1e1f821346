"""The moves of deposits and withdrawals, and the refusals that concern the chain. Pure."""

from collections.abc import Sequence
from typing import Final

from dml.chain.models import Deposit, Withdrawal
from dml.chain.states import DepositState, WithdrawalState
from dml.core.errors import Conflict, NotFound, Unavailable
from dml.core.states import Move, Moves

DEPOSIT_MOVES: Final = Moves(
    {
        DepositState.SEEN: {DepositState.CREDITED, DepositState.UNCLAIMED, DepositState.ORPHANED},
        DepositState.UNCLAIMED: {DepositState.CREDITED},
        DepositState.ORPHANED: {DepositState.SEEN},  # Its transaction is in a block again.
        DepositState.CREDITED: (),
    },
    lambda state, to, allowed: WrongDepositState(state=state, wanted=to, allowed=allowed),
)
WITHDRAWAL_MOVES: Final = Moves(
    {
        WithdrawalState.REQUESTED: {WithdrawalState.AUTHORISED, WithdrawalState.CANCELLED},
        WithdrawalState.AUTHORISED: {WithdrawalState.PAID, WithdrawalState.REVERSED},
        WithdrawalState.PAID: (),
        WithdrawalState.REVERSED: (),
        WithdrawalState.CANCELLED: (),
    },
    lambda state, to, allowed: WrongWithdrawalState(state=state, wanted=to, allowed=allowed),
)


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
    reason = "This is not possible in the deposit's present state."
    remedy = "See `state` and `allowed`: what is now, and what can follow."
    state: DepositState
    wanted: DepositState
    allowed: Sequence[DepositState]


class WrongWithdrawalState(Conflict):
    code = "chain.wrong_withdrawal_state"
    reason = "This is not possible in the withdrawal's present state."
    remedy = "See `state` and `allowed`: what is now, and what can follow."
    state: WithdrawalState
    wanted: WithdrawalState
    allowed: Sequence[WithdrawalState]


class NotDenied(NotFound):
    code = "chain.not_denied"
    reason = "This address is not on the deny list."
    remedy = "Look it up in the deny list."


def require_unclaimed(deposit: Deposit) -> None:
    """Refuse to assign a deposit that has an owner or is not final: the indexer credits those."""
    if deposit.state is not DepositState.UNCLAIMED:
        raise DEPOSIT_MOVES.refusal(deposit.state, DepositState.CREDITED)


def move_deposit(deposit: Deposit, to: DepositState) -> Move:
    return DEPOSIT_MOVES.move(deposit, to)


def move_withdrawal(withdrawal: Withdrawal, to: WithdrawalState) -> Move:
    return WITHDRAWAL_MOVES.move(withdrawal, to)
