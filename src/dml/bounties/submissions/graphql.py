"""Submissions of many bounties at once, for the graph: as `submissions.list` shows each of them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from dml.bounties.submissions import queries
from dml.bounties.submissions.schemas import (
    SubmissionOut,
    SubmissionPage,
    SubmissionsQuery,
    page_of,
)
from dml.core.context import Context
from dml.core.errors import NotSignedIn
from dml.core.ids import BountyId


async def load_submissions(
    ctx: Context, ids: Sequence[UUID], query: SubmissionsQuery
) -> Mapping[UUID, SubmissionPage]:
    """Return the first page of each of these bounties that the actor may see."""
    if ctx.actor.user_id is None:
        raise NotSignedIn
    asked = queries.SubmissionFilter(query.mine, query.state, query.enrollment_id)
    found = await queries.list_of_bounties(
        ctx.tx, ctx.actor, [BountyId(it) for it in ids], asked, limit=query.limit
    )
    left = await queries.find_limits_of(ctx.tx, found, ctx.now)
    return {
        it.bounty.id: page_of(
            query.page(SubmissionOut, it.rows), it.bounty, it.entrant, left.get(it.bounty.id)
        )
        for it in found
    }
