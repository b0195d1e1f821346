"""Boards as they are after a while: rows, for what takes thousands of entrants or no files at all.

Stories that begin with people and files use `factories`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dml.bounties.models import (
    Bounty,
    BountyState,
    Enrollment,
    EnrollmentState,
    Judging,
    Member,
    Record,
    Submission,
    SubmissionKind,
    SubmissionState,
    Ties,
)
from dml.core.ids import BountyId, EnrollmentId, SubmissionId, UserId, new_id
from dml.core.money import ONE_TOKEN, MicroTokens

NAMES: Final = ("Ada", "Bela", "Chen", "Dora", "Emeka", "Farid", "Grace", "Hana", "Ivan", "Juno")


def make_bounty(tx: AsyncSession, owner_id: UserId, **changes: Any) -> Bounty:
    """A bounty in the midst of its submissions, unless something else is wanted."""
    now = changes.pop("now", None) or datetime.now(UTC)
    prizes = [MicroTokens(it * ONE_TOKEN) for it in changes.pop("prizes", (500, 300, 200))]
    facts: dict[str, Any] = {
        "state": BountyState.SUBMITTING,
        "name": "Which tumour is it?",
        "organisation": "Example Clinic",
        "subtitle": "Tell benign from malignant by thirty measures of a cell's nucleus.",
        "description": "A description.\nOf two lines.",
        "data": "Cells",
        "evaluation": "By the area below the curve.",
        "rules": "Be fair.",
        "tags": ["health"],
        "judging": Judging.METRIC,
        "metric": "roc_auc.v1",
        "ties": Ties.SHARE,
        "enrollment_fee": MicroTokens(0),
        "team_size_max": 1,
        "submissions_per_day": 5,
        "submissions_concurrent": 2,
        "submissions_total": 100,
        "enrolls_at": now - timedelta(days=20),
        "submits_at": now - timedelta(days=10),
        "closes_at": now + timedelta(days=10),
        "judged_by": now + timedelta(days=20),
        "dispute_seconds": 7 * 86_400,
        "created_at": now - timedelta(days=30),
        "funded_at": now - timedelta(days=25),
    } | changes
    bounty = Bounty(
        id=BountyId(new_id()),
        owner_id=owner_id,
        prizes=prizes,
        prize_pool=MicroTokens(sum(prizes)),
        **facts,
    )
    tx.add(bounty)
    return bounty


async def enter(
    tx: AsyncSession,
    bounty: Bounty,
    captain_id: UserId,
    name: str,
    score: float | None = None,
    **changes: Any,
) -> Enrollment:
    """Somebody who entered, with one scored submission where there is a score."""
    bounty.entrants += 1
    at = bounty.submits_at + timedelta(days=bounty.entrants)
    enrollment_id, submission_id = EnrollmentId(new_id()), SubmissionId(new_id())
    scored = score is not None or bounty.judging is Judging.MANUAL
    facts: dict[str, Any] = {
        "state": EnrollmentState.ENROLLED,
        "submissions": int(scored),
        "best_submission_id": submission_id if score is not None else None,
        "best_score": score,
        "best_key": None if score is None else -score,
        "best_at": None if score is None else at,
    } | changes
    enrollment = Enrollment(
        id=enrollment_id,
        bounty_id=bounty.id,
        captain_id=captain_id,
        number=bounty.entrants,
        name=name,
        fee=MicroTokens(0),
        rules_sha256="0" * 64,
        created_at=bounty.enrolls_at,
        **facts,
    )
    tx.add(enrollment)
    await tx.flush()
    tx.add(
        Member(
            enrollment_id=enrollment_id,
            user_id=captain_id,
            bounty_id=bounty.id,
            share_bps=10_000,
            agreed_at=bounty.enrolls_at,
        )
    )
    if scored:
        tx.add(_submission(bounty, enrollment, submission_id, score, at))
    await tx.flush()
    return enrollment


def _submission(
    bounty: Bounty,
    enrollment: Enrollment,
    submission_id: SubmissionId,
    score: float | None,
    at: datetime,
) -> Submission:
    return Submission(
        id=submission_id,
        bounty_id=bounty.id,
        enrollment_id=enrollment.id,
        submitter_id=enrollment.captain_id,
        state=SubmissionState.SCORED,
        kind=SubmissionKind.CSV if bounty.metric else SubmissionKind.FILE,
        name="first",
        dry_run=False,
        sha256="1" * 64,
        size=1,
        created_at=at,
        metric=bounty.metric,
        shown_score=score,
        commitment=f"{enrollment.number:064x}" if score is not None else None,
        predictions_sha256="f" * 64,
    )


async def set_records(
    tx: AsyncSession, bounty: Bounty, entrants: Sequence[Enrollment], scores: Sequence[float]
) -> None:
    """When the best public score was beaten: hours apart, by one entrant after the other."""
    await tx.flush()
    for n, score in enumerate(scores):
        at = bounty.submits_at + timedelta(hours=3 + 17 * n)
        who = entrants[n % len(entrants)].id
        tx.add(Record(bounty_id=bounty.id, at=at, enrollment_id=who, score=score))
    await tx.flush()


async def enter_many(
    tx: AsyncSession, bounty: Bounty, captain_id: UserId, count: int, submissions: int = 1
) -> None:
    """Thousands of entrants, each with so many scored submissions, the last one its best."""
    await tx.flush()
    people, files = list[dict[str, Any]](), list[dict[str, Any]]()
    for n in range(count):
        enrollment_id = new_id()
        ids = [new_id() for _ in range(submissions)]
        at = bounty.submits_at + timedelta(seconds=n)
        score = (n * 7_919 % 10_007) / 10_007
        people.append(
            {
                "id": enrollment_id,
                "bounty_id": bounty.id,
                "captain_id": captain_id,
                "number": n + 1,
                "name": f"entrant {n + 1}",
                "state": EnrollmentState.ENROLLED,
                "fee": 0,
                "rules_sha256": "0" * 64,
                "created_at": bounty.enrolls_at,
                "submissions": submissions,
                "best_submission_id": ids[-1],
                "best_score": score,
                "best_key": -score,
                "best_at": at,
            }
        )
        files += [
            {
                "id": it,
                "bounty_id": bounty.id,
                "enrollment_id": enrollment_id,
                "submitter_id": captain_id,
                "state": SubmissionState.SCORED,
                "kind": SubmissionKind.CSV,
                "name": "one of many",
                "dry_run": False,
                "sha256": "1" * 64,
                "size": 1,
                "created_at": at,
                "attempts": 0,
                "failed_nodes": [],
                "refusals": [],
                "metric": bounty.metric,
                "shown_score": score,
                "commitment": f"{n:064x}",
            }
            for it in ids
        ]
    bounty.entrants = count
    await tx.execute(insert(Enrollment), people)
    await tx.execute(insert(Submission), files)
    await tx.flush()
