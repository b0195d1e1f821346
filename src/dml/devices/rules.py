"""What may happen to a device, and who may do it. Pure: no session, no clock, no await."""

from collections.abc import Collection, Hashable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from dml.accounts.models import DataKind
from dml.core.errors import Conflict, Forbidden, NotFound, Stale, Unauthenticated
from dml.devices.models import Device, PairingCode

CODE_LIFETIME: Final = timedelta(minutes=10)
CODE_REMEMBERED: Final = timedelta(days=1)  # So long it is told apart from one that never was.
CODES_MAX: Final = 20  # Open at once, for each owner.
CODE_LENGTH: Final = 8
CODE_ALPHABET: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # Without 0 and O, 1, I and L.

NONCE_LIFETIME: Final = timedelta(seconds=120)

SEEN_AGAIN_AFTER: Final = timedelta(minutes=1)
BANDS: Final = (5, 10, 50, 100, 500, 1_000)  # Owners: so that nobody counts single ones.
ABLE_SEEN: Final = timedelta(days=30)  # A device that was not seen for longer runs nothing.
REFUSED_MAX: Final = 1_000  # Jobs, developers, or labels that one owner may refuse.

NamedT = TypeVar("NamedT", bound=Hashable)


class DeviceNotFound(NotFound):
    code = "devices.device_not_found"
    reason = "There is no such device, or it is not yours."
    remedy = "Check the id."


class CodeUnknown(NotFound):
    code = "devices.code_unknown"
    reason = "There is no such pairing code."
    remedy = "Check what you typed, or ask for a new code."


class CodeExpired(Conflict):
    code = "devices.code_expired"
    reason = "This pairing code is too old."
    remedy = "Ask for a new code."


class CodeUsed(Conflict):
    code = "devices.code_used"
    reason = "Another device was paired with this code."
    remedy = "Ask for a new code."


class TooManyCodes(Conflict):
    code = "devices.too_many_codes"
    reason = "You have as many open pairing codes as one may have."
    remedy = "Use one of them, or wait until one expires."
    open_codes_max: int


class KeyTaken(Conflict):
    code = "devices.key_taken"
    reason = "A device with this public key is registered already."
    remedy = "Make a new key for this device, and register with that."


class BadAssertion(Unauthenticated):
    code = "devices.bad_assertion"
    reason = "This is not a valid assertion of this device."
    remedy = "Sign the claims `iss`, `sub`, `aud` and `nonce` with the key that was registered."


class StaleNonce(Unauthenticated):
    code = "devices.stale_nonce"
    reason = "This nonce was used before, has expired, or was never given to this device."
    remedy = "Ask for a new nonce, and sign that."


class NotADevice(Unauthenticated):
    code = "devices.not_a_device"
    reason = "This needs a valid token of a device."
    remedy = "Get one with a signed nonce, and send `Authorization: Bearer …`."


class Revoked(Forbidden):
    code = "devices.revoked"
    reason = "This device was revoked by its owner."
    remedy = "Pair it again, with a new key."


class EditedMeanwhile(Stale):
    code = "devices.edited_meanwhile"
    reason = "The device was changed since you read it."


def normal_code(typed: str) -> str:
    """Return a code as it was made, however somebody typed it: case, dashes, spaces."""
    return "".join(letter for letter in typed.upper() if letter.isalnum())


def shown_code(code: str) -> str:
    """Write a code so that people read it right: `ABCD-EFGH`."""
    return f"{code[:4]}-{code[4:]}"


def require_room(open_codes: int) -> None:
    if open_codes >= CODES_MAX:
        raise TooManyCodes(open_codes_max=CODES_MAX)


def require_open(code: PairingCode, now: datetime) -> None:
    """Refuse a code that was used, or is too old."""
    if code.device_id is not None:
        raise CodeUsed
    if code.expires_at <= now:
        raise CodeExpired


def require_not_revoked(device: Device) -> None:
    if device.revoked_at is not None:
        raise Revoked


def require_fresh(nonce_expires_at: datetime | None, now: datetime) -> datetime:
    """Refuse a nonce that is none of ours (None), or too old. Return when it expires."""
    if nonce_expires_at is None or nonce_expires_at <= now:
        raise StaleNonce
    return nonce_expires_at


def require_unused(was_unused: bool) -> None:
    if not was_unused:
        raise StaleNonce


def is_seen_anew(last_seen_at: datetime | None, now: datetime) -> bool:
    """Tell whether a visit is worth writing down: one a minute is."""
    return last_seen_at is None or last_seen_at <= now - SEEN_AGAIN_AFTER


def effective_kinds(
    has: Collection[str], permitted: Collection[str] | None, permitted_by_user: Collection[str]
) -> frozenset[DataKind]:
    """Return what models may process: what a device has, and its owner permits, here and at all."""
    narrowed = set(has) & set(permitted_by_user)
    if permitted is not None:
        narrowed &= set(permitted)
    return frozenset(DataKind(kind) for kind in narrowed)


def band_of(owners: int, least: int) -> int | None:
    """Return the number of owners, rounded down to one of a few; None where they are too few.

    `least` is the number of owners of which the marketplace tells anything at all.
    """
    return max((it for it in BANDS if least <= it <= owners), default=None)


def once_each(named: Sequence[NamedT]) -> list[NamedT]:
    """Leave out repetitions; keep the order."""
    return list(dict.fromkeys(named))
