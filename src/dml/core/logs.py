"""Logs: one JSON object a line, or text for people, with the request's id. Never a secret.

A line that belongs to a request says which, who asked, and in which trace it is; one of a durable
process says which. Addresses, tokens
and what else must not be in a log are taken out of each line (`core/redacting.py`).

A file that has grown long begins anew while its processes go on: what it holds is copied beside it,
and the file itself is emptied. So whoever has it open, children and servers too, writes on in it.
What is no file may not take more for a while, as a pipe whose reader hangs: lines for it wait in a
queue, and are dropped and counted where that is full, so that no request waits for its log.
"""

import atexit
import contextlib
import fcntl
import json
import logging
import os
import queue
import shutil
import stat
import sys
import threading
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor

from dml.core import metrics
from dml.core.context import Actor
from dml.core.redacting import redact, redact_all
from dml.core.settings import Settings

_REQUESTS: Final = structlog.get_logger("dml.access")
WAITING_MAX: Final = 2_000  # Lines that wait for a sink that takes none.
END_SECONDS: Final = 1.0  # So long a process that ends waits for it.


@dataclass(slots=True)
class Asked:
    """The request that is answered just now, or the durable process that runs, and what became
    known of it on the way.
    """

    request_id: str | None = None
    process_id: str | None = None
    user_id: str | None = None
    by_id: str | None = None  # Where that is an organisation: who acted for it.
    code: str | None = None  # Of its refusal.
    trace_id: str | None = None

    def fields(self) -> dict[str, str]:
        """What a line says of it."""
        return {name: value for name in _SAID if (value := getattr(self, name)) is not None}


_SAID: Final = ("request_id", "process_id", "user_id", "by_id", "code", "trace_id")
# One object for all that a request does, in whichever task: what one notes, all lines say.
ASKED: Final[ContextVar[Asked | None]] = ContextVar("dml_asked", default=None)


def note_actor(actor: Actor) -> None:
    """Have the lines of this request say who asked."""
    asked = ASKED.get()
    if asked is not None and actor.user_id is not None:
        asked.user_id = str(actor.user_id)
        asked.by_id = None if actor.by is None else str(actor.by)


def note_code(code: str) -> None:
    """Have the lines of this request say why it was refused."""
    if (asked := ASKED.get()) is not None:
        asked.code = code


def request_id() -> str | None:
    """Return the id of the request that is answered just now."""
    asked = ASKED.get()
    return None if asked is None else asked.request_id


def say_who_asked(_: Any, __: str, line: EventDict) -> EventDict:
    """Add to a line of a request what is known of that."""
    asked = ASKED.get()
    return line if asked is None else {**line, **asked.fields()}


def redacted(_: Any, __: str, line: EventDict) -> EventDict:
    """Leave out of a line what none may say."""
    return {name: redact_all(value) for name, value in line.items()}


def shared_processors() -> list[Processor]:
    """Return what each line goes through, whoever logs it."""
    return [
        say_who_asked,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]


def make_formatter(renderer: Processor) -> logging.Formatter:
    """Return what makes a line of a record, and leaves out what none may say."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared_processors(),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redacted,
            renderer,
        ],
    )


def configure(settings: Settings) -> None:
    """Send what this process logs, by structlog or by logging, to standard error, in one form."""
    structlog.configure(
        processors=[
            *shared_processors(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    is_json = settings.log_format == "json"
    handler = _Handler(settings.log_limit_bytes)
    handler.setFormatter(
        make_formatter(
            structlog.processors.JSONRenderer() if is_json else structlog.dev.ConsoleRenderer()
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    handler.writes_json = is_json
    for name in ("uvicorn", "uvicorn.error", "dbos", "alembic"):
        quiet = logging.getLogger(name)
        quiet.handlers.clear()
        quiet.propagate = True
    for name in ("httpx2", "alembic.runtime.plugins", "dml.core.pool"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _Handler(logging.Handler):
    """Writes to standard error, and begins its file anew once that is too long."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__()
        self.writes_json = False
        self._stream = sys.stderr
        self._limit = limit_bytes
        self._behind = None if _is_file(self._stream) else _Behind(self._stream)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # As logging does it: a line that cannot be written ends nothing.
            self.handleError(record)
            return
        self.write(line + "\n")
        if self._behind is not None and record.levelno >= logging.CRITICAL:
            self._behind.drain()  # After such a line the process may be gone.

    def write(self, line: str) -> None:
        """Write a line as it is."""
        if self._behind is not None:
            self._behind.put(line)
            return
        self.acquire()  # No line of ours comes between this one and a file that begins anew.
        try:
            self._stream.write(line)
            self._stream.flush()
            rotate(self._stream.fileno(), self._limit)
        except (OSError, ValueError):
            pass  # A disk that is full is no reason to end, nor is a closed stream.
        finally:
            self.release()


def _is_file(stream: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return True  # It is in memory, or closed.


class _Behind:
    """Writes lines in a thread of its own. Nobody waits for it, but who ends: a moment."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: queue.Queue[str] = queue.Queue(WAITING_MAX)
        threading.Thread(target=self._write, name="logs", daemon=True).start()
        atexit.register(self.drain)

    def put(self, line: str) -> None:
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            metrics.LOG_LINES_DROPPED.inc()

    def drain(self) -> None:
        """Wait until all is written, as far as that goes soon."""
        lines = self._lines
        with lines.all_tasks_done:
            lines.all_tasks_done.wait_for(lambda: not lines.unfinished_tasks, END_SECONDS)

    def _write(self) -> None:
        while True:
            line = self._lines.get()
            with contextlib.suppress(OSError, ValueError):  # Nobody reads it any more.
                self._stream.write(line)
                self._stream.flush()
            self._lines.task_done()


def log_request(asked: Asked, *, method: str, path: str, status: int, seconds: float) -> None:
    """Log a request that was answered.

    JSON is written here, as structlog would write it: its chain of processors took 100 µs a line,
    which was more than the rest of a short answer.
    """
    fields = {
        "method": method,
        "path": redact(path),
        "status": status,
        "milliseconds": round(seconds * 1e3, 1),
    }
    root = logging.getLogger()
    handler = root.handlers[0] if root.handlers else None
    if not isinstance(handler, _Handler) or not handler.writes_json:
        _REQUESTS.info("request", **fields, **asked.fields())
    elif root.isEnabledFor(logging.INFO):
        at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        rest = {"level": "info", "logger": "dml.access", "timestamp": at}
        line = {**fields, "event": "request", **asked.fields(), **rest}
        handler.write(json.dumps(line) + "\n")


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
