"""Processes that we start, and that end with us, however we end.

Each runs in a session of its own, so that Ctrl-C at a terminal reaches us alone: it is we who end
the others, in order. Should we be killed (`kill -9`), the kernel sends them SIGTERM.
"""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

DML: Final = (sys.executable, "-P", "-m", "dml.entrypoints.cli")
TAIL_LINES: Final = 8
TAIL_BYTES: Final = 20_000

# PR_SET_PDEATHSIG is 1, and holds beyond exec. We may have died before it was set.
_BIND: Final = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


class Failed(Exception):
    """The story can't go on; the message says why."""


async def start(
    command: Sequence[str],
    log: Path,
    *,
    outlives: bool = False,
    pass_fds: Sequence[int] = (),
    **variables: str,
) -> Process:
    """Start a process that writes to a log, and that gets SIGTERM where we are no more.

    It sees no setting of a marketplace but those `variables`: a demo never touches a real one.
    """
    bind = () if outlives else (sys.executable, "-I", "-S", "-c", _BIND, str(os.getpid()))
    inherited = {name: it for name, it in os.environ.items() if not name.startswith("DML_")}
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *bind,
            *command,
            stdin=DEVNULL,
            stdout=file,
            stderr=file,
            env=inherited | variables,
            pass_fds=pass_fds,
            start_new_session=True,
        )
    finally:
        os.close(file)


async def end(process: Process, patience_seconds: float, last: signal.Signals) -> None:
    """Ask a process to end; after some time send it the last word. Returns when it has ended, and
    no sooner: who is cancelled meanwhile learns of that afterwards.
    """
    ending = asyncio.create_task(_end(process, patience_seconds, last))
    cancelled: asyncio.CancelledError | None = None
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def _end(process: Process, patience_seconds: float, last: signal.Signals) -> None:
    send(process, signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), patience_seconds)
    except TimeoutError:
        send(process, last)
        await process.wait()


def send(process: Process, number: signal.Signals) -> None:
    """Send a signal, unless the process has ended."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)


def read(log: Path) -> str:
    """What a process has written so far."""
    return log.read_text(errors="replace")


def tail(log: Path) -> str:
    """The last lines of a log."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        return b"".join(deque(file, TAIL_LINES)).decode(errors="replace").rstrip()
    return "(no log)"
