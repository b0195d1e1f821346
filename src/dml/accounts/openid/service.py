"""The use cases: begin, come back, and exchange the code for a session or a way to sign in."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import queries as account_queries, service as users, sessions
from dml.accounts.identities import queries as identity_queries, service as identities
from dml.accounts.identities.models import Identity, IdentityKind
from dml.accounts.models import User
from dml.accounts.openid import queries, rules
from dml.accounts.openid.models import OpenidLogin, OpenidStart
from dml.accounts.origins import Origin
from dml.accounts.rules import EmailTaken
from dml.accounts.sessions import Lasting, Opened, Proven, digest
from dml.core.addresses import UNKNOWN
from dml.core.context import Context
from dml.core.ids import UserId


@dataclass(frozen=True, slots=True)
class Begun:
    """What somebody asks for who begins: where their browser returns to, and with what."""

    provider: str
    return_to: str
    code_challenge: str
    is_fresh: bool = False


async def begin(ctx: Context, begun: Begun) -> str:
    """Note that a browser is sent to a provider. Return its cookie, the only copy of it."""
    cookie = secrets.token_urlsafe(32)
    ctx.tx.add(
        OpenidStart(
            sha256=digest(cookie),
            provider=begun.provider,
            return_to=begun.return_to,
            code_challenge=begun.code_challenge,
            is_fresh=begun.is_fresh,
            created_at=ctx.now,
            expires_at=ctx.now + rules.START_LASTS,
        )
    )
    await ctx.tx.flush()
    return cookie


async def end_start(ctx: Context, cookie: str, provider: str) -> OpenidStart:
    """Take the sign-in that this browser began at this provider: it comes back once."""
    start = await queries.lock_start(ctx.tx, digest(cookie))
    if start is None or start.provider != provider or start.expires_at <= ctx.now:
        raise rules.StartUnknown
    await ctx.tx.delete(start)
    await ctx.tx.flush()
    return start


async def keep_login(
    ctx: Context,
    start: OpenidStart,
    *,
    subject: str,
    email: str | None,
    authenticated_at: datetime | None,
) -> str:
    """Note who came back. Return the code for that, the only copy of it."""
    code = secrets.token_urlsafe(32)
    ctx.tx.add(
        OpenidLogin(
            sha256=digest(code),
            subject=subject,
            email=email,
            code_challenge=start.code_challenge,
            authenticated_at=authenticated_at,
            created_at=ctx.now,
            expires_at=ctx.now + rules.PROOF_LASTS,
        )
    )
    await ctx.tx.flush()
    return code


async def use_code(ctx: Context, code: str, verifier: str, lasts: timedelta) -> OpenidLogin:
    """Take who came back with this code, for who knows the verifier of whoever began."""
    login = await queries.lock_login(ctx.tx, digest(code))
    if login is None or login.created_at + lasts <= ctx.now:
        raise rules.CodeRefused
    if not hmac.compare_digest(rules.challenge_of(verifier), login.code_challenge):
        raise rules.CodeRefused
    await ctx.tx.delete(login)
    await ctx.tx.flush()
    return login


async def sign_in(
    ctx: Context, code: str, verifier: str, origin: Origin, lasting: Lasting
) -> Opened:
    """Open a session of whoever signs in by this login; or an account, where nobody does."""
    login = await use_code(ctx, code, verifier, rules.CODE_LASTS)
    user = await identity_queries.find_user(ctx.tx, IdentityKind.OPENID, login.subject)
    if user is None:
        user = await _register(ctx, login)
    network = digest(origin.network or UNKNOWN)
    is_known = await account_queries.knows_network(ctx.tx, user.id, network)
    return await sessions.sign_in(ctx, Proven(user, origin, is_known, None), lasting)


async def is_proven(ctx: Context, user_id: UserId, code: str, verifier: str) -> bool:
    """Whether this code is of a login of the user's, for which the provider asked them anew."""
    try:
        login = await use_code(ctx, code, verifier, rules.PROOF_LASTS)
    except rules.CodeRefused:
        return False
    user = await identity_queries.find_user(ctx.tx, IdentityKind.OPENID, login.subject)
    is_fresh = rules.is_fresh(login.authenticated_at, ctx.now)
    return user is not None and user.id == user_id and is_fresh


async def _register(ctx: Context, login: OpenidLogin) -> User:
    """Open an account without a password, with the address that the provider has verified, if any.

    Where an account has it, that is not theirs to enter: whoever signs in to it may link this.
    """
    try:
        user = await users.register(ctx, email=login.email)
    except EmailTaken:
        raise rules.AddressTaken from None
    if login.email is not None:
        user.email_verified_at = ctx.now
    if await identities.add(ctx, user.id, IdentityKind.OPENID, login.subject) is None:
        raise rules.LinkedAlready
    return user


async def link_mine(ctx: Context, code: str, verifier: str) -> Identity:
    """Let the actor sign in by this login, too. It was proven who asks."""
    login = await use_code(ctx, code, verifier, rules.PROOF_LASTS)
    user = await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    if login.email is not None and login.email == user.email and user.email_verified_at is None:
        user.email_verified_at = ctx.now
    added = await identities.add_mine(ctx, IdentityKind.OPENID, login.subject)
    if added is None:
        raise rules.LinkedAlready
    return added


async def forget_expired(tx: AsyncSession, now: datetime) -> None:
    """Delete sign-ins that nobody came back from, and codes that nobody exchanged."""
    await tx.execute(delete(OpenidStart).where(OpenidStart.expires_at <= now))
    await tx.execute(delete(OpenidLogin).where(OpenidLogin.expires_at <= now))
