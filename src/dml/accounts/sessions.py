"""The use cases of sessions: open, refresh, end, and tell who holds an access token.

An answer to a refresh can be lost, and two tabs can refresh at once: for a grace of seconds the
used token gives its successor again, the very same one, so that a session never has two lines of
tokens. A thief who is as quick thus holds what the owner holds, and whichever of both refreshes
second, after the grace or after a later token was used, ends the session for both, as ever.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import passwords, queries, rules, statements
from dml.accounts.models import RefreshToken, Session, User
from dml.accounts.passwords import Asker
from dml.core import base64url
from dml.core.context import Actor, BeginFunction, Context
from dml.core.errors import NotSignedIn
from dml.core.ids import SessionId, UserId, new_id
from dml.core.tokens import BadToken, Keys
from dml.edge.http import Parts
from dml.edge.limits import guess

AUDIENCE: Final = "users"
FREE_GUESSES: Final = 5  # Of one account, from wherever its owner never came from.
FREE_GUESSES_KNOWN: Final = 20  # From each network that its owner came from.


@dataclass(frozen=True, slots=True)
class Opened:
    """A session, and the only copy of the secret that refreshes it."""

    session: Session
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Proven:
    """Who gave the right password, from where, and the better hash of it, where there is one."""

    user: User
    network: str
    better_hash: str | None


async def check_password(
    server: Parts, begin: BeginFunction, email: str, password: str, network: str
) -> Proven:
    """Tell whose password this is, or refuse. No transaction is open while it is hashed.

    Guesses are counted by account, whether there is one or not. Those from networks that the owner
    came from before are counted apart, for each: so no stranger elsewhere keeps the owner out.
    """
    email = email.lower()
    async with begin() as ctx:
        found = await queries.find_credentials(ctx.tx, email, digest(network))
    user, is_known = found or (None, False)
    whose = f"{user.id}:{network}" if user is not None and is_known else digest(email).hex()
    asker = Asker(whose if is_known else network, is_known)
    async with guess(server, whose, free=FREE_GUESSES_KNOWN if is_known else FREE_GUESSES):
        checked = await passwords.check(password, user.password_hash if user else None, asker)
        if user is None or not checked.is_right:
            raise rules.WrongCredentials
    return Proven(user, network, checked.better_hash)


async def sign_in(ctx: Context, proven: Proven, *, days: int) -> Opened:
    """Open a session of who gave the right password, and know the network from now on."""
    user = proven.user
    await know_network(ctx, user.id, proven.network)
    if proven.better_hash is not None:
        await statements.improve_hash(
            ctx.tx, user.id, old=user.password_hash, new=proven.better_hash
        )
    return await open_session(ctx, user.id, days=days)


async def know_network(ctx: Context, user_id: UserId, network: str) -> None:
    """Note that an account's owner came from this network."""
    await statements.know_network(ctx.tx, user_id, digest(network), ctx.now)


async def open_session(ctx: Context, user_id: UserId, *, days: int) -> Opened:
    """Sign a user in, whose password was checked."""
    session = Session(
        id=SessionId(new_id()),
        user_id=user_id,
        created_at=ctx.now,
        expires_at=ctx.now + timedelta(days=days),
    )
    ctx.tx.add(session)
    await ctx.tx.flush()
    return Opened(session, _add_refresh_token(ctx, session, secrets.token_urlsafe(32)))


async def refresh(ctx: Context, refresh_token: str, *, days: int, grace_seconds: int) -> Opened:
    """Exchange a refresh token for the next one, the same one each time within the grace.

    One that was used before that, or before its successor was, ends its session.
    """
    found = await queries.find_session(ctx.tx, digest(refresh_token), lock=True)
    if found is None:
        raise rules.BadRefreshToken
    session, token = found
    rules.require_live(session, ctx.now)
    if rules.is_repeated(token, ctx.now, grace_seconds):
        assert token.successor_salt is not None
        return Opened(session, _successor(refresh_token, token.successor_salt))
    if rules.is_reused(token):
        _end(session, ctx.now, "refresh token reused")
        raise rules.RefreshTokenReused
    await statements.forget_salts(ctx.tx, session.id)
    token.used_at, token.successor_salt = ctx.now, secrets.token_bytes(32)
    session.expires_at = ctx.now + timedelta(days=days)
    following = _successor(refresh_token, token.successor_salt)
    return Opened(session, _add_refresh_token(ctx, session, following))


async def log_out(ctx: Context, refresh_token: str) -> None:
    """End the session of this refresh token. If it has ended, or is unknown, all is well too."""
    found = await queries.find_session(ctx.tx, digest(refresh_token), lock=True)
    if found is not None:
        _end(found[0], ctx.now, "logged out")


def access_token(keys: Keys, session: Session, now: datetime, *, seconds: int) -> str:
    """Sign a token that `authenticate` will know."""
    return keys.sign(
        audience=AUDIENCE, now=now, seconds=seconds, sub=str(session.user_id), sid=str(session.id)
    )


async def authenticate(
    tx: AsyncSession, keys: Keys, token: str, now: datetime, *, at: datetime | None = None
) -> Actor:
    """Tell who holds this access token. A session that ended, or a changed role, counts at once.

    An upload outlasts a token: that has to be good `at` its beginning, and the session `now`.
    """
    try:
        claims = keys.verify(token, audience=AUDIENCE, now=at or now)
        user_id, session_id = UserId(UUID(claims["sub"])), SessionId(UUID(claims["sid"]))
    except (BadToken, KeyError, ValueError):
        raise NotSignedIn from None
    role = await queries.find_role(tx, session_id, user_id, now)
    if role is None:
        raise NotSignedIn
    return Actor(user_id, role)


async def forget_expired(tx: AsyncSession, now: datetime) -> None:
    """Delete sessions that ended or expired a month ago, with their refresh tokens; and networks
    that are known no more.
    """
    await statements.forget_networks(tx, now)
    old = Session.expires_at < now - timedelta(days=30)
    await tx.execute(delete(RefreshToken).where(RefreshToken.session_id == Session.id, old))
    await tx.execute(delete(Session).where(old))


def _add_refresh_token(ctx: Context, session: Session, secret: str) -> str:
    ctx.tx.add(RefreshToken(sha256=digest(secret), session_id=session.id, created_at=ctx.now))
    return secret


def _successor(refresh_token: str, salt: bytes) -> str:
    """Return what this token is exchanged for. Who has read the database alone cannot tell it."""
    made = hmac.digest(salt, refresh_token.encode(), "sha256")
    return base64url.encode(made)


def digest(secret: str) -> bytes:
    """Return what is kept of a refresh token, or of where somebody came from."""
    return hashlib.sha256(secret.encode()).digest()


def _end(session: Session, now: datetime, reason: str) -> None:
    if session.ended_at is None:
        session.ended_at, session.end_reason = now, reason
