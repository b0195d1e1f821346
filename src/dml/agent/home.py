"""The agent's own folder: its key, who it is, models, journal and reduced
pictures of what it has read. Never among the data."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dml.agent.refusals import CannotRun

KEY, IDENTITY, JOURNAL, MODELS, LOCK = "key.pem", "device.json", "journal.jsonl", "models", "lock"
PICTURES, PICTURES_KEY = "pictures", "pictures.key"
MANIFESTS, LIMITS, RECEIPTS = "manifests", "limits.json", "receipts"
PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Description:
    """What a device says of itself, and may say anew."""

    platform: str
    memory_mib: int | None
    country: str | None
    kinds: tuple[str, ...]
    speed: int | None = None  # An agent of before did not measure it.


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this agent is, and to whom. `described` is what it last said of itself."""

    device_id: str
    server: str
    name: str
    described: Description


def default_folder() -> Path:
    """Where an agent lives unless it is told: as the XDG base directories have it."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return base / "dml-device"


def require_apart(folder: Path, data: Path) -> None:
    """Refuse a home among the data: the key and the journal would lie between the photos."""
    if not data.is_dir():
        raise CannotRun(f"{data} is no folder. Name the one with your photos: --data DIR")
    home, photos = folder.resolve(), data.resolve()
    if home == photos or photos in home.parents:
        raise CannotRun(
            f"The agent's home {folder} lies within the data folder {data}. Choose another --home."
        )


class Home:
    """One agent's folder. Made, with its parents, where there is none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / JOURNAL
        self.models = folder / MODELS
        self.pictures = folder / PICTURES
        self.pictures_key = folder / PICTURES_KEY
        self.manifests = folder / MANIFESTS
        self.limits = folder / LIMITS
        self.receipts = folder / RECEIPTS

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only agent in this home for as long as the block runs."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.models.mkdir(exist_ok=True, mode=0o700)
            file = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, PRIVATE)
        except OSError as error:
            raise CannotRun(f"{_because(error)}. Choose another --home.") from None
        try:
            self._lock(file)
            yield
        finally:
            os.close(file)  # And with it the lock, which kill -9 gives back too.

    def _lock(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 20).decode(errors="replace").strip()
            raise CannotRun(
                f"Another agent (process {holder}) works in {self.folder}. "
                "Stop it, or give this one a --home of its own."
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)

    def key(self) -> Ed25519PrivateKey:
        """This agent's key."""
        path = self.folder / KEY
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError) as error:
            raise CannotRun(f"{path} can't be read ({error}). Choose another --home.") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise CannotRun(f"{path} is no Ed25519 key. Choose another --home.")
        return key

    def has_key(self) -> bool:
        return (self.folder / KEY).exists()

    def new_key(self) -> Ed25519PrivateKey:
        """Take a new key in the place of the old one."""
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_whole(self.folder / KEY, pem)
        return key

    def identity(self) -> Identity | None:
        """Who this agent is; None where it was never paired."""
        path = self.folder / IDENTITY
        try:
            data = json.loads(path.read_bytes())
            described = data["described"]
            return Identity(
                device_id=str(UUID(data["device_id"])),
                server=str(data["server"]),
                name=str(data["name"]),
                described=Description(**{**described, "kinds": tuple(described["kinds"])}),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CannotRun(f"{path} can't be read ({error}). Choose another --home.") from None

    def remember(self, identity: Identity) -> None:
        write_whole(self.folder / IDENTITY, json.dumps(asdict(identity), indent=1).encode())

    def forget(self) -> None:
        """Be nobody again, for a key that the server takes no longer."""
        (self.folder / IDENTITY).unlink(missing_ok=True)
        (self.folder / KEY).unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a private file so that after a crash it is there whole, or as it was."""
    new = path.with_name(f".{path.name}.new")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(file, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(file)
    os.replace(new, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Let the names in a folder survive a power cut."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _because(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}"
