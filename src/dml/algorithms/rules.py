"""What may happen to algorithms and versions, and who may do it. Pure: no session, no clock."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from dml.accounts.models import DataKind
from dml.accounts.rules import ModeratorsOnly, is_impartial
from dml.algorithms.models import (
    Algorithm,
    AlgorithmKind,
    AlgorithmState,
    Version,
    VersionState,
)
from dml.core.context import Actor
from dml.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotSignedIn,
    Stale,
    TooLarge,
    TooMany,
)
from dml.core.ids import UserId
from dml.core.states import Move, Moves

ALGORITHM_MOVES: Final = Moves(
    {
        AlgorithmState.DRAFT: {
            AlgorithmState.ANNOUNCED,
            AlgorithmState.LISTED,
            AlgorithmState.ARCHIVED,
        },
        AlgorithmState.ANNOUNCED: {
            AlgorithmState.DRAFT,
            AlgorithmState.LISTED,
            AlgorithmState.SUSPENDED,
            AlgorithmState.ARCHIVED,
        },
        AlgorithmState.LISTED: {AlgorithmState.SUSPENDED, AlgorithmState.ARCHIVED},
        AlgorithmState.SUSPENDED: {
            AlgorithmState.ANNOUNCED,
            AlgorithmState.LISTED,
            AlgorithmState.ARCHIVED,
        },
        AlgorithmState.ARCHIVED: (),
    },
    lambda state, _, allowed: WrongState(state=state, allowed=allowed),
)
# What nothing but an overturned appeal does, so no verb is refused with it as a way out.
BY_APPEAL: Final = frozenset(
    {
        (VersionState.REJECTED, VersionState.APPROVED),
        (VersionState.RECALLED, VersionState.APPROVED),
    }
)
VERSION_MOVES: Final = Moves(
    {
        VersionState.UPLOADED: {VersionState.CHECKED, VersionState.REFUSED},
        VersionState.CHECKED: {VersionState.IN_REVIEW, VersionState.DELETED},
        VersionState.REFUSED: {VersionState.DELETED},
        VersionState.IN_REVIEW: {
            VersionState.APPROVED,
            VersionState.REJECTED,
            VersionState.CHECKED,
        },
        VersionState.APPROVED: {VersionState.RECALLED},
        VersionState.REJECTED: {VersionState.DELETED, VersionState.APPROVED},
        VersionState.RECALLED: {VersionState.APPROVED},
        VersionState.DELETED: (),
    },
    lambda state, _, allowed: WrongState(
        state=state, allowed=[it for it in allowed if (state, it) not in BY_APPEAL]
    ),
)
# Of which data a device can make what a model of that kind takes.
DATA_KINDS: Final[Mapping[AlgorithmKind, frozenset[DataKind]]] = {
    AlgorithmKind.IMAGE: frozenset({DataKind.PHOTO}),
}
# No version of it was approved yet.
UNLISTED: Final = frozenset({AlgorithmState.DRAFT, AlgorithmState.ANNOUNCED})
SEEN_BY_ALL: Final = frozenset({AlgorithmState.LISTED, AlgorithmState.ANNOUNCED})
# What everybody sees. Whoever ran a version that was recalled shall be able to read why.
PUBLIC: Final = frozenset({VersionState.APPROVED, VersionState.RECALLED})
assert DATA_KINDS.keys() == set(AlgorithmKind)

# A check takes a minute at most. What has begun and not ended then has met workers that die of it.
CHECK_WITHIN: Final = timedelta(hours=2)
PENDING_MOST: Final = 1  # Versions of one developer that wait for their check.
PENDING_SECONDS: Final = 5  # When to ask again.


class AlgorithmNotFound(NotFound):
    code = "algorithms.not_found"
    reason = "There is no such algorithm."
    remedy = "Look it up in the list of algorithms."


class VersionNotFound(NotFound):
    code = "algorithms.version_not_found"
    reason = "This algorithm has no such version."
    remedy = "Look it up in the algorithm's list of versions."


class NotDeveloper(Forbidden):
    code = "algorithms.not_developer"
    reason = "Only the developer of an algorithm may do this."
    remedy = "Sign in as its developer, or make an algorithm of your own."


class OwnVersion(Forbidden):
    code = "algorithms.own_version"
    reason = "Nobody reviews a version of their own, or puts their own algorithm back on the list."
    remedy = "Ask another moderator."


class WrongState(Conflict):
    code = "algorithms.wrong_state"
    reason = "It is not in a state that allows this."
    remedy = "Look at `state`; from there it can only move to one of `allowed`."
    state: str
    allowed: Sequence[str]


class Archived(Conflict):
    code = "algorithms.archived"
    reason = "This algorithm is archived, for good."
    remedy = "Make a new one."


class EditedMeanwhile(Stale):
    code = "algorithms.edited_meanwhile"
    reason = "The algorithm was changed since you read it."


class NotDraft(Conflict):
    code = "algorithms.not_draft"
    reason = "Only what was never listed can be deleted: customers look up what they have run."
    remedy = "Archive it."
    state: AlgorithmState


class VersionPending(Conflict):
    code = "algorithms.version_pending"
    reason = "A version of it is being checked, or is in review."
    remedy = "Wait for its check, or withdraw it from review; then try again."


class ReasonMissing(Invalid):
    code = "algorithms.reason_missing"
    pointer = "/reason"
    reason = "A moderator archives an algorithm with a reason, which its developer reads."
    remedy = "Send a `reason`."


class NotListed(Conflict):
    code = "algorithms.not_listed"
    reason = "This algorithm is not on offer any more, or for now."
    remedy = "Choose another one from the list of algorithms."
    state: AlgorithmState


class VersionNotApproved(Conflict):
    code = "algorithms.version_not_approved"
    reason = "This version is not approved, so nobody can run it."
    remedy = "Choose the algorithm's `approved_version`."
    state: VersionState


class FileForgotten(NotFound):
    code = "algorithms.file_forgotten"
    reason = "The file is gone: its version was deleted, or turned down a while ago."
    remedy = "Upload it again, mended, as a new version."


class CheckPending(TooMany):
    code = "algorithms.check_pending"
    reason = "Another file of yours is being checked; a developer has one checked at a time."
    remedy = "Wait until that version's `state` is no longer `uploaded`, then send this one."


class FileTooLarge(TooLarge):
    code = "algorithms.file_too_large"
    reason = "The file is larger than allowed."
    remedy = "Send at most `limit_bytes`: make the model smaller, or quantise it."
    limit_bytes: int


class FileEmpty(Invalid):
    code = "algorithms.file_empty"
    pointer = "/file"
    reason = "The file is empty."
    remedy = "Send the model as ONNX in the part `file`."


class BadForm(Invalid):
    code = "algorithms.bad_form"
    reason = "This is not the form that an upload has."
    remedy = "Send `input_spec` and `file`, each once; `errors` names what is wrong."


class BadInputSpec(Invalid):
    code = "algorithms.bad_input_spec"
    reason = "The input spec is not valid."
    remedy = "Correct what `errors` names, and send it again."


@dataclass(frozen=True, slots=True)
class Finding:
    """What the check of a file found: its signature, or every reason to refuse it.

    `seconds` are what it took; none, where we failed. `passport` is what running it takes, and
    `behaviour` how it answered fixed pictures, as far as that could be measured.
    """

    signature: dict[str, Any] | None
    refusals: list[dict[str, str]]
    seconds: float = 0.0
    passport: dict[str, Any] | None = None
    behaviour: dict[str, Any] | None = None


# The platform's own failure: a file that was refused for it can be uploaded again.
CHECK_FAILED: Final = Finding(
    None,
    [
        {
            "code": "platform.check_failed",
            "detail": "The check failed by our fault, and not by yours. Upload the file again.",
        }
    ],
)
Upcoming: TypeAlias = list[tuple[str, datetime | None]]


def move_algorithm(
    algorithm: Algorithm, to: AlgorithmState, *, announced_at: datetime | None = None
) -> Move:
    """Change its state; who suspended it is known only while it is suspended.

    An announced one says since when.
    """
    assert (announced_at is not None) == (to is AlgorithmState.ANNOUNCED)
    move = ALGORITHM_MOVES.move(algorithm, to)
    algorithm.suspended_by = None
    algorithm.suspended_at = algorithm.suspended_by_id = None
    algorithm.suspension_reason = algorithm.suspension_code = None
    if to in UNLISTED:
        algorithm.announced_at = announced_at
    return move


def move_version(version: Version, to: VersionState) -> Move:
    """Change its state; why it was recalled is known only while it is."""
    move = VERSION_MOVES.move(version, to)
    version.recalled_at = version.recalled_by = None
    version.recall_reason = version.recall_code = None
    return move


def require_none_pending(pending: int) -> None:
    """Refuse a developer's next file while one is being checked."""
    if pending >= PENDING_MOST:
        raise CheckPending(retry_after_seconds=PENDING_SECONDS)


def require_reason_of_moderator(algorithm: Algorithm, actor: Actor, reason: str | None) -> None:
    """Refuse a moderator who archives what is not theirs, and does not say why."""
    theirs = actor.user_id == algorithm.developer_id
    if reason is None and not theirs:
        raise ReasonMissing(errors=[{"pointer": "/reason", "detail": "must be there"}])


def require_in_review(version: Version) -> None:
    """Refuse to withdraw what its check has just passed, which is a move of the check's own; and to
    approve what was turned down, which takes an appeal.
    """
    if version.state is not VersionState.IN_REVIEW:
        raise VERSION_MOVES.refusal(version.state)


def require_never_listed(algorithm: Algorithm) -> None:
    if algorithm.state not in UNLISTED:
        raise NotDraft(state=algorithm.state)


def require_none_under_way(versions: Sequence[Version]) -> None:
    """Refuse where somebody is at work at a version."""
    if any(it.state in (VersionState.UPLOADED, VersionState.IN_REVIEW) for it in versions):
        raise VersionPending


def require_not_archived(algorithm: Algorithm) -> None:
    if algorithm.state is AlgorithmState.ARCHIVED:
        raise Archived


def require_signed_in(actor: Actor) -> None:
    if actor.user_id is None:
        raise NotSignedIn


def require_developer(algorithm: Algorithm, actor: Actor) -> None:
    if actor.user_id != algorithm.developer_id:
        raise NotDeveloper


def require_developer_or_moderator(algorithm: Algorithm, actor: Actor) -> None:
    if not manages(algorithm, actor):
        raise NotDeveloper


def owners_of(algorithm: Algorithm, version: Version | None = None) -> list[UserId]:
    """Return its developer, and who belongs to the team whose model a version is."""
    authors = [UserId(it) for it in version.author_ids] if version is not None else []
    return [algorithm.developer_id, *authors]


def require_not_own(interested: Container[UserId | None], actor: Actor) -> None:
    """Refuse its owners, and who acts for one of them, or did lately."""
    if not is_impartial(actor, interested):
        raise OwnVersion


def require_may_list(actor: Actor, *, mine: bool, state: AlgorithmState | None) -> None:
    """Refuse to list what this actor could not see."""
    if mine:
        require_signed_in(actor)
    elif state is not None and state not in SEEN_BY_ALL and not actor.is_moderator:
        raise ModeratorsOnly


def require_runnable(algorithm: Algorithm, version: Version) -> None:
    """Refuse a version that no new job may run. Before one was approved, customers see none."""
    if algorithm.state in UNLISTED:
        raise VersionNotFound
    if version.state is not VersionState.APPROVED:
        raise VersionNotApproved(state=version.state)
    if algorithm.state is not AlgorithmState.LISTED:
        raise NotListed(state=algorithm.state)


def manages(algorithm: Algorithm, actor: Actor) -> bool:
    """Whether the actor sees all of it, in every state: its developer, and moderators."""
    return actor.is_moderator or actor.user_id == algorithm.developer_id


def sees(algorithm: Algorithm, actor: Actor) -> bool:
    return algorithm.state in SEEN_BY_ALL or manages(algorithm, actor)


def sees_version(algorithm: Algorithm, version: Version, actor: Actor) -> bool:
    """Whether the actor sees a version of an algorithm that they see."""
    return version.state in PUBLIC or manages(algorithm, actor)


def require_file_kept(
    version: Version, refused_since: datetime, *, is_appealed: bool = False
) -> None:
    """Refuse the file of a version that was deleted, or turned down before that moment.

    While an appeal is open, it is kept.
    """
    if version.state is VersionState.DELETED:
        raise FileForgotten
    turned_down = version.state in (VersionState.REFUSED, VersionState.REJECTED)
    at = version.reviewed_at or version.checked_at or version.created_at
    if turned_down and at <= refused_since and not is_appealed:
        raise FileForgotten


def upcoming(version: Version) -> Upcoming:
    """Tell what is next, and when by itself; None where it waits for somebody."""
    match version.state:
        case VersionState.UPLOADED:
            return [("check", version.created_at), ("give_up", version.created_at + CHECK_WITHIN)]
        case VersionState.CHECKED:
            return [("submit", None)]
        case VersionState.IN_REVIEW:
            return [("review", None)]
        case _:
            return []


def storable(value: Any) -> Any:
    """Return JSON that PostgreSQL can hold: names in a hostile file may have NULs or half pairs."""
    match value:
        case str():
            return value.encode(errors="replace").decode().replace("\0", "\ufffd")
        case list():
            return [storable(it) for it in value]
        case dict():
            return {storable(key): storable(it) for key, it in value.items()}
        case _:
            return value
