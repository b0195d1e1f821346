"""What was done when, and exactly what left the device: a line of JSON for each.

A result is written here before it is sent. What has no verdict yet is *pending*, and sent again.
"""

import datetime as dt
import errno
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from dml.agent.home import PRIVATE, sync_folder

Record = Mapping[str, Any]

RESULT: Final = "result"
VERDICTS: Final = frozenset({"accepted", "refused", "lost"})
DECLINED: Final = "declined"


@dataclass(frozen=True, slots=True)
class Pending:
    """A result of which nobody knows whether it arrived. Its lease lives so long at most."""

    assignment_id: str
    body: Record
    lease_seconds: float


class Journal:
    """Open for appending. What is noted is on the disk when `note` returns. Thread-safe."""

    def __init__(self, path: Path, tell: Callable[[Record], None]) -> None:
        self._path, self._tell = path, tell
        self._lock = threading.Lock()
        self.pending: dict[str, Pending] = {}
        self.declined: set[str] = set()  # Jobs that are not taken again.
        for record in read(path):
            self._follow(record)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, PRIVATE)
        end = os.lseek(self._file, 0, os.SEEK_END)
        if end and os.pread(self._file, 1, end - 1) != b"\n":
            os.write(self._file, b"\n")  # What a crash cut off must not spoil the next line.
        sync_folder(path.parent)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)

    def note(self, event: str, **facts: Any) -> None:
        """Write down what happened, and tell it."""
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        record = {"at": now, "event": event, **facts}
        # A file's name may be no Unicode: what can't be written of it becomes `?`.
        line = (json.dumps(record, ensure_ascii=False) + "\n").encode(errors="replace")
        with self._lock:
            if os.write(self._file, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            os.fsync(self._file)
            self._follow(record)
        self._tell(record)

    def _follow(self, record: Record) -> None:
        """A result waits for its verdict; the first one stands until then."""
        if record["event"] == RESULT:
            id = record["assignment_id"]
            self.pending[id] = Pending(id, record["body"], record["lease_seconds"])
        elif record["event"] in VERDICTS:
            self.pending.pop(record["assignment_id"], None)
        elif record["event"] == DECLINED:
            self.declined.add(record["job_id"])


def read(path: Path) -> Iterator[dict[str, Any]]:
    """All that was noted, the oldest first; nothing where there is no journal."""
    try:
        lines = path.open(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    with lines:
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:  # Cut off by a crash.
                continue
            if isinstance(record, dict) and "event" in record:
                yield record


def encode(body: Record) -> bytes:
    """What is sent of a result: the same bytes each time, so that it is the same result."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
