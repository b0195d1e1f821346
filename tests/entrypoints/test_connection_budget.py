"""Whether PostgreSQL has room for all connections: added up over those that live."""

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from dml.core import nodes
from dml.core.db import connect
from dml.core.nodes import Node
from dml.core.settings import Settings
from dml.entrypoints import connection_budget, wiring
from dml.entrypoints.connection_budget import FACT, OF_API, OF_CHAIN, OF_WORKER, Budget
from dml.entrypoints.embedded import postgres
from dml.entrypoints.supervisor import up
from tests.conftest import Sessions
from tests.world import World


async def tell_of(sessions: Sessions, name: str, facts: dict[str, Any]) -> None:
    async with sessions.begin() as tx:
        await nodes.renew(tx, name, "api", facts)


async def test_all_that_live_are_added_up(committing: Sessions) -> None:
    for name, most in (("first", 20), ("second", 42), ("gone", 1_000)):
        await tell_of(committing, name, {FACT: most})
    await tell_of(committing, "of the release before", {})
    async with committing.begin() as tx:
        old = Node.seen_at - timedelta(minutes=1)
        await tx.execute(update(Node).where(Node.name == "gone").values(seen_at=old))
        budget = await connection_budget.read(tx, 18)
        given = await tx.scalar(text("SELECT current_setting('max_connections')::int"))
    assert (budget.ours, budget.others, budget.theirs) == (18, 3, 62)
    assert given is not None
    assert budget.given in range(given - 10, given)
    assert budget.fits


async def test_a_process_that_starts_says_how_it_stands(
    committing: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert await connection_budget.tell(committing, 18) == {FACT: 18}
    await tell_of(committing, "many", {FACT: 10_000})
    assert await connection_budget.tell(committing, 18) == {FACT: 18}
    said = [(it.levelname, it.getMessage()) for it in caplog.records]
    (calm, first), (alarm, second) = [it for it in said if "of this process" in it[1]]
    assert (calm, alarm) == ("INFO", "WARNING")
    assert "18 of this process and 0 of 0 others" in first
    assert "Lower DML_DATABASE_CONNECTIONS" in second
    assert "\n" not in second


async def test_a_database_that_is_away_stops_nobody() -> None:
    nowhere = connect("postgresql://nobody@127.0.0.1:1/none", name="none")
    assert await connection_budget.tell(wiring.make_sessions(nowhere), 18) == {FACT: 18}
    await nowhere.dispose()


@pytest.mark.parametrize(("theirs", "fits"), [(79, True), (80, True), (81, False)])
def test_the_last_connection_may_be_used(theirs: int, fits: bool) -> None:
    assert Budget(given=100, ours=20, others=2, theirs=theirs).fits is fits


async def test_an_api_tells_as_many_as_it_may_open(world: World) -> None:
    settings = world.app.state.settings
    most, told = settings.database_connections + OF_API, set[Any]()
    async with asyncio.timeout(10):  # It says so when it can, and serves before.
        while most not in told:
            await asyncio.sleep(0.05)
            async with world.app.state.sessions() as tx:
                told = {it.facts.get(FACT) for it in await nodes.alive(tx, "api")}
    batchers = world.app.state.device_path._batchers
    assert len(batchers) + 2 <= OF_API


def test_the_most_that_dml_up_starts_fits_into_its_own_postgresql() -> None:
    each = Settings.model_fields["database_connections"].default
    apis, workers = up._APIS_MAX * (each + OF_API), up._WORKERS_MAX * (each + OF_WORKER)
    given = int(str(postgres._SETTINGS["max_connections"])) - 3  # Kept for a superuser.
    assert apis + workers + each + OF_CHAIN <= given
