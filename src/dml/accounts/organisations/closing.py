"""The use case of an organisation's end: its name goes, its books stay."""

from dataclasses import replace

from sqlalchemy import update

from dml.accounts.organisations import queries, rules
from dml.accounts.organisations.events import OrganisationClosed
from dml.accounts.organisations.models import Invitation, Membership
from dml.accounts.privacy import processes as privacy, rules as privacy_rules
from dml.core import events, kept_files, personal, processes
from dml.core.context import Actor, Context
from dml.core.ids import UserId


async def close(ctx: Context, organisation_id: UserId) -> None:
    """Close an organisation that holds and runs nothing, or name what is in the way. For owners.

    It was proven who asks. What erases a user erases what is kept of it (docs/decisions/0054).
    """
    organisation, mine = await queries.lock(ctx.tx, ctx.actor.id, organisation_id)
    rules.require_owner(mine)
    blockers = await personal.find_blockers(ctx.tx, organisation_id)
    privacy_rules.require_unblocked(blockers, rules.ClosingBlocked)
    await kept_files.give_up(ctx, organisation.photo_sha256, organisation.thumbnail_sha256)
    its_own = Actor(organisation_id, by=ctx.actor.id)
    await personal.leave(replace(ctx, actor=its_own), organisation_id)
    members = await queries.list_members(ctx.tx, organisation_id)
    readers = [events.user(it.user_id) for it in members]
    await events.record(ctx, OrganisationClosed(organisation_id), readers)
    live = Membership.organisation_id == organisation_id, Membership.left_at.is_(None)
    await ctx.tx.execute(update(Membership).where(*live).values(left_at=ctx.now))
    still_open = Invitation.organisation_id == organisation_id, Invitation.ended_at.is_(None)
    await ctx.tx.execute(update(Invitation).where(*still_open).values(ended_at=ctx.now))
    await personal.erase_rows(ctx, organisation_id, "")
    await ctx.tx.refresh(organisation)
    organisation.erased_at = ctx.now
    organisation.revision += 1
    await processes.at(
        ctx, ctx.now + privacy.LATER, f"erase:{organisation_id}", privacy.erase, organisation_id
    )
