"""For which site passkeys are, and what is refused of what a browser sends. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from dml.core.addresses import is_address
from dml.core.errors import Conflict, Forbidden, Gone, Invalid, NotFound
from dml.core.ids import UserId

CHALLENGE_LASTS: Final = timedelta(minutes=5)
NAME_MAX: Final = 100  # Characters.
NAMELESS: Final = "Passkey"
CREDENTIAL_ID_MAX: Final = 1_023  # Bytes (Web Authentication Level 3, 4).
USUAL_PORTS: Final = {"http": 80, "https": 443}


class Purpose(StrEnum):
    """What a challenge is for: what is signed for one thing does no other."""

    SIGN_IN = "sign_in"
    SIGN_UP = "sign_up"
    ADD = "add"
    PROOF = "proof"


class PasskeysNeedAName(Conflict):
    code = "accounts.passkeys_need_a_name"
    reason = "Passkeys are for a domain, and this marketplace is reached by an IP address."
    remedy = (
        "Ask by a name: on this machine, by `http://localhost` instead of 127.0.0.1. An operator "
        "sets `DML_PUBLIC_URL` to a URL with a domain, or `DML_PASSKEY_RELYING_PARTY`."
    )


class ChallengeOver(Gone):
    code = "accounts.passkey_challenge_over"
    reason = "This challenge is none of ours, was used, is for something else, or has expired."
    remedy = "Ask for another one, and have the passkey sign that: each is good once, for minutes."


class Unreadable(Invalid):
    code = "accounts.passkey_unreadable"
    pointer = "/credential"
    reason = "This is not what a browser makes of a passkey."
    remedy = "Send what `toJSON()` of the `PublicKeyCredential` gave, unchanged."


class OfAnotherSite(Invalid):
    code = "accounts.passkey_of_another_site"
    pointer = "/credential"
    reason = "This was made on a page of another origin, or for another domain."
    remedy = (
        "Begin again on a page of this marketplace. An operator lists the origins of other pages "
        "in `DML_PASSKEY_ORIGINS`."
    )
    origins: Sequence[str]


class UserNotVerified(Invalid):
    code = "accounts.passkey_user_not_verified"
    pointer = "/credential"
    reason = "The authenticator did not verify who used it."
    remedy = (
        "Unlock the passkey by a fingerprint, a face or a PIN; a security key without a PIN needs "
        "one first."
    )


class WrongSignature(Invalid):
    code = "accounts.passkey_wrong_signature"
    pointer = "/credential"
    reason = "This is not signed by that passkey."
    remedy = "Begin again, with a new challenge."


class UnknownPasskey(Forbidden):
    """An id of a passkey is chosen at random, so this tells a stranger nothing."""

    code = "accounts.unknown_passkey"
    reason = "Nobody signs in by this passkey here, or not any more."
    remedy = "Delete it where it is kept, and choose another one; or sign in by another way."


class CounterFell(Forbidden):
    """Its owner is told, so what was written must outlast the refusal."""

    code = "accounts.passkey_counter_fell"
    reason = "This passkey has counted more uses before than it says now: there may be two of it."
    remedy = "Sign in by another way; if it was not you who used it last, revoke this passkey."
    keeps_changes = True


class PasskeyTaken(Conflict):
    code = "accounts.passkey_taken"
    reason = "This passkey signs in to an account already."
    remedy = "Revoke it there first, or make another one."
    is_yours: bool


class PasskeyNotFound(NotFound):
    code = "accounts.passkey_not_found"
    reason = "You have no such passkey."
    remedy = "List yours with `GET /v1/users/me/passkeys`."


class SignUpClosed(Forbidden):
    code = "accounts.passkey_sign_up_closed"
    reason = "No account is opened by a passkey here."
    remedy = "Open an account in another way, sign in, and add the passkey there."


# What a credential may be refused for, of whatever kind.
CREDENTIAL_REFUSED: Final = (ChallengeOver, Unreadable, OfAnotherSite, UserNotVerified)
# What one may be refused for that signs.
ASSERTION_REFUSED: Final = (*CREDENTIAL_REFUSED, WrongSignature, UnknownPasskey, CounterFell)


@dataclass(frozen=True, slots=True)
class Site:
    """For whom passkeys are made: a domain, and the origins of the pages that may ask for them."""

    relying_party: str
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """A passkey that was made."""

    credential_id: str  # In base64url.
    relying_party: str
    public_key: bytes
    sign_count: int
    transports: list[str]
    aaguid: UUID
    can_be_backed_up: bool
    is_backed_up: bool


@dataclass(frozen=True, slots=True)
class Signed:
    """What a passkey says of itself that has signed."""

    sign_count: int
    is_backed_up: bool


def site_of(base: str, relying_party: str | None, origins: Sequence[str]) -> Site:
    """Return the site of a marketplace that is reached at that URL. A host that is an IP address
    has none: browsers make passkeys for domains alone.
    """
    parts = urlsplit(base)
    host = parts.hostname or ""
    named = relying_party or host
    if not named or is_address(named):
        raise PasskeysNeedAName
    port = "" if parts.port in (None, USUAL_PORTS.get(parts.scheme)) else f":{parts.port}"
    return Site(named, (f"{parts.scheme}://{host}{port}", *origins))


def handle_of(user_id: UserId) -> bytes:
    """Return what an authenticator knows a user by: it says nothing of them."""
    return user_id.bytes


def has_counted_on(before: int, now: int) -> bool:
    """Whether a counter rose, as it does with each use; or there is none, and both are 0."""
    return now > before or (before == 0 and now == 0)


def require_door(*, opens: bool) -> None:
    if not opens:
        raise SignUpClosed


def require_nobodys(holder: UserId | None, user_id: UserId | None) -> None:
    if holder is not None:
        raise PasskeyTaken(is_yours=holder == user_id)
