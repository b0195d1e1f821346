"""Runs durable processes: DBOS in PostgreSQL, watched by our own supervisor. For workers only.
Why not DBOS's supervisor, nor another engine: docs/decisions/0002.

What DBOS offers beyond that (its console, telemetry, schedules) stays off, and it calls nobody but
PostgreSQL. One engine lives in a process of the operating system, on that process's event loop, so
that a process's calls may use what the worker has open there.

A node whose PostgreSQL goes away has lost its lock (see `engine_supervisor`): it exits with code 70
and is started again, rather than trust what DBOS's threads make of a claim whose fate is unknown.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import psycopg
import sqlalchemy
from dbos import DBOS, DBOSConfig, SQLAlchemyDatasource
from dbos._migration import should_migrate

from dml.core import logs, tracing
from dml.core.engine_dispatcher import REST_SECONDS, Dispatcher
from dml.core.engine_steps import SCHEMA, Datasource, DurableSteps, Json, connect_patiently
from dml.core.engine_supervisor import HUNG_SECONDS, Supervisor, connect
from dml.core.nodes import new_name
from dml.core.processes import (
    CHECKS,
    LONG_CHECKS,
    LONG_EVALUATIONS,
    QUEUE,
    RANKINGS,
    SCORES,
    SLOW_QUEUE,
    TRACE_OF,
    VALIDATIONS,
    Process,
    all_processes,
    read_arguments,
)

log = logging.getLogger(__name__)

AT_ONCE: Final = 16  # Processes that one node runs at the same time.
SANDBOXES: Final = 2  # And of each kind that runs in a sandbox.
_MAX_TAKEOVERS: Final = 20  # A process that kills each node it runs on is given up.
_DAY_SECONDS: Final = 86_400


class Engine:
    """One node. It runs every process that was imported before it starts."""

    def __init__(
        self,
        database_url: str,
        *,
        at_once: int = AT_ONCE,
        sandboxes: int = SANDBOXES,
        keep_days: float = 30,
        hung_seconds: float = HUNG_SECONDS,
    ) -> None:
        self.node = new_name("worker")
        self._url = database_url
        self._at_once = at_once
        self._sandboxes = sandboxes
        self._keep_seconds = keep_days * _DAY_SECONDS
        self._hung_seconds = hung_seconds
        self._tasks: dict[asyncio.Task[Any], str] = {}

    async def start(self) -> None:
        """Run processes from now on. Waits for a PostgreSQL that is away or recovering.

        DBOSException if the database has not been migrated.
        """
        _log_through_logging()
        self._supervisor = Supervisor(
            await self._connect(),
            self.node,
            lambda: set(self._tasks.copy().values()),
            keep_seconds=self._keep_seconds,
            hung_seconds=self._hung_seconds,
        )
        self._supervisor.start()  # First: what DBOS claims must be held by a node that lives.
        self._dbos = DBOS(config=self._config())
        self._database = connect_patiently(self._url, connections=self._at_once + 4)
        datasource = Datasource(self._database)
        await datasource.verify_migrations()
        steps = DurableSteps(datasource)
        for process in all_processes():
            self._register(process, steps)
        DBOS.listen_queues([])  # By itself DBOS would poll them.
        DBOS.launch()  # On the loop's own thread: DBOS runs processes on the loop that it finds.
        queues = {
            name: await DBOS.register_queue_async(
                name,
                worker_concurrency=at_once,
                polling_interval_sec=REST_SECONDS,
                on_conflict="always_update",
            )
            for name, at_once in self._queues().items()
        }
        self._dispatcher = Dispatcher(self._url, self._dbos, queues)
        self._dispatcher.start()
        log.info("%s runs processes", self.node)

    async def stop(self, *, grace_seconds: float = 5) -> None:
        """Begin nothing more, give what runs a moment to end, and leave the rest to other nodes."""
        await asyncio.to_thread(self._dispatcher.stop)
        for event in self._dbos.background_thread_stop_events:
            event.set()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=grace_seconds)
        for task in (left := list(self._tasks)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as pool:
            await loop.run_in_executor(pool, lambda: DBOS.destroy(destroy_registry=True))
        # DBOS had given the loop its own pool of threads, which it has now shut down.
        loop.set_default_executor(ThreadPoolExecutor())
        await self._database.dispose()
        await asyncio.to_thread(self._supervisor.stop)

    def _queues(self) -> dict[str, int]:
        """The queues, and how many processes of each run at the same time."""
        sandboxes = self._sandboxes
        return {
            QUEUE: self._at_once,
            CHECKS: sandboxes,
            VALIDATIONS: sandboxes,
            SCORES: sandboxes,
            LONG_CHECKS: long_places(sandboxes),
            LONG_EVALUATIONS: long_places(sandboxes),
            RANKINGS: 1,
            SLOW_QUEUE: sandboxes,
        }

    async def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        while True:
            try:
                return await asyncio.to_thread(connect, self._url)
            except psycopg.OperationalError as error:
                log.warning("PostgreSQL is away: %s", error)
            await asyncio.sleep(0.5)

    def _config(self) -> DBOSConfig:
        return DBOSConfig(
            name="dml",
            system_database_url=self._url,
            dbos_system_schema=SCHEMA,
            executor_id=self.node,
            application_version="1",  # Fixed, so that any node may take over from any other.
            serializer=Json(),
            run_migrations=False,
            sys_db_pool_size=8,
            max_executor_threads=32,
            log_level="WARNING",
            enable_otlp=False,
        )

    def _ended(self, task: asyncio.Task[Any], queue: str) -> None:
        self._tasks.pop(task, None)
        self._dispatcher.ring(queue)  # There is room for the next one.

    def _register(self, process: Process[Any], steps: DurableSteps) -> None:
        @DBOS.workflow(name=process.name, max_recovery_attempts=_MAX_TAKEOVERS)
        async def run(*args: object, **kwargs: object) -> str | None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks[task] = str(DBOS.workflow_id)
            task.add_done_callback(lambda done: self._ended(done, process.queue))
            bound = read_arguments(process, args, kwargs)
            with tracing.span(f"process {process.name}", await self._trace()):
                said = logs.Asked(process_id=str(DBOS.workflow_id), trace_id=tracing.trace_id())
                logs.ASKED.set(said)  # In the task of this process alone.
                return await process.function(steps, *bound.args[1:], **bound.kwargs)

    async def _trace(self) -> str | None:
        """Return whose trace the process that runs here goes on with, if there is one."""
        if not tracing.is_on():
            return None
        async with self._database.connect() as connection:
            values = {"process_id": str(DBOS.workflow_id)}
            found: str | None = await connection.scalar(TRACE_OF, values)
            return found


def long_places(sandboxes: int) -> int:
    """How many of the sandboxes may be at what takes long, at the same time."""
    return max(1, sandboxes // 2)


def migrate(database_url: str) -> None:
    """Bring the engine's own tables up to date. Several may do so at once, or again.

    Nobody may wait for a lock inside a statement meanwhile, for it builds indexes concurrently and
    so waits for every other statement: take turns by `pg_try_advisory_lock`.
    """
    _log_through_logging()
    logger = logging.getLogger("dbos")
    level = logger.level
    logger.setLevel(logging.ERROR)  # It warns that it may not look into the database `postgres`.
    try:
        DBOS.migrate(database_url, schema=SCHEMA)
        SQLAlchemyDatasource.migrate(database_url, schema=SCHEMA)
    finally:
        logger.setLevel(level)


def is_behind(database: sqlalchemy.Engine) -> bool:
    """Whether the engine's own tables are of an older version than its code needs."""
    return should_migrate(database, SCHEMA, use_listen_notify=True)


def _log_through_logging() -> None:
    """Keep DBOS from adding a handler of its own, which it does where it finds none."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.propagate = True
