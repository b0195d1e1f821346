"""Where a run of the demo keeps what it makes: a folder of its own below `.dml/demo`.

It goes when the run ends well. What a failed or a killed run left to look at goes when the next one
starts: an inherited lock tells whether somebody still lives there.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BASE: Final = Path(__file__).resolve().parents[1] / ".dml" / "demo"
PICTURE: Final = BASE / "months.png"  # It stays, where the folders of runs go.
LOCK: Final = "lock"
KEPT: Final = "kept"


@dataclass
class Place:
    """The folder of one run. Whoever holds the descriptor `lock` lives in it."""

    folder: Path
    lock: int
    stays: bool

    @property
    def market(self) -> Path:
        """The home of the marketplace."""
        return self.folder / "market"

    @property
    def photos(self) -> Path:
        """The folders of the devices' owners."""
        return self.folder / "photos"

    @property
    def devices(self) -> Path:
        """The homes of the devices."""
        return self.folder / "devices"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def keep(self) -> None:
        """Note that only a marketplace lives here now, for people to look at."""
        (self.folder / KEPT).touch()


@contextmanager
def take_place(*, stays: bool) -> Iterator[Place]:
    """A new folder. It is removed after the block, unless that failed or it is to stay."""
    sweep()
    # The servers' account must be able to enter it, which a folder of `tempfile` forbids.
    name = f"{time.strftime('%H%M%S')}-{os.getpid()}"
    new, folder = BASE / f"new-{name}", BASE / f"run-{name}"
    new.mkdir(parents=True)
    lock = os.open(new / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    new.rename(folder)  # Only now may another run find it: it would sweep one without a holder.
    place = Place(folder, lock, stays)
    for it in (place.photos, place.devices, place.logs):
        it.mkdir()
    try:
        yield place
    except Exception:
        place.stays = True
        raise
    finally:
        if not place.stays:
            remove(folder)
        os.close(lock)


def kept() -> list[Path]:
    """The homes of marketplaces that earlier runs left to look at, and that may still run."""
    return [file.parent / "market" for file in BASE.glob(f"run-*/{KEPT}")]


def sweep() -> None:
    """Remove the folders of earlier runs in which nobody lives."""
    for file in BASE.glob(f"run-*/{LOCK}"):
        lock = os.open(file, os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(file.parent)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)


def remove(folder: Path) -> None:
    """Remove a run's folder and what the marketplace kept elsewhere, as `dml up` has to at times:
    where root calls and other accounts may not enter here, or this path is too long for a socket.
    """
    state = folder / "market" / "state.json"
    if state.exists():
        known = json.loads(state.read_text())
        for it in (known["place"], known["run"]):
            if it and folder not in Path(it).parents:
                shutil.rmtree(it, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
