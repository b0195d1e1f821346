"""A key that stays in AWS KMS (ECC_SECG_P256K1): digests go there, and signatures come back.

Who may ask it to sign, where `deploy/aws` made it: docs/decisions/0084.
"""

import asyncio
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key
from eth_keys.datatypes import PublicKey, Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from dml.chain.payer.signers import NoSigner, SignerAway, Transaction, digest, encode

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient  # Installed where types are checked only.

_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class KmsSigner:
    """Signs by a key in KMS, with one call for each transaction."""

    def __init__(self, client: "KMSClient", key_id: str) -> None:
        self._client, self._key_id = client, key_id
        try:
            found = client.get_public_key(KeyId=key_id)["PublicKey"]
            public = load_der_public_key(found)
        except (BotoCoreError, ClientError) as error:
            raise NoSigner(
                f"AWS KMS does not give the key of DML_PAYOUT_KMS_KEY: {error}"
            ) from None
        except (ValueError, UnsupportedAlgorithm):
            raise NoSigner("the key of DML_PAYOUT_KMS_KEY is no ECC_SECG_P256K1 key") from None
        if not (isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256K1)):
            raise NoSigner("the key of DML_PAYOUT_KMS_KEY is no ECC_SECG_P256K1 key")
        point = public.public_numbers()
        self._public = PublicKey(point.x.to_bytes(32) + point.y.to_bytes(32))
        self.address = str(self._public.to_checksum_address())

    async def sign(self, transaction: Transaction) -> bytes:
        return encode(transaction, *await asyncio.to_thread(self._sign, digest(transaction)))

    def _sign(self, message: bytes) -> tuple[int, int, int]:
        try:
            answer = self._client.sign(
                KeyId=self._key_id,
                Message=message,
                MessageType="DIGEST",
                SigningAlgorithm="ECDSA_SHA_256",
            )
            r, s = decode_dss_signature(answer["Signature"])
        except (BotoCoreError, ClientError, ValueError) as error:
            raise SignerAway(f"AWS KMS did not sign: {error}") from error
        s = min(s, _ORDER - s)  # The chain accepts only the lower of both (EIP-2).
        for v in (0, 1):  # KMS does not say which: take the one that gives our key.
            try:
                signed = Signature(vrs=(v, r, s))
                if signed.recover_public_key_from_msg_hash(message) == self._public:
                    return v, r, s
            except (BadSignature, ValidationError):
                continue
        raise SignerAway("AWS KMS signed by another key")


def make(key_id: str) -> KmsSigner:
    """Find the key, with region and credentials from AWS' own settings."""
    try:
        client = boto3.client("kms")
    except (BotoCoreError, ValueError) as error:
        raise NoSigner(f"AWS KMS cannot be asked: {error}") from None
    return KmsSigner(client, key_id)
