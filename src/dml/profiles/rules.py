"""What may be profiled, for how long, and how a profile's state changes."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

from dml.core.errors import Conflict, NotFound
from dml.core.ids import ProfileId
from dml.core.states import Move, Moves
from dml.profiles.models import Profile, ProfileKind, ProfileState

FACT: Final = "profiles"  # What a process says of itself: by what it can be profiled.
SECONDS_MAX: Final = 60
SPARE: Final = timedelta(seconds=60)  # To hear of it, and to make the files of it.
KEPT: Final = timedelta(days=7)
KEPT_MAX: Final = 20
GZIPPED_MAX: Final = 8 << 20  # Of each file: the table's own limit.
FILE_MAX: Final = 32 << 20  # Before that: it is answered from memory.


class ProfileNotFound(NotFound):
    code = "profiles.not_found"
    reason = "There is no such profile."
    remedy = "Use an id of `GET /v1/admin/profiles`. The last 20 are kept, for a week."


class ProcessNotFound(NotFound):
    code = "profiles.process_not_found"
    reason = "No process that is alive has this name."
    remedy = "Use a `name` of `GET /v1/admin/processes`: a process that starts again has another."


class ProfileUnderWay(Conflict):
    code = "profiles.under_way"
    reason = "A process is being profiled: one can be at a time."
    remedy = "Wait until that profile is over (`GET /v1/admin/profiles/{id}`), and ask again."
    profile_id: ProfileId


class ProfilerMissing(Conflict):
    code = "profiles.not_installed"
    reason = "This process cannot be profiled so: what does that is not installed where it runs."
    remedy = (
        "Run `pip install 'dml[profiling]'` there, and restart it. The container image has it. "
        "`kinds` says by what it can be profiled now."
    )
    kinds: list[ProfileKind]


class ProfileNotFinished(Conflict):
    code = "profiles.not_finished"
    reason = "This profile has no files, or none yet."
    remedy = "Ask again once its `state` is `finished`. Of one that has `failed` there are none."
    state: ProfileState


class WrongProfileState(Conflict):
    code = "profiles.wrong_state"
    reason = "The profile's state does not allow this."
    remedy = "`allowed` says which states may follow this one."
    state: ProfileState
    wanted: ProfileState | None
    allowed: list[ProfileState]


def _refuse(state: Any, to: Any, allowed: list[Any]) -> WrongProfileState:
    return WrongProfileState(state=state, wanted=to, allowed=allowed)


MOVES: Final = Moves[ProfileState](
    {
        ProfileState.REQUESTED: {ProfileState.RUNNING, ProfileState.FAILED},
        ProfileState.RUNNING: {ProfileState.FINISHED, ProfileState.FAILED},
        ProfileState.FINISHED: (),
        ProfileState.FAILED: (),
    },
    _refuse,
)


def move_profile(profile: Profile, to: ProfileState) -> Move:
    return MOVES.move(profile, to)


def require_offered(kind: ProfileKind, kinds: Collection[str]) -> None:
    """Refuse what this process cannot be profiled by."""
    if kind not in kinds:
        raise ProfilerMissing(kinds=[it for it in ProfileKind if it in kinds])
