"""Models that were given to this device: each is downloaded once, and known by its SHA-256."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dml.agent.home import sync_folder
from dml.agent.leases import Model
from dml.agent.pace import Pace, pause_seconds
from dml.agent.refusals import GaveUp
from dml.agent.server import Session

DOWNLOADS_MAX: Final = 3
KEPT_BYTES_MAX: Final = 1 << 30

Download = Callable[[Callable[[], str]], str]


class Models:
    """The folder that keeps them. The agent's lock makes this its only user."""

    def __init__(self, folder: Path, session: Session, pace: Pace) -> None:
        self._folder, self._session, self._pace = folder, session, pace

    def get(self, model: Model, *, patiently: Download) -> tuple[bytes, bool]:
        """The model's bytes, and whether they were downloaded just now.

        GaveUp where what comes is, again and again, not what was announced.
        """
        path = self._folder / f"{model.sha256}.onnx"
        kept = self._read(path, model)
        if kept is not None:
            os.utime(path)
            return kept, False
        for failures in range(DOWNLOADS_MAX):
            if failures:
                self._pace.sleep(pause_seconds(failures))
            came = self._download(path, model, patiently)
            if came == model.sha256:
                data = path.read_bytes()
                self._forget_oldest(path)
                return data, True
        raise GaveUp(
            f"the model that came has the SHA-256 {came}, not {model.sha256} as announced",
            for_good=True,
        )

    def _read(self, path: Path, model: Model) -> bytes | None:
        """The file, if it is there and sound: a disk may forget what it held."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        return data if hashlib.sha256(data).hexdigest() == model.sha256 else None

    def _download(self, path: Path, model: Model, patiently: Download) -> str:
        """The digest of what came. It gets the model's name only where that is the right one."""
        part = self._folder / "download.part"
        with part.open("w+b") as file:
            digest = patiently(lambda: self._session.save(model.path, file, most=model.size))
            file.flush()
            os.fsync(file.fileno())
        if digest == model.sha256:
            os.replace(part, path)
            sync_folder(self._folder)
        else:
            part.unlink()
        return digest

    def _forget_oldest(self, newest: Path) -> None:
        """Keep what was used last, up to a gigabyte, and the newest in any case."""
        by_use = sorted(self._folder.glob("*.onnx"), key=lambda it: it.stat().st_mtime)
        size = sum(it.stat().st_size for it in by_use)
        for path in by_use:
            if size > KEPT_BYTES_MAX and path != newest:
                size -= path.stat().st_size
                path.unlink()
