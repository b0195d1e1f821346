"""The use cases of links: mail one, and do by it what it is for."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import queries, rules as account_rules, service as users, sessions
from dml.accounts.events import (
    UserEmailChanged,
    UserEmailVerified,
    UserFactorRemoved,
    UserPasswordRecovered,
)
from dml.accounts.factors import statements as factors
from dml.accounts.factors.rules import TOTP
from dml.accounts.identities import service as identities
from dml.accounts.models import User
from dml.accounts.recovery import letters, rules
from dml.accounts.recovery.models import Link, LinkKind
from dml.accounts.tokens import service as tokens
from dml.core import events
from dml.core.context import Context
from dml.core.ids import UserId
from dml.core.sealing import Seal
from dml.core.settings import Settings
from dml.mail import service as mail
from dml.mail.service import Letter

EMAIL_KINDS = (LinkKind.VERIFY_EMAIL, LinkKind.CHANGE_EMAIL)
PATH = "/links"


@dataclass(frozen=True, slots=True)
class Post:
    """What mail is written with, here: by the API, or by a worker."""

    seal: Seal
    settings: Settings


def digest(token: str) -> bytes:
    """Return what is kept of a link's token."""
    return hashlib.sha256(token.encode()).digest()


async def make_link(
    ctx: Context, kind: LinkKind, email: str, user_id: UserId | None, *, base: str
) -> str:
    """Make a link for whoever reads this mailbox. The URL is its only copy."""
    token = secrets.token_urlsafe(32)
    ctx.tx.add(
        Link(
            sha256=digest(token),
            kind=kind,
            user_id=user_id,
            email=email,
            created_at=ctx.now,
            expires_at=ctx.now + rules.LASTS,
        )
    )
    await ctx.tx.flush()
    return f"{base}{PATH}?{urlencode({'token': token})}"


async def find_open(ctx: Context, token: str, *kinds: LinkKind, lock: bool = False) -> Link:
    """Load a link that is good, and of one of these kinds; or refuse."""
    link = await ctx.tx.get(Link, digest(token), with_for_update=lock, populate_existing=lock)
    return rules.require_open(link, kinds or tuple(LinkKind), ctx.now)


async def end_links(ctx: Context, user_id: UserId, *kinds: LinkKind) -> None:
    """Let a user's open links of these kinds, or all, do nothing any more."""
    mine = [Link.user_id == user_id, Link.ended_at.is_(None)]
    if kinds:
        mine.append(Link.kind.in_(kinds))
    await ctx.tx.execute(update(Link).where(*mine).values(ended_at=ctx.now))


async def mail_sign_up(ctx: Context, post: Post, email: str, base: str) -> None:
    """Mail a link to open an account; or, where there is one, to choose another password."""
    if not await _has_room(ctx, post, email, LinkKind.SIGN_UP):
        return
    user = await queries.find_user(ctx.tx, email)
    if user is None:
        link = await make_link(ctx, LinkKind.SIGN_UP, email, None, base=base)
        await mail.post(ctx, post.seal, email, letters.sign_up(link))
    else:
        link = await make_link(ctx, LinkKind.RESET_PASSWORD, email, user.id, base=base)
        await mail.post(ctx, post.seal, email, letters.signed_up_already(link))


async def mail_reset(ctx: Context, post: Post, email: str, base: str) -> None:
    """Mail a link to choose another password, if this address has an account."""
    user = await queries.find_user(ctx.tx, email)
    if user is not None and await _has_room(ctx, post, email, LinkKind.RESET_PASSWORD):
        link = await make_link(ctx, LinkKind.RESET_PASSWORD, email, user.id, base=base)
        await mail.post(ctx, post.seal, email, letters.reset_password(link))


async def mail_verification(
    ctx: Context, post: Post, user_id: UserId, email: str, base: str
) -> None:
    """Mail a link that proves the address which an account has."""
    if await _has_room(ctx, post, email, LinkKind.VERIFY_EMAIL):
        link = await make_link(ctx, LinkKind.VERIFY_EMAIL, email, user_id, base=base)
        await mail.post(ctx, post.seal, email, letters.verify_email(link))


async def mail_change(ctx: Context, post: Post, user_id: UserId, email: str, base: str) -> None:
    """Mail to a new address the link by which an account takes it; or say there that it can't."""
    if not await _has_room(ctx, post, email, LinkKind.CHANGE_EMAIL):
        return
    if await queries.find_user(ctx.tx, email) is not None:
        await mail.post(ctx, post.seal, email, letters.address_taken())
        return
    await end_links(ctx, user_id, LinkKind.CHANGE_EMAIL)  # Only the last one asked for is meant.
    link = await make_link(ctx, LinkKind.CHANGE_EMAIL, email, user_id, base=base)
    await mail.post(ctx, post.seal, email, letters.change_email(link))


async def sign_up(ctx: Context, token: str, password_hash: str) -> User:
    """Open the account that a link is for. Its address is proven by that."""
    link = await find_open(ctx, token, LinkKind.SIGN_UP, lock=True)
    link.ended_at = ctx.now
    user = await users.register(ctx, email=link.email, password_hash=password_hash)
    user.email_verified_at = ctx.now
    return user


async def reset_password(ctx: Context, post: Post, token: str, password_hash: str) -> None:
    """Give an account the password that its mailbox chose, end every session and personal access
    token, and tell it.
    """
    user = await _use(ctx, token, LinkKind.RESET_PASSWORD)
    user.password_hash = password_hash
    await factors.forgive_wrong(ctx.tx, user.id)
    if user.email_verified_at is None:
        await _leave_to_mailbox(ctx, user)
    await end_links(ctx, user.id)
    await sessions.end_all(ctx, user.id, "password reset")
    await tokens.revoke_all(ctx, user.id, "password reset")
    await events.record(ctx, UserPasswordRecovered(user.id), [events.user(user.id)])
    await tell(ctx, post, user.email, letters.password_changed())


async def _leave_to_mailbox(ctx: Context, user: User) -> None:
    """Give an account whose address nobody had proven to whoever reads its mail, and to them alone.

    Somebody else may have opened it with their address, and have added ways in and a second factor
    of their own, to wait for the owner (Sudhodanan and Paverd, USENIX Security 2022).
    """
    user.email_verified_at = ctx.now
    await identities.revoke_others(ctx, user.id)
    if await factors.forget(ctx.tx, user.id):
        await events.record(ctx, UserFactorRemoved(user.id, TOTP), [events.user(user.id)])


async def change_password(ctx: Context, post: Post, password_hash: str) -> None:
    """Give the actor another password, which they chose; it was proven who asks."""
    user = await users.change_password(ctx, password_hash)
    # A thief may have asked for the other ones.
    await end_links(ctx, user.id, LinkKind.RESET_PASSWORD, LinkKind.CHANGE_EMAIL)
    await tell(ctx, post, user.email, letters.password_changed())


async def confirm_email(ctx: Context, post: Post, token: str) -> User:
    """Note that an address is its user's; or give an account the new one, and tell the old one."""
    link = await find_open(ctx, token, *EMAIL_KINDS)
    if link.kind is LinkKind.VERIFY_EMAIL:
        user = await _use(ctx, token, LinkKind.VERIFY_EMAIL)
        user.email_verified_at = ctx.now
        await events.record(ctx, UserEmailVerified(user.id), [events.user(user.id)])
        return user
    return await _change_email(ctx, post, token)


async def _change_email(ctx: Context, post: Post, token: str) -> User:
    user, link = await _lock(ctx, token, LinkKind.CHANGE_EMAIL)
    before = user.email
    try:
        async with ctx.tx.begin_nested():
            user.email, user.email_verified_at = link.email, ctx.now
            user.revision += 1
    except IntegrityError:  # Somebody else has it since the link was mailed.
        raise account_rules.EmailTaken from None
    await end_links(ctx, user.id)
    await events.record(ctx, UserEmailChanged(user.id), [events.user(user.id)])
    await tell(ctx, post, before, letters.email_changed())
    return user


async def _use(ctx: Context, token: str, kind: LinkKind) -> User:
    """Use a link up that was mailed to the address which its user has. Return them, locked."""
    user, link = await _lock(ctx, token, kind)
    rules.require_sent_to(link, user.email)
    link.ended_at = ctx.now
    return user


async def _lock(ctx: Context, token: str, kind: LinkKind) -> tuple[User, Link]:
    """Hold a user, then their link: as whoever ends all links of a user does."""
    link = await find_open(ctx, token, kind)
    assert link.user_id is not None, "only who signs up has no account"
    user = await queries.get_user(ctx.tx, link.user_id, lock=True)
    return user, await find_open(ctx, token, kind, lock=True)


async def tell(ctx: Context, post: Post, email: str | None, letter: Letter) -> None:
    """Tell an account's owner what happened to it, if it has an address. Whoever floods cannot keep
    this from them.
    """
    if email is not None and mail.is_possible(post.settings):
        await mail.post(ctx, post.seal, email, letter)


async def _has_room(ctx: Context, post: Post, email: str, kind: LinkKind) -> bool:
    most = post.settings.mails_an_hour
    return await mail.has_room(ctx, email, kind.value, most=most)


async def forget_expired(tx: AsyncSession, now: datetime) -> None:
    """Delete links that are long over."""
    await tx.execute(delete(Link).where(Link.expires_at < now - rules.KEPT))
