"""A worker that dies: `python -m tests.jobs.noise.dying_worker URL JOB`.

For each line of its input, `fold 3` or `settle 3`, it does that in a process of its own, which is
killed when its third noise has just been drawn, or was drawn before and is about to be committed;
and says how that process ended.
"""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import opendp.measurements  # noqa: F401 - so that no child takes a second to do so
from sqlalchemy import event
from sqlalchemy.ext.asyncio import async_sessionmaker

from dml.core.context import SYSTEM, Context
from dml.core.db import connect
from dml.core.ids import JobId
from dml.jobs import processes, settling
from dml.jobs.models import JobState
from dml.jobs.noise import drawing
from dml.jobs.noise.drawing import Drawn


class Doom:
    def __init__(self, moments: int) -> None:
        self.moments = moments
        self._draw = drawing.draw

    def __call__(self, *_: Any) -> None:
        self.moments -= 1
        if not self.moments:
            os.kill(os.getpid(), signal.SIGKILL)

    def draw(self, *args: Any, **named: Any) -> Drawn:
        drawn = self._draw(*args, **named)
        self()
        return drawn


async def work(url: str, job_id: JobId, what: str, moments: int) -> None:
    doom = Doom(moments)
    drawing.draw = doom.draw
    engine = connect(url, name="doomed worker")
    event.listen(engine.sync_engine, "commit", doom)
    async with async_sessionmaker(engine, expire_on_commit=False).begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        if what == "fold":
            await processes.Folding().fold(ctx)
        else:
            await settling.end(ctx, job_id, JobState.COMPLETED)
            await settling.try_to_settle(ctx, job_id)
    await engine.dispose()


def main(url: str, job_id: str) -> None:
    for line in sys.stdin:
        if child := os.fork():
            _, ended = os.waitpid(child, 0)
            sys.stdout.write(f"{os.waitstatus_to_exitcode(ended)}\n")
            sys.stdout.flush()
        else:
            what, moments = line.split()
            asyncio.run(work(url, JobId(UUID(job_id)), what, int(moments)))
            os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
