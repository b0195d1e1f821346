"""The use cases of second factors: add one, renew recovery codes, use a code, remove it all."""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import queries as account_queries
from dml.accounts.events import (
    UserFactorAdded,
    UserFactorRemoved,
    UserRecoveryCodesRenewed,
    UserRecoveryCodeUsed,
)
from dml.accounts.factors import codes, letters, queries, rules, statements
from dml.accounts.factors.models import RecoveryCode, TotpFactor
from dml.accounts.recovery.service import Post, tell
from dml.core import events
from dml.core.context import Context
from dml.core.ids import UserId
from dml.core.sealing import NotSealedForUs, Opener, Seal

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewTotp:
    """A secret, the only copy that anybody can read, and what an app reads of it."""

    secret: str
    uri: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Factors:
    """What a user has besides a password."""

    totp_since: datetime | None
    recovery_codes_left: int


async def get_mine(ctx: Context) -> Factors:
    """Return what the actor has besides a password."""
    totp = await queries.find_totp(ctx.tx, ctx.actor.id)
    left = await queries.count_recovery_codes(ctx.tx, ctx.actor.id)
    return Factors(None if totp is None else totp.confirmed_at, left)


async def enroll(ctx: Context, key: Seal, issuer: str, *, is_mail_sent: bool) -> NewTotp:
    """Make a secret for an app of the actor's, in the place of one that was not confirmed.

    The caller had it proven who asks.
    """
    user = await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    rules.require_proven_address(user.email, user.email_verified_at, is_mail_sent=is_mail_sent)
    found = await queries.find_totp(ctx.tx, user.id, lock=True)
    if found is not None:
        rules.require_none(found.confirmed_at)
        await ctx.tx.delete(found)
        await ctx.tx.flush()
    secret = codes.new_secret()
    sealed = codes.seal(key, user.id, secret)
    ctx.tx.add(TotpFactor(user_id=user.id, sealed=sealed, created_at=ctx.now))
    uri = codes.uri(secret, account=user.email or str(user.id), issuer=issuer)
    return NewTotp(secret, uri, ctx.now + rules.ENROLLING)


async def confirm(ctx: Context, key: Opener, post: Post, code: str) -> list[str]:
    """Let an app count from now on, whose code this is. Return the recovery codes, shown once."""
    user = await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    found = await queries.find_totp(ctx.tx, user.id, lock=True)
    if found is None or not rules.is_enrolling(found.created_at, found.confirmed_at, ctx.now):
        raise rules.EnrollmentOver
    step = codes.find_step(codes.open_secret(key, user.id, found.sealed), code, ctx.now)
    if step is None:
        raise rules.WrongFirstCode
    rules.require_now(step, ctx.now)
    found.confirmed_at, found.last_step = ctx.now, step
    made = await _replace_codes(ctx, user.id)
    await events.record(ctx, UserFactorAdded(user.id, rules.TOTP), [events.user(user.id)])
    await tell(ctx, post, user.email, letters.app_added())
    return made


async def remove(ctx: Context, post: Post) -> None:
    """Take the actor's app away, and the recovery codes with it. It was proven who asks."""
    user = await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    if not await forget(ctx, user.id):
        raise rules.TotpNotFound
    await tell(ctx, post, user.email, letters.app_removed())


async def forget(ctx: Context, user_id: UserId) -> bool:
    """Take an account's app and recovery codes away. Return whether it had an app."""
    if not await statements.forget(ctx.tx, user_id):
        return False
    await events.record(ctx, UserFactorRemoved(user_id, rules.TOTP), [events.user(user_id)])
    return True


async def renew_codes(ctx: Context, post: Post) -> list[str]:
    """Give the actor new recovery codes; the old ones are void. It was proven who asks."""
    user = await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    if not await queries.has_factor(ctx.tx, user.id):
        raise rules.TotpNotFound
    made = await _replace_codes(ctx, user.id)
    await events.record(ctx, UserRecoveryCodesRenewed(user.id), [events.user(user.id)])
    await tell(ctx, post, user.email, letters.codes_renewed())
    return made


async def use_totp(ctx: Context, key: Opener, user_id: UserId, code: str) -> bool:
    """Take a code of a user's app, once. Return whether it is one; a wrong one is counted."""
    found = await queries.find_totp(ctx.tx, user_id)
    if found is None or found.confirmed_at is None:
        return False
    rules.require_unlocked(found.wrong_in_a_row)
    try:
        secret = codes.open_secret(key, user_id, found.sealed)
    except NotSealedForUs:
        log.error("DML_FACTOR_KEY_FILE does not open the authenticator app of user %s", user_id)
        return False
    step = codes.find_step(secret, code, ctx.now)
    if step is None:
        await statements.count_wrong(ctx.tx, user_id)
        return False
    rules.require_now(step, ctx.now)
    if not await statements.take_step(ctx.tx, user_id, step):
        raise rules.CodeUsed
    return True


async def use_recovery_code(ctx: Context, post: Post, user_id: UserId, code: str) -> bool:
    """Use a recovery code up. Return whether it was one."""
    sha256 = codes.digest_of(user_id, code)
    if not await statements.use_recovery_code(ctx.tx, user_id, sha256, ctx.now):
        return False
    await statements.forgive_wrong(ctx.tx, user_id)
    left = await queries.count_recovery_codes(ctx.tx, user_id)
    user = await account_queries.get_user(ctx.tx, user_id)
    await events.record(ctx, UserRecoveryCodeUsed(user_id, left), [events.user(user_id)])
    await tell(ctx, post, user.email, letters.code_used(left))
    return True


async def forget_expired(tx: AsyncSession, now: datetime) -> None:
    """Delete secrets that were never confirmed."""
    never = TotpFactor.confirmed_at.is_(None), TotpFactor.created_at <= now - rules.ENROLLING
    await tx.execute(delete(TotpFactor).where(*never))


async def _replace_codes(ctx: Context, user_id: UserId) -> list[str]:
    await ctx.tx.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    made = codes.new_recovery_codes()
    ctx.tx.add_all(
        RecoveryCode(user_id=user_id, sha256=codes.digest_of(user_id, it), created_at=ctx.now)
        for it in made
    )
    return made
