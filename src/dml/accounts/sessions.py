"""The use cases of sessions: open, refresh, end, and tell who holds an access token.

An answer to a refresh can be lost, and two tabs can refresh at once: for a grace of seconds the
used token gives its successor again, the very same one, so that a session never has two lines of
tokens. A thief who is as quick thus holds what the owner holds, and whichever of both refreshes
second, after the grace or after a later token was used, ends the session for both, as ever.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import passwords, queries, rules, statements
from dml.accounts.events import SessionCreated, SessionEnded
from dml.accounts.factors import tickets
from dml.accounts.models import RefreshToken, Session, User
from dml.accounts.origins import Origin
from dml.accounts.passwords import Asker
from dml.accounts.roles import Roles
from dml.accounts.tokens import service as personal_tokens
from dml.accounts.tokens.rules import PREFIX
from dml.core import base64url, events
from dml.core.addresses import UNKNOWN
from dml.core.context import Actor, Context
from dml.core.errors import NotSignedIn
from dml.core.events import Record
from dml.core.ids import SessionId, UserId, new_id
from dml.core.settings import Settings
from dml.core.tokens import BadToken, Keys
from dml.edge.http import Parts, read
from dml.edge.limits import guess

AUDIENCE: Final = "users"
SOMEWHERE: Final = Origin()
FREE_GUESSES: Final = 5  # Of one account, from wherever its owner never came from.
FREE_GUESSES_KNOWN: Final = 20  # From each network that its owner came from.


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long sessions last: without a refresh, in all, and how long a refresh can be repeated."""

    days: int
    days_in_all: int
    grace_seconds: int

    @classmethod
    def of(cls, settings: Settings) -> "Lasting":
        return cls(
            days=settings.session_days,
            days_in_all=settings.session_days_in_all,
            grace_seconds=settings.refresh_grace_seconds,
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """A session, and the only copy of the secret that refreshes it."""

    session: Session
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Proven:
    """Who gave the right password, from where, and the better hash of it, where there is one; or
    who came by another way, which may have proven two things at once, as a passkey does.
    """

    user: User
    origin: Origin
    is_known_network: bool
    better_hash: str | None = None
    is_proven_twice: bool = False


async def check_password(server: Parts, email: str, password: str, origin: Origin) -> Proven:
    """Tell whose password this is, or refuse. No transaction is open while it is hashed.

    Guesses are counted by account, whether there is one or not. Those from networks that the owner
    came from before are counted apart, for each: so no stranger elsewhere keeps the owner out.
    """
    email, network = email.lower(), origin.network or UNKNOWN
    async with read(server, None) as ctx:
        found = await queries.find_credentials(ctx.tx, email, digest(network))
    user, password_hash, is_known = found or (None, None, False)
    whose = f"{user.id}:{network}" if user is not None and is_known else digest(email).hex()
    asker = Asker(whose if is_known else network, is_known)
    async with guess(server, whose, free=FREE_GUESSES_KNOWN if is_known else FREE_GUESSES):
        checked = await passwords.check(password, password_hash, asker)
        if user is None or not checked.is_right:
            raise rules.WrongCredentials
    return Proven(user, origin, is_known, checked.better_hash)


async def sign_in(ctx: Context, proven: Proven, lasting: Lasting) -> Opened:
    """Open a session of who gave the right password, and know the network from now on.

    Who has a second factor gets a ticket instead, and their network is known once they used it.
    """
    user = proven.user
    if proven.better_hash is not None:
        await statements.improve_hash(
            ctx.tx, user.id, old=user.password_hash, new=proven.better_hash
        )
    opened = await open_session(
        replace(ctx, actor=Actor(user.id, user.role)),
        user.id,
        days=min(lasting.days, lasting.days_in_all),
        origin=proven.origin,
        is_new_network=not proven.is_known_network,
        is_proven_twice=proven.is_proven_twice,
    )
    await know_network(ctx, user.id, proven.origin.network or UNKNOWN)
    return opened


async def know_network(ctx: Context, user_id: UserId, network: str) -> None:
    """Note that an account's owner came from this network."""
    await statements.know_network(ctx.tx, user_id, digest(network), ctx.now)


async def open_session(
    ctx: Context,
    user_id: UserId,
    *,
    days: int,
    origin: Origin = SOMEWHERE,
    is_new_network: bool = False,
    is_proven_twice: bool = False,
) -> Opened:
    """Sign in a user who has proven who they are; or say why they are suspended.

    Whoever has a second factor and has not proven that, too, is refused with a ticket, whatever
    the first one was (docs/decisions/0049).

    Holds the user's row: who suspends them ends this session, too, or comes first.
    """
    user = await queries.get_user(ctx.tx, user_id, lock=True)
    rules.require_admitted(user)
    if not is_proven_twice:
        await tickets.require_no_more(ctx, user_id)
    is_new_device = not await queries.has_had_device(ctx.tx, user_id, origin.device)
    is_young = rules.is_young(user.created_at, ctx.now)
    is_first = is_young and not await queries.has_had_session(ctx.tx, user_id)
    session = Session(
        id=SessionId(new_id()),
        user_id=user_id,
        created_at=ctx.now,
        expires_at=ctx.now + timedelta(days=days),
        last_used_at=ctx.now,
        network=origin.network,
        device=origin.device,
    )
    ctx.tx.add(session)
    await ctx.tx.flush()
    opened = SessionCreated(
        session.id, origin.device, origin.network, is_new_device, is_new_network, is_first
    )
    await events.record(ctx, opened, [events.user(user_id)])
    return Opened(session, _add_refresh_token(ctx, session, secrets.token_urlsafe(32)))


async def refresh(
    ctx: Context, refresh_token: str, lasting: Lasting, origin: Origin = SOMEWHERE
) -> Opened:
    """Exchange a refresh token for the next one, the same one each time within the grace.

    One that was used before that, or before its successor was, ends its session.
    """
    found = await queries.find_session(ctx.tx, digest(refresh_token), lock=True)
    if found is None:
        raise rules.BadRefreshToken
    session, token = found
    rules.require_live(session, ctx.now)
    if rules.is_repeated(token, ctx.now, lasting.grace_seconds):
        assert token.successor_salt is not None
        return Opened(session, _successor(refresh_token, token.successor_salt))
    if rules.is_reused(token):
        await _end(ctx, [session], "refresh token reused")
        raise rules.RefreshTokenReused
    await statements.forget_salts(ctx.tx, session.id)
    token.used_at, token.successor_salt = ctx.now, secrets.token_bytes(32)
    session.expires_at = rules.expiry(
        session.created_at, ctx.now, days=lasting.days, days_in_all=lasting.days_in_all
    )
    session.last_used_at, session.network, session.device = ctx.now, origin.network, origin.device
    following = _successor(refresh_token, token.successor_salt)
    return Opened(session, _add_refresh_token(ctx, session, following))


async def log_out(ctx: Context, refresh_token: str) -> None:
    """End the session of this refresh token. If it has ended, or is unknown, all is well too."""
    found = await queries.find_session(ctx.tx, digest(refresh_token), lock=True)
    if found is not None:
        await _end(ctx, [found[0]], "logged out")


async def end(ctx: Context, session_id: SessionId) -> None:
    """End a session of the actor's: its access tokens stop working at once."""
    session = await queries.lock_live_session(ctx.tx, ctx.actor.id, session_id, ctx.now)
    if session is None:
        raise rules.SessionNotFound
    await _end(ctx, [session], "ended by its user")


async def end_others(ctx: Context) -> None:
    """End all of the actor's sessions but the one that asks, if it is one that asks."""
    await end_all(ctx, ctx.actor.id, "ended by its user", but=ctx.actor.session_id)


async def end_all(
    ctx: Context, user_id: UserId, reason: str, *, but: SessionId | None = None
) -> None:
    """End a user's live sessions, but for one."""
    live = await queries.lock_live_sessions(ctx.tx, user_id, ctx.now)
    await _end(ctx, [it for it in live if it.id != but], reason)


def access_token(keys: Keys, session: Session, now: datetime, *, seconds: int) -> str:
    """Sign a token that `authenticate` will know."""
    return keys.sign(
        audience=AUDIENCE, now=now, seconds=seconds, sub=str(session.user_id), sid=str(session.id)
    )


async def authenticate(
    tx: AsyncSession,
    keys: Keys,
    token: str,
    now: datetime,
    *,
    at: datetime | None = None,
    roles: Roles | None = None,
) -> Actor:
    """Tell who holds this access token. A session that ended, or a changed role, counts at once.

    An upload outlasts a token: that has to be good `at` its beginning, and the session `now`. Who
    only reads asks `roles`, together with others who ask at that moment.
    """
    if token.startswith(PREFIX):
        return await personal_tokens.authenticate(tx, token, now, at=at)
    try:
        claims = keys.verify(token, audience=AUDIENCE, now=at or now)
        user_id, session_id = UserId(UUID(claims["sub"])), SessionId(UUID(claims["sid"]))
    except (BadToken, KeyError, ValueError):
        raise NotSignedIn from None
    if roles is not None:
        role = await roles.find(session_id, user_id, now)
    else:
        role = await queries.find_role(tx, session_id, user_id, now)
    if role is None:
        raise NotSignedIn
    return Actor(user_id, role, session_id)


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


async def _end(ctx: Context, held: Sequence[Session], reason: str) -> None:
    """End those of these sessions that have not ended. The caller holds their rows."""
    ended = [it for it in held if it.ended_at is None]
    for it in ended:
        it.ended_at, it.end_reason = ctx.now, reason
    await events.record_many(
        ctx,
        [Record(SessionEnded(it.id), [events.user(it.user_id)], reason=reason) for it in ended],
    )
