"""Whom a provider's answer tells of, where a browser may return to, and what is refused. Pure."""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from dml.core import base64url
from dml.core.errors import Conflict, Gone, Invalid, NotFound, Unauthenticated, Unavailable

START_LASTS: Final = timedelta(minutes=10)
CODE_LASTS: Final = timedelta(seconds=60)
PROOF_LASTS: Final = timedelta(minutes=5)  # With it a password may have to be typed.
CLOCK_OFF: Final = timedelta(seconds=60)  # By so much a provider's clock may differ from ours.
SUBJECT_MAX: Final = 255  # Characters (OpenID Connect Core 1.0, 2).
RETURN_MAX: Final = 2_000  # Characters.
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class ProviderNotFound(NotFound):
    code = "accounts.openid_provider_not_found"
    reason = "Nobody signs in by this provider here."
    remedy = "List the providers with `GET /v1/sessions/openid`."


class ReturnToRefused(Invalid):
    code = "accounts.openid_return_to_refused"
    pointer = "/return_to"
    reason = "No browser is sent there from here."
    remedy = (
        "Send a URL whose part before `?` the operator has listed in `DML_OPENID_RETURN_TO`, or an "
        "`http` one of this machine (127.0.0.1), without fragment, `code` and `error`."
    )


class ProviderUnreachable(Unavailable):
    code = "accounts.openid_provider_unreachable"
    reason = "The provider does not answer, or not as it should."
    remedy = "Try again in a moment, or sign in by another way."


class StartUnknown(Gone):
    code = "accounts.openid_start_unknown"
    reason = "This browser began no sign-in within the last ten minutes, or has ended it."
    remedy = "Go back to where you wanted to sign in, and begin again."


class Denied(Conflict):
    """Told in the URL that the browser returns to, as are the two that follow."""

    code = "accounts.openid_denied"
    reason = "The provider let nobody in: perhaps it was cancelled there."
    remedy = "Begin again, or sign in by another way."


class StateRefused(Conflict):
    code = "accounts.openid_state_refused"
    reason = "This answer of the provider belongs to another sign-in."
    remedy = "Begin again, in one tab at a time."


class AnswerRefused(Conflict):
    """`why` is for the log alone."""

    code = "accounts.openid_answer_refused"
    reason = "What the provider says of who signed in cannot be trusted."
    remedy = "Begin again; if it stays so, tell the operator."

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why


class CodeRefused(Unauthenticated):
    code = "accounts.openid_code_refused"
    reason = "This code is not good any more, or not with this verifier."
    remedy = "Sign in at the provider again: a code works once, for a minute, for who began."


class AddressTaken(Conflict):
    """Told to nobody but whom the provider knows as the owner of that address."""

    code = "accounts.openid_address_taken"
    reason = "There is an account with your e-mail address already."
    remedy = "Sign in to it, then link this login with `POST /v1/users/me/identities/openid`."


class LinkedAlready(Conflict):
    code = "accounts.openid_linked_already"
    reason = "This login is a way to sign in to an account already: yours, or another one."
    remedy = "Sign in by it, and revoke it there first if it is another one."


def derive(secret: str, purpose: str) -> str:
    """Return what follows from a browser's cookie: who has read the database cannot tell it."""
    return base64url.encode(hmac.digest(secret.encode(), b"openid " + purpose.encode(), "sha256"))


def is_fresh(asked_at: datetime | None, now: datetime) -> bool:
    """Whether the provider asked who it is just now, and did not only know them still."""
    return asked_at is not None and abs(now - asked_at) <= PROOF_LASTS


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636)."""
    return base64url.encode(hashlib.sha256(verifier.encode()).digest())


def require_return_to(return_to: str, listed: Collection[str]) -> None:
    """Refuse to send a browser where nobody said that it may go.

    Of this machine any port and path will do, as programs on it need (RFC 8252, 7.3): whoever
    listens there has no use for a code without its verifier.
    """
    if len(return_to) > RETURN_MAX or not return_to.isascii() or not return_to.isprintable():
        raise ReturnToRefused
    if any(it in return_to for it in (" ", "\\", "#")):
        raise ReturnToRefused
    try:
        parts = urlsplit(return_to)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ReturnToRefused from None
    if "@" in parts.netloc or {it for it, _ in parse_qsl(parts.query)} & {"code", "error"}:
        raise ReturnToRefused
    is_here = parts.scheme == "http" and host in LOOPBACK
    if not is_here and return_to.partition("?")[0] not in listed:
        raise ReturnToRefused


def require_claims(
    claims: Mapping[str, Any],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    now: datetime,
    fresh_since: datetime | None,
) -> None:
    """Refuse an id_token that is not by this issuer, for us, for this very sign-in, and good now.

    OpenID Connect Core 1.0, 3.1.3.7. `fresh_since` is when we asked that somebody prove anew who
    they are, if we did. The signature was checked before.
    """
    _require(claims.get("iss") == issuer, "another issuer")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    _require(client_id in audiences, "another client's")
    azp = claims.get("azp")
    _require(azp == client_id if "azp" in claims else len(audiences) == 1, "another party's")
    sent = claims.get("nonce")
    _require(isinstance(sent, str) and hmac.compare_digest(sent.encode(), nonce.encode()), "nonce")
    _require(_moment(claims, "exp") + CLOCK_OFF > now, "expired")
    _require(_moment(claims, "iat") - CLOCK_OFF <= now, "from the future")
    _require(_moment(claims, "iat") + START_LASTS + CLOCK_OFF > now, "too old")
    if fresh_since is not None:
        _require(_moment(claims, "auth_time") + CLOCK_OFF >= fresh_since, "not signed in anew")


def read_subject(said: object) -> str:
    """Return who it is at the provider, or refuse what nobody could be known by."""
    if isinstance(said, int) and not isinstance(said, bool):
        said = str(said)
    if not isinstance(said, str) or not 0 < len(said) <= SUBJECT_MAX:
        raise AnswerRefused("no subject")
    _require(said.isascii() and said.isprintable(), "an unreadable subject")
    return said


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 2**33:
        raise AnswerRefused(f"no {name}")
    return datetime.fromtimestamp(value, UTC)


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise AnswerRefused(why)
