"""Logs: one JSON object a line, or text for people, with the request's id. Never a secret.

A file that has grown long begins anew while its processes go on: what it holds is copied beside it,
and the file itself is emptied. So whoever has it open, children and servers too, writes on in it.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import structlog
from structlog.typing import Processor

from dml.core.settings import Settings


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
        self._limit = limit_bytes

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)  # The caller holds the handler's lock: no line of ours comes between.
        with contextlib.suppress(OSError, ValueError):  # A disk that is full is no reason to end.
            rotate(self.stream.fileno(), self._limit)


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
