"""Reading and checking what a browser sends of a passkey (Web Authentication Level 3, 7.1, 7.2).

It imports what takes a fifth of a second to import, so it is loaded when somebody first uses a
passkey (`proving`). All bytes here are a stranger's: whatever they make a library raise is a
refusal.
"""

import hashlib
import json
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    encode_cbor,
    parse_cbor,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import InvalidAuthenticationResponse
from webauthn.helpers.structs import CredentialDeviceType

from dml.accounts.passkeys import plain_cbor, rules
from dml.accounts.passkeys.credentials import NewPasskey, SignedPasskey
from dml.accounts.passkeys.rules import Made, Signed, Site, Unreadable
from dml.core import base64url

ALGORITHMS: Final = (
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
)
PUBLIC_KEY_MAX: Final = 1_100  # Bytes: RSA of 8,192 bits. What is longer takes too long to verify.
RSA_BITS_MIN: Final = 2_048
# The transports that the standard names: what else a browser tells is not kept.
TRANSPORTS: Final = ("ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb")
_RP_HASH, _FLAGS, _COUNT = 32, 1, 4
_UV, _AT, _ED = 1 << 2, 1 << 6, 1 << 7


def challenge_in(client_data: str) -> bytes:
    """Return the challenge that a browser says was signed. Whether it was is checked later."""
    try:
        return base64url.decode(_read_client_data(client_data)["challenge"])
    except ValueError:
        raise Unreadable from None


def check_made(sent: NewPasskey, challenge: bytes, site: Site) -> Made:
    """Return what is known of a passkey that a browser made on a page of this site; or refuse.

    What an attestation says of its maker is not read: none was asked for, and browsers leave it
    out, but for authenticators that vouch for themselves.
    """
    told = sent.response
    _require_page(told.clientDataJSON, "webauthn.create", site)
    try:
        data = _attested_data(base64url.decode(told.attestationObject))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Unreadable from None
    _require_authenticator(data, site)
    bare = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
    response = {"clientDataJSON": told.clientDataJSON, "attestationObject": base64url.encode(bare)}
    try:
        made = verify_registration_response(
            credential=_credential(sent.id, response),
            expected_challenge=challenge,
            expected_rp_id=site.relying_party,
            expected_origin=list(site.origins),
            require_user_verification=True,
            supported_pub_key_algs=list(ALGORITHMS),
        )
        is_usable = _is_usable(made.credential_public_key)
    except Exception:  # The library lets through what its parsers raise.
        raise Unreadable from None
    _require(base64url.encode(made.credential_id) == sent.id)  # In its one spelling alone.
    _require(len(made.credential_id) <= rules.CREDENTIAL_ID_MAX)
    _require(is_usable)
    return Made(
        credential_id=sent.id,
        relying_party=site.relying_party,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        transports=[it for it in TRANSPORTS if it in told.transports],
        aaguid=UUID(made.aaguid),
        can_be_backed_up=made.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        is_backed_up=made.credential_backed_up,
    )


def check_signed(sent: SignedPasskey, challenge: bytes, site: Site, public_key: bytes) -> Signed:
    """Return what a passkey says that has signed this challenge on a page of this site; or refuse.

    Whether its counter fell is judged where the last count is held.
    """
    told = sent.response
    _require_page(told.clientDataJSON, "webauthn.get", site)
    try:
        data = base64url.decode(told.authenticatorData)
        _require_plain(data)
    except ValueError:
        raise Unreadable from None
    _require_authenticator(data, site)
    response = told.model_dump(exclude_none=True)
    try:
        signed = verify_authentication_response(
            credential=_credential(sent.id, response),
            expected_challenge=challenge,
            expected_rp_id=site.relying_party,
            expected_origin=list(site.origins),
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except InvalidAuthenticationResponse:
        raise rules.WrongSignature from None
    except Exception:  # The library lets through what its parsers raise.
        raise Unreadable from None
    return Signed(signed.new_sign_count, signed.credential_backed_up)


def _credential(credential_id: str, response: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": credential_id,
        "rawId": credential_id,
        "type": "public-key",
        "response": response,
    }


def _read_client_data(client_data: str) -> dict[str, Any]:
    try:
        read = json.loads(base64url.decode(client_data))
    except (ValueError, RecursionError):
        raise Unreadable from None
    _require(isinstance(read, dict) and isinstance(read.get("challenge"), str))
    found: dict[str, Any] = read
    return found


def _require_page(client_data: str, kind: str, site: Site) -> None:
    """Refuse what was asked for by another page, or by one inside another site's."""
    read = _read_client_data(client_data)
    _require(read.get("type") == kind)
    if read.get("origin") not in site.origins or read.get("crossOrigin", False) is not False:
        raise rules.OfAnotherSite(origins=site.origins)


def _require_authenticator(data: bytes, site: Site) -> None:
    """Refuse what was made for another domain, or without verifying the user."""
    if data[:_RP_HASH] != hashlib.sha256(site.relying_party.encode()).digest():
        raise rules.OfAnotherSite(origins=site.origins)
    if not data[_RP_HASH] & _UV:
        raise rules.UserNotVerified


def _attested_data(raw: bytes) -> bytes:
    """Return the authenticator's data of an attestation, which is plain."""
    _require(plain_cbor.end_of(raw, 0) == len(raw))
    data = parse_cbor(raw)["authData"]
    _require(isinstance(data, bytes))
    _require_plain(data)
    return bytes(data)


def _is_usable(public_key: bytes) -> bool:
    """Whether something can be signed by it at all: the library asks when a signature comes, and an
    account may have no other way in. Raises what the library does of a key that is none.
    """
    if len(public_key) > PUBLIC_KEY_MAX:
        return False
    key = decoded_public_key_to_cryptography(decode_credential_public_key(public_key))
    if isinstance(key, EllipticCurvePublicKey):
        return isinstance(key.curve, SECP256R1)
    return not isinstance(key, RSAPublicKey) or key.key_size >= RSA_BITS_MIN


def _require_plain(data: bytes) -> None:
    """Refuse authenticator data that is cut or has what no authenticator writes, before a library
    makes objects of it. ValueError and Unreadable are the same to who asks.
    """
    at = _RP_HASH + _FLAGS + _COUNT
    _require(len(data) >= at)
    flags = data[_RP_HASH]
    if flags & _AT:
        at += 16
        at += 2 + int.from_bytes(data[at : at + 2], "big")
        at = plain_cbor.end_of(data, at)
    if flags & _ED:
        at = plain_cbor.end_of(data, at)
    _require(at == len(data))


def _require(holds: bool) -> None:
    if not holds:
        raise Unreadable
