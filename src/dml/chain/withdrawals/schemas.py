"""Shapes on the wire, of withdrawals."""

from datetime import datetime

from pydantic import Field, model_validator

from dml.accounts.identities.proofs import PasswordProof, Proof
from dml.accounts.schemas import Password
from dml.chain.models import Vault, Withdrawal
from dml.chain.node import contract
from dml.chain.queries import Way
from dml.chain.states import WithdrawalState
from dml.chain.withdrawals.rules import Recent, WithdrawalTerms, amount_left, paused_reason
from dml.core.ids import WalletId, WithdrawalId
from dml.core.money import AmountIn, AmountOut
from dml.core.wire import Body, Text, Wire, example
from dml.edge.paging import Paging
from dml.edge.timeline import TimelineOut

_HASH = "0x" + "1f" * 32


class WithdrawalCreate(Body):
    model_config = example(
        amount="12.5",
        wallet_id="01987c1e-0000-7000-8000-000000000001",
        proof={"kind": "password", "password": "correct horse battery"},
    )

    amount: AmountIn = Field(
        gt=0, description="How many tokens reach the wallet. The fee is taken in addition."
    )
    wallet_id: WalletId = Field(description="The linked wallet to pay to.")
    proof: Proof | None = Field(
        None, description="What proves that the account is yours: money leaves only with it."
    )
    password: Password | None = Field(
        None,
        description="Short for a `proof` of the kind `password`.",
        json_schema_extra={"deprecated": True},
    )
    memo: Text | None = Field(
        None, max_length=200, description="A note for yourself. Only you and admins can see it."
    )
    max_fee: AmountIn | None = Field(
        None,
        description="The highest fee that you accept: if it is higher, the withdrawal is refused. "
        "Default: any fee.",
    )

    @model_validator(mode="after")
    def _require_one_proof(self) -> "WithdrawalCreate":
        if (self.proof is None) == (self.password is None):
            raise ValueError("send a `proof`")
        return self

    @property
    def proven_by(self) -> Proof:
        if self.proof is not None:
            return self.proof
        assert self.password is not None, "one of both was sent"
        return PasswordProof(kind="password", password=self.password)


class WithdrawalsQuery(Paging):
    state: WithdrawalState | None = Field(
        None, description="List only withdrawals in this state. Default: in any."
    )


class WithdrawalOut(Wire):
    """Tokens that a user has paid to a wallet on the chain."""

    id: WithdrawalId
    state: WithdrawalState = Field(description="Where the withdrawal stands.")
    wallet_id: WalletId = Field(description="The linked wallet that is paid to.")
    address: str = Field(description="The address of that wallet.")
    amount: AmountOut = Field(description="How many tokens reach the wallet.")
    fee: AmountOut = Field(description="How many tokens it costs in addition.")
    memo: str | None = Field(description="The user's note.")
    needs_review: bool = Field(description="Whether an admin has to approve it before it is paid.")
    requested_at: datetime = Field(description="When the user asked for it.")
    reviewed_at: datetime | None = Field(
        description="When an admin approved or refused it; `null` if none did."
    )
    authorised_at: datetime | None = Field(
        description="When it was put into a batch, after which it cannot be cancelled; `null` "
        "before that."
    )
    ended_at: datetime | None = Field(
        description="When it was paid, reversed or cancelled; `null` before that."
    )
    end_reason: str | None = Field(description="Why it was not paid; `null` if it was or will be.")
    tx_hash: str | None = Field(
        description="The transaction that paid it; `null` before that.", examples=[_HASH]
    )
    block_number: int | None = Field(
        description="The final block that holds this transaction; `null` before that."
    )


class SentTransactionOut(Wire):
    """A transaction that was sent to the chain."""

    hash: str = Field(examples=[_HASH], description="The hash of the transaction.")
    sent_at: datetime = Field(description="When it was sent.")


class WithdrawalBatchOut(Wire):
    """Withdrawals that are paid by one transaction."""

    created_at: datetime
    count: int = Field(description="How many withdrawals are in the batch.")
    transactions: list[SentTransactionOut] = Field(
        description="The transactions that were sent for the batch, newest first: at most 20. At "
        "most one of them pays."
    )


class PayoutOutcomeOut(Wire):
    """What the vault did with a withdrawal, in the newest block that tells of it."""

    tx_hash: str = Field(examples=[_HASH], description="The transaction.")
    block_number: int = Field(description="The block that holds the transaction.")
    confirmations: int = Field(
        description="How many blocks there are from that block on, itself included."
    )
    is_final: bool = Field(description="Whether the block is final.")
    refusal: str | None = Field(
        description="Why the vault did not pay the withdrawal then; `null` if it paid."
    )


class WithdrawalDetailsOut(WithdrawalOut):
    """A withdrawal, with how far it is on the chain, and its timeline."""

    batch: WithdrawalBatchOut | None = Field(
        description="The batch that it is in; `null` if it is in none."
    )
    seen: PayoutOutcomeOut | None = Field(
        description="What the vault last did with it; `null` if no block tells of it."
    )
    timeline: TimelineOut = Field(description="What happened to it, and what happens next.")


class WithdrawalAllowanceOut(Wire):
    """What a user can still withdraw within 24 hours."""

    count: int = Field(description="How many withdrawals.")
    amount: AmountOut = Field(description="How many tokens.")


class WithdrawalTermsOut(Wire):
    """What a withdrawal costs, and what limits it."""

    fee: AmountOut = Field(
        description="How many tokens one withdrawal costs, in addition to its amount."
    )
    min_amount: AmountOut = Field(description="The smallest amount of one withdrawal.")
    vault_daily_limit: AmountOut = Field(
        description="How many tokens the vault pays out in a day, to all users together."
    )
    remaining_today: WithdrawalAllowanceOut = Field(
        description="What you can still withdraw, given what you asked for in the last 24 hours."
    )
    review_above: AmountOut = Field(
        description="If your withdrawals of 24 hours exceed this amount together, an admin has to "
        "approve the next."
    )
    batch_seconds: float = Field(
        description="About how many seconds a withdrawal waits for others, to be paid with them."
    )
    paused_reason: str | None = Field(
        description="Why no withdrawals are paid just now; `null` if they are."
    )


def terms_out(
    terms: WithdrawalTerms, vault: Vault, recent: Recent, now: datetime
) -> WithdrawalTermsOut:
    return WithdrawalTermsOut(
        fee=terms.fee,
        min_amount=terms.least,
        vault_daily_limit=vault.daily_limit,
        remaining_today=WithdrawalAllowanceOut(
            count=max(0, terms.count_a_day - recent.count), amount=amount_left(terms, recent)
        ),
        review_above=terms.review_above,
        batch_seconds=terms.batch_seconds,
        paused_reason=paused_reason(vault, now),
    )


def shown_out(withdrawal: Withdrawal, way: Way, timeline: TimelineOut) -> WithdrawalDetailsOut:
    """Shape a withdrawal with how far it is on the chain, and its timeline."""
    more = {"batch": _batch_out(way), "seen": _seen_out(way), "timeline": timeline}
    shown = WithdrawalOut.model_validate(withdrawal)
    return WithdrawalDetailsOut.model_validate(dict(shown) | more)


def _batch_out(way: Way) -> WithdrawalBatchOut | None:
    if way.batch is None:
        return None
    sent = [SentTransactionOut.model_validate(it) for it in way.transactions]
    return WithdrawalBatchOut(
        created_at=way.batch.created_at, count=way.batch.count, transactions=sent
    )


def _seen_out(way: Way) -> PayoutOutcomeOut | None:
    seen = way.seen
    if seen is None:
        return None
    return PayoutOutcomeOut(
        tx_hash=seen.tx_hash,
        block_number=seen.block_number,
        confirmations=max(0, way.head_number - seen.block_number + 1),
        is_final=seen.is_final,
        refusal=None if seen.refusal is None else contract.explain(seen.refusal),
    )
