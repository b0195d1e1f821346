"""What no authenticator makes: its attestations, keys and data are refused, and none ends in a
500.
"""

from typing import Final

import cbor2
import pytest

from tests.accounts.passkeys.authenticator import (
    AT,
    UP,
    UV,
    Authenticator,
    send_session,
    sign_in,
    to_sign_in,
    to_sign_up,
    with_passkey,
)
from tests.accounts.passkeys.test_bad_input import UNREADABLE
from tests.world import World, problem


def bomb(levels: int) -> bytes:
    """A list that holds itself twice over and over, in a few bytes (CBOR tags 28 and 29)."""
    item: bytes = b"\xd8\x1c\x81\x00"
    for level in range(levels):
        item = b"\xd8\x1c\x82" + item + b"\xd8\x1d" + cbor2.dumps(levels - level)
    return item


GARBAGE: Final = {
    "empty": b"",
    "no map": b"\x80",
    "no authData": cbor2.dumps({"fmt": "none", "attStmt": {}}),
    "authData of text": cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": "x" * 60}),
    "authData cut": cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": b"x" * 30}),
    "deep": b"\x81" * 3_000 + b"\x00",
    "endless": b"\x9f",
    "huge": b"\xbb" + b"\xff" * 8,
    "bomb": bomb(200),
    "noise": bytes(range(256)) * 8,
    "tag": b"\xd9\xd9\xf7\xa0",
    "unhashable": b"\xa1\x80\x00",
}
KEYS: Final = {
    "nothing": b"",
    "no map": b"\x01",
    "empty map": b"\xa0",
    "no point": cbor2.dumps({1: 2, 3: -7, -1: 1}),
    "off the curve": cbor2.dumps({1: 2, 3: -7, -1: 1, -2: b"\1" * 32, -3: b"\2" * 32}),
    "text for bytes": cbor2.dumps({1: 2, 3: -7, -1: 1, -2: "x", -3: "y"}),
    "another algorithm": cbor2.dumps({1: 3, 3: -65535, -1: b"\xff" * 256, -2: b"\1\0\1"}),
    "endless RSA": cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 2_000, -2: b"\1\0\1"}),
    "short RSA": cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 128, -2: b"\1\0\1"}),
    "even RSA": cbor2.dumps({1: 3, 3: -257, -1: b"\xfe" * 256, -2: b"\0"}),
    "another curve": cbor2.dumps({1: 2, 3: -7, -1: 3, -2: b"\1" * 66, -3: b"\2" * 66}),
    "ed25519 cut": cbor2.dumps({1: 1, 3: -8, -1: 6, -2: b"\1" * 5}),
    "lists for keys": b"\xa1\x80\x00",
    "bomb": bomb(200),
    "something behind": cbor2.dumps({1: 2}) + b"\0",
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_an_attestation_that_is_none_is_refused(world: World, name: str) -> None:
    raw = GARBAGE[name] or b"\0"
    body = {"credential": Authenticator().create(await to_sign_up(world), raw)}
    problem(await world.client.post("/v1/users/passkey", json=body), 422, UNREADABLE)


@pytest.mark.parametrize("name", KEYS)
async def test_a_key_that_is_none_is_refused(world: World, name: str) -> None:
    held = Authenticator()
    made = {"fmt": "none", "attStmt": {}, "authData": held.attested(KEYS[name])}
    body = {"credential": held.create(await to_sign_up(world), cbor2.dumps(made))}
    problem(await world.client.post("/v1/users/passkey", json=body), 422, UNREADABLE)


async def test_what_an_attestation_vouches_for_is_not_read(world: World) -> None:
    """As that of authenticators that vouch for themselves, and of those that nobody asked."""
    for form in ("packed", "tpm", "android-safetynet", "unheard-of"):
        held = Authenticator()
        made = {"fmt": form, "attStmt": {"sig": b"\0", "x5c": [b"x"]}, "authData": held.attested()}
        body = {"credential": held.create(await to_sign_up(world), cbor2.dumps(made))}
        answer = await world.client.post("/v1/users/passkey", json=body)
        assert answer.status_code == 201, answer.text
        assert (await sign_in(world, held)).status_code == 200


async def test_authenticator_data_that_is_none_is_refused(world: World) -> None:
    """It is looked at before the signature is, so a stranger may send anything."""
    _, held = await with_passkey(world)
    good = held.data()
    for data in (
        good[:20],
        good[:36],
        good + b"\0",
        held.data(UP | UV | AT, bytes(16) + b"\xff\xff"),
        held.data(UP | UV | AT, bytes(18) + bomb(200)),
        held.data(UP | UV | 128, bomb(200)),
        held.data(UP | UV | 128),
        held.data(UP | UV | 16),  # Backed up, and it cannot be.
        good[:32],
    ):
        problem(
            await send_session(world, held.sign(await to_sign_in(world), data)), 422, UNREADABLE
        )
    # Extensions may be there.
    signed = held.sign(await to_sign_in(world), held.data(UP | UV | 128, cbor2.dumps({"x": True})))
    assert (await send_session(world, signed)).status_code == 200
