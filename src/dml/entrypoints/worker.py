"""The worker: runs durable processes, and the loops that never end and so are none."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import uvloop
from sqlalchemy import func, select

from dml.core import event_keeping, logs, metrics, worker
from dml.core.context import SYSTEM, Context
from dml.core.engine import Engine, long_places
from dml.core.looking import Pauses
from dml.core.metric_kinds import Counter
from dml.core.nodes import Pulse
from dml.core.pool import pool_of
from dml.core.settings import Settings
from dml.core.worker import WorkerParts
from dml.entrypoints import collector, connection_budget, domains, fitness, measuring, wiring
from dml.entrypoints.backup.due import last_due
from dml.entrypoints.fitness import Needs
from dml.entrypoints.observing import observed
from dml.entrypoints.safety import require_safe
from dml.entrypoints.sandboxes import MeasuredSandbox
from dml.entrypoints.scorer import FileScorer
from dml.feed.webhooks.delivering import Delivering
from dml.feed.webhooks.fanning import Fanning
from dml.inference.runner import Sandbox
from dml.jobs import processes
from dml.jobs.archive import queries as archive_queries
from dml.jobs.archive.reading import ARCHIVER_LOCK
from dml.jobs.crowds import service as crowds
from dml.mail.delivering import Mailing
from dml.profiles import sampling
from dml.scoring.reader import Reader

log = logging.getLogger("dml.worker")
FOLD_SECONDS: Final = 0.2  # Between looks at an empty inbox.
FOLD_QUIET_SECONDS: Final = 0.6  # Where nothing has come for ten seconds.
SWEEP_SECONDS: Final = 1.0
SWEEP_QUIET_SECONDS: Final = 2.0  # Where no lease ran out for half a minute.
FAN_OUT_SECONDS: Final = 0.3
FAN_OUT_QUIET_SECONDS: Final = 1.0
CLEAN_SECONDS: Final = 600.0
ARCHIVE_SECONDS: Final = 60.0
BACKUP_SECONDS: Final = 60.0
BACKUP_RETRY_SECONDS: Final = 600.0
COLLECT_SECONDS: Final = 3_600
LOGS_SECONDS: Final = 30
CROWDS_SECONDS: Final = 60.0
MEASURE_SECONDS: Final = 5.0
STATES_SECONDS: Final = 60.0
INVARIANTS_SECONDS: Final = 300.0
RETRY_SECONDS: Final = 1.0
SANDBOXES_MAX: Final = 8  # Each may take gigabytes.


Act = Callable[[Context], Awaitable[int]]
Adapt = Callable[[int, float], None]


def cleaner() -> Act:
    """Return what forgets, in every domain, what is no longer of use to anybody."""
    cleaners = domains.load_cleaners()

    async def clean(ctx: Context) -> int:
        for forget in cleaners:
            await forget(ctx.tx, ctx.now)
        return 0

    return clean


async def archive(parts: WorkerParts) -> None:
    """Have a process of its own archive what is due, whenever something is and nobody does."""
    keep = timedelta(hours=parts.settings.keep_ended_jobs_hours)
    while True:
        try:
            async with parts.sessions.begin() as tx:
                free = await tx.scalar(select(func.pg_try_advisory_xact_lock(ARCHIVER_LOCK)))
                due = free and await archive_queries.list_to_archive(
                    tx, datetime.now(UTC), keep=keep, limit=1
                )
            if due:
                await run_archiver()
        except Exception:  # A loop that ends would let the tables grow until a restart.
            log.exception("archiving failed, and is tried again")
        await asyncio.sleep(ARCHIVE_SECONDS)


async def collect(parts: WorkerParts, facts: dict[str, Any]) -> None:
    """Delete files that nothing names, and begin logs anew that have grown long, now and then.

    When it was last done is among the `facts` of this process: the doctor looks.
    """
    home, limit = parts.settings.home, parts.settings.log_limit_bytes
    while True:
        try:
            await collector.collect(parts.sessions, parts.blobs, parts.settings, datetime.now(UTC))
            facts["collected_at"] = datetime.now(UTC).isoformat()
        except Exception:  # A loop that ends would let the disk fill until a restart.
            log.exception("collecting files failed, and is tried again")
        for _ in range(COLLECT_SECONDS // LOGS_SECONDS):
            files = [*home.glob("*.log"), *home.glob("logs/*.log")]
            await asyncio.to_thread(logs.rotate_all, files, limit)
            await asyncio.sleep(LOGS_SECONDS)


async def run_archiver() -> None:
    """Start an archiver and wait for its end."""
    if code := await run_module("dml.entrypoints.archiver"):
        log.warning("the archiver ended with %d, and is started again", code)


async def back_up(settings: Settings) -> None:
    """Have a process of its own make the backup of each day, where there shall be one."""
    if settings.backup_to is None:
        return
    done: datetime | None = None  # Up to which moment none is due.
    while True:
        pause, due = BACKUP_SECONDS, last_due(datetime.now(UTC), settings.backup_hour)
        if done is None or done < due:
            pause = BACKUP_RETRY_SECONDS
            try:
                if not await run_module("dml.entrypoints.backup.nightly"):  # Else it said why.
                    pause, done = BACKUP_SECONDS, due
            except Exception:  # A loop that ends would make no backup until a restart.
                log.exception("no backup was made, and it is tried again")
        await asyncio.sleep(pause)


async def run_module(name: str) -> int:
    """Run a program of ours to its end. It ends when this worker does, whatever kills it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", name, stdin=asyncio.subprocess.PIPE
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@dataclass(frozen=True, slots=True)
class Loop:
    """What a worker does again and again. `act` returns how much it did.

    `adapt` is called with that and the seconds it took, the commit included. Where there was
    nothing to do for a while, the pauses grow to `quiet_seconds`, if that is longer.
    """

    name: str
    act: Act
    idle_seconds: float
    adapt: Adapt | None = None
    counter: Counter | None = None
    quiet_seconds: float = 0.0


async def repeat(parts: WorkerParts, pulse: Pulse, loop: Loop) -> None:
    """Act in a transaction each time: at once again where there was work, else after a pause.

    An error rolls the transaction back, is logged, and the next turn tries again. Where one hangs,
    the pulse stops, and this worker no longer counts as alive.
    """
    pauses = Pauses(loop.idle_seconds, loop.quiet_seconds)
    while True:
        pulse.beat(loop.name)
        pause, done, began, outcome = RETRY_SECONDS, 0, time.perf_counter(), "ok"
        try:
            async with parts.sessions.begin() as tx:
                done = await loop.act(Context(tx, SYSTEM, datetime.now(UTC)))
            rests = pauses.after(done)
            pause = 0.0 if done else rests
            if loop.counter is not None:  # Now it is committed.
                loop.counter.inc(by=done)
        except Exception:  # A loop that ends at a mistake would stop all pay until a restart.
            log.exception("%s failed, and is tried again", loop.name)
            outcome = "failed"
        metrics.LOOP_SECONDS.observe(time.perf_counter() - began, loop.name, outcome)
        if loop.adapt is not None:
            loop.adapt(done, time.perf_counter() - began)
        pulse.beat(loop.name, rests_seconds=pause)
        await asyncio.sleep(pause)


async def serve(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await fitness.require(wiring.database_url(settings), Needs.WORK, patient=True)
    database = wiring.make_engine(settings, "dml worker")
    count = settings.sandboxes or min(_cores(), SANDBOXES_MAX)
    engine = Engine(wiring.database_url(settings), sandboxes=count)
    # So that what is cut off soon never waits for what takes long, such as a ranking.
    checking = count + long_places(count)
    scoring = checking + 1
    sandbox, reader = MeasuredSandbox(Sandbox(at_once=checking)), Reader(at_once=scoring)
    parts = WorkerParts(
        settings=settings,
        sessions=wiring.make_sessions(database),
        blobs=wiring.make_blobs(settings),
        sandbox=sandbox,
        opener=wiring.make_opener(settings),
        scorer=FileScorer(reader),
        node=engine.node,
        checking=asyncio.Semaphore(checking),
        scoring=asyncio.Semaphore(scoring),
    )
    worker.provide(parts)
    domains.load_processes()
    proving = asyncio.create_task(asyncio.to_thread(_why_unsafe))
    await engine.start()
    unsafe = await proving
    facts: dict[str, Any] = {
        "sandbox": "ok" if unsafe is None else unsafe,
        "started_at": datetime.now(UTC).isoformat(),
        **await connection_budget.tell(
            parts.sessions, settings.database_connections + connection_budget.OF_WORKER
        ),
    }
    if unsafe is not None:
        log.error("the sandbox does not hold here, so no file is evaluated: %s", unsafe)
    sending, mailing, pulse = Delivering.of(parts), Mailing.of(parts), Pulse()
    loops = [
        sampling.keep_alive(parts.sessions, engine.node, "worker", facts, pulse),
        *(repeat(parts, pulse, it) for it in _loops(sending, settings)),
        sending.run(pulse),
        mailing.run(pulse),
        archive(parts),
        back_up(settings),
        collect(parts, facts),
        metrics.keep_writing(wiring.metrics_folder(settings), "worker"),
    ]
    tasks = [asyncio.create_task(loop) for loop in loops]
    with metrics.looking(lambda: pool_of(database).show("worker")):
        await stop.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await sending.stop()
    await mailing.stop()
    await engine.stop(grace_seconds=settings.shutdown_seconds)
    sandbox.close()
    reader.close()
    await database.dispose()


def _loops(sending: Delivering, settings: Settings) -> list[Loop]:
    folding, folded = processes.Folding(), metrics.RESULTS_FOLDED
    count_crowds = partial(crowds.count_if_due, every=timedelta(hours=settings.crowds_hours))
    return [
        Loop("folding", folding.fold, FOLD_SECONDS, folding.adapt, folded, FOLD_QUIET_SECONDS),
        Loop("sweeping", processes.sweep, SWEEP_SECONDS, quiet_seconds=SWEEP_QUIET_SECONDS),
        Loop(
            "fanning out",
            Fanning().fan_out,
            FAN_OUT_SECONDS,
            lambda done, _: sending.look_soon(done),
            quiet_seconds=FAN_OUT_QUIET_SECONDS,
        ),
        Loop("counting crowds", count_crowds, CROWDS_SECONDS),
        Loop("cleaning", cleaner(), CLEAN_SECONDS),
        Loop("keeping events", event_keeping.keep, CLEAN_SECONDS),
        Loop("measuring queues", measuring.measure_queues, MEASURE_SECONDS),
        Loop("measuring states", measuring.measure_states, STATES_SECONDS),
        Loop("measuring invariants", measuring.measure_invariants, INVARIANTS_SECONDS),
    ]


def _why_unsafe() -> str | None:
    """Why the sandbox does not hold here, if so.

    Of one that is ended again: those that work start when first needed, and take 60 MB each.
    """
    with Sandbox() as trial:
        return trial.self_test()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


def run(settings: Settings) -> int:
    """Run a worker in this process. Return its exit code."""
    require_safe(settings)
    with observed(settings, "worker"):
        uvloop.run(serve(settings))
    return 0
