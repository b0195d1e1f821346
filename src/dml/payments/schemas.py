"""Shapes on the wire."""

from datetime import datetime

from pydantic import Field

from dml.core.ids import CreditId, TransferId, UserId
from dml.core.money import AmountIn, AmountOut
from dml.core.wire import Body, Moment, Parameters, Text, Wire, example
from dml.payments.models import CreditState, TransferCode


class BalanceOut(Wire):
    available: AmountOut = Field(description="What can be spent.")
    pending: AmountOut = Field(description="What was seen coming in, and is not final yet.")
    reserved: AmountOut = Field(description="What jobs, bounties and withdrawals under way hold.")
    total: AmountOut


class TransferOut(Wire):
    id: TransferId
    code: TransferCode
    reference: str = Field(description="What caused it.", examples=["job:019…", "fold:019…"])
    source: str
    target: str
    amount: AmountOut
    created_at: datetime


class StatementWanted(Parameters):
    from_: Moment | None = Field(
        None, alias="from", description="The first moment that counts. Unset: the very first."
    )
    until: Moment | None = Field(
        None, description="The first moment that no longer counts. Unset: now."
    )


class BooksOut(Wire):
    sum: AmountOut = Field(description="Zero, or the books are wrong.")
    chain: AmountOut = Field(description="The world outside: its negation is what is in here.")
    wallets: AmountOut
    escrows: AmountOut = Field(description="What running jobs may still cost.")
    payouts: AmountOut = Field(description="What withdrawals under way hold.")
    unclaimed: AmountOut = Field(description="Deposits that name nobody.")
    revenue: AmountOut = Field(description="What the platform earned.")


class CreditIn(Body):
    model_config = example(
        user_id="01987c1e-0000-7000-8000-000000000001", amount="12.5", reason="bank transfer 4711"
    )

    user_id: UserId
    amount: AmountIn = Field(gt=0)
    reason: Text = Field(max_length=500, examples=["bank transfer 4711"])


class CreditOut(Wire):
    id: CreditId
    user_id: UserId
    amount: AmountOut
    state: CreditState = Field(description="`requested`: another admin has to agree first.")
    reason: str
    asked_by: UserId | None
    asked_at: datetime
    decided_by: UserId | None = Field(description="The second admin, where one was needed.")
    reversed: AmountOut = Field(description="What of it was taken back.")


class CreditRefusalIn(Body):
    model_config = example(reason="There is no such bank transfer.")

    reason: Text = Field(max_length=500, examples=["unknown to the bank"])


class CreditReversalIn(Body):
    model_config = example(reason="It was credited to somebody else.")

    amount: AmountIn | None = Field(None, gt=0, description="Unset: all that is left of it.")
    reason: Text = Field(max_length=500, examples=["credited to the wrong account"])
