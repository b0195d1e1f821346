"""What developers do in these tests: offer algorithms, upload files, and have them checked."""

import json
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import httpx2

from dml.algorithms import processes, service
from dml.core.context import SYSTEM, Context, Role
from dml.core.ids import VersionId
from tests.inference.models import IMAGE_SPEC, digits_like_model
from tests.world import Person, World

LABELS: Final = [str(digit) for digit in range(10)]
GOOD: Final = digits_like_model(10)
BOUNDARY: Final = "a-boundary-of-our-own"
FORM_TYPE: Final = f"multipart/form-data; boundary={BOUNDARY}"


def offer(**changes: Any) -> dict[str, Any]:
    """What a client posts to offer an algorithm."""
    body = {
        "title": "Digits",
        "summary": "Tells which digit a photo shows.",
        "model_card": "# Digits",
        "kind": "image",
        "tags": ["digits"],
        "device_fee": "0.05",
        "labels": LABELS,
    }
    return body | changes


async def accept_agreement(person: Person, version: str = "1") -> None:
    answer = await person.post("/v1/users/me/developer-agreements", {"version": version})
    assert answer.status_code == 201, answer.text


async def make_algorithm(person: Person, **changes: Any) -> str:
    """Offer an algorithm, as somebody who accepted the developer agreement; the answer is its
    path.
    """
    await accept_agreement(person)
    answer = await person.post("/v1/algorithms", offer(**changes))
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


def part(name: str | None, content: bytes, more: str = "") -> bytes:
    """One part of a form, as it goes over the wire."""
    named = "" if name is None else f'; name="{name}"'
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data{named}{more}\r\n\r\n"
    return head.encode(errors="surrogateescape") + content + b"\r\n"


def spec_part(**changes: Any) -> bytes:
    return part("input_spec", json.dumps(IMAGE_SPEC | changes).encode())


def file_part(content: bytes = GOOD) -> bytes:
    return part("file", content, '; filename="digits.onnx"')


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


async def send(person: Person, path: str, body: Any, **headers: str) -> httpx2.Response:
    """Send a body as the form of an upload. What yields it is sent in chunks, without a length."""
    headers = {"content-type": FORM_TYPE} | headers
    return await person.ask("POST", f"{path}/versions", content=body, headers=headers)


async def upload(person: Person, path: str, model: bytes = GOOD, **spec: Any) -> str:
    """Upload a version; the answer is its path."""
    answer = await send(person, path, form(spec_part(**spec), file_part(model)))
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


async def check(world: World, person: Person, version_path: str) -> Any:
    """Do what the process does, without the engine; the answer is the version."""
    shown = (await person.get(version_path)).json()
    labels = len((await person.get(version_path.split("/versions/")[0])).json()["labels"])
    finding = await processes.inspect(shown["sha256"], shown["input_spec"], labels)
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        await service.conclude_check(ctx, VersionId(UUID(shown["id"])), finding)
    return (await person.get(version_path)).json()


async def approve(world: World, person: Person, version_path: str) -> Any:
    """Bring a version all the way to its approval; the answer is the version."""
    await check(world, person, version_path)
    assert (await person.post(f"{version_path}/submit")).status_code == 200
    moderator = await world.person("moderator", Role.MODERATOR)
    answer = await moderator.post(f"{version_path}/approve")
    assert answer.status_code == 200, answer.text
    return answer.json()
