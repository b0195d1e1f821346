"""What happens to algorithms and their versions."""

from dataclasses import dataclass
from typing import ClassVar

from dml.algorithms.models import Algorithm
from dml.core.events import Event, user
from dml.core.ids import AlgorithmId, UserId, VersionId


def seen_by(algorithm: Algorithm) -> list[str]:
    """Say who follows an algorithm and its versions, whatever happens to them."""
    return [user(algorithm.developer_id)]


@dataclass(frozen=True)
class AlgorithmEvent(Event, kind="algorithm"):
    """Seen by its developer; what lists it, by everyone."""

    algorithm_id: AlgorithmId


class AlgorithmCreated(AlgorithmEvent):
    """A developer began an algorithm."""


class AlgorithmEdited(AlgorithmEvent):
    """Its developer changed what is said of it, or its price for new jobs."""


class AlgorithmDeleted(AlgorithmEvent):
    """Its developer gave up a draft, and nothing of it is left."""


@dataclass(frozen=True)
class AlgorithmListed(AlgorithmEvent):
    """The first of its versions was approved: everyone can find it."""

    version_id: VersionId


class AlgorithmAnnounced(AlgorithmEvent):
    """Everyone can see that it is coming. Nobody can order it yet."""


class AlgorithmWithdrawn(AlgorithmEvent):
    """Its developer took the announcement back: it is a draft again."""


@dataclass(frozen=True)
class AlgorithmSuspended(AlgorithmEvent, heard=True):
    """Its developer or a moderator took it off the list for now: no new job runs it."""

    reason_code: str | None = None


class AlgorithmAppealed(AlgorithmEvent):
    """Its developer asked that another moderator look at its suspension."""


class AlgorithmAppealUpheld(AlgorithmEvent, heard=True):
    """Another moderator found that it was rightly suspended."""


class AlgorithmAppealOverturned(AlgorithmEvent, heard=True):
    """Another moderator found that it was wrongly suspended, and lists it again."""


class AlgorithmAppealSettled(AlgorithmEvent):
    """What was appealed about is over: it was resumed, or archived."""


class AlgorithmResumed(AlgorithmEvent):
    """It is listed again."""


class AlgorithmArchived(AlgorithmEvent):
    """It was taken off the list for good. Jobs that run it go on."""


@dataclass(frozen=True)
class VersionEvent(Event, kind="version"):
    """Seen by its developer; moderators see what waits for review, everyone what may be run."""

    version_id: VersionId
    algorithm_id: AlgorithmId


class VersionUploaded(VersionEvent):
    """A model was uploaded, and is being checked."""


class VersionChecked(VersionEvent):
    """The model passed its check: it can be submitted for review."""


class VersionRefused(VersionEvent):
    """The model did not pass its check; the reason says why."""


class VersionSubmitted(VersionEvent):
    """Its developer asked for a review."""


class VersionWithdrawn(VersionEvent):
    """Its developer took it back from review."""


@dataclass(frozen=True)
class VersionApproved(VersionEvent, heard=True):
    """A moderator approved it: jobs can run it."""

    reason_code: str | None = None


@dataclass(frozen=True)
class VersionRejected(VersionEvent, heard=True):
    """A moderator turned it down; the reason says why."""

    reason_code: str | None = None


@dataclass(frozen=True)
class VersionRecalled(VersionEvent, heard=True):
    """Nobody may run it any more: what runs of it ends, and its jobs with it."""

    PRIVATE: ClassVar = frozenset({"recalled_by"})
    recalled_by: UserId
    reason_code: str | None = None


class VersionAppealed(VersionEvent):
    """Its developer asked that another moderator look at its rejection, or its recall."""


class VersionAppealUpheld(VersionEvent, heard=True):
    """Another moderator found that it was rightly rejected, or recalled."""


class VersionAppealOverturned(VersionEvent):
    """Another moderator found that it was wrongly rejected, or recalled, and approves it."""


class VersionAppealSettled(VersionEvent):
    """What was appealed about is over: the version was deleted, or its algorithm archived."""


class VersionDeleted(VersionEvent):
    """Its developer gave it up, and its file is gone."""
