"""The disk that holds the files is full: who uploads is told to come again, and nothing is left.

A limit on the size of files stands for it: it fails the same call of the same system, without
taking a disk from others.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from dml.core.worker import WorkerParts
from tests.algorithms.offers import GOOD, file_part, form, make_algorithm, send, spec_part
from tests.world import World, problem

ROOM_BYTES: Final = 100_000
PADDING_BYTES: Final = 1 << 20
# A field that no model has, of as many bytes: PADDING_BYTES as a varint.
LARGE: Final = GOOD + b"\x5a\x80\x80\x40" + bytes(PADDING_BYTES)


@contextmanager
def full() -> Iterator[None]:
    """Let no file of this process become longer than a little."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def files(home: Path) -> set[Path]:
    return {it for it in (home / "blobs").rglob("*") if it.is_file()}


async def test_who_uploads_to_a_full_disk_is_told_to_come_again_and_then_can(
    world: World, worker_parts: WorkerParts, caplog: pytest.LogCaptureFixture
) -> None:
    ada, home = await world.person("ada"), worker_parts.settings.home
    path, before = await make_algorithm(ada), files(home)
    with full():
        answer = await send(ada, path, form(spec_part(), file_part(LARGE)))
    assert answer.headers["retry-after"].isdigit()
    problem(answer, 503, "http.503")
    assert "the store of files failed" in caplog.text
    assert files(home) == before
    assert (await ada.get(f"{path}/versions")).json()["items"] == []

    assert (await send(ada, path, form(spec_part(), file_part(LARGE)))).status_code == 201
    assert len(files(home) - before) == 1
