"""Logs: one JSON object a line, or text for people, with the request's id. Never a secret.

A file that has grown long begins anew while its processes go on: what it holds is copied beside it,
and the file itself is emptied. So whoever has it open, children and servers too, writes on in it.
"""

import contextlib
import fcntl
import json
import logging
import os
import shutil
import stat
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

import structlog
from structlog.typing import Processor

from dml.core.settings import Settings

_REQUESTS: Final = structlog.get_logger("dml.access")


def configure(settings: Settings) -> None:
    """Send what this process logs, by structlog or by logging, to standard error, in one form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = _Handler(settings.log_limit_bytes)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    handler.writes_json = settings.log_format == "json"
    for name in ("uvicorn", "uvicorn.error", "dbos", "alembic"):
        quiet = logging.getLogger(name)
        quiet.handlers.clear()
        quiet.propagate = True
    for name in ("httpx2", "alembic.runtime.plugins", "dml.core.pool"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to standard error, and begins its file anew once that is too long."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(sys.stderr)
        self.writes_json = False
        self._limit = limit_bytes

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)  # The caller holds the handler's lock: no line of ours comes between.
        self._rotate()

    def write(self, line: str) -> None:
        """Write a line as it is."""
        self.acquire()
        try:
            self.stream.write(line)
            self.stream.flush()
            self._rotate()
        except (OSError, ValueError):
            pass  # A disk that is full is no reason to end, nor is a closed stream.
        finally:
            self.release()

    def _rotate(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # A disk that is full is no reason to end.
            rotate(self.stream.fileno(), self._limit)


def log_request(request_id: str, *, method: str, path: str, status: int, seconds: float) -> None:
    """Log a request that was answered.

    JSON is written here, as structlog would write it: its chain of processors took 100 µs a line,
    which was more than the rest of a short answer.
    """
    fields = {
        "method": method,
        "path": path,
        "status": status,
        "milliseconds": round(seconds * 1e3, 1),
    }
    root = logging.getLogger()
    handler = root.handlers[0] if root.handlers else None
    if not isinstance(handler, _Handler) or not handler.writes_json:
        _REQUESTS.info("request", request_id=request_id, **fields)
    elif root.isEnabledFor(logging.INFO):
        at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        who = {"request_id": request_id, "level": "info", "logger": "dml.access", "timestamp": at}
        handler.write(json.dumps({**fields, "event": "request", **who}) + "\n")


def rotate_all(files: Iterable[Path], limit_bytes: int) -> None:
    """Begin each of these files anew that is too long: those of servers that do not do it."""
    for file in files:
        with contextlib.suppress(OSError):
            descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
            try:
                rotate(descriptor, limit_bytes)
            finally:
                os.close(descriptor)


def rotate(descriptor: int, limit_bytes: int) -> bool:
    """Keep what a log holds as `….old`, and empty it, if it is longer than that (0: never).

    Only what is open for appending: others would leave a hole. Whoever is killed half-way has lost
    nothing, for the file is emptied when all of it is beside; lines that others write in between,
    which is a moment, are lost. One process does it at a time.
    """
    found = os.fstat(descriptor)
    if not 0 < limit_bytes < found.st_size or not stat.S_ISREG(found.st_mode):
        return False
    if not fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND:
        return False
    log = Path(f"/proc/self/fd/{descriptor}").readlink()
    with log.open("rb") as held:
        if os.fstat(held.fileno()).st_ino != found.st_ino:  # It was moved away by somebody else.
            return False
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if os.fstat(descriptor).st_size <= limit_bytes:
            return False
        beside = log.with_name(log.name + ".new")
        with beside.open("wb") as copy:
            beside.chmod(stat.S_IMODE(found.st_mode))
            shutil.copyfileobj(held, copy)
        beside.replace(log.with_name(log.name + ".old"))
        os.ftruncate(descriptor, 0)
    return True
