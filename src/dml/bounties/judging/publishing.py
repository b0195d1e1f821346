"""Publishing a submitted model as a version of its author's algorithm."""

from typing import Any

from dml.accounts.agreement import service as agreements
from dml.accounts.agreement.rules import Demands
from dml.algorithms import uploads
from dml.algorithms.models import Version
from dml.bounties import queries, rules
from dml.bounties.enrollments import queries as enrollment_queries
from dml.bounties.events import SubmissionPublished
from dml.bounties.judging import rules as judging_rules
from dml.bounties.models import Bounty, BountyState, Enrollment, Submission
from dml.bounties.submissions.rules import SubmissionNotFound
from dml.core import events
from dml.core.blobs import Stored
from dml.core.context import Context
from dml.core.ids import AlgorithmId, BountyId, SubmissionId
from dml.inference.spec import InputSpec


async def publish(
    ctx: Context,
    bounty_id: BountyId,
    submission_id: SubmissionId,
    *,
    algorithm_id: AlgorithmId,
    input_spec: InputSpec,
    demands: Demands,
) -> Version:
    """Record a submitted model as the next version, with its result. Its file is stored already.

    Publishing the same model with the same spec again gives the same version.
    """
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    entrant = await enrollment_queries.find_mine(ctx.tx, ctx.actor.id, bounty_id)
    submission = await ctx.tx.get(Submission, submission_id)
    if entrant is None or submission is None or submission.enrollment_id != entrant.id:
        raise SubmissionNotFound
    judging_rules.require_author(submission, entrant.captain_id, ctx.actor.id)
    judging_rules.require_model(submission)
    rules.require_state(bounty, BountyState.FINISHED)
    await agreements.require_met(ctx, demands)
    stored = Stored(submission.sha256, submission.size)
    version = await uploads.add_version(ctx, algorithm_id, input_spec, stored)
    if version.origin is None:
        version.origin = _origin(bounty, entrant, submission)
        members = (await enrollment_queries.get_entry(ctx.tx, entrant)).members
        version.author_ids = [it.user_id for it in members if it.is_in]
        published = SubmissionPublished(submission.id, bounty_id, version.id)
        readers = await enrollment_queries.list_readers(ctx.tx, entrant.id)
        await events.record(ctx, published, readers)
    return version


def _origin(bounty: Bounty, entrant: Enrollment, submission: Submission) -> dict[str, Any]:
    """Return its place and private score, if it was a team's final submission.

    A submission that was not ranked has its shown public score instead.
    """
    final = bounty.metric is None or entrant.final_submission_id == submission.id
    return {
        "bounty_id": str(bounty.id),
        "bounty_name": bounty.name,
        "place": entrant.place if final else None,
        "score": entrant.private_score if final else submission.shown_score,
        "metric": bounty.metric,
    }
