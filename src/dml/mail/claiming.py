"""Taking mails that are due, and noting how it went.

A mail that is taken has a lease: `due_at` is when it ends, so what a killed worker had in hand is
due again by itself, and no other worker attempts it before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from dml.core.context import Context
from dml.core.ids import LeaseId, MailId, new_id
from dml.mail import rules
from dml.mail.models import Mail
from dml.mail.states import MailState

TOO_LATE = "It could not be sent for so long that it is of no use any more."


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt went. No error: it was taken. `is_final`: another would be refused, too."""

    at: datetime
    error: str | None = None
    is_final: bool = False


async def take(ctx: Context, *, most: int) -> Sequence[Mail]:
    """Take at most so many mails that are due. What is of no use any more is given up."""
    query = select(Mail).where(Mail.state == MailState.WAITING, Mail.due_at <= ctx.now)
    rows = await ctx.tx.scalars(
        query.order_by(Mail.due_at).limit(most).with_for_update(skip_locked=True)
    )
    lease, taken = LeaseId(new_id()), []
    for mail in rows.all():
        if mail.expires_at <= ctx.now:
            error = TOO_LATE if mail.error is None else f"{TOO_LATE} {mail.error}"
            _end(mail, MailState.FAILED, Attempt(ctx.now, error[: rules.ERROR_MAX]))
        else:
            mail.due_at, mail.lease_id = ctx.now + rules.LEASE, lease
            taken.append(mail)
    await ctx.tx.flush()
    return taken


async def note(
    ctx: Context, mail_id: MailId, lease_id: LeaseId, attempt: Attempt, draw: float
) -> bool:
    """Note how it went. False if another worker has taken it meanwhile.

    `draw` is a random number from 0 to 1, by which attempts spread.
    """
    mail = await ctx.tx.get(Mail, mail_id, with_for_update=True, populate_existing=True)
    if mail is None or mail.lease_id != lease_id:
        return False
    mail.attempts += 1
    if attempt.error is None:
        _end(mail, MailState.SENT, attempt)
    elif attempt.is_final:
        _end(mail, MailState.FAILED, attempt)
    else:
        mail.error, mail.lease_id = attempt.error, None
        mail.due_at = attempt.at + rules.delay_after(mail.attempts, draw)
    await ctx.tx.flush()
    return True


def _end(mail: Mail, to: MailState, attempt: Attempt) -> None:
    """End a mail, and forget what it said."""
    rules.MOVES.move(mail, to)
    mail.sealed = mail.due_at = mail.lease_id = None
    mail.ended_at, mail.error = attempt.at, attempt.error
