"""Keys from settings, files and KMS sign what eth-account takes for theirs; bad ones say so."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from eth_account import Account
from moto import mock_aws
from moto.kms.utils import ECDSAPrivateKey
from pydantic import SecretStr

from dml.chain.payer import kms_signer
from dml.chain.payer.kms_signer import KmsSigner
from dml.chain.payer.signers import NoSigner, Signer, SignerAway, Transaction, make_signer
from dml.core.settings import Settings
from tests.chain.ledgered import KEYS

KEY = KEYS[1]
ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def transaction(nonce: int = 0) -> Transaction:
    return Transaction(
        chain_id=31337,
        nonce=nonce,
        to=ADDRESS,
        data=b"\x01\x02",
        gas=300_000,
        max_fee=10**9,
        priority_fee=10**8,
    )


def settings(**named: Any) -> Settings:
    return Settings(**named)


def refusal(**named: Any) -> str:
    with pytest.raises(NoSigner) as refused:
        make_signer(settings(**named))
    said = str(refused.value)
    assert "\n" not in said
    assert KEY[2:] not in said
    assert refused.value.__cause__ is None
    return said


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr(ECDSAPrivateKey, "sign", _sign_digest)
    with mock_aws():
        yield boto3.client("kms")


async def signed_by(signer: Signer, nonce: int = 0) -> str:
    return str(Account.recover_transaction(await signer.sign(transaction(nonce))))


@pytest.mark.parametrize("key", [KEY, KEY[2:], f" {KEY.upper().replace('X', 'x')}\n"])
async def test_a_key_signs_as_eth_account_does(key: str) -> None:
    signer = make_signer(settings(payout_key=SecretStr(key)))
    assert signer is not None
    assert signer.address == ADDRESS == await signed_by(signer)
    theirs = Account.sign_transaction(
        {
            "type": 2,
            "chainId": 31337,
            "nonce": 0,
            "to": ADDRESS,
            "value": 0,
            "data": b"\x01\x02",
            "gas": 300_000,
            "maxFeePerGas": 10**9,
            "maxPriorityFeePerGas": 10**8,
        },
        KEY,
    )
    assert await signer.sign(transaction()) == bytes(theirs.raw_transaction)


async def test_a_keystore_signs(tmp_path: Path) -> None:
    signer = make_signer(_keystore(tmp_path))
    assert signer is not None
    assert signer.address == ADDRESS == await signed_by(signer)


def test_a_keystore_that_does_not_open_is_one_line(tmp_path: Path) -> None:
    named = {"payout_keystore": tmp_path / "key.json"}
    assert "cannot be read" in refusal(**named, payout_keystore_password=SecretStr("right"))
    _keystore(tmp_path)
    assert "DML_PAYOUT_KEYSTORE_PASSWORD" in refusal(**named)
    assert "does not open" in refusal(**named, payout_keystore_password=SecretStr("wrong"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"version": 9}',
        b'{"version": 3, "crypto": {}}',
        b'{"version": 3, "crypto": 5}',
        b'{"version": 3, "crypto": {"kdf": "none"}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_keystore_is_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key.json"
    file.write_bytes(content)
    said = refusal(payout_keystore=file, payout_keystore_password=SecretStr("right"))
    assert "damaged" in said


def test_a_keystore_with_a_digit_changed_is_one_line(tmp_path: Path) -> None:
    made = _keystore(tmp_path)
    assert made.payout_keystore is not None
    content = json.loads(made.payout_keystore.read_text())
    for name, value in (("ciphertext", "zz"), ("ciphertext", "00" * 32), ("mac", "")):
        broken = json.loads(json.dumps(content))
        broken["crypto"][name] = value
        made.payout_keystore.write_text(json.dumps(broken))
        refusal(payout_keystore=made.payout_keystore, payout_keystore_password=SecretStr("right"))


@pytest.mark.parametrize("key", ["", "0x", KEY[:-1], KEY + "0", "g" * 64, "0" * 64, "f" * 64])
def test_what_is_no_private_key_is_one_line(key: str) -> None:
    assert "DML_PAYOUT_KEY" in refusal(payout_key=SecretStr(key))


def test_one_source_of_the_key_is_enough() -> None:
    assert "only one" in refusal(payout_key=SecretStr(KEY), payout_kms_key="alias/payer")
    assert make_signer(settings()) is None


async def test_a_key_in_kms_signs_with_low_s_and_is_recovered(kms: Any) -> None:
    made = kms.create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY")
    signer = make_signer(settings(payout_kms_key=made["KeyMetadata"]["KeyId"]))
    assert isinstance(signer, KmsSigner)
    for nonce in range(6):  # Half of all signatures come with a high s.
        assert await signed_by(signer, nonce) == signer.address
    assert all(signer._sign(bytes([it] * 32))[2] <= HALF_ORDER for it in range(1, 9))


def test_a_key_in_kms_of_another_kind_is_one_line(kms: Any) -> None:
    for spec in ("ECC_NIST_P256", "RSA_2048"):
        made = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")
        said = refusal(payout_kms_key=made["KeyMetadata"]["KeyId"])
        assert "no ECC_SECG_P256K1 key" in said
    assert "does not give the key" in refusal(payout_kms_key="11111111-2222-3333-4444-555555555555")


def test_without_a_region_kms_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert "cannot be asked" in refusal(payout_kms_key="alias/payer")


def test_without_what_asks_kms_it_says_how_to_install_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "dml.chain.payer.kms_signer", raising=False)
    monkeypatch.setitem(sys.modules, "boto3", None)  # So Python says that there is none.
    with pytest.raises(NoSigner, match=r"needs boto3.*requirements/kms\.txt"):
        make_signer(Settings(payout_kms_key="alias/payer"))


async def test_a_key_that_was_disabled_does_not_sign_this_time(kms: Any) -> None:
    made = kms.create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY")
    signer = kms_signer.make(made["KeyMetadata"]["KeyId"])
    kms.schedule_key_deletion(KeyId=made["KeyMetadata"]["KeyId"], PendingWindowInDays=7)
    kms.disable_key(KeyId=made["KeyMetadata"]["KeyId"])
    signer._key_id = "11111111-2222-3333-4444-555555555555"
    with pytest.raises(SignerAway):
        await signer.sign(transaction())


def _sign_digest(key: ECDSAPrivateKey, message: bytes, _algorithm: str) -> bytes:
    """What KMS does for a MessageType of DIGEST; moto would hash the digest once more."""
    return key.private_key.sign(message, ECDSA(Prehashed(SHA256())))


def _keystore(folder: Path) -> Settings:
    """Fewer iterations than is safe: this is not about that."""
    made = Account.encrypt(bytes.fromhex(KEY[2:]), "right", kdf="pbkdf2", iterations=2)
    file = folder / "key.json"
    file.write_text(json.dumps(made))
    return settings(payout_keystore=file, payout_keystore_password=SecretStr("right"))
