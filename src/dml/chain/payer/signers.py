"""Signers of payouts: a key from the settings, from an encrypted file, or one kept in AWS KMS.

A signer is a class with `address` and `sign`. The vault decides what its key may do.
"""

import importlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, cast

from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_keys.datatypes import PrivateKey
from eth_utils.exceptions import ValidationError
from pydantic import SecretStr

from dml.core.settings import Settings

_KEY: Final = re.compile(r"(?:0x)?([0-9a-fA-F]{64})", re.ASCII)


class NoSigner(Exception):
    """The settings name no key that can sign. The message is one line without secrets."""


class SignerAway(Exception):
    """The signer is not available now."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A call that sends no coins (EIP-1559). Fees are wei for a unit of gas."""

    chain_id: int
    nonce: int
    to: str
    data: bytes
    gas: int
    max_fee: int
    priority_fee: int


class Signer(Protocol):
    """`address` is the sender of its transactions."""

    @property
    def address(self) -> str: ...

    async def sign(self, transaction: Transaction) -> bytes:
        """Return the signed transaction, encoded for nodes. SignerAway if signing failed."""
        ...


class KeySigner:
    """Signs by a key in memory."""

    def __init__(self, key: bytes) -> None:
        self._key = PrivateKey(key)
        self.address = str(self._key.public_key.to_checksum_address())

    async def sign(self, transaction: Transaction) -> bytes:
        return encode(transaction, *self._key.sign_msg_hash(digest(transaction)).vrs)


def make_signer(settings: Settings) -> Signer | None:
    """Return the signer of the settings; None if they name none, NoSigner if it is unusable."""
    key, file, kms = settings.payout_key, settings.payout_keystore, settings.payout_kms_key
    if sum(it is not None for it in (key, file, kms)) > 1:
        raise NoSigner("set only one of DML_PAYOUT_KEY, DML_PAYOUT_KEYSTORE and DML_PAYOUT_KMS_KEY")
    if key is not None:
        return KeySigner(_read_key(key))
    if file is not None:
        return KeySigner(_read_keystore(file, settings.payout_keystore_password))
    if kms is not None:
        # Imported by name: boto3 takes long to import, and only such a key needs it.
        try:
            made = importlib.import_module("dml.chain.payer.kms_signer").make(kms)
        except ModuleNotFoundError as error:
            raise NoSigner(
                f"a key in AWS KMS needs {error.name}, which is not installed: "
                "pip install --require-hashes -r requirements/kms.txt"
            ) from None
        return cast(Signer, made)
    return None


def digest(transaction: Transaction) -> bytes:
    """Return the 32 bytes to sign."""
    return bytes(TypedTransaction.from_dict(_fields(transaction)).hash())


def encode(transaction: Transaction, v: int, r: int, s: int) -> bytes:
    """Put a transaction and its signature together."""
    return TypedTransaction.from_dict(_fields(transaction) | {"v": v, "r": r, "s": s}).encode()


def _fields(it: Transaction) -> dict[str, object]:
    return {
        "type": 2,
        "chainId": it.chain_id,
        "nonce": it.nonce,
        "to": it.to,
        "value": 0,
        "data": it.data,
        "gas": it.gas,
        "maxFeePerGas": it.max_fee,
        "maxPriorityFeePerGas": it.priority_fee,
    }


def _read_key(text: SecretStr) -> bytes:
    found = _KEY.fullmatch(text.get_secret_value().strip())
    if found is None:
        raise NoSigner("DML_PAYOUT_KEY is no private key: it must be 64 hexadecimal digits")
    return _usable(bytes.fromhex(found[1]), "DML_PAYOUT_KEY")


def _read_keystore(file: Path, password: SecretStr | None) -> bytes:
    """Decrypt a file of Web3 Secret Storage. Slow by design: a second or so."""
    if password is None:
        raise NoSigner("DML_PAYOUT_KEYSTORE needs DML_PAYOUT_KEYSTORE_PASSWORD, which is not set")
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise NoSigner(f"the keystore {file} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise NoSigner(f"the keystore {file} is damaged: it is no JSON") from None
    try:
        key = bytes(Account.decrypt(content, password.get_secret_value()))
    except ValueError as error:
        if "mismatch" in str(error):
            raise NoSigner(
                f"the keystore {file} does not open: its password is another, or it is damaged"
            ) from None
        raise NoSigner(f"the keystore {file} is damaged") from None
    # What decrypting raises for a missing field, a wrong type or an unknown kind.
    except (ArithmeticError, LookupError, TypeError, AttributeError, NotImplementedError):
        raise NoSigner(f"the keystore {file} is damaged, or of a kind not known here") from None
    return _usable(key, f"the keystore {file}")


def _usable(key: bytes, source: str) -> bytes:
    try:
        PrivateKey(key).public_key.to_address()
    except (ValidationError, ValueError, ArithmeticError):
        raise NoSigner(f"{source} holds no key of this curve") from None
    return key
