from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
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


@dataclass(frozen=True)
class TrialEvent(events.Event, kind="trial"):
    job_id: JobId


@dataclass(frozen=True)
class TrialHeldHere(TrialEvent, heard=True):
    at: datetime


class TrialIgnored(TrialEvent):
    """Nobody handles it."""


@events.on(TrialHeldHere, name="trial.hear_first.v1")
async def hear_first(ctx: Context, event: TrialHeldHere) -> None:
    """Is never run here: tests/core/test_engine.py has handlers that are."""


@events.on(TrialHeldHere, name="trial.hear_second.v1")
async def hear_second(ctx: Context, event: TrialHeldHere) -> None:
    """Is never run here, either."""


async def test_an_event_starts_a_process_for_each_handler(tx: AsyncSession) -> None:
    event = TrialHeldHere(JobId(new_id()), datetime.now(UTC))
    ctx = Context(tx, SYSTEM, datetime.now(UTC))
    await events.record(ctx, event)
    await events.record(ctx, TrialIgnored(JobId(new_id())))

    started = (await tx.execute(_STARTED)).all()
    assert [it.name for it in started] == ["trial.hear_first.v1", "trial.hear_second.v1"]
    assert all(str(event.job_id) in it.inputs for it in started)


async def test_recording_twice_is_two_events(tx: AsyncSession) -> None:
    ctx = Context(tx, SYSTEM, datetime.now(UTC))
    event = TrialHeldHere(JobId(new_id()), datetime.now(UTC))
    await events.record(ctx, event)
    await events.record(ctx, event)
    assert len((await tx.execute(_STARTED)).all()) == 4


def test_each_handler_is_a_process_that_workers_know() -> None:
    names = [it.name for it in all_processes()]
    assert {"trial.hear_first.v1", "trial.hear_second.v1"} <= set(names)


def test_each_event_that_is_said_to_be_heard_has_a_handler() -> None:
    heard = {it.TYPE for it in events.types().values() if it.HEARD}
    assert heard == {it.TYPE for it in events._handlers.keys() | events._followers.keys()}


async def test_an_event_is_not_recorded_where_its_handlers_are_missing(
    tx: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_loaded", [])
    ctx = Context(tx, SYSTEM, datetime.now(UTC))
    await events.record(ctx, TrialIgnored(JobId(new_id())))
    with pytest.raises(RuntimeError, match="load the processes"):
        await events.record(ctx, TrialHeldHere(JobId(new_id()), datetime.now(UTC)))
