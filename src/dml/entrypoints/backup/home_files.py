"""The files of a home without which a marketplace is not itself: keys, and a local chain."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dml.core.settings import Settings
from dml.entrypoints import wiring
from dml.entrypoints.embedded import folders, places
from dml.refused import Refused

MEANINGS: Final = {
    "keys.json": "the keys that sign tokens",
    "scorer.key": "the key that opens hidden test sets",
    "factors.key": "the key that opens secrets of authenticator apps",
    "chain.json": "the keys of the local chain",
    "chain.state": "the local chain",
}


@dataclass(frozen=True, slots=True)
class HomeFile:
    """A file that belongs into a backup, under the name that it has there."""

    part: str
    path: Path


def list_kept(settings: Settings) -> list[HomeFile]:
    """Return the files of this home, whether they are there or not.

    A chain that is not ours is its own backup. The state of ours follows its keys.
    """
    home = places.absolute(settings.home)
    kept = [
        HomeFile("keys.json", wiring.keys_file(settings)),
        HomeFile("scorer.key", wiring.scorer_key_file(settings)),
        HomeFile("factors.key", wiring.factor_key_file(settings)),
    ]
    if settings.chain_url is None:
        kept += [HomeFile(it, home / it) for it in ("chain.json", "chain.state")]
    return kept


async def put_back(file: HomeFile, content: AsyncIterator[bytes]) -> None:
    """Write a file for the owner of its folder alone, whole or not at all.

    One that is there already has to be the same: a key is never replaced.
    """
    folders.make(file.path.parent)
    new = file.path.with_name(f"{file.path.name}.restored")
    with os.fdopen(folders.open_shared(new, os.O_RDWR | os.O_TRUNC), "w+b") as written:
        async for chunk in content:
            written.write(chunk)
        written.flush()
        os.fsync(written.fileno())
    if file.path.exists():
        is_same = file.path.read_bytes() == new.read_bytes()
        new.unlink()
        if not is_same:
            raise Refused(
                f"{file.path} is there, and is another than in the backup: move it away, or "
                "choose another DML_HOME"
            )
        return
    new.rename(file.path)
