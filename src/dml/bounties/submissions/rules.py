"""What may happen to test sets and submissions, how many there may be, and who reads them. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from dml.bounties import rules
from dml.bounties.models import (
    Bounty,
    BountyState,
    Enrollment,
    EnrollmentState,
    Judging,
    Submission,
    SubmissionKind,
    SubmissionState,
    TestSet,
    TestSetState,
)
from dml.core.context import Actor
from dml.core.errors import Conflict, NotFound, TooMany
from dml.core.states import Move, Moves

FILES_A_DAY: Final = 200  # Of one entrant, checked or scored, whatever became of them.
BYTES_A_DAY: Final = 10 << 30  # And of all these together: they are kept.
ATTEMPTS_MAX: Final = 3  # Evaluations that the platform may fail at.
DEFERRALS_MAX: Final = 30  # So often a worker that failed leaves a submission to another one.
SECONDS_BEFORE_KNOWN: Final = 5.0  # What an evaluation is thought to take before there was one.
AT_ONCE_SECONDS: Final = 5  # When to ask again while others are under way.
# An evaluation takes minutes at most. What nobody came before, and has not ended by then, has met
# workers that die of it.
END_WITHIN: Final = timedelta(hours=2)

TEST_SET_MOVES: Final = Moves(
    {
        TestSetState.UPLOADED: {TestSetState.CHECKED, TestSetState.REFUSED},
        TestSetState.CHECKED: {TestSetState.UPLOADED},  # Another metric: checked again.
        TestSetState.REFUSED: {TestSetState.UPLOADED},
    },
    lambda state, _, allowed: rules.WrongState(state=state, allowed=allowed),
)

UNDER_WAY: Final = (
    SubmissionState.VALIDATING,
    SubmissionState.QUEUED,
    SubmissionState.EVALUATING,
)
# Nothing needs the file of such a one: after a while it goes.
CAME_TO_NOTHING: Final = (
    SubmissionState.VALID,
    SubmissionState.FAILED,
    SubmissionState.CANCELLED,
)
MEDIA_TYPES: Final[Mapping[SubmissionKind, str]] = {
    SubmissionKind.CSV: "text/csv",
    SubmissionKind.PARQUET: "application/vnd.apache.parquet",
    SubmissionKind.ONNX: "application/onnx",
    SubmissionKind.FILE: "application/octet-stream",
}
ENDINGS: Final[Mapping[SubmissionKind, str]] = {
    SubmissionKind.CSV: "csv",
    SubmissionKind.PARQUET: "parquet",
    SubmissionKind.ONNX: "onnx",
    SubmissionKind.FILE: "bin",
}
TABLES: Final = (SubmissionKind.CSV, SubmissionKind.PARQUET)  # What a test set may be.
assert MEDIA_TYPES.keys() == ENDINGS.keys() == set(SubmissionKind)

# From these states on, owner and moderators may read submitted files. While scores still count, an
# owner with a second account could enter a copy of the best.
_READABLE: Final[Mapping[Judging, tuple[BountyState, ...]]] = {
    Judging.METRIC: (BountyState.DISPUTING, BountyState.FINISHED),
    Judging.MANUAL: (BountyState.EVALUATING, BountyState.DISPUTING, BountyState.FINISHED),
}
PLATFORM_FAILED: Final = [
    {
        "code": "platform.evaluation_failed",
        "detail": "It failed by our fault, and not by yours; it does not count. Submit it again.",
    }
]
TEST_SET_CHECK_FAILED: Final = [
    {
        "code": "platform.check_failed",
        "detail": "The check failed by our fault, and not by yours. Upload the file again.",
    }
]
Upcoming: TypeAlias = list[tuple[str, datetime | None]]


class TestSetNotFound(NotFound):
    __test__ = False
    code = "bounties.test_set_not_found"
    reason = "This bounty has no test set."
    remedy = "Its owner uploads one with `PUT …/test-set`."


class JudgedByHand(Conflict):
    code = "bounties.judged_by_hand"
    reason = "A bounty that is judged by hand has no test set."
    remedy = "Leave it out, or make a bounty that a metric judges."


class NotCompeting(Conflict):
    code = "bounties.not_competing"
    reason = "This entrant has left the bounty, or was taken out of it."
    remedy = "Look at the enrollment's `state` and `state_reason`."
    state: EnrollmentState


class SubmissionsNotOpen(Conflict):
    code = "bounties.submissions_not_open"
    reason = "The time for submissions has not begun."
    remedy = "Come back at `submits_at`."
    state: BountyState
    submits_at: datetime


class ClosedForSubmissions(Conflict):
    code = "bounties.closed_for_submissions"
    reason = "The time for submissions is over."
    remedy = "Wait for the ranking."
    closed_at: datetime


class ModelsNotTaken(Conflict):
    code = "bounties.models_not_taken"
    reason = "The hidden test set has no features that a model could be run over."
    remedy = "Submit a file of predictions."


class SubmissionNotFound(NotFound):
    code = "bounties.submission_not_found"
    reason = "There is no such submission, or none that you may see."
    remedy = "Look it up in the list of submissions."


class SubmissionsOfDayUsed(TooMany):
    code = "bounties.submissions_of_day_used"
    reason = "All submissions of this day are used."
    remedy = "Come back after `retry_after_seconds`; files can still be checked with `dry_run`."
    limits: "Limits"


class FilesOfDayUsed(TooMany):
    code = "bounties.files_of_day_used"
    reason = "No more files are taken from this entrant on this day."
    remedy = "Come back after `retry_after_seconds`."
    limits: "Limits"


class TooManyConcurrentSubmissions(TooMany):
    code = "bounties.too_many_concurrent_submissions"
    reason = "As many submissions as may be are under way."
    remedy = "Wait until one of them has ended, or cancel one."
    limits: "Limits"


class SubmissionsUsedUp(Conflict):
    code = "bounties.submissions_used_up"
    reason = "All submissions to this bounty are used."
    remedy = "Choose which of them is your final one; files can still be checked with `dry_run`."
    limits: "Limits"


class FilesSealed(Conflict):
    code = "bounties.files_sealed"
    reason = "Submitted files cannot be read yet, or never: nobody was judged."
    remedy = "Wait until the bounty is disputing (judged by hand: evaluating)."
    state: BountyState


class SubmissionNotScored(Conflict):
    code = "bounties.submission_not_scored"
    reason = "Only a scored submission can be the final one."
    remedy = "Choose one whose `state` is `scored`."
    state: SubmissionState


@dataclass(frozen=True, slots=True)
class Used:
    """What an entrant has used of its limits: scored submissions, and those that may be scored."""

    day: int
    total: int
    concurrent: int  # Under way, dry runs included.
    files: int  # Of the day, in every state.
    size: int = 0  # In bytes, of all these.


@dataclass(frozen=True, slots=True)
class Left:
    limit: int
    remaining: int


@dataclass(frozen=True, slots=True)
class LeftOfDay(Left):
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """How many submissions an entrant has left. A day is one of UTC."""

    today: LeftOfDay
    concurrent: Left
    total: Left


def day_of(now: datetime) -> datetime:
    """Return when the day (in UTC) of this moment began."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def limits(bounty: Bounty, used: Used, now: datetime) -> Limits:
    """Return what is left, at least 0: a bounty's limits may have been lowered since."""

    def left(limit: int, gone: int) -> int:
        return max(0, limit - gone)

    total = left(bounty.submissions_total, used.total)
    day = min(left(bounty.submissions_per_day, used.day), total)
    return Limits(
        today=LeftOfDay(bounty.submissions_per_day, day, day_of(now) + timedelta(days=1)),
        concurrent=Left(
            bounty.submissions_concurrent, left(bounty.submissions_concurrent, used.concurrent)
        ),
        total=Left(bounty.submissions_total, total),
    )


def require_room(bounty: Bounty, used: Used, now: datetime, *, dry_run: bool) -> None:
    """Refuse a submission beyond the limits. A dry run counts only as one under way."""
    quotas = limits(bounty, used, now)
    tomorrow = max(1, math.ceil((quotas.today.resets_at - now).total_seconds()))
    if used.files >= FILES_A_DAY or used.size >= BYTES_A_DAY:
        raise FilesOfDayUsed(retry_after_seconds=tomorrow, limits=quotas)
    if not dry_run and quotas.total.remaining == 0:
        raise SubmissionsUsedUp(limits=quotas)
    if not dry_run and quotas.today.remaining == 0:
        raise SubmissionsOfDayUsed(retry_after_seconds=tomorrow, limits=quotas)
    if quotas.concurrent.remaining == 0:
        raise TooManyConcurrentSubmissions(retry_after_seconds=AT_ONCE_SECONDS, limits=quotas)


def kind_of(content_type: str, *taken: SubmissionKind) -> SubmissionKind | None:
    """Return the kind of a body by its Content-Type; None if it is not accepted."""
    media_type = content_type.partition(";")[0].strip().lower()
    return next((it for it in taken if MEDIA_TYPES[it] == media_type), None)


def kinds_taken(bounty: Bounty) -> tuple[SubmissionKind, ...]:
    """Return what may be submitted: any file only if people judge it."""
    if bounty.judging is Judging.MANUAL:
        return tuple(SubmissionKind)
    return SubmissionKind.CSV, SubmissionKind.PARQUET, SubmissionKind.ONNX


def require_takes_submissions(bounty: Bounty, now: datetime) -> None:
    """Refuse before, after, and while paused; by the dates too, since states may change late."""
    if bounty.state in (BountyState.EVALUATING, BountyState.DISPUTING, BountyState.FINISHED):
        raise ClosedForSubmissions(closed_at=bounty.closes_at)
    if bounty.state in (*rules.BEFORE_OPENING, BountyState.ENROLLING):
        raise SubmissionsNotOpen(state=bounty.state, submits_at=bounty.submits_at)
    rules.require_state(bounty, BountyState.SUBMITTING)
    rules.require_running(bounty)
    if now >= bounty.closes_at:
        raise ClosedForSubmissions(closed_at=bounty.closes_at)


def still_counts(bounty: Bounty) -> bool:
    """Whether a score found now may change the board: not once it is ranked, or cancelled."""
    return bounty.state in (BountyState.SUBMITTING, BountyState.EVALUATING)


def require_competing(enrollment: Enrollment) -> None:
    if not enrollment.competes:
        raise NotCompeting(state=enrollment.state)


def require_judged_by_metric(bounty: Bounty) -> str:
    """Return the metric, or refuse a bounty that has none."""
    if bounty.metric is None:
        raise JudgedByHand
    return bounty.metric


def require_takes_models(bounty: Bounty, test_set: TestSet | None) -> None:
    """Refuse a model where there is nothing to run it over."""
    if bounty.judging is Judging.METRIC and not (test_set and test_set.features):
        raise ModelsNotTaken


def require_scored(submission: Submission) -> None:
    if submission.state is not SubmissionState.SCORED:
        raise SubmissionNotScored(state=submission.state)


def require_file_kept(submission: Submission, refused_since: datetime) -> None:
    """Refuse the file of a submission that failed or was cancelled before that moment."""
    at = submission.ended_at or submission.created_at
    if submission.state in CAME_TO_NOTHING and at <= refused_since:
        raise rules.FileForgotten


def require_readable(bounty: Bounty) -> None:
    """Refuse owner and moderators a file that only its own team may read yet."""
    if not are_readable(bounty):
        raise FilesSealed(state=bounty.state)


def are_readable(bounty: Bounty) -> bool:
    """Whether owner and moderators may read the files: at the end."""
    return bounty.state in _READABLE[bounty.judging]


def manages_submissions(bounty: Bounty, actor: Actor, *, has_entered: bool) -> bool:
    """Whether the actor sees the rows of everybody's submissions: nobody who competes does."""
    return rules.manages(bounty, actor) and not has_entered


def is_under_way(submission: Submission) -> bool:
    return submission.state in UNDER_WAY


def is_waiting(submission: Submission, before: int | None, now: datetime) -> bool:
    """Whether it takes so long because others are before it, and not because it cannot end.

    `before` is how many are to be done before it.
    """
    if submission.state is SubmissionState.EVALUATING:
        return submission.started_at is not None and submission.started_at > now - END_WITHIN
    return bool(before)


def move_test_set(test_set: TestSet, to: TestSetState) -> Move:
    return TEST_SET_MOVES.move(test_set, to)


def upcoming(submission: Submission, starts_at: datetime | None) -> Upcoming:
    """Return the next action, and its time if it happens automatically."""
    late = submission.created_at + END_WITHIN
    match submission.state:
        case SubmissionState.VALIDATING:
            return [("validate", submission.created_at), ("give_up", late)]
        case SubmissionState.QUEUED:
            return [("evaluate", starts_at), ("give_up", late)]
        case SubmissionState.EVALUATING:
            return [("score", None), ("give_up", late)]
        case _:
            return []
