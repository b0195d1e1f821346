"""Workers that die: `python -m tests.bounties.scoring_node URL HOME`.

For each moment on a line of its input, a process of its own runs processes until it is killed as
that moment comes; and then it says how that one ended.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from obstore.store import LocalStore
from pydantic import SecretStr
from sqlalchemy import event
from sqlalchemy.ext.asyncio import async_sessionmaker

from dml.core import worker
from dml.core.blobs import Blobs, Stored
from dml.core.db import connect
from dml.core.engine import Engine
from dml.core.settings import Settings
from dml.core.worker import WorkerParts
from dml.entrypoints import domains, wiring
from dml.entrypoints.scorer import FileScorer
from dml.inference.runner import Sandbox
from dml.scoring.reader import Reader

MOMENTS: Final = ("evaluating", "kept", "concluding", "ranking", "never")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DoomedBlobs(Blobs):
    """A store whose visitor dies on the way back from one visit."""

    def __init__(self, folder: Path, moment: str) -> None:
        super().__init__(LocalStore(str(folder)), folder=folder)
        self._moment = moment
        self._visits = 0

    async def get(self, sha256: str) -> bytes:
        content = await super().get(sha256)
        self._visits += 1
        if self._moment == "evaluating" and self._visits == 4:  # Two to check it, two to score it.
            die()
        return content

    async def keep(self, content: bytes) -> Stored:
        stored = await super().keep(content)
        if self._moment == "kept":
            die()
        return stored


def die_on_conclusion(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
    """Die after the score was written, and before that was committed."""
    if statement.startswith("UPDATE submissions") and "scored" in str(parameters):
        die()


def die_on_ranking(_: Any, __: Any, statement: str, *___: Any) -> None:
    """Die after the ranking was written, and before that was committed."""
    if statement.startswith("INSERT INTO bounty_rankings"):
        die()


async def main(url: str, home: Path, moment: str) -> None:
    domains.load_processes()
    assert moment in MOMENTS
    settings = Settings(home=home, database_url=SecretStr(url))
    engine = Engine(url)
    parts = WorkerParts(
        settings=settings,
        sessions=async_sessionmaker(connect(url, name="doomed worker"), expire_on_commit=False),
        blobs=DoomedBlobs(home / "blobs", moment),
        sandbox=Sandbox(),
        opener=wiring.make_opener(settings),
        scorer=FileScorer(Reader()),
        node=engine.node,
    )
    worker.provide(parts)
    pytest.MonkeyPatch().setattr("dml.core.engine_dispatcher.LOOK_SECONDS", 0.05)
    await engine.start()
    if moment == "concluding":
        event.listen(engine._database.sync_engine, "after_cursor_execute", die_on_conclusion)
    if moment == "ranking":
        event.listen(engine._database.sync_engine, "after_cursor_execute", die_on_ranking)
    await asyncio.Event().wait()


def live_each_time(url: str, home: Path) -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(main(url, home, line.strip()))
            os._exit(0)
        _, code = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(code)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    live_each_time(sys.argv[1], Path(sys.argv[2]))
