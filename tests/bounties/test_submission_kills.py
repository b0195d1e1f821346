"""Workers that are killed while they score: another one goes on, and it counts once."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from dml.bounties.models import BountyState, Enrollment, Ranking, Record, Submission
from dml.core import event_log, worker
from dml.core.db import connect
from dml.core.money import ONE_TOKEN
from dml.core.settings import Settings
from dml.entrypoints.server import create_app
from dml.scoring.reader import Reader
from tests.bounties import tables
from tests.bounties.entries import Contest, an_id, check_by_hand, end_of, make_contest, submit
from tests.bounties.factories import bring_to
from tests.bounties.test_ranking import until_ranked
from tests.conftest import ROOT
from tests.worker_parts import make_parts
from tests.world import World

DYING = ("kept", "evaluating", "concluding")  # The first while it is checked, two while scored.


@asynccontextmanager
async def workers(url: str, home: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """What brings up one worker after the other, and with it the last one."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bounties.scoring_node",
        url,
        str(home),
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def live(process: asyncio.subprocess.Process, moment: str) -> None:
    """Let a worker live until this moment."""
    assert process.stdin is not None
    process.stdin.write(f"{moment}\n".encode())
    await process.stdin.drain()


@pytest.fixture
async def deadly(
    settings: Settings, new_database: str, tmp_path: Path, reader: Reader
) -> AsyncIterator[Contest]:
    """A bounty that takes submissions, in a marketplace of its own that has no worker."""
    own = settings.model_copy(update={"home": tmp_path, "database_url": SecretStr(new_database)})
    app = create_app(own, connect(new_database, name="test api"))
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        world = World(app, client)
        worker.provide(make_parts(own, world.parts, reader=reader))
        yield await make_contest(world, check=check_by_hand)


async def test_a_submission_whose_workers_are_killed_is_scored_once(
    deadly: Contest, new_database: str, tmp_path: Path
) -> None:
    (ada,) = deadly.entrants
    path = await submit(deadly, ada, tables.predictions(0.9))
    async with workers(new_database, tmp_path) as process:
        assert process.stdout is not None
        for moment in DYING:
            await live(process, moment)
            assert await asyncio.wait_for(process.stdout.readline(), 60) == b"-9\n"
            assert (await ada.get(path)).json()["shown_score"] is None
        await live(process, "never")
        shown = await end_of(ada, path, seconds=60)
    assert (shown["state"], shown["improved"]) == ("scored", True)

    database = connect(new_database, name="test")
    async with database.connect() as connection:
        counted = (await connection.execute(select(Enrollment.submissions))).scalars().all()
        records = (await connection.execute(select(Record.score))).scalars().all()
        query = select(Submission.attempts, Submission.failed_nodes)
        attempts = (await connection.execute(query)).one()
        actions = (
            select(event_log.EventRow.type)
            .where(event_log.EventRow.subject == f"submission:{an_id(path)}")
            .order_by(event_log.EventRow.number)
        )
        told = (await connection.execute(actions)).scalars().all()
    await database.dispose()
    assert counted == [1]
    assert records == [shown["shown_score"]]
    assert tuple(attempts) == (1, [])
    assert [it.removeprefix("submission.") for it in told] == [
        "submitted",
        "validated",
        "started",
        "scored",
    ]


async def test_a_bounty_whose_workers_are_killed_is_ranked_once(
    deadly: Contest, new_database: str, tmp_path: Path
) -> None:
    (ada,) = deadly.entrants
    async with workers(new_database, tmp_path) as process:
        await live(process, "never")
        path = await submit(deadly, ada, tables.predictions(0.9))
        assert (await end_of(ada, path, seconds=60))["state"] == "scored"
    await bring_to(deadly.bounty, BountyState.EVALUATING)
    async with workers(new_database, tmp_path) as process:
        assert process.stdout is not None
        for moment in ("kept", "ranking"):
            await live(process, moment)
            assert await asyncio.wait_for(process.stdout.readline(), 60) == b"-9\n"
            assert (await deadly.bounty.get())["state"] == "evaluating"
        await live(process, "never")
        await until_ranked(deadly, seconds=60)

    database = connect(new_database, name="test")
    async with database.connect() as connection:
        prizes = (await connection.execute(select(Enrollment.prize))).scalars().all()
        rankings = (await connection.execute(select(Ranking.bounty_id))).scalars().all()
        actions = select(event_log.EventRow.type).where(
            event_log.EventRow.subject == f"bounty:{deadly.bounty.id}"
        )
        told = (await connection.execute(actions)).scalars().all()
    await database.dispose()
    assert prizes == [100 * ONE_TOKEN]
    assert len(rankings) == told.count("bounty.ranked") == 1
