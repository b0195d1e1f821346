"""What happens to ratings."""

from dataclasses import dataclass

from dml.core.events import Event
from dml.core.ids import AlgorithmId, RatingId


@dataclass(frozen=True)
class RatingEvent(Event, kind="rating"):
    """Seen by who gave the rating and by the algorithm's developer."""

    rating_id: RatingId
    algorithm_id: AlgorithmId


@dataclass(frozen=True)
class RatingGiven(RatingEvent):
    """A customer rated an algorithm that a job of theirs has run."""

    stars: int


@dataclass(frozen=True)
class RatingChanged(RatingEvent):
    """Its author changed the stars or the text."""

    stars: int


class RatingDeleted(RatingEvent):
    """Its author deleted it."""


class RatingAnswered(RatingEvent):
    """The developer replied to it, or changed the reply."""


class RatingReplyDeleted(RatingEvent):
    """The developer took the reply back."""


class RatingHidden(RatingEvent):
    """A moderator hid it, and said why: it is neither shown nor counted."""


class RatingRestored(RatingEvent):
    """A moderator let it be shown and counted again."""
