"""Reduced pictures of the photos that were read, so that the next job need not decode them again.

What is kept of a photo are the sums of its cells (`images.Reduced`), its day and its SHA-256: just
what `images.finish` makes the tensor of, so that a count with them is the same to the last bit as
one without. They are found by path, and hold for as long as the file is the same by its times,
size and inode. Each is a file of its own, encrypted and authenticated by a key that lies beside the
folder: a copy of the folder alone says nothing, and what is half-written, of another key or altered
is no error and no answer, but read anew. Whoever has the key could as well alter the photos. They
never leave the device. See docs/decisions/0066.
"""

import contextlib
import datetime as dt
import hashlib
import importlib.metadata
import os
import random
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from PIL import features

from dml.agent.home import PRIVATE, write_whole
from dml.inference.images import Reduced, reduced_shape
from dml.inference.spec import InputSpec, reduction

KEY_BYTES: Final = 32
BLOCK_BYTES: Final = 4096  # What a file takes at least.
# A file may change twice within the step of its file system's clock (2 s on FAT), unseen.
SETTLED_SECONDS: Final = 3
SECONDS_A_DAY: Final = 86_400
# On every day that can be: what a photo's day is found by, whatever today is.
ANY_DAY: Final = dt.date.max - dt.timedelta(days=1)

_NEW: Final = ".new"
_NONCE_BYTES, _TAG_BYTES = 12, 16
_HEAD: Final = struct.Struct("<qqQQ32sIIIB")
_SIZES: Final = {1: "u1", 2: "<u2", 4: "<u4", 8: "<u8"}
_PACKAGES: Final = ("dml", "pillow", "pillow-heif")  # Another release may read a photo otherwise.


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a photo: `day` is the first that it names, be it ahead of today or not."""

    sha256: bytes
    day: dt.date | None
    reduced: Reduced


class Pictures:
    """The folder that keeps them, of `most_bytes` at most. Thread-safe. It raises nothing.

    The agent's lock makes this its only writer; `forget` may be called beside it.
    """

    def __init__(self, folder: Path, key: Path, *, most_bytes: int) -> None:
        self._folder, self._key_path, self._most_bytes = folder, key, most_bytes
        self._lock = threading.Lock()
        self._secret: bytes | None = None
        self._cipher: AESGCM | None = None
        self._by_day: dict[int, list[str]] | None = None  # Last used, in days since 1970.
        self._bytes = 0
        self._seen = set[str]()
        self._of_code = _versions()

    def begin(self) -> None:
        """Make ready for a job: what was forgotten meanwhile is. Nothing is kept where it can't."""
        self._secret, self._cipher, self._by_day = None, None, None
        self._seen.clear()
        with contextlib.suppress(OSError):
            if not self._most_bytes:
                forget(self._folder, self._key_path)
                return
            self._folder.mkdir(exist_ok=True, mode=0o700)
            self._folder.chmod(0o700)
            self._secret = _secret_at(self._key_path)
            self._cipher = AESGCM(hashlib.blake2b(self._secret, digest_size=32).digest())

    def get(
        self, path: Path, found: os.stat_result, spec: InputSpec, today: dt.date
    ) -> Kept | None:
        """What is kept of this very file for such specs; None where nothing, or it can't be used.

        `found` is of the open file. None too where the day that the photo names lies ahead.
        """
        if self._cipher is None:
            return None
        name = self._name(path, spec)
        try:
            with _opened(self._folder / name, os.O_RDONLY) as file:
                used = os.fstat(file)
                if used.st_size > _most(spec):
                    return None
                data = os.read(file, used.st_size)
            plain = self._cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], name.encode())
            kept = _unpacked(plain, found, spec)
        except (OSError, InvalidTag, ValueError, struct.error, OverflowError):
            return None
        latest = today + dt.timedelta(days=1)
        if kept is None or (kept.day is not None and kept.day > latest):
            return None
        if used.st_mtime // SECONDS_A_DAY != time.time() // SECONDS_A_DAY:
            with contextlib.suppress(OSError):
                os.utime(self._folder / name)
        return kept

    def put(self, path: Path, found: os.stat_result, spec: InputSpec, kept: Kept) -> None:
        """Keep what was read of a file that was as `found` before and after."""
        now = time.time()
        if self._cipher is None or not found.st_mtime <= now - SETTLED_SECONDS:
            return
        name, nonce = self._name(path, spec), os.urandom(_NONCE_BYTES)
        data = nonce + self._cipher.encrypt(nonce, _packed(found, kept), name.encode())
        with self._lock, contextlib.suppress(OSError):
            if not self._make_room(_on_disk(len(data))):
                return
            new = self._folder / f"{name}{_NEW}"
            with _opened(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as file:
                whole = os.write(file, data) == len(data)
            if whole:  # Else, on a full disk, it gives way with the others.
                self._replace(new, self._folder / name, int(now // SECONDS_A_DAY))

    def saw(self, path: Path) -> None:
        """Note that a photo is still there: `end` forgets what is kept of all others."""
        if self._cipher is not None:
            self._seen.add(self._photo(path))

    def end(self) -> None:
        """When all photos have been seen, forget those of others, and what is more than may be."""
        if self._cipher is None:
            return
        with self._lock, contextlib.suppress(OSError):
            for name in os.listdir(self._folder):
                if name.partition("-")[0] not in self._seen or name.endswith(_NEW):
                    (self._folder / name).unlink(missing_ok=True)
            self._by_day = None
            self._make_room(0)  # Its owner may allow less than the last time.

    def _photo(self, path: Path) -> str:
        """Tells nothing of the path without the key."""
        assert self._secret is not None, "`begin` has been called"
        return hashlib.blake2b(os.fsencode(path), digest_size=16, key=self._secret).hexdigest()

    def _name(self, path: Path, spec: InputSpec) -> str:
        """What another code read is not found."""
        how = f"{reduction(spec)} {self._of_code}".encode()
        return f"{self._photo(path)}-{hashlib.blake2b(how, digest_size=8).hexdigest()}"

    def _replace(self, new: Path, old: Path, today: int) -> None:
        assert self._by_day is not None, "there is room for it"
        with contextlib.suppress(FileNotFoundError):
            self._bytes -= _on_disk(old.stat().st_size)
        os.replace(new, old)
        self._by_day[today].append(old.name)

    def _make_room(self, size: int) -> bool:
        """Let go of what was used longest ago, by the day, until `size` fits, and count it in.

        Within a day by chance: of a folder that has more photos than fit, the oldest are just those
        that the next job asks for first, and each of them would go just before its turn.
        """
        if size > self._most_bytes:
            return False
        if self._by_day is None:
            self._by_day, self._bytes = _looked_over(self._folder)
        while self._bytes + size > self._most_bytes and self._by_day:
            day = min(self._by_day)
            names = self._by_day[day]
            place = random.randrange(len(names))  # noqa: S311 - no secret
            names[place], names[-1] = names[-1], names[place]
            name = names.pop()
            if not names:
                del self._by_day[day]
            self._let_go(name, day)
        self._bytes += size
        return True

    def _let_go(self, name: str, day: int) -> None:
        assert self._by_day is not None, "it was asked of it"
        path = self._folder / name
        with contextlib.suppress(FileNotFoundError):
            found = path.stat()
            if (used := int(found.st_mtime // SECONDS_A_DAY)) > day:
                self._by_day[used].append(name)  # It was used since it was looked over.
                return
            path.unlink()
            self._bytes -= _on_disk(found.st_size)


def forget(folder: Path, key: Path) -> int:
    """Forget all pictures, the key first, without which they say nothing. → how many there were."""
    key.unlink(missing_ok=True)
    number = 0
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return 0
    for name in names:
        (folder / name).unlink(missing_ok=True)
        number += 1
    return number


def size_of(folder: Path) -> tuple[int, int]:
    """How many pictures a folder keeps, and the bytes that they take on the disk."""
    by_day, size = _looked_over(folder)
    return sum(map(len, by_day.values())), size


def _looked_over(folder: Path) -> tuple[dict[int, list[str]], int]:
    by_day, size = defaultdict[int, list[str]](list), 0
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                found = entry.stat(follow_symlinks=False)
                by_day[int(found.st_mtime // SECONDS_A_DAY)].append(entry.name)
                size += _on_disk(found.st_size)
    return by_day, size


def _packed(found: os.stat_result, kept: Kept) -> bytes:
    sums = kept.reduced.sums
    size = next(it for it in _SIZES if sums.max() < 1 << 8 * it)
    day = 0 if kept.day is None else kept.day.toordinal()
    sides = kept.reduced.width, kept.reduced.height
    head = _HEAD.pack(*_identity(found), kept.sha256, day, *sides, size)
    return head + sums.astype(_SIZES[size]).tobytes()


def _unpacked(plain: bytes, found: os.stat_result, spec: InputSpec) -> Kept | None:
    """None where it is of the file as it was; struct.error or ValueError for nonsense."""
    *identity, sha256, day, width, height, size = _HEAD.unpack_from(plain)
    if tuple(identity) != _identity(found) or not width or not height or size not in _SIZES:
        return None
    sums = np.frombuffer(plain, _SIZES[size], offset=_HEAD.size)
    shaped = sums.reshape(reduced_shape(width, height, spec)).astype(np.int64)
    named = dt.date.fromordinal(day) if day else None
    return Kept(sha256, named, Reduced(width, height, shaped))


def _identity(found: os.stat_result) -> tuple[int, int, int, int]:
    """Another one when the file was written, replaced, or had its time set back."""
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def is_same(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether nobody wrote to a file between the two."""
    return _identity(before) == _identity(after)


def _secret_at(path: Path) -> bytes:
    """The key; a new one where there is none, or it is damaged."""
    with contextlib.suppress(FileNotFoundError):
        secret = path.read_bytes()
        if len(secret) == KEY_BYTES:
            return secret
    secret = os.urandom(KEY_BYTES)
    write_whole(path, secret)
    return secret


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    """A file of the folder, and never what a link or a pipe in its place leads to."""
    file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, PRIVATE)
    try:
        yield file
    finally:
        os.close(file)


def _on_disk(size: int) -> int:
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES


def _most(spec: InputSpec) -> int:
    """More bytes no picture of such a spec has."""
    cells = spec.width * spec.height * spec.channels
    return _NONCE_BYTES + _HEAD.size + 8 * cells + _TAG_BYTES


def _versions() -> str:
    told = [f"jpeg {features.version('libjpeg_turbo') or features.version('jpg')}"]
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            told.append(f"{name} {importlib.metadata.version(name)}")
    return ", ".join(told)
