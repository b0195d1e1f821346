"""One node inside this process; `test_engine_crashes.py` has those that are killed."""

import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from dml.core import engine as engines, events, processes, tracing
from dml.core.context import Context
from dml.core.db import connect
from dml.core.engine import Engine
from dml.core.engine_dispatcher import LOOK_SECONDS
from dml.core.engine_supervisor import Supervisor, connect as connect_supervisor
from dml.core.ids import JobId, new_id
from dml.entrypoints.embedded import postgres
from tests.canaries import logged
from tests.conftest import HOME
from tests.core import engine_node
from tests.core.engine_watch import Watch, a_name, running_node, until
from tests.traced import PARENT, Traced, traced


@pytest.fixture(scope="module")
async def url(module_database: str) -> str:
    engines.migrate(module_database)
    return module_database


@pytest.fixture(scope="module")
async def watch(url: str) -> AsyncIterator[Watch]:
    database = connect(url, name="watch")
    async with database.begin() as connection:
        await connection.execute(engine_node.TABLE)
    yield Watch(database)
    await database.dispose()


@pytest.fixture(scope="module", autouse=True)
def node(url: str, watch: Watch) -> Iterator[Engine]:
    with running_node(url) as node:
        yield node


async def test_a_process_takes_its_steps_and_keeps_its_outcome(watch: Watch) -> None:
    name = a_name()
    await watch.act(lambda ctx: processes.start(ctx, name, engine_node.post_all, name, 3))

    assert await watch.end(name) == ("SUCCESS", '"posted"')
    assert await watch.postings(name) == [0, 1, 2]  # What a refusal undid is not there.


async def _start_noting(watch: Watch, name: str) -> None:
    await watch.act(lambda ctx: processes.start(ctx, name, engine_node.note, name))


async def test_what_starts_at_once_is_begun_without_a_look_at_the_queue(watch: Watch) -> None:
    """By asking alone, ten that start each other would take ten seconds, or three."""
    names = [a_name() for _ in range(10)]
    began = time.monotonic()
    for name in names:
        await _start_noting(watch, name)
        await watch.end(name)
    assert time.monotonic() - began < LOOK_SECONDS * 10 / 2


async def test_a_refusal_that_keeps_its_changes_keeps_them_in_a_step(watch: Watch) -> None:
    name = a_name()
    await watch.act(lambda ctx: processes.start(ctx, name, engine_node.note, name))

    assert await watch.end(name) == ("SUCCESS", '"refused"')
    assert await watch.postings(name) == [-2]


async def test_a_change_whose_connection_is_lost_happens_once(watch: Watch) -> None:
    name = a_name()
    await watch.act(lambda ctx: processes.start(ctx, name, engine_node.be_unlucky, name))

    assert await watch.end(name) == ("SUCCESS", '"after 2 tries"')
    assert await watch.postings(name) == [1]


async def test_a_deadlock_is_waited_out(watch: Watch) -> None:
    one, other, first, second = (a_name() for _ in range(4))

    async def start_both(ctx: Context) -> None:
        await processes.start(ctx, one, engine_node.cross, first, second, one)
        await processes.start(ctx, other, engine_node.cross, second, first, other)

    await watch.act(start_both)
    for name in (one, other):
        assert (await watch.end(name))[0] == "SUCCESS"
        assert await watch.postings(name) == [1]


async def test_a_step_that_breaks_is_undone_and_the_process_may_tidy_up(watch: Watch) -> None:
    name = a_name()
    await watch.act(lambda ctx: processes.start(ctx, name, engine_node.break_down, name))

    assert await watch.end(name) == ("SUCCESS", '"tidied up after 1 tries"')
    assert await watch.postings(name) == [2]


async def test_an_effect_is_tried_three_times(watch: Watch) -> None:
    lucky, luckless = a_name(), a_name()

    async def start_both(ctx: Context) -> None:
        await processes.start(ctx, lucky, engine_node.call, lucky, luck_at=2)
        await processes.start(ctx, luckless, engine_node.call, luckless, luck_at=9)

    await watch.act(start_both)
    assert await watch.end(lucky) == ("SUCCESS", '"reached after 2 tries"')
    assert await watch.end(luckless) == ("SUCCESS", '"gave up after 3 tries"')


async def test_a_handler_is_one_change_and_may_start_a_process(watch: Watch) -> None:
    account = a_name()
    event = engine_node.NodeAccountOpened(JobId(new_id()), account)
    await watch.act(lambda ctx: events.record(ctx, event))

    async def started() -> bool:
        return await watch.outcome(f"note:{account}") is not None

    await until(started)
    assert await watch.postings(account) == [-2, 1]


async def test_an_alarm_goes_off_in_time_unless_it_is_moved_or_withdrawn(watch: Watch) -> None:
    due, moved, withdrawn = a_name(), a_name(), a_name()
    soon, never = datetime.now(UTC) + timedelta(seconds=1), datetime(2100, 1, 1, tzinfo=UTC)

    async def set_alarms(ctx: Context) -> None:
        await processes.at(ctx, soon, due, engine_node.note, due)
        await processes.at(ctx, never, moved, engine_node.note, moved)
        await processes.at(ctx, soon, withdrawn, engine_node.note, withdrawn)

    await watch.act(set_alarms)
    assert await watch.act(lambda ctx: processes.reschedule(ctx, moved, soon))
    assert await watch.act(lambda ctx: processes.cancel(ctx, withdrawn))

    for name in (due, moved):
        assert (await watch.end(name))[0] == "SUCCESS"
        begun = await watch.rows(
            "SELECT started_at_epoch_ms FROM dbos.workflow_status WHERE workflow_uuid = :name",
            name=name,
        )
        assert 0 <= begun[0][0] / 1000 - soon.timestamp() < 3
    assert await watch.postings(withdrawn) == []


async def test_what_was_claimed_but_never_begun_is_put_back(watch: Watch, node: Engine) -> None:
    name = a_name()
    await watch.act(lambda ctx: processes.start(ctx, name, engine_node.note, name))
    await watch.end(name)
    async with watch.database.begin() as connection:
        await connection.exec_driver_sql(
            f"UPDATE dbos.workflow_status SET status = 'PENDING', executor_id = '{node.node}', "
            f"started_at_epoch_ms = 0, completed_at = NULL WHERE workflow_uuid = '{name}'"
        )

    assert (await watch.end(name))[0] == "SUCCESS"
    assert await watch.postings(name) == [-2]  # Each step answered from its checkpoint.


async def test_old_processes_are_deleted_with_all_that_names_them(url: str, watch: Watch) -> None:
    name, waiting = a_name(), a_name()

    async def start_both(ctx: Context) -> None:
        await processes.start(ctx, name, engine_node.note, name)
        await processes.at(
            ctx, datetime(2100, 1, 1, tzinfo=UTC), waiting, engine_node.note, waiting
        )

    await watch.act(start_both)
    await watch.end(name)
    keeps = Supervisor(connect_supervisor(url), str(uuid4()), set, keep_seconds=3600)
    assert keeps.delete_old() == 0
    forgets = Supervisor(connect_supervisor(url), str(uuid4()), set, keep_seconds=-1)
    assert forgets.delete_old() >= 1
    for supervisor in (keeps, forgets):
        supervisor.stop()

    columns = await watch.rows("""
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'dbos' AND column_name IN ('workflow_uuid', 'workflow_id')
    """)
    assert len(columns) >= 6
    for table, column in columns:
        left = await watch.rows(
            f"SELECT 1 FROM dbos.{table} WHERE {column} = :name",
            name=name,
        )
        assert left == [], table
    assert await watch.rows(
        "SELECT 1 FROM dbos.workflow_status WHERE workflow_uuid = :name", name=waiting
    )


def test_several_may_migrate_at_once_without_being_superuser(url: str) -> None:
    name = f"dml_trial_{uuid4().hex}"
    fresh = postgres.create_database(HOME, name)
    try:
        with ThreadPoolExecutor(3) as pool:
            for migration in [pool.submit(engines.migrate, fresh) for _ in range(3)]:
                migration.result()
        engines.migrate(fresh)
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'dbos'"
        assert postgres.run_sql(HOME, tables, database=name) > "10"
    finally:
        postgres.drop_database(HOME, name)


async def test_a_process_and_its_steps_are_of_the_trace_that_started_it(watch: Watch) -> None:
    name, untraced = a_name(), a_name()
    with traced() as seen:
        await watch.act(lambda ctx: processes.start(ctx, untraced, engine_node.note, untraced))
        with tracing.span("the request", PARENT):
            await watch.act(lambda ctx: processes.start(ctx, name, engine_node.post_all, name, 1))
        await watch.end(untraced)
        await watch.end(name)
        await until(lambda: _is_in(seen, "process trial.post.v1"))
        spans = seen.of()
    request, process = spans["the request"], spans["process trial.post.v1"]
    assert process.parent is not None
    assert process.parent.span_id == request.context.span_id
    step = spans["step begin"]
    assert step.parent is not None
    assert step.parent.span_id == process.context.span_id
    assert not [it for it in seen.spans() if "note" in it.name]


async def test_what_a_process_logs_says_which_process_it_is(watch: Watch) -> None:
    name = a_name()
    with logged() as lines:
        await watch.act(lambda ctx: processes.start(ctx, name, engine_node.break_down, name))
        await watch.end(name)
    (line,) = (it for it in lines if it["event"] == "post_and_break failed")
    assert line["process_id"] == name


async def _is_in(seen: Traced, name: str) -> bool:
    return name in seen.of()
