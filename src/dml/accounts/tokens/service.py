"""The use cases of personal access tokens, and who holds one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import queries as account_queries
from dml.accounts.events import TokenCreated, TokenRevoked
from dml.accounts.tokens import queries, rules, uses
from dml.accounts.tokens.models import PersonalToken
from dml.core import events
from dml.core.context import Actor, Context
from dml.core.errors import NotSignedIn
from dml.core.events import Record
from dml.core.ids import TokenId, UserId, new_id


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token, and the only copy of its secret."""

    token: PersonalToken
    secret: str


async def create(ctx: Context, *, name: str, scopes: Sequence[str], days: int) -> NewToken:
    """Make a token of the actor's, good for so many days."""
    # Two at once wait for each other here, so that both are counted.
    user = await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    rules.require_room(await queries.count_tokens(ctx.tx, user.id, ctx.now))
    secret = rules.make_secret()
    token = PersonalToken(
        id=TokenId(new_id()),
        user_id=user.id,
        sha256=_digest(secret),
        name=name,
        scopes=sorted(scopes),
        created_at=ctx.now,
        expires_at=ctx.now + timedelta(days=days),
    )
    ctx.tx.add(token)
    created = TokenCreated(token.id, name, token.scopes, token.expires_at)
    await events.record(ctx, created, [events.user(user.id)])
    return NewToken(token, secret)


async def revoke(ctx: Context, token_id: TokenId) -> None:
    """Revoke a token of the actor's: it stops working at once."""
    token = await queries.lock_token(ctx.tx, ctx.actor.id, token_id)
    if token is None:
        raise rules.TokenNotFound
    await _revoke(ctx, [token], "revoked by its user")


async def revoke_all(ctx: Context, user_id: UserId, reason: str) -> None:
    """Revoke all tokens of a user."""
    await _revoke(ctx, await queries.lock_tokens(ctx.tx, user_id), reason)


async def authenticate(
    tx: AsyncSession, token: str, now: datetime, *, at: datetime | None = None
) -> Actor:
    """Tell who holds this token, and what it may do. What its user may do counts as of now."""
    holder = None
    if rules.is_well_formed(token):
        holder = await queries.find_holder(tx, _digest(token))
    if holder is None or holder.expires_at <= (at or now):
        raise NotSignedIn
    uses.note(holder.id, holder.last_used_at, now)
    return Actor(holder.user_id, holder.role, scopes=frozenset(holder.scopes))


async def forget_expired(tx: AsyncSession, now: datetime) -> None:
    """Delete tokens that expired a month ago."""
    old = PersonalToken.expires_at < now - timedelta(days=30)
    await tx.execute(delete(PersonalToken).where(old))


async def _revoke(ctx: Context, held: Sequence[PersonalToken], reason: str) -> None:
    for it in held:
        await ctx.tx.delete(it)
    records = [
        Record(TokenRevoked(it.id, it.name), [events.user(it.user_id)], reason=reason)
        for it in held
    ]
    await events.record_many(ctx, records)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
