"""Places of backups for tests: a folder whose key is made in no time."""

from pathlib import Path
from typing import Final

from dml.entrypoints.backup.key import BackupKey
from dml.entrypoints.backup.manifest import KEY_FILE
from dml.entrypoints.backup.place import Place

PASSPHRASE: Final = "correct horse battery staple"


async def make_place(folder: Path, passphrase: str = PASSPHRASE) -> tuple[Place, BackupKey]:
    """A place that is new, and its key: of the least memory, which would take half a second."""
    place = Place.at(str(folder), make=True)
    key, kept = BackupKey.make(passphrase, operations=1, memory_bytes=8192)
    assert await place.put_new(KEY_FILE, kept)
    return place, key


def change(path: Path, at: int, byte: int | None = None) -> None:
    """Alter a byte of a file; cut it off there where none is given."""
    content = bytearray(path.read_bytes())
    if byte is None:
        del content[at:]
    else:
        content[at] ^= byte
    path.write_bytes(content)
