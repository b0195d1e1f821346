"""The use cases of invitations: mail one, call it off, accept it.

Whether an address has an account here is told nobody: the answer to who invites is the same for
each, and only the mailbox hears.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from dml.accounts import queries as account_queries
from dml.accounts.models import User
from dml.accounts.organisations import letters, queries, rules, service
from dml.accounts.organisations.events import (
    OrganisationInvitationRevoked,
    OrganisationInvitationSent,
)
from dml.accounts.organisations.models import Invitation, MemberRole
from dml.accounts.recovery import rules as recovery_rules
from dml.accounts.recovery.service import Post
from dml.core import events
from dml.core.context import Context
from dml.core.db import HELD
from dml.core.ids import InvitationId, UserId, new_id
from dml.mail import service as mail

# Tells whether a user takes part in what an organisation decides about. Domains above know.
TakesPart: TypeAlias = Callable[[Context, UserId, UserId], Awaitable[bool]]
_TAKES_PART: Final[list[TakesPart]] = []


def keep_out(takes_part: TakesPart) -> None:
    """Let nobody join an organisation of whom this is true. Called by an entrypoint."""
    if takes_part not in _TAKES_PART:
        _TAKES_PART.append(takes_part)


async def invite(
    ctx: Context, post: Post, organisation_id: UserId, email: str, role: MemberRole
) -> Invitation:
    """Mail somebody a code by which they join. For owners. An earlier one to them ends."""
    if not mail.is_possible(post.settings):
        raise recovery_rules.NoMail
    organisation, mine = await queries.lock(ctx.tx, ctx.actor.id, organisation_id)
    rules.require_owner(mine)
    email = email.lower()
    still_open, lately = await queries.count_invitations(
        ctx.tx, organisation_id, ctx.actor.id, ctx.now
    )
    to_address = await mail.recent(ctx, email, letters.INVITATION)
    rules.require_few_invitations(
        still_open=still_open,
        lately=lately,
        to_address=to_address,
        most=post.settings.mails_an_hour,
    )
    await _end_earlier(ctx, organisation_id, email)
    code = secrets.token_urlsafe(32)
    made = Invitation(
        id=InvitationId(new_id()),
        organisation_id=organisation_id,
        email=email,
        role=role,
        sha256=digest(code),
        invited_by=ctx.actor.id,
        created_at=ctx.now,
        expires_at=ctx.now + rules.LASTS,
    )
    ctx.tx.add(made)
    await ctx.tx.flush()
    name = organisation.first_name or ""
    await mail.post(ctx, post.seal, email, letters.invitation(name, role, code))
    sent = OrganisationInvitationSent(organisation_id, made.id, role)
    await events.record(ctx, sent, [events.user(organisation_id)])
    return made


async def revoke(ctx: Context, organisation_id: UserId, invitation_id: InvitationId) -> None:
    """Call an invitation off. For owners."""
    _, mine = await queries.lock(ctx.tx, ctx.actor.id, organisation_id)
    rules.require_owner(mine)
    found = await queries.lock_invitation(ctx.tx, organisation_id, invitation_id, ctx.now)
    found.ended_at = ctx.now
    revoked = OrganisationInvitationRevoked(organisation_id, invitation_id)
    await events.record(ctx, revoked, [events.user(organisation_id)])


async def accept(ctx: Context, code: str) -> UserId:
    """Join by a mailed code, with the account whose proven address it was mailed to. Once."""
    sha256 = digest(code)
    found = rules.require_open(await queries.find_invitation(ctx.tx, sha256), ctx.now)
    user = await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    rules.require_addressee(found, user)
    organisation_id = found.organisation_id
    organisation = await ctx.tx.get(
        User, organisation_id, with_for_update=HELD, populate_existing=True
    )
    if organisation is None or organisation.erased_at is not None:
        raise rules.InvitationEnded
    locked = await queries.find_invitation(ctx.tx, sha256, lock=True)
    found = rules.require_open(locked, ctx.now)
    rules.require_new(await queries.find_membership(ctx.tx, user.id, organisation_id))
    _, joined = await queries.count_joined(ctx.tx, user.id)
    rules.require_room(owned=0, joined=joined)
    rules.require_place(await queries.count_members(ctx.tx, organisation_id))
    for takes_part in _TAKES_PART:
        if await takes_part(ctx, user.id, organisation_id):
            raise rules.JoiningBlocked
    found.ended_at = ctx.now
    await service.add_member(ctx, organisation_id, user.id, found.role)
    return organisation_id


def digest(code: str) -> bytes:
    """Return what is kept of a code."""
    return hashlib.sha256(code.encode()).digest()


async def _end_earlier(ctx: Context, organisation_id: UserId, email: str) -> None:
    for it in await queries.lock_open_to(ctx.tx, organisation_id, email, ctx.now):
        it.ended_at = ctx.now
