"""What a use case may refuse. A kind says how; a code says what; no kind knows a protocol."""

from typing import ClassVar, Final


class DmlError(Exception):
    """A refusal that the caller can act on. Bugs are not DmlErrors: they crash.

    Reason and remedy are the same each time; what differs (a state, a date) goes into `facts`.
    A refusal undoes what its transaction did, unless `keeps_changes` says otherwise.
    """

    code: ClassVar[str]
    reason: ClassVar[str]
    remedy: ClassVar[str]
    keeps_changes: ClassVar[bool] = False

    def __init__(self, **facts: object) -> None:
        super().__init__(self.reason)
        self.facts = facts


class Invalid(DmlError):
    """The input is wrong in itself, whatever the state of the world.

    `pointer` says where (RFC 6901), as a path into the body, or `/name` of a parameter or header.
    Where that differs, the fact `errors` says it.
    """

    pointer: ClassVar[str] = ""


class Unauthenticated(DmlError):
    """Nobody knows who is asking."""


class Forbidden(DmlError):
    """This actor may not do that."""


class NotFound(DmlError):
    """No such thing, or none that this actor may see."""


class Conflict(DmlError):
    """Right in itself, wrong now: the state of the world forbids it."""


class Stale(DmlError):
    """The caller edits a version that is no longer the newest."""


class TooLarge(DmlError):
    """More than is taken at once."""


class TooMany(DmlError):
    """Too often. The fact `retry_after_seconds` says when to come back."""


class Unavailable(DmlError):
    """Nothing was done, through no fault of the caller; asking again is safe."""


KINDS: Final[tuple[type[DmlError], ...]] = tuple(DmlError.__subclasses__())


class NotSignedIn(Unauthenticated):
    code = "core.not_signed_in"
    reason = "This needs a valid access token."
    remedy = "Sign in, or refresh the session, and send `Authorization: Bearer …`."


def all_refusals() -> list[type[DmlError]]:
    """Return every refusal that was imported, by its code."""
    found, kinds = list[type[DmlError]](), list(KINDS)
    while kinds:
        below = kinds.pop().__subclasses__()
        found += below
        kinds += below
    return sorted(found, key=lambda refusal: refusal.code)
