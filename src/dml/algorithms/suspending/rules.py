"""Who may suspend an algorithm, and who may resume it. Pure."""

from dml.algorithms.models import Algorithm, AlgorithmState, SuspendedBy
from dml.algorithms.rules import ALGORITHM_MOVES, NotDeveloper, require_developer
from dml.core.context import Actor
from dml.core.errors import Forbidden


class SuspendedByModerator(Forbidden):
    code = "algorithms.suspended_by_moderator"
    reason = "A moderator suspended this algorithm, so only a moderator resumes it."
    remedy = (
        "Read the reason in its timeline, and mend that. If it is wrong, appeal: `POST "
        "/v1/algorithms/{algorithm_id}/appeal`."
    )


def require_suspended(algorithm: Algorithm) -> None:
    """Refuse to resume what was never stopped: a draft is listed by an approval alone."""
    if algorithm.state is not AlgorithmState.SUSPENDED:
        raise ALGORITHM_MOVES.refusal(algorithm.state)


def suspends_as(algorithm: Algorithm, actor: Actor) -> SuspendedBy:
    """Tell as what an actor suspends it, or refuse. Its developer is nobody's moderator there."""
    if actor.user_id == algorithm.developer_id:
        return SuspendedBy.DEVELOPER
    if not actor.is_moderator:
        raise NotDeveloper
    return SuspendedBy.MODERATOR


def require_may_resume(algorithm: Algorithm, actor: Actor) -> None:
    """Refuse others than its developer or, where a moderator suspended it, than moderators."""
    require_suspended(algorithm)
    if algorithm.suspended_by is SuspendedBy.DEVELOPER:
        require_developer(algorithm, actor)
    elif not actor.is_moderator:
        raise SuspendedByModerator


def takes_over(algorithm: Algorithm, suspended_by: SuspendedBy) -> bool:
    """Whether a moderator suspends what its developer has suspended already."""
    return (
        algorithm.state is AlgorithmState.SUSPENDED
        and algorithm.suspended_by is SuspendedBy.DEVELOPER
        and suspended_by is SuspendedBy.MODERATOR
    )
