"""Who may appeal against what, and who decides about it. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dml.algorithms.appeals.models import Appeal, AppealedDecision, AppealState
from dml.algorithms.models import Algorithm, AlgorithmState, SuspendedBy, Version, VersionState
from dml.core.context import Actor
from dml.core.errors import Conflict, Forbidden, NotFound
from dml.core.ids import UserId
from dml.core.states import Move, Moves

APPEAL_MOVES: Final = Moves(
    {
        AppealState.OPEN: {AppealState.UPHELD, AppealState.OVERTURNED, AppealState.SETTLED},
        AppealState.UPHELD: (),
        AppealState.OVERTURNED: (),
        AppealState.SETTLED: (),
    },
    lambda state, *_: AppealResolved(state=state),
)

# Whoever collects files looks before it deletes one, and must not have looked just before.
BEFORE_ITS_FILE_GOES: Final = timedelta(hours=1)


class AppealNotFound(NotFound):
    code = "algorithms.appeal_not_found"
    reason = "There is no such appeal."
    remedy = "Look it up in the list of appeals."


class AppealResolved(Conflict):
    code = "algorithms.appeal_resolved"
    reason = "This appeal is decided, or what it was about is over."
    remedy = "Read its `state` and `resolution`; there is nothing left to do."
    state: AppealState


class NothingToAppeal(Conflict):
    code = "algorithms.nothing_to_appeal"
    reason = "No moderator has rejected, recalled or suspended this, so there is nothing to appeal."
    remedy = "Look at its `state`: what you suspended yourself, you can resume."
    state: VersionState | AlgorithmState


class AppealedAlready(Conflict):
    code = "algorithms.appealed_already"
    reason = "Each decision can be appealed once, and this one was."
    remedy = "Read what came of it (`GET /v1/algorithms/{algorithm_id}/appeals`)."


class OwnDecision(Forbidden):
    code = "algorithms.own_decision"
    reason = "An appeal is decided by another moderator than the one whose decision it is about."
    remedy = "Ask another moderator."


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that can be appealed: when, by whom as far as known, and why."""

    decision: AppealedDecision
    at: datetime
    by: UserId | None
    reason: str | None
    code: str | None


def decision_about(version: Version) -> Decided:
    """Return what a moderator decided against a version, or refuse."""
    if version.state is VersionState.REJECTED:
        at = version.reviewed_at or version.created_at
        why = version.review_reason, version.review_code
        return Decided(AppealedDecision.REJECTION, at, version.reviewed_by, *why)
    if version.state is VersionState.RECALLED:
        at = version.recalled_at or version.created_at
        why = version.recall_reason, version.recall_code
        return Decided(AppealedDecision.RECALL, at, version.recalled_by, *why)
    raise NothingToAppeal(state=version.state)


def suspension_of(algorithm: Algorithm) -> Decided:
    """Return what a moderator decided against an algorithm, or refuse."""
    if (
        algorithm.state is not AlgorithmState.SUSPENDED
        or algorithm.suspended_by is SuspendedBy.DEVELOPER
    ):
        raise NothingToAppeal(state=algorithm.state)
    return Decided(
        AppealedDecision.SUSPENSION,
        algorithm.suspended_at or algorithm.updated_at,
        algorithm.suspended_by_id,
        algorithm.suspension_reason,
        algorithm.suspension_code,
    )


def require_another(appeal: Appeal, actor: Actor) -> None:
    """Refuse the moderator whose decision it was."""
    if appeal.decided_by is not None and actor.user_id == appeal.decided_by:
        raise OwnDecision


def require_open(appeal: Appeal) -> None:
    if appeal.state is not AppealState.OPEN:
        raise AppealResolved(state=appeal.state)


def resolve(appeal: Appeal, to: AppealState, actor: Actor, resolution: str, now: datetime) -> Move:
    """End an appeal. What settles by itself was decided by nobody."""
    move = APPEAL_MOVES.move(appeal, to)
    appeal.resolved_at, appeal.resolution = now, resolution
    appeal.resolved_by = None if to is AppealState.SETTLED else actor.user_id
    return move
