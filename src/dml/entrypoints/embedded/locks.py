"""An flock that a server inherits: the one truth about whether any process of it is left.

A pid file cannot tell: its pid may be a zombie or, by now, another program.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from dml.entrypoints.embedded import folders
from dml.entrypoints.embedded.accounts import Account

# Prints /proc/PID/fd/N for each descriptor that holds the lock; one that merely has the file open,
# as whoever tries the lock does for an instant, shows no FLOCK.
_SCAN: Final = """
for f in /proc/[0-9]*/fd/*; do
    [ "$f" -ef "$1" ] && grep -qs FLOCK "${f%/fd/*}/fdinfo/${f##*/}" && echo "$f"
done; true
"""
_PARENT, _STARTED = (
    1,
    19,
)  # Fields of /proc/PID/stat after the name in brackets (proc(5): 4 and 22).


@dataclass(frozen=True)
class Process:
    """A process, told from every other that will ever have its pid by when it started."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has this pid now. None where none runs."""
        fields = _stat(pid)
        return cls(pid, fields[_STARTED]) if fields else None

    @property
    def lives(self) -> bool:
        """Whether it still runs. A zombie does not."""
        return Process.of(self.pid) == self


def claim(lock: Path) -> int | None:
    """The lock's descriptor, to be closed or passed on, where no process holds it, else None."""
    descriptor = folders.open_shared(lock)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_held(lock: Path) -> bool:
    """Whether any process holds the lock."""
    if not lock.exists():
        return False
    descriptor = claim(lock)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is None


@contextlib.contextmanager
def held(lock: Path) -> Iterator[None]:
    """Hold a lock, after waiting for whoever has it."""
    descriptor = folders.open_shared(lock)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def holders(lock: Path, account: Account) -> list[Process]:
    """The account's processes that hold the lock, in no order.

    Asked as the account itself: root in a container without CAP_SYS_PTRACE may not look into
    another user's processes, but that user may.
    """
    found = account.run(["/bin/sh", "-c", _SCAN, "sh", lock]).stdout.split()
    processes = (Process.of(int(line.split("/")[2])) for line in set(found))
    return list({process.pid: process for process in processes if process}.values())


def heads(lock: Path, account: Account) -> list[Process]:
    """The holders whose parent is none: the server, or the orphans of one that was killed."""
    found = holders(lock, account)
    pids = {process.pid for process in found}
    return [process for process in found if _parent(process.pid) not in pids]


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[_PARENT]) if fields else 0


def _stat(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [] if fields[0] in "ZX" else fields
