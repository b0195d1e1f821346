"""When an algorithm may be announced, and when that may be taken back. Pure."""

from typing import Final

from dml.algorithms.models import Algorithm, AlgorithmState
from dml.algorithms.rules import ALGORITHM_MOVES
from dml.core.errors import Conflict

ANNOUNCED_MOST: Final = 20  # Of one developer: everybody can see each before it is reviewed.


class AlreadyAnnounced(Conflict):
    code = "algorithms.already_announced"
    reason = "It is announced already, so everybody can see it."
    remedy = (
        "Nothing is left to do. To take it back: `POST /v1/algorithms/{algorithm_id}/withdraw`."
    )
    state: AlgorithmState


class NotAnnounced(Conflict):
    code = "algorithms.not_announced"
    reason = "It is not announced, so there is no announcement to take back."
    remedy = "Look at `state`: what is `listed` can be suspended, or archived."
    state: AlgorithmState


class TooManyAnnounced(Conflict):
    code = "algorithms.too_many_announced"
    reason = "A developer can have only so many announced algorithms at a time."
    remedy = "Take one of them back (`POST /v1/algorithms/{algorithm_id}/withdraw`), or publish it."
    most: int


def require_draft(algorithm: Algorithm) -> None:
    """Refuse to announce what everybody can see already, or what was stopped."""
    if algorithm.state is AlgorithmState.ANNOUNCED:
        raise AlreadyAnnounced(state=algorithm.state)
    if algorithm.state is not AlgorithmState.DRAFT:
        raise ALGORITHM_MOVES.refusal(algorithm.state)


def require_announced(algorithm: Algorithm) -> None:
    if algorithm.state is not AlgorithmState.ANNOUNCED:
        raise NotAnnounced(state=algorithm.state)


def require_room(announced: int) -> None:
    if announced >= ANNOUNCED_MOST:
        raise TooManyAnnounced(most=ANNOUNCED_MOST)
