"""Which public keys a device may register, without a database."""

import contextlib
import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dml.devices.keys import check_key, decode_key, encode_key

P = 2**255 - 19
GOOD = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"  # RFC 8037, A.2.
# All eight points whose order divides 8, in each way that 32 bytes can write them.
LOW_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]


def public_key() -> bytes:
    return Ed25519PrivateKey.generate().public_key().public_bytes_raw()


def test_every_real_key_is_taken() -> None:
    assert encode_key(decode_key(GOOD)) == GOOD
    for _ in range(100):
        key = public_key()
        assert decode_key(encode_key(key)) == key
        assert decode_key(encode_key(key) + "=") == key


@pytest.mark.parametrize("low", LOW_ORDER)
def test_a_key_under_which_anybody_can_sign_is_refused(low: str) -> None:
    with pytest.raises(ValueError, match="low order"):
        check_key(bytes.fromhex(low))


def test_a_number_at_random_is_hardly_ever_a_key() -> None:
    """Half of all numbers are no y of a point, and of the points an eighth could be a key."""
    taken = 0
    for _ in range(400):
        with contextlib.suppress(ValueError):
            check_key(secrets.token_bytes(32))
            taken += 1
    assert 5 < taken < 70


def test_a_y_that_could_be_written_shorter_is_refused() -> None:
    """y + p, where that is no more than 255 bits, names the same point as y."""
    for y in range(19):
        for sign in (0, 2**255):
            with pytest.raises(ValueError, match="public key"):
                check_key((P + y + sign).to_bytes(32, "little"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "====",
        encode_key(bytes(31)),
        encode_key(bytes(33)),
        f"{GOOD}A",
        f"{GOOD[:-1]}+",
        f"{GOOD}\n",
        f" {GOOD}",
        "ü" * 43,
        "\ud800" * 43,
        "\0" * 43,
        pytest.param("A" * 100_000, id="endless"),
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        decode_key(text)
