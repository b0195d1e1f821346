"""The SELECTs of test sets and submissions. Edges may read through these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from dml.accounts.queries import name_of
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
from dml.core.db import HELD, PAGE_MAX, Shown
from dml.core.ids import BountyId, EnrollmentId, SubmissionId, UserId

# Submissions as they are shown: each with the name of who sent it.
_SHOWN: Final = select(
    *Submission.__table__.c, name_of(Submission.__table__.c.submitter_id).label("submitter_name")
)
RECENT = 50  # Evaluations whose mean says how long the next one takes.


async def lock_enrollment(tx: AsyncSession, enrollment_id: EnrollmentId) -> Enrollment:
    """Load and lock an entrant that is known to exist."""
    query = select(Enrollment).where(Enrollment.id == enrollment_id).with_for_update(**HELD)
    return (await tx.scalars(query.execution_options(populate_existing=True))).one()


async def get_team(tx: AsyncSession, enrollment_id: EnrollmentId) -> Sequence[UserId]:
    """Return all users who ever joined an entrant."""
    query = select(Member.user_id).where(
        Member.enrollment_id == enrollment_id, Member.agreed_at.is_not(None)
    )
    return (await tx.scalars(query.limit(PAGE_MAX))).all()


async def get_used(tx: AsyncSession, enrollment_id: EnrollmentId, now: datetime) -> Used:
    """Count what an entrant has used. Exact while the enrollment is locked."""
    return (await get_used_of(tx, [enrollment_id], now))[enrollment_id]


async def get_used_of(
    tx: AsyncSession, enrollment_ids: Sequence[EnrollmentId], now: datetime
) -> Mapping[EnrollmentId, Used]:
    """Count what each of these entrants has used."""
    query = select(Submission.enrollment_id, *_used_columns(Submission, now)).where(
        Submission.enrollment_id.in_(enrollment_ids)
    )
    rows = (await tx.execute(query.group_by(Submission.enrollment_id))).all()
    used = {its_id: Used(*counted) for its_id, *counted in rows}
    return {it: used.get(it) or Used(0, 0, 0, 0, 0) for it in enrollment_ids}


def _used_columns(of: type[Submission], now: datetime) -> list[ColumnElement[int]]:
    """Return the fields of `Used`, counted over an entrant's rows."""
    counts = of.dry_run.is_(False) & of.state.in_(
        [SubmissionState.SCORED, *submission_rules.UNDER_WAY]
    )
    today = of.created_at >= submission_rules.day_of(now)
    return [
        func.count().filter(counts & today),
        func.count().filter(counts),
        func.count().filter(of.state.in_(submission_rules.UNDER_WAY)),
        func.count().filter(today),
        func.coalesce(func.sum(of.size).filter(today), 0),
    ]


async def find_limits(
    tx: AsyncSession, bounty: Bounty, entrant: Enrollment | None, now: datetime
) -> Limits | None:
    """Return what is left of an entrant's limits, if there is one."""
    if entrant is None:
        return None
    return submission_rules.limits(bounty, await get_used(tx, entrant.id, now), now)


async def find_limits_of(
    tx: AsyncSession, found: Sequence["OfBounty"], now: datetime
) -> Mapping[BountyId, Limits]:
    """Return what is left of the limits of each entrant in these bounties."""
    entered = {it.entrant.id: it.bounty for it in found if it.entrant is not None}
    used = await get_used_of(tx, list(entered), now)
    return {it.id: submission_rules.limits(it, used[its_id], now) for its_id, it in entered.items()}


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
    return await tx.get(Submission, submission_id, with_for_update=HELD, populate_existing=True)


@dataclass(frozen=True, slots=True)
class Details:
    """A submission as it is shown, its place in the queue, and what its entrant has used."""

    row: Shown
    position: int | None
    used: Used


async def get_details(tx: AsyncSession, submission_id: SubmissionId, now: datetime) -> Details:
    """Return a submission that is known to be there.

    One statement: its state, its place and what is used never tell of different moments.
    """
    of_entrant = aliased(Submission)
    mine = of_entrant.enrollment_id == Submission.enrollment_id
    used = select(*_used_columns(of_entrant, now)).where(mine).lateral()
    query = _SHOWN.add_columns(_position(), *used.c).join(used, true())
    row = (await tx.execute(query.where(Submission.id == submission_id))).one()
    position, *counted = row[-1 - len(used.c) :]
    return Details(row, position, Used(*counted))


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
) -> tuple[Sequence[Shown], Enrollment | None]:
    """Return what the actor may see, newest first, and one beyond `limit`; and their entrant.

    The owner and moderators see all; with `chosen.mine`, their own team's alone, if any.
    """
    assert 0 < limit <= PAGE_MAX
    entrant = await enrollment_queries.find_mine(tx, actor.id, bounty.id)
    query = _SHOWN.where(Submission.bounty_id == bounty.id)
    if chosen.mine or not await _manages_submissions(tx, actor, bounty):
        if entrant is None:
            return [], None
        query = query.where(Submission.enrollment_id == entrant.id)
    query = query.where(*_chosen(chosen))
    if after is not None:
        query = query.where(Submission.id < after)
    rows = (await tx.execute(query.order_by(Submission.id.desc()).limit(limit + 1))).all()
    return rows, entrant


@dataclass(frozen=True, slots=True)
class OfBounty:
    """Submissions of a bounty, as an actor sees them, and the entrant that they belong to."""

    bounty: Bounty
    rows: Sequence[Shown]
    entrant: Enrollment | None


async def list_of_bounties(
    tx: AsyncSession,
    actor: Actor,
    bounty_ids: Sequence[BountyId],
    chosen: SubmissionFilter,
    *,
    limit: int,
) -> Sequence[OfBounty]:
    """Return what `list_submissions` does, of each of these bounties that the actor may see.

    As many statements for many bounties as for one.
    """
    assert 0 < limit <= PAGE_MAX
    found = (await tx.scalars(select(Bounty).where(Bounty.id.in_(bounty_ids)))).all()
    seen = [it for it in found if rules.sees(it, actor)]
    entrants = await enrollment_queries.find_mine_of(tx, actor.id, bounty_ids)
    entered = await enrollment_queries.list_entered(tx, actor.id, bounty_ids)
    query = select(Submission.id, Submission.bounty_id)
    everybodys, own = [], []
    for it in seen:
        has_entered = it.id in entered
        if not chosen.mine and submission_rules.manages_submissions(
            it, actor, has_entered=has_entered
        ):
            everybodys.append(it.id)
        elif it.id in entrants:
            own.append(entrants[it.id].id)
    shown = Submission.bounty_id.in_(everybodys) | Submission.enrollment_id.in_(own)
    query = query.where(shown, *_chosen(chosen))
    number = func.row_number().over(
        partition_by=Submission.bounty_id, order_by=Submission.id.desc()
    )
    numbered = query.add_columns(number.label("number")).subquery()
    first = _SHOWN.join(numbered, numbered.c.id == Submission.id)
    rows = await tx.execute(
        first.where(numbered.c.number <= limit + 1).order_by(Submission.id.desc())
    )
    by_bounty: dict[BountyId, list[Shown]] = {it.id: [] for it in seen}
    for row in rows:
        by_bounty[row.bounty_id].append(row)
    return [OfBounty(it, by_bounty[it.id], entrants.get(it.id)) for it in seen]


def _chosen(chosen: SubmissionFilter) -> list[ColumnElement[bool]]:
    """Return what a filter asks of each row, beside whose it is."""
    asked: list[ColumnElement[bool]] = []
    if chosen.enrollment_id is not None:
        asked.append(Submission.enrollment_id == chosen.enrollment_id)
    if chosen.state is not None:
        asked.append(Submission.state == chosen.state)
    return asked


def _position() -> ColumnElement[int | None]:
    """Return how many submissions, of all bounties, are to be done before a row; or NULL."""
    ahead = aliased(Submission)
    due = func.coalesce(Submission.due_at, Submission.created_at)
    before = tuple_(func.coalesce(ahead.due_at, ahead.created_at), ahead.id) < tuple_(
        due, Submission.id
    )
    query = select(func.count()).where(ahead.state.in_(submission_rules.UNDER_WAY), before)
    waits = Submission.state.in_([SubmissionState.VALIDATING, SubmissionState.QUEUED])
    return case((waits, query.correlate(Submission).scalar_subquery()))


async def get_position(tx: AsyncSession, submission: Submission) -> int | None:
    """Return how many submissions, of all bounties, are to be done before this one; or None."""
    return await tx.scalar(select(_position()).where(Submission.id == submission.id))


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
    tx: AsyncSession, bounty_id: BountyId, position: int | None, now: datetime
) -> datetime | None:
    """Estimate when an evaluation begins, by how long the last ones took."""
    if position is None:
        return None
    seconds = position * await get_mean_seconds(tx, bounty_id)
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
        .with_for_update(**HELD)
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
