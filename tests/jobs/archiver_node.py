"""An archiver that dies: `python -m tests.jobs.archiver_node URL BLOBS JOB LIMIT`.

For each number on a line of its input, it archives in a process of its own, which is killed as
that statement, commit or visit to the blob store is about to happen; and says how it ended.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from obstore.store import LocalStore
from sqlalchemy import event
from sqlalchemy.ext.asyncio import async_sessionmaker

from dml.core.blobs import Blobs, Stored
from dml.core.db import connect
from dml.core.ids import JobId
from dml.jobs.archive import service as archive_service


class Doom:
    def __init__(self, moments: int) -> None:
        self.moments = moments

    def __call__(self, *_: Any) -> None:
        self.moments -= 1
        if not self.moments:
            os.kill(os.getpid(), signal.SIGKILL)


class DoomedBlobs(Blobs):
    """A store whose visitor may die before and after each visit."""

    def __init__(self, folder: Path, doom: Doom) -> None:
        super().__init__(LocalStore(str(folder)), folder=folder)
        self._doom = doom

    async def keep(self, content: bytes) -> Stored:
        self._doom()
        stored = await super().keep(content)
        self._doom()
        return stored

    async def get(self, sha256: str) -> bytes:
        content = await super().get(sha256)
        self._doom()
        return content


async def archive(url: str, folder: Path, job_id: JobId, limit: int, moments: int) -> None:
    doom = Doom(moments)
    engine = connect(url, name="doomed archiver")
    event.listen(engine.sync_engine, "before_cursor_execute", doom)
    event.listen(engine.sync_engine, "commit", doom)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    await archive_service.archive(sessions, DoomedBlobs(folder, doom), job_id, limit=limit)
    await engine.dispose()


def main(url: str, folder: str, job_id: str, limit: str) -> None:
    for line in sys.stdin:
        if child := os.fork():
            _, ended = os.waitpid(child, 0)
            sys.stdout.write(f"{os.waitstatus_to_exitcode(ended)}\n")
            sys.stdout.flush()
        else:
            job = JobId(UUID(job_id))
            asyncio.run(archive(url, Path(folder), job, int(limit), int(line)))
            os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
