"""The use cases of organisations: found one, rename it, and say who acts for it."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import queries as account_queries
from dml.accounts.models import NO_PASSWORD, User, UserKind
from dml.accounts.organisations import queries, rules
from dml.accounts.organisations.events import (
    OrganisationCreated,
    OrganisationMemberAdded,
    OrganisationMemberRemoved,
    OrganisationRenamed,
    OrganisationRoleChanged,
)
from dml.accounts.organisations.models import LINGERS, Invitation, MemberRole, Membership
from dml.core import events
from dml.core.context import Context, Role
from dml.core.ids import UserId, new_id


async def create(ctx: Context, name: str) -> User:
    """Found an organisation, which the actor owns."""
    # Two at once wait for each other here, so that both are counted.
    user = await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    owned, joined = await queries.count_joined(ctx.tx, user.id)
    rules.require_room(owned=owned, joined=joined)
    organisation = User(
        id=UserId(new_id()),
        kind=UserKind.ORGANISATION,
        email=None,
        password_hash=NO_PASSWORD,
        role=Role.MEMBER,
        created_at=ctx.now,
        first_name=name,
    )
    ctx.tx.add(organisation)
    await ctx.tx.flush()
    readers = [events.user(organisation.id), events.user(user.id)]
    await events.record(ctx, OrganisationCreated(organisation.id, name), readers)
    await add_member(ctx, organisation.id, user.id, MemberRole.OWNER)
    return organisation


async def rename(ctx: Context, organisation_id: UserId, name: str) -> None:
    """Give an organisation another name. For its owners."""
    organisation, mine = await queries.lock(ctx.tx, ctx.actor.id, organisation_id)
    rules.require_owner(mine)
    organisation.first_name = name
    organisation.revision += 1
    renamed = OrganisationRenamed(organisation_id, name)
    await events.record(ctx, renamed, [events.user(organisation_id)])


async def add_member(
    ctx: Context, organisation_id: UserId, user_id: UserId, role: MemberRole
) -> None:
    """Have a user act for an organisation, who does not. The caller holds its row."""
    before = await queries.find_membership(ctx.tx, user_id, organisation_id)
    rules.require_new(before)
    if before is None:
        ctx.tx.add(
            Membership(user_id=user_id, organisation_id=organisation_id, role=role, since=ctx.now)
        )
    else:
        before.role, before.since, before.left_at = role, ctx.now, None
    await ctx.tx.flush()
    added = OrganisationMemberAdded(organisation_id, user_id, role)
    await events.record(ctx, added, [events.user(organisation_id), events.user(user_id)])


async def set_role(
    ctx: Context, organisation_id: UserId, user_id: UserId, role: MemberRole
) -> None:
    """Make a member an owner, or an owner a member. For owners; one is always left."""
    _, mine = await queries.lock(ctx.tx, ctx.actor.id, organisation_id)
    rules.require_owner(mine)
    theirs = rules.require_present(await queries.find_membership(ctx.tx, user_id, organisation_id))
    if theirs.role is role:
        return
    if role is not MemberRole.OWNER:
        await _require_another_owner(ctx, theirs)
    changed = OrganisationRoleChanged(organisation_id, user_id, before=theirs.role, role=role)
    await events.record(ctx, changed, [events.user(organisation_id), events.user(user_id)])
    theirs.role = role


async def remove(ctx: Context, organisation_id: UserId, user_id: UserId) -> None:
    """Have somebody not act for an organisation any more: an owner says so, or they themselves."""
    _, mine = await queries.lock(ctx.tx, ctx.actor.id, organisation_id)
    if user_id != ctx.actor.id:
        rules.require_owner(mine)
    theirs = rules.require_present(await queries.find_membership(ctx.tx, user_id, organisation_id))
    await _remove(ctx, theirs)


async def leave_all(ctx: Context, user_id: UserId) -> None:
    """Leave every organisation, as somebody does who is erased; refuse their last owner."""
    for organisation_id in await queries.list_joined_ids(ctx.tx, user_id):
        _, theirs = await queries.lock(ctx.tx, user_id, organisation_id)
        await _remove(ctx, theirs)


async def forget_expired(tx: AsyncSession, now: datetime) -> None:
    """Delete memberships that count no more, and invitations that are long over."""
    await tx.execute(delete(Membership).where(Membership.left_at < now - LINGERS))
    await tx.execute(delete(Invitation).where(Invitation.expires_at < now - rules.KEPT))


async def _remove(ctx: Context, theirs: Membership) -> None:
    await _require_another_owner(ctx, theirs)
    theirs.left_at = ctx.now
    readers = [events.user(theirs.organisation_id), events.user(theirs.user_id)]
    removed = OrganisationMemberRemoved(theirs.organisation_id, theirs.user_id)
    await events.record(ctx, removed, readers)


async def _require_another_owner(ctx: Context, theirs: Membership) -> None:
    owners = await queries.count_members(ctx.tx, theirs.organisation_id, MemberRole.OWNER)
    rules.require_another_owner(owners, theirs)
