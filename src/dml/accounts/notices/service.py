"""The use case of notices: write one, from what the log has of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from dml.accounts import queries
from dml.accounts.models import Session
from dml.accounts.notices import letters
from dml.accounts.notices.kinds import Notice, Said
from dml.accounts.notices.letters import Circumstances
from dml.accounts.recovery.service import Post
from dml.core import event_log
from dml.core.context import Context
from dml.core.ids import SessionId, UserId
from dml.mail import service as mail

BY_TOKEN = "one of your personal access tokens"


@dataclass(frozen=True, slots=True)
class Happened:
    """Where the log has it, whom it is told, and by what it was done: ids and no more, as the
    arguments of a process outlive an erasure.
    """

    type: str
    subject: str
    at: datetime
    user_id: UUID
    session_id: UUID | None
    is_by_token: bool


async def write(ctx: Context, post: Post, notice: Notice, happened: Happened) -> None:
    """Mail a user what happened, if they have proven that their address is theirs.

    An address gets a few of one kind in an hour, of which the last one says so: whoever is let in
    cannot flood it.
    """
    user = await queries.get_user_or_erased(ctx.tx, UserId(happened.user_id))
    email, most = user.email, post.settings.mails_an_hour
    if email is None or user.email_verified_at is None or not mail.is_possible(post.settings):
        return
    rows = await event_log.find(ctx.tx, happened.subject, happened.type, happened.at)
    said: list[dict[str, Any]] = [
        {"reason": it.reason, **it.body, **(it.facts or {})} for it in rows
    ]
    sent = await mail.recent(ctx, email, notice.kind)
    if not said or sent >= most:
        return
    found = Circumstances(
        at=happened.at,
        origin=await _origin(ctx, happened, said[0]),
        public_url=post.settings.public_url,
        is_last=sent + 1 == most,
    )
    sentences = [notice.says(it) for it in said]
    await mail.post(ctx, post.seal, email, letters.written(notice, sentences, found))


async def _origin(ctx: Context, happened: Happened, said: Said) -> str | None:
    """Say from where it was done: what the event itself says, else the session that did it."""
    told = said.get("device"), said.get("network")
    if not any(told) and happened.session_id is not None:
        session = await ctx.tx.get(Session, SessionId(happened.session_id))
        told = (None, None) if session is None else (session.device, session.network)
    if happened.is_by_token:
        return BY_TOKEN
    return ", ".join(it for it in told if it) or None
