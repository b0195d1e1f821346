"""Who holds a bounty, an entrant or a user does not stand in the way of what refers to them.

A worker that writes to a submission twice in a transaction looks for its entrant, its bounty and
its submitter again. Each of them was once held by somebody who waited for that very worker.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import queries as account_queries
from dml.bounties import queries
from dml.bounties.models import Submission
from dml.bounties.submissions import queries as submission_queries
from tests.bounties.entries import submit, unscored
from tests.world import World

Hold = Callable[[AsyncSession, Submission], Awaitable[object]]


@pytest.mark.parametrize(
    "hold",
    [
        lambda tx, it: submission_queries.lock_enrollment(tx, it.enrollment_id),
        lambda tx, it: queries.lock_bounty(tx, it.bounty_id),
        lambda tx, it: account_queries.get_user(tx, it.submitter_id, lock=True),
    ],
    ids=["entrant", "bounty", "submitter"],
)
async def test_a_submission_is_changed_while_others_hold_what_it_belongs_to(
    world: World, hold: Hold
) -> None:
    contest = await unscored(world)
    path = await submit(contest, contest.entrants[0], b"id,prediction\r\n1,1\r\n")
    its_id = UUID(path.rsplit("/", 1)[1])
    async with world.parts.sessions() as holding, world.parts.sessions() as changing:
        await hold(holding, await holding.get_one(Submission, its_id))
        await changing.execute(text("SET LOCAL lock_timeout = '500ms'"))
        row = await changing.get_one(Submission, its_id, with_for_update=True)
        for number in range(2):
            row.due_at = datetime(2026, 1, 1 + number, tzinfo=UTC)
            await changing.flush()
        await changing.rollback()
