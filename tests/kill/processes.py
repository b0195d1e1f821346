"""Processes of a marketplace that are killed and come back: kept by the test, or by `dml up`."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from dml.entrypoints.supervisor.children import Child

DML: Final = (sys.executable, "-m", "dml.entrypoints.cli")
_AGAIN_SECONDS: Final = 0.2


class Killable(Protocol):
    """A process that comes back when it is killed."""

    @property
    def pid(self) -> int: ...
    @property
    def log(self) -> Path: ...
    def kill(self) -> None: ...


@dataclass
class Kept:
    """A subcommand of `dml` that is started again whenever it ends, as systemd does."""

    name: str
    environment: Mapping[str, str]
    log: Path
    pids: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)  # How each of them ended.

    @property
    def pid(self) -> int:
        return self.pids[-1]

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    async def keep(self) -> None:
        while True:
            process = await start(self.name, self.environment, self.log)
            self.pids.append(process.pid)
            try:
                self.codes.append(await process.wait())
            except asyncio.CancelledError:
                await end(process)
                raise
            await asyncio.sleep(_AGAIN_SECONDS)


@dataclass(frozen=True)
class Supervised:
    """A child of `dml up`."""

    child: Child

    @property
    def pid(self) -> int:
        found = self.child.find()
        return found[0].pid if found else 0

    @property
    def log(self) -> Path:
        return self.child.log

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


async def start(name: str, environment: Mapping[str, str], log: Path) -> asyncio.subprocess.Process:
    """Start a subcommand of `dml` in a session of its own."""
    with log.open("ab") as file:
        return await asyncio.create_subprocess_exec(
            *DML,
            name,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end, and kill it if it does not."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), 20)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


def of_sessions(leaders: set[int]) -> list[int]:
    """Return the processes that live in the sessions that these began."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, session, *_ = stat.read_text().rsplit(")", 1)[1].split()
            if state not in "ZX" and int(session) in leaders:
                found.append(int(stat.parent.name))
    return sorted(found)
