"""Final submissions: which are run again and ranked, and whether predictions match their hash."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from dml.bounties.models import Bounty, Submission, TestSet
from dml.bounties.ranking import queries as ranking_queries
from dml.bounties.submissions import evaluating, queries as submission_queries
from dml.bounties.submissions.evaluating import Work
from dml.core import worker
from dml.core.context import Context
from dml.core.ids import BountyId, EnrollmentId


@dataclass(frozen=True, slots=True)
class Entry:
    """An entrant's final submission, and what was published and kept of its first run."""

    enrollment_id: EnrollmentId
    work: Work
    predictions_sha256: str | None  # None, where there is a commitment.
    sealed_predictions: str
    created_at: datetime
    commitment: str | None = None
    sealed_salt: str | None = None  # In hexadecimal digits.


def open_salt(final: Entry) -> bytes | None:
    if final.sealed_salt is None:
        return None
    sealed, submission_id = bytes.fromhex(final.sealed_salt), final.work.submission_id
    return worker.parts().opener.open(sealed, evaluating.salt_purpose(submission_id))


def matches(final: Entry, predictions: bytes, salt: bytes | None) -> bool:
    """Whether these are the predictions that were committed to when it was scored."""
    if salt is None:
        return hashlib.sha256(predictions).hexdigest() == final.predictions_sha256
    return evaluating.commit_to(salt, predictions) == final.commitment


async def get_both(ctx: Context, bounty_id: BountyId) -> tuple[Bounty, TestSet]:
    bounty = await ctx.tx.get_one(Bounty, bounty_id)
    test_set = await submission_queries.find_test_set(ctx.tx, bounty_id)
    assert test_set is not None, "a bounty that is ranked has a test set"
    return bounty, test_set


async def list_all_finals(ctx: Context, bounty: Bounty, test_set: TestSet) -> list[Entry]:
    finals, last = list[Entry](), None
    while page := await list_finals(
        ctx, bounty, test_set, after=last, limit=ranking_queries.ROWS_MAX
    ):
        finals += page
        last = page[-1].enrollment_id
    return finals


async def list_finals(
    ctx: Context, bounty: Bounty, test_set: TestSet, *, after: EnrollmentId | None, limit: int
) -> list[Entry]:
    entries = await ranking_queries.list_final(ctx.tx, bounty.id, after=after, limit=limit)
    return [_final(bounty, test_set, entrant.id, it) for entrant, it in entries]


def _final(
    bounty: Bounty, test_set: TestSet, enrollment_id: EnrollmentId, submission: Submission
) -> Entry:
    assert bounty.metric is not None
    assert test_set.prepared is not None
    assert submission.sealed_predictions is not None
    assert (submission.commitment or submission.predictions_sha256) is not None
    salt = submission.sealed_salt
    return Entry(
        enrollment_id=enrollment_id,
        work=Work(
            bounty_id=bounty.id,
            submission_id=submission.id,
            sha256=submission.sha256,
            kind=submission.kind,
            metric=bounty.metric,
            prepared=test_set.prepared,
        ),
        predictions_sha256=submission.predictions_sha256,
        sealed_predictions=submission.sealed_predictions,
        created_at=submission.created_at,
        commitment=submission.commitment,
        sealed_salt=None if salt is None else salt.hex(),
    )
