"""Devices that use the API in tests: paired, each with a real key of its own."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dml.accounts.models import DataKind
from dml.core.context import NOBODY, Context
from dml.core.ids import DeviceId, UserId
from dml.devices import service
from dml.devices.models import Device, Platform
from dml.devices.service import Description
from tests.world import Person, World

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def public_key(key: Ed25519PrivateKey) -> str:
    return encode(key.public_key().public_bytes_raw())


def signed(key: Ed25519PrivateKey, claims: Any, header: Any = None) -> str:
    """Write a JWS by hand, so that a test can write a wrong one too."""
    parts = [json.dumps(it).encode() for it in (header or {"alg": "Ed25519"}, claims)]
    said = ".".join(encode(it) for it in parts)
    return f"{said}.{encode(key.sign(said.encode()))}"


def description(**changes: Any) -> dict[str, Any]:
    """What a new device says of itself."""
    said = {
        "name": "Ada's phone",
        "platform": "android",
        "memory_mib": 4096,
        "country": "PT",
        "kinds": ["photo"],
    }
    return said | changes


@dataclass
class TestDevice:
    """A paired device. Each verb answers what the API answered; it gets its token when needed."""

    __test__ = False  # pytest would take it for a test, by its name.

    id: DeviceId
    owner: Person
    key: Ed25519PrivateKey
    client: httpx2.AsyncClient
    _token: str | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        return f"/v1/devices/{self.id}"

    def claims(self, nonce: str, **changes: Any) -> dict[str, Any]:
        said = {"iss": str(self.id), "sub": str(self.id), "aud": "devices", "nonce": nonce}
        return said | changes

    async def nonce(self) -> str:
        answer = await self.client.post(f"{self.path}/nonce")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["nonce"])

    async def prove(self, assertion: str) -> httpx2.Response:
        body = {"grant_type": GRANT_TYPE, "assertion": assertion}
        return await self.client.post(f"{self.path}/token", json=body)

    async def token(self) -> str:
        """Get a new token, as an agent does: ask for a nonce, sign it, send it."""
        answer = await self.prove(signed(self.key, self.claims(await self.nonce())))
        assert answer.status_code == 200, answer.text
        self._token = str(answer.json()["access_token"])
        return self._token

    async def ask(self, method: str, path: str, **request: Any) -> httpx2.Response:
        token = self._token or await self.token()
        headers = {"Authorization": f"Bearer {token}", **request.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **request)

    async def get(self, path: str, **request: Any) -> httpx2.Response:
        return await self.ask("GET", path, **request)

    async def post(self, path: str, json: Any = None, **request: Any) -> httpx2.Response:
        return await self.ask("POST", path, json=json, **request)

    async def patch(self, path: str, json: Any, **request: Any) -> httpx2.Response:
        return await self.ask("PATCH", path, json=json, **request)


async def pairing_code(person: Person) -> str:
    answer = await person.post("/v1/devices/pairing-codes")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["code"])


async def pair(world: World, person: Person, **changes: Any) -> TestDevice:
    """Pair a new device of this person: `pair(world, ada, country="DE")`."""
    key = Ed25519PrivateKey.generate()
    body = {"code": await pairing_code(person), "public_key": public_key(key)}
    answer = await world.client.post("/v1/devices", json=body | description(**changes))
    assert answer.status_code == 201, answer.text
    return TestDevice(DeviceId(answer.json()["id"]), person, key, world.client)


async def paired(ctx: Context, key: Ed25519PrivateKey | None = None) -> Device:
    """Pair a new device of the actor by use cases, in the transaction of `ctx`."""
    code = (await service.make_code(ctx)).code
    return await register(ctx, code, key or Ed25519PrivateKey.generate())


async def register(ctx: Context, code: str, key: Ed25519PrivateKey) -> Device:
    """Register a device with this code, as a stranger does."""
    return await service.pair(
        replace(ctx, actor=NOBODY),
        code=code,
        public_key=key.public_key().public_bytes_raw(),
        name="one",
        description=Description(
            platform=Platform.LINUX,
            memory_mib=None,
            speed=None,
            country="PT",
            kinds=[DataKind.PHOTO],
        ),
    )


async def permit(person: Person, *kinds: str) -> None:
    """Let models process these kinds of data on the person's devices."""
    answer = await person.patch("/v1/users/me", {"permitted_kinds": kinds})
    assert answer.status_code == 200, answer.text


async def refuse(
    person: Person,
    *,
    jobs: Sequence[object] = (),
    developers: Sequence[UserId] = (),
    labels: Sequence[str] = (),
    **more: Any,
) -> None:
    """Refuse these on all of the person's devices."""
    body = {
        "refused_jobs": [str(it) for it in jobs],
        "refused_developers": [str(it) for it in developers],
        "refused_labels": list(labels),
    }
    answer = await person.put("/v1/devices/limits", body | more)
    assert answer.status_code == 200, answer.text
