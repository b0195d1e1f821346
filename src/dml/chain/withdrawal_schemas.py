"""Shapes on the wire, of withdrawals."""

from datetime import datetime

from pydantic import Field

from dml.accounts.schemas import Password
from dml.chain import contract
from dml.chain.models import Vault, Withdrawal
from dml.chain.queries import Way
from dml.chain.states import WithdrawalState
from dml.chain.withdrawal_rules import Recent, Terms, amount_left, stands_still
from dml.core.ids import WalletId, WithdrawalId
from dml.core.money import AmountIn, AmountOut
from dml.core.wire import Body, Text, Wire, example
from dml.edge.paging import Paging
from dml.edge.timeline import TimelineOut

_HASH = "0x" + "1f" * 32


class WithdrawalIn(Body):
    model_config = example(
        amount="12.5",
        wallet_id="01987c1e-0000-7000-8000-000000000001",
        password="correct horse battery",
    )

    amount: AmountIn = Field(gt=0, description="What is to arrive; the fee comes on top.")
    wallet_id: WalletId = Field(description="A wallet that you have linked.")
    password: Password = Field(description="Yours, given again.")
    memo: Text | None = Field(None, max_length=200, description="A note: for you alone.")
    max_fee: AmountIn | None = Field(
        None, description="Refuse instead, should it cost more than this."
    )


class WithdrawalsWanted(Paging):
    state: WithdrawalState | None = None


class WithdrawalOut(Wire):
    id: WithdrawalId
    state: WithdrawalState
    wallet_id: WalletId
    address: str
    amount: AmountOut = Field(description="What arrives.")
    fee: AmountOut = Field(description="What it costs beside that.")
    memo: str | None
    needs_review: bool = Field(description="Whether an admin looks at it before it goes.")
    requested_at: datetime
    reviewed_at: datetime | None
    authorised_at: datetime | None = Field(description="When it was put into a batch.")
    ended_at: datetime | None
    end_reason: str | None = Field(description="Why it did not go out.")
    tx_hash: str | None = Field(description="The transaction that paid it.", examples=[_HASH])
    block_number: int | None = Field(description="The final block that holds it.")


class SentOut(Wire):
    hash: str = Field(examples=[_HASH])
    sent_at: datetime


class BatchOut(Wire):
    created_at: datetime
    count: int = Field(description="How many withdrawals go with it.")
    transactions: list[SentOut] = Field(
        description="What was sent, newest first. Should several be mined, it is still paid once."
    )


class SeenOut(Wire):
    tx_hash: str
    block_number: int
    confirmations: int = Field(description="Blocks since then, its own included.")
    is_final: bool
    refusal: str | None = Field(description="Why the vault did not pay it this time.")


class WithdrawalShownOut(WithdrawalOut):
    batch: BatchOut | None
    seen: SeenOut | None = Field(description="What the vault last said of it, in a block.")
    timeline: TimelineOut


class LeftTodayOut(Wire):
    count: int
    amount: AmountOut


class TermsOut(Wire):
    fee: AmountOut = Field(description="What one withdrawal costs, beside what arrives.")
    least: AmountOut = Field(description="The least that can be withdrawn at once.")
    most: AmountOut = Field(description="What the vault pays out in a day, to all together.")
    left_today: LeftTodayOut = Field(description="What you may still ask for in these 24 hours.")
    review_above: AmountOut = Field(
        description="Above this, alone or with those of 24 hours, an admin looks first."
    )
    gathered_seconds: float = Field(
        description="Roughly how soon it goes: so long it waits for others to go with it."
    )
    stands_still: str | None = Field(description="Why nothing is paid out just now.")


def terms_out(terms: Terms, vault: Vault, recent: Recent, now: datetime) -> TermsOut:
    return TermsOut(
        fee=terms.fee,
        least=terms.least,
        most=vault.daily_limit,
        left_today=LeftTodayOut(
            count=max(0, terms.count_a_day - recent.count), amount=amount_left(terms, recent)
        ),
        review_above=terms.review_above,
        gathered_seconds=terms.gathered_seconds,
        stands_still=stands_still(vault, now),
    )


def shown_out(withdrawal: Withdrawal, way: Way, timeline: TimelineOut) -> WithdrawalShownOut:
    """Shape a withdrawal with how far it is on the chain, and its timeline."""
    more = {"batch": _batch_out(way), "seen": _seen_out(way), "timeline": timeline}
    shown = WithdrawalOut.model_validate(withdrawal)
    return WithdrawalShownOut.model_validate(dict(shown) | more)


def _batch_out(way: Way) -> BatchOut | None:
    if way.batch is None:
        return None
    sent = [SentOut.model_validate(it) for it in way.transactions]
    return BatchOut(created_at=way.batch.created_at, count=way.batch.count, transactions=sent)


def _seen_out(way: Way) -> SeenOut | None:
    seen = way.seen
    if seen is None:
        return None
    return SeenOut(
        tx_hash=seen.tx_hash,
        block_number=seen.block_number,
        confirmations=max(0, way.head_number - seen.block_number + 1),
        is_final=seen.is_final,
        refusal=None if seen.refusal is None else contract.explain(seen.refusal),
    )
