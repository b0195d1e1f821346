import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core import processes
from dml.core.context import SYSTEM, Context
from dml.core.ids import JobId, new_id
from dml.core.money import MicroTokens
from dml.core.processes import Steps, process, read_arguments
from tests.conftest import Sessions

NOON = datetime(2100, 1, 1, 12, tzinfo=UTC)

_ROW = text("""
    SELECT name, status, queue_name, delay_until_epoch_ms / 1000.0 AS due, inputs.inputs
    FROM dbos.workflow_status JOIN dbos.workflow_input AS inputs USING (workflow_uuid)
    WHERE workflow_uuid = :process_id
""")


@process("trial.idle.v1")
async def idle(
    steps: Steps, job_id: JobId, *, amount: MicroTokens | None = None, since: datetime | None = None
) -> None:
    """Is only ever started, in transactions that no worker sees."""


def acting(tx: AsyncSession) -> Context:
    return Context(tx, SYSTEM, datetime.now(UTC))


async def row(tx: AsyncSession, process_id: str) -> Any:
    return (await tx.execute(_ROW, {"process_id": process_id})).one_or_none()


def a_name() -> str:
    return f"trial:{new_id()}"


async def test_a_started_process_waits_for_a_worker(tx: AsyncSession) -> None:
    name, job_id = a_name(), JobId(new_id())
    await processes.start(acting(tx), name, idle, job_id, amount=MicroTokens(5))

    found = await row(tx, name)
    assert (found.name, found.status, found.queue_name) == (
        "trial.idle.v1",
        "ENQUEUED",
        "processes",
    )
    assert str(job_id) in found.inputs


async def test_the_same_id_twice_is_once_and_the_first_wins(tx: AsyncSession) -> None:
    name, first = a_name(), JobId(new_id())
    await processes.start(acting(tx), name, idle, first)
    await processes.start(acting(tx), name, idle, JobId(new_id()))
    await processes.at(acting(tx), NOON, name, idle, JobId(new_id()))

    found = await row(tx, name)
    assert found.status == "ENQUEUED"
    assert str(first) in found.inputs


async def test_of_two_that_wait_the_one_whose_turn_is_earlier_is_first(tx: AsyncSession) -> None:
    late, soon, plain = a_name(), a_name(), a_name()
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    for turn, name in ((noon + timedelta(seconds=1), late), (noon, soon)):
        await processes.in_turn(acting(tx), turn, name, idle, JobId(new_id()))
    await processes.start(acting(tx), plain, idle, JobId(new_id()))
    order = text(
        "SELECT workflow_uuid FROM dbos.workflow_status WHERE workflow_uuid = ANY (:names) "
        "ORDER BY priority, created_at"
    )
    found = await tx.scalars(order, {"names": [late, soon, plain]})
    assert found.all() == [plain, soon, late]
    assert await processes.is_waiting(acting(tx), soon)
    assert not await processes.is_waiting(acting(tx), "trial:none")


async def test_a_process_is_started_only_by_a_commit(committing: Sessions) -> None:
    kept, lost = a_name(), a_name()
    async with committing.begin() as tx:
        await processes.at(acting(tx), NOON, kept, idle, JobId(new_id()))
    async with committing() as tx:
        await processes.start(acting(tx), lost, idle, JobId(new_id()))
        await tx.rollback()

    async with committing.begin() as tx:
        assert await row(tx, lost) is None
        assert (await row(tx, kept)).due == NOON.timestamp()
        assert await processes.cancel(acting(tx), kept)
        await tx.rollback()
    async with committing.begin() as tx:
        assert (await row(tx, kept)).status == "DELAYED"
        assert await processes.cancel(acting(tx), kept)


async def test_an_alarm_is_never_early_though_it_counts_milliseconds(tx: AsyncSession) -> None:
    name, when = a_name(), NOON + timedelta(microseconds=1)
    await processes.at(acting(tx), when, name, idle, JobId(new_id()))
    assert float((await row(tx, name)).due) == NOON.timestamp() + 0.001


async def test_an_alarm_can_be_moved_and_withdrawn_until_it_goes_off(tx: AsyncSession) -> None:
    name, ctx = a_name(), acting(tx)
    await processes.at(ctx, NOON, name, idle, JobId(new_id()))

    assert await processes.reschedule(ctx, name, NOON - timedelta(hours=1))
    assert (await row(tx, name)).due == NOON.timestamp() - 3600
    assert await processes.cancel(ctx, name)
    assert (await row(tx, name)).status == "CANCELLED"

    assert not await processes.reschedule(ctx, name, NOON)
    assert not await processes.cancel(ctx, name)
    await processes.at(ctx, NOON, name, idle, JobId(new_id()))
    assert (await row(tx, name)).status == "CANCELLED"


async def test_what_runs_or_never_was_cannot_be_moved(tx: AsyncSession) -> None:
    name, ctx = a_name(), acting(tx)
    await processes.start(ctx, name, idle, JobId(new_id()))
    for process_id in (name, "nobody"):
        assert not await processes.reschedule(ctx, process_id, NOON)
        assert not await processes.cancel(ctx, process_id)


def test_arguments_come_back_as_what_they_were() -> None:
    job_id = JobId(new_id())
    kwargs = {"amount": 7, "since": "2100-01-01T12:00:00Z"}
    arguments = read_arguments(idle, [str(job_id)], kwargs).arguments

    assert arguments["job_id"] == job_id
    assert isinstance(arguments["job_id"], UUID)
    assert arguments["since"] == NOON
    with pytest.raises(ValidationError):
        read_arguments(idle, ["no id"], {})


def test_a_name_has_a_version_and_one_owner() -> None:
    async def another(steps: Steps) -> None: ...

    with pytest.raises(AssertionError, match="version"):
        process("trial.idle")
    with pytest.raises(AssertionError, match="two processes"):
        process("trial.idle.v1")(another)


def test_who_only_starts_processes_does_not_load_the_engine() -> None:
    code = "import sys; import dml.core.processes, dml.core.events; sys.exit('dbos' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
