"""What a user may withdraw, and when. Pure: amounts and terms in, a refusal or nothing out."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dml.chain.models import Vault, Withdrawal
from dml.chain.states import WithdrawalState
from dml.core import money
from dml.core.errors import Conflict, Forbidden, TooMany
from dml.core.ids import UserId, WithdrawalId
from dml.core.money import AmountText, MicroTokens
from dml.core.settings import Settings

DAY: Final = timedelta(hours=24)
QUIET_MAX: Final = timedelta(minutes=5)  # The process that reads also pays: it may be down.


@dataclass(frozen=True, slots=True)
class WithdrawalTerms:
    """What the operator's settings allow."""

    fee: MicroTokens
    least: MicroTokens
    count_a_day: int
    amount_a_day: MicroTokens
    review_above: MicroTokens
    batch_seconds: float  # How long a withdrawal waits for others to go with it.

    @classmethod
    def of(cls, settings: Settings) -> "WithdrawalTerms":
        return cls(
            fee=settings.withdrawal_fee,
            least=settings.withdrawal_min,
            count_a_day=settings.withdrawals_a_day,
            amount_a_day=settings.withdrawal_day_limit,
            review_above=settings.withdrawal_review_above,
            batch_seconds=settings.payout_seconds,
        )


@dataclass(frozen=True, slots=True)
class Recent:
    """What a user requested in the last 24 hours, and when the first of it was."""

    count: int
    amount: MicroTokens
    first_at: datetime | None


class FeeRose(Conflict):
    code = "chain.fee_rose"
    reason = "A withdrawal costs more than the `max_fee` that you allow."
    remedy = "See `fee`, what it costs now, and ask again with a `max_fee` that covers it."
    fee: AmountText


class LessThanLeast(Conflict):
    code = "chain.less_than_least"
    reason = "This is less than the smallest amount of a withdrawal."
    remedy = "Withdraw at least what `least` says."
    least: AmountText


class AboveVaultLimit(Conflict):
    code = "chain.above_vault_limit"
    reason = "This is more than can be paid in a day, to you or to all users, so it never would be."
    remedy = "Withdraw at most what `most` says at once, and the rest on other days."
    most: AmountText


class WithdrawalsOfDayUsed(TooMany):
    code = "chain.withdrawals_of_day_used"
    reason = "You have asked for as many withdrawals as one may in 24 hours."
    remedy = "Wait as many seconds as `retry_after_seconds` says; fewer and larger ones go further."
    limit: int


class AmountOfDayUsed(TooMany):
    code = "chain.amount_of_day_used"
    reason = "With this you would withdraw more than a user may in 24 hours."
    remedy = "Withdraw at most what `left` says, or wait."
    limit: AmountText
    left: AmountText


class NotToReview(Conflict):
    code = "chain.not_to_review"
    reason = "This withdrawal does not wait for a review."
    remedy = "See its `state`: it was reviewed, cancelled, or needs none."
    state: WithdrawalState


class OwnWithdrawal(Forbidden):
    code = "chain.own_withdrawal"
    reason = "You cannot approve your own withdrawal."
    remedy = "Ask another admin."


class ApprovedAlready(Forbidden):
    code = "chain.approved_already"
    reason = "You have already approved this withdrawal: another admin has to approve it, too."
    remedy = "Ask another admin."
    first_approved_at: datetime | None


def require_not_own(
    withdrawal: Withdrawal, interested: Container[UserId | None], admin_id: UserId
) -> None:
    """Refuse an admin who would decide about their own tokens, or approve twice."""
    if admin_id in interested:
        raise OwnWithdrawal
    if withdrawal.first_approved_by == admin_id:
        raise ApprovedAlready(first_approved_at=withdrawal.first_approved_at)


def needs_second(
    withdrawal: Withdrawal, recent: MicroTokens, alone_up_to: MicroTokens | None
) -> bool:
    """Whether a second admin has to approve it: it is large, or with others of its day it is.

    `recent` is what its user requested in the last 24 hours. `alone_up_to` None: never.
    """
    if alone_up_to is None or withdrawal.first_approved_by is not None:
        return False
    return max(withdrawal.amount, recent) > alone_up_to


def require_fee(terms: WithdrawalTerms, max_fee: MicroTokens | None) -> None:
    """Refuse if the fee is now above what the user agreed to."""
    if max_fee is not None and terms.fee > max_fee:
        raise FeeRose(fee=money.render(terms.fee))


def require_amount(terms: WithdrawalTerms, vault: Vault, amount: MicroTokens) -> None:
    """Refuse an amount that is too small, or so large that it could never be paid."""
    if amount < terms.least:
        raise LessThanLeast(least=money.render(terms.least))
    most = MicroTokens(min(vault.daily_limit, terms.amount_a_day))
    if amount > most:  # Waiting would not help in either case.
        raise AboveVaultLimit(most=money.render(most))


def require_left(
    terms: WithdrawalTerms, recent: Recent, amount: MicroTokens, now: datetime
) -> None:
    """Refuse what exceeds the user's own limits of 24 hours."""
    wait = retry_after_seconds(recent, now)
    if recent.count >= terms.count_a_day:
        raise WithdrawalsOfDayUsed(limit=terms.count_a_day, retry_after_seconds=wait)
    left = amount_left(terms, recent)
    if amount > left:
        raise AmountOfDayUsed(
            limit=money.render(terms.amount_a_day),
            left=money.render(left),
            retry_after_seconds=wait,
        )


def retry_after_seconds(recent: Recent, now: datetime) -> int:
    """Return in how many seconds the first withdrawal of the last 24 hours is older than that."""
    first_at = recent.first_at or now
    return max(1, int((first_at + DAY - now).total_seconds()) + 1)


def amount_left(terms: WithdrawalTerms, recent: Recent) -> MicroTokens:
    return MicroTokens(max(0, terms.amount_a_day - recent.amount))


def needs_review(terms: WithdrawalTerms, recent: Recent, amount: MicroTokens) -> bool:
    """Whether an admin has to review it: it is large, or with others of its day it is."""
    return recent.amount + amount > terms.review_above


def waits_for_review(withdrawal: Withdrawal) -> bool:
    """Whether an admin still has to review it."""
    return (
        withdrawal.state is WithdrawalState.REQUESTED
        and withdrawal.needs_review
        and withdrawal.reviewed_at is None
    )


def may_go(withdrawal: Withdrawal) -> bool:
    """Whether it may be authorised: it is requested, and no review is missing."""
    return withdrawal.state is WithdrawalState.REQUESTED and not waits_for_review(withdrawal)


def may_go_again(withdrawal: Withdrawal) -> bool:
    """Whether it has a number and waits for another batch after one that did not pay it."""
    return withdrawal.state is WithdrawalState.AUTHORISED and withdrawal.batch_id is None


# The same as conditions in SQL, over the columns of `withdrawals`: a test compares each with its
# function over all that the columns can hold. `ended_at` is there for the index of open ones.
WAITS_FOR_REVIEW: Final = (
    "ended_at IS NULL AND state = 'requested' AND needs_review AND reviewed_at IS NULL"
)
MAY_GO: Final = (
    "ended_at IS NULL AND state = 'requested' AND (NOT needs_review OR reviewed_at IS NOT NULL)"
)
MAY_GO_AGAIN: Final = "ended_at IS NULL AND state = 'authorised' AND batch_id IS NULL"


def require_to_review(withdrawal: Withdrawal) -> None:
    if not waits_for_review(withdrawal):
        raise NotToReview(state=withdrawal.state)


def payout_account(withdrawal_id: WithdrawalId) -> str:
    """Name the ledger account of tokens on their way out."""
    return f"payout:{withdrawal_id}"


def paused_reason(vault: Vault | None, now: datetime) -> str | None:
    """Say why nothing is paid out now, in words for everybody; None if payouts go on."""
    if vault is None:
        return "This marketplace has no chain now."
    if vault.halted_at is not None:
        return "The chain changed what had been final: nothing moves until an operator looks."
    if vault.difference is not None:
        return "Chain and books differ: nothing is paid out until an operator looks."
    if vault.read_at is None or now - vault.read_at > QUIET_MAX:
        return "The chain was not read for a while."
    if vault.paying_error is not None:
        return "Nothing can be paid out just now: an operator sees why. What was asked for waits."
    return None


def upcoming(
    withdrawal: Withdrawal, terms: WithdrawalTerms, *, is_paused: bool
) -> list[tuple[str, datetime | None]]:
    """Return the next actions on a withdrawal, each with its time if that is known."""
    if waits_for_review(withdrawal):
        return [("review", None), ("authorise", None), ("pay", None)]
    if withdrawal.state is WithdrawalState.REQUESTED:
        since = withdrawal.reviewed_at or withdrawal.requested_at
        due = since + timedelta(seconds=terms.batch_seconds)
        return [("authorise", None if is_paused else due), ("pay", None)]
    if withdrawal.state is WithdrawalState.AUTHORISED:
        return [("pay", None)]
    return []
