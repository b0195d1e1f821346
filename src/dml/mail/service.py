"""The use case of mail: have one sent. Workers do the rest (`claiming`, `delivering`)."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.context import Context
from dml.core.ids import MailId, new_id
from dml.core.sealing import Opener, Seal
from dml.core.settings import Settings
from dml.mail import rules
from dml.mail.models import Mail
from dml.mail.shelf import Shelf
from dml.mail.states import MailState


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says. `kind` is its name in tables and logs: a word, and never a secret."""

    kind: str
    subject: str
    text: str


def _purpose(mail_id: MailId) -> str:
    """Say what a mail is sealed for."""
    return f"mail:{mail_id}"


def is_possible(settings: Settings) -> bool:
    """Whether mail leaves here, or is at least shown to who develops."""
    return settings.smtp_host is not None or Shelf.is_used(settings)


def open_letter(opener: Opener, mail: Mail) -> Letter:
    """Read what a mail says. NotSealedForUs where it was sealed under another key."""
    assert mail.sealed is not None, "it waits"
    subject, text = json.loads(opener.open(mail.sealed, _purpose(mail.id)))
    return Letter(mail.kind, subject, text)


async def post(ctx: Context, seal: Seal, recipient: str, letter: Letter) -> None:
    """Have a letter sent once this transaction commits.

    Before what anybody can ask for, ask `has_room`: so no stranger floods anybody through us.
    """
    rules.envelope_address(recipient)
    mail_id = MailId(new_id())
    content = json.dumps([letter.subject, letter.text]).encode()
    row = {
        "id": mail_id,
        "kind": letter.kind,
        "recipient": recipient,
        "state": MailState.WAITING,
        "created_at": ctx.now,
        "expires_at": ctx.now + rules.USEFUL,
        "sealed": seal.seal(content, _purpose(mail_id)),
        "due_at": ctx.now,
        "attempts": 0,
    }
    await ctx.tx.execute(insert(Mail).values(row))


async def has_room(ctx: Context, recipient: str, kind: str, *, most: int) -> bool:
    """Whether this address had less than `most` mails of a kind in the last hour: see `recent`."""
    return await recent(ctx, recipient, kind) < most


async def recent(ctx: Context, recipient: str, kind: str) -> int:
    """Return how many mails of a kind this address had in the last hour.

    Who asks the same at once waits until this transaction ends.
    """
    lock = func.pg_advisory_xact_lock(func.hashtextextended(f"mail:{recipient}", 0))
    await ctx.tx.execute(select(lock))
    found = select(func.count()).where(
        Mail.recipient == recipient,
        Mail.kind == kind,
        Mail.created_at > ctx.now - timedelta(hours=1),
    )
    return await ctx.tx.scalar(found) or 0


async def forget_old(tx: AsyncSession, now: datetime) -> None:
    """Delete the rows of mails that are no longer kept."""
    await tx.execute(delete(Mail).where(Mail.created_at < now - rules.KEPT))
