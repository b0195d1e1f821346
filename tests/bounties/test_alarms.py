"""A bounty on the real engine: nobody touches it, and it goes from its funding to the payment."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from math import ceil

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from dml.bounties.models import BountyState
from dml.core.db import connect
from dml.core.settings import Settings
from dml.entrypoints.server import create_app
from tests.bounties.factories import (
    assert_sound,
    available,
    catch_up,
    enroll,
    make_bounty,
    place,
)
from tests.core.engine_watch import running_node, until
from tests.world import World, soon


@pytest.fixture
async def running(settings: Settings, new_database: str) -> AsyncIterator[World]:
    """A marketplace of its own, with a worker."""
    url = new_database
    app = create_app(
        settings.model_copy(update={"database_url": SecretStr(url)}), connect(url, name="test")
    )
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        with running_node(url):
            yield World(app, client)


@pytest.mark.slow
async def test_a_bounty_goes_its_way_by_its_dates_alone(running: World) -> None:
    bounty = await make_bounty(
        running,
        state=BountyState.FUNDED,
        enrollment_fee="1",
        dispute_seconds=1,
        enrolls_at=soon(seconds=2),
        submits_at=soon(seconds=8),
        closes_at=soon(seconds=9),
        judged_by=soon(days=1),
    )

    async def reaches(state: BountyState) -> None:
        async def is_there() -> bool:
            return bool((await bounty.get())["state"] == state)

        await until(is_there)

    await reaches(BountyState.ENROLLING)
    entrant = await enroll(running, bounty)
    await reaches(BountyState.EVALUATING)
    await place(running, bounty, [(entrant, "100")])
    await reaches(BountyState.FINISHED)
    assert (await available(entrant), await available(bounty.owner)) == ("109", "901")

    async def is_settled() -> bool:
        query = text("SELECT status FROM dbos.workflow_status WHERE workflow_uuid = :id")
        async with running.parts.sessions() as tx:
            return bool(await tx.scalar(query, {"id": f"bounty:{bounty.id}:settle"}) == "SUCCESS")

    await until(is_settled)
    await assert_sound(running, bounty)
    async with running.parts.sessions() as tx:
        failed = "SELECT count(*) FROM dbos.workflow_status WHERE status = 'ERROR'"
        assert await tx.scalar(text(failed)) == 0


async def test_a_withdrawn_alarm_never_goes_off(running: World) -> None:
    """The owner was faster: the alarm of the old date is gone, and the new one waits."""
    bounty = await make_bounty(running, state=BountyState.FUNDED)
    await bounty.post("open")
    query = text("""
        SELECT status FROM dbos.workflow_status
        WHERE workflow_uuid LIKE :id ORDER BY created_at, workflow_uuid""")
    async with running.parts.sessions() as tx:
        found = await tx.scalars(query, {"id": f"bounty:{bounty.id}:alarm:%"})
        assert list(found) == ["CANCELLED", "CANCELLED", "DELAYED"]


async def test_an_alarm_by_a_fast_clock_is_not_the_last_one(world: World) -> None:
    """A worker's clock says when it goes off, and PostgreSQL's whether anything is due."""
    bounty = await make_bounty(world, state=BountyState.FUNDED)
    ours = {"id": f"bounty:{bounty.id}:alarm:%"}
    went_off = text("""
        UPDATE dbos.workflow_status SET status = 'SUCCESS'
        WHERE workflow_uuid LIKE :id AND status = 'DELAYED'""")
    async with world.parts.sessions.begin() as tx:
        await tx.execute(went_off, ours)
    enrolls_at = datetime.fromisoformat((await bounty.get())["enrolls_at"])
    early = enrolls_at - timedelta(milliseconds=5)
    assert await catch_up(world, bounty, early) == "nothing is due"
    waiting = text("""
        SELECT delay_until_epoch_ms FROM dbos.workflow_status
        WHERE workflow_uuid LIKE :id AND status = 'DELAYED'""")
    async with world.parts.sessions() as tx:
        assert list(await tx.scalars(waiting, ours)) == [ceil(enrolls_at.timestamp() * 1000)]
