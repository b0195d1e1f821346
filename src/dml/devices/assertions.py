"""Assertions: how a device proves who it is. RFC 7523 in form, but for its times.

A phone's clock is wrong by minutes, so no time in an assertion is read: what makes it fresh is the
server's nonce.
"""

import re
from collections.abc import Collection
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from dml.core.ids import DeviceId
from dml.devices import rules
from dml.devices.keys import encode_key

AUDIENCE: Final = "devices"
ASSERTION_MAX: Final = 2_048  # Characters; ours have about 400.
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class _Ed25519Only(JWSRegistry):
    """Takes Ed25519, under its old name too: most agents still write `EdDSA` (RFC 9864)."""

    def get_alg(self, name: str) -> JWSAlgModel:
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


_registry: Final = _Ed25519Only(algorithms=["Ed25519"])


def read_nonce(
    assertion: str, public_key: bytes, device_id: DeviceId, *, audiences: Collection[str]
) -> str:
    """Return the nonce that this device signed for one of these audiences, or refuse."""
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": encode_key(public_key)})
    try:
        claims = jwt.decode(assertion, key, registry=_registry).claims
    except (JoseError, TypeError, ValueError, RecursionError):  # TypeError: `crit` is no list.
        raise rules.BadAssertion from None
    nonce, audience = claims.get("nonce"), claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    good = (
        claims.get("iss") == claims.get("sub") == str(device_id)
        and any(it in named for it in audiences)
        and isinstance(nonce, str)
        and _NONCE.fullmatch(nonce)
    )
    if not good:
        raise rules.BadAssertion
    return str(nonce)
