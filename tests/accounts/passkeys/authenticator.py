"""An authenticator, made of software, which lies where a test wants it to; and its browser."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

import cbor2
import httpx2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from dml.core import base64url
from tests.accounts.factors.authenticator import BY_PASSWORD
from tests.world import Person, World

ORIGIN: Final = "http://test"  # Where the API under test is reached.
DOMAIN: Final = "test"
PATH: Final = "/v1/users/me/passkeys"
UP, UV, BE, BS, AT = 1, 4, 8, 16, 64
Told = dict[str, Any]


def client_data(kind: str, challenge: str, origin: str, more: Told) -> bytes:
    told = {"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}
    return json.dumps(told | more).encode()


@dataclass
class Authenticator:
    """It holds one passkey. What it says of itself can be changed before each use."""

    domain: str = DOMAIN
    origin: str = ORIGIN
    flags: int = UP | UV | BE | BS
    count: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(20))
    handle: str | None = None
    page: Told = field(default_factory=dict)  # What else its browser says.
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def id(self) -> str:
        return base64url.encode(self.credential_id)

    def data(self, flags: int | None = None, behind: bytes = b"") -> bytes:
        said = self.flags if flags is None else flags
        hashed = hashlib.sha256(self.domain.encode()).digest()
        return hashed + bytes([said]) + self.count.to_bytes(4, "big") + behind

    def cose(self) -> Any:
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        return {1: 2, 3: -7, -1: 1, -2: x, -3: y}

    def attested(self, key: bytes | None = None) -> bytes:
        """The data of an authenticator that has made a passkey."""
        name = len(self.credential_id).to_bytes(2, "big") + self.credential_id
        cose = cbor2.dumps(self.cose()) if key is None else key
        return self.data(self.flags | AT, bytes(16) + name + cose)

    def create(self, options: Told, attestation: bytes | None = None) -> Told:
        """What `navigator.credentials.create` gives for these options, as `toJSON()` writes it."""
        self.handle = options["user"]["id"]
        page = client_data("webauthn.create", options["challenge"], self.origin, self.page)
        if attestation is None:
            made = {"fmt": "none", "attStmt": {}, "authData": self.attested()}
            attestation = cbor2.dumps(made)
        response = {
            "clientDataJSON": base64url.encode(page),
            "attestationObject": base64url.encode(attestation),
            "transports": ["internal", "hybrid", "telepathy"],
            "publicKeyAlgorithm": -7,
        }
        return self._credential(response)

    def sign(self, options: Told, data: bytes | None = None) -> Told:
        """What `navigator.credentials.get` gives. It counts on, if it counts."""
        self.count += self.count > 0
        page = client_data("webauthn.get", options["challenge"], self.origin, self.page)
        data = self.data() if data is None else data
        signed = data + hashlib.sha256(page).digest()
        response = {
            "clientDataJSON": base64url.encode(page),
            "authenticatorData": base64url.encode(data),
            "signature": base64url.encode(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": self.handle,
        }
        return self._credential(response)

    def _credential(self, response: Told) -> Told:
        return {
            "id": self.id,
            "rawId": self.id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }


async def options(world: World, path: str, body: Any = None) -> Told:
    answer = await world.client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    told: Told = answer.json()
    return told


async def to_sign_in(world: World) -> Told:
    return await options(world, "/v1/sessions/passkey-challenges")


async def to_sign_up(world: World) -> Told:
    return await options(world, "/v1/users/passkey-challenges", {})


async def to_add(person: Person) -> Told:
    answer = await person.post(f"{PATH}/challenges")
    assert answer.status_code == 200, answer.text
    told: Told = answer.json()
    return told


async def to_prove(person: Person) -> Told:
    answer = await person.post(f"{PATH}/proof-challenges")
    assert answer.status_code == 200, answer.text
    told: Told = answer.json()
    return told


async def send_session(world: World, credential: Any) -> httpx2.Response:
    return await world.client.post("/v1/sessions/passkey", json={"credential": credential})


async def sign_in(world: World, held: Authenticator) -> httpx2.Response:
    return await send_session(world, held.sign(await to_sign_in(world)))


async def sign_up(world: World, held: Authenticator, name: str = "Phone") -> httpx2.Response:
    body = {"credential": held.create(await to_sign_up(world)), "name": name}
    return await world.client.post("/v1/users/passkey", json=body)


async def add(
    person: Person, held: Authenticator, proof: Any = BY_PASSWORD, **more: Any
) -> httpx2.Response:
    body = {"credential": held.create(await to_add(person)), "proof": proof}
    return await person.post(PATH, body | more)


async def proof(person: Person, held: Authenticator) -> Told:
    return {"kind": "passkey", "credential": held.sign(await to_prove(person))}


def as_person(world: World, answer: httpx2.Response) -> Person:
    """Whoever signed in by that answer."""
    assert answer.status_code in (200, 201), answer.text
    told = answer.json()
    return Person(told["user_id"], "", told["access_token"], world.client)


async def with_passkey(world: World) -> tuple[Person, Authenticator]:
    """Somebody with a password and a passkey."""
    person, held = await world.person(), Authenticator()
    assert (await add(person, held)).status_code == 201
    return person, held
