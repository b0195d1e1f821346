"""Which versions may be tried by whom, and what is made of a model's probabilities. Pure."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dml.algorithms.models import Algorithm, Version, VersionState
from dml.algorithms.rules import manages, require_runnable
from dml.core.context import Actor
from dml.core.errors import Conflict, Invalid, Unavailable

SAMPLE_BYTES_MAX: Final = 16 << 20
LABELS_SHOWN_MAX: Final = 10
# What its developer and moderators may try: whatever passed its check, unless it was recalled.
TRIED_BY_MANAGERS: Final = (
    VersionState.APPROVED,
    VersionState.IN_REVIEW,
    VersionState.CHECKED,
    VersionState.REJECTED,
)


class VersionNotTriable(Conflict):
    code = "algorithms.version_not_triable"
    reason = (
        "This version can't be tried: it did not pass its check, or nobody may run it any more."
    )
    remedy = "Choose another one from the algorithm's list of versions."
    state: VersionState


class NothingToTry(Conflict):
    code = "algorithms.nothing_to_try"
    reason = "This algorithm has no version that you could try."
    remedy = "Come back when one is approved."


class SampleUnreadable(Invalid):
    code = "algorithms.sample_unreadable"
    reason = "The sample can't be read: `why` says more."
    remedy = "Send a photo as a JPEG, PNG, WebP or another kind that agents read."
    why: str


class BadTensor(Invalid):
    code = "algorithms.bad_tensor"
    pointer = "/tensor"
    reason = "The tensor is not what the version's input spec says: `why` says more."
    remedy = 'Send {"tensor": […]} of finite numbers, in the shape of one item.'
    why: str


class ModelFailed(Conflict):
    code = "algorithms.model_failed"
    reason = "The model gave no answer for this sample: `why` says more."
    remedy = "Try another sample, or tell its developer."
    why: str


class DemosBusy(Unavailable):
    code = "algorithms.demos_busy"
    reason = "Too many samples wait to be tried just now."
    remedy = "Send it again in as many seconds as `retry_after_seconds` says."


class DemosOff(Unavailable):
    """The platform's own fault: the child does not start, or is not locked here."""

    code = "algorithms.demos_off"
    reason = "Models can't be run safely on this server just now."
    remedy = "Try again later; if it stays so, write to whoever runs this marketplace."


@dataclass(frozen=True, slots=True)
class Guess:
    """A label, and how sure the model is of it."""

    label: str
    confidence: float


def require_triable(algorithm: Algorithm, version: Version, actor: Actor) -> None:
    """Refuse a version that this actor may not try."""
    if not manages(algorithm, actor):
        require_runnable(algorithm, version)
    elif version.state not in TRIED_BY_MANAGERS:
        raise VersionNotTriable(state=version.state)


def triable_states(algorithm: Algorithm, actor: Actor) -> Sequence[VersionState]:
    """Return the states of the versions that this actor may try, the best first."""
    return TRIED_BY_MANAGERS if manages(algorithm, actor) else (VersionState.APPROVED,)


def require_any(version: Version | None) -> Version:
    if version is None:
        raise NothingToTry
    return version


def require_sane(shares: Sequence[float], labels: int) -> None:
    """Refuse what is no answer: the child that ran the model may have been taken over."""
    if len(shares) != labels or not all(0 <= it <= 1 for it in shares):
        raise ModelFailed(why="Its answer makes no sense.")


def best(shares: Sequence[float], labels: Sequence[str], most: int) -> list[Guess]:
    """Return the most probable labels, of equal ones the first first, as a device chooses."""
    order = sorted(range(len(labels)), key=lambda place: (-shares[place], place))
    return [Guess(labels[place], round(shares[place], 6)) for place in order[:most]]


def is_certain(share: float, min_confidence: float) -> bool:
    """Whether a device would count it. Compared as float32, which the model computes in."""
    return share >= array("f", [min_confidence])[0]
