"""Which assertions hold, without a database."""

import hashlib
import hmac
import json
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dml.agent.server import public_part, sign
from dml.core import base64url
from dml.core.ids import DeviceId, new_id
from dml.devices.assertions import read_nonce
from dml.devices.keys import decode_key
from dml.devices.rules import BadAssertion
from tests.devices.factories import encode, signed

KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC: Final = KEY.public_key().public_bytes_raw()
HEADER: Final = b'{"alg":"Ed25519"}'
DEVICE: Final = DeviceId(new_id())
OTHER: Final = DeviceId(new_id())


def claims(**changes: Any) -> dict[str, Any]:
    said = {"iss": str(DEVICE), "sub": str(DEVICE), "aud": "devices", "nonce": "a-nonce"}
    return said | changes


def read(assertion: str) -> str:
    audiences = ["devices", "https://dml.example.org"]
    return read_nonce(assertion, PUBLIC, DEVICE, audiences=audiences)


def test_what_our_agent_signs_holds_and_is_a_plain_jws_that_servers_have_always_read() -> None:
    assertion = sign(KEY, claims())
    assert read(assertion) == "a-nonce"
    header, payload, signature = assertion.split(".")
    assert json.loads(base64url.decode(header)) == {"alg": "Ed25519"}
    assert json.loads(base64url.decode(payload)) == claims()
    KEY.public_key().verify(base64url.decode(signature), f"{header}.{payload}".encode())


def test_our_agent_registers_the_key_that_it_signs_with() -> None:
    assert decode_key(public_part(KEY)) == PUBLIC


@pytest.mark.parametrize("algorithm", ["Ed25519", "EdDSA"])
def test_the_algorithm_may_be_called_by_both_its_names(algorithm: str) -> None:
    assert read(signed(KEY, claims(), {"alg": algorithm, "typ": "JWT"})) == "a-nonce"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://dml.example.org"},
        {"aud": ["https://elsewhere.example.org", "devices"]},
        {"iat": 0, "nbf": 99_999_999_999, "exp": 1, "jti": "x"},
        {"exp": "no time at all"},
    ],
)
def test_no_time_is_read_and_each_name_of_ours_is_taken(changes: dict[str, Any]) -> None:
    assert read(signed(KEY, claims(**changes))) == "a-nonce"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": str(OTHER)},
        {"sub": str(OTHER)},
        {"iss": str(OTHER), "sub": str(OTHER)},
        {"iss": None, "sub": None},
        {"iss": [str(DEVICE)], "sub": [str(DEVICE)]},
        {"aud": "users"},
        {"aud": "devices2"},
        {"aud": None},
        {"aud": {}},
        {"aud": {"devices": 1}},
        {"aud": [["devices"]]},
        {"aud": 1},
        {"nonce": None},
        {"nonce": ""},
        {"nonce": 1},
        {"nonce": ["a-nonce"]},
        {"nonce": "nul \0"},
        {"nonce": "half \ud800"},
        {"nonce": "a-nonce\n"},
        {"nonce": "x" * 65},
    ],
)
def test_wrong_claims_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadAssertion):
        read(signed(KEY, claims(**changes)))


@pytest.mark.parametrize("left_out", ["iss", "sub", "aud", "nonce"])
def test_each_claim_is_needed(left_out: str) -> None:
    said = claims()
    del said[left_out]
    with pytest.raises(BadAssertion):
        read(signed(KEY, said))


@pytest.mark.parametrize("payload", [[], "text", 1, None, [[]]])
def test_claims_are_an_object(payload: Any) -> None:
    with pytest.raises(BadAssertion):
        read(signed(KEY, payload))


@pytest.mark.parametrize("algorithm", ["none", "None", "", "HS256", "ES256", "Ed448", "ed25519", 1])
def test_no_other_algorithm_is_taken_though_the_signature_holds(algorithm: Any) -> None:
    with pytest.raises(BadAssertion):
        read(signed(KEY, claims(), {"alg": algorithm}))


def test_nothing_unsigned_is_taken() -> None:
    for header in ({"alg": "none"}, {"alg": "Ed25519"}, {}):
        said = ".".join(encode(json.dumps(it).encode()) for it in (header, claims()))
        with pytest.raises(BadAssertion):
            read(f"{said}.")


def test_a_public_key_is_no_secret_of_hmac() -> None:
    said = ".".join(encode(json.dumps(it).encode()) for it in ({"alg": "HS256"}, claims()))
    for secret in (PUBLIC, encode(PUBLIC).encode()):
        signature = hmac.new(secret, said.encode(), hashlib.sha256).digest()
        with pytest.raises(BadAssertion):
            read(f"{said}.{encode(signature)}")


def test_another_key_is_refused_even_one_that_the_header_brings() -> None:
    stranger = Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": encode(stranger.public_key().public_bytes_raw())}
    for header in ({"alg": "Ed25519"}, {"alg": "Ed25519", "jwk": jwk}):
        with pytest.raises(BadAssertion):
            read(signed(stranger, claims(), header))


def test_a_changed_word_breaks_the_signature() -> None:
    header, _, signature = signed(KEY, claims()).split(".")
    other = encode(json.dumps(claims(nonce="another")).encode())
    with pytest.raises(BadAssertion):
        read(f"{header}.{other}.{signature}")


def by_hand(header: bytes, payload: bytes = b"{}") -> str:
    """Sign these very bytes."""
    said = f"{encode(header)}.{encode(payload)}"
    return f"{said}.{encode(KEY.sign(said.encode()))}"


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "..",
        "...",
        "a.b.c",
        "é.é.é",
        pytest.param("x" * 2_048, id="long"),
        pytest.param("." * 2_048, id="parts"),
        pytest.param(by_hand(b"{}"), id="no algorithm"),
        pytest.param(by_hand(b"[" * 1_400), id="nested header"),
        pytest.param(by_hand(bytes(range(256))), id="header of bytes"),
        pytest.param(by_hand(b'{"alg":"Ed25519","crit":["b64"],"b64":false}'), id="unencoded"),
        pytest.param(by_hand(b'{"alg":"Ed25519","crit":1}'), id="critical number"),
        pytest.param(by_hand(b'{"alg":"Ed25519","crit":[[]]}'), id="critical list"),
        pytest.param(by_hand(HEADER, b"[" * 1_400), id="nested claims"),
        pytest.param(by_hand(HEADER, b"[" * 100_000), id="endlessly nested claims"),
        pytest.param(by_hand(HEADER, bytes(range(256))), id="claims of bytes"),
    ],
)
def test_what_is_no_assertion_is_refused(text: str) -> None:
    with pytest.raises(BadAssertion):
        read(text)
