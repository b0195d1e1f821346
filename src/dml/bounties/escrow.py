"""The money of a bounty: prizes and fees go into escrow, and all of it leaves again.

Every movement is keyed by its cause, so repeating a function here moves nothing twice. Each calls
the ledger once. A bounty with thousands of entrants is paid in chunks: the first in the
transaction that ends it, the rest by a process. The caller has locked the bounty's row. Who gets
the fees: docs/decisions/0014.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import case, false, update

from dml.bounties import rules
from dml.bounties.enrollments import queries as enrollment_queries, rules as enrollment_rules
from dml.bounties.enrollments.queries import Entry
from dml.bounties.models import Bounty, BountyState, Enrollment, EnrollmentState, Member
from dml.core.context import Context
from dml.core.ids import EnrollmentId, UserId
from dml.core.money import MicroTokens
from dml.payments import queries as payment_queries, service as payments
from dml.payments.debit_limits import service as debit_limits
from dml.payments.models import Movement, TransferCode
from dml.payments.rules import wallet

WINNERS_AT_ONCE: Final = 500  # With five members each at most.
FEES_AT_ONCE: Final = 1_000


async def fund(ctx: Context, bounty: Bounty) -> None:
    """Move the whole prize pool from its owner into escrow, or refuse and move nothing."""
    await debit_limits.require_within(ctx, bounty.owner_id, bounty.prize_pool)
    await payments.open_reserve(ctx, bounty.escrow, bounty.owner_id)
    await payments.transfer(
        ctx,
        code=TransferCode.BOUNTY_ESCROW,
        reference=bounty.reference,
        source=wallet(bounty.owner_id),
        target=bounty.escrow,
        amount=bounty.prize_pool,
    )


async def take_fee(ctx: Context, bounty: Bounty, enrollment: Enrollment) -> None:
    """Move the enrollment fee from the captain into escrow, where there is one."""
    if enrollment.fee > 0:
        await debit_limits.require_within(ctx, enrollment.captain_id, enrollment.fee)
        await payments.transfer(
            ctx,
            code=TransferCode.ENROLLMENT_FEE,
            reference=enrollment.reference,
            source=wallet(enrollment.captain_id),
            target=bounty.fees_escrow,
            amount=enrollment.fee,
        )


async def return_fee(ctx: Context, bounty: Bounty, enrollment: Enrollment) -> None:
    """Give the fee back to the captain of an entrant that withdraws."""
    if enrollment.fee > 0:
        await payments.transfer_many(ctx, [_fee_back(bounty, enrollment)])
        enrollment.fee_returned_at = ctx.now


async def pay_out(ctx: Context, bounty: Bounty) -> int:
    """Pay what was won, and give back what nobody won. Return how many entrants won.

    The owner gets the fees if anything was won; else those who were not disqualified get theirs
    back. What did not fit into this transaction is left to `pay_prizes` and `return_fees`.
    """
    held = await payment_queries.get_account_balance(ctx.tx, bounty.escrow)
    assert held == bounty.prize_pool, f"{bounty.escrow} holds {held}, not {bounty.prize_pool}"
    won = await enrollment_queries.get_prizes(ctx.tx, bounty.id)
    assert won.sum <= held, f"{bounty.reference} has prizes of {won.sum}, and holds {held}"
    await _end_entrants(ctx, bounty)

    movements = _back_to_owner(bounty, MicroTokens(held - won.sum))
    if won.winners:
        winners = await enrollment_queries.list_winners(
            ctx.tx, bounty.id, after=None, limit=WINNERS_AT_ONCE
        )
        movements += [it for entry in winners for it in _prizes(bounty, entry)]
        fees = await payment_queries.get_account_balance(ctx.tx, bounty.fees_escrow)
    else:
        movements += await _return_fees(ctx, bounty, [EnrollmentState.NOT_PLACED])
        fees = await enrollment_queries.sum_unreturned(
            ctx.tx, bounty.id, EnrollmentState.DISQUALIFIED
        )
    await payments.transfer_many(ctx, movements + _fees_to_owner(bounty, fees))
    return won.winners


async def refund(ctx: Context, bounty: Bounty) -> None:
    """Give the prizes back to the owner, and all fees to those who paid them.

    What did not fit into this transaction is left to `return_fees`. A draft holds nothing.
    """
    if bounty.funded_at is None:
        return
    held = await payment_queries.get_account_balance(ctx.tx, bounty.escrow)
    assert held == bounty.prize_pool, f"{bounty.escrow} holds {held}, not {bounty.prize_pool}"
    movements = _back_to_owner(bounty, held)
    movements += await _return_fees(ctx, bounty, list(EnrollmentState))
    await payments.transfer_many(ctx, movements)
    await _end_entrants(ctx, bounty)


async def pay_prizes(
    ctx: Context, bounty: Bounty, after: EnrollmentId | None
) -> EnrollmentId | None:
    """Pay the next winners of an ended bounty. Return the last of them; None if all are paid."""
    assert bounty.state in rules.ENDED
    winners = await enrollment_queries.list_winners(
        ctx.tx, bounty.id, after=after, limit=WINNERS_AT_ONCE
    )
    if not winners:
        return None
    await payments.transfer_many(ctx, [it for entry in winners for it in _prizes(bounty, entry)])
    return winners[-1].enrollment.id


async def return_fees(ctx: Context, bounty: Bounty) -> int:
    """Give back the next fees of a bounty that ended and owes them. Return how many."""
    if bounty.state is BountyState.CANCELLED:
        states = list(EnrollmentState)
    else:
        assert bounty.state is BountyState.FINISHED
        if (await enrollment_queries.get_prizes(ctx.tx, bounty.id)).winners:
            return 0
        states = [EnrollmentState.NOT_PLACED]
    movements = await _return_fees(ctx, bounty, states)
    if movements:
        await payments.transfer_many(ctx, movements)
    return len(movements)


async def _return_fees(
    ctx: Context, bounty: Bounty, states: Sequence[EnrollmentState]
) -> list[Movement]:
    """Note that the next fees go back, and return the movements that do so."""
    entrants = await enrollment_queries.lock_unreturned(ctx.tx, bounty, states, limit=FEES_AT_ONCE)
    for enrollment in entrants:
        enrollment.fee_returned_at = ctx.now
    return [_fee_back(bounty, it) for it in entrants]


async def _end_entrants(ctx: Context, bounty: Bounty) -> None:
    """Set the final state of all who still compete: winner, or not placed."""
    await ctx.tx.flush()
    wins = Enrollment.prize > 0 if bounty.state is BountyState.FINISHED else false()
    ended = case((wins, EnrollmentState.WINNER), else_=EnrollmentState.NOT_PLACED)
    ends = EnrollmentState.WINNER, EnrollmentState.NOT_PLACED
    moves = [(EnrollmentState.ENROLLED, to) for to in ends]
    await ctx.tx.execute(
        update(Enrollment)
        .where(Enrollment.bounty_id == bounty.id, Enrollment.competes)
        .values(state=enrollment_rules.ENROLLMENT_MOVES.writes(ended, *moves))
        .execution_options(synchronize_session=False)
    )


def _prizes(bounty: Bounty, entry: Entry) -> list[Movement]:
    enrollment = entry.enrollment
    assert enrollment.prize is not None
    shares = enrollment_rules.shares_of(
        enrollment.prize, enrollment.captain_id, _shares(entry.members)
    )
    return [
        Movement(TransferCode.PRIZE, enrollment.reference, bounty.escrow, wallet(user_id), amount)
        for user_id, amount in shares.items()
    ]


def _shares(members: Sequence[Member]) -> list[tuple[UserId, int]]:
    return [(it.user_id, it.share_bps) for it in members]


def _fee_back(bounty: Bounty, enrollment: Enrollment) -> Movement:
    return Movement(
        TransferCode.BOUNTY_REFUND,
        enrollment.reference,
        bounty.fees_escrow,
        wallet(enrollment.captain_id),
        enrollment.fee,
    )


def _back_to_owner(bounty: Bounty, amount: MicroTokens) -> list[Movement]:
    if amount == 0:
        return []
    target = wallet(bounty.owner_id)
    return [Movement(TransferCode.BOUNTY_REFUND, bounty.reference, bounty.escrow, target, amount)]


def _fees_to_owner(bounty: Bounty, amount: MicroTokens) -> list[Movement]:
    if amount == 0:
        return []
    target = wallet(bounty.owner_id)
    return [
        Movement(TransferCode.ENROLLMENT_FEE, bounty.reference, bounty.fees_escrow, target, amount)
    ]
