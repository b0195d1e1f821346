"""Shapes on the wire."""

from datetime import datetime

from pydantic import Field

from dml.accounts.schemas import PublicName
from dml.core.ids import CreditId, TransferId, UserId
from dml.core.money import AmountIn, AmountOut
from dml.core.wire import Body, Moment, Parameters, Prose, Wire, example
from dml.payments.models import CreditState, TransferCode


class BalanceOut(Wire):
    """What a user has, in tokens."""

    available: AmountOut = Field(description="Tokens that can be spent now.")
    pending: AmountOut = Field(
        description="Tokens of deposits that are in a block which is not final yet."
    )
    reserved: AmountOut = Field(
        description="Tokens that running jobs, bounties and withdrawals hold."
    )
    total: AmountOut = Field(description="The sum of the other three.")


class TransferOut(Wire):
    """A movement of tokens from one account of the ledger to another. It never changes."""

    id: TransferId
    code: TransferCode = Field(description="Why the tokens moved.")
    reference: str = Field(
        description="What caused the transfer: a kind and an id.",
        examples=["job:019…", "fold:019…"],
    )
    source: str = Field(
        description="The account that the tokens came from.", examples=["wallet:019…"]
    )
    target: str = Field(
        description="The account that the tokens went to.", examples=["escrow:job:019…"]
    )
    amount: AmountOut = Field(description="How many tokens moved.")
    created_at: datetime


class StatementQuery(Parameters):
    from_: Moment | None = Field(
        None,
        alias="from",
        description="Export transfers from this time on. Default: from the first transfer on.",
    )
    until: Moment | None = Field(
        None, description="Export transfers before this time. Default: until now."
    )


class BooksOut(Wire):
    """How many tokens rest in each kind of account of the ledger."""

    sum: AmountOut = Field(
        description="The sum of all accounts. It is zero; any other value is a fault in the ledger."
    )
    chain: AmountOut = Field(
        description="The account of the outside world: minus the tokens that are in the system. "
        "It is negative or zero."
    )
    wallets: AmountOut = Field(description="Tokens in the balances of all users.")
    escrows: AmountOut = Field(description="Tokens that running jobs and bounties hold.")
    payouts: AmountOut = Field(description="Tokens that withdrawals hold until they are paid.")
    unclaimed: AmountOut = Field(description="Tokens of deposits that name no user.")
    revenue: AmountOut = Field(description="Tokens that the platform earned as fees.")


class LedgerAccountOut(Wire):
    """A place of the ledger where tokens rest."""

    code: str = Field(
        description="What it is: `wallet:` and a user, `escrow:job:` and a job, `escrow:bounty:` "
        "and a bounty, or `payout:` and a withdrawal."
    )
    balance: AmountOut = Field(description="How many tokens it holds.")


class UserBooksOut(Wire):
    """What a user has, where it rests, and what moved last."""

    balance: BalanceOut
    accounts: list[LedgerAccountOut] = Field(
        description="The user's accounts that hold something: what jobs, bounties and withdrawals "
        "hold beside the balance."
    )
    transfers: list[TransferOut] = Field(
        description="The last 20 transfers of the user's balance, newest first."
    )


class CreditCreate(Body):
    model_config = example(
        user_id="01987c1e-0000-7000-8000-000000000001", amount="12.5", reason="bank transfer 4711"
    )

    user_id: UserId = Field(description="The user to credit.")
    amount: AmountIn = Field(gt=0, description="How many tokens to credit.")
    reason: Prose = Field(
        max_length=500,
        examples=["bank transfer 4711"],
        description="Where the tokens come from. It is kept in the audit log.",
    )


class CreditOut(Wire):
    """Tokens that an admin credited to a user, or asked to credit."""

    id: CreditId
    user_id: UserId = Field(description="The user who is credited.")
    amount: AmountOut = Field(description="How many tokens.")
    state: CreditState = Field(description="Where the credit stands.")
    reason: str = Field(description="Where the tokens come from.")
    asked_by: UserId | None = Field(
        description="The admin who asked for it; `null` if it was done at the command line."
    )
    asked_at: datetime = Field(description="When it was asked for.")
    decided_by: UserId | None = Field(
        description="The admin who approved or refused it; `null` while nobody has, or if no "
        "second admin was needed."
    )
    reversed: AmountOut = Field(description="How many of its tokens were taken back.")


class CreditToApproveOut(CreditOut):
    """A credit that waits for a second admin, with whose it is and who asked for it."""

    user_name: PublicName
    asked_by_name: PublicName


class CreditRefusal(Body):
    model_config = example(reason="There is no such bank transfer.")

    reason: Prose = Field(
        max_length=500,
        examples=["unknown to the bank"],
        description="Why the credit is refused. It is kept in the audit log.",
    )


class CreditReversal(Body):
    model_config = example(reason="It was credited to somebody else.")

    amount: AmountIn | None = Field(
        None,
        gt=0,
        description="How many tokens to take back. Default: all that were not taken back yet.",
    )
    reason: Prose = Field(
        max_length=500,
        examples=["credited to the wrong account"],
        description="Why the credit is taken back. It is kept in the audit log.",
    )
