"""Every token that must open nothing, made as whoever would try it makes it."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import OKPKey

from dml.core.context import Role
from dml.core.ids import new_id
from dml.core.tokens import ISSUER, Keys
from tests.devices.factories import encode, pair
from tests.world import Person, World, problem

NOW = datetime.now(UTC)


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    head, body, _ = token.split(".")
    read = (json.loads(base64.urlsafe_b64decode(it + "=" * (-len(it) % 4))) for it in (head, body))
    header, claims = read
    return header, claims


def written(header: Any, claims: Any, sign: Callable[[bytes], bytes] = lambda said: b"") -> str:
    said = ".".join(encode(json.dumps(it).encode()) for it in (header, claims))
    return f"{said}.{encode(sign(said.encode()))}"


def signed(world: World, person: Person, **changes: Any) -> str:
    """A token of ours for this person, but for some claims."""
    claims = parts(person.token)[1] | {"seconds": 600} | changes
    now = claims.pop("now", NOW)
    audience, issuer = claims.pop("aud"), claims.pop("iss")
    for it in ("iat", "exp"):
        claims.pop(it)
    keys = world.parts.keys
    before, keys._issuer = keys._issuer, issuer
    try:
        return keys.sign(audience=audience, now=now, **claims)
    finally:
        keys._issuer = before


def public_key(world: World) -> dict[str, Any]:
    shown: dict[str, Any] = world.parts.keys.public(NOW)["keys"][0]
    return shown


def hs256(world: World, person: Person, secret: bytes) -> str:
    header = {"alg": "HS256", "kid": public_key(world)["kid"]}

    def sign(said: bytes) -> bytes:
        return hmac.digest(secret, said, hashlib.sha256)

    return written(header, parts(person.token)[1], sign)


def elsewhere(world: World, person: Person, kid: str) -> str:
    """Signed by a key that is not ours, which calls itself so."""
    key = OKPKey.generate_key("Ed25519", private=True).as_dict(private=True) | {"kid": kid}
    _, claims = parts(person.token)
    keys = Keys({"keys": [key]})
    return keys.sign(audience="users", now=NOW, seconds=600, sub=claims["sub"], sid=claims["sid"])


BAD: dict[str, Callable[[World, Person], str]] = {
    "expired": lambda world, it: signed(world, it, now=NOW - timedelta(days=1)),
    "from tomorrow": lambda world, it: signed(world, it, now=NOW + timedelta(days=1)),
    "alg none": lambda world, it: written({"alg": "none"}, parts(it.token)[1]),
    "alg none, of our key": lambda world, it: written(
        {"alg": "none", "kid": public_key(world)["kid"]}, parts(it.token)[1]
    ),
    "HS256 by the public key": lambda world, it: hs256(world, it, public_key(world)["x"].encode()),
    "HS256 by the public JWK": lambda world, it: hs256(
        world, it, json.dumps(public_key(world)).encode()
    ),
    "another issuer": lambda world, it: signed(world, it, iss="https://evil.example.org"),
    "another audience": lambda world, it: signed(world, it, aud="device"),
    "unknown key": lambda world, it: elsewhere(world, it, "elsewhere"),
    "a key that calls itself ours": lambda world, it: elsewhere(
        world, it, public_key(world)["kid"]
    ),
    "no such session": lambda world, it: signed(world, it, sid=str(new_id())),
    "another's session": lambda world, it: signed(world, it, sub=str(new_id())),
    "no id": lambda world, it: signed(world, it, sub="me"),
    "no claims": lambda world, it: written(parts(it.token)[0], []),
    "a signature that was cut": lambda world, it: it.token[:-4],
    "another's claims": lambda world, it: ".".join(
        (
            it.token.split(".")[0],
            encode(json.dumps(parts(it.token)[1] | {"exp": 2**33}).encode()),
            it.token.split(".")[2],
        )
    ),
    "long": lambda world, it: it.token + "A" * 100_000,
    "a long claim": lambda world, it: signed(world, it, more="A" * 100_000),
    "not even a number": lambda world, it: written(
        parts(it.token)[0], parts(it.token)[1] | {"exp": "later"}
    ),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_token_opens_nothing(world: World, name: str) -> None:
    ada = await world.person("ada", Role.ADMIN)
    token = BAD[name](world, ada)
    headers = {"Authorization": f"Bearer {token}"}
    for method, path in (
        ("GET", "/v1/users/me"),
        ("GET", "/v1/admin/books"),
        ("DELETE", "/v1/users/me/sessions"),
    ):
        answer = await world.client.request(method, path, headers=headers)
        problem(answer, 401, "core.not_signed_in")
    assert (await ada.get("/v1/users/me")).status_code == 200


async def test_a_token_made_so_is_good_where_nothing_is_wrong_with_it(world: World) -> None:
    """Or the ones above would be refused for how they are made."""
    ada = await world.person("ada")
    token = signed(world, ada)
    answer = await world.client.get("/v1/users/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert parts(token)[1]["iss"] == ISSUER


async def test_a_device_is_no_user_and_a_user_no_device(world: World) -> None:
    ada = await world.person("ada")
    device = await pair(world, ada)
    headers = {"Authorization": f"Bearer {await device.token()}"}
    problem(await world.client.get("/v1/users/me", headers=headers), 401, "core.not_signed_in")
    problem(await ada.get("/v1/devices/self"), 401, "devices.not_a_device")


async def test_the_public_keys_may_be_kept_for_minutes(world: World) -> None:
    told = await world.client.get("/.well-known/jwks.json")
    assert told.headers["cache-control"] == "public, max-age=300"
