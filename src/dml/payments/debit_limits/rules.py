"""What a debit limit lets through, and who may raise it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dml.core.errors import Conflict, Forbidden
from dml.core.money import AmountText, MicroTokens, render
from dml.payments.models import TransferCode

WINDOW: Final = timedelta(days=30)
LIMITED: Final = (
    TransferCode.JOB_ESCROW,
    TransferCode.BOUNTY_ESCROW,
    TransferCode.ENROLLMENT_FEE,
)


class DebitLimitReached(Conflict):
    code = "payments.debit_limit_reached"
    reason = "This is more than your debit limit lets jobs and bounties take in 30 days."
    remedy = (
        "Take less, wait until `free_at`, or raise the limit (`PUT /v1/payments/debit-limit`). "
        "`left` is what it lets through now."
    )
    limit: AmountText
    left: AmountText
    free_at: datetime | None  # None: it is more than the whole limit.


class ProofNeeded(Forbidden):
    code = "payments.proof_needed"
    reason = "To raise a debit limit, or to have none, takes a proof that it is you."
    remedy = "Send `proof` as well, such as your password."


@dataclass(frozen=True, slots=True)
class Taken:
    """An amount that was taken, and when."""

    amount: MicroTokens
    at: datetime


def left_of(limit: MicroTokens, taken: Sequence[Taken]) -> MicroTokens:
    """Return what a limit lets through, beside what was taken within its days."""
    return MicroTokens(max(0, limit - sum(it.amount for it in taken)))


def free_at(limit: MicroTokens, taken: Sequence[Taken], amount: MicroTokens) -> datetime | None:
    """Return from when on the limit lets an amount through; None where it never will.

    `taken` is in the order of time. A limit that was lowered may be passed by what was taken.
    """
    if amount > limit:
        return None
    rest: int = sum(it.amount for it in taken)
    for it in taken:
        rest -= it.amount
        if rest + amount <= limit:
            return it.at + WINDOW
    return None


def require_within(limit: MicroTokens, taken: Sequence[Taken], amount: MicroTokens) -> None:
    left = left_of(limit, taken)
    if amount > left:
        raise DebitLimitReached(
            limit=render(limit), left=render(left), free_at=free_at(limit, taken, amount)
        )


def is_raised(before: MicroTokens | None, after: MicroTokens | None) -> bool:
    """Whether more may be taken than before. None is no limit."""
    return before is not None and (after is None or after > before)


def require_may_change(
    before: MicroTokens | None, after: MicroTokens | None, *, is_proven: bool
) -> None:
    """Refuse to raise a limit for who has not proven who they are: a thief with their session."""
    if is_raised(before, after) and not is_proven:
        raise ProofNeeded
