"""What happens to profiles. Only admins see it."""

from dataclasses import dataclass

from dml.core.events import Event
from dml.core.ids import ProfileId
from dml.profiles.models import ProfileKind


@dataclass(frozen=True)
class ProfileEvent(Event, kind="profile"):
    """Seen by admins alone."""

    profile_id: ProfileId


@dataclass(frozen=True)
class ProfileRequested(ProfileEvent):
    """An admin asked for a profile of a process, over so many seconds."""

    process: str
    profile_kind: ProfileKind
    seconds: int
