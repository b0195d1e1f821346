from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core import events
from dml.core.context import SYSTEM, Context
from dml.core.ids import JobId, new_id
from dml.core.processes import all_processes

_STARTED = text("""
    SELECT name, inputs.inputs
    FROM dbos.workflow_status JOIN dbos.workflow_input AS inputs USING (workflow_uuid)
    WHERE name LIKE 'trial.hear%' ORDER BY name
""")


@dataclass(frozen=True, slots=True)
class SomethingHappened(events.Event):
    job_id: JobId
    at: datetime


@dataclass(frozen=True, slots=True)
class NobodyCared(events.Event):
    job_id: JobId


@events.on(SomethingHappened, "trial.hear_first.v1")
async def hear_first(ctx: Context, event: SomethingHappened) -> None:
    """Is never run here: tests/core/test_engine.py has handlers that are."""


@events.on(SomethingHappened, "trial.hear_second.v1")
async def hear_second(ctx: Context, event: SomethingHappened) -> None:
    """Is never run here, either."""


async def test_an_event_starts_a_process_for_each_handler(tx: AsyncSession) -> None:
    event = SomethingHappened(JobId(new_id()), datetime.now(UTC))
    ctx = Context(tx, SYSTEM, datetime.now(UTC))
    await events.publish(ctx, event)
    await events.publish(ctx, NobodyCared(JobId(new_id())))

    started = (await tx.execute(_STARTED)).all()
    assert [it.name for it in started] == ["trial.hear_first.v1", "trial.hear_second.v1"]
    assert all(str(event.job_id) in it.inputs for it in started)


async def test_publishing_twice_is_two_events(tx: AsyncSession) -> None:
    ctx = Context(tx, SYSTEM, datetime.now(UTC))
    event = SomethingHappened(JobId(new_id()), datetime.now(UTC))
    await events.publish(ctx, event)
    await events.publish(ctx, event)
    assert len((await tx.execute(_STARTED)).all()) == 4


def test_each_handler_is_a_process_that_workers_know() -> None:
    names = [it.name for it in all_processes()]
    assert {"trial.hear_first.v1", "trial.hear_second.v1"} <= set(names)
