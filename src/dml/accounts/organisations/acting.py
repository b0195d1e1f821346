"""Who acts for an organisation is looked up with each request that says so, and for no other."""

from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.organisations import queries
from dml.core.context import Actor, Role
from dml.core.ids import UserId
from dml.edge.acting import NotAMember


async def act_for(tx: AsyncSession, actor: Actor, organisation_id: UserId) -> Actor:
    """Return the organisation as the actor, by this one, who has to be of its members. What they
    may do as moderators or admins, they may not do for it.
    """
    found = await queries.find_for_member(tx, actor.id, organisation_id)
    if found is None or found.suspended_at is not None:
        raise NotAMember
    return Actor(
        organisation_id,
        Role.MEMBER,
        session_id=actor.session_id,
        scopes=actor.scopes,
        by=actor.id,
    )
