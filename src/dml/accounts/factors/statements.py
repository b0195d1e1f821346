"""Writes of second factors that two requests may try at once: one statement each."""

from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.factors import rules
from dml.accounts.factors.models import RecoveryCode, SignInTicket, TotpFactor
from dml.core.ids import UserId


async def take_step(tx: AsyncSession, user_id: UserId, step: int) -> bool:
    """Take the code of a step, once; none that is as old as one that was taken.

    Whoever comes at the same moment waits for this one, and then finds its step.
    """
    fresh = TotpFactor.user_id == user_id, TotpFactor.last_step < step
    taken = update(TotpFactor).where(*fresh).values(last_step=step, wrong_in_a_row=0)
    return await tx.scalar(taken.returning(TotpFactor.user_id)) is not None


async def count_wrong(tx: AsyncSession, user_id: UserId) -> None:
    """Count a wrong code."""
    more = TotpFactor.wrong_in_a_row + 1
    await tx.execute(
        update(TotpFactor).where(TotpFactor.user_id == user_id).values(wrong_in_a_row=more)
    )


async def forgive_wrong(tx: AsyncSession, user_id: UserId) -> None:
    """Forget wrong codes: whoever guessed them cannot any more, or was the user."""
    await tx.execute(
        update(TotpFactor).where(TotpFactor.user_id == user_id).values(wrong_in_a_row=0)
    )


async def forget(tx: AsyncSession, user_id: UserId) -> bool:
    """Delete an account's app, and the recovery codes with it. Return whether it had one."""
    confirmed = TotpFactor.user_id == user_id, TotpFactor.confirmed_at.is_not(None)
    gone = await tx.execute(delete(TotpFactor).where(*confirmed).returning(TotpFactor.user_id))
    if gone.first() is None:
        return False
    await tx.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    return True


async def use_recovery_code(
    tx: AsyncSession, user_id: UserId, sha256: bytes, now: datetime
) -> bool:
    """Use a recovery code up, if it is there and was not used."""
    unused = (
        RecoveryCode.user_id == user_id,
        RecoveryCode.sha256 == sha256,
        RecoveryCode.used_at.is_(None),
    )
    used = update(RecoveryCode).where(*unused).values(used_at=now)
    return await tx.scalar(used.returning(RecoveryCode.user_id)) is not None


async def try_ticket(tx: AsyncSession, sha256: bytes) -> int | None:
    """Count a try with a ticket, and return how many there were; None where no more are left."""
    left = SignInTicket.sha256 == sha256, SignInTicket.tries < rules.TICKET_TRIES
    tried = update(SignInTicket).where(*left).values(tries=SignInTicket.tries + 1)
    tries: int | None = await tx.scalar(tried.returning(SignInTicket.tries))
    return tries


async def use_ticket(tx: AsyncSession, sha256: bytes, now: datetime) -> bool:
    """Use a ticket up, once."""
    unused = SignInTicket.sha256 == sha256, SignInTicket.used_at.is_(None)
    used = update(SignInTicket).where(*unused).values(used_at=now)
    return await tx.scalar(used.returning(SignInTicket.user_id)) is not None
