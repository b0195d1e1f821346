"""What a use case may refuse. A kind says how; a code says what; no kind knows a protocol."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, TypedDict, dataclass_transform, get_origin, get_type_hints


@dataclass_transform(eq_default=False, kw_only_default=True)
class DmlError(Exception):
    """A refusal that the caller can act on. Bugs are not DmlErrors: they crash.

    Reason and remedy are the same each time; what differs (a state, a date) are its facts, each
    declared with its type as a dataclass's field is: mypy then holds who raises it to them, and
    OpenAPI tells them. One with a value may be left out.
    A refusal undoes what its transaction did, unless `keeps_changes` says otherwise. `in_headers`
    names facts that a protocol has in headers, too: by header, the fact.
    """

    code: ClassVar[str]
    reason: ClassVar[str]
    remedy: ClassVar[str]
    keeps_changes: ClassVar[bool] = False
    in_headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **facts: object) -> None:
        super().__init__(self.reason)
        declared = facts_of(type(self))
        needed = {it for it in declared if not hasattr(type(self), it)}
        assert needed <= facts.keys() <= declared.keys(), f"{self.code} does not declare {facts}"
        self.facts = facts


_FACTS: Final[dict[type[DmlError], Mapping[str, Any]]] = {}  # What was looked up once.


def facts_of(refusal: type[DmlError]) -> Mapping[str, Any]:
    """Return the facts that a refusal carries, each with its type."""
    if refusal not in _FACTS:
        hints = get_type_hints(refusal, include_extras=True)
        declared = {name: it for name, it in hints.items() if get_origin(it) is not ClassVar}
        _FACTS[refusal] = declared
    return _FACTS[refusal]


class Wrong(TypedDict):
    """What is wrong with the input, and where."""

    pointer: str
    detail: str


class Invalid(DmlError):
    """The input is wrong in itself, whatever the state of the world.

    `pointer` says where (RFC 6901), as a path into the body, or `/name` of a parameter or header.
    Where that differs, the fact `errors` says it.
    """

    pointer: ClassVar[str] = ""
    errors: Sequence[Wrong] = ()


class Unauthenticated(DmlError):
    """Nobody knows who is asking."""


class Forbidden(DmlError):
    """This actor may not do that."""


class NotFound(DmlError):
    """No such thing, or none that this actor may see."""


class Conflict(DmlError):
    """Right in itself, wrong now: the state of the world forbids it."""


class Gone(DmlError):
    """It was there once, and is not kept any more."""


class Stale(DmlError):
    """The caller edits a version that is no longer the newest."""

    remedy = "Read it again, and send your change with its new ETag."

    @classmethod
    def require_newest(cls, revision: int, expected: int | None) -> None:
        """Refuse who expects another revision than there is. None expects none."""
        if expected is not None and expected != revision:
            raise cls


class TooLarge(DmlError):
    """More than is taken at once."""


class TooMany(DmlError):
    """Too often."""

    retry_after_seconds: int = 1


class Unavailable(DmlError):
    """Nothing was done, through no fault of the caller; asking again is safe."""

    retry_after_seconds: int = 1


KINDS: Final[tuple[type[DmlError], ...]] = tuple(DmlError.__subclasses__())


class NotSignedIn(Unauthenticated):
    code = "core.not_signed_in"
    reason = "This needs a valid access token."
    remedy = (
        "Sign in (`POST /v1/users/authenticate`), or get the next tokens of your session (`POST "
        "/v1/users/refresh`), and send `Authorization: Bearer …`."
    )


def all_refusals() -> list[type[DmlError]]:
    """Return every refusal that was imported, by its code."""
    found, kinds = list[type[DmlError]](), list(KINDS)
    while kinds:
        below = kinds.pop().__subclasses__()
        found += below
        kinds += below
    return sorted(found, key=lambda refusal: refusal.code)
