"""The SELECTs of test sets and submissions. Edges may read through these."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from dml.bounties import rules
from dml.bounties.enrollments import queries as enrollment_queries
from dml.bounties.models import (
    Bounty,
    Enrollment,
    Member,
    Record,
    Submission,
    SubmissionKind,
    SubmissionState,
    TestSet,
)
from dml.bounties.submissions import rules as submission_rules
from dml.bounties.submissions.rules import Limits, Used
from dml.core.context import Actor
from dml.core.db import PAGE_MAX
from dml.core.ids import BountyId, EnrollmentId, SubmissionId, UserId

RECENT = 50  # Evaluations whose mean says how long the next one takes.


async def share_bounty(tx: AsyncSession, actor: Actor, bounty_id: BountyId) -> Bounty:
    """Load a bounty that this actor may see, and lock its state. Others may share the lock."""
    query = select(Bounty).where(Bounty.id == bounty_id).with_for_update(read=True)
    bounty = (await tx.scalars(query.execution_options(populate_existing=True))).one_or_none()
    if bounty is None or not rules.sees(bounty, actor):
        raise rules.BountyNotFound
    return bounty


async def hold_bounty(tx: AsyncSession, bounty_id: BountyId) -> Bounty:
    """Load a bounty that is known to exist, and lock it against others who add to its board."""
    query = select(Bounty).where(Bounty.id == bounty_id).with_for_update(key_share=True)
    return (await tx.scalars(query.execution_options(populate_existing=True))).one()


async def lock_enrollment(tx: AsyncSession, enrollment_id: EnrollmentId) -> Enrollment:
    """Load and lock an entrant that is known to exist."""
    query = select(Enrollment).where(Enrollment.id == enrollment_id).with_for_update()
    return (await tx.scalars(query.execution_options(populate_existing=True))).one()


async def get_team(tx: AsyncSession, enrollment_id: EnrollmentId) -> Sequence[UserId]:
    """Return all users who ever joined an entrant."""
    query = select(Member.user_id).where(
        Member.enrollment_id == enrollment_id, Member.agreed_at.is_not(None)
    )
    return (await tx.scalars(query.limit(PAGE_MAX))).all()


async def get_used(tx: AsyncSession, enrollment_id: EnrollmentId, now: datetime) -> Used:
    """Count what an entrant has used. Exact while the enrollment is locked."""
    counts = Submission.dry_run.is_(False) & Submission.state.in_(
        [SubmissionState.SCORED, *submission_rules.UNDER_WAY]
    )
    today = Submission.created_at >= submission_rules.day_of(now)
    query = select(
        func.count().filter(counts & today),
        func.count().filter(counts),
        func.count().filter(Submission.state.in_(submission_rules.UNDER_WAY)),
        func.count().filter(today),
        func.coalesce(func.sum(Submission.size).filter(today), 0),
    ).where(Submission.enrollment_id == enrollment_id)
    return Used(*(await tx.execute(query)).one())


async def get_limits(
    tx: AsyncSession, bounty: Bounty, enrollment_id: EnrollmentId, now: datetime
) -> Limits:
    """Return what is left of an entrant's limits."""
    return submission_rules.limits(bounty, await get_used(tx, enrollment_id, now), now)


async def find_limits(
    tx: AsyncSession, bounty: Bounty, entrant: Enrollment | None, now: datetime
) -> Limits | None:
    """Return what is left of an entrant's limits, if there is one."""
    return None if entrant is None else await get_limits(tx, bounty, entrant.id, now)


async def find_same(
    tx: AsyncSession,
    enrollment_id: EnrollmentId,
    *,
    sha256: str,
    kind: SubmissionKind,
    dry_run: bool,
) -> Submission | None:
    """Return the entrant's submission of this very file that is scored or under way, if any."""
    query = (
        select(Submission)
        .where(
            Submission.enrollment_id == enrollment_id,
            Submission.sha256 == sha256,
            Submission.kind == kind,
            Submission.dry_run == dry_run,
            Submission.state.in_([SubmissionState.SCORED, *submission_rules.UNDER_WAY]),
        )
        .limit(1)
    )
    return (await tx.scalars(query)).one_or_none()


async def get_submission(
    tx: AsyncSession,
    actor: Actor,
    bounty_id: BountyId,
    submission_id: SubmissionId,
) -> tuple[Submission, Bounty, bool]:
    """Load a submission for its team, the bounty's owner and moderators; not found for others.

    A moderator who has entered counts as an entrant. The last of the three says whether the actor
    belongs to its team.
    """
    bounty = await tx.get(Bounty, bounty_id)
    if bounty is None or not rules.sees(bounty, actor):
        raise rules.BountyNotFound
    submission = await tx.get(Submission, submission_id)
    if submission is None or submission.bounty_id != bounty_id:
        raise submission_rules.SubmissionNotFound
    entrant = await enrollment_queries.find_mine(tx, actor.id, bounty_id)
    own = entrant is not None and entrant.id == submission.enrollment_id
    if not own and not await _manages_submissions(tx, actor, bounty):
        raise submission_rules.SubmissionNotFound
    return submission, bounty, own


async def get_readable(
    tx: AsyncSession, actor: Actor, bounty_id: BountyId, submission_id: SubmissionId
) -> Submission:
    """Load a submission whose file this actor may read: its team always, others at the end."""
    submission, bounty, own = await get_submission(tx, actor, bounty_id, submission_id)
    if not own:
        submission_rules.require_readable(bounty)
    return submission


async def get_own_submission(
    tx: AsyncSession, actor: Actor, bounty_id: BountyId, submission_id: SubmissionId
) -> tuple[Submission, Enrollment]:
    """Load and lock a submission of the actor's team with its entrant, the entrant first."""
    entrant = await enrollment_queries.find_mine(tx, actor.id, bounty_id, lock=True)
    if entrant is None:
        raise submission_rules.SubmissionNotFound
    submission = await lock_submission(tx, submission_id)
    if submission is None or submission.enrollment_id != entrant.id:
        raise submission_rules.SubmissionNotFound
    return submission, entrant


async def lock_submission(tx: AsyncSession, submission_id: SubmissionId) -> Submission | None:
    """Load and lock a submission."""
    return await tx.get(Submission, submission_id, with_for_update=True, populate_existing=True)


@dataclass(frozen=True, slots=True)
class SubmissionFilter:
    """Which submissions to list: the viewer's own alone, in one state, of one entrant."""

    mine: bool
    state: SubmissionState | None
    enrollment_id: EnrollmentId | None


async def list_submissions(
    tx: AsyncSession,
    actor: Actor,
    bounty: Bounty,
    chosen: SubmissionFilter,
    *,
    after: UUID | None,
    limit: int,
) -> tuple[Sequence[Submission], Enrollment | None]:
    """Return what the actor may see, newest first, and one beyond `limit`; and their entrant.

    The owner and moderators see all; with `chosen.mine`, their own team's alone, if any.
    """
    assert 0 < limit <= PAGE_MAX
    entrant = await enrollment_queries.find_mine(tx, actor.id, bounty.id)
    query = select(Submission).where(Submission.bounty_id == bounty.id)
    if chosen.mine or not await _manages_submissions(tx, actor, bounty):
        if entrant is None:
            return [], None
        query = query.where(Submission.enrollment_id == entrant.id)
    if chosen.enrollment_id is not None:
        query = query.where(Submission.enrollment_id == chosen.enrollment_id)
    if chosen.state is not None:
        query = query.where(Submission.state == chosen.state)
    if after is not None:
        query = query.where(Submission.id < after)
    rows = (await tx.scalars(query.order_by(Submission.id.desc()).limit(limit + 1))).all()
    return rows, entrant


async def get_position(tx: AsyncSession, submission: Submission) -> int | None:
    """Return how many submissions, of all bounties, are to be done before this one; or None."""
    if submission.state not in (SubmissionState.VALIDATING, SubmissionState.QUEUED):
        return None
    due = func.coalesce(Submission.due_at, Submission.created_at)
    query = select(func.count()).where(
        Submission.state.in_(submission_rules.UNDER_WAY),
        tuple_(due, Submission.id) < (submission.due_at or submission.created_at, submission.id),
    )
    return await tx.scalar(query) or 0


async def get_mean_seconds(tx: AsyncSession, bounty_id: BountyId) -> float:
    """Return how long the last evaluations of a bounty took, on average."""
    last = (
        select(Submission.evaluation_seconds)
        .where(Submission.bounty_id == bounty_id)
        .order_by(Submission.id.desc())
        .limit(RECENT)
        .subquery()
    )
    mean = await tx.scalar(select(func.avg(last.c.evaluation_seconds)))
    return submission_rules.SECONDS_BEFORE_KNOWN if mean is None else mean


async def get_expected_start(
    tx: AsyncSession, submission: Submission, position: int | None, now: datetime
) -> datetime | None:
    """Estimate when an evaluation begins, by how long the last ones took."""
    if position is None:
        return None
    seconds = position * await get_mean_seconds(tx, submission.bounty_id)
    return now + timedelta(seconds=seconds)


async def lock_waiting(
    tx: AsyncSession, bounty_id: BountyId, *, limit: int
) -> Sequence[Submission]:
    """Load and lock submissions of a bounty that are under way, in a fixed order."""
    query = (
        select(Submission)
        .where(
            Submission.bounty_id == bounty_id,
            Submission.state.in_(submission_rules.UNDER_WAY),
        )
        .order_by(Submission.id)
        .limit(limit)
        .with_for_update()
    )
    return (await tx.scalars(query.execution_options(populate_existing=True))).all()


async def get_best_key(tx: AsyncSession, bounty_id: BountyId, *, but: EnrollmentId) -> float | None:
    """Return the best key of all other competing entrants: the smaller, the better."""
    query = (
        select(Enrollment.best_key)
        .where(
            Enrollment.bounty_id == bounty_id,
            Enrollment.best_key.is_not(None),
            Enrollment.competes,
            Enrollment.id != but,
        )
        .order_by(Enrollment.best_key)
        .limit(1)
    )
    return await tx.scalar(query)


async def get_last_record_at(tx: AsyncSession, bounty_id: BountyId) -> datetime | None:
    """Return when the best score of all was last beaten."""
    return await tx.scalar(select(func.max(Record.at)).where(Record.bounty_id == bounty_id))


async def find_test_set(
    tx: AsyncSession, bounty_id: BountyId, *, lock: bool = False
) -> TestSet | None:
    """Return a bounty's test set, if it has one."""
    return await tx.get(TestSet, bounty_id, with_for_update=lock, populate_existing=lock)


async def get_managed_test_set(tx: AsyncSession, actor: Actor, bounty_id: BountyId) -> TestSet:
    """Load a test set for the bounty's owner or a moderator; not found for others.

    A moderator who has entered is one of the others.
    """
    bounty = await tx.get(Bounty, bounty_id)
    if bounty is None or not rules.sees(bounty, actor):
        raise rules.BountyNotFound
    test_set = await find_test_set(tx, bounty_id)
    if test_set is None or not await _manages_submissions(tx, actor, bounty):
        raise submission_rules.TestSetNotFound
    return test_set


async def _manages_submissions(tx: AsyncSession, actor: Actor, bounty: Bounty) -> bool:
    has_entered = await enrollment_queries.has_entered(tx, actor.id, bounty.id)
    return submission_rules.manages_submissions(bounty, actor, has_entered=has_entered)
