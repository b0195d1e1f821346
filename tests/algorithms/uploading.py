"""Sending models in parts, in tests."""

import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from dml.algorithms.resumable import processes
from dml.algorithms.resumable.events import UploadEnded
from dml.core.context import SYSTEM, Context
from dml.core.settings import Settings
from tests.algorithms.offers import (
    GOOD,
)
from tests.inference.models import IMAGE_SPEC
from tests.world import Person, World

MODEL = GOOD + bytes(range(256)) * 4_000  # A megabyte, of which 256 KiB are the least part.
LEAST = 256 * 1024
PART = {"content-type": "application/partial-upload"}


def told(model: bytes = MODEL, **changes: Any) -> dict[str, Any]:
    """What a client says of a model before it comes."""
    about = {"sha256": hashlib.sha256(model).hexdigest(), "size": len(model)}
    return about | {"input_spec": IMAGE_SPEC} | changes


async def announce(person: Person, path: str, **changes: Any) -> str:
    """Announce a model; the answer is the path of its upload."""
    answer = await person.post(f"{path}/uploads", told(**changes))
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


async def append(person: Person, at: str, offset: Any, content: Any) -> httpx2.Response:
    headers = PART | {"upload-offset": str(offset)}
    return await person.ask("PATCH", at, content=content, headers=headers)


async def send_all(person: Person, at: str, model: bytes = MODEL) -> None:
    answer = await append(person, at, 0, model)
    assert answer.status_code == 200, answer.text


async def how_far(person: Person, at: str) -> int:
    found: int = (await person.get(at)).json()["offset"]
    return found


def in_store(settings: Settings) -> set[Path]:
    """All files that the blob store holds, finished or not."""
    return {it for it in (settings.home / "blobs").rglob("*") if it.is_file()}


def in_quarantine(settings: Settings, at: str) -> set[Path]:
    return {*(settings.home / "blobs" / "quarantine" / at.rpartition("/")[2]).glob("*")}


async def pieces(content: bytes, then: Callable[[], None] | None = None) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 50_000):
        yield content[start : start + 50_000]
    if then is not None:
        then()


async def empty(world: World, event: UploadEnded) -> None:
    async with world.parts.sessions.begin() as tx:
        await processes.empty_quarantine(Context(tx, SYSTEM, datetime.now(UTC)), event)
