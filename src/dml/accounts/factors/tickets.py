"""Tickets: what somebody gets who has proven one of two factors."""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.factors import queries, rules, statements
from dml.accounts.factors.models import SignInTicket
from dml.core.context import Context
from dml.core.ids import UserId


def digest(ticket: str) -> bytes:
    """Return what is kept of a ticket."""
    return hashlib.sha256(ticket.encode()).digest()


async def require_no_more(ctx: Context, user_id: UserId) -> None:
    """Refuse to open a session for who has a second factor, and give them a ticket instead."""
    if not await queries.has_factor(ctx.tx, user_id):
        return
    ticket = secrets.token_urlsafe(32)
    ctx.tx.add(
        SignInTicket(
            sha256=digest(ticket),
            user_id=user_id,
            created_at=ctx.now,
            expires_at=ctx.now + rules.TICKET_LASTS,
        )
    )
    await ctx.tx.flush()
    seconds = int(rules.TICKET_LASTS.total_seconds())
    raise rules.SecondFactorNeeded(ticket=ticket, expires_in_seconds=seconds)


async def get_holder(ctx: Context, ticket: str) -> UserId:
    """Return whose ticket it is, if it is good."""
    found = await queries.find_ticket(ctx.tx, digest(ticket), ctx.now)
    if found is None:
        raise rules.TicketOver
    return found.user_id


async def count_try(ctx: Context, ticket: str) -> int:
    """Count a try with a ticket. Return how many there were, of `rules.TICKET_TRIES`."""
    tries = await statements.try_ticket(ctx.tx, digest(ticket))
    if tries is None:
        raise rules.TicketOver
    return tries


async def use(ctx: Context, ticket: str) -> None:
    """Use a ticket up: of two who come at once, one does."""
    if not await statements.use_ticket(ctx.tx, digest(ticket), ctx.now):
        raise rules.TicketOver


async def forget_expired(tx: AsyncSession, now: datetime) -> None:
    """Delete tickets that are over."""
    await tx.execute(delete(SignInTicket).where(SignInTicket.expires_at <= now))
