"""What we use of DBOS that it does not promise. An upgrade that changes any of it fails here."""

import importlib.metadata
import inspect
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from dbos import DBOS
from dbos._datasource import AsyncSQLAlchemyDatasource, DatasourceOptions
from dbos._datasource_postgres import PostgresAsyncDatasource
from dbos._queue import queue_worker_thread

from dml.core import engine as engines, processes
from dml.core.context import Context
from dml.core.db import connect
from dml.core.engine import Engine
from dml.core.engine_supervisor import Supervisor, connect as connect_supervisor
from tests.core import engine_node
from tests.core.engine_watch import Watch, a_name, running_node

DUE = datetime(2100, 1, 1, tzinfo=UTC)
LATER = datetime(2100, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def url(module_database: str) -> str:
    engines.migrate(module_database)
    return module_database


@pytest.fixture(scope="module")
async def watch(url: str) -> AsyncIterator[Watch]:
    database = connect(url, name="watch")
    yield Watch(database)
    await database.dispose()


@pytest.fixture(scope="module", autouse=True)
def node(url: str) -> Iterator[Engine]:
    with running_node(url) as node:
        yield node


async def twins(watch: Watch) -> tuple[str, str]:
    """Make two processes that wait: one for us to change, one for DBOS."""
    ours, theirs = a_name(), a_name()

    async def set_both_alarms(ctx: Context) -> None:
        await processes.at(ctx, DUE, ours, engine_node.note, "nobody")
        await processes.at(ctx, DUE, theirs, engine_node.note, "nobody")

    await watch.act(set_both_alarms)
    return ours, theirs


async def set_both(watch: Watch, names: tuple[str, str], values: str) -> None:
    async with watch.database.begin() as connection:
        for name in names:
            await connection.exec_driver_sql(
                f"UPDATE dbos.workflow_status SET {values} WHERE workflow_uuid = '{name}'"
            )


async def row(watch: Watch, name: str) -> dict[str, Any]:
    """Return all of a row but what tells the twins apart: their ids, and the time to a second."""
    found = await watch.rows(
        "SELECT * FROM dbos.workflow_status WHERE workflow_uuid = :id", id=name
    )
    values = dict(found[0]._mapping)
    del values["workflow_uuid"], values["owner_xid"], values["created_at"]
    for column in ("updated_at", "completed_at"):
        values[column] = values[column] and abs(values[column] / 1000 - time.time()) < 5
    return values


def in_a_thread(function: Callable[[], object]) -> None:
    """DBOS refuses these calls where a loop runs."""
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_the_version_is_the_one_that_was_read() -> None:
    assert importlib.metadata.version("dbos") == "3.4.0"


async def test_processes_are_enqueued_by_a_function_of_this_signature(watch: Watch) -> None:
    found = await watch.rows(
        "SELECT pg_get_function_identity_arguments(oid) AS arguments, prorettype::regtype::text "
        "AS result FROM pg_proc WHERE proname = 'enqueue_workflow' "
        "AND pronamespace = 'dbos'::regnamespace"
    )
    assert [(it.arguments, it.result) for it in found] == [
        (
            "workflow_name text, queue_name text, positional_args json[], named_args json, "
            "class_name text, config_name text, workflow_id text, app_version text, "
            "timeout_ms bigint, deadline_epoch_ms bigint, deduplication_id text, priority integer, "
            "queue_partition_key text, authenticated_user text, authenticated_roles text, "
            "delay_until_epoch_ms bigint, application_name text",
            "text",
        )
    ]


async def test_we_move_an_alarm_as_dbos_does(watch: Watch) -> None:
    ours, theirs = await twins(watch)
    assert await watch.act(lambda ctx: processes.reschedule(ctx, ours, LATER))
    in_a_thread(
        lambda: DBOS.set_workflow_delay(theirs, delay_until_epoch_ms=int(LATER.timestamp() * 1000))
    )
    assert await row(watch, ours) == await row(watch, theirs)
    assert (await row(watch, ours))["delay_until_epoch_ms"] == LATER.timestamp() * 1000


async def test_we_withdraw_an_alarm_as_dbos_does(watch: Watch) -> None:
    ours, theirs = await twins(watch)
    assert await watch.act(lambda ctx: processes.cancel(ctx, ours))
    in_a_thread(lambda: DBOS.cancel_workflow(theirs))
    assert await row(watch, ours) == await row(watch, theirs)
    assert (await row(watch, ours))["status"] == "CANCELLED"


async def test_we_put_back_the_work_of_the_dead_as_dbos_does(url: str, watch: Watch) -> None:
    ours, theirs = names = await twins(watch)
    await set_both(  # In a queue that nobody serves, so that it stays as it was put there.
        watch,
        names,
        "status = 'PENDING', queue_name = 'nobody', owner_xid = 'somebody', recovery_attempts = 1, "
        "started_at_epoch_ms = 1, application_version = '1', application_name = 'dml', "
        "executor_id = CASE workflow_uuid WHEN '" + ours + "' THEN 'dead-1' ELSE 'dead-2' END",
    )
    in_a_thread(lambda: DBOS._recover_pending_workflows(["dead-2"]))
    assert (await row(watch, theirs))["status"] == "ENQUEUED"
    supervisor = Supervisor(connect_supervisor(url), a_name(), set, keep_seconds=3600)
    supervisor.take_over()
    supervisor.stop()
    assert await row(watch, ours) | {"executor_id": None} == await row(watch, theirs) | {
        "executor_id": None
    }


async def test_nobody_takes_over_from_a_node_that_lives(
    url: str, watch: Watch, node: Engine
) -> None:
    name, _ = names = await twins(watch)
    await set_both(
        watch, names, f"status = 'PENDING', queue_name = 'nobody', executor_id = '{node.node}'"
    )
    supervisor = Supervisor(connect_supervisor(url), a_name(), set, keep_seconds=3600)
    supervisor.take_over()
    supervisor.stop()
    assert (await row(watch, name))["status"] == "PENDING"
    await set_both(watch, names, "status = 'CANCELLED'")


def test_these_names_are_where_we_expect_them() -> None:
    assert issubclass(PostgresAsyncDatasource, AsyncSQLAlchemyDatasource)
    assert "_is_serialization_error" in vars(PostgresAsyncDatasource)
    assert set(DatasourceOptions.__annotations__) == {"name", "isolation_level"}
    run = inspect.signature(AsyncSQLAlchemyDatasource.run_tx_step_async)
    assert list(run.parameters) == ["self", "ds_options", "func", "args", "kwargs"]
    made = inspect.signature(AsyncSQLAlchemyDatasource.__init__)
    assert set(made.parameters) == {
        "self", "database_url", "engine_kwargs", "engine", "schema", "serializer", "sessionmaker"
    }  # fmt: skip
    assert list(inspect.signature(queue_worker_thread).parameters) == [
        "stop_event",
        "dbos",
        "queue",
    ]
    asked = set(re.findall(r"stop_event\.\w+", inspect.getsource(queue_worker_thread)))
    assert asked == {"stop_event.is_set", "stop_event.wait"}  # Our bell answers both.
    assert "background_thread_stop_events" in inspect.getsource(DBOS.__init__)
