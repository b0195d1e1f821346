"""What is published of a ranking once it is open to disputes, so that anybody can verify it."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from dml.bounties import queries
from dml.bounties.judging import rules
from dml.bounties.models import Bounty, Ranking, TestSet
from dml.bounties.ranking import queries as ranking_queries
from dml.bounties.submissions import queries as submission_queries
from dml.core.context import Actor
from dml.core.ids import BountyId


@dataclass(frozen=True, slots=True)
class Evidence:
    bounty: Bounty
    ranking: Ranking
    test_set: TestSet


async def get_evidence(tx: AsyncSession, actor: Actor, bounty_id: BountyId) -> Evidence:
    """Load the evidence; refused before the end, and if nothing was ranked by a metric."""
    bounty = await queries.get_bounty(tx, actor, bounty_id)
    rules.require_ranked(bounty)
    ranking = await ranking_queries.get_ranking(tx, bounty_id)
    test_set = await submission_queries.find_test_set(tx, bounty_id)
    if ranking is None or test_set is None or test_set.salt is None:
        raise rules.NoEvidence
    return Evidence(bounty, ranking, test_set)


async def require_named(tx: AsyncSession, actor: Actor, bounty_id: BountyId, sha256: str) -> None:
    """Refuse files that the evidence does not name: no other blob can be read by its hash."""
    bounty = await queries.get_bounty(tx, actor, bounty_id)
    rules.require_ranked(bounty)
    if not await ranking_queries.is_evidence(tx, bounty_id, sha256):
        raise rules.NoEvidence
