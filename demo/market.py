"""The marketplace: `dml up` with a home of its own, on a port of its own."""

import asyncio
import os
import re
import signal
import subprocess
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo import children
from demo.children import DML, Failed
from demo.clock import Clock
from demo.place import Place, kept, sweep

START_SECONDS: Final = 120
STOP_SECONDS: Final = 30
LOOK_SECONDS: Final = 0.05
_URL: Final = re.compile(r"^ +API +(http\S+)$", re.MULTILINE)
_ADMIN: Final = re.compile(r"^ +The first admin, .*\n +(\S+@\S+) +(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Market:
    """A marketplace that runs, and its first admin, whose password was shown once."""

    url: str
    admin_email: str
    admin_password: str
    pid: int
    home: Path


@asynccontextmanager
async def open_market(place: Place, clock: Clock, *, keep: bool) -> AsyncIterator[Market]:
    """Start a marketplace, and stop it after the block, unless it ends well and `keep` is set."""
    log = place.logs / "up.log"
    process = await children.start(
        [*DML, "up"],
        log,
        outlives=keep,
        pass_fds=[place.lock],
        DML_HOME=os.fspath(place.market),
        DML_PORT="0",
        DML_SHUTDOWN_SECONDS="2",
        DML_WITHDRAWAL_MIN="0.01",
        DML_COMPARE_SECONDS="5",
        DML_EXACT_ANSWERS="anybody",
    )
    try:
        with clock.part("start"):
            market = await _await_ready(process, log, place.market)
        yield market
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            # Never SIGKILL: what watches over a marketplace brings back what is killed. To be
            # asked twice means to hurry.
            with clock.part("stop"):
                await children.end(process, STOP_SECONDS, signal.SIGTERM)


async def _await_ready(process: Process, log: Path, home: Path) -> Market:
    give_up_at = time.monotonic() + START_SECONDS
    while True:
        shown = children.read(log)
        url, admin = _URL.search(shown), _ADMIN.search(shown)
        if url and admin and shown.endswith("\n"):
            return Market(url[1], admin[1], admin[2], process.pid, home)
        if process.returncode is not None:
            raise Failed(f"`dml up` ended with exit code {process.returncode}")
        if time.monotonic() > give_up_at:
            raise Failed(f"`dml up` was not ready after {START_SECONDS} s")
        await asyncio.sleep(LOOK_SECONDS)


def logs(place: Place) -> list[Path]:
    """What the marketplace wrote, for somebody who wants to know what went wrong."""
    return [place.logs / "up.log", *sorted(place.market.glob("logs/*.log"))]


def stop_kept(say: Callable[[str], None]) -> None:
    """End what earlier demos left to look at: one at a time is enough for a machine."""
    for home in kept():
        say("The marketplace of the last demo ends …")
        subprocess.run(
            [*DML, "down"],
            env={**os.environ, "DML_HOME": os.fspath(home)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
    sweep()
