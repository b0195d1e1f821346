"""What a personal access token looks like, and how many there may be. Pure.

The prefix and the checksum let a scanner of source code find one that was published by mistake,
and let us refuse what is none without asking the database.
"""

import re
import secrets
import zlib
from collections.abc import Iterable
from typing import Final

from dml.core.errors import Conflict, Forbidden, NotFound

PREFIX: Final = "dml_pat_"
TOKENS_MAX: Final = 50  # Of one user, that have not expired.
_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM: Final = 32  # Letters: 190 bits.
_CHECKSUM: Final = 6  # Letters for the 32 bits of a CRC.
_FORM: Final = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{_RANDOM}}})([0-9A-Za-z]{{{_CHECKSUM}}})")


class TokenNotFound(NotFound):
    code = "accounts.token_not_found"
    reason = "You have no such personal access token."
    remedy = "List yours (`GET /v1/users/me/tokens`)."


class TooManyTokens(Conflict):
    code = "accounts.too_many_tokens"
    reason = f"You have {TOKENS_MAX} personal access tokens, and cannot have more."
    remedy = "Revoke one that you do not use any more."


class ProofNeeded(Forbidden):
    code = "accounts.proof_needed"
    reason = "To create a token that may change something takes a proof that it is you."
    remedy = "Send `proof` as well, such as your password; or name scopes that only read."


def require_proven(scopes: Iterable[str], *, is_proven: bool) -> None:
    """Refuse to let whoever has got into a session for an hour act for a year."""
    if not is_proven and any(changes(it) for it in scopes):
        raise ProofNeeded


def changes(scope: str) -> bool:
    """Whether a token with this scope may do more than read."""
    return not scope.endswith(":read")


def make_secret() -> str:
    """Return a new token."""
    random = "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM))
    return f"{PREFIX}{random}{_checksum(random)}"


def is_well_formed(token: str) -> bool:
    """Whether it may be one of ours: the checksum is right."""
    found = _FORM.fullmatch(token)
    return found is not None and _checksum(found[1]) == found[2]


def require_room(tokens: int) -> None:
    if tokens >= TOKENS_MAX:
        raise TooManyTokens


def _checksum(random: str) -> str:
    number, letters = zlib.crc32(random.encode()), ""
    for _ in range(_CHECKSUM):
        number, letter = divmod(number, len(_LETTERS))
        letters = _LETTERS[letter] + letters
    return letters
